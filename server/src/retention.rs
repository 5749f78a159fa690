//! Raw payloads and refused deliveries are removed after their time: every hour, a few in each transaction, so that no delivery waits.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use domain::Timestamp;
use store::Store;
use store::records::{Removed, Retained};

use crate::clock::Clock;

/// How often it is looked for what is old enough, in milliseconds.
pub const EVERY_MS: i64 = 3_600_000;
/// How often it is asked whether that long has passed: the clock is not only the machine's.
const TICK: Duration = Duration::from_secs(60);
/// Rows of one transaction.
const AT_ONCE: i64 = 200;
/// Between two transactions, in which deliveries and events go on.
const REST: Duration = Duration::from_millis(20);

/// How long what is kept; none: for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Raw payloads of events, in milliseconds.
    pub payloads_ms: Option<i64>,
    /// Refused deliveries, in milliseconds.
    pub rejected_ms: Option<i64>,
}

impl Kept {
    /// How long one kind is.
    #[must_use]
    pub const fn of(&self, subject: Retained) -> Option<i64> {
        match subject {
            Retained::Payloads => self.payloads_ms,
            Retained::Rejected => self.rejected_ms,
        }
    }
}

/// Removes what is old enough.
pub struct Retention {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    kept: Kept,
}

impl Retention {
    /// For one process; of several, one does the work of an hour.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, kept: Kept) -> Self {
        Self { store, clock, kept }
    }

    /// Works until `shutdown`. Nothing has to be given back: a step is done or not begun.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        tokio::pin!(shutdown);
        loop {
            let work = async {
                if let Err(error) = self.run_when_due().await {
                    tracing::warn!(%error, "old payloads could not be removed; it is tried again");
                }
                tokio::time::sleep(TICK).await;
            };
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                () = work => {}
            }
        }
    }

    async fn run_when_due(&self) -> store::Result<()> {
        for subject in [Retained::Payloads, Retained::Rejected] {
            let now = self.clock.now();
            if self.store.begin_retention(subject, now.plus_millis(-EVERY_MS), now).await? {
                self.remove(subject).await?;
            }
        }
        Ok(())
    }

    /// Removes all of one kind that is old enough; how much that was.
    ///
    /// # Errors
    /// When the database fails. What was removed by then stays removed.
    pub async fn remove(&self, subject: Retained) -> store::Result<u64> {
        let Some(kept_ms) = self.kept.of(subject) else { return Ok(0) };
        let before = self.clock.now().plus_millis(-kept_ms);
        let mut all = 0;
        loop {
            let Removed { removed, has_more } = self.step(subject, before).await?;
            all += removed;
            if !has_more {
                break;
            }
            tokio::time::sleep(REST).await;
        }
        self.store.note_retention(subject, all, self.clock.now()).await?;
        Ok(all)
    }

    async fn step(&self, subject: Retained, before: Timestamp) -> store::Result<Removed> {
        let now = self.clock.now();
        match subject {
            Retained::Payloads => self.store.remove_payloads(before, now, AT_ONCE).await,
            Retained::Rejected => self.store.remove_rejected(before, now, AT_ONCE).await,
        }
    }
}
