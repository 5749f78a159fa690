//! The audit log's chain: the hash of an entry is over what it says and over the hash before it.
//!
//! Whoever changes, takes out or puts in an entry has to make every later hash anew; whoever noted the last one somewhere else sees it.

use domain::Timestamp;
use sha2::{Digest as _, Sha256};

/// What the hash of an entry is over.
pub(crate) struct AuditLink<'a> {
    pub(crate) before: &'a str,
    pub(crate) audit_id: i64,
    pub(crate) at: Timestamp,
    pub(crate) actor: &'a str,
    pub(crate) role: Option<&'a str>,
    pub(crate) action: &'a str,
    pub(crate) livemode: Option<bool>,
    pub(crate) object: (&'a str, &'a str),
    pub(crate) reason: Option<&'a str>,
    pub(crate) address: Option<&'a str>,
    pub(crate) request_id: Option<&'a str>,
    pub(crate) details_hash: &'a str,
}

impl AuditLink<'_> {
    /// SHA-256 of the entry as a JSON array, in which no two entries are alike, in hex.
    pub(crate) fn hash(&self) -> String {
        let entry = serde_json::json!([
            self.before,
            self.audit_id,
            self.at.millis(),
            self.actor,
            self.role,
            self.action,
            self.livemode,
            self.object.0,
            self.object.1,
            self.reason,
            self.address,
            self.request_id,
            self.details_hash,
        ]);
        digest(&entry.to_string())
    }
}

/// SHA-256 in hex.
pub(crate) fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}
