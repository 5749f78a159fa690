//! One piece of evidence about one of Stripe's objects becomes state, or is found to be old.

use std::collections::BTreeMap;

use domain::evidence::{self, MARGIN_MS, Order, Witness};
use domain::stripe::json::Missing;
use domain::stripe::{CheckoutSession, Customer, LineItem, Subscription};
use domain::{Livemode, Timestamp};
use serde_json::Value;

use super::rows::{Columns as _, DbRow, json, to_json};
use super::{Conn, note_field, overdue};
use crate::records::Effects;
use crate::{Error, Result};

/// Where evidence comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Origin<'a> {
    /// An event: its id.
    Event { id: &'a str },
    /// An answer of the API to a read that began at the evidence's time.
    Read,
}

impl Origin<'_> {
    pub(super) const fn event_id(&self) -> Option<&str> {
        match self {
            Self::Event { id } => Some(id),
            Self::Read => None,
        }
    }
}

/// Evidence about one object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evidence<'a> {
    pub livemode: Livemode,
    /// On Stripe's clock.
    pub at: Timestamp,
    /// On ours: when the event was received, when the read began.
    pub known_at: Timestamp,
    pub origin: Origin<'a>,
}

impl Evidence<'_> {
    /// A time of Stripe's clock by ours, as far apart as a read says; where nobody wrote down since when we know something, it was then.
    pub(super) fn known_since(&self, at: Timestamp) -> Timestamp {
        match self.origin {
            Origin::Read => at.plus_millis(self.known_at.millis() - self.at.millis()),
            _ => at,
        }
    }
}

/// What became of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Applied {
    /// For the log; empty when it simply took effect.
    pub note: Option<&'static str>,
    /// Only a read from Stripe can tell what is true.
    pub needs_read: bool,
}

/// Our own word for the payment of a session whose delayed payment failed.
pub(super) const PAYMENT_FAILED: &str = "failed";

pub(super) const OLDER: &str = "Older than what is known: nothing changed.";
pub(super) const SETTLED: &str = "Too close in time to other news: settled by what the payloads say.";
pub(super) const FORGOTTEN: &str =
    "Too close in time to other news, whose payload is not kept any more: nothing changed before Stripe is read.";
pub(super) const ENDED: &str = "The object has ended for good: nothing changed.";
pub(super) const UNREAD: &str = "What a session sells is not in its events: it is read from Stripe.";
pub(super) const TRUNCATED: &str = "Stripe cut the list of items in this payload.";

/// What the stored state was last told by.
pub(super) struct Stored {
    pub(super) at: Timestamp,
    pub(super) event_id: Option<String>,
    pub(super) known_at: Timestamp,
}

impl Stored {
    /// From a row with `evidence_at`, `evidence_event_id` and `updated_at`.
    pub(super) fn read(row: &DbRow) -> Result<Self> {
        Ok(Self {
            at: row.time("evidence_at")?,
            event_id: row.opt_text("evidence_event_id")?,
            known_at: row.time("updated_at")?,
        })
    }
}

/// How many events of one object are compared, the newest: what so many leave open, a read tells. So an event costs the same however many came
/// before it.
const TRAIL: i64 = 64;

/// How evidence is to be used.
pub(super) enum Use {
    Apply,
    /// Another event of the same moment is the latest.
    ApplyOther(Box<Witness>),
    Keep,
}

/// What evidence is about.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) object_id: &'a str,
    /// An entitlement summary has no id: its customer's stands in.
    pub(super) is_summary: bool,
}

/// Decides between stored and new about an object, for both kinds of origin.
pub(super) async fn weigh(
    conn: &mut Conn,
    evidence: &Evidence<'_>,
    object_id: &str,
    stored: Option<&Stored>,
    ends: (bool, bool),
) -> Result<(Use, Applied)> {
    weigh_subject(conn, evidence, Subject { object_id, is_summary: false }, stored, ends).await
}

/// [`weigh`], also for what has no id of its own.
pub(super) async fn weigh_subject(
    conn: &mut Conn,
    evidence: &Evidence<'_>,
    subject: Subject<'_>,
    stored: Option<&Stored>,
    ends: (bool, bool),
) -> Result<(Use, Applied)> {
    let (was_terminal, is_terminal) = ends;
    let Some(stored) = stored else { return Ok((Use::Apply, Applied::default())) };
    if let Origin::Read = evidence.origin {
        // What we knew before the read began, Stripe knew too.
        if stored.known_at <= evidence.known_at || (is_terminal && !was_terminal) {
            return Ok((Use::Apply, Applied::default()));
        }
        let undecidable = evidence::compare(Some(stored.at), evidence.at) != Order::Older;
        return Ok((Use::Keep, Applied { note: None, needs_read: undecidable }));
    }
    let order = evidence::compare(Some(stored.at), evidence.at);
    if was_terminal && !is_terminal {
        return Ok((
            Use::Keep,
            Applied { note: Some(if order == Order::Older { OLDER } else { ENDED }), needs_read: false },
        ));
    }
    match order {
        Order::Newer => Ok((Use::Apply, Applied::default())),
        Order::Older if is_terminal && !was_terminal => Ok((Use::Apply, Applied { note: None, needs_read: true })),
        Order::Older => Ok((Use::Keep, Applied { note: Some(OLDER), needs_read: false })),
        Order::Undecidable if stored.event_id.is_none() => {
            let take = if is_terminal && !was_terminal { Use::Apply } else { Use::Keep };
            Ok((take, Applied { note: Some(SETTLED), needs_read: true }))
        }
        // What ends it is its last news, also where the payload does not show it: a session whose delayed payment failed looks the same.
        Order::Undecidable if is_terminal && !was_terminal => {
            Ok((Use::Apply, Applied { note: Some(SETTLED), needs_read: false }))
        }
        Order::Undecidable => {
            let since = stored.at.max(evidence.at).plus_millis(-MARGIN_MS);
            let (mut seen, is_whole) = witnesses(conn, evidence.livemode, subject, since).await?;
            if !is_whole {
                // What another event of the moment said is not kept any more: what was concluded from it stays, unless Stripe says otherwise.
                return Ok((Use::Keep, Applied { note: Some(FORGOTTEN), needs_read: true }));
            }
            if evidence::latest(&seen).is_some_and(|(_, proven)| !proven) {
                // An object that came back to where it was: what led there tells.
                (seen, _) = witnesses(conn, evidence.livemode, subject, Timestamp::default()).await?;
            }
            let Some((winner, proven)) = evidence::latest(&seen) else {
                return Ok((Use::Apply, Applied::default()));
            };
            let applied = Applied { note: Some(SETTLED), needs_read: !proven };
            if Some(winner.event_id.as_str()) == evidence.origin.event_id() {
                return Ok((Use::Apply, applied));
            }
            if Some(winner.event_id.as_str()) == stored.event_id.as_deref() {
                return Ok((Use::Keep, applied));
            }
            Ok((Use::ApplyOther(Box::new(winner.clone())), applied))
        }
    }
}

/// The events about an object since a time on Stripe's clock, whatever their status; and whether the bodies of all are kept still.
async fn witnesses(
    conn: &mut Conn,
    livemode: Livemode,
    subject: Subject<'_>,
    since: Timestamp,
) -> Result<(Vec<Witness>, bool)> {
    let rows = sqlx::query(
        "select event_id, kind, created, payload, payload_removed_at from event where livemode = $1 and object_id = $2 and created >= $3
         order by created desc limit $4",
    )
    .bind(livemode.is_live())
    .bind(subject.object_id)
    .bind(since.millis())
    .bind(TRAIL)
    .fetch_all(conn)
    .await?;
    let mut witnesses = vec![];
    let mut is_whole = true;
    for row in &rows {
        if row.opt_time("payload_removed_at")?.is_some() {
            is_whole = false;
            continue;
        }
        let event_id = row.text("event_id")?;
        let mut payload: Value = json("event", "payload", &event_id, &row.text("payload")?)?;
        let Some(data) = payload.get_mut("data") else { continue };
        let previous = data.get_mut("previous_attributes").map(Value::take).filter(Value::is_object);
        let Some(object) = data.get_mut("object").map(Value::take) else { continue };
        if object.get("id").is_none() != subject.is_summary {
            continue;
        }
        witnesses.push(Witness { event_id, kind: row.text("kind")?, created: row.time("created")?, object, previous });
    }
    Ok((witnesses, is_whole))
}

/// When a subscription was seen in which status.
type Observation = (i64, String);

/// What evidence tells of a subscription's status at which time.
///
/// A read says that it is past due, not since when: if the period began after what was seen before, the failed renewal is the one that
/// began it.
fn observation(evidence: &Evidence<'_>, subscription: &Subscription, observed: &[Observation]) -> Observation {
    let at = evidence.at.millis();
    let status = subscription.status.as_str().to_owned();
    let renewed = subscription.current_period_start().filter(|_| status == "past_due").map(Timestamp::millis);
    let before = observed.iter().rev().find(|(seen, _)| *seen <= at);
    match (evidence.origin, renewed, before) {
        (Origin::Read, Some(renewed), None) => (at.min(renewed), status),
        (Origin::Read, Some(renewed), Some((seen, was))) if was != "past_due" && *seen < renewed => {
            (at.min(renewed), status)
        }
        _ => (at, status),
    }
}

/// Since when the newest run of `past_due` lasts.
fn past_due_since(subscription: &Subscription, observed: &[Observation]) -> Option<Timestamp> {
    if subscription.status.as_str() != "past_due" {
        return None;
    }
    let run = observed.iter().rev().take_while(|(_, status)| status == "past_due").last()?;
    Some(Timestamp::from_millis(run.0))
}

/// Takes a subscription in.
pub(super) async fn apply_subscription(
    conn: &mut Conn,
    evidence: &Evidence<'_>,
    subscription: Subscription,
    metadata_keys: &[String],
    effects: &mut Effects,
) -> Result<Applied> {
    let row = sqlx::query(
        "select state, observed, past_due_since, evidence_at, evidence_event_id, updated_at
         from subscription where livemode = $1 and subscription_id = $2",
    )
    .bind(evidence.livemode.is_live())
    .bind(&subscription.id)
    .fetch_optional(&mut *conn)
    .await?;
    let id = subscription.id.clone();
    let mut before: Option<Subscription> = None;
    let mut stored = None;
    let mut observed: Vec<Observation> = vec![];
    if let Some(row) = &row {
        before = Some(json("subscription", "state", &id, &row.text("state")?)?);
        observed = json("subscription", "observed", &id, &row.text("observed")?)?;
        stored = Some(Stored {
            at: row.time("evidence_at")?,
            event_id: row.opt_text("evidence_event_id")?,
            known_at: row.time("updated_at")?,
        });
    }
    let seen = observation(evidence, &subscription, &observed);
    let is_new_observation = !observed.contains(&seen);
    if is_new_observation {
        observed.push(seen);
        // Of one second, the lateness is taken for the last: a charge is refused after the renewal or the trial's end that it is for.
        observed.sort_by(|a, b| (a.0, a.1 == "past_due", &a.1).cmp(&(b.0, b.1 == "past_due", &b.1)));
        let excess = observed.len().saturating_sub(64);
        observed.drain(..excess);
    }
    let ends = (before.as_ref().is_some_and(|s| s.status.is_terminal()), subscription.status.is_terminal());
    let (decision, mut applied) = weigh(conn, evidence, &id, stored.as_ref(), ends).await?;
    let (after, event_id, at) = match decision {
        Use::Apply => (subscription, evidence.origin.event_id().map(str::to_owned), evidence.at),
        Use::ApplyOther(witness) => {
            let other = Subscription::read(&witness.object, metadata_keys)
                .map_err(|missing| unreadable(&witness.event_id, &missing))?;
            (other, Some(witness.event_id), witness.created)
        }
        Use::Keep => {
            if is_new_observation && let Some(before) = &before {
                let since = past_due_since(before, &observed);
                let known = row.as_ref().map(|row| row.opt_time("past_due_since")).transpose()?.flatten();
                note_field(
                    effects,
                    &id,
                    "past_due_since",
                    known.map(|at| at.to_string()),
                    since.map(|at| at.to_string()),
                );
                sqlx::query("update subscription set observed = $3, past_due_since = $4 where livemode = $1 and subscription_id = $2")
                    .bind(evidence.livemode.is_live())
                    .bind(&id)
                    .bind(to_json(&observed))
                    .bind(since.map(Timestamp::millis))
                    .execute(conn)
                    .await?;
            }
            return Ok(applied);
        }
    };
    if after.items_truncated {
        applied = Applied { note: Some(TRUNCATED), needs_read: true };
    }
    // The latest time of the moment that was weighed, so that the clock of the evidence never runs back.
    let at = stored.as_ref().map_or(at, |stored| {
        if evidence.origin.event_id().is_some() { stored.at.max(at).max(evidence.at) } else { at }
    });
    let since = past_due_since(&after, &observed);
    note_subscription(effects, before.as_ref(), &after);
    sqlx::query(
        "insert into subscription (livemode, subscription_id, customer_id, status, state, observed, past_due_since,
            evidence_at, evidence_event_id, updated_at, check_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         on conflict (livemode, subscription_id) do update
            set customer_id = excluded.customer_id, status = excluded.status, state = excluded.state, observed = excluded.observed,
                past_due_since = excluded.past_due_since, evidence_at = excluded.evidence_at,
                evidence_event_id = excluded.evidence_event_id, updated_at = excluded.updated_at, check_at = excluded.check_at",
    )
    .bind(evidence.livemode.is_live())
    .bind(&id)
    .bind(&after.customer_id)
    .bind(after.status.as_str())
    .bind(to_json(&after))
    .bind(to_json(&observed))
    .bind(since.map(Timestamp::millis))
    .bind(at.millis())
    .bind(event_id)
    .bind(evidence.known_at.millis())
    .bind(overdue::check_at(&after, at).map(Timestamp::millis))
    .execute(&mut *conn)
    .await?;
    note_prices(conn, evidence.livemode, before.as_ref(), &after).await?;
    Ok(applied)
}

/// Keeps which prices are paid for by a subscription that has not ended.
async fn note_prices(
    conn: &mut Conn,
    livemode: Livemode,
    before: Option<&Subscription>,
    after: &Subscription,
) -> Result<()> {
    let paid_for = |subscription: &Subscription| -> BTreeMap<String, Option<String>> {
        let items = subscription.items.iter().filter(|_| !subscription.status.is_terminal());
        items.map(|item| (item.price_id.clone(), item.product_id.clone())).collect()
    };
    let (was, is) = (before.map(paid_for).unwrap_or_default(), paid_for(after));
    if was == is && before.is_none_or(|before| before.customer_id == after.customer_id) {
        return Ok(());
    }
    sqlx::query("delete from subscription_price where livemode = $1 and subscription_id = $2")
        .bind(livemode.is_live())
        .bind(&after.id)
        .execute(&mut *conn)
        .await?;
    for (price_id, product_id) in is {
        sqlx::query(
            "insert into subscription_price (livemode, subscription_id, price_id, product_id, customer_id) values ($1, $2, $3, $4, $5)",
        )
        .bind(livemode.is_live())
        .bind(&after.id)
        .bind(price_id)
        .bind(product_id)
        .bind(&after.customer_id)
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

fn note_subscription(effects: &mut Effects, before: Option<&Subscription>, after: &Subscription) {
    let prices = |s: &Subscription| {
        let items: Vec<_> = s
            .items
            .iter()
            .map(|i| if i.quantity == 1 { i.price_id.clone() } else { format!("{} × {}", i.price_id, i.quantity) })
            .collect();
        items.join(", ")
    };
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    let id = &after.id;
    note_field(
        effects,
        id,
        "status",
        before.map(|s| s.status.as_str().to_owned()),
        Some(after.status.as_str().to_owned()),
    );
    note_field(effects, id, "prices", before.map(prices), Some(prices(after)));
    note_field(
        effects,
        id,
        "current_period_end",
        before.and_then(|s| time(s.current_period_end())),
        time(after.current_period_end()),
    );
    note_field(effects, id, "ends_at", before.and_then(|s| time(s.ends_at())), time(after.ends_at()));
    note_field(effects, id, "trial_end", before.and_then(|s| time(s.trial_end)), time(after.trial_end));
    note_field(
        effects,
        id,
        "pause_collection",
        before.and_then(|s| s.pause_behavior.clone()),
        after.pause_behavior.clone(),
    );
    let waits = |s: &Subscription| time(s.pending_update_until);
    note_field(effects, id, "pending_update", before.and_then(waits), waits(after));
    note_field(effects, id, "schedule", before.and_then(|s| s.schedule_id.clone()), after.schedule_id.clone());
}

/// Another event of the same object could not be read.
pub(super) fn unreadable(event_id: &str, missing: &Missing) -> Error {
    Error::Inconsistent { table: "event", column: "payload", id: event_id.to_owned(), message: missing.to_string() }
}

/// Takes a customer in. Deletion is for ever.
pub(super) async fn apply_customer(
    conn: &mut Conn,
    evidence: &Evidence<'_>,
    customer: &Customer,
    effects: &mut Effects,
) -> Result<Applied> {
    let row = sqlx::query(
        "select email, name, deleted, evidence_at, evidence_event_id, synced_at from customer where livemode = $1 and customer_id = $2 and evidence_at is not null",
    )
    .bind(evidence.livemode.is_live())
    .bind(&customer.id)
    .fetch_optional(&mut *conn)
    .await?;
    let mut applied = Applied::default();
    let mut before = None;
    if let Some(row) = &row {
        let stored = Stored {
            at: row.time("evidence_at")?,
            event_id: row.opt_text("evidence_event_id")?,
            known_at: row
                .opt_time("synced_at")?
                .unwrap_or_default()
                .max(evidence.known_since(row.time("evidence_at")?)),
        };
        let decision;
        (decision, applied) =
            weigh(conn, evidence, &customer.id, Some(&stored), (row.flag("deleted")?, customer.deleted)).await?;
        if !matches!(decision, Use::Apply) {
            return Ok(applied);
        }
        before = Some((row.opt_text("email")?, row.opt_text("name")?, row.flag("deleted")?));
    }
    let yes = |deleted: bool| deleted.then(|| "yes".to_owned());
    if !customer.deleted {
        note_field(effects, &customer.id, "email", before.as_ref().and_then(|b| b.0.clone()), customer.email.clone());
        note_field(effects, &customer.id, "name", before.as_ref().and_then(|b| b.1.clone()), customer.name.clone());
    }
    note_field(effects, &customer.id, "deleted", before.as_ref().and_then(|b| yes(b.2)), yes(customer.deleted));
    sqlx::query(
        "insert into customer (livemode, customer_id, email, name, deleted, claimed_user, evidence_at, evidence_event_id, first_seen_at, read_attempts,
            is_mapped)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, exists (select 1 from mapping m where m.livemode = $1 and m.customer_id = $2))
         on conflict (livemode, customer_id) do update
            set email = case when not customer.is_erased then coalesce(excluded.email, case when excluded.deleted then customer.email end) end,
                name = case when not customer.is_erased then coalesce(excluded.name, case when excluded.deleted then customer.name end) end,
                deleted = excluded.deleted, claimed_user = case when not customer.is_erased then excluded.claimed_user end,
                evidence_at = excluded.evidence_at, evidence_event_id = excluded.evidence_event_id",
    )
    .bind(evidence.livemode.is_live())
    .bind(&customer.id)
    .bind(customer.email.as_deref())
    .bind(customer.name.as_deref())
    .bind(customer.deleted)
    .bind(customer.claimed_user.as_deref())
    .bind(evidence.at.millis())
    .bind(evidence.origin.event_id())
    .bind(evidence.known_at.millis())
    .execute(conn)
    .await?;
    Ok(applied)
}

/// Takes a Checkout Session in.
pub(super) async fn apply_checkout_session(
    conn: &mut Conn,
    evidence: &Evidence<'_>,
    mut session: CheckoutSession,
    effects: &mut Effects,
) -> Result<Applied> {
    let row = sqlx::query(
        "select state, paid_at, evidence_at, evidence_event_id, updated_at from checkout_session where livemode = $1 and checkout_session_id = $2",
    )
    .bind(evidence.livemode.is_live())
    .bind(&session.id)
    .fetch_optional(&mut *conn)
    .await?;
    let mut before: Option<CheckoutSession> = None;
    let mut applied = Applied::default();
    let mut told = Stored {
        at: evidence.at,
        event_id: evidence.origin.event_id().map(str::to_owned),
        known_at: evidence.known_at,
    };
    // A session does not say when it was paid: the first event that calls it paid does.
    let mut paid_at = told.event_id.as_ref().and_then(|_| session.is_paid().then_some(evidence.at));
    if let Some(row) = &row {
        let stored = Stored::read(row)?;
        let known: CheckoutSession = json("checkout_session", "state", &session.id, &row.text("state")?)?;
        let known_paid_at = row.opt_time("paid_at")?;
        paid_at = [paid_at, known_paid_at].into_iter().flatten().min();
        // What it sells never changes, and events do not have it.
        let learns_lines = known.line_items.is_none() && session.line_items.is_some();
        session.line_items = session.line_items.or_else(|| known.line_items.clone());
        // Stripe keeps calling a session unpaid whose delayed payment has failed for good: only the event says so.
        if known.payment_status == PAYMENT_FAILED && session.payment_status == "unpaid" {
            session.payment_status = known.payment_status.clone();
        }
        // A session that was paid, or failed for good, does not become unpaid again.
        let ends = (known.payment_status != "unpaid", session.payment_status != "unpaid");
        let decision;
        (decision, applied) = weigh(conn, evidence, &session.id, Some(&stored), ends).await?;
        if !matches!(decision, Use::Apply) {
            if !learns_lines && paid_at == known_paid_at {
                return Ok(unless_read(applied, evidence, &known));
            }
            session = CheckoutSession { line_items: session.line_items, ..known.clone() };
            told = stored;
        }
        before = Some(known);
    }
    note_field(effects, &session.id, "status", before.as_ref().and_then(|s| s.status.clone()), session.status.clone());
    let line_items = |s: &CheckoutSession| s.line_items.as_ref().map(|lines| sold(lines));
    // What a subscription's session lists stands on the subscription itself, and no event brings it.
    if session.mode == "payment" {
        note_field(effects, &session.id, "line_items", before.as_ref().and_then(line_items), line_items(&session));
    }
    note_field(
        effects,
        &session.id,
        "payment_status",
        before.map(|s| s.payment_status),
        Some(session.payment_status.clone()),
    );
    sqlx::query(
        "insert into checkout_session
            (livemode, checkout_session_id, customer_id, payment_id, paid_at, client_reference_id, state, evidence_at, evidence_event_id,
             updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         on conflict (livemode, checkout_session_id) do update
            set customer_id = excluded.customer_id, payment_id = excluded.payment_id, paid_at = excluded.paid_at,
                client_reference_id = excluded.client_reference_id, state = excluded.state, evidence_at = excluded.evidence_at, evidence_event_id = excluded.evidence_event_id,
                updated_at = excluded.updated_at",
    )
    .bind(evidence.livemode.is_live())
    .bind(&session.id)
    .bind(session.payer_id())
    .bind(session.payment_intent_id.as_deref())
    .bind(paid_at.map(Timestamp::millis))
    .bind(session.client_reference_id.as_deref())
    .bind(to_json(&session))
    .bind(told.at.millis())
    .bind(told.event_id)
    .bind(told.known_at.millis())
    .execute(conn)
    .await?;
    Ok(unless_read(applied, evidence, &session))
}

/// A purchase is only known once it was read what it sells.
fn unless_read(applied: Applied, evidence: &Evidence<'_>, session: &CheckoutSession) -> Applied {
    let lacks = evidence.origin.event_id().is_some() && session.is_purchase() && session.line_items.is_none();
    if lacks { Applied { note: Some(UNREAD), needs_read: true } } else { applied }
}

/// `price_1, price_2 × 3`.
fn sold(lines: &[LineItem]) -> String {
    let lines = lines.iter().map(|line| match line.quantity {
        1 => line.price_id.clone(),
        quantity => format!("{} × {quantity}", line.price_id),
    });
    lines.collect::<Vec<_>>().join(", ")
}
