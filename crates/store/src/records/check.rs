//! What the application asked, and what it was told.

use domain::{Livemode, Timestamp};

/// Checks of one feature of one user by one API key, for as long as the answer stayed the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckGroup {
    /// The mode of the key.
    pub livemode: Livemode,
    /// Whom it was about.
    pub user_id: String,
    /// The feature's key, as the application wrote it.
    pub feature: String,
    /// Who asked: `key_…`.
    pub api_key_id: String,
    /// The answer.
    pub allowed: bool,
    /// Why: a word of [`domain::access::Reason`].
    pub reason: String,
    /// When it was first answered so.
    pub since: Timestamp,
    /// When it was last answered so.
    pub last_at: Timestamp,
    /// How many times.
    pub times: i64,
}

/// All checks of an hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckHour {
    /// The mode of the keys.
    pub livemode: Livemode,
    /// The first millisecond of the hour, in UTC.
    pub hour: Timestamp,
    /// How many were answered with yes.
    pub allowed: i64,
    /// How many were answered with no.
    pub denied: i64,
    /// How many of them no [`CheckGroup`] remembers: more was asked at once than is kept.
    pub unlisted: i64,
}

/// A key the application asks for and the catalog lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFeature {
    /// The key, as the application wrote it.
    pub feature: String,
    /// How many times it was asked for, as far as that is kept.
    pub times: i64,
    /// Of how many users.
    pub users: i64,
    /// When it was last asked for.
    pub last_at: Timestamp,
}
