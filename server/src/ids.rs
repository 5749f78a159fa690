//! Ids of what we make ourselves: a prefix that says what it is, and a UUID of version 7, so that they sort by time.

use uuid::Uuid;

/// A new id such as `key_01936f0a5c1e7d3c8a2b4f6e8d0c1a3b`.
#[must_use]
pub fn new(prefix: &str) -> String {
    format!("{prefix}_{}", Uuid::now_v7().simple())
}
