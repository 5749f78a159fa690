//! Deliveries: many in one commit.

use std::collections::HashMap;

use async_trait::async_trait;
use domain::delivery::Undelivered;
use domain::stripe::redact::redact;
use sqlx::{QueryBuilder, Row as _};

use super::rows::{Columns as _, DbRow, json, to_json};
use super::write::Write;
use super::{Backend, Db};
use crate::records::{Delivery, Page, Recorded, RejectedDelivery};
use crate::{Intake, Result};

/// How many refused deliveries are kept.
const REJECTED_KEPT: i64 = 1000;

/// An event about to be stored.
pub(super) struct Arrival<'a> {
    pub(super) delivery: &'a Delivery,
    /// How often it was delivered at once; 0 when it was fetched.
    pub(super) copies: i64,
    /// Why it had to be fetched.
    pub(super) undelivered: Option<Undelivered>,
}

/// What is stored of an event once it arrived.
pub(super) struct Arrived {
    /// How often it was delivered by now.
    pub(super) deliveries: i64,
    /// Whether it was fetched before it was delivered.
    pub(super) fetched: bool,
}

#[async_trait]
impl Intake for Backend {
    async fn record_deliveries(&self, deliveries: &[Delivery]) -> Result<Vec<Recorded>> {
        // One statement inserts all; PostgreSQL refuses to touch a row twice in it, so copies in one batch are counted here.
        let mut first: HashMap<(bool, &str), (usize, i64)> = HashMap::with_capacity(deliveries.len());
        for (n, delivery) in deliveries.iter().enumerate() {
            let key = (delivery.envelope.livemode.is_live(), delivery.envelope.id.as_str());
            first.entry(key).and_modify(|(_, copies)| *copies += 1).or_insert((n, 1));
        }
        let mut unique: Vec<(&Delivery, i64)> = first.values().map(|(n, copies)| (&deliveries[*n], *copies)).collect();
        // In one order, so that two instances which are sent the same never wait for each other in a circle.
        unique.sort_by(|(a, _), (b, _)| a.envelope.id.cmp(&b.envelope.id));
        let arrivals: Vec<Arrival<'_>> =
            unique.into_iter().map(|(delivery, copies)| Arrival { delivery, copies, undelivered: None }).collect();
        let mut write = self.begin_intake().await?;
        let known = write.insert_events(&arrivals).await?;
        let now = deliveries.iter().map(|delivery| delivery.received_at).max().unwrap_or_default();
        write.commit(now).await?;
        Ok(deliveries
            .iter()
            .enumerate()
            .map(|(n, delivery)| {
                let key = (delivery.envelope.livemode.is_live(), delivery.envelope.id.as_str());
                let stored = known.get(&(key.0, key.1.to_owned()));
                let is_new = |copies| stored.is_some_and(|stored| stored.deliveries == copies && !stored.fetched);
                let is_first = first.get(&key).is_some_and(|(index, copies)| *index == n && is_new(*copies));
                if is_first { Recorded::Accepted } else { Recorded::Duplicate }
            })
            .collect())
    }

    async fn record_rejection(&self, rejected: &RejectedDelivery) -> Result<()> {
        let mut write = self.begin_intake().await?;
        let id: i64 = sqlx::query_scalar(
            "insert into rejected_delivery (received_at, failed_check, message, tried, remote, signature_header, body_size, body_start)
             values ($1, $2, $3, $4, $5, $6, $7, $8)
             returning rejected_id",
        )
        .bind(rejected.received_at.millis())
        .bind(&rejected.failed_check)
        .bind(&rejected.message)
        .bind(to_json(&rejected.tried))
        .bind(rejected.remote.as_deref())
        .bind(rejected.signature_header.as_deref())
        .bind(rejected.body_size)
        .bind(&rejected.body_start)
        .fetch_one(write.conn())
        .await?;
        sqlx::query("delete from rejected_delivery where rejected_id <= $1")
            .bind(id - REJECTED_KEPT)
            .execute(write.conn())
            .await?;
        write.commit(rejected.received_at).await
    }

    async fn rejected_deliveries(&self, before: Option<i64>, limit: i64) -> Result<Page<RejectedDelivery>> {
        let rows = sqlx::query(
            "select rejected_id, received_at, failed_check, message, tried, remote, signature_header, body_size, body_start
             from rejected_delivery
             where cast($1 as bigint) is null or rejected_id < $1
             order by rejected_id desc
             limit $2",
        )
        .bind(before)
        .bind(limit + 1)
        .fetch_all(&self.read)
        .await?;
        Ok(Page::from_rows(rows.iter().map(rejected).collect::<Result<_>>()?, limit))
    }
}

impl Write<'_> {
    /// Stores events, each once; what is here already only counts its deliveries. Answers by mode and id.
    pub(super) async fn insert_events(&mut self, arrivals: &[Arrival<'_>]) -> Result<HashMap<(bool, String), Arrived>> {
        let mut known = HashMap::with_capacity(arrivals.len());
        // 16 values a row, and PostgreSQL takes at most 65,535 a statement.
        for chunk in arrivals.chunks(1000) {
            let mut query = QueryBuilder::<Db>::new(
                "insert into event (livemode, event_id, kind, created, api_version, object_id, customer_id, payload, received_at,
                    secret_name, origin, undelivered, deliveries, last_delivery_at, status, attempts, next_attempt_at, waits_for_read) ",
            );
            query.push_values(chunk, |mut row, arrival| {
                let delivery = arrival.delivery;
                let envelope = &delivery.envelope;
                row.push_bind(envelope.livemode.is_live())
                    .push_bind(&envelope.id)
                    .push_bind(&envelope.kind)
                    .push_bind(envelope.created.millis())
                    .push_bind(envelope.api_version.as_deref())
                    .push_bind(envelope.object_id.as_deref())
                    .push_bind(envelope.customer_id.as_deref())
                    .push_bind(&delivery.payload)
                    .push_bind(delivery.received_at.millis())
                    .push_bind(delivery.secret_name.as_deref())
                    .push_bind(if delivery.secret_name.is_some() { "delivered" } else { "fetched" })
                    .push_bind(arrival.undelivered.map(Undelivered::as_str))
                    .push_bind(arrival.copies)
                    .push_bind(delivery.received_at.millis())
                    .push("'pending', 0")
                    .push_bind(delivery.received_at.millis())
                    .push("false");
            });
            query.push(
                " on conflict (livemode, event_id) do update
                    set deliveries = event.deliveries + excluded.deliveries,
                        last_delivery_at = case when excluded.deliveries > 0 then excluded.last_delivery_at else event.last_delivery_at end,
                        secret_name = coalesce(event.secret_name, excluded.secret_name)
                  returning livemode, event_id, deliveries, undelivered,
                    exists (select 1 from erased_customer x where x.livemode = event.livemode and x.customer_id = event.customer_id) as is_erased",
            );
            for row in query.build().fetch_all(self.conn()).await? {
                let key = (row.try_get("livemode")?, row.text("event_id")?);
                if row.flag("is_erased")? {
                    self.keep_nothing_personal(&key, arrivals).await?;
                }
                let fetched = row.opt_text("undelivered")?.is_some();
                known.insert(key, Arrived { deliveries: row.int("deliveries")?, fetched });
            }
        }
        Ok(known)
    }
}

impl Write<'_> {
    /// An event about somebody whose data was erased is kept without what could name them. One that was delivered again is as it is.
    async fn keep_nothing_personal(
        &mut self,
        (live, event_id): &(bool, String),
        arrivals: &[Arrival<'_>],
    ) -> Result<()> {
        let came = arrivals.iter().map(|arrival| arrival.delivery);
        let came =
            came.filter(|delivery| delivery.envelope.livemode.is_live() == *live && delivery.envelope.id == *event_id);
        for delivery in came {
            let mut payload = serde_json::from_str(&delivery.payload).unwrap_or_default();
            redact(&mut payload);
            sqlx::query(
                "update event set payload = $3 where livemode = $1 and event_id = $2 and payload_removed_at is null and payload <> ''",
            )
            .bind(*live)
            .bind(event_id)
            .bind(payload.to_string())
            .execute(self.conn())
            .await?;
        }
        Ok(())
    }
}

pub(super) fn rejected(row: &DbRow) -> Result<RejectedDelivery> {
    let id = row.int("rejected_id")?;
    Ok(RejectedDelivery {
        id,
        received_at: row.time("received_at")?,
        failed_check: row.text("failed_check")?,
        message: row.text("message")?,
        tried: json("rejected_delivery", "tried", &id.to_string(), &row.text("tried")?)?,
        remote: row.opt_text("remote")?,
        signature_header: row.opt_text("signature_header")?,
        body_size: row.int("body_size")?,
        body_start: row.text("body_start")?,
    })
}
