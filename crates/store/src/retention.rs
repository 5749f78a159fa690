//! What is removed after its time.

use async_trait::async_trait;
use domain::Timestamp;

use crate::Result;
use crate::records::{Removed, Retained, RetentionRecord};

/// Raw bodies and refused deliveries hold personal data: they go when they are of no more use. Events stay, with what they changed.
#[async_trait]
pub trait Retentions: Send + Sync {
    /// Removes the bodies of settled events that were received before a time, looking at no more than `limit` of them. What still
    /// waits for something keeps its body until it is settled.
    async fn remove_payloads(&self, before: Timestamp, now: Timestamp, limit: i64) -> Result<Removed>;
    /// Deletes refused deliveries that were received before a time, at most `limit`.
    async fn remove_rejected(&self, before: Timestamp, now: Timestamp, limit: i64) -> Result<Removed>;
    /// Begins to look at one kind when nobody has since `due`, or the clock was set back since. Of several processes one does.
    async fn begin_retention(&self, subject: Retained, due: Timestamp, now: Timestamp) -> Result<bool>;
    /// Notes that all of one kind was looked at, and how much was removed.
    async fn note_retention(&self, subject: Retained, removed: u64, now: Timestamp) -> Result<()>;
    /// When each kind was looked at last, and how much was removed.
    async fn retention(&self, subject: Retained) -> Result<RetentionRecord>;
}
