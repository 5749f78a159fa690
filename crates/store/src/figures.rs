//! What the overview draws.

use async_trait::async_trait;
use domain::{Livemode, Timestamp};

use crate::Result;
use crate::records::EventHour;

/// Figures of the last hours. Each costs a bounded number of rows by index, however many events there are.
#[async_trait]
pub trait Figures: Send + Sync {
    /// The events received in each of the `hours` hours that end with `until`, the oldest hour first.
    async fn events_by_hour(&self, livemode: Livemode, until: Timestamp, hours: usize) -> Result<Vec<EventHour>>;
    /// How many deliveries with a bad signature were refused since then, counted up to 1,000. They belong to no mode.
    async fn rejected_since(&self, since: Timestamp) -> Result<i64>;
}
