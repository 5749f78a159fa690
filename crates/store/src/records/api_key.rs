//! API keys of the host application.

use domain::role::Scope;
use domain::{Livemode, Timestamp};

/// An API key; the key itself is nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyRecord {
    /// `key_…`
    pub api_key_id: String,
    /// A name for people.
    pub name: String,
    /// The mode it may ask about.
    pub livemode: Livemode,
    /// What it may do.
    pub scope: Scope,
    /// SHA-256 of the key, hex.
    pub key_hash: String,
    /// Its beginning, for people.
    pub prefix: String,
    /// Its last four characters.
    pub last4: String,
    /// Since when.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// Until when, from where and how often.
    pub terms: ApiKeyTerms,
    /// Last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// The address of a use in that minute.
    pub last_used_from: Option<String>,
    /// Revoked since.
    pub revoked_at: Option<Timestamp>,
    /// The key it was made to take the place of.
    pub replaces: Option<String>,
    /// The key that was made to take its place.
    pub replaced_by: Option<String>,
}

/// What of an API key can be changed after it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiKeyTerms {
    /// Not to be used from then on.
    pub expires_at: Option<Timestamp>,
    /// Networks it may be used from, such as `203.0.113.0/24`; empty: from anywhere.
    pub addresses: Vec<String>,
    /// Access checks a second; none: as many as the program lets keys that say nothing.
    pub check_rate: Option<u32>,
    /// Other requests a second; none: the same.
    pub request_rate: Option<u32>,
}

/// A use of an API key that is worth remembering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyUse {
    /// `key_…`
    pub api_key_id: String,
    /// The minute.
    pub at: Timestamp,
    /// The client's address.
    pub from: String,
}

impl ApiKeyRecord {
    /// Whether it can be used at a moment, from an address it allows.
    #[must_use]
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.terms.expires_at.is_none_or(|end| end > now)
    }
}
