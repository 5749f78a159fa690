//! The clock of the story: it stands where the story is, and runs with the machine's once the story is told.

use std::sync::atomic::{AtomicI64, Ordering};

use domain::Timestamp;

use crate::clock::{Clock, SystemClock};

/// Zero for the machine's time, else the moment it stands at, in Unix milliseconds.
#[derive(Debug, Default)]
pub(super) struct StoryClock(AtomicI64);

impl StoryClock {
    /// Stands still at `now`.
    pub(super) fn stand_at(&self, now: Timestamp) {
        self.0.store(now.millis(), Ordering::SeqCst);
    }

    /// Runs with the machine's clock from here on.
    pub(super) fn run(&self) {
        self.0.store(0, Ordering::SeqCst);
    }
}

impl Clock for StoryClock {
    fn now(&self) -> Timestamp {
        match self.0.load(Ordering::SeqCst) {
            0 => SystemClock.now(),
            at => Timestamp::from_millis(at),
        }
    }
}
