//! What asks Stripe, and the webhook log.

use domain::Livemode;
use domain::role::Scope;
use serde_json::json;
use standin::CheckoutSpec;

use super::app;
use crate::helpers::TestApp;

#[tokio::test]
async fn a_sync_mends_what_no_webhook_told() {
    let (app, key) = app().await;
    app.sell(&key, "price_pro", "pro").await;
    app.subscriber("cus_ada", "price_pro", Some("user_42")).await;
    let control = app.stripe.control();
    let subscription = app.get(&key, "/v1/access?user_id=user_42&feature=pro").await.ok()["sources"][0]["id"].clone();
    control.cancel_subscription(subscription.as_str().unwrap());
    control.discard_queue();
    assert_eq!(app.get(&key, "/v1/access?user_id=user_42&feature=pro").await.ok()["allowed"], true);

    let report = app.post(&key, "/v1/sync", json!({ "user_id": "user_42" })).await.ok();
    assert_eq!((&report["changed"], &report["user_id"]), (&json!(true), &json!("user_42")));
    assert_eq!(report["entitlements"][0]["reason"], "subscription_canceled");
    let fields = report["customers"][0]["effects"]["fields"].as_array().unwrap();
    assert!(fields.iter().any(|field| field["field"] == "status" && field["after"] == "canceled"), "{fields:?}");

    let again = app.post(&key, "/v1/sync", json!({ "customer_id": "cus_ada" })).await.ok();
    assert_eq!((&again["changed"], &again["user_id"]), (&json!(false), &json!("user_42")));
}

#[tokio::test]
async fn a_success_page_need_not_wait_for_the_webhook() {
    let (app, key) = app().await;
    app.sell(&key, "price_pro", "pro").await;
    let control = app.stripe.control();
    control.create_customer(Some("cus_ada"), Some("ada@example.com"), None, json!({}));
    let subscription = control.subscribe(standin::SubscriptionSpec {
        customer: "cus_ada".into(),
        prices: vec![("price_pro".into(), 1)],
        ..standin::SubscriptionSpec::default()
    });
    let session = control.checkout(CheckoutSpec {
        mode: "subscription".into(),
        customer: Some("cus_ada".into()),
        client_reference_id: Some("user_42".into()),
        subscription: subscription["id"].as_str().map(str::to_owned),
        ..CheckoutSpec::default()
    });
    control.discard_queue();
    let report = app.post(&key, "/v1/sync", json!({ "checkout_session_id": session["id"] })).await.ok();
    assert_eq!(
        (&report["user_id"], &report["entitlements"][0]["allowed"]),
        (&json!("user_42"), &json!(true)),
        "{report}"
    );
}

#[tokio::test]
async fn wrong_syncs_are_refused() {
    let (app, key) = app().await;
    let sync = async |body| app.post(&key, "/v1/sync", body).await;
    sync(json!({})).await.refused(400, "parameter_missing", Some("user_id"));
    sync(json!({ "user_id": "u", "customer_id": "cus_x" })).await.refused(400, "parameter_invalid", Some("user_id"));
    sync(json!({ "user_id": "u" })).await.refused(404, "resource_missing", Some("user_id"));
    sync(json!({ "customer_id": "x" })).await.refused(400, "parameter_invalid", Some("customer_id"));
    sync(json!({ "customer_id": "cus_unknown" })).await.refused(404, "resource_missing", Some("customer_id"));
    sync(json!({ "checkout_session_id": "x" })).await.refused(400, "parameter_invalid", Some("checkout_session_id"));
    sync(json!({ "checkout_session_id": "cs_test_x" })).await.refused(
        404,
        "resource_missing",
        Some("checkout_session_id"),
    );
    let live = app.key(Livemode::Live, Scope::Admin).await;
    app.post(&live, "/v1/sync", json!({ "customer_id": "cus_x" })).await.refused(
        409,
        "stripe_key_missing",
        Some("customer_id"),
    );
}

#[tokio::test]
async fn checkout_and_portal_sessions_are_made_by_stripe() {
    let (app, key) = app().await;
    let control = app.stripe.control();
    control.create_product(Some("prod_pro"), "Pro");
    control.create_price(Some("price_pro"), "prod_pro", 900, Some("month"));
    let body = json!({ "user_id": "user_42", "price": "price_pro", "success_url": "https://app.example.com/done" });
    let made = app.post(&key, "/v1/checkout-sessions", body.clone()).await.ok();
    let session = control.object(made["id"].as_str().unwrap()).unwrap();
    assert_eq!((&session["client_reference_id"], &session["url"]), (&json!("user_42"), &made["url"]));

    let items = json!({ "user_id": "user_42", "line_items": [{ "price": "price_pro", "quantity": 3 }], "mode": "subscription",
        "success_url": "https://app.example.com/done", "cancel_url": "https://app.example.com/back", "trial_days": 14 });
    app.post(&key, "/v1/checkout-sessions", items).await.ok();

    for (patch, param) in [
        (json!({ "user_id": "" }), "user_id"),
        (json!({ "price": "nonsense" }), "price"),
        (json!({ "line_items": [] }), "line_items"),
        (json!({ "success_url": "/done" }), "success_url"),
        (json!({ "success_url": "javascript:alert(1)" }), "success_url"),
        (json!({ "cancel_url": "back" }), "cancel_url"),
        (json!({ "mode": "setup" }), "mode"),
        (json!({ "trial_days": 0 }), "trial_days"),
        (json!({ "mode": "payment", "trial_days": 3 }), "trial_days"),
    ] {
        let mut body = body.clone();
        body.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
        app.post(&key, "/v1/checkout-sessions", body).await.refused(400, "parameter_invalid", Some(param));
    }
    app.post(&key, "/v1/checkout-sessions", json!({ "user_id": "u", "success_url": "https://a.example" }))
        .await
        .refused(400, "parameter_missing", Some("price"));

    let portal = json!({ "user_id": "user_42", "return_url": "https://app.example.com/account" });
    app.post(&key, "/v1/portal-sessions", portal.clone()).await.refused(404, "no_customer", Some("user_id"));
    app.subscriber("cus_ada", "price_pro", Some("user_42")).await;
    let url = app.post(&key, "/v1/portal-sessions", portal).await.ok()["url"].clone();
    assert!(url.as_str().unwrap().starts_with("http"), "{url}");
    app.post(&key, "/v1/portal-sessions", json!({ "user_id": "user_42", "return_url": "account" })).await.refused(
        400,
        "parameter_invalid",
        Some("return_url"),
    );
}

#[tokio::test]
async fn a_repeated_checkout_request_gives_the_same_session() {
    let (app, key) = app().await;
    app.stripe.control().create_product(Some("prod_pro"), "Pro");
    app.stripe.control().create_price(Some("price_pro"), "prod_pro", 900, Some("month"));
    let ask = async |idempotency: &str| {
        let body = json!({ "user_id": "user_42", "price": "price_pro", "success_url": "https://app.example.com/done" });
        let request = app.http.post(format!("{}/v1/checkout-sessions", app.url)).bearer_auth(&key);
        app.send(request.header("idempotency-key", idempotency).json(&body)).await
    };
    let first = ask("order-1").await.ok();
    assert_eq!(ask("order-1").await.ok()["id"], first["id"]);
    assert_ne!(ask("order-2").await.ok()["id"], first["id"]);
    ask(&"k".repeat(201)).await.refused(400, "parameter_invalid", Some("Idempotency-Key"));
}

#[tokio::test]
async fn without_a_stripe_key_the_refusal_names_the_setting() {
    let app = TestApp::with(&[]).await;
    let key = app.key(Livemode::Test, Scope::Admin).await;
    let body = json!({ "user_id": "u", "price": "price_x", "success_url": "https://a.example" });
    let reply = app.post(&key, "/v1/checkout-sessions", body).await;
    assert!(reply.refused(409, "stripe_key_missing", None).contains("STRIPE_SECRET_KEY"));
}

#[tokio::test]
async fn events_are_listed_shown_and_processed_again() {
    let (app, key) = app().await;
    app.sell(&key, "price_pro", "pro").await;
    app.subscriber("cus_ada", "price_pro", Some("user_42")).await;
    let list = app.get(&key, "/v1/events").await.ok();
    let rows = list["data"].as_array().unwrap();
    assert!(rows.len() >= 2, "{list}");
    let first = app.get(&key, "/v1/events?limit=1").await.ok();
    assert_eq!((&first["has_more"], &first["data"][0]["id"]), (&json!(true), &rows[0]["id"]));
    let second =
        app.get(&key, &format!("/v1/events?limit=1&starting_after={}", rows[0]["id"].as_str().unwrap())).await.ok();
    assert_eq!(second["data"][0]["id"], rows[1]["id"]);
    let kinds = app.get(&key, "/v1/events?type=customer.subscription.*&status=processed,processing").await.ok();
    assert!(
        kinds["data"].as_array().unwrap().iter().all(|row| row["type"] == "customer.subscription.created"),
        "{kinds}"
    );

    let path = format!("/v1/events/{}", kinds["data"][0]["id"].as_str().unwrap());
    let event = app.get(&key, &path).await.ok();
    assert_eq!((&event["status"], &event["customer_id"]), (&json!("processed"), &json!("cus_ada")));
    let attempts = event["attempts"].as_array().unwrap().len();
    assert!(attempts >= 1, "{event}");
    assert!(event["effects"]["fields"].is_array(), "{event}");

    let line = app.post(&key, &format!("{path}/replay"), json!(null)).await.ok();
    assert_eq!(line["status"], "pending");
    app.drain().await;
    let again = app.get(&key, &path).await.ok();
    assert_eq!((&again["status"], again["attempts"].as_array().unwrap().len()), (&json!("processed"), attempts + 1));

    app.get(&key, "/v1/events?status=done").await.refused(400, "parameter_invalid", Some("status"));
    app.get(&key, "/v1/events?limit=0").await.refused(400, "parameter_invalid", Some("limit"));
    app.get(&key, "/v1/events?starting_after=evt_unknown").await.refused(
        400,
        "parameter_invalid",
        Some("starting_after"),
    );
    app.get(&key, "/v1/events?customer_id=ada").await.refused(400, "parameter_invalid", Some("customer_id"));
    app.get(&key, "/v1/events/nonsense").await.refused(400, "parameter_invalid", Some("id"));
    app.get(&key, "/v1/events/evt_unknown").await.refused(404, "resource_missing", None);
    app.post(&key, "/v1/events/evt_unknown/replay", json!(null)).await.refused(404, "resource_missing", None);
}
