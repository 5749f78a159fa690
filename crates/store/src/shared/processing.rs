//! Events become state: each with its effects, its attempt and its status in one transaction.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::event::EventStatus;
use domain::evidence::retry_delay_ms;
use domain::mapping::{Claim, MappingSource};
use domain::stripe::json::Missing;
use domain::stripe::{CheckoutSession, Customer, EntitlementSummary, Price, Product, Subscription};
use domain::{Livemode, Timestamp};
use serde_json::{Value, json};
use sqlx::QueryBuilder;

use super::Backend;
use super::audit::audit;
use super::dialect::{Db, SKIP_LOCKED};
use super::objects::{self, Applied, Evidence, Origin};
use super::rows::{Columns as _, DbRow, json as read_json, to_json};
use super::write::{Attempt, Cause, Write};
use crate::records::{
    Author, Effects, Found, Lookup, ProductClaim, ProductSnapshot, ReadClaim, Round, Snapshot, SyncReport,
};
use crate::{Error, Processing, Result};

/// An event in the hands of the processor.
#[derive(Clone)]
pub(super) struct Due {
    pub(super) livemode: Livemode,
    pub(super) event_id: String,
    pub(super) kind: String,
    pub(super) created: Timestamp,
    pub(super) received_at: Timestamp,
    pub(super) customer_id: Option<String>,
    pub(super) payload: String,
    pub(super) attempts: i64,
    pub(super) cause: &'static str,
    pub(super) actor: Option<String>,
}

/// The columns of [`due`].
pub(super) const DUE: &str = "livemode, event_id, kind, created, received_at, customer_id, payload, attempts, note";

/// What processing one event came to.
pub(super) enum Outcome {
    Done {
        status: EventStatus,
        note: Option<String>,
    },
    Ignored {
        note: String,
    },
    /// Right only after a read of this customer.
    Waits {
        note: String,
    },
    /// Right only after Stripe was asked about its object.
    Asks {
        note: String,
    },
    Failed {
        error: String,
    },
}

/// A round that broke on one event.
enum Broken {
    Event { livemode: Livemode, event_id: String, attempts: i64, error: Error },
    Store(Error),
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

#[async_trait]
impl Processing for Backend {
    async fn process_due(&self, now: Timestamp, limit: i64) -> Result<Round> {
        match self.round(now, limit).await {
            Ok(round) => Ok(round),
            Err(Broken::Store(error)) => Err(error),
            // Nothing of the round is stored; the event that broke it is set aside, the others come with the next round.
            Err(Broken::Event { livemode, event_id, attempts, error }) => {
                let mut write = self.begin().await?;
                write.fail_event(livemode, &event_id, ("retry", None), attempts + 1, now, &error.to_string()).await?;
                write.commit(now).await?;
                Ok(Round { events: 1, failed: 1, reads: 0 })
            }
        }
    }

    async fn next_due(&self) -> Result<Option<Timestamp>> {
        let event: Option<i64> = sqlx::query_scalar(
            "select min(next_attempt_at) from event where status in ('pending', 'failed') and not waits_for_read",
        )
        .fetch_one(&self.read)
        .await?;
        let event = event.map(Timestamp::from_millis);
        let reads = [self.next_read().await?, self.next_lookup().await?, self.next_product_read().await?];
        Ok(reads.into_iter().chain([event]).flatten().min())
    }

    async fn replay_event(&self, livemode: Livemode, event_id: &str, author: &Author) -> Result<bool> {
        let mut write = self.begin().await?;
        if !write.put_in_line(livemode, event_id, None, &note_of(&author.actor), author.now).await? {
            let removed: Option<i64> = sqlx::query_scalar(
                "select payload_removed_at from event where livemode = $1 and event_id = $2 and payload_removed_at is not null",
            )
            .bind(livemode.is_live())
            .bind(event_id)
            .fetch_optional(write.conn())
            .await?;
            return removed.map_or(Ok(false), |at| {
                Err(Error::Removed { id: event_id.to_owned(), at: Timestamp::from_millis(at) })
            });
        }
        audit(write.conn(), author, "event.replay", Some(livemode), ("event", event_id), &json!({})).await?;
        write.commit(author.now).await?;
        Ok(true)
    }

    async fn ignore_event(&self, livemode: Livemode, event_id: &str, author: &Author) -> Result<bool> {
        let mut write = self.begin().await?;
        let reason = author.reason.as_deref().unwrap_or("no reason given");
        let ignored = sqlx::query(
            "update event set status = 'ignored', waits_for_read = false, next_attempt_at = null, error = null, note = $3
             where livemode = $1 and event_id = $2 and status in ('failed', 'dead')",
        )
        .bind(livemode.is_live())
        .bind(event_id)
        .bind(format!("set aside by a person: {reason}"))
        .execute(write.conn())
        .await?;
        if ignored.rows_affected() == 0 {
            return Ok(false);
        }
        write.attempt(Attempt {
            livemode,
            event_id: event_id.to_owned(),
            cause: "ignore",
            actor: Some(author.actor.clone()),
            outcome: EventStatus::Ignored,
            error: None,
        });
        audit(write.conn(), author, "event.ignore", Some(livemode), ("event", event_id), &json!({})).await?;
        write.commit(author.now).await?;
        Ok(true)
    }

    async fn request_read(&self, livemode: Livemode, customer_id: &str, now: Timestamp) -> Result<()> {
        let mut write = self.begin().await?;
        write.mark_dirty(livemode, customer_id, now, true).await?;
        write.commit(now).await
    }

    async fn forget_unknown_customer(&self, livemode: Livemode, customer_id: &str) -> Result<()> {
        let mut write = self.begin().await?;
        sqlx::query(
            "delete from customer where livemode = $1 and customer_id = $2 and evidence_at is null and last_event_at is null and synced_at is null",
        )
        .bind(livemode.is_live())
        .bind(customer_id)
        .execute(write.conn())
        .await?;
        write.commit(Timestamp::default()).await
    }

    async fn doubt_overdue(&self, now: Timestamp, limit: i64) -> Result<usize> {
        self.mark_overdue(now, limit).await
    }

    async fn claim_reads(&self, owner: &str, now: Timestamp, limit: i64) -> Result<Vec<ReadClaim>> {
        self.lease_due(owner, now, limit).await
    }

    async fn claim_read(
        &self,
        livemode: Livemode,
        customer_id: &str,
        owner: &str,
        now: Timestamp,
    ) -> Result<Option<ReadClaim>> {
        self.lease_one(livemode, customer_id, owner, now).await
    }

    async fn apply_snapshot(
        &self,
        claim: &ReadClaim,
        snapshot: &Snapshot,
        started_at: Timestamp,
        author: &Author,
    ) -> Result<SyncReport> {
        self.take_snapshot(claim, snapshot, started_at, author).await
    }

    async fn claim_lookups(&self, now: Timestamp, limit: i64) -> Result<Vec<Lookup>> {
        self.lease_lookups(now, limit).await
    }

    async fn apply_lookup(&self, lookup: &Lookup, found: &Found, started_at: Timestamp, now: Timestamp) -> Result<()> {
        self.take_answer(lookup, found, started_at, now).await
    }

    async fn fail_lookup(&self, lookup: &Lookup, error: &str, now: Timestamp) -> Result<()> {
        self.note_failed_lookup(lookup, error, now).await
    }

    async fn fail_read(&self, claim: &ReadClaim, error: &str, now: Timestamp) -> Result<()> {
        self.note_failed_read(claim, error, now).await
    }

    async fn claim_products(&self, owner: &str, now: Timestamp, limit: i64) -> Result<Vec<ProductClaim>> {
        self.lease_products(owner, now, limit).await
    }

    async fn apply_product(
        &self,
        claim: &ProductClaim,
        answer: &ProductSnapshot,
        started_at: Timestamp,
        now: Timestamp,
    ) -> Result<Effects> {
        self.take_product_read(claim, answer, started_at, now).await
    }

    async fn fail_product(&self, claim: &ProductClaim, error: &str, now: Timestamp) -> Result<()> {
        self.note_failed_product_read(claim, error, now).await
    }

    async fn request_products(&self, livemode: Livemode, author: &Author) -> Result<u64> {
        self.ask_for_products(livemode, author).await
    }
}

/// A replay notes who asked for it, until the attempt carries it.
const REPLAY: &str = "Put back in line by ";

/// The note of an event that somebody has processed again.
pub(super) fn note_of(actor: &str) -> String {
    format!("{REPLAY}{actor}")
}

impl Backend {
    async fn round(&self, now: Timestamp, limit: i64) -> Result<Round, Broken> {
        let mut write = self.begin().await?;
        let sql = format!(
            "select {DUE} from event
             where status in ('pending', 'failed') and not waits_for_read and next_attempt_at <= $1
             order by next_attempt_at, seq
             limit $2{SKIP_LOCKED}"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(now.millis())
            .bind(limit)
            .fetch_all(write.conn())
            .await
            .map_err(Error::from)?;
        let mut round = Round { events: rows.len(), ..Round::default() };
        let due: Vec<Due> = rows.iter().map(due).collect::<Result<_>>()?;
        write.see_customers(&due).await?;
        for due in &due {
            let broken = |error| Broken::Event {
                livemode: due.livemode,
                event_id: due.event_id.clone(),
                attempts: due.attempts,
                error,
            };
            match write.process(due, now).await {
                Ok(Outcome::Failed { .. }) => round.failed += 1,
                Ok(Outcome::Waits { .. } | Outcome::Asks { .. }) => round.reads += 1,
                Ok(_) => {}
                Err(error @ Error::Unavailable(_)) => return Err(Broken::Store(error)),
                Err(error) => return Err(broken(error)),
            }
        }
        write.commit(now).await?;
        Ok(round)
    }
}

/// From a row with the columns of [`DUE`].
pub(super) fn due(row: &DbRow) -> Result<Due> {
    let note = row.opt_text("note")?.unwrap_or_default();
    let actor = note.strip_prefix(REPLAY).map(str::to_owned);
    let attempts = row.int("attempts")?;
    let cause = if actor.is_some() {
        "replay"
    } else if attempts > 0 {
        "retry"
    } else {
        "delivery"
    };
    Ok(Due {
        livemode: row.livemode()?,
        event_id: row.text("event_id")?,
        kind: row.text("kind")?,
        created: row.time("created")?,
        received_at: row.time("received_at")?,
        customer_id: row.opt_text("customer_id")?,
        payload: row.text("payload")?,
        attempts,
        cause,
        actor,
    })
}

impl Due {
    /// What the event's payload is evidence of.
    pub(super) const fn evidence(&self) -> Evidence<'_> {
        Evidence {
            livemode: self.livemode,
            at: self.created,
            known_at: self.received_at,
            origin: Origin::Event { id: self.event_id.as_str() },
        }
    }
}

/// The note of an event that is ignored.
pub(super) fn unused(kind: &str) -> String {
    format!("No rule uses events of the type {kind}.")
}

impl Write<'_> {
    /// Puts an event back in line; `false` when there is none of this id, its body is not kept any more, or its status is not the one it
    /// is expected to have.
    pub(super) async fn put_in_line(
        &mut self,
        livemode: Livemode,
        event_id: &str,
        expected: Option<EventStatus>,
        note: &str,
        now: Timestamp,
    ) -> Result<bool> {
        let put = sqlx::query(
            "update event set status = 'pending', waits_for_read = false, next_attempt_at = $3, error = null, note = $4, attempts = 0
             where livemode = $1 and event_id = $2 and payload_removed_at is null and (cast($5 as text) is null or status = $5)",
        )
        .bind(livemode.is_live())
        .bind(event_id)
        .bind(now.millis())
        .bind(note)
        .bind(expected.map(EventStatus::as_str))
        .execute(self.conn())
        .await?;
        Ok(put.rows_affected() > 0)
    }

    /// One event, with everything it does.
    pub(super) async fn process(&mut self, due: &Due, now: Timestamp) -> Result<Outcome> {
        let mut payload: Value = read_json("event", "payload", &due.event_id, &due.payload)?;
        let named;
        let due = match self.payer_of_event(due, &payload).await? {
            Some(payer_id) => {
                named = Due { customer_id: Some(payer_id), ..due.clone() };
                &named
            }
            None => due,
        };
        if let Some(customer_id) = &due.customer_id
            && self.is_erased(due.livemode, customer_id).await?
        {
            self.keep_without_person(due, &mut payload).await?;
        }
        let mut effects = Effects::default();
        let before = match &due.customer_id {
            Some(customer_id) => self.mapped_user(due.livemode, customer_id).await?,
            None => None,
        };
        let outcome = match self.take_in(due, &payload, now, &mut effects).await? {
            Ok(outcome) => outcome,
            // The payload lacks what we need: Stripe itself can still be asked.
            Err(missing) => self.ask_or_fail(due, format!("data.object.{missing}"), now).await?,
        };
        let after = match &due.customer_id {
            Some(customer_id) => self.mapped_user(due.livemode, customer_id).await?,
            None => None,
        };
        // Not only when there are effects to show: facts hold more than those.
        if !matches!(outcome, Outcome::Ignored { .. }) {
            for user in before.iter().filter(|user| Some(*user) != after.as_ref()).chain(&after) {
                let changes =
                    self.touch_user(due.livemode, user, Cause::new("event", &due.event_id, due.created), now).await?;
                effects.verdicts.extend(changes);
            }
        }
        self.finish(due, &outcome, &effects, now).await?;
        Ok(outcome)
    }

    /// The payer of an event that does not name its customer, where it is known; the event is kept with it.
    async fn payer_of_event(&mut self, due: &Due, payload: &Value) -> Result<Option<String>> {
        let object = payload.pointer("/data/object").filter(|_| due.customer_id.is_none());
        let Some(object) = object else { return Ok(None) };
        let payer_id = self.payer_of(due.livemode, &due.kind, object).await?;
        if let Some(payer_id) = &payer_id {
            sqlx::query("update event set customer_id = $3 where livemode = $1 and event_id = $2")
                .bind(due.livemode.is_live())
                .bind(&due.event_id)
                .bind(payer_id)
                .execute(self.conn())
                .await?;
        }
        Ok(payer_id)
    }

    /// Takes the object in, or says which field is missing.
    async fn take_in(
        &mut self,
        due: &Due,
        payload: &Value,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Result<Result<Outcome, Missing>> {
        if payload.get("object").and_then(Value::as_str) == Some("v2.core.event") {
            return self.take_in_thin(due, payload, now).await.map(Ok);
        }
        let object = payload.pointer("/data/object").unwrap_or(&Value::Null);
        let applied = match self.take_in_object(due, &due.kind, object, &due.evidence(), now, effects).await? {
            Ok(applied) => applied,
            Err(missing) => return Ok(Err(missing)),
        };
        match applied {
            Some(applied) => self.conclude(due, applied, now).await.map(Ok),
            None => Ok(Ok(Outcome::Ignored { note: unused(&due.kind) })),
        }
    }

    /// Takes in one object as an event of this type tells it, or says which field is missing; none for a type that no rule uses.
    pub(super) async fn take_in_object(
        &mut self,
        due: &Due,
        kind: &str,
        object: &Value,
        evidence: &Evidence<'_>,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Result<Result<Option<Applied>, Missing>> {
        let keys = self.backend.options.metadata_keys.clone();
        let deleted = kind.ends_with(".deleted");
        let applied = match kind {
            kind if kind.starts_with("customer.subscription.") => {
                let subscription = match Subscription::read(object, &keys) {
                    Ok(subscription) => subscription,
                    Err(missing) => return Ok(Err(missing)),
                };
                let claim = subscription.claimed_user.clone().map(|user_id| Claim {
                    customer_id: subscription.customer_id.clone(),
                    user_id,
                    source: MappingSource::SubscriptionMetadata,
                });
                self.note_prices(evidence, object, now, effects).await?;
                let applied = objects::apply_subscription(self.conn(), evidence, subscription, &keys, effects).await?;
                self.claims(due, claim, now, effects).await?;
                applied
            }
            "customer.created" | "customer.updated" | "customer.deleted" => {
                let mut customer = match Customer::read(object, &keys) {
                    Ok(customer) => customer,
                    Err(missing) => return Ok(Err(missing)),
                };
                customer.deleted |= deleted;
                let claim = customer.claimed_user.clone().map(|user_id| Claim {
                    customer_id: customer.id.clone(),
                    user_id,
                    source: MappingSource::CustomerMetadata,
                });
                let applied = objects::apply_customer(self.conn(), evidence, &customer, effects).await?;
                if customer.deleted {
                    self.drop_entitlements(due.livemode, &customer.id).await?;
                }
                self.claims(due, claim, now, effects).await?;
                applied
            }
            kind if kind.starts_with("checkout.session.") => {
                let mut session = match CheckoutSession::read(object, &keys) {
                    Ok(session) => session,
                    Err(missing) => return Ok(Err(missing)),
                };
                if kind.ends_with(".async_payment_failed") {
                    session.payment_status = objects::PAYMENT_FAILED.to_owned();
                }
                let claims = session_claims(&session);
                let applied = objects::apply_checkout_session(self.conn(), evidence, session, effects).await?;
                for claim in claims {
                    self.claims(due, Some(claim), now, effects).await?;
                }
                applied
            }
            "product.created" | "product.updated" | "product.deleted" => match Product::read(object) {
                Ok(product) => self.take_product(evidence, &product, deleted, now, effects).await?,
                Err(missing) => return Ok(Err(missing)),
            },
            "price.created" | "price.updated" | "price.deleted" => match Price::read(object) {
                Ok(price) => self.take_price(evidence, &price, deleted, now, effects).await?,
                Err(missing) => return Ok(Err(missing)),
            },
            "entitlements.active_entitlement_summary.updated" => match EntitlementSummary::read(object) {
                Ok(summary) => self.take_entitlements(evidence, summary, now, effects).await?,
                Err(missing) => return Ok(Err(missing)),
            },
            kind => match self.take_in_payment(kind, object, evidence, effects).await? {
                Some(Ok(applied)) => applied,
                Some(Err(missing)) => return Ok(Err(missing)),
                None => return Ok(Ok(None)),
            },
        };
        Ok(Ok(Some(applied)))
    }

    async fn claims(&mut self, due: &Due, claim: Option<Claim>, now: Timestamp, effects: &mut Effects) -> Result<()> {
        match claim {
            Some(claim) => self.claim(due.livemode, &claim, &due.event_id, now, effects).await,
            None => Ok(()),
        }
    }

    /// The payload did not suffice.
    async fn ask_or_fail(&mut self, due: &Due, error: String, now: Timestamp) -> Result<Outcome> {
        match &due.customer_id {
            Some(customer_id) if self.backend.options.readable.contains(&due.livemode) => {
                self.mark_dirty(due.livemode, customer_id, now, due.actor.is_some()).await?;
                Ok(Outcome::Waits { note: format!("{error}. The customer is read from Stripe instead.") })
            }
            _ => Ok(Outcome::Failed { error }),
        }
    }

    /// From what became of the evidence to the event's status.
    async fn conclude(&mut self, due: &Due, applied: Applied, now: Timestamp) -> Result<Outcome> {
        let note = applied.note.map(str::to_owned);
        if let (true, Some(customer_id)) = (applied.needs_read, &due.customer_id) {
            self.mark_dirty(due.livemode, customer_id, now, due.actor.is_some()).await?;
            if self.backend.options.readable.contains(&due.livemode) {
                return Ok(Outcome::Waits { note: note.unwrap_or_else(|| objects::SETTLED.to_owned()) });
            }
        }
        Ok(Outcome::Done { status: self.settled_status(due.livemode, due.customer_id.as_deref()).await?, note })
    }

    /// `processed`, or `unattributed` when the customer is nobody's.
    pub(super) async fn settled_status(
        &mut self,
        livemode: Livemode,
        customer_id: Option<&str>,
    ) -> Result<EventStatus> {
        let Some(customer_id) = customer_id else { return Ok(EventStatus::Processed) };
        let mapped = self.mapped_user(livemode, customer_id).await?;
        Ok(if mapped.is_some() { EventStatus::Processed } else { EventStatus::Unattributed })
    }

    /// Makes sure the customers of these events have a row, notes their newest event, and learns their users.
    pub(super) async fn see_customers(&mut self, due: &[Due]) -> Result<()> {
        let mut seen: BTreeMap<(bool, &str), Timestamp> = BTreeMap::new();
        for due in due {
            let Some(customer_id) = due.customer_id.as_deref() else { continue };
            let newest = seen.entry((due.livemode.is_live(), customer_id)).or_insert(due.received_at);
            *newest = due.received_at.max(*newest);
        }
        if seen.is_empty() {
            return Ok(());
        }
        let mut query = QueryBuilder::<Db>::new(
            "insert into customer (livemode, customer_id, deleted, first_seen_at, last_event_at, read_attempts, is_mapped) ",
        );
        query.push_values(&seen, |mut row, ((livemode, customer_id), at)| {
            row.push_bind(*livemode).push_bind(*customer_id).push("false");
            row.push_bind(at.millis()).push_bind(at.millis()).push("0");
            row.push("exists (select 1 from mapping m where m.livemode = ").push_bind_unseparated(*livemode);
            row.push_unseparated(" and m.customer_id = ").push_bind_unseparated(*customer_id).push_unseparated(")");
        });
        query.push(
            " on conflict (livemode, customer_id) do update
                set last_event_at = case when customer.last_event_at > excluded.last_event_at then customer.last_event_at else excluded.last_event_at end
              returning livemode, customer_id,
                (select m.user_id from mapping m where m.livemode = customer.livemode and m.customer_id = customer.customer_id) as user_id,
                customer.is_erased
                    or exists (select 1 from erased_customer x where x.livemode = customer.livemode and x.customer_id = customer.customer_id) as is_erased",
        );
        for row in query.build().fetch_all(self.conn()).await? {
            let key = (row.livemode()?, row.text("customer_id")?);
            self.erased.insert(key.clone(), row.flag("is_erased")?);
            self.mapped.insert(key, row.opt_text("user_id")?);
        }
        Ok(())
    }

    /// Writes the event's status and its attempt.
    pub(super) async fn finish(
        &mut self,
        due: &Due,
        outcome: &Outcome,
        effects: &Effects,
        now: Timestamp,
    ) -> Result<()> {
        let (status, note, waits, asks_at) = match outcome {
            Outcome::Done { status, note } => (*status, note.clone(), false, None),
            Outcome::Ignored { note } => (EventStatus::Ignored, Some(note.clone()), false, None),
            Outcome::Waits { note } => (EventStatus::Processing, Some(note.clone()), true, None),
            Outcome::Asks { note } => (EventStatus::Processing, Some(note.clone()), true, Some(now)),
            Outcome::Failed { error } => {
                return self
                    .fail_event(
                        due.livemode,
                        &due.event_id,
                        (due.cause, due.actor.as_deref()),
                        due.attempts + 1,
                        now,
                        error,
                    )
                    .await;
            }
        };
        let settled = !waits;
        sqlx::query(
            "update event
             set status = $3, note = $4, effects = coalesce($5, effects), error = null, attempts = attempts + 1, waits_for_read = $6,
                 processed_at = $7, next_attempt_at = $8
             where livemode = $1 and event_id = $2",
        )
        .bind(due.livemode.is_live())
        .bind(&due.event_id)
        .bind(status.as_str())
        .bind(note)
        .bind((!effects.is_empty()).then(|| to_json(effects)))
        .bind(waits)
        .bind(settled.then_some(now.millis()))
        .bind(asks_at.map(Timestamp::millis))
        .execute(self.conn())
        .await?;
        self.attempt(Attempt {
            livemode: due.livemode,
            event_id: due.event_id.clone(),
            cause: due.cause,
            actor: due.actor.clone(),
            outcome: status,
            error: None,
        });
        Ok(())
    }

    /// Notes a failed attempt and when the next one is made, or that it is given up.
    pub(super) async fn fail_event(
        &mut self,
        livemode: Livemode,
        event_id: &str,
        started_by: (&'static str, Option<&str>),
        attempts: i64,
        now: Timestamp,
        error: &str,
    ) -> Result<()> {
        let next = retry_delay_ms(attempts, event_id).map(|delay| now.plus_millis(delay));
        self.note_failure(livemode, event_id, started_by, attempts, next, error).await
    }

    /// Notes a failed attempt; without a `next` one it was the last.
    pub(super) async fn note_failure(
        &mut self,
        livemode: Livemode,
        event_id: &str,
        (cause, actor): (&'static str, Option<&str>),
        attempts: i64,
        next: Option<Timestamp>,
        error: &str,
    ) -> Result<()> {
        let status = if next.is_some() { EventStatus::Failed } else { EventStatus::Dead };
        sqlx::query(
            "update event set status = $3, error = $4, attempts = $5, next_attempt_at = $6, waits_for_read = false, note = null
             where livemode = $1 and event_id = $2",
        )
        .bind(livemode.is_live())
        .bind(event_id)
        .bind(status.as_str())
        .bind(error)
        .bind(attempts)
        .bind(next.map(Timestamp::millis))
        .execute(self.conn())
        .await?;
        self.attempt(Attempt {
            livemode,
            event_id: event_id.to_owned(),
            cause,
            actor: actor.map(str::to_owned),
            outcome: status,
            error: Some(error.to_owned()),
        });
        Ok(())
    }
}

/// What a Checkout Session says about its customer: the application's own reference first. One that was not completed (yet) says nothing:
/// Stripe sends no event when one is opened, so whether it counts must not depend on a read that happens to see it.
pub(super) fn session_claims(session: &CheckoutSession) -> Vec<Claim> {
    let is_complete = !matches!(session.status.as_deref(), Some("open" | "expired"));
    let Some(payer_id) = session.payer_id().filter(|_| is_complete) else { return vec![] };
    let claim = |user_id: &Option<String>, source| {
        user_id.clone().map(|user_id| Claim { customer_id: payer_id.to_owned(), user_id, source })
    };
    [
        claim(&session.client_reference_id, MappingSource::ClientReferenceId),
        claim(&session.claimed_user, MappingSource::CheckoutMetadata),
    ]
    .into_iter()
    .flatten()
    .collect()
}
