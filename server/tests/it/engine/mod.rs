//! From a signed delivery to a right answer, with a Stripe that is slow, fails, loses and repeats.

mod catalog;
mod catch_up;
mod faults;
mod figures;
mod full_disk;
mod kill;
mod program;
mod purchases;
mod renewals;
mod replay;
mod resync;
mod skew;
mod thin;
mod versions;

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use standin::{CheckoutSpec, Faults, SubscriptionSpec};

use self::program::{Program, SECRET};

/// A paying customer at the stand-in; nothing is delivered yet.
fn buy(program: &Program) {
    let stripe = program.stripe.control();
    stripe.create_product(Some("prod_1"), "Pro");
    stripe.create_price(Some("price_pro"), "prod_1", 2900, Some("month"));
    stripe.create_customer(Some("cus_1"), Some("ada@example.com"), Some("Ada"), json!({}));
    stripe.subscribe(SubscriptionSpec {
        id: Some("sub_1".into()),
        customer: "cus_1".into(),
        prices: vec![("price_pro".into(), 1)],
        ..SubscriptionSpec::default()
    });
    stripe.checkout(CheckoutSpec {
        id: Some("cs_1".into()),
        mode: "subscription".into(),
        customer: Some("cus_1".into()),
        client_reference_id: Some("user_1".into()),
        subscription: Some("sub_1".into()),
        ..CheckoutSpec::default()
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purchase_becomes_access() {
    let program = Program::start().await;
    program.with_catalog().await;
    buy(&program);
    assert_eq!(program.check("user_1").await["reason"], "unknown_user");
    let delivered = program.stripe.control().deliver_all().await;
    assert!(delivered.iter().all(standin::DeliveryResult::accepted));
    program.settle().await;
    let answer = program.check("user_1").await;
    assert_eq!((answer["allowed"].clone(), answer["reason"].clone()), (json!(true), json!("subscription_active")));
    assert_eq!(answer["sources"][0]["id"], "sub_1");
    program.stripe.control().cancel_subscription("sub_1");
    program.stripe.control().deliver_all().await;
    program.settle().await;
    assert_eq!(program.check("user_1").await["reason"], "subscription_canceled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s1_fifty_copies_in_parallel_have_one_effect() {
    let program = Program::start().await;
    program.with_catalog().await;
    buy(&program);
    program.stripe.control().deliver_all().await;
    let event = program
        .stripe
        .control()
        .events()
        .into_iter()
        .find(|event| event["type"] == "customer.subscription.created")
        .unwrap();
    let fresh = with_id(&event, "evt_copy");
    let mut copies = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let sent = program.deliver(&fresh);
        copies.spawn(async move { sent.await.json::<Value>().await.unwrap() });
    }
    let answers = copies.join_all().await;
    assert!(answers.iter().all(|answer| answer["received"] == true));
    assert_eq!(answers.iter().filter(|answer| answer["duplicate"] == true).count(), 49);
    program.settle().await;
    let stored: Value = program.get("/v1/events/evt_copy").await;
    assert_eq!(stored["attempts"].as_array().map_or(0, Vec::len), 1, "{stored}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s12_s13_signatures() {
    let program = Program::start().await;
    let body = with_id(
        &json!({"object": "event", "type": "product.created", "livemode": false, "data": {"object": {"id": "prod_1", "object": "product"}}}),
        "evt_1",
    );
    let now = program.now();
    let (_, good) = standin::sign(body.to_string().as_bytes(), SECRET, now)
        .split_once(",v1=")
        .map(|(t, v)| (t.to_owned(), v.to_owned()))
        .unwrap();
    let (_, wrong) = standin::sign(body.to_string().as_bytes(), "whsec_of_somebody_else000000", now)
        .split_once(",v1=")
        .map(|(t, v)| (t.to_owned(), v.to_owned()))
        .unwrap();
    let two = program.post(&body.to_string(), Some(&format!("t={now},v1={wrong},v1={good}"))).await;
    assert_eq!(two.status(), StatusCode::OK);
    let hour_old = standin::sign(body.to_string().as_bytes(), SECRET, now - 3600);
    for (header, code) in [
        (Some(hour_old.as_str()), "timestamp_too_old"),
        (Some(format!("t={now},v1={wrong}").as_str()), "signature_mismatch"),
        (Some("nonsense"), "header_malformed"),
        (None, "header_missing"),
    ] {
        let refused = program.post(&body.to_string(), header).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
        let error: Value = refused.json().await.unwrap();
        assert_eq!(error["error"]["code"], code);
    }
    let log = program.state.store.rejected_deliveries(None, 10).await.unwrap().data;
    assert_eq!(log.len(), 4);
    assert_eq!(log[2].tried, ["dashboard"]);
    assert!(
        !log[2].signature_header.as_deref().unwrap().contains(&wrong),
        "a signature in the log could be sent again"
    );
    let signed = |body: &str| standin::sign(body.as_bytes(), SECRET, now);
    for bad in ["[]", "nonsense", "{\"id\":\"evt_2\"}", &format!("{}1{}", "[".repeat(500), "]".repeat(500))] {
        let refused = program.post(bad, Some(&signed(bad))).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{bad}");
    }
    let large = " ".repeat(1024 * 1024 + 1);
    assert_eq!(program.post(&large, Some(&signed(&large))).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_event_is_mended_by_a_resync() {
    let program = Program::start().await;
    program.with_catalog().await;
    buy(&program);
    program.stripe.control().deliver_all().await;
    program.settle().await;
    program.stripe.control().cancel_subscription("sub_1");
    program.stripe.control().discard_queue();
    program.clock.advance(60_000);
    let report: Value = program.send("POST", "/v1/sync", json!({"user_id": "user_1"})).await;
    assert!(report.to_string().contains("canceled"), "{report}");
    assert_eq!(program.check("user_1").await["reason"], "subscription_canceled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r3_stripe_fails_for_a_while() {
    let program = Program::start().await;
    program.with_catalog().await;
    buy(&program);
    let stripe = program.stripe.control();
    stripe.deliver_all().await;
    program.settle().await;
    stripe.set_faults(Faults { fail_paths: vec![("cus_1".into(), 500)], ..Faults::default() });
    // A payload whose items Stripe cut: only a read can tell.
    let mut event = stripe.emit("customer.subscription.updated", &stripe.object("sub_1").unwrap(), None);
    event["data"]["object"]["items"]["has_more"] = json!(true);
    event["created"] = json!(program.now() + 30);
    stripe.discard_queue();
    assert_eq!(
        program.deliver(&event).await.status(),
        StatusCode::OK,
        "Stripe's outage never blocks an acknowledgement"
    );
    program.settle().await;
    let id = event["id"].as_str().unwrap().to_owned();
    let failed: Value = program.get(&format!("/v1/events/{id}")).await;
    assert_eq!(failed["status"], "failed", "{failed}");
    assert!(failed.to_string().contains("500"), "the cause is shown: {failed}");
    assert_eq!(program.check("user_1").await["allowed"], true);
    stripe.set_faults(Faults::default());
    program.send("POST", &format!("/v1/events/{id}/replay"), json!({})).await;
    program.settle().await;
    let settled: Value = program.get(&format!("/v1/events/{id}")).await;
    assert_eq!(settled["status"], "processed", "{settled}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_is_answered_503_and_nothing_is_lost_by_a_slow_stripe() {
    let program = Program::start().await;
    program.with_catalog().await;
    buy(&program);
    let stripe = program.stripe.control();
    stripe.deliver_all().await;
    program.settle().await;
    let held = stripe.hold("/v1/customers/cus_1");
    let resync = tokio::spawn(program.request("POST", "/v1/sync", json!({"customer_id": "cus_1"})));
    tokio::time::timeout(Duration::from_secs(20), held.arrived(1)).await.unwrap();
    // While Stripe is silent, deliveries are acknowledged and checks answered.
    stripe.cancel_subscription("sub_1");
    program.clock.advance(10_000);
    stripe.set_now(program.now());
    let event =
        stripe.events().into_iter().rev().find(|event| event["type"] == "customer.subscription.deleted").unwrap();
    assert_eq!(program.deliver(&event).await.status(), StatusCode::OK);
    program.events_only().await;
    assert_eq!(program.check("user_1").await["reason"], "subscription_canceled");
    held.release();
    assert!(resync.await.unwrap().status().is_success());
    program.clock.advance(10_000);
    program.settle().await;
    assert_eq!(program.check("user_1").await["reason"], "subscription_canceled", "an older answer undoes nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_take_effect_while_stripe_is_slow() {
    let program = Program::start().await;
    program.with_catalog().await;
    buy(&program);
    let held = program.stripe.control().hold("cus_slow");
    let store = &program.state.store;
    store.request_read(domain::Livemode::Test, "cus_slow", program.state.now()).await.unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let shutdown = async {
        let _ = stopped.await;
    };
    let worker = tokio::spawn(program.state.worker.clone().run(program.state.intake.clone(), shutdown));
    tokio::time::timeout(Duration::from_secs(60), held.arrived(1)).await.expect("the customer is read");
    program.stripe.control().deliver_all().await;
    let took_effect = async {
        while program.check("user_1").await["allowed"] != true {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), took_effect).await.expect("events do not wait for Stripe");
    held.release();
    stop.send(()).unwrap();
    worker.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_renewal_is_found_by_itself() {
    let program = Program::start().await;
    program.with_catalog().await;
    buy(&program);
    let stripe = program.stripe.control();
    stripe.deliver_all().await;
    program.settle().await;
    let until = |answer: &Value| domain::Timestamp::parse(answer["until"].as_str().unwrap()).unwrap().secs();
    let end = until(&program.check("user_1").await);
    stripe.advance(end - program.now() + 60);
    stripe.run_billing();
    assert!(stripe.discard_queue() > 0, "it was to be renewed, and nobody told us what came of it");
    program.clock.advance((end - program.now() + 1800) * 1000);
    program.settle().await;
    let answer = program.check("user_1").await;
    assert_eq!(
        (&answer["allowed"], &answer["reason"]),
        (&json!(true), &json!("grace_period")),
        "no word is not the end"
    );
    program.clock.advance(1_800_000);
    program.settle().await;
    let answer = program.check("user_1").await;
    assert_eq!(answer["sources"][0]["status"], "past_due", "Stripe says that the charge was refused: {answer}");
}

/// The same event under another id, created now.
fn with_id(event: &Value, id: &str) -> Value {
    let mut event = event.clone();
    event["id"] = json!(id);
    if event["created"].is_null() {
        event["created"] = json!(program::START);
    }
    event
}
