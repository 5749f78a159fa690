//! Which overrides a list shows.

use domain::Timestamp;

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
    /// Those that were revoked or have ended, the newest first.
    Over,
}

/// A page of a list of overrides.
#[derive(Clone, Debug)]
pub struct OverrideList {
    /// Which.
    pub which: Which,
    /// Rows behind this cursor, see [`OverrideList::cursor`].
    pub after: Option<String>,
    /// Rows per page.
    pub limit: i64,
}

impl OverrideList {
    /// The cursor of what stands behind a row of this list.
    #[must_use]
    pub fn cursor(&self, expires_at: Option<Timestamp>, override_id: &str) -> String {
        let by_end = matches!(self.which, Which::Active | Which::EndingBy(_));
        let end = expires_at.filter(|_| by_end).map(|end| end.millis().to_string());
        format!("{}:{override_id}", end.unwrap_or_default())
    }
}
