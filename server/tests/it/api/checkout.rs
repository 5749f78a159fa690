//! Checkout and portal sessions: what Stripe is asked for, and how its refusals are told.

use domain::Livemode;
use domain::role::Scope;
use serde_json::{Value, json};
use standin::SubscriptionSpec;

use super::app;
use crate::helpers::{Reply, SECRET, STRIPE_KEY, TestApp};

/// A shop with a monthly price, a one-time price and an archived one.
async fn shop() -> (TestApp, String) {
    let (app, key) = app().await;
    let control = app.stripe.control();
    control.create_product(Some("prod_pro"), "Pro");
    control.create_price(Some("price_pro"), "prod_pro", 900, Some("month"));
    control.create_price(Some("price_once"), "prod_pro", 4900, None);
    control.create_price(Some("price_old"), "prod_pro", 100, Some("month"));
    control.update("price_old", json!({ "active": false }));
    (app, key)
}

/// Asks for a session of the monthly price, with other fields laid over it; null takes one away.
async fn ask(app: &TestApp, key: &str, patch: Value) -> Reply {
    let mut body = json!({ "user_id": "user_42", "price": "price_pro", "success_url": "https://app.example.com/done" });
    let fields = body.as_object_mut().unwrap();
    fields.extend(patch.as_object().unwrap().clone());
    fields.retain(|_, value| !value.is_null());
    app.post(key, "/v1/checkout-sessions", body).await
}

/// The session that Stripe made.
fn made(app: &TestApp, reply: Reply) -> Value {
    let id = reply.ok()["id"].as_str().unwrap().to_owned();
    app.stripe.control().object(&id).unwrap()
}

#[tokio::test]
async fn a_session_has_what_was_asked_for() {
    let (app, key) = shop().await;
    let stripe = app.stripe.control();
    stripe.request("POST", "coupons", "id=SPRING&percent_off=50&duration=forever");
    let promotion = stripe.request("POST", "promotion_codes", "promotion[type]=coupon&promotion[coupon]=SPRING&code=X");
    let items =
        json!([{ "price": "price_pro", "quantity": 3, "adjustable_quantity": true }, { "price": "price_once" }]);
    let rich = json!({ "price": null, "line_items": items, "coupon": "SPRING", "locale": "pt-BR", "customer_email": "ada@example.com",
        "metadata": { "campaign": "mail" }, "trial_days": 14, "cancel_url": "https://app.example.com/no" });
    let session = made(&app, ask(&app, &key, rich).await);
    let expected = json!({ "client_reference_id": "user_42", "locale": "pt-BR", "customer_email": "ada@example.com",
        "metadata": { "campaign": "mail", "user_id": "user_42" }, "amount_total": (3 * 900 + 4900) / 2 });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&session[field], value, "{field}");
    }
    assert_eq!(session["discounts"][0]["coupon"], "SPRING");

    let by_code = made(&app, ask(&app, &key, json!({ "promotion_code": promotion["id"] })).await);
    assert_eq!((&by_code["amount_total"], &by_code["discounts"][0]["promotion_code"]), (&json!(450), &promotion["id"]));
    let entered = made(&app, ask(&app, &key, json!({ "allow_promotion_codes": true })).await);
    assert_eq!((&entered["allow_promotion_codes"], &entered["amount_total"]), (&json!(true), &json!(900)));
    let once = made(&app, ask(&app, &key, json!({ "price": "price_once", "mode": "payment" })).await);
    assert_eq!((&once["mode"], &once["customer_creation"]), (&json!("payment"), &json!("always")));
}

#[tokio::test]
async fn what_is_bought_finds_its_user_under_the_configured_key() {
    let settings =
        [("STRIPE_SECRET_KEY", STRIPE_KEY), ("STRIPE_WEBHOOK_SECRET", SECRET), ("USER_METADATA_KEYS", "account")];
    let app = TestApp::with(&settings).await;
    let key = app.key(Livemode::Test, Scope::Admin).await;
    let control = app.stripe.control();
    control.create_product(Some("prod_pro"), "Pro");
    control.create_price(Some("price_pro"), "prod_pro", 900, Some("month"));
    app.sell(&key, "price_pro", "pro").await;
    let session = made(&app, ask(&app, &key, json!({})).await);
    let path = format!("payment_pages/{}/confirm", session["id"].as_str().unwrap());
    let paid = control.request("POST", &path, "payment_method=pm_card_visa");
    let subscription = control.object(paid["subscription"].as_str().unwrap()).unwrap();
    assert_eq!(subscription["metadata"], json!({ "account": "user_42" }));
    app.settle().await;
    assert_eq!(app.get(&key, "/v1/access?user_id=user_42&feature=pro").await.ok()["allowed"], true);
    ask(&app, &key, json!({ "metadata": { "account": "eve" } })).await.refused(
        400,
        "parameter_invalid",
        Some("metadata"),
    );
}

#[tokio::test]
async fn a_known_customer_is_used_and_one_who_is_gone_costs_no_sale() {
    let (app, key) = shop().await;
    app.subscriber("cus_ada", "price_pro", Some("user_42")).await;
    let session = made(&app, ask(&app, &key, json!({ "customer_email": "other@example.com" })).await);
    assert_eq!((&session["customer"], &session["customer_email"]), (&json!("cus_ada"), &Value::Null));

    let control = app.stripe.control();
    control.delete_customer("cus_ada");
    control.discard_queue();
    let session = made(&app, ask(&app, &key, json!({})).await);
    assert_eq!((&session["customer"], &session["client_reference_id"]), (&Value::Null, &json!("user_42")));
    app.drain().await;
    let customer = app.state.store.customer(Livemode::Test, "cus_ada").await.unwrap().unwrap();
    assert!(customer.deleted, "it was read again");
}

#[tokio::test]
async fn a_wrong_parameter_is_named_before_stripe_is_asked() {
    let (app, key) = shop().await;
    let long: String = "x".repeat(501);
    let many: serde_json::Map<String, Value> = (0..50).map(|n| (format!("key{n}"), json!("x"))).collect();
    let quantity =
        |quantity: Value| json!({ "price": null, "line_items": [{ "price": "price_pro", "quantity": quantity }] });
    for (patch, param) in [
        (json!({ "coupon": "A", "promotion_code": "promo_1" }), "promotion_code"),
        (json!({ "coupon": "A", "allow_promotion_codes": true }), "coupon"),
        (json!({ "promotion_code": "promo_1", "allow_promotion_codes": true }), "promotion_code"),
        (json!({ "promotion_code": "SPRING" }), "promotion_code"),
        (json!({ "coupon": "with space" }), "coupon"),
        (json!({ "locale": "german please" }), "locale"),
        (json!({ "customer_email": "nobody" }), "customer_email"),
        (json!({ "metadata": { "user_id": "eve" } }), "metadata"),
        (json!({ "metadata": { "userId": "eve" } }), "metadata"),
        (json!({ "metadata": { "a[b]": "x" } }), "metadata"),
        (json!({ "metadata": { "a": long } }), "metadata"),
        (json!({ "metadata": many }), "metadata"),
        (quantity(json!(0)), "line_items[0].quantity"),
        (json!({ "line_items": [{ "price": "price_pro" }] }), "line_items"),
        (json!({ "trial_days": 731 }), "trial_days"),
    ] {
        ask(&app, &key, patch.clone()).await.refused(400, "parameter_invalid", Some(param));
    }
    assert!(app.stripe.control().requests().is_empty(), "Stripe was asked");
}

#[tokio::test]
async fn stripes_refusal_is_passed_on_in_our_words() {
    let (app, key) = shop().await;
    let items = |prices: &[&str]| {
        let items: Vec<_> = prices.iter().map(|price| json!({ "price": price })).collect();
        json!({ "price": null, "line_items": items })
    };
    for (patch, param, code, words) in [
        (json!({ "price": "price_no" }), Some("price"), Some("resource_missing"), "No such price: 'price_no'"),
        (items(&["price_pro", "price_no"]), Some("line_items[1].price"), Some("resource_missing"), "No such price"),
        (json!({ "price": "price_old" }), Some("price"), None, "The price specified is inactive"),
        (json!({ "mode": "payment" }), None, None, "passed a recurring price"),
        (json!({ "price": "price_once" }), None, None, "at least one recurring price"),
        (json!({ "coupon": "NONE" }), Some("coupon"), Some("resource_missing"), "No such coupon: 'NONE'"),
        (
            json!({ "promotion_code": "promo_9" }),
            Some("promotion_code"),
            Some("resource_missing"),
            "No such promotion code",
        ),
        (json!({ "locale": "tlh" }), Some("locale"), None, "Invalid locale"),
    ] {
        let reply = ask(&app, &key, patch).await;
        let message = reply.refused(422, "stripe_refused", param);
        assert!(message.starts_with("Stripe refused it: ") && message.contains(words), "{message}");
        assert_eq!(reply.body["error"]["stripe_code"].as_str(), code, "{reply:?}");
    }
}

#[tokio::test]
async fn a_price_of_the_other_mode_is_told_by_name() {
    let (app, key) = shop().await;
    app.stripe.control().exists_in_other_mode("price_live");
    let sentence = "The price \"price_live\" is of live mode, and this API key is of test mode.";
    let reply = ask(&app, &key, json!({ "price": "price_live" })).await;
    assert!(reply.refused(422, "price_of_other_mode", Some("price")).starts_with(sentence), "{reply:?}");

    // Stripe does not say so of a sandbox; what the other mode told us does.
    let price = json!({ "id": "price_ours", "object": "price", "active": true, "created": app.stripe.control().now(), "currency": "usd",
        "livemode": true, "metadata": {}, "product": "prod_live", "recurring": null, "type": "one_time", "unit_amount": 100 });
    let mut event = app.stripe.control().emit("price.created", &price, None);
    event["livemode"] = json!(true);
    app.stripe.control().discard_queue();
    assert!(app.stripe.control().deliver(&event).await.accepted());
    app.drain().await;
    let body = json!({ "price": null, "line_items": [{ "price": "price_pro" }, { "price": "price_ours" }] });
    ask(&app, &key, body).await.refused(422, "price_of_other_mode", Some("line_items[1].price"));
}

#[tokio::test]
async fn the_portal_opens_where_the_customer_wants_to_go() {
    let (app, key) = shop().await;
    app.subscriber("cus_ada", "price_pro", Some("user_42")).await;
    let portal = async |patch: Value| {
        let mut body = json!({ "user_id": "user_42", "return_url": "https://app.example.com/account" });
        body.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
        app.post(&key, "/v1/portal-sessions", body).await
    };
    let opened = |reply: Reply| {
        let id = reply.ok()["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        app.stripe.control().object(&id).unwrap()
    };
    let subscription = app.get(&key, "/v1/access?user_id=user_42&feature=none").await;
    assert_eq!(subscription.status, 200);
    let cancel = opened(portal(json!({ "flow": "subscription_cancel", "locale": "de" })).await);
    let own = cancel["flow"]["subscription_cancel"]["subscription"].as_str().unwrap().to_owned();
    assert_eq!((&cancel["locale"], &cancel["customer"]), (&json!("de"), &json!("cus_ada")));
    assert!(own.starts_with("sub_"));
    let method = opened(portal(json!({ "flow": "payment_method_update" })).await);
    assert_eq!(method["flow"]["type"], "payment_method_update");

    portal(json!({ "flow": "subscription_update", "subscription_id": "sub_of_eve" })).await.refused(
        404,
        "no_subscription",
        Some("subscription_id"),
    );
    portal(json!({ "subscription_id": own })).await.refused(400, "parameter_invalid", Some("subscription_id"));
    portal(json!({ "flow": "party" })).await.refused(400, "parameter_invalid", Some("flow"));
    portal(json!({ "locale": "german please" })).await.refused(400, "parameter_invalid", Some("locale"));
    app.stripe.control().subscribe(SubscriptionSpec {
        customer: "cus_ada".into(),
        prices: vec![("price_pro".into(), 1)],
        ..SubscriptionSpec::default()
    });
    app.settle().await;
    portal(json!({ "flow": "subscription_cancel" })).await.refused(400, "parameter_missing", Some("subscription_id"));
    let update = opened(portal(json!({ "flow": "subscription_update", "subscription_id": own })).await);
    assert_eq!(update["flow"]["subscription_update"]["subscription"], own);

    app.stripe.control().set_portal_configured(false);
    let reply = portal(json!({})).await;
    let message = reply.refused(422, "stripe_refused", None);
    assert!(message.contains("saving your customer portal settings in test mode"), "{message}");
    app.stripe.control().set_portal_configured(true);
    app.stripe.control().delete_customer("cus_ada");
    app.stripe.control().discard_queue();
    portal(json!({})).await.refused(404, "no_customer", Some("user_id"));
}
