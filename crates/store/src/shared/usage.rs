//! What was asked of Stripe, by UTC day.

use async_trait::async_trait;
use domain::{Livemode, Timestamp};

use super::Backend;
use super::rows::Columns as _;
use crate::records::StripeUsage;
use crate::{Result, StripeUsages};

#[async_trait]
impl StripeUsages for Backend {
    async fn add_stripe_usage(
        &self,
        livemode: Livemode,
        day: Timestamp,
        usages: &[StripeUsage],
        now: Timestamp,
    ) -> Result<()> {
        let mut write = self.begin().await?;
        for usage in usages {
            sqlx::query(
                "insert into stripe_usage (livemode, day, lane, reads, writes, limited) values ($1, $2, $3, $4, $5, $6)
                 on conflict (livemode, day, lane) do update
                 set reads = stripe_usage.reads + excluded.reads, writes = stripe_usage.writes + excluded.writes,
                     limited = stripe_usage.limited + excluded.limited",
            )
            .bind(livemode.is_live())
            .bind(day.millis())
            .bind(&usage.lane)
            .bind(usage.reads)
            .bind(usage.writes)
            .bind(usage.limited)
            .execute(write.conn())
            .await?;
        }
        write.commit(now).await
    }

    async fn stripe_usage(&self, livemode: Livemode, day: Timestamp) -> Result<Vec<StripeUsage>> {
        let rows = sqlx::query(
            "select lane, reads, writes, limited from stripe_usage where livemode = $1 and day = $2 order by lane",
        )
        .bind(livemode.is_live())
        .bind(day.millis())
        .fetch_all(&self.read)
        .await?;
        rows.iter()
            .map(|row| {
                let (reads, writes, limited) = (row.int("reads")?, row.int("writes")?, row.int("limited")?);
                Ok(StripeUsage { lane: row.text("lane")?, reads, writes, limited })
            })
            .collect()
    }
}
