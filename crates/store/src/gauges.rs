//! What is measured each time somebody asks for the figures of operation.

use async_trait::async_trait;
use domain::event::EventStatus;
use domain::{Livemode, Timestamp};

use crate::Result;

/// Counts of [`Gauges`] end here: what is beyond needs no exact number, and an index is not read without end for it.
pub const GAUGED: i64 = 100_000;

/// Connections to the database of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolState {
    /// `read` or `write`.
    pub name: &'static str,
    /// Somebody has them.
    pub busy: u32,
    /// They wait for somebody.
    pub idle: u32,
    /// How many there may be.
    pub most: u32,
}

/// Figures of this moment. Each costs a bounded number of rows by index, however many events there are.
#[async_trait]
pub trait Gauges: Send + Sync {
    /// How many events have this status, however old they are, counted up to [`GAUGED`].
    async fn count_status(&self, livemode: Livemode, status: EventStatus) -> Result<i64>;
    /// How many events wait for Stripe to be asked, counted up to [`GAUGED`].
    async fn count_waiting_for_read(&self, livemode: Livemode) -> Result<i64>;
    /// Since when the event is due that has waited longest for its turn; none when no event waits.
    async fn longest_due(&self) -> Result<Option<Timestamp>>;
    /// Size of the database in bytes, without SQLite's log.
    async fn size(&self) -> Result<i64>;
    /// The connections of this process.
    fn pools(&self) -> Vec<PoolState>;
}
