//! What is done once to a database that was put in the place of another.

use async_trait::async_trait;
use serde_json::Value;

use crate::Result;
use crate::records::Author;

/// What was settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Sessions that were ended.
    pub sessions: u64,
    /// People whose second factor was encrypted with a key that is not in the database.
    pub sealed_factors: i64,
}

/// A backup was put in place.
#[async_trait]
pub trait Restores: Send + Sync {
    /// Makes an older state fit to go on from: nobody is signed in by a session or a link that may have been ended since, no lease of a
    /// process that is gone is waited for, and Stripe's list of events is read at once, since what came after is missing. Audited with
    /// `details`.
    async fn settle_restored(&self, details: &Value, author: &Author) -> Result<Settled>;
}
