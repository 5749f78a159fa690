//! What is removed after its time.

use domain::Timestamp;

/// A kind of what is kept for a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retained {
    /// Raw bodies of events.
    Payloads,
    /// Refused deliveries.
    Rejected,
}

impl Retained {
    /// The word that is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Payloads => "payloads",
            Self::Rejected => "rejected",
        }
    }
}

/// What a step removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// How many.
    pub removed: u64,
    /// Whether there may be more.
    pub has_more: bool,
}

/// How far one kind is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetentionRecord {
    /// When all of it was looked at last.
    pub ran_at: Option<Timestamp>,
    /// When something was removed last, and how much then.
    pub removed_at: Option<Timestamp>,
    /// How much was removed then.
    pub removed: i64,
    /// How much was removed altogether.
    pub removed_in_all: i64,
}
