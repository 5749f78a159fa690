//! What is counted: of events by hour, beside the navigation, of the database, of requests to Stripe.

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

/// Figures beside the navigation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NavCounts {
    /// Failed and dead events.
    pub failed_events: i64,
    /// Unattributed customers.
    pub unattributed: i64,
    /// Open conflicts.
    pub conflicts: i64,
    /// Prices paid for that give nothing.
    pub prices_without_features: i64,
}

/// How the database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseState {
    /// Why it cannot be written; none when it can.
    pub write_error: Option<String>,
    /// The setting that decides what outlives a crash, such as `journal_mode is wal`.
    pub durability: String,
    /// Whether that setting keeps what was committed.
    pub is_durable: bool,
    /// The file it is in; none on a server, or in memory.
    pub file: Option<std::path::PathBuf>,
    /// Its size.
    pub bytes: i64,
    /// Number of the newest migration it has.
    pub schema: i64,
    /// Number of the newest migration this program knows.
    pub newest_schema: i64,
}

/// Requests to Stripe that were counted in one lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StripeUsage {
    /// `live` or `background`.
    pub lane: String,
    /// Reads.
    pub reads: i64,
    /// Everything else.
    pub writes: i64,
    /// How many of them Stripe answered with 429.
    pub limited: i64,
}
