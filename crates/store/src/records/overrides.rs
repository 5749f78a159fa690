//! Overrides, and which of them a list shows.

use domain::access::OverrideEffect;
use domain::{Livemode, Timestamp};

use super::Place;

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

/// A new override.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOverride {
    /// The mode.
    pub livemode: Livemode,
    /// The user.
    pub user_id: String,
    /// The feature's key.
    pub feature: String,
    /// Grant or deny.
    pub effect: OverrideEffect,
    /// The number for a limit.
    pub value: Option<i64>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

/// An override.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverrideRecord {
    /// `ovr_…`
    pub override_id: String,
    /// The user.
    pub user_id: String,
    /// The feature's key.
    pub feature: String,
    /// Grant or deny.
    pub effect: OverrideEffect,
    /// The number for a limit.
    pub value: Option<i64>,
    /// Why.
    pub reason: String,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// By whom.
    pub revoked_by: Option<String>,
    /// Where the case is written down: the address of a ticket.
    pub ticket_url: Option<String>,
}

/// Which overrides.
#[derive(Clone, Debug, Default)]
pub struct OverrideFilter {
    /// Of this user.
    pub user_id: Option<String>,
    /// Rows behind this id (ids sort by time).
    pub after: Option<String>,
    /// Rows per page.
    pub limit: i64,
}
