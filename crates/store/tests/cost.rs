//! What an event costs does not grow with the events that came before it: counted in statements and in rows they answer with, so that
//! the machine's speed says nothing. That rows are found by index is another test's (`contract/plans.rs`).
//!
//! The counting listens to all statements of the process: this file has one test.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::atomic::{AtomicU64, Ordering};

use domain::Livemode;
use domain::catalog::{Feature, FeatureGrant, FeatureType};
use domain::event::Envelope;
use serde_json::{Value, json};
use store::records::{Author, Delivery, TargetKind};
use store::{Options, Store};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

const START: i64 = 1_795_305_600;
const EVENTS: usize = 400;
static STATEMENTS: AtomicU64 = AtomicU64::new(0);
static ROWS: AtomicU64 = AtomicU64::new(0);

/// Counts the statements that sqlx tells of.
struct Counter;

impl Subscriber for Counter {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        STATEMENTS.fetch_add(1, Ordering::SeqCst);
        event.record(&mut Rows);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Rows;

impl Visit for Rows {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "rows_returned" {
            ROWS.fetch_add(value, Ordering::SeqCst);
        }
    }
    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

fn event(n: usize, kind: &str, created: i64, object: &Value, previous: &Value) -> Value {
    json!({
        "id": format!("evt_{n}"), "object": "event", "api_version": "2025-09-30.clover", "created": created, "type": kind,
        "data": {"object": object, "previous_attributes": previous}, "livemode": false, "pending_webhooks": 1,
    })
}

fn subscription(start: i64, ends: Option<i64>) -> Value {
    json!({
        "id": "sub_1", "object": "subscription", "customer": "cus_1", "status": "active", "metadata": {"user_id": "user_1"},
        "created": START, "cancel_at": ends, "latest_invoice": format!("in_{start}"),
        "items": {"object": "list", "has_more": false, "data": [{
            "id": "si_1", "quantity": 1, "current_period_start": start, "current_period_end": start + 604_800,
            "price": {"id": "price_pro", "object": "price", "product": "prod_pro"},
        }]},
    })
}

/// A name, and the event with this number.
type Stream = (&'static str, fn(usize) -> Value);

/// Renewals, one a week: the new period, the bill, its payment.
fn renewals(n: usize) -> Value {
    let week = START + i64::try_from(n / 3).unwrap() * 604_800;
    let id = format!("in_{week}");
    let bill = json!({
        "id": id, "object": "invoice", "customer": "cus_1", "status": "paid", "amount_paid": 900, "attempted": true,
        "billing_reason": "subscription_cycle", "lines": {"has_more": false, "data": []},
        "parent": {"type": "subscription_details", "subscription_details": {"subscription": "sub_1"}},
    });
    let payment = json!({"id": format!("inpay_{n}"), "object": "invoice_payment", "invoice": id,
        "payment": {"type": "payment_intent", "payment_intent": format!("pi_{n}")}});
    match n % 3 {
        0 => event(
            n,
            "customer.subscription.updated",
            week,
            &subscription(week, None),
            &json!({"latest_invoice": "in_0"}),
        ),
        1 => event(n, "invoice.paid", week + 3600, &bill, &Value::Null),
        _ => event(n, "invoice_payment.paid", week + 3600, &payment, &Value::Null),
    }
}

/// A cancel set and undone, over and over, twice a second: what came first only the whole trail could tell.
fn wavering(n: usize) -> Value {
    let (now, before) = if n.is_multiple_of(2) { (None, Some(START)) } else { (Some(START), None) };
    let at = START + i64::try_from(n / 2).unwrap();
    event(n, "customer.subscription.updated", at, &subscription(START, now), &json!({"cancel_at": before}))
}

/// A failed debit after the other, each a fact of its own until it is paid.
fn failures(n: usize) -> Value {
    let at = START + i64::try_from(n / 2).unwrap() * 604_800;
    let paid = !n.is_multiple_of(2);
    let bill = json!({
        "id": format!("in_{at}"), "object": "invoice", "customer": "cus_1", "status": if paid { "paid" } else { "open" },
        "amount_paid": 0, "attempted": true, "billing_reason": "subscription_cycle", "subscription": "sub_1", "payment_intent": null,
        "lines": {"has_more": false, "data": []},
    });
    let kind = if paid { "invoice.paid" } else { "invoice.payment_failed" };
    event(n, kind, at + if paid { 7200 } else { 3600 }, &bill, &Value::Null)
}

async fn open(folder: &tempfile::TempDir, readable: Vec<Livemode>) -> std::sync::Arc<dyn Store> {
    let url = format!("sqlite://{}", folder.path().join("t.db").display());
    let store = store::open(&url, Options { readable, ..Options::default() }).await.unwrap();
    let author = Author::system(domain::Timestamp::from_secs(START));
    store.put_feature(Livemode::Test, &Feature::new("pro", FeatureType::Switch), &author).await.unwrap();
    let grants = [FeatureGrant::of("pro")];
    store.put_grants(Livemode::Test, TargetKind::Price, "price_pro", &grants, &author).await.unwrap();
    let now = domain::Timestamp::from_secs(START);
    store.put_mapping(Livemode::Test, "cus_1", "user_1", domain::mapping::MappingSource::Api, &author).await.unwrap();
    let first = event(EVENTS, "customer.subscription.created", START - 60, &subscription(START, None), &Value::Null);
    take(&store, &first, now).await;
    store
}

/// Takes an event in by itself: how many statements, and how many rows they answered with.
async fn take(store: &std::sync::Arc<dyn Store>, event: &Value, now: domain::Timestamp) -> (u64, u64) {
    let before = (STATEMENTS.load(Ordering::SeqCst), ROWS.load(Ordering::SeqCst));
    let delivery = Delivery {
        envelope: Envelope::read(event).unwrap(),
        payload: event.to_string(),
        received_at: now,
        secret_name: Some("test".into()),
    };
    store.record_deliveries(&[delivery]).await.unwrap();
    assert_eq!(store.process_due(now, 10).await.unwrap().events, 1);
    (STATEMENTS.load(Ordering::SeqCst) - before.0, ROWS.load(Ordering::SeqCst) - before.1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_nth_event_costs_what_the_first_ones_did() {
    tracing::subscriber::set_global_default(Counter).unwrap();
    let streams: [Stream; 3] = [("renewals", renewals), ("wavering", wavering), ("failures", failures)];
    for (name, stream) in streams {
        for readable in [vec![], vec![Livemode::Test]] {
            let folder = tempfile::tempdir().unwrap();
            let store = open(&folder, readable.clone()).await;
            let mut costs = vec![];
            for n in 0..EVENTS {
                let now = domain::Timestamp::from_secs(START + i64::try_from(n).unwrap() * 604_800);
                costs.push(take(&store, &stream(n), now).await);
            }
            // The costliest of a hundred, once what is kept of an object is full and long after.
            let most = |costs: &[(u64, u64)]| {
                (costs.iter().map(|cost| cost.0).max().unwrap(), costs.iter().map(|cost| cost.1).max().unwrap())
            };
            let (early, late) = (most(&costs[70..170]), most(&costs[EVENTS - 100..]));
            assert!(early.0 > 5 && early.1 > 3, "statements are counted: {early:?}");
            assert_eq!(early, late, "{name}, readable: {readable:?}");
            if name == "wavering" {
                assert!(late.1 < 250, "{late:?}");
            }
            store.close().await;
        }
    }
}
