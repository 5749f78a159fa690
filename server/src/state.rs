//! What every handler may reach.

use std::collections::HashMap;
use std::sync::Arc;

use domain::{Livemode, Timestamp};
use gateway::Gateway;
use store::Store;

use crate::catch_up::CatchUp;
use crate::clock::Clock;
use crate::config::Config;
use crate::resync::Resyncs;
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
    /// Fetches what Stripe never delivered.
    pub catch_up: CatchUp,
}

impl AppState {
    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Stripe in this mode, if there is a key for it.
    #[must_use]
    pub fn gateway(&self, livemode: Livemode) -> Option<&Arc<dyn Gateway>> {
        self.gateways.get(&livemode)
    }
}
