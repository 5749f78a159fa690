//! What has come since one last looked.

use domain::{Livemode, Timestamp};

/// Events of one mode that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct News {
    /// Their mode.
    pub livemode: Livemode,
    /// How many.
    pub events: i64,
    /// The number of the newest of them.
    pub newest: i64,
    /// When the newest came.
    pub received_at: Timestamp,
}
