//! Bodies and refused deliveries go after their time, a few in each transaction. Events are walked in the order they were received, each
//! once, from where the last step ended: what is removed costs the same however long the log is.

use async_trait::async_trait;
use domain::Timestamp;
use serde_json::json;
use sqlx::QueryBuilder;

use super::audit::audit;
use super::rows::Columns as _;
use super::write::Write;
use super::{Backend, Db};
use crate::records::{Author, Removed, Retained, RetentionRecord};
use crate::{Result, Retentions};

/// Nothing will be read from the body of such an event any more.
const SETTLED: &str = "not waits_for_read and status in ('processed', 'ignored', 'unattributed', 'dead')";

#[async_trait]
impl Retentions for Backend {
    async fn remove_payloads(&self, before: Timestamp, now: Timestamp, limit: i64) -> Result<Removed> {
        // The writer is not taken to learn that there is nothing to do.
        let due: i64 = sqlx::query_scalar(
            "select (select count(*) from (select 1 as one from event where payload_overdue limit 1) as overdue)
                  + (select count(*) from (select received_at from event
                        where seq > (select place from retention where subject = 'payloads') order by seq limit 1) as oldest
                     where received_at < $1)",
        )
        .bind(before.millis())
        .fetch_one(&self.read)
        .await?;
        if due == 0 {
            return Ok(Removed::default());
        }
        let mut write = self.begin().await?;
        // The row is held until the commit, so that two processes do not walk the same events.
        let place: i64 =
            sqlx::query_scalar("update retention set place = place where subject = 'payloads' returning place")
                .fetch_one(write.conn())
                .await?;
        let sql = format!("select seq from event where payload_overdue and {SETTLED} order by seq limit $1");
        let mut settled: Vec<i64> =
            sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(limit).fetch_all(write.conn()).await?;
        let sql = format!(
            "select seq, received_at, {SETTLED} as settled, payload_removed_at from event where seq > $1 order by seq limit $2"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(place).bind(limit).fetch_all(write.conn()).await?;
        let (mut last, mut overdue, mut looked_at) = (place, vec![], 0);
        for row in &rows {
            if row.time("received_at")? >= before {
                break;
            }
            last = row.int("seq")?;
            looked_at += 1;
            match (row.flag("settled")?, row.opt_time("payload_removed_at")?) {
                (_, Some(_)) => {}
                (true, None) => settled.push(last),
                (false, None) => overdue.push(last),
            }
        }
        write.set_payloads("payload = '', payload_overdue = false, payload_removed_at = ", Some(now), &settled).await?;
        write.set_payloads("payload_overdue = true", None, &overdue).await?;
        sqlx::query("update retention set place = $1 where subject = 'payloads'")
            .bind(last)
            .execute(write.conn())
            .await?;
        write.commit(now).await?;
        let removed = u64::try_from(settled.len()).unwrap_or(u64::MAX);
        Ok(Removed {
            removed,
            has_more: looked_at == limit || i64::try_from(removed).is_ok_and(|removed| removed >= limit),
        })
    }

    async fn remove_rejected(&self, before: Timestamp, now: Timestamp, limit: i64) -> Result<Removed> {
        let oldest: Option<i64> =
            sqlx::query_scalar("select min(received_at) from rejected_delivery").fetch_one(&self.read).await?;
        if oldest.is_none_or(|at| at >= before.millis()) {
            return Ok(Removed::default());
        }
        let mut write = self.begin().await?;
        let deleted = sqlx::query(
            "delete from rejected_delivery
             where rejected_id in (select rejected_id from rejected_delivery where received_at < $1 order by received_at limit $2)",
        )
        .bind(before.millis())
        .bind(limit)
        .execute(write.conn())
        .await?
        .rows_affected();
        write.commit(now).await?;
        Ok(Removed { removed: deleted, has_more: i64::try_from(deleted) == Ok(limit) })
    }

    async fn begin_retention(&self, subject: Retained, due: Timestamp, now: Timestamp) -> Result<bool> {
        let ran_at = self.retention(subject).await?.ran_at;
        // The writer is not taken to learn that it is not time yet.
        if ran_at.is_some_and(|at| at > due && at <= now) {
            return Ok(false);
        }
        let mut write = self.begin().await?;
        let begun = sqlx::query(
            "update retention set ran_at = $2 where subject = $1 and (ran_at is null or ran_at <= $3 or ran_at > $2)",
        )
        .bind(subject.as_str())
        .bind(now.millis())
        .bind(due.millis())
        .execute(write.conn())
        .await?;
        write.commit(now).await?;
        Ok(begun.rows_affected() > 0)
    }

    async fn note_retention(&self, subject: Retained, removed: u64, now: Timestamp) -> Result<()> {
        let removed = i64::try_from(removed).unwrap_or(i64::MAX);
        let mut write = self.begin().await?;
        sqlx::query(
            "update retention set ran_at = $2, removed_in_all = removed_in_all + $3,
                removed_at = case when $3 > 0 then $2 else removed_at end, removed = case when $3 > 0 then $3 else removed end
             where subject = $1",
        )
        .bind(subject.as_str())
        .bind(now.millis())
        .bind(removed)
        .execute(write.conn())
        .await?;
        if removed > 0 {
            let (author, details) = (Author::system(now), json!({ "removed": removed }));
            audit(write.conn(), &author, "retention.remove", None, ("retention", subject.as_str()), &details).await?;
        }
        write.commit(now).await
    }

    async fn retention(&self, subject: Retained) -> Result<RetentionRecord> {
        let row = sqlx::query("select ran_at, removed_at, removed, removed_in_all from retention where subject = $1")
            .bind(subject.as_str())
            .fetch_one(&self.read)
            .await?;
        Ok(RetentionRecord {
            ran_at: row.opt_time("ran_at")?,
            removed_at: row.opt_time("removed_at")?,
            removed: row.int("removed")?,
            removed_in_all: row.int("removed_in_all")?,
        })
    }
}

impl Write<'_> {
    /// Sets something of these events' bodies: SQL of ours, with a time behind it where one belongs.
    async fn set_payloads(&mut self, set: &'static str, at: Option<Timestamp>, seqs: &[i64]) -> Result<()> {
        for some in seqs.chunks(1000) {
            let mut query = QueryBuilder::<Db>::new("update event set ");
            query.push(set);
            if let Some(at) = at {
                query.push_bind(at.millis());
            }
            query.push(" where seq in (");
            let mut list = query.separated(", ");
            for seq in some {
                list.push_bind(*seq);
            }
            query.push(")");
            query.build().execute(self.conn()).await?;
        }
        Ok(())
    }
}
