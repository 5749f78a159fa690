//! What the overview draws, by hour.

use domain::Timestamp;
use domain::event::EventStatus;

/// The events that were received in one hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventHour {
    /// Its first moment.
    pub from: Timestamp,
    /// How many are in which status now; statuses of none are left out.
    pub counts: Vec<(EventStatus, i64)>,
    /// From receipt to effect, in milliseconds, of events that took effect at the first attempt: of at most 200, evenly chosen, the
    /// shortest first.
    pub lags: Vec<i64>,
}

impl EventHour {
    /// How many are in one of these statuses.
    #[must_use]
    pub fn count(&self, statuses: &[EventStatus]) -> i64 {
        self.counts.iter().filter(|(status, _)| statuses.contains(status)).map(|(_, count)| count).sum()
    }
}
