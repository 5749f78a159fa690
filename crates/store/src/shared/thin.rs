//! Thin events: they tell which object changed and nothing else, so Stripe is asked (docs.stripe.com/event-destinations).
//!
//! The customer of an object is read whole, like after any event that does not tell all. Where it is not known here whose object it is,
//! the event waits for a *lookup*: Stripe is asked for the object, outside of any transaction, and the answer names the payer. Products
//! and prices are nobody's: the answer itself is taken in.

use domain::event::{EventStatus, RelatedObject, USED_TYPES, plain_type};
use domain::stripe::json::Missing;
use domain::{Livemode, Timestamp};
use serde_json::{Value, json};

use super::Backend;
use super::dialect::SKIP_LOCKED;
use super::processing::{DUE, Due, Outcome, due, unused};
use super::rows::{Columns as _, json as read_json};
use super::write::Write;
use crate::records::{Effects, Found, Lookup, ReadClaim, Snapshot};
use crate::{Error, Result};

/// How long a lookup may take before somebody else may try. Two of them do no harm.
const LEASE_MS: i64 = 60_000;
const READ: &str = "A thin event: its customer is read from Stripe.";

/// Whether some rule needs to know that this object changed.
fn is_used(kind: &str, object: &str) -> bool {
    match object {
        "customer" | "subscription" | "checkout.session" | "product" | "price" => true,
        "invoice" | "charge" | "refund" | "dispute" | "payment_intent" => USED_TYPES.contains(&plain_type(kind)),
        _ => false,
    }
}

/// Whether nobody owns this kind of object.
fn is_catalog(object: &str) -> bool {
    matches!(object, "product" | "price")
}

impl Write<'_> {
    /// Takes a thin event in: its customer is read, or has to be asked for.
    pub(super) async fn take_in_thin(&mut self, due: &Due, payload: &Value, now: Timestamp) -> Result<Outcome> {
        let object = match RelatedObject::read(payload) {
            Ok(Some(object)) => object,
            Ok(None) => return Ok(Outcome::Ignored { note: "A thin event about no object.".into() }),
            Err(missing) => return Ok(Outcome::Failed { error: missing.to_string() }),
        };
        if !is_used(&due.kind, &object.kind) {
            return Ok(Outcome::Ignored { note: unused(&due.kind) });
        }
        if let Some(outcome) = self.told_by_snapshot(due, payload).await? {
            return Ok(outcome);
        }
        if !self.backend.options.readable.contains(&due.livemode) {
            let error = format!(
                "a thin event does not carry its {}: it has to be read from Stripe, and there is no API key for {} mode. Set STRIPE_SECRET_KEY",
                object.kind, due.livemode
            );
            return Ok(Outcome::Failed { error });
        }
        match self.known_payer(due.livemode, &object).await? {
            Some(payer_id) => {
                self.name_payer(due, &payer_id, now).await?;
                Ok(Outcome::Waits { note: READ.into() })
            }
            None if is_catalog(&object.kind) => {
                Ok(Outcome::Asks { note: format!("A thin event: the {} is read from Stripe.", object.kind) })
            }
            None => Ok(Outcome::Asks { note: format!("A thin event: Stripe is asked whose {} is.", object.id) }),
        }
    }

    /// Where both kinds of events are sent, the snapshot of the same change may have said it all already. A person's replay reads anyway.
    async fn told_by_snapshot(&mut self, due: &Due, payload: &Value) -> Result<Option<Outcome>> {
        let Some(snapshot) = payload.get("snapshot_event").and_then(Value::as_str).filter(|_| due.actor.is_none())
        else {
            return Ok(None);
        };
        let customer_id: Option<Option<String>> = sqlx::query_scalar(
            "select customer_id from event where livemode = $1 and event_id = $2 and status in ('processed', 'unattributed')",
        )
        .bind(due.livemode.is_live())
        .bind(snapshot)
        .fetch_optional(self.conn())
        .await?;
        let Some(customer_id) = customer_id else { return Ok(None) };
        if let Some(customer_id) = &customer_id {
            self.keep_payer(due, customer_id).await?;
        }
        let status = self.settled_status(due.livemode, customer_id.as_deref()).await?;
        let note = format!("The snapshot event {snapshot} told the same and was taken in: nothing is done twice.");
        Ok(Some(Outcome::Done { status, note: Some(note) }))
    }

    /// Whose object it is, as far as we know without asking.
    async fn known_payer(&mut self, livemode: Livemode, object: &RelatedObject) -> Result<Option<String>> {
        let statement = match object.kind.as_str() {
            "customer" => return Ok(Some(object.id.clone())),
            "subscription" => "select customer_id from subscription where livemode = $1 and subscription_id = $2",
            "checkout.session" => {
                "select customer_id from checkout_session where livemode = $1 and checkout_session_id = $2 and customer_id is not null"
            }
            "invoice" => "select customer_id from invoice where livemode = $1 and invoice_id = $2",
            "payment_intent" => return self.payer_of_payment(livemode, Some(&object.id), None).await,
            "charge" | "refund" | "dispute" => {
                let payment_id: Option<String> =
                    sqlx::query_scalar("select payment_id from payment_object where livemode = $1 and object_id = $2")
                        .bind(livemode.is_live())
                        .bind(&object.id)
                        .fetch_optional(self.conn())
                        .await?;
                return self.payer_of_payment(livemode, payment_id.as_deref(), None).await;
            }
            _ => return Ok(None),
        };
        Ok(sqlx::query_scalar(statement).bind(livemode.is_live()).bind(&object.id).fetch_optional(self.conn()).await?)
    }

    /// The event is about this payer, who has to be read.
    async fn name_payer(&mut self, due: &Due, payer_id: &str, now: Timestamp) -> Result<()> {
        self.keep_payer(due, payer_id).await?;
        let named = Due { customer_id: Some(payer_id.to_owned()), ..due.clone() };
        self.see_customers(std::slice::from_ref(&named)).await?;
        self.mark_dirty(due.livemode, payer_id, now, due.actor.is_some()).await
    }

    async fn keep_payer(&mut self, due: &Due, payer_id: &str) -> Result<()> {
        sqlx::query("update event set customer_id = $3 where livemode = $1 and event_id = $2")
            .bind(due.livemode.is_live())
            .bind(&due.event_id)
            .bind(payer_id)
            .execute(self.conn())
            .await?;
        Ok(())
    }

    /// Events that wait for this lookup and were here when it began.
    async fn asking(&mut self, lookup: &Lookup, began: Timestamp) -> Result<Vec<Due>> {
        let sql = format!(
            "select {DUE} from event
             where livemode = $1 and object_id = $2 and received_at <= $3 and waits_for_read and customer_id is null
                and status in ('processing', 'failed')"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(lookup.livemode.is_live())
            .bind(&lookup.object.id)
            .bind(began.millis())
            .fetch_all(self.conn())
            .await?;
        rows.iter().map(|row| Ok(Due { cause: "read", actor: None, ..due(row)? })).collect()
    }

    /// What became of one event by the answer.
    async fn settle_by_answer(
        &mut self,
        due: &Due,
        object: &RelatedObject,
        found: &Found,
        started_at: Timestamp,
        now: Timestamp,
    ) -> Result<()> {
        let mut effects = Effects::default();
        let gone = json!({"id": object.id, "deleted": true});
        let outcome = match found {
            Found::Payer(payer_id) => {
                self.name_payer(due, payer_id, now).await?;
                Outcome::Waits { note: READ.into() }
            }
            Found::Object(value) => self.take_in_answer(due, object, value, started_at, now, &mut effects).await?,
            Found::Gone(_) if is_catalog(&object.kind) => {
                self.take_in_answer(due, object, &gone, started_at, now, &mut effects).await?
            }
            Found::Nobody => {
                Outcome::Ignored { note: format!("{} belongs to no customer and to no Checkout Session.", object.id) }
            }
            Found::Gone(_) if due.kind.ends_with(".deleted") => {
                Outcome::Ignored { note: format!("{} is gone, and nothing here was about it.", object.id) }
            }
            Found::Gone(message) => {
                let error = format!(
                    "{message} It was deleted since, or the API key is another account's. It is not asked for again by itself"
                );
                let by = (due.cause, None);
                return self.note_failure(due.livemode, &due.event_id, by, due.attempts + 1, None, &error).await;
            }
        };
        self.finish(due, &outcome, &effects, now).await
    }

    /// Takes an object that belongs to nobody from the answer, as the snapshot event of its change would have told it.
    async fn take_in_answer(
        &mut self,
        due: &Due,
        object: &RelatedObject,
        value: &Value,
        started_at: Timestamp,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Result<Outcome> {
        let kind = match object.kind.as_str() {
            kind if is_catalog(kind) && value["deleted"] == true => format!("{kind}.deleted"),
            kind if is_catalog(kind) => format!("{kind}.updated"),
            _ => plain_type(&due.kind).to_owned(),
        };
        let evidence = self.backend.read_evidence(due.livemode, started_at);
        let taken = self.take_in_object(due, &kind, value, &evidence, now, effects).await?;
        Ok(match taken {
            Ok(Some(_)) => {
                let note = "A thin event: the object was read from Stripe.".to_owned();
                Outcome::Done { status: EventStatus::Processed, note: Some(note) }
            }
            Ok(None) => Outcome::Ignored { note: unused(&due.kind) },
            Err(missing) => Outcome::Failed { error: unreadable(&object.kind, &missing) },
        })
    }

    /// Some types tell what no object shows: that a payment failed, when it came. Their objects are in the answer about the customer,
    /// and their events wait for it.
    pub(super) async fn hear_types(
        &mut self,
        claim: &ReadClaim,
        snapshot: &Snapshot,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Result<()> {
        let sql = format!(
            "select {DUE} from event
             where livemode = $1 and customer_id = $2 and waits_for_read and status in ('processing', 'failed', 'dead') and kind like 'v1.%'"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(claim.livemode.is_live())
            .bind(&claim.customer_id)
            .fetch_all(self.conn())
            .await?;
        for row in &rows {
            let due = due(row)?;
            let payload: Value = read_json("event", "payload", &due.event_id, &due.payload)?;
            let Ok(Some(object)) = RelatedObject::read(&payload) else { continue };
            let kind = plain_type(&due.kind);
            let within = |list: &[Value]| list.iter().find(|value| value["id"] == object.id.as_str()).cloned();
            let value = match kind {
                "invoice.payment_failed" => within(&snapshot.invoices),
                // A failed intent is told of its invoice by its id alone.
                "payment_intent.payment_failed" => Some(json!({"id": object.id})),
                "customer.subscription.past_due" => {
                    within(&snapshot.subscriptions).filter(|subscription| subscription["status"] == "past_due")
                }
                kind if kind.starts_with("checkout.session.") => within(&snapshot.checkout_sessions),
                _ => None,
            };
            if let Some(value) = value {
                let taken = self.take_in_object(&due, kind, &value, &due.evidence(), now, effects).await?;
                taken.map_err(|missing| Error::Inconsistent {
                    table: "stripe",
                    column: "answer",
                    id: object.id,
                    message: missing.to_string(),
                })?;
            }
        }
        Ok(())
    }
}

fn unreadable(kind: &str, missing: &Missing) -> String {
    format!("Stripe's answer: {kind}.{missing}")
}

impl Backend {
    /// When the next lookup is due, in the modes that can be read.
    pub(super) async fn next_lookup(&self) -> Result<Option<Timestamp>> {
        self.soonest(
            "select min(next_attempt_at) from event where livemode = $1 and waits_for_read and customer_id is null",
        )
        .await
    }

    pub(super) async fn lease_lookups(&self, now: Timestamp, limit: i64) -> Result<Vec<Lookup>> {
        // The writer is not taken to learn that there is nothing to do.
        if self.next_lookup().await?.is_none_or(|due| due > now) {
            return Ok(vec![]);
        }
        let mut write = self.begin().await?;
        let mut lookups: Vec<Lookup> = vec![];
        for livemode in &self.options.readable {
            let sql = format!(
                "select event_id, payload from event
                 where livemode = $1 and waits_for_read and customer_id is null and next_attempt_at <= $2
                 order by next_attempt_at
                 limit $3{SKIP_LOCKED}"
            );
            let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
                .bind(livemode.is_live())
                .bind(now.millis())
                .bind(limit)
                .fetch_all(write.conn())
                .await?;
            for row in &rows {
                let event_id = row.text("event_id")?;
                let payload: Value = read_json("event", "payload", &event_id, &row.text("payload")?)?;
                if let Ok(Some(object)) = RelatedObject::read(&payload) {
                    let lookup = Lookup { livemode: *livemode, object };
                    // Events about one object share its answer.
                    if !lookups.contains(&lookup) {
                        lookups.push(lookup);
                    }
                }
                sqlx::query("update event set next_attempt_at = $3 where livemode = $1 and event_id = $2")
                    .bind(livemode.is_live())
                    .bind(&event_id)
                    .bind(now.plus_millis(LEASE_MS).millis())
                    .execute(write.conn())
                    .await?;
            }
        }
        write.commit(now).await?;
        Ok(lookups)
    }

    pub(super) async fn take_answer(
        &self,
        lookup: &Lookup,
        found: &Found,
        started_at: Timestamp,
        now: Timestamp,
    ) -> Result<()> {
        let mut write = self.begin().await?;
        for due in write.asking(lookup, started_at).await? {
            write.settle_by_answer(&due, &lookup.object, found, started_at, now).await?;
        }
        write.commit(now).await
    }

    pub(super) async fn note_failed_lookup(&self, lookup: &Lookup, error: &str, now: Timestamp) -> Result<()> {
        let mut write = self.begin().await?;
        for due in write.asking(lookup, now).await? {
            write.fail_event(due.livemode, &due.event_id, (due.cause, None), due.attempts + 1, now, error).await?;
            // The next lookup settles it, not the processor; one that was given up waits for a person.
            sqlx::query(
                "update event set waits_for_read = true where livemode = $1 and event_id = $2 and status = 'failed'",
            )
            .bind(due.livemode.is_live())
            .bind(&due.event_id)
            .execute(write.conn())
            .await?;
        }
        write.commit(now).await
    }
}
