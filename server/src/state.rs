//! What every handler may reach.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use domain::{Livemode, Timestamp};
use gateway::Gateway;
use store::Store;

use crate::auth::vault::Vault;
use crate::backup::Backups;
use crate::catch_up::CatchUp;
use crate::checks::CheckBook;
use crate::clock::Clock;
use crate::config::Config;
use crate::instances::Instances;
use crate::live::Live;
use crate::replay::Replays;
use crate::resync::Resyncs;
use crate::usage::UsageBook;
use crate::webhook::Intake;
use crate::worker::Worker;

/// Shared by all handlers; cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// Settings.
    pub config: Arc<Config>,
    /// The database.
    pub store: Arc<dyn Store>,
    /// Stripe, by mode; a mode without key has none.
    pub gateways: Arc<HashMap<Livemode, Arc<dyn Gateway>>>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Where verified deliveries wait for their commit.
    pub intake: Intake,
    /// Processes events and reads customers.
    pub worker: Worker,
    /// Works through resyncs.
    pub resyncs: Resyncs,
    /// Works through replays.
    pub replays: Replays,
    /// Fetches what Stripe never delivered.
    pub catch_up: CatchUp,
    /// What is asked of Stripe, and what of it is left today.
    pub usage: UsageBook,
    /// What open pages are told as it happens.
    pub live: Live,
    /// Whether the program was told to stop: who asks whether it is ready hears so while it still answers.
    pub stopping: Arc<AtomicBool>,
    /// When this process began.
    pub started: std::time::Instant,
    /// What the application asked and was told.
    pub checks: CheckBook,
    /// Encrypts the seeds of second factors.
    pub vault: Vault,
    /// Backups of the database.
    pub backups: Backups,
    /// This program among those that share its database.
    pub instances: Instances,
}

impl AppState {
    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Writes down what is still to be counted and closes the database: the last thing a process does.
    pub async fn close(&self) {
        if let Err(error) = self.usage.settle().await {
            tracing::warn!(%error, "what was asked of Stripe last could not be counted");
        }
        self.checks.try_settle().await;
        self.store.close().await;
    }

    /// Stripe in this mode, if there is a key for it.
    #[must_use]
    pub fn gateway(&self, livemode: Livemode) -> Option<&Arc<dyn Gateway>> {
        self.gateways.get(&livemode)
    }
}
