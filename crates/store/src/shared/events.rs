//! The webhook log.

use async_trait::async_trait;
use domain::delivery::Undelivered;
use domain::event::EventStatus;
use domain::{Livemode, Timestamp};
use sqlx::QueryBuilder;

use super::dialect::BESIDE;
use super::lists::prefix;
use super::rows::{Columns as _, DbRow, json, word};
use super::{Backend, Db};
use crate::records::{AttemptRecord, COUNTED, EventFilter, EventRecord, EventTally, Page};
use crate::{Events, Result};

const COLUMNS: &str = "seq, livemode, event_id, kind, created, api_version, object_id, customer_id, payload, payload_removed_at, received_at, secret_name, origin, undelivered,
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
        payload_removed_at: row.opt_time("payload_removed_at")?,
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

/// One index range of events, read newest first: those with this value in a column, or every one.
struct Stream(Option<(&'static str, String)>);

impl Stream {
    const EVERY: Self = Self(None);

    fn of(column: &'static str, value: impl Into<String>) -> Self {
        Self(Some((column, value.into())))
    }
}

/// The events a filter is about, as ranges of indexes that are merged: how long it takes depends on how many are shown, not on how many
/// there are.
struct Search<'a> {
    livemode: Livemode,
    filter: &'a EventFilter,
    streams: Vec<Stream>,
    /// Whether an event can be in several.
    overlap: bool,
    /// Receipt numbers: from the first to before the second.
    bounds: (Option<i64>, Option<i64>),
}

impl Search<'_> {
    /// Adds `select seq …` of everything that is found, at most `limit` of each stream; with the page's place unless all are counted.
    fn push_seqs(&self, query: &mut QueryBuilder<Db>, limit: i64, paged: bool) {
        let backwards = paged && self.filter.before.is_some();
        for (n, stream) in self.streams.iter().enumerate() {
            if n > 0 {
                query.push(" union all ");
            }
            query.push("select seq from (select seq from event where livemode = ").push_bind(self.livemode.is_live());
            if let Some((column, value)) = &stream.0 {
                query.push(format!(" and {column} = ")).push_bind(value.clone());
            }
            self.push_rest(query, stream.0.as_ref().map_or("", |(column, _)| *column));
            if let (Some(after), true) = (self.filter.after, paged && !backwards) {
                query.push(" and seq < ").push_bind(after);
            }
            if let (Some(before), true) = (self.filter.before, backwards) {
                query.push(" and seq > ").push_bind(before);
            }
            // An object's events are few and kept by another order: they are sorted, not looked for among all.
            let by = if matches!(stream.0, Some(("object_id", _))) { BESIDE } else { "" };
            query
                .push(format!(" order by {by}seq{}", if backwards { " limit " } else { " desc limit " }))
                .push_bind(limit);
            query.push(format!(") as found{n}"));
        }
    }

    /// What else is asked of an event, apart from the column the stream is looked up by.
    fn push_rest(&self, query: &mut QueryBuilder<Db>, by: &str) {
        let filter = self.filter;
        let mut among = |column: &'static str, values: Vec<String>| {
            if values.is_empty() || by == column {
                return;
            }
            query.push(format!(" and {BESIDE}{column} in ("));
            let mut list = query.separated(", ");
            for value in values {
                list.push_bind(value);
            }
            query.push(")");
        };
        among("status", filter.statuses.iter().map(|status| status.as_str().to_owned()).collect());
        among("customer_id", filter.customers.clone());
        among("api_version", filter.api_version.iter().cloned().collect());
        if by != "kind" {
            match filter.kind.as_deref().map(|kind| (kind, kind.strip_suffix('*'))) {
                Some((_, Some(beginning))) => {
                    query.push(format!(" and {BESIDE}kind like ")).push_bind(prefix(beginning)).push(" escape '\\'");
                }
                Some((kind, None)) => {
                    query.push(format!(" and {BESIDE}kind = ")).push_bind(kind.to_owned());
                }
                None => {}
            }
        }
        if let Some(error) = &filter.error {
            query.push(" and error is not null and lower(error) like lower(");
            query.push_bind(format!("%{}", prefix(error))).push(") escape '\\'");
        }
        if filter.fetched {
            query.push(" and undelivered is not null");
        }
        if let Some(first) = self.bounds.0 {
            query.push(" and seq >= ").push_bind(first);
        }
        if let Some(end) = self.bounds.1 {
            query.push(" and seq < ").push_bind(end);
        }
    }
}

impl Backend {
    async fn search<'a>(&self, livemode: Livemode, filter: &'a EventFilter) -> Result<Search<'a>> {
        // Receipt numbers grow with time, and are what the rows are read by.
        let mut bounds = (None, None);
        if let Some(since) = filter.since {
            bounds.0 = Some(self.first_seq_since(since).await?);
        }
        if let Some(until) = filter.until {
            bounds.1 = Some(self.first_seq_since(until).await?);
        }
        let is_common = |status: &EventStatus| matches!(status, EventStatus::Processed | EventStatus::Ignored);
        let few = !filter.statuses.is_empty() && !filter.statuses.iter().any(is_common);
        let mut overlap = false;
        let streams = if let Some(id) = &filter.id {
            overlap = true;
            ["event_id", "object_id", "customer_id"].map(|column| Stream::of(column, id)).into()
        } else if !filter.customers.is_empty() {
            filter.customers.iter().map(|id| Stream::of("customer_id", id)).collect()
        } else if filter.error.is_some() || filter.fetched {
            // Few have either, and an index of their own.
            vec![Stream::EVERY]
        } else if let (Some(kind), false) = (&filter.kind, few) {
            match kind.strip_suffix('*') {
                None => vec![Stream::of("kind", kind)],
                Some(beginning) => {
                    let kinds = self.kinds(livemode).await?;
                    kinds
                        .into_iter()
                        .filter(|kind| kind.starts_with(beginning))
                        .map(|kind| Stream::of("kind", kind))
                        .collect()
                }
            }
        } else if !filter.statuses.is_empty() {
            filter.statuses.iter().map(|status| Stream::of("status", status.as_str())).collect()
        } else if let Some(version) = &filter.api_version {
            vec![Stream::of("api_version", version)]
        } else {
            vec![Stream::EVERY]
        };
        Ok(Search { livemode, filter, streams, overlap, bounds })
    }

    /// Every type of which there is an event, each found by one step in the index.
    async fn kinds(&self, livemode: Livemode) -> Result<Vec<String>> {
        Ok(sqlx::query_scalar(
            "with recursive known(kind) as (
                 select min(kind) from event where livemode = $1
                 union all
                 select (select min(e.kind) from event e where e.livemode = $1 and e.kind > known.kind) from known
                 where known.kind is not null
             )
             select kind from known where kind is not null limit 400",
        )
        .bind(livemode.is_live())
        .fetch_all(&self.read)
        .await?)
    }
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
        let search = self.search(livemode, filter).await?;
        if search.streams.is_empty() {
            return Ok(Page::from_rows(vec![], filter.limit));
        }
        let backwards = filter.before.is_some();
        let mut query = QueryBuilder::<Db>::new(format!("select {COLUMNS} from event where seq in ("));
        search.push_seqs(&mut query, filter.limit + 1, true);
        query.push(if backwards { ") order by seq limit " } else { ") order by seq desc limit " });
        let rows = query.push_bind(filter.limit + 1).build().fetch_all(&self.read).await?;
        let events = rows.iter().map(event).collect::<Result<_>>()?;
        Ok(if backwards {
            Page::from_rows_backwards(events, filter.limit)
        } else {
            Page::from_rows(events, filter.limit)
        })
    }

    async fn count_events(&self, livemode: Livemode, filter: &EventFilter) -> Result<i64> {
        let search = self.search(livemode, filter).await?;
        if search.streams.is_empty() {
            return Ok(0);
        }
        let each = if search.overlap { "distinct seq" } else { "seq" };
        let mut query = QueryBuilder::<Db>::new(format!("select count(*) from (select {each} from ("));
        search.push_seqs(&mut query, COUNTED + 1, false);
        query.push(") as every limit ").push_bind(COUNTED + 1).push(") as counted");
        Ok(query.build_query_scalar().fetch_one(&self.read).await?)
    }

    async fn last_receipt(&self, livemode: Livemode) -> Result<Option<Timestamp>> {
        let at: Option<i64> = sqlx::query_scalar(
            "select received_at from event where seq = (select max(seq) from event where livemode = $1)",
        )
        .bind(livemode.is_live())
        .fetch_optional(&self.read)
        .await?;
        Ok(at.map(Timestamp::from_millis))
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
        Ok(self.last_deliveries(livemode, 1).await?.pop())
    }

    async fn last_deliveries(&self, livemode: Livemode, limit: i64) -> Result<Vec<Timestamp>> {
        let ats: Vec<i64> = sqlx::query_scalar(
            "select received_at from event where livemode = $1 and undelivered is null order by seq desc limit $2",
        )
        .bind(livemode.is_live())
        .bind(limit)
        .fetch_all(&self.read)
        .await?;
        Ok(ats.into_iter().map(Timestamp::from_millis).collect())
    }
}

fn reason(text: Option<String>, event_id: &str) -> Result<Option<Undelivered>> {
    text.map(|text| word("event", "undelivered", event_id, &text, Undelivered::parse)).transpose()
}
