//! A clock that was set back: what was planned by the one that was ahead would wait until it is reached again.

use async_trait::async_trait;
use domain::Timestamp;

use super::Backend;
use crate::{Clocks, Result};

/// Each with the longest that anything of its kind is ever planned ahead, in milliseconds, and some room for clocks that differ a little.
/// `$1` is now, `$2` the end of that.
const PLANS: &[(&str, i64)] = &[
    // What arrives is due at once.
    (
        "update event set next_attempt_at = $1 where status = 'pending' and not waits_for_read and next_attempt_at > $2",
        2 * MINUTE,
    ),
    (
        "update event set next_attempt_at = $1 where status = 'failed' and not waits_for_read and next_attempt_at > $2",
        30 * HOUR,
    ),
    (
        "update event set next_attempt_at = $1 where waits_for_read and customer_id is null and next_attempt_at > $2",
        30 * HOUR,
    ),
    ("update customer set next_read_at = $1 where dirty_at is not null and next_read_at > $2", 2 * HOUR),
    ("update customer set lease_until = null where lease_until > $2 and $1 < lease_until", LEASE),
    ("update product set next_read_at = $1 where next_read_at > $2", 30 * HOUR),
    ("update catch_up set due_at = $1 where due_at > $2", 2 * HOUR),
    ("update catch_up set lease_until = null where lease_until > $2 and $1 < lease_until", LEASE),
    ("update resync set next_at = $1 where next_at > $2", 2 * HOUR),
    ("update resync set lease_until = null where lease_until > $2 and $1 < lease_until", LEASE),
    ("update replay set next_at = $1 where next_at > $2", 2 * HOUR),
];
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
/// Twice as long as any lease is given.
const LEASE: i64 = 2 * MINUTE;

#[async_trait]
impl Clocks for Backend {
    async fn bring_forward(&self, now: Timestamp) -> Result<u64> {
        let mut write = self.begin().await?;
        let mut moved = 0;
        for (sql, longest) in PLANS {
            let query = sqlx::query(*sql).bind(now.millis()).bind(now.plus_millis(*longest).millis());
            moved += query.execute(write.conn()).await?.rows_affected();
        }
        write.commit(now).await?;
        Ok(moved)
    }
}
