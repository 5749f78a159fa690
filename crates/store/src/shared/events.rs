//! The webhook log.

use async_trait::async_trait;
use domain::delivery::Undelivered;
use domain::event::EventStatus;
use domain::{Livemode, Timestamp};
use sqlx::QueryBuilder;

use super::lists::prefix;
use super::rows::{Columns as _, DbRow, json, word};
use super::{Backend, Db};
use crate::records::{AttemptRecord, EventFilter, EventRecord, EventTally, Page};
use crate::{Events, Result};

const COLUMNS: &str = "seq, livemode, event_id, kind, created, api_version, object_id, customer_id, payload, received_at, secret_name, origin, undelivered,
    deliveries, last_delivery_at, status, note, effects, error, attempts, next_attempt_at, processed_at";

fn event(row: &DbRow) -> Result<EventRecord> {
    let event_id = row.text("event_id")?;
    let effects = row.opt_text("effects")?.map(|text| json("event", "effects", &event_id, &text)).transpose()?;
    Ok(EventRecord {
        seq: row.int("seq")?,
        livemode: row.livemode()?,
        kind: row.text("kind")?,
        created: row.time("created")?,
        api_version: row.opt_text("api_version")?,
        object_id: row.opt_text("object_id")?,
        customer_id: row.opt_text("customer_id")?,
        payload: row.text("payload")?,
        received_at: row.time("received_at")?,
        secret_name: row.opt_text("secret_name")?,
        origin: row.text("origin")?,
        undelivered: reason(row.opt_text("undelivered")?, &event_id)?,
        deliveries: row.int("deliveries")?,
        last_delivery_at: row.time("last_delivery_at")?,
        status: word("event", "status", &event_id, &row.text("status")?, EventStatus::parse)?,
        note: row.opt_text("note")?,
        effects,
        error: row.opt_text("error")?,
        attempts: row.int("attempts")?,
        next_attempt_at: row.opt_time("next_attempt_at")?,
        processed_at: row.opt_time("processed_at")?,
        event_id,
    })
}

/// The text after `prefix` in the order of bytes: an index range instead of a `like`.
fn after_prefix(prefix: &str) -> String {
    format!("{prefix}\u{10ffff}")
}

#[async_trait]
impl Events for Backend {
    async fn event(&self, livemode: Livemode, event_id: &str) -> Result<Option<EventRecord>> {
        let sql = format!("select {COLUMNS} from event where livemode = $1 and event_id = $2");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(livemode.is_live())
            .bind(event_id)
            .fetch_optional(&self.read)
            .await?;
        row.as_ref().map(event).transpose()
    }

    async fn attempts(&self, livemode: Livemode, event_id: &str) -> Result<Vec<AttemptRecord>> {
        let rows = sqlx::query(
            "select cause, actor, started_at, took_ms, outcome, error from attempt where livemode = $1 and event_id = $2 order by attempt_id limit 200",
        )
        .bind(livemode.is_live())
        .bind(event_id)
        .fetch_all(&self.read)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(AttemptRecord {
                    cause: row.text("cause")?,
                    actor: row.opt_text("actor")?,
                    started_at: row.time("started_at")?,
                    took_ms: row.int("took_ms")?,
                    outcome: row.text("outcome")?,
                    error: row.opt_text("error")?,
                })
            })
            .collect()
    }

    async fn events_about(&self, livemode: Livemode, object_id: &str, limit: i64) -> Result<Vec<EventRecord>> {
        let sql = format!(
            "select {COLUMNS} from event where livemode = $1 and object_id = $2 order by created desc, seq desc limit $3"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(livemode.is_live())
            .bind(object_id)
            .bind(limit)
            .fetch_all(&self.read)
            .await?;
        rows.iter().map(event).collect()
    }

    async fn events(&self, livemode: Livemode, filter: &EventFilter) -> Result<Page<EventRecord>> {
        let mut query = QueryBuilder::<Db>::new(format!("select {COLUMNS} from event where livemode = "));
        query.push_bind(livemode.is_live());
        if !filter.statuses.is_empty() {
            query.push(" and status in (");
            let mut list = query.separated(", ");
            for status in &filter.statuses {
                list.push_bind(status.as_str());
            }
            query.push(")");
        }
        if !filter.customers.is_empty() {
            query.push(" and customer_id in (");
            let mut list = query.separated(", ");
            for customer in &filter.customers {
                list.push_bind(customer.clone());
            }
            query.push(")");
        }
        match filter.kind.as_deref().map(|kind| (kind, kind.strip_suffix('*'))) {
            Some((_, Some(prefix))) => {
                query
                    .push(" and kind >= ")
                    .push_bind(prefix.to_owned())
                    .push(" and kind < ")
                    .push_bind(after_prefix(prefix));
            }
            Some((kind, None)) => {
                query.push(" and kind = ").push_bind(kind.to_owned());
            }
            None => {}
        }
        if let Some(id) = &filter.id {
            query.push(" and (event_id = ").push_bind(id.clone());
            query.push(" or object_id = ").push_bind(id.clone());
            query.push(" or customer_id = ").push_bind(id.clone()).push(")");
        }
        if let Some(since) = filter.since {
            query.push(" and received_at >= ").push_bind(since.millis());
            // Receipt numbers grow with time, and are what the rows are read by.
            query.push(" and seq >= ").push_bind(self.first_seq_since(since).await?);
        }
        if let Some(version) = &filter.api_version {
            query.push(" and api_version = ").push_bind(version.clone());
        }
        if let Some(error) = &filter.error {
            query.push(" and lower(error) like lower(").push_bind(format!("%{}", prefix(error))).push(") escape '\\'");
        }
        if filter.fetched {
            query.push(" and undelivered is not null");
        }
        if let Some(after) = filter.after {
            query.push(" and seq < ").push_bind(after);
        }
        query.push(" order by seq desc limit ").push_bind(filter.limit + 1);
        let rows = query.build().fetch_all(&self.read).await?;
        Ok(Page::from_rows(rows.iter().map(event).collect::<Result<_>>()?, filter.limit))
    }

    async fn never_delivered(&self, livemode: Livemode, since: Timestamp) -> Result<Vec<(Undelivered, i64)>> {
        let mut counts = vec![];
        for reason in Undelivered::ALL {
            let count: i64 = sqlx::query_scalar(
                "select count(*) from event
                 where livemode = $1 and undelivered = $2 and created >= $3 and undelivered is not null and deliveries = 0",
            )
            .bind(livemode.is_live())
            .bind(reason.as_str())
            .bind(since.millis())
            .fetch_one(&self.read)
            .await?;
            if count > 0 {
                counts.push((reason, count));
            }
        }
        Ok(counts)
    }

    async fn event_tally(&self, livemode: Livemode, customers: &[String]) -> Result<Vec<EventTally>> {
        if customers.is_empty() {
            return Ok(vec![]);
        }
        let mut query = QueryBuilder::<Db>::new(
            "select status, reason, count(*) as events from (
                 select status, case when deliveries = 0 then undelivered end as reason from event where livemode = ",
        );
        query.push_bind(livemode.is_live()).push(" and customer_id in (");
        let mut list = query.separated(", ");
        for customer in customers {
            list.push_bind(customer.clone());
        }
        query.push(")) as theirs group by status, reason");
        let rows = query.build().fetch_all(&self.read).await?;
        rows.iter()
            .map(|row| {
                Ok(EventTally {
                    status: word("event", "status", "*", &row.text("status")?, EventStatus::parse)?,
                    undelivered: reason(row.opt_text("reason")?, "*")?,
                    count: row.int("events")?,
                })
            })
            .collect()
    }

    async fn last_delivery(&self, livemode: Livemode) -> Result<Option<Timestamp>> {
        let at: Option<i64> = sqlx::query_scalar(
            "select received_at from event where livemode = $1 and undelivered is null order by seq desc limit 1",
        )
        .bind(livemode.is_live())
        .fetch_optional(&self.read)
        .await?;
        Ok(at.map(Timestamp::from_millis))
    }
}

fn reason(text: Option<String>, event_id: &str) -> Result<Option<Undelivered>> {
    text.map(|text| word("event", "undelivered", event_id, &text, Undelivered::parse)).transpose()
}
