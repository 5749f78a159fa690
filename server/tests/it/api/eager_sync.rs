//! The success page's question: access at once, with the webhook before, after or beside it.

use std::time::Duration;

use domain::Livemode;
use serde_json::{Value, json};
use server::eager_sync::{self, Pending};
use standin::CheckoutSpec;

use super::app;
use crate::helpers::TestApp;

const TEST: Livemode = Livemode::Test;

async fn shop() -> (TestApp, String) {
    let (app, key) = app().await;
    let control = app.stripe.control();
    control.create_product(Some("prod_pro"), "Pro");
    control.create_price(Some("price_pro"), "prod_pro", 900, Some("month"));
    control.create_price(Some("price_once"), "prod_pro", 4900, None);
    app.sell(&key, "price_pro", "pro").await;
    app.sell(&key, "price_once", "pro").await;
    app.settle().await;
    (app, key)
}

/// A session of the user, which nobody has paid.
async fn open(app: &TestApp, key: &str, user: &str, price: &str) -> String {
    let mode = if price == "price_once" { "payment" } else { "subscription" };
    let body = json!({ "user_id": user, "price": price, "mode": mode, "success_url": "https://app.example.com/done" });
    app.post(key, "/v1/checkout-sessions", body).await.ok()["id"].as_str().unwrap().to_owned()
}

fn pay(app: &TestApp, session: &str) {
    let path = format!("payment_pages/{session}/confirm");
    let paid = app.stripe.control().request("POST", &path, "payment_method=pm_card_visa");
    assert_eq!(paid["status"], "complete", "{paid}");
}

async fn allowed(app: &TestApp, key: &str, user: &str) -> Value {
    app.get(key, &format!("/v1/access?user_id={user}&feature=pro")).await.ok()["allowed"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_success_page_and_the_webhook_at_the_same_moment_have_one_effect() {
    let (app, key) = shop().await;
    for round in 0..20 {
        // One time for both: what is more than the margin apart would count as newer or older.
        app.clock.advance(10_000);
        app.stripe.control().set_now(app.state.now().secs());
        let user = format!("user_{round}");
        let price = if round % 2 == 0 { "price_pro" } else { "price_once" };
        let session = open(&app, &key, &user, price).await;
        pay(&app, &session);
        let body = json!({ "checkout_session_id": session, "user_id": user });
        let (delivered, synced, ()) =
            tokio::join!(app.stripe.control().deliver_all(), app.post(&key, "/v1/sync", body.clone()), app.drain(),);
        assert!(delivered.iter().all(standin::DeliveryResult::accepted));
        let synced = synced.ok();
        assert_eq!((&synced["user_id"], &synced["pending"]), (&json!(user), &json!(false)), "{synced}");
        let pro = synced["entitlements"].as_array().unwrap().iter().find(|answer| answer["feature"] == "pro");
        assert_eq!(pro.unwrap()["allowed"], true, "access at once: {synced}");
        app.settle().await;
        let again = app.post(&key, "/v1/sync", body).await.ok();
        assert_eq!((&again["changed"], &again["pending"]), (&json!(false), &json!(false)), "{again}");
        assert_eq!(allowed(&app, &key, &user).await, true);
        let mut changes = app.state.store.verdict_changes(TEST, &user, 10).await.unwrap();
        // Why not yet may be told step by step, that now it is so only once.
        changes.retain(|made| made.change.allowed_before != made.change.allowed_after);
        assert_eq!(changes.len(), 1, "{changes:?}");
        assert_eq!(app.state.store.mappings_of(TEST, &user).await.unwrap().len(), 1);
    }
    let failed = app.get(&key, "/v1/events?status=failed,dead,pending").await.ok();
    assert_eq!(failed["data"], json!([]));
}

/// A subscription is born incomplete and active a moment later; the event of its birth may arrive while the page's read is under way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn news_beside_the_read_are_told_from_its_answer_at_once() {
    let (app, key) = shop().await;
    app.stripe.control().set_now(app.state.now().secs());
    let session = open(&app, &key, "user_1", "price_pro").await;
    pay(&app, &session);
    let control = app.stripe.control();
    let born = control.events().into_iter().find(|event| event["type"] == "customer.subscription.created").unwrap();
    assert_eq!(born["data"]["object"]["status"], "incomplete");
    let customer = control.object(&session).unwrap()["customer"].as_str().unwrap().to_owned();
    let held = control.hold(&format!("/v1/customers/{customer}"));
    let body = json!({ "checkout_session_id": session, "user_id": "user_1" });
    let (synced, ()) = tokio::join!(app.post(&key, "/v1/sync", body), async {
        tokio::time::timeout(Duration::from_secs(60), held.arrived(1)).await.unwrap();
        app.clock.advance(1);
        assert!(app.stripe.control().deliver(&born).await.accepted());
        app.drain().await;
        held.release();
    });
    let synced = synced.ok();
    let pro = synced["entitlements"].as_array().unwrap().iter().find(|answer| answer["feature"] == "pro").unwrap();
    assert_eq!((&pro["allowed"], &synced["pending"]), (&json!(true), &json!(false)), "{synced}");
    let report = &synced["customers"][0];
    assert_eq!((&report["marked_again"], synced["customers"].as_array().unwrap().len()), (&json!(false), 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_that_ends_while_the_page_waits_gives_access() {
    let (app, key) = shop().await;
    let session = open(&app, &key, "user_1", "price_pro").await;
    let held = app.stripe.control().hold(&format!("/v1/checkout/sessions/{session}"));
    let body = json!({ "checkout_session_id": session });
    let (synced, ()) = tokio::join!(app.post(&key, "/v1/sync", body), async {
        // What it hears first is that the session is open; then the buyer pays.
        tokio::time::timeout(Duration::from_secs(60), held.arrived(1)).await.unwrap();
        pay(&app, &session);
        app.stripe.control().discard_queue();
        held.release();
    });
    let synced = synced.ok();
    assert_eq!((&synced["pending"], &synced["message"]), (&json!(false), &Value::Null), "{synced}");
    assert_eq!(synced["checkout_session"], json!({ "id": session, "status": "complete", "payment_status": "paid" }));
    assert_eq!(allowed(&app, &key, "user_1").await, true);
}

#[tokio::test]
async fn a_payment_that_is_not_finished_is_no_error() {
    let (app, key) = shop().await;
    assert_eq!(eager_sync::PATIENCE, Duration::from_secs(5));
    let look = async |session: &str| {
        eager_sync::checkout(&app.state, TEST, session, Some("user_1"), &app.author(), Duration::ZERO).await.unwrap()
    };
    let session = open(&app, &key, "user_1", "price_pro").await;
    let taken = look(&session).await;
    assert_eq!((taken.pending, taken.user_id.as_deref()), (Some(Pending::Buyer), Some("user_1")));
    assert!(taken.report.is_none());

    app.stripe.control().request("POST", &format!("checkout/sessions/{session}/expire"), "");
    assert_eq!(look(&session).await.pending, None);
    let expired = app.post(&key, "/v1/sync", json!({ "checkout_session_id": session })).await.ok();
    assert_eq!(expired["message"], "The Checkout expired before it was paid.");
    assert_eq!((&expired["pending"], &expired["checkout_session"]["status"]), (&json!(false), &json!("expired")));

    // The debit of a one-time purchase is on its way.
    app.stripe.control().create_customer(Some("cus_1"), None, None, json!({}));
    let debit = app.stripe.control().checkout(CheckoutSpec {
        customer: Some("cus_1".into()),
        client_reference_id: Some("user_1".into()),
        prices: vec![("price_once".into(), 1)],
        payment_status: Some("unpaid".into()),
        ..CheckoutSpec::default()
    });
    let taken = look(debit["id"].as_str().unwrap()).await;
    assert_eq!(taken.pending, Some(Pending::Bank));
    assert!(taken.report.is_some(), "what is known so far is taken in");
    assert_eq!(allowed(&app, &key, "user_1").await, false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_of_the_same_customer_is_waited_for_and_told_of() {
    let (app, key) = shop().await;
    let session = open(&app, &key, "user_1", "price_pro").await;
    pay(&app, &session);
    let customer = app.stripe.control().object(&session).unwrap()["customer"].as_str().unwrap().to_owned();
    let held = app.stripe.control().hold(&format!("/v1/customers/{customer}"));
    let slow = app.post(&key, "/v1/sync", json!({ "customer_id": customer }));
    let (slow, taken) = tokio::join!(slow, async {
        tokio::time::timeout(Duration::from_secs(60), held.arrived(1)).await.unwrap();
        let author = app.author();
        let taken = eager_sync::checkout(&app.state, TEST, &session, None, &author, Duration::ZERO).await.unwrap();
        held.release();
        taken
    });
    slow.ok();
    assert_eq!(taken.pending, Some(Pending::Read));
    assert!(taken.report.is_none());
    let synced = app.post(&key, "/v1/sync", json!({ "checkout_session_id": session })).await.ok();
    assert_eq!((&synced["pending"], &synced["user_id"]), (&json!(false), &json!("user_1")), "{synced}");
}

#[tokio::test]
async fn nothing_of_another_users_session_is_told() {
    let (app, key) = shop().await;
    let session = open(&app, &key, "user_ada", "price_pro").await;
    pay(&app, &session);
    let body = json!({ "checkout_session_id": session, "user_id": "user_eve" });
    let reply = app.post(&key, "/v1/sync", body.clone()).await;
    reply.refused(409, "session_of_other_user", Some("checkout_session_id"));
    assert!(!reply.body.to_string().contains("user_ada"), "{reply:?}");
    assert!(app.stripe.control().requests().iter().all(|(_, path)| !path.contains("/v1/customers/")), "it was read");

    // The mapping counts before the session's own word.
    let customer = app.stripe.control().object(&session).unwrap()["customer"].as_str().unwrap().to_owned();
    app.put(&key, &format!("/v1/customers/{customer}/mapping"), json!({ "user_id": "user_eve" })).await.ok();
    let synced = app.post(&key, "/v1/sync", body).await.ok();
    assert_eq!(synced["user_id"], "user_eve");
    let reply = app.post(&key, "/v1/sync", json!({ "checkout_session_id": session, "user_id": "user_ada" })).await;
    reply.refused(409, "session_of_other_user", Some("checkout_session_id"));
    app.post(&key, "/v1/sync", json!({ "checkout_session_id": session, "user_id": "" })).await.refused(
        400,
        "parameter_invalid",
        Some("user_id"),
    );
}
