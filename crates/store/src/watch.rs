//! What pages that stay open ask of the database, once a second and for all of them.

use async_trait::async_trait;

use crate::Result;
use crate::records::News;

/// Events of which one look tells.
pub const MOST_NEWS: i64 = 1000;

/// What has come since one last looked.
#[async_trait]
pub trait Following: Send + Sync {
    /// Returns when another process may have changed something that access checks depend on: when one says so, and every so often without.
    async fn next_change(&self);
    /// The number of the newest event of either mode; 0 when there is none.
    async fn newest_event(&self) -> Result<i64>;
    /// What came behind an event's number, of each mode that anything came of: the next [`MOST_NEWS`] events. Where several processes write, one that
    /// commits late may be passed over: this is for showing that there is something new, not for acting on it.
    async fn news(&self, after: i64) -> Result<Vec<News>>;
}
