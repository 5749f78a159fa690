//! One-time purchases, and what refunds, disputes and failed debits make of them, in whatever order Stripe tells it.

use domain::Livemode;
use domain::access::{DisputePolicy, FailedDebitPolicy, PaymentPolicy, Policy, RefundPolicy};
use domain::catalog::{Feature, FeatureGrant, FeatureType};
use domain::event::EventStatus;
use serde_json::{Value, json};
use store::Options;
use store::records::{Snapshot, SyncReport, TargetKind};

use super::helpers::{Database, Engine, MODE, NOW, author, customer, event, now, on_both, subscription};

on_both! {
    a_session_counts_once_it_was_read_what_it_sells, a_guests_session_is_read_by_itself, a_delayed_payment_waits_and_comes_or_fails,
    invoices_of_no_subscription_are_purchases, the_money_behind_a_subscriptions_invoice_is_found, a_session_and_its_invoice_sell_once, every_order_of_refunds_and_disputes_ends_the_same,
    a_refund_that_fails_gives_back, partial_refunds_of_one_second_add_up, policies_are_settings,
    what_was_lost_comes_with_a_read, old_charges_bring_their_refunds, a_debit_that_fails_late_is_kept_as_a_fact,
    durations_and_credits_are_in_the_catalog, a_restart_knows_purchases, an_expired_session_gives_nothing,
}

async fn open(engine: Engine) -> Option<Database> {
    open_with(engine, PaymentPolicy::default()).await
}

async fn open_with(engine: Engine, payments: PaymentPolicy) -> Option<Database> {
    let policy = Policy { payments, ..Policy::default() };
    let options = Options { policy, readable: vec![MODE], ..Options::default() };
    Some(Database::open(engine, options).await?.with_catalog().await)
}

/// `cs_1` of `cus_1` and `user_1`, mode `payment`, for 20.00 through `pi_1`.
fn session(payment_status: &str) -> Value {
    json!({
        "id": "cs_1", "object": "checkout.session", "mode": "payment", "status": "complete", "payment_status": payment_status,
        "customer": "cus_1", "subscription": null, "client_reference_id": "user_1", "metadata": {}, "created": NOW - 60,
        "customer_details": {"email": "ada@example.com"}, "livemode": false, "url": null, "payment_intent": "pi_1",
        "invoice": null, "amount_total": 2000
    })
}

fn completed() -> Value {
    event("evt_cs", "checkout.session.completed", 0, session("paid"), None)
}

/// The session as an answer has it: with `price_pro`.
fn read(mut session: Value) -> Value {
    session["line_items"] = json!({"object": "list", "has_more": false, "url": "/v1/checkout/sessions/cs_1/line_items", "data": [{
        "id": "li_1", "object": "item", "quantity": 1, "amount_total": 2000, "currency": "eur",
        "price": {"id": "price_pro", "object": "price", "product": "prod_1", "type": "one_time"}
    }]});
    session
}

fn charge(amount_refunded: i64) -> Value {
    json!({
        "id": "ch_1", "object": "charge", "amount": 2000, "amount_captured": 2000, "amount_refunded": amount_refunded,
        "refunded": amount_refunded == 2000, "disputed": false, "status": "succeeded", "paid": true, "customer": "cus_1",
        "payment_intent": "pi_1", "created": NOW, "livemode": false
    })
}

fn refund(id: &str, amount: i64, status: &str) -> Value {
    json!({
        "id": id, "object": "refund", "amount": amount, "status": status, "charge": "ch_1", "payment_intent": "pi_1", "created": NOW + 10
    })
}

fn dispute(status: &str) -> Value {
    json!({
        "id": "du_1", "object": "dispute", "amount": 2000, "status": status, "charge": "ch_1", "payment_intent": "pi_1",
        "created": NOW + 10, "livemode": false
    })
}

/// `in_1` of `cus_1` for no subscription, as versions since 2025-03-31.basil show it.
fn invoice(status: &str) -> Value {
    json!({
        "id": "in_1", "object": "invoice", "customer": "cus_1", "status": status, "billing_reason": "manual", "parent": null,
        "amount_paid": 2000, "attempted": true, "created": NOW - 60, "livemode": false, "metadata": {},
        "status_transitions": {"paid_at": if status == "paid" { json!(NOW) } else { Value::Null }},
        "lines": {"object": "list", "has_more": false, "data": [{
            "id": "il_1", "object": "line_item", "amount": 2000, "quantity": 1,
            "pricing": {"type": "price_details", "price_details": {"price": "price_pro", "product": "prod_1"}}
        }]}
    })
}

/// The invoice of `sub_1`.
fn bill(status: &str) -> Value {
    let mut bill = invoice(status);
    bill["billing_reason"] = json!("subscription_cycle");
    bill["parent"] =
        json!({"type": "subscription_details", "subscription_details": {"subscription": "sub_1", "metadata": {}}});
    bill
}

fn links_customer() -> Value {
    let mut object = customer();
    object["metadata"] = json!({"user_id": "user_1"});
    event("evt_cus", "customer.created", -3600, object, None)
}

impl Database {
    /// Reads `cus_1` (or a guest's session) as the worker would, `at` seconds from now.
    async fn resync(&self, payer: &str, at: i64, snapshot: Snapshot) -> SyncReport {
        let at = now().plus_secs(at);
        let claim = self.store.claim_read(MODE, payer, "worker", at).await.unwrap().unwrap();
        let customer = (payer == "cus_1").then(customer);
        let snapshot = Snapshot { customer, ..snapshot };
        let author = store::records::Author { now: at, ..author() };
        self.store.apply_snapshot(&claim, &snapshot, at, &author).await.unwrap()
    }

    fn purchase_status(&self) -> String {
        let policy = self.store.options().policy;
        let decision = self.store.index().decide(MODE, "user_1", "pro", &policy, now());
        decision.sources.first().map(|source| source.status.clone()).unwrap_or_default()
    }
}

fn sessions(session: Value) -> Snapshot {
    Snapshot { checkout_sessions: vec![session], ..Snapshot::default() }
}

/// With the purchase made and read.
async fn bought(engine: Engine, payments: PaymentPolicy) -> Option<Database> {
    let db = open_with(engine, payments).await?;
    db.take(&[completed()]).await;
    db.resync("cus_1", 1, Snapshot { charges: vec![charge(0)], ..sessions(read(session("paid"))) }).await;
    assert_eq!(db.verdict(), (true, "purchase"));
    Some(db)
}

async fn a_session_counts_once_it_was_read_what_it_sells(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.take(&[completed()]).await;
    assert_eq!(db.status("evt_cs").await, EventStatus::Processing);
    assert_eq!(db.verdict(), (false, "payment_pending"));
    let report = db.resync("cus_1", 1, sessions(read(session("paid")))).await;
    assert!(!report.marked_again);
    assert_eq!(db.verdict(), (true, "purchase"));
    assert_eq!(db.status("evt_cs").await, EventStatus::Processed);
    // The same event again, and a read without lines, take nothing away.
    db.take(&[completed()]).await;
    db.resync("cus_1", 2, sessions(session("paid"))).await;
    assert_eq!(db.verdict(), (true, "purchase"));
    let changes = db.store.verdict_changes(MODE, "user_1", 100).await.unwrap();
    assert_eq!(changes.iter().filter(|c| c.change.feature == "pro" && c.change.allowed_after).count(), 1);
}

async fn a_guests_session_is_read_by_itself(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let guest = |mut session: Value| {
        session["customer"] = Value::Null;
        session
    };
    // A refund of the guest's payment comes first, and names nobody.
    let mut early = charge(500);
    early["customer"] = Value::Null;
    db.take(&[event("evt_r", "charge.refunded", 30, early, None)]).await;
    db.take(&[event("evt_cs", "checkout.session.completed", 0, guest(session("paid")), None)]).await;
    assert_eq!(db.store.mapping(MODE, "cs_1").await.unwrap().unwrap().user_id, "user_1");
    let claims = db.store.claim_reads("worker", now(), 10).await.unwrap();
    assert_eq!(claims.iter().map(|claim| claim.customer_id.as_str()).collect::<Vec<_>>(), ["cs_1"]);
    db.store.fail_read(&claims[0], "Stripe did not answer", now()).await.unwrap();
    db.resync("cs_1", 60, sessions(read(guest(session("paid"))))).await;
    assert_eq!(db.verdict(), (true, "purchase"));
    assert_eq!(db.purchase_status(), "partially_refunded");
    let record = db.store.customer(MODE, "cs_1").await.unwrap().unwrap();
    assert!(!record.deleted, "no customer of Stripe's, so none that could be gone");
    let mut lost = dispute("lost");
    lost["customer"] = Value::Null;
    db.take(&[event("evt_d", "charge.dispute.closed", 90, lost, None)]).await;
    assert_eq!(db.verdict(), (false, "disputed"));
    let stored = db.store.event(MODE, "evt_d").await.unwrap().unwrap();
    assert_eq!((stored.customer_id.as_deref(), stored.status), (Some("cs_1"), EventStatus::Processed));
}

async fn a_delayed_payment_waits_and_comes_or_fails(engine: Engine) {
    let unpaid = || event("evt_1", "checkout.session.completed", 0, session("unpaid"), None);
    for seconds in [0, 1, 86_400] {
        for reversed in [false, true] {
            for (kind, status, verdict) in [
                ("checkout.session.async_payment_succeeded", "paid", (true, "purchase")),
                ("checkout.session.async_payment_failed", "unpaid", (false, "no_payment")),
            ] {
                // The id tells nothing, although the two may look the same otherwise.
                for id in ["evt_0", "evt_2"] {
                    let Some(db) = open(engine).await else { return };
                    let mut events = vec![unpaid(), event(id, kind, seconds, session(status), None)];
                    if reversed {
                        events.reverse();
                    }
                    db.take(&events).await;
                    db.resync("cus_1", seconds + 10, sessions(read(session(status)))).await;
                    assert_eq!(db.verdict(), verdict, "{kind} as {id}, {seconds} s later, reversed: {reversed}");
                }
            }
        }
    }
    let Some(db) = open(engine).await else { return };
    db.take(&[unpaid()]).await;
    db.resync("cus_1", 1, sessions(read(session("unpaid")))).await;
    assert_eq!(db.verdict(), (false, "payment_pending"));
    db.take(&[event("evt_2", "checkout.session.async_payment_succeeded", 60, session("paid"), None)]).await;
    assert_eq!(db.status("evt_2").await, EventStatus::Processed, "what it sells is known, so nothing is read");
    assert_eq!(db.verdict(), (true, "purchase"));
    // The event that tells of the failure is lost: the session looks as before, its charge does not.
    let Some(db) = open(engine).await else { return };
    db.take(&[unpaid()]).await;
    for (status, verdict) in [("pending", (false, "payment_pending")), ("failed", (false, "no_payment"))] {
        let mut charge = charge(0);
        charge["status"] = json!(status);
        let snapshot = Snapshot { charges: vec![charge], ..sessions(read(session("unpaid"))) };
        db.resync("cus_1", if status == "failed" { 100 } else { 1 }, snapshot).await;
        assert_eq!(db.verdict(), verdict);
    }
}

async fn an_expired_session_gives_nothing(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let mut expired = session("unpaid");
    expired["status"] = json!("expired");
    db.take(&[links_customer(), event("evt_1", "checkout.session.expired", 0, expired, None)]).await;
    assert_eq!(db.status("evt_1").await, EventStatus::Processed);
    assert_eq!(db.verdict(), (false, "no_payment"));
    // Without a customer it is found by the user it names.
    let mut nobodys = session("unpaid");
    (nobodys["id"], nobodys["customer"], nobodys["status"]) = (json!("cs_2"), Value::Null, json!("expired"));
    db.take(&[event("evt_2", "checkout.session.expired", 0, nobodys, None)]).await;
    let found = db.store.checkout_sessions_of(MODE, &["cus_1".into()], Some("user_1")).await.unwrap();
    assert_eq!(found.iter().map(|row| row.session.id.as_str()).collect::<Vec<_>>(), ["cs_1", "cs_2"]);
    assert!(db.store.checkout_sessions_of(MODE, &[], Some("user_2")).await.unwrap().is_empty());
}

async fn invoices_of_no_subscription_are_purchases(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.take(&[links_customer(), event("evt_1", "invoice.paid", 0, invoice("paid"), None)]).await;
    assert_eq!(db.verdict(), (true, "purchase"), "its lines are in the event");
    assert_eq!(db.status("evt_1").await, EventStatus::Processing, "its payment is not");
    db.take(&[event("evt_2", "invoice.payment_succeeded", 0, invoice("paid"), None)]).await;
    let payment = json!({"id": "inpay_1", "object": "invoice_payment", "invoice": "in_1", "status": "paid",
        "payment": {"type": "payment_intent", "payment_intent": "pi_1"}});
    db.take(&[event("evt_3", "invoice_payment.paid", 0, payment, None)]).await;
    db.take(&[event("evt_4", "charge.refunded", 60, charge(2000), None)]).await;
    assert_eq!(db.verdict(), (false, "refunded"));

    let Some(db) = open(engine).await else { return };
    let mut old = invoice("paid");
    old["lines"]["data"][0] = json!({"id": "il_1", "object": "line_item", "amount": 2000, "quantity": 1, "type": "invoiceitem",
        "price": {"id": "price_pro", "object": "price", "product": "prod_1"}});
    old["subscription"] = Value::Null;
    old["payment_intent"] = json!("pi_1");
    old["charge"] = json!("ch_1");
    db.take(&[links_customer(), event("evt_0", "refund.created", -60, refund("re_1", 2000, "succeeded"), None)]).await;
    db.take(&[event("evt_1", "invoice.paid", 0, old, None)]).await;
    assert_eq!(db.status("evt_1").await, EventStatus::Processed, "old payloads say all");
    assert_eq!(db.verdict(), (false, "refunded"), "and the refund that came before its purchase counts");

    let Some(db) = open(engine).await else { return };
    let mut cut = invoice("paid");
    cut["lines"] = json!({"object": "list", "has_more": true, "data": []});
    db.take(&[links_customer(), event("evt_1", "invoice.paid", 0, cut, None)]).await;
    assert_eq!(db.verdict(), (false, "payment_pending"));
    let mut whole = invoice("paid");
    whole["payments"] = json!({"object": "list", "has_more": false, "data": [
        {"id": "inpay_1", "payment": {"type": "payment_intent", "payment_intent": "pi_1"}}
    ]});
    db.resync("cus_1", 1, Snapshot { invoices: vec![whole], charges: vec![charge(0)], ..Snapshot::default() }).await;
    assert_eq!(db.verdict(), (true, "purchase"));
    db.take(&[event("evt_2", "invoice.payment_succeeded", 0, bill("paid"), None)]).await;
    assert_eq!(db.verdict(), (true, "purchase"));
}

async fn the_money_behind_a_subscriptions_invoice_is_found(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let payment = json!({"id": "inpay_1", "object": "invoice_payment", "invoice": "in_1", "status": "paid",
        "payment": {"type": "payment_intent", "payment_intent": "pi_1"}});
    db.take(&[
        links_customer(),
        event("evt_1", "invoice.paid", 0, bill("paid"), None),
        event("evt_2", "invoice_payment.paid", 0, payment, None),
        event("evt_3", "charge.refunded", 60, charge(500), None),
        event("evt_4", "charge.dispute.created", 120, dispute("needs_response"), None),
    ])
    .await;
    let found = db.store.invoice_payments(MODE, &["in_1".into(), "in_2".into()]).await.unwrap();
    assert_eq!((found.len(), found["in_1"].amount(), found["in_1"].refunded()), (1, Some(2000), 500));
    assert_eq!(found["in_1"].dispute().unwrap().0.status, "needs_response");
    assert!(db.store.invoice_payments(MODE, &[]).await.unwrap().is_empty());
}

async fn a_session_and_its_invoice_sell_once(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let mut with_invoice = session("paid");
    with_invoice["invoice"] = json!("in_1");
    db.take(&[event("evt_i", "invoice.paid", 0, invoice("paid"), None)]).await;
    db.take(&[event("evt_cs", "checkout.session.completed", 0, with_invoice.clone(), None)]).await;
    assert_eq!(db.verdict(), (true, "purchase"), "until the session is read, the invoice tells what it sells");
    db.resync("cus_1", 1, sessions(read(with_invoice))).await;
    assert_eq!(db.store.index().facts(MODE, "user_1").unwrap().purchases.len(), 1);
    db.take(&[event("evt_r", "charge.refunded", 60, charge(2000), None)]).await;
    assert_eq!(db.verdict(), (false, "refunded"), "the invoice does not keep what the session lost");
}

/// Every order of a list, by Heap's algorithm.
fn orders<T: Clone>(list: &[T]) -> Vec<Vec<T>> {
    fn go<T: Clone>(n: usize, list: &mut Vec<T>, found: &mut Vec<Vec<T>>) {
        if n <= 1 {
            found.push(list.clone());
            return;
        }
        for i in 0..n {
            go(n - 1, list, found);
            let swapped = if n.is_multiple_of(2) { i } else { 0 };
            list.swap(swapped, n - 1);
        }
    }
    let mut found = vec![];
    go(list.len(), &mut list.to_vec(), &mut found);
    found
}

async fn every_order_of_refunds_and_disputes_ends_the_same(engine: Engine) {
    type Story = (&'static str, Vec<(&'static str, Value, Option<Value>)>, (bool, &'static str));
    let stories: Vec<Story> = vec![
        (
            "refunded",
            vec![
                ("refund.created", refund("re_1", 2000, "pending"), None),
                ("charge.refunded", charge(2000), Some(json!({"amount_refunded": 0, "refunded": false}))),
                ("refund.updated", refund("re_1", 2000, "succeeded"), Some(json!({"status": "pending"}))),
            ],
            (false, "refunded"),
        ),
        (
            "refund failed",
            vec![
                ("refund.created", refund("re_1", 2000, "succeeded"), None),
                ("charge.refunded", charge(2000), Some(json!({"amount_refunded": 0, "refunded": false}))),
                ("refund.failed", refund("re_1", 2000, "failed"), None),
            ],
            (true, "purchase"),
        ),
        (
            "lost",
            vec![
                ("charge.dispute.created", dispute("needs_response"), None),
                ("charge.dispute.updated", dispute("under_review"), Some(json!({"status": "needs_response"}))),
                ("charge.dispute.closed", dispute("lost"), Some(json!({"status": "under_review"}))),
            ],
            (false, "disputed"),
        ),
        (
            "won",
            vec![
                ("charge.dispute.created", dispute("needs_response"), None),
                ("charge.dispute.funds_withdrawn", dispute("needs_response"), None),
                ("charge.dispute.closed", dispute("won"), Some(json!({"status": "needs_response"}))),
            ],
            (true, "purchase"),
        ),
    ];
    let Some(mut db) = open(engine).await else { return };
    let mut used = false;
    for (name, told, verdict) in stories {
        for seconds in [0, 1, 60] {
            let mut events: Vec<Value> = told
                .iter()
                .enumerate()
                .map(|(n, (kind, object, previous))| {
                    let id = format!("evt_{}", told.len() - n);
                    let at = seconds * i64::try_from(n + 1).unwrap();
                    event(&id, kind, at, object.clone(), previous.clone())
                })
                .collect();
            events.push(completed());
            // Every order takes long on a real server, and any four of them would show a fault.
            let all = orders(&events);
            let step = if matches!(engine, Engine::Postgres) || seconds == 60 { 5 } else { 1 };
            for order in all.into_iter().step_by(step) {
                if used {
                    db = open(engine).await.unwrap();
                }
                used = true;
                db.take(&order).await;
                db.take(&order[..2]).await;
                // Only what the session sells is read: the money is known from events alone.
                db.resync("cus_1", 1, sessions(read(session("paid")))).await;
                let kinds: Vec<_> = order.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect();
                assert_eq!(db.verdict(), verdict, "{name}, {seconds} s apart: {kinds:?}");
            }
        }
    }
}

async fn a_refund_that_fails_gives_back(engine: Engine) {
    let Some(db) = bought(engine, PaymentPolicy::default()).await else { return };
    db.take(&[
        event("evt_1", "refund.created", 60, refund("re_1", 2000, "succeeded"), None),
        event("evt_2", "charge.refunded", 60, charge(2000), None),
    ])
    .await;
    assert_eq!(db.verdict(), (false, "refunded"));
    db.take(&[event("evt_3", "charge.refund.updated", 864_000, refund("re_1", 2000, "failed"), None)]).await;
    assert_eq!(db.verdict(), (true, "purchase"));
    // Whichever way Stripe counts afterwards, a read says the same.
    for counted in [2000, 0] {
        let mut charge = charge(counted);
        charge["refunds"] = json!({"object": "list", "has_more": false, "data": [refund("re_1", 2000, "failed")]});
        let snapshot = Snapshot { charges: vec![charge], ..sessions(read(session("paid"))) };
        db.resync("cus_1", 864_010, snapshot).await;
        assert_eq!(db.verdict(), (true, "purchase"));
    }
    db.take(&[event("evt_4", "refund.updated", 864_001, refund("re_1", 2000, "succeeded"), None)]).await;
    assert_eq!(db.verdict(), (true, "purchase"), "failed is for ever");
}

async fn partial_refunds_of_one_second_add_up(engine: Engine) {
    for reversed in [false, true] {
        let Some(db) = bought(engine, PaymentPolicy::default()).await else { return };
        let mut events = [
            event("evt_2", "charge.refunded", 60, charge(500), Some(json!({"amount_refunded": 0}))),
            event("evt_1", "charge.refunded", 60, charge(2000), Some(json!({"amount_refunded": 500}))),
        ];
        if reversed {
            events.reverse();
        }
        db.take(&events[..1]).await;
        assert_eq!(db.verdict().0, !reversed);
        assert_eq!(db.purchase_status(), if reversed { "refunded" } else { "partially_refunded" });
        db.take(&events[1..]).await;
        assert_eq!(db.verdict(), (false, "refunded"), "reversed: {reversed}");
    }
}

async fn policies_are_settings(engine: Engine) {
    let policy =
        PaymentPolicy { refund: RefundPolicy::Any, dispute: DisputePolicy::Suspend, ..PaymentPolicy::default() };
    let Some(db) = bought(engine, policy).await else { return };
    db.take(&[event("evt_1", "charge.dispute.created", 60, dispute("needs_response"), None)]).await;
    assert_eq!(db.verdict(), (false, "disputed"));
    db.take(&[event("evt_2", "charge.dispute.closed", 120, dispute("won"), None)]).await;
    assert_eq!(db.verdict(), (true, "purchase"));
    db.take(&[event("evt_3", "charge.refunded", 180, charge(1), None)]).await;
    assert_eq!(db.verdict(), (false, "refunded"));
}

async fn what_was_lost_comes_with_a_read(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let mut refunded = charge(2000);
    refunded["refunds"] = json!({"object": "list", "has_more": false, "data": [refund("re_1", 2000, "succeeded")]});
    let mut linked = customer();
    linked["metadata"] = json!({"user_id": "user_1"});
    db.store.request_read(MODE, "cus_1", now()).await.unwrap();
    let read_all = |charge: Value, disputes: Vec<Value>| Snapshot {
        charges: vec![charge],
        disputes,
        ..sessions(read(session("paid")))
    };
    db.resync("cus_1", 0, read_all(charge(0), vec![])).await;
    assert_eq!(db.verdict(), (true, "purchase"));
    db.resync("cus_1", 10, read_all(charge(0), vec![dispute("lost")])).await;
    assert_eq!(db.verdict(), (false, "disputed"));
    db.resync("cus_1", 20, read_all(charge(0), vec![dispute("won")])).await;
    assert_eq!(db.verdict(), (true, "purchase"));
    db.resync("cus_1", 30, read_all(refunded, vec![dispute("won")])).await;
    assert_eq!(db.verdict(), (false, "refunded"));
    // News from before the read change nothing.
    db.take(&[event("evt_late", "charge.refunded", 5, charge(500), None)]).await;
    assert_eq!(db.verdict(), (false, "refunded"));
    let facts = db.store.index().facts(MODE, "user_1").unwrap();
    assert_eq!(facts.purchases[0].payment.refunded(), 2000);
}

async fn old_charges_bring_their_refunds(engine: Engine) {
    let Some(db) = bought(engine, PaymentPolicy::default()).await else { return };
    let mut old = charge(2000);
    old["refunds"] = json!({"object": "list", "has_more": false, "data": [
        {"id": "re_1", "object": "refund", "amount": 2000, "status": "succeeded", "charge": "ch_1", "created": NOW + 60}
    ]});
    db.take(&[event("evt_1", "charge.refunded", 60, old, None)]).await;
    assert_eq!(db.verdict(), (false, "refunded"));
    assert_eq!(db.store.index().facts(MODE, "user_1").unwrap().purchases[0].payment.refunds.len(), 1);
    // A dispute that names the charge alone belongs to the same payment, told before it or after.
    let Some(db) = open(engine).await else { return };
    let mut bare = dispute("lost");
    bare["payment_intent"] = Value::Null;
    db.take(&[completed(), event("evt_d", "charge.dispute.closed", 60, bare, None)]).await;
    db.resync("cus_1", 61, Snapshot { charges: vec![charge(0)], ..sessions(read(session("paid"))) }).await;
    assert_eq!(db.verdict(), (false, "disputed"));
}

async fn a_debit_that_fails_late_is_kept_as_a_fact(engine: Engine) {
    let revoke = PaymentPolicy { failed_debit: FailedDebitPolicy::Revoke, ..PaymentPolicy::default() };
    for (policy, verdict) in
        [(PaymentPolicy::default(), (true, "subscription_active")), (revoke, (false, "subscription_unpaid"))]
    {
        let Some(db) = open_with(engine, policy).await else { return };
        let active = event("evt_s", "customer.subscription.created", 0, subscription("active", "price_pro"), None);
        db.take(&[links_customer(), active]).await;
        db.take(&[event("evt_1", "invoice.payment_failed", 86_400, bill("open"), None)]).await;
        assert_eq!(db.verdict(), verdict);
        let facts = db.store.index().facts(MODE, "user_1").unwrap();
        assert_eq!(facts.subscriptions[0].failed_debit.as_ref().unwrap().invoice_id, "in_1");
        db.take(&[event("evt_2", "invoice.voided", 86_400, bill("void"), None)]).await;
        assert_eq!(db.verdict(), verdict);
        let other = store::open(&db.url, db.store.options().clone()).await.unwrap();
        assert_eq!(other.index().facts(MODE, "user_1"), db.store.index().facts(MODE, "user_1"));
    }
    for reversed in [false, true] {
        let Some(db) = open_with(engine, revoke).await else { return };
        let active = event("evt_s", "customer.subscription.created", 0, subscription("active", "price_pro"), None);
        db.take(&[links_customer(), active]).await;
        let mut events = [
            event("evt_1", "invoice.payment_failed", 60, bill("open"), None),
            event("evt_2", "invoice.paid", 120, bill("paid"), None),
        ];
        if reversed {
            events.reverse();
        }
        db.take(&events).await;
        assert_eq!(db.verdict(), (true, "subscription_active"), "paid after all, reversed: {reversed}");
    }
}

async fn durations_and_credits_are_in_the_catalog(engine: Engine) {
    let Some(db) = bought(engine, PaymentPolicy::default()).await else { return };
    let calls = Feature::new("calls", FeatureType::Metered);
    db.store.put_feature(MODE, &calls, &author()).await.unwrap();
    let month = FeatureGrant { duration: domain::Term::parse("30d"), ..FeatureGrant::of("pro") };
    let pack = FeatureGrant { credits: Some(100), ..FeatureGrant::of("calls") };
    let grants = [pack, month];
    db.store.put_grants(MODE, TargetKind::Price, "price_pro", &grants, &author()).await.unwrap();
    assert_eq!(db.store.index().catalog(MODE).prices["price_pro"], grants);
    let policy = db.store.options().policy;
    let ask = |feature: &str, secs| db.store.index().decide(MODE, "user_1", feature, &policy, now().plus_secs(secs));
    assert_eq!(ask("pro", 0).until, Some(now().plus_secs(30 * 86_400)), "from the event that called it paid");
    assert_eq!((ask("calls", 0).reason.as_str(), ask("calls", 0).value), ("credits", Some(100)));
    let over = ask("pro", 30 * 86_400);
    assert_eq!((over.allowed, over.reason.as_str()), (false, "purchase_expired"));
    let changes = db.store.verdict_changes(MODE, "user_1", 100).await.unwrap();
    assert!(changes.iter().any(|change| change.change.feature == "calls" && change.cause_kind == "catalog"));
    let row = db.store.list_catalog(MODE).await.unwrap();
    assert!(row.iter().any(|row| row.grants == grants));
}

async fn a_restart_knows_purchases(engine: Engine) {
    let Some(db) = bought(engine, PaymentPolicy::default()).await else { return };
    db.take(&[
        event("evt_1", "charge.refunded", 60, charge(500), None),
        event("evt_2", "charge.dispute.created", 60, dispute("needs_response"), None),
        event("evt_3", "invoice.paid", 60, invoice("paid"), None),
    ])
    .await;
    let again = store::open(&db.url, db.store.options().clone()).await.unwrap();
    assert_eq!(again.index().facts(MODE, "user_1"), db.store.index().facts(MODE, "user_1"));
    assert_eq!(again.index().facts(MODE, "user_1").unwrap().purchases.len(), 2);
    assert_eq!(again.index().facts(Livemode::Live, "user_1"), None);
}
