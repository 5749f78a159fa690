//! This program among those that share its database: each says that it is there, and takes its share of what Stripe allows all of them.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use domain::{Livemode, Timestamp};
use gateway::Gateway;
use store::{Instance, Store};

/// How often it says so: whoever was not heard for three times as long is gone.
const EVERY: Duration = Duration::from_secs(5);

/// This program.
#[derive(Clone)]
pub struct Instances {
    store: Arc<dyn Store>,
    gateways: Arc<HashMap<Livemode, Arc<dyn Gateway>>>,
    this: Instance,
}

impl Instances {
    /// Nobody knows of it yet. `instance_id` is unique among all that share the database.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        gateways: Arc<HashMap<Livemode, Arc<dyn Gateway>>>,
        instance_id: String,
        started_at: Timestamp,
    ) -> Self {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let name = format!("{} ({})", host.trim(), std::process::id());
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let this = Instance { instance_id, name: name.trim().to_owned(), version, started_at };
        Self { store, gateways, this }
    }

    /// Says so until `shutdown`, and then that it is going.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        tokio::pin!(shutdown);
        loop {
            if let Err(error) = self.meet().await {
                tracing::warn!(%error, "who else works on this database could not be asked");
            }
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                () = tokio::time::sleep(EVERY) => {}
            }
        }
        if let Err(error) = self.store.leave(&self.this.instance_id).await {
            tracing::warn!(%error, "the others learn late that this program is gone");
        }
    }

    /// Says that it is there; all that are, this one among them.
    ///
    /// # Errors
    /// When the database fails: then the shares stay as they were.
    pub async fn meet(&self) -> store::Result<Vec<Instance>> {
        let all = self.store.here(&self.this).await?;
        for gateway in self.gateways.values() {
            gateway.share(all.len());
        }
        Ok(all)
    }

    /// Whether it is this one.
    #[must_use]
    pub fn is_this(&self, other: &Instance) -> bool {
        self.this.instance_id == other.instance_id
    }
}
