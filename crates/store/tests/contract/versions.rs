//! Whole payloads of each API version, kept as files that nothing of ours made: one story, the same answers.
//!
//! The files under `tests/fixtures` have every field that Stripe documents for its version, with values of our own.

use serde_json::{Value, json};
use store::Options;
use store::records::{Snapshot, TargetKind};

use domain::catalog::FeatureGrant;
use domain::event::EventStatus;

use super::helpers::{Database, Engine, MODE, NOW, author, event, now, on_both};

on_both! {
    subscriptions_of_every_version, sales_of_every_version, invoices_of_every_version, embedded_lists_that_are_cut_are_read,
    every_way_to_name_an_object, a_customer_is_deleted_before_its_subscription, a_field_that_is_missing_is_named_on_the_event,
}

const VERSIONS: [&str; 5] = ["2022-11-15", "2024-06-20", "2025-03-31.basil", "2025-09-30.clover", "2026-10-28.endive"];

fn payload(version: &str, name: &str) -> Value {
    let path = format!("{}/tests/fixtures/{version}/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// An event of this version, `created` seconds from now, about a payload with some fields replaced.
fn told(version: &str, id: &str, kind: &str, created: i64, name: &str, patch: &[(&str, Value)]) -> Value {
    let mut object = payload(version, name);
    for (pointer, value) in patch {
        *object.pointer_mut(pointer).unwrap() = value.clone();
    }
    let mut event = event(id, kind, created, object, None);
    event["api_version"] = json!(version);
    event
}

async fn open(engine: Engine) -> Option<Database> {
    let options = Options { readable: vec![MODE], ..Options::default() };
    let db = Database::open(engine, options).await?.with_catalog().await;
    let once = [FeatureGrant::of("pro")];
    db.store.put_grants(MODE, TargetKind::Price, "price_once", &once, &author()).await.unwrap();
    Some(db)
}

impl Database {
    /// Takes an event; it has to be settled by itself.
    async fn hear(&self, event: Value) {
        let id = event["id"].as_str().unwrap().to_owned();
        self.take(&[event]).await;
        let stored = self.store.event(MODE, &id).await.unwrap().unwrap();
        assert_eq!(stored.error, None, "{id}");
        assert!(matches!(stored.status, EventStatus::Processed | EventStatus::Unattributed), "{id}: {stored:?}");
    }

    /// The read that is due, answered with this.
    async fn read_whole(&self, snapshot: Snapshot) {
        let claim = self.store.claim_reads("worker", now(), 10).await.unwrap().remove(0);
        self.store.apply_snapshot(&claim, &snapshot, now(), &author()).await.unwrap();
    }

    async fn error_of(&self, id: &str) -> String {
        let stored = self.store.event(MODE, id).await.unwrap().unwrap();
        assert_eq!(stored.status, EventStatus::Failed, "{id}: {stored:?}");
        stored.error.unwrap()
    }
}

async fn subscriptions_of_every_version(engine: Engine) {
    for version in VERSIONS {
        let Some(db) = open(engine).await else { return };
        let subscription = |id, verb: &str, created, patch: &[(&str, Value)]| {
            told(version, id, &format!("customer.subscription.{verb}"), created, "subscription", patch)
        };
        db.hear(told(version, "evt_01", "product.created", -900_000, "product", &[])).await;
        db.hear(told(version, "evt_02", "price.created", -900_000, "price", &[])).await;
        db.hear(told(version, "evt_03", "customer.created", -900_000, "customer", &[])).await;
        db.hear(told(version, "evt_04", "checkout.session.completed", -863_000, "checkout_session", &[])).await;
        assert_eq!(db.verdict(), (false, "no_payment"), "{version}");
        db.hear(subscription("evt_05", "created", -863_000, &[])).await;
        assert_eq!(db.verdict(), (true, "subscription_active"), "{version}");
        let stored = db.store.subscription(MODE, "sub_1").await.unwrap().unwrap().subscription;
        let end = Some(now().plus_secs(20 * 86_400));
        assert_eq!((stored.current_period_end(), stored.items[0].current_period_end), (end, end), "{version}");
        let product = db.store.product(MODE, "prod_1").await.unwrap().unwrap().product;
        let price = db.store.price(MODE, "price_pro").await.unwrap().unwrap().price;
        assert_eq!((product.name.as_deref(), price.unit_amount), (Some("Pro"), Some(2900)), "{version}");
        assert_eq!(
            (price.product_id.as_deref(), price.interval.as_deref()),
            (Some("prod_1"), Some("month")),
            "{version}"
        );
        let customer = db.store.customer(MODE, "cus_1").await.unwrap().unwrap();
        assert_eq!(customer.email.as_deref(), Some("ada@example.com"), "{version}");

        let team = ("/items/data/0/price/id", json!("price_team"));
        db.hear(subscription("evt_06", "updated", -500_000, &[team])).await;
        assert_eq!(db.verdict(), (false, "not_in_plan"), "{version}");
        db.hear(subscription("evt_07", "updated", -400_000, &[])).await;
        assert_eq!(db.verdict(), (true, "subscription_active"), "{version}");

        db.hear(told(version, "evt_08", "invoice.payment_failed", -172_800, "invoice", &[])).await;
        let facts = db.store.index().facts(MODE, "user_1").unwrap();
        let failed = facts.subscriptions[0].failed_debit.as_ref().map(|failed| failed.invoice_id.as_str());
        assert_eq!(failed, Some("in_1"), "{version}");
        db.hear(subscription("evt_09", "updated", -172_790, &[("/status", json!("past_due"))])).await;
        assert_eq!(db.verdict(), (true, "grace_period"), "{version}");

        let ending = [("/cancel_at", json!(NOW + 864_000)), ("/cancel_at_period_end", json!(false))];
        db.hear(subscription("evt_10", "updated", -7200, &ending)).await;
        let ends = db.store.subscription(MODE, "sub_1").await.unwrap().unwrap().subscription.ends_at();
        assert_eq!(ends, Some(now().plus_secs(864_000)), "{version}");
        let ended = [("/status", json!("canceled")), ("/ended_at", json!(NOW - 3600))];
        db.hear(subscription("evt_11", "deleted", -3600, &ended)).await;
        assert_eq!(db.verdict(), (false, "subscription_canceled"), "{version}");
        assert!(db.store.claim_reads("worker", now(), 10).await.unwrap().is_empty(), "{version}: Stripe is not asked");
    }
}

/// The session with what it sells, as only an answer has it.
fn session_as_read(version: &str) -> Value {
    let mut session = payload(version, "checkout_session_of_a_sale");
    session["line_items"] = payload(version, "line_items_of_a_sale");
    session
}

/// The charge before anything of it was refunded.
fn charge_as_paid(version: &str) -> Value {
    let mut charge = payload(version, "charge");
    charge["amount_refunded"] = json!(0);
    charge["refunded"] = json!(false);
    charge
}

async fn sales_of_every_version(engine: Engine) {
    for version in VERSIONS {
        let Some(db) = open(engine).await else { return };
        let sale = "checkout_session_of_a_sale";
        db.take(&[told(version, "evt_1", "checkout.session.completed", -86_400, sale, &[])]).await;
        assert_eq!(db.status("evt_1").await, EventStatus::Processing, "{version}: what it sells is read");
        let bought = || Snapshot {
            customer: Some(payload(version, "customer")),
            checkout_sessions: vec![session_as_read(version)],
            charges: vec![charge_as_paid(version)],
            ..Snapshot::default()
        };
        db.read_whole(bought()).await;
        assert_eq!(db.verdict(), (true, "purchase"), "{version}");

        db.hear(told(version, "evt_2", "charge.refunded", 10, "charge", &[])).await;
        assert_eq!(db.verdict(), (false, "refunded"), "{version}");
        // A refund that succeeded may fail weeks later: whether the charge still counts it, only a read tells.
        let failed = [("/status", json!("failed"))];
        db.take(&[told(version, "evt_3", "refund.failed", 20, "refund", &failed)]).await;
        assert_eq!(db.status("evt_3").await, EventStatus::Processing, "{version}");
        db.read_whole(bought()).await;
        assert_eq!(db.verdict(), (true, "purchase"), "{version}");

        let opened = [("/status", json!("needs_response"))];
        db.hear(told(version, "evt_4", "charge.dispute.created", 30, "dispute", &opened)).await;
        assert_eq!(db.verdict(), (true, "purchase"), "{version}");
        db.hear(told(version, "evt_5", "charge.dispute.closed", 60, "dispute", &[])).await;
        assert_eq!(db.verdict(), (false, "disputed"), "{version}");
    }
}

async fn invoices_of_every_version(engine: Engine) {
    for version in VERSIONS {
        let Some(db) = open(engine).await else { return };
        let user = [("/metadata", json!({"user_id": "user_1"}))];
        db.hear(told(version, "evt_1", "customer.created", -900_000, "customer", &user)).await;
        db.hear(told(version, "evt_2", "invoice.paid", -172_800, "invoice_of_a_sale", &[])).await;
        assert_eq!(db.verdict(), (true, "purchase"), "{version}");
        let facts = db.store.index().facts(MODE, "user_1").unwrap();
        assert_eq!((facts.purchases[0].id.as_str(), facts.purchases[0].amount), ("in_2", Some(4900)), "{version}");
        let refunded = [
            ("/id", json!("ch_2")),
            ("/payment_intent", json!("pi_2")),
            ("/amount", json!(4900)),
            ("/amount_captured", json!(4900)),
        ];
        db.hear(told(version, "evt_3", "charge.refunded", -100, "charge", &refunded)).await;
        assert_eq!(db.verdict().1, "purchase", "{version}: 29.00 of 49.00");
        let dispute = [("/charge", json!("ch_2")), ("/payment_intent", json!("pi_2")), ("/amount", json!(4900))];
        db.hear(told(version, "evt_4", "charge.dispute.closed", -50, "dispute", &dispute)).await;
        assert_eq!(db.verdict(), (false, "disputed"), "{version}");
    }
}

async fn embedded_lists_that_are_cut_are_read(engine: Engine) {
    for version in VERSIONS {
        let Some(db) = open(engine).await else { return };
        db.hear(told(version, "evt_1", "checkout.session.completed", -863_000, "checkout_session", &[])).await;
        // Only the second page has the item that gives `pro`.
        let cut = [("/items/has_more", json!(true)), ("/items/data/0/price/id", json!("price_other"))];
        db.take(&[told(version, "evt_2", "customer.subscription.created", -800_000, "subscription", &cut)]).await;
        assert_eq!(db.status("evt_2").await, EventStatus::Processing, "{version}");
        let snapshot = Snapshot {
            customer: Some(payload(version, "customer")),
            subscriptions: vec![payload(version, "subscription")],
            ..Snapshot::default()
        };
        db.read_whole(snapshot).await;
        assert_eq!(db.verdict(), (true, "subscription_active"), "{version}");
        assert_eq!(db.status("evt_2").await, EventStatus::Processed, "{version}");

        let cut = [("/lines/has_more", json!(true)), ("/lines/data", json!([]))];
        db.take(&[told(version, "evt_3", "invoice.paid", -172_800, "invoice_of_a_sale", &cut)]).await;
        assert_eq!(db.status("evt_3").await, EventStatus::Processing, "{version}");
        let snapshot = Snapshot {
            customer: Some(payload(version, "customer")),
            subscriptions: vec![payload(version, "subscription")],
            invoices: vec![payload(version, "invoice_of_a_sale")],
            ..Snapshot::default()
        };
        db.read_whole(snapshot).await;
        let facts = db.store.index().facts(MODE, "user_1").unwrap();
        let sold = facts.purchases[0].items.as_ref().map(|lines| lines[0].price_id.as_str());
        assert_eq!(sold, Some("price_once"), "{version}");
    }
}

async fn every_way_to_name_an_object(engine: Engine) {
    for version in VERSIONS {
        let Some(db) = open(engine).await else { return };
        let expanded =
            |id: &str, object: &str| json!({"id": id, "object": object, "metadata": {"user_id": "not_this_one"}});
        let deleted = |id: &str, object: &str| json!({"id": id, "object": object, "deleted": true});
        for (n, (customer, product, invoice)) in [
            (json!("cus_1"), json!("prod_1"), json!("in_1")),
            (expanded("cus_1", "customer"), expanded("prod_1", "product"), expanded("in_1", "invoice")),
            (deleted("cus_1", "customer"), deleted("prod_1", "product"), Value::Null),
        ]
        .into_iter()
        .enumerate()
        {
            let patch = [
                ("/customer", customer),
                ("/items/data/0/price/product", product),
                ("/latest_invoice", invoice.clone()),
                ("/metadata", json!({"user_id": "user_1"})),
            ];
            let created = -800_000 + 1000 * i64::try_from(n).unwrap();
            let id = format!("evt_{n}");
            db.hear(told(version, &id, "customer.subscription.updated", created, "subscription", &patch)).await;
            let stored = db.store.subscription(MODE, "sub_1").await.unwrap().unwrap().subscription;
            assert_eq!(stored.customer_id, "cus_1", "{version} {n}");
            assert_eq!(stored.items[0].product_id.as_deref(), Some("prod_1"), "{version} {n}");
            assert_eq!(stored.latest_invoice.is_some(), !invoice.is_null(), "{version} {n}");
            assert_eq!(db.verdict(), (true, "subscription_active"), "{version} {n}");
            let event = db.store.event(MODE, &id).await.unwrap().unwrap();
            assert_eq!(event.customer_id.as_deref(), Some("cus_1"), "{version} {n}");
        }
        // Refunds and disputes name their payment in any of these ways too.
        for (n, (charge, intent)) in [
            (json!("ch_1"), json!("pi_1")),
            (expanded("ch_1", "charge"), expanded("pi_1", "payment_intent")),
            (Value::Null, json!("pi_1")),
            (json!("ch_1"), Value::Null),
        ]
        .into_iter()
        .enumerate()
        {
            let patch = [("/id", json!(format!("re_{n}"))), ("/charge", charge), ("/payment_intent", intent)];
            db.hear(told(version, &format!("evt_re_{n}"), "refund.created", -100, "refund", &patch)).await;
        }
    }
}

async fn a_customer_is_deleted_before_its_subscription(engine: Engine) {
    for version in VERSIONS {
        for shape in ["whole", "bare"] {
            let Some(db) = open(engine).await else { return };
            db.hear(told(version, "evt_1", "checkout.session.completed", -863_000, "checkout_session", &[])).await;
            db.hear(told(version, "evt_2", "customer.subscription.created", -863_000, "subscription", &[])).await;
            let mut gone = told(version, "evt_3", "customer.deleted", -60, "customer", &[]);
            if shape == "bare" {
                gone["data"]["object"] = json!({"id": "cus_1", "object": "customer", "deleted": true});
            }
            db.hear(gone).await;
            let customer = db.store.customer(MODE, "cus_1").await.unwrap().unwrap();
            assert!(customer.deleted, "{version} {shape}");
            let ended = [
                ("/status", json!("canceled")),
                ("/ended_at", json!(NOW - 60)),
                ("/customer", json!({"id": "cus_1", "object": "customer", "deleted": true})),
            ];
            db.hear(told(version, "evt_4", "customer.subscription.deleted", -60, "subscription", &ended)).await;
            assert_eq!(db.verdict(), (false, "subscription_canceled"), "{version} {shape}");
            // News from before that come late bring nothing back.
            db.take(&[told(version, "evt_5", "customer.updated", -120, "customer", &[])]).await;
            assert!(db.store.customer(MODE, "cus_1").await.unwrap().unwrap().deleted, "{version} {shape}");
        }
    }
}

async fn a_field_that_is_missing_is_named_on_the_event(engine: Engine) {
    // Without a key there is nobody to ask instead.
    for version in VERSIONS {
        let Some(db) = Database::open(engine, Options::default()).await else { return };
        let is_old = version < "2025-03-31";
        let period = if is_old { "/current_period_end" } else { "/items/data/0/current_period_end" };
        let line = if is_old { "/lines/data/0/price" } else { "/lines/data/0/pricing" };
        let cases = [
            ("customer.subscription.updated", "subscription", "/status", "status"),
            ("customer.subscription.updated", "subscription", "/items/data", "items.data"),
            ("customer.subscription.updated", "subscription", "/items/data/0/price/id", "items.data[0].price.id"),
            (
                "customer.subscription.updated",
                "subscription",
                "/items/data/0/price/product",
                "items.data[0].price.product",
            ),
            ("customer.subscription.updated", "subscription", "/items/data/0/quantity", "items.data[0].quantity"),
            ("customer.subscription.updated", "subscription", period, "items.data[0].current_period_end"),
            ("customer.subscription.updated", "subscription", "/customer", "customer"),
            ("checkout.session.completed", "checkout_session_of_a_sale", "/payment_status", "payment_status"),
            ("checkout.session.completed", "checkout_session_of_a_sale", "/status", "status"),
            ("checkout.session.completed", "checkout_session_of_a_sale", "/customer", "customer"),
            ("checkout.session.completed", "checkout_session_of_a_sale", "/payment_intent", "payment_intent"),
            ("invoice.paid", "invoice_of_a_sale", "/amount_paid", "amount_paid"),
            ("invoice.paid", "invoice_of_a_sale", "/attempted", "attempted"),
            ("invoice.paid", "invoice_of_a_sale", "/lines/data", "lines.data"),
            ("invoice.paid", "invoice_of_a_sale", "/lines/data/0/amount", "lines.data[0].amount"),
            ("invoice.paid", "invoice_of_a_sale", line, "lines.data[0].price"),
            ("charge.refunded", "charge", "/amount_refunded", "amount_refunded"),
            ("charge.refunded", "charge", "/payment_intent", "payment_intent"),
            ("refund.updated", "refund", "/status", "status"),
            ("refund.updated", "refund", "/amount", "amount"),
            ("charge.dispute.closed", "dispute", "/status", "status"),
            ("customer.updated", "customer", "/id", "id"),
        ];
        for (n, (kind, name, pointer, path)) in cases.into_iter().enumerate() {
            let id = format!("evt_{n}");
            let mut event = told(version, &id, kind, 0, name, &[]);
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            let parent = event["data"]["object"].pointer_mut(parent).unwrap().as_object_mut().unwrap();
            assert!(parent.remove(key).is_some(), "{version}: {name} has {pointer}");
            // Old lines name their price twice.
            parent.remove("plan").filter(|_| key == "price");
            db.take(&[event]).await;
            let error = db.error_of(&id).await;
            assert!(error.starts_with(&format!("data.object.{path} is missing")), "{version} {pointer}: {error}");
        }
        // What is null in most payloads may be absent, but not of another type.
        for (n, (pointer, value)) in [
            ("/cancel_at", json!({"timestamp": NOW})),
            ("/cancel_at_period_end", json!("yes")),
            ("/pause_collection", json!("void")),
            ("/trial_end", json!("2026-11-22")),
        ]
        .into_iter()
        .enumerate()
        {
            let id = format!("evt_type_{n}");
            db.take(&[told(version, &id, "customer.subscription.updated", 0, "subscription", &[(pointer, value)])])
                .await;
            let path = pointer.trim_start_matches('/');
            let error = db.error_of(&id).await;
            assert!(error.starts_with(&format!("data.object.{path} is missing")), "{version}: {error}");
        }
        assert!(db.store.subscription(MODE, "sub_1").await.unwrap().is_none(), "{version}: nothing was taken in");
    }
}
