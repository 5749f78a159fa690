//! Overrides as the staff work with them.

use async_trait::async_trait;
use domain::{Livemode, Timestamp};

use crate::Result;
use crate::records::{Author, NewOverride, OverrideList, OverrideRecord, Page, Which};

/// Several at once, by their end, with another end.
#[async_trait]
pub trait OverrideDesk: Send + Sync {
    /// Makes all of them or none, with the address of the ticket that asks for them, if there is one.
    async fn create_overrides(
        &self,
        new: &[NewOverride],
        ticket_url: Option<&str>,
        author: &Author,
    ) -> Result<Vec<OverrideRecord>>;
    /// Gives an override another end, or none; `false` when it is unknown or revoked.
    async fn set_override_end(
        &self,
        livemode: Livemode,
        override_id: &str,
        expires_at: Option<Timestamp>,
        author: &Author,
    ) -> Result<bool>;
    /// Overrides of a list, as they are at `now`.
    async fn list_overrides(
        &self,
        livemode: Livemode,
        list: &OverrideList,
        now: Timestamp,
    ) -> Result<Page<OverrideRecord>>;
    /// How many there are of a list at `now`, counted no further than [`crate::records::COUNTED`] and one.
    async fn count_overrides(&self, livemode: Livemode, which: &Which, now: Timestamp) -> Result<i64>;
    /// The last reasons that were given, the newest first, each once.
    async fn recent_reasons(&self, livemode: Livemode, count: usize) -> Result<Vec<String>>;
}
