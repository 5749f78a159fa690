//! What may be asked of the database about access checks.

use async_trait::async_trait;
use domain::{Livemode, Timestamp};

use crate::Result;
use crate::records::{CheckGroup, CheckHour, UnknownFeature};

/// Groups of checks that are kept of each user.
pub const CHECKS_PER_USER: usize = 100;
/// Groups of checks that are kept of all users that are unknown, and of all features that are unknown, in each mode: whoever asks for
/// names that do not exist, however many, must not fill the disk.
pub const STRAY_CHECKS: usize = 1_000;

/// Access checks, remembered.
#[async_trait]
pub trait Checks: Send + Sync {
    /// Adds what was asked since the last time: a group goes on where the newest of the same user, feature and key had the same answer.
    /// The oldest beyond [`CHECKS_PER_USER`] and [`STRAY_CHECKS`] are dropped.
    async fn record_checks(&self, groups: &[CheckGroup], hours: &[CheckHour], now: Timestamp) -> Result<()>;
    /// What was asked about a user, the last asked first.
    async fn checks_of(&self, livemode: Livemode, user_id: &str) -> Result<Vec<CheckGroup>>;
    /// The keys asked for since then that the catalog lacks, the most asked for first.
    async fn unknown_features(&self, livemode: Livemode, since: Timestamp) -> Result<Vec<UnknownFeature>>;
    /// The hours from this one on in which anything was asked, in order.
    async fn check_hours(&self, livemode: Livemode, since: Timestamp) -> Result<Vec<CheckHour>>;
    /// Whether the application ever asked anything.
    async fn was_ever_checked(&self, livemode: Livemode) -> Result<bool>;
    /// Drops what was last added to before this moment, groups and hours; how many groups.
    async fn forget_checks(&self, before: Timestamp, now: Timestamp) -> Result<u64>;
}
