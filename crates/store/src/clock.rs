//! What is planned by a clock that is then set.

use async_trait::async_trait;
use domain::Timestamp;

use crate::Result;

/// Plans and leases are times of the clock of who made them.
#[async_trait]
pub trait Clocks: Send + Sync {
    /// Brings forward what is planned for a time so late that only a clock which was ahead can have said so, and ends such leases: whoever still
    /// works on one is refused with its answer. How many there were.
    async fn bring_forward(&self, now: Timestamp) -> Result<u64>;
}
