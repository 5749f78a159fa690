//! Thin events: which object changed, and nothing else.

use domain::event::{EventStatus, RelatedObject};
use domain::evidence::retry_delay_ms;
use serde_json::{Value, json};
use store::Options;
use store::records::{Found, Lookup, Snapshot};

use super::helpers::{Database, Engine, MODE, NOW, author, checkout, customer, event, now, on_both, subscription};

on_both! {
    an_object_we_know_marks_its_customer, an_object_nobody_knows_is_asked_for, events_about_one_object_share_an_answer,
    an_answer_is_for_those_who_waited_when_it_began, an_object_that_is_gone_ends_the_asking, a_failed_lookup_is_shown_and_made_again,
    without_a_key_the_setting_is_named, a_product_is_taken_from_the_answer, what_no_rule_uses_is_ignored,
    a_snapshot_that_said_the_same_is_not_done_twice, a_session_without_a_customer_is_kept, a_type_tells_what_no_object_shows,
    what_a_thin_event_lacks_is_named,
}

/// A thin event of test mode about an object, `created` seconds from [`NOW`].
pub fn thin(id: &str, kind: &str, created: i64, object: (&str, &str)) -> Value {
    let at = domain::Timestamp::from_secs(NOW + created).to_string();
    json!({
        "id": id, "object": "v2.core.event", "type": kind, "created": at, "livemode": false, "context": null, "reason": null,
        "related_object": {"id": object.1, "type": object.0, "url": format!("/v1/{}s/{}", object.0, object.1)}
    })
}

async fn open(engine: Engine) -> Option<Database> {
    let options = Options { readable: vec![MODE], ..Options::default() };
    Some(Database::open(engine, options).await?.with_catalog().await)
}

fn linked() -> Value {
    event("evt_cs", "checkout.session.completed", -900_000, checkout("user_1"), None)
}

fn active() -> Value {
    event("evt_sub", "customer.subscription.created", -900_000, subscription("active", "price_pro"), None)
}

fn lookup(kind: &str, id: &str) -> Lookup {
    Lookup { livemode: MODE, object: RelatedObject { kind: kind.into(), id: id.into() } }
}

impl Database {
    async fn lookups(&self, after_s: i64) -> Vec<Lookup> {
        self.store.claim_lookups(now().plus_secs(after_s), 10).await.unwrap()
    }

    async fn found(&self, lookup: &Lookup, found: Found) {
        self.store.apply_lookup(lookup, &found, now(), now()).await.unwrap();
    }

    async fn shown(&self, id: &str) -> (EventStatus, String) {
        let event = self.store.event(MODE, id).await.unwrap().unwrap();
        (event.status, event.error.or(event.note).unwrap_or_default())
    }

    /// The customer's read that is due, answered with these subscriptions.
    async fn read_due(&self, subscriptions: Vec<Value>) {
        let claim = self.store.claim_reads("worker", now(), 10).await.unwrap().remove(0);
        self.answer(&claim, subscriptions, now()).await;
    }
}

async fn an_object_we_know_marks_its_customer(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.take(&[linked(), active()]).await;
    let mut bought = checkout("user_1");
    bought["payment_intent"] = json!("pi_1");
    let charge = json!({"id": "ch_1", "object": "charge", "customer": "cus_1", "payment_intent": "pi_1", "amount": 5, "amount_refunded": 5});
    let dispute = json!({"id": "du_1", "object": "dispute", "payment_intent": "pi_1", "amount": 5, "status": "lost"});
    db.take(&[
        event("evt_cs2", "checkout.session.completed", -600, bought, None),
        event("evt_ch", "charge.refunded", -500, charge, None),
        event("evt_du", "charge.dispute.closed", -400, dispute, None),
    ])
    .await;
    for (n, (kind, object)) in [
        ("v1.customer.subscription.past_due", ("subscription", "sub_1")),
        ("v1.customer.updated", ("customer", "cus_1")),
        ("v1.checkout.session.completed", ("checkout.session", "cs_1")),
        ("v1.charge.refunded", ("charge", "ch_1")),
        ("v1.charge.dispute.closed", ("dispute", "du_1")),
        ("v1.payment_intent.payment_failed", ("payment_intent", "pi_1")),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("evt_thin_{n}");
        db.take(&[thin(&id, kind, 10, object)]).await;
        assert_eq!(db.status(&id).await, EventStatus::Processing, "{kind}");
        assert!(db.lookups(0).await.is_empty(), "{kind}: nobody is asked whose it is");
        db.read_due(vec![subscription("unpaid", "price_pro")]).await;
        assert_eq!(db.verdict(), (false, "subscription_unpaid"));
        let stored = db.store.event(MODE, &id).await.unwrap().unwrap();
        assert_eq!((stored.status, stored.customer_id.as_deref()), (EventStatus::Processed, Some("cus_1")), "{kind}");
    }
}

async fn an_object_nobody_knows_is_asked_for(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.take(&[thin("evt_1", "v1.customer.subscription.created", 0, ("subscription", "sub_1"))]).await;
    assert_eq!(db.status("evt_1").await, EventStatus::Processing);
    assert_eq!(db.store.next_due().await.unwrap(), Some(now()));
    assert!(db.store.claim_reads("worker", now(), 10).await.unwrap().is_empty());
    assert_eq!(db.lookups(0).await, [lookup("subscription", "sub_1")]);
    assert!(db.lookups(59).await.is_empty(), "it is leased");
    assert_eq!(db.lookups(60).await.len(), 1, "the lease ends by itself");
    db.found(&lookup("subscription", "sub_1"), Found::Payer("cus_1".into())).await;
    assert!(db.lookups(3600).await.is_empty());
    db.read_due(vec![subscription("active", "price_pro")]).await;
    assert_eq!(db.status("evt_1").await, EventStatus::Unattributed);
    db.take(&[linked()]).await;
    assert_eq!(db.verdict(), (true, "subscription_active"));
    assert_eq!(db.status("evt_1").await, EventStatus::Processed);
    let known = db.store.customer(MODE, "cus_1").await.unwrap().unwrap();
    assert_eq!(known.last_event_at, Some(now()), "an event told of this customer");
}

async fn events_about_one_object_share_an_answer(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let object = ("subscription", "sub_1");
    db.take(&[
        thin("evt_1", "v1.customer.subscription.created", 0, object),
        thin("evt_2", "v1.customer.subscription.active", 0, object),
        thin("evt_3", "v1.customer.subscription.updated", 0, ("subscription", "sub_2")),
    ])
    .await;
    assert_eq!(db.lookups(0).await, [lookup("subscription", "sub_1"), lookup("subscription", "sub_2")]);
    db.found(&lookup("subscription", "sub_1"), Found::Payer("cus_1".into())).await;
    db.read_due(vec![subscription("active", "price_pro")]).await;
    for (id, status) in
        [("evt_1", EventStatus::Unattributed), ("evt_2", EventStatus::Unattributed), ("evt_3", EventStatus::Processing)]
    {
        assert_eq!(db.status(id).await, status, "{id}");
    }
}

async fn an_answer_is_for_those_who_waited_when_it_began(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.take(&[thin("evt_1", "v1.product.updated", 0, ("product", "prod_1"))]).await;
    let asked = db.lookups(0).await.remove(0);
    let late = super::helpers::delivery(
        &thin("evt_2", "v1.product.updated", 1, ("product", "prod_1")),
        now().plus_millis(1500),
    );
    db.store.record_deliveries(&[late]).await.unwrap();
    db.drain_at(now().plus_secs(2)).await;
    let product =
        |name: &str| Found::Object(json!({"id": "prod_1", "object": "product", "name": name, "active": true}));
    db.found(&asked, product("Old")).await;
    assert_eq!(db.status("evt_1").await, EventStatus::Processed);
    assert_eq!(db.status("evt_2").await, EventStatus::Processing, "the answer may be older than its news");
    let again = db.lookups(3).await.remove(0);
    db.store.apply_lookup(&again, &product("New"), now().plus_secs(3), now().plus_secs(3)).await.unwrap();
    assert_eq!(db.status("evt_2").await, EventStatus::Processed);
    let name = db.store.product(MODE, "prod_1").await.unwrap().unwrap().product.name;
    assert_eq!(name.as_deref(), Some("New"));
    db.found(&asked, product("Old")).await;
    let name = db.store.product(MODE, "prod_1").await.unwrap().unwrap().product.name;
    assert_eq!(name.as_deref(), Some("New"), "an answer that nobody waits for any more changes nothing");
}

async fn an_object_that_is_gone_ends_the_asking(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.take(&[
        thin("evt_1", "v1.customer.subscription.updated", 0, ("subscription", "sub_1")),
        thin("evt_2", "v1.customer.subscription.deleted", 0, ("subscription", "sub_2")),
        thin("evt_3", "v1.charge.refunded", 0, ("charge", "ch_1")),
    ])
    .await;
    assert_eq!(db.lookups(0).await.len(), 3);
    let gone = || Found::Gone("Stripe has no subscription “sub_1”: No such subscription: 'sub_1'".into());
    db.found(&lookup("subscription", "sub_1"), gone()).await;
    db.found(&lookup("subscription", "sub_2"), gone()).await;
    db.found(&lookup("charge", "ch_1"), Found::Nobody).await;
    let (status, error) = db.shown("evt_1").await;
    assert_eq!(status, EventStatus::Dead);
    assert!(error.contains("No such subscription") && error.contains("another account"), "{error}");
    let (status, note) = db.shown("evt_2").await;
    assert_eq!((status, note.contains("is gone")), (EventStatus::Ignored, true), "{note}");
    let (status, note) = db.shown("evt_3").await;
    assert_eq!((status, note.contains("no Checkout Session")), (EventStatus::Ignored, true), "{note}");
    assert!(db.lookups(30 * 86_400).await.is_empty());
    assert_eq!(db.store.next_due().await.unwrap(), None);
    // A person may still ask again, after mending the key.
    assert!(db.store.replay_event(MODE, "evt_1", &author()).await.unwrap());
    db.drain().await;
    assert_eq!(db.lookups(0).await.len(), 1);
}

async fn a_failed_lookup_is_shown_and_made_again(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.take(&[thin("evt_1", "v1.invoice.paid", 0, ("invoice", "in_1"))]).await;
    let asked = db.lookups(0).await.remove(0);
    db.store.fail_lookup(&asked, "Stripe could not answer now (status 503)", now()).await.unwrap();
    let failed = db.store.event(MODE, "evt_1").await.unwrap().unwrap();
    assert_eq!(failed.status, EventStatus::Failed);
    assert_eq!(failed.error.as_deref(), Some("Stripe could not answer now (status 503)"));
    let mut due = failed.next_attempt_at.unwrap();
    assert_eq!(Some(due.millis() - now().millis()), retry_delay_ms(2, "evt_1"));
    db.drain_at(due.plus_secs(86_400)).await;
    assert_eq!(db.status("evt_1").await, EventStatus::Failed, "it waits for the answer, not for the processor");
    // In the end it is given up, and says so.
    let mut tries = 1;
    while let Some(asked) = db.store.claim_lookups(due, 10).await.unwrap().pop() {
        db.store.fail_lookup(&asked, "Stripe could not answer now (status 503)", due).await.unwrap();
        tries += 1;
        match db.store.event(MODE, "evt_1").await.unwrap().unwrap().next_attempt_at {
            Some(next) => due = next,
            None => break,
        }
    }
    assert_eq!((db.status("evt_1").await, tries), (EventStatus::Dead, 8));
    let attempts = db.store.attempts(MODE, "evt_1").await.unwrap();
    assert_eq!(attempts.iter().filter(|attempt| attempt.cause == "read" && attempt.error.is_some()).count(), 8);
}

async fn without_a_key_the_setting_is_named(engine: Engine) {
    let Some(db) = Database::open(engine, Options::default()).await else { return };
    db.take(&[linked(), active(), thin("evt_1", "v1.customer.subscription.updated", 0, ("subscription", "sub_1"))])
        .await;
    let (status, error) = db.shown("evt_1").await;
    assert_eq!(status, EventStatus::Failed);
    assert!(error.contains("no API key for test mode") && error.contains("STRIPE_SECRET_KEY"), "{error}");
}

async fn a_product_is_taken_from_the_answer(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.take(&[
        thin("evt_1", "v1.product.created", 0, ("product", "prod_1")),
        thin("evt_2", "v1.price.created", 0, ("price", "price_pro")),
    ])
    .await;
    let product = json!({"id": "prod_1", "object": "product", "name": "Pro", "active": true});
    let price = json!({"id": "price_pro", "object": "price", "product": product, "unit_amount": 2900, "currency": "eur", "active": true,
        "type": "one_time", "recurring": null});
    db.lookups(0).await;
    db.found(&lookup("product", "prod_1"), Found::Object(product)).await;
    db.found(&lookup("price", "price_pro"), Found::Object(price)).await;
    assert_eq!((db.status("evt_1").await, db.status("evt_2").await), (EventStatus::Processed, EventStatus::Processed));
    let stored = db.store.price(MODE, "price_pro").await.unwrap().unwrap();
    assert_eq!((stored.price.unit_amount, stored.price.product_id.as_deref()), (Some(2900), Some("prod_1")));
    // Stripe has it no longer, whichever event says so: its name stays for people to read.
    db.take(&[thin("evt_3", "v1.product.deleted", 5, ("product", "prod_1"))]).await;
    let asked = db.store.claim_lookups(now(), 10).await.unwrap().remove(0);
    db.found(&asked, Found::Gone("No such product: 'prod_1'".into())).await;
    let stored = db.store.product(MODE, "prod_1").await.unwrap().unwrap();
    assert_eq!((stored.deleted, stored.product.name.as_deref()), (true, Some("Pro")));
    assert_eq!(db.status("evt_3").await, EventStatus::Processed);
}

async fn what_no_rule_uses_is_ignored(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    for (n, (kind, object)) in [
        ("v1.invoice.created", ("invoice", "in_1")),
        ("v1.charge.succeeded", ("charge", "ch_1")),
        ("v1.customer.discount.created", ("discount", "di_1")),
        ("v2.billing.meter.no_meter_found", ("billing.meter", "mtr_1")),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("evt_{n}");
        db.take(&[thin(&id, kind, 0, object)]).await;
        let (status, note) = db.shown(&id).await;
        assert_eq!((status, note.contains(kind)), (EventStatus::Ignored, true), "{kind}: {note}");
    }
    let mut alone = thin("evt_alone", "v2.core.event_destination.ping", 0, ("x", "y"));
    alone["related_object"] = Value::Null;
    db.take(&[alone]).await;
    assert_eq!(db.status("evt_alone").await, EventStatus::Ignored);
    assert!(db.lookups(0).await.is_empty());
}

async fn a_snapshot_that_said_the_same_is_not_done_twice(engine: Engine) {
    for thin_first in [false, true] {
        let Some(db) = open(engine).await else { return };
        db.take(&[linked()]).await;
        let mut said = thin("evt_thin", "v1.customer.subscription.created", 0, ("subscription", "sub_1"));
        said["snapshot_event"] = json!("evt_1");
        let snapshot = event("evt_1", "customer.subscription.created", 0, subscription("active", "price_pro"), None);
        let mut both = vec![snapshot, said];
        if thin_first {
            both.reverse();
        }
        db.take(&both).await;
        if thin_first {
            // The snapshot came while the answer was on its way.
            let asked = db.lookups(0).await.remove(0);
            db.found(&asked, Found::Payer("cus_1".into())).await;
            db.read_due(vec![subscription("active", "price_pro")]).await;
        }
        assert!(db.store.claim_reads("worker", now(), 10).await.unwrap().is_empty());
        assert_eq!(
            (db.status("evt_1").await, db.status("evt_thin").await),
            (EventStatus::Processed, EventStatus::Processed)
        );
        assert_eq!(db.verdict(), (true, "subscription_active"));
        let gained = db.store.verdict_changes(MODE, "user_1", 100).await.unwrap();
        assert_eq!(gained.iter().filter(|change| change.change.allowed_after).count(), 1, "thin first: {thin_first}");
        if !thin_first {
            let stored = db.store.event(MODE, "evt_thin").await.unwrap().unwrap();
            assert!(stored.note.unwrap().contains("evt_1"), "the log says why nothing was read");
            assert_eq!(stored.customer_id.as_deref(), Some("cus_1"));
        }
    }
}

async fn a_session_without_a_customer_is_kept(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let mut expired = checkout("user_1");
    expired["customer"] = Value::Null;
    expired["status"] = json!("expired");
    db.take(&[thin("evt_1", "v1.checkout.session.expired", 0, ("checkout.session", "cs_1"))]).await;
    let asked = db.lookups(0).await.remove(0);
    db.found(&asked, Found::Object(expired)).await;
    let stored = db.store.checkout_session(MODE, "cs_1").await.unwrap().unwrap();
    assert_eq!(stored.session.status.as_deref(), Some("expired"));
    assert_eq!(db.status("evt_1").await, EventStatus::Processed);
    // What cannot be read has its path on the event.
    db.take(&[thin("evt_2", "v1.checkout.session.expired", 0, ("checkout.session", "cs_2"))]).await;
    let asked = db.lookups(0).await.remove(0);
    db.found(&asked, Found::Object(json!({"id": "cs_2", "status": "expired"}))).await;
    let (status, error) = db.shown("evt_2").await;
    assert_eq!((status, error.contains("checkout.session.mode is missing")), (EventStatus::Failed, true), "{error}");
}

async fn a_type_tells_what_no_object_shows(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.take(&[linked(), active()]).await;
    db.take(&[thin("evt_1", "v1.invoice.payment_failed", -30, ("invoice", "in_1"))]).await;
    let asked = db.lookups(0).await.remove(0);
    db.found(&asked, Found::Payer("cus_1".into())).await;
    let claim = db.store.claim_reads("worker", now(), 10).await.unwrap().remove(0);
    let invoice = json!({
        "id": "in_1", "object": "invoice", "customer": "cus_1", "status": "open", "billing_reason": "subscription_cycle", "attempted": true,
        "parent": {"type": "subscription_details", "subscription_details": {"subscription": "sub_1", "metadata": {}}}, "amount_paid": 0,
        "created": NOW - 60, "status_transitions": {"paid_at": null}, "lines": {"object": "list", "has_more": false, "data": []}
    });
    let snapshot = Snapshot {
        customer: Some(customer()),
        subscriptions: vec![subscription("active", "price_pro")],
        invoices: vec![invoice],
        ..Snapshot::default()
    };
    db.store.apply_snapshot(&claim, &snapshot, now(), &author()).await.unwrap();
    let facts = db.store.index().facts(MODE, "user_1").unwrap();
    let failed = facts.subscriptions[0].failed_debit.as_ref().unwrap();
    assert_eq!((failed.invoice_id.as_str(), failed.at), ("in_1", now().plus_secs(-30)), "when the event says it was");
    assert_eq!(db.status("evt_1").await, EventStatus::Processed);
}

async fn what_a_thin_event_lacks_is_named(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    for (field, path) in [("type", "related_object.type"), ("id", "related_object.id")] {
        let id = format!("evt_{field}");
        let mut broken = thin(&id, "v1.customer.subscription.updated", 0, ("subscription", "sub_1"));
        broken["related_object"].as_object_mut().unwrap().remove(field);
        db.take(&[broken]).await;
        let (status, error) = db.shown(&id).await;
        assert_eq!((status, error), (EventStatus::Failed, format!("{path} is missing: expected a string")));
    }
}
