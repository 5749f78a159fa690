//! What is measured each time somebody asks for the figures of operation.

use async_trait::async_trait;
use domain::event::EventStatus;
use domain::{Livemode, Timestamp};

use super::super::dialect;
use super::Backend;
use crate::Result;
use crate::gauges::{GAUGED, Gauges, PoolState};

#[async_trait]
impl Gauges for Backend {
    async fn count_status(&self, livemode: Livemode, status: EventStatus) -> Result<i64> {
        let sql = "select count(*) from (select 1 as one from event where livemode = $1 and status = $2 limit $3) as some_events";
        let count = sqlx::query_scalar(sql).bind(livemode.is_live()).bind(status.as_str()).bind(GAUGED);
        Ok(count.fetch_one(&self.read).await?)
    }

    async fn count_waiting_for_read(&self, livemode: Livemode) -> Result<i64> {
        let sql = "select count(*) from (select 1 as one from event where livemode = $1 and waits_for_read limit $2) as some_events";
        Ok(sqlx::query_scalar(sql).bind(livemode.is_live()).bind(GAUGED).fetch_one(&self.read).await?)
    }

    async fn longest_due(&self) -> Result<Option<Timestamp>> {
        let sql = "select min(next_attempt_at) from event where status in ('pending', 'failed') and not waits_for_read";
        let due: Option<i64> = sqlx::query_scalar(sql).fetch_one(&self.read).await?;
        Ok(due.map(Timestamp::from_millis))
    }

    async fn size(&self) -> Result<i64> {
        Ok(sqlx::query_scalar(dialect::SIZE).fetch_one(&self.read).await?)
    }

    fn pools(&self) -> Vec<PoolState> {
        let mut pools = vec![("read", &self.read), ("write", &self.write)];
        // On SQLite it is the writer's.
        if dialect::IS_SHARED {
            pools.push(("intake", &self.intake));
        }
        pools
            .into_iter()
            .map(|(name, pool)| {
                let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX).min(pool.size());
                PoolState { name, busy: pool.size() - idle, idle, most: pool.options().get_max_connections() }
            })
            .collect()
    }
}
