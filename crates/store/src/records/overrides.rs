//! Which overrides a list shows.

use domain::Timestamp;

use super::{OverrideRecord, Place};

/// Which overrides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// All that count: by their end, those without one behind.
    Active,
    /// Those that count and end at this time at the latest, by their end.
    EndingBy(Timestamp),
    /// Those that count and have no end, the newest first.
    NoEnd,
    /// Those that count and this person made, the newest first.
    By(String),
    /// Those that were revoked or have ended, the last one first.
    Over,
}

/// A page of a list of overrides.
#[derive(Clone, Debug)]
pub struct OverrideList {
    /// Which.
    pub which: Which,
    /// Which page: its keys are [`Which::key`]s.
    pub place: Place,
}

impl Which {
    /// What a row of this list is found again by.
    #[must_use]
    pub fn key(&self, row: &OverrideRecord) -> String {
        let at = match self {
            Self::Active | Self::EndingBy(_) => row.expires_at,
            Self::Over => row.revoked_at.or(row.expires_at),
            Self::NoEnd | Self::By(_) => None,
        };
        format!("{}:{}", at.map(|at| at.millis().to_string()).unwrap_or_default(), row.override_id)
    }
}
