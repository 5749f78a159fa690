//! Where features come from: Stripe's metadata, its product features and its entitlements, through the whole program.

use serde_json::{Value, json};

use super::program::Program;

/// `user_1` subscribes to `price_1` of `prod_1`; nothing of ours gives anything.
async fn subscribed() -> Program {
    let program = Program::start().await;
    let stripe = program.stripe.control();
    stripe.create_product(Some("prod_1"), "Pro");
    stripe.create_price(Some("price_1"), "prod_1", 2900, Some("month"));
    stripe.create_customer(Some("cus_1"), Some("ada@example.com"), None, json!({"user_id": "user_1"}));
    stripe.request(
        "POST",
        "subscriptions",
        "customer=cus_1&items[0][price]=price_1&payment_behavior=allow_incomplete&default_payment_method=pm_card_visa",
    );
    deliver(&program).await;
    program
}

async fn deliver(program: &Program) {
    let delivered = program.stripe.control().deliver_all().await;
    assert!(delivered.iter().all(standin::DeliveryResult::accepted));
    program.settle().await;
}

/// Attaches features to the product in Stripe, which sends no event about it.
fn attach(program: &Program, keys: &[String]) -> Vec<String> {
    let stripe = program.stripe.control();
    let mut joined = vec![];
    for key in keys {
        let feature = stripe.request("POST", "entitlements/features", &format!("lookup_key={key}&name=Feature {key}"));
        let form = format!("entitlement_feature={}", feature["id"].as_str().unwrap());
        let join = stripe.request("POST", "products/prod_1/features", &form);
        joined.push(join["id"].as_str().unwrap().to_owned());
    }
    joined
}

async fn allowed(program: &Program) -> Vec<String> {
    let answer = program.get("/v1/users/user_1/entitlements").await;
    let list = answer["data"].as_array().or(answer["entitlements"].as_array()).unwrap_or_else(|| panic!("{answer}"));
    let given = list.iter().filter(|one| one["allowed"] == true);
    given.map(|one| one["feature"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_and_one_product_features_are_read_and_follow_stripe() {
    let program = subscribed().await;
    assert_eq!(allowed(&program).await, Vec::<String>::new());
    let keys: Vec<String> = (0..101).map(|n| format!("f{n:03}")).collect();
    let joined = attach(&program, &keys);
    program.settle().await;
    assert_eq!(allowed(&program).await, Vec::<String>::new(), "no event tells of it");
    program.clock.advance(86_400_000);
    program.stripe.control().advance(86_400);
    deliver(&program).await;
    assert_eq!(allowed(&program).await, keys, "a day later they are read, page by page");
    program.stripe.control().request("DELETE", &format!("products/prod_1/features/{}", joined[100]), "");
    let report = program.send("POST", "/v1/sync", json!({"customer_id": "cus_1"})).await;
    assert!(report.is_object());
    program.settle().await;
    assert_eq!(allowed(&program).await, keys[..100], "whoever syncs a customer has its products read too");
    let given = program.get("/v1/products/prod_1/features").await;
    assert_eq!(given["features"][0], json!({"feature": "f000", "value": null, "source": "stripe"}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_subscription_has_the_features_of_its_product_at_once() {
    let program = Program::start().await;
    let stripe = program.stripe.control();
    stripe.create_product(Some("prod_1"), "Pro");
    stripe.create_price(Some("price_1"), "prod_1", 2900, Some("month"));
    attach(&program, &["pro".to_owned()]);
    // Nothing was told of the product or the price.
    stripe.discard_queue();
    stripe.create_customer(Some("cus_1"), Some("ada@example.com"), None, json!({"user_id": "user_1"}));
    stripe.request(
        "POST",
        "subscriptions",
        "customer=cus_1&items[0][price]=price_1&payment_behavior=allow_incomplete&default_payment_method=pm_card_visa",
    );
    deliver(&program).await;
    assert_eq!(allowed(&program).await, ["pro"]);
    assert_eq!(program.check("user_1").await["sources"][0]["type"], "subscription");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_gives_features_and_what_is_set_here_comes_on_top() {
    let program = subscribed().await;
    program.clock.advance(60_000);
    program.stripe.control().advance(60);
    program.stripe.control().request("POST", "products/prod_1", "metadata[features]=pro, seats=5");
    deliver(&program).await;
    assert_eq!(allowed(&program).await, ["pro", "seats"]);
    let path = "/v1/products/prod_1/features";
    let mut given = program.get(path).await["features"].clone();
    assert_eq!(given[1], json!({"feature": "seats", "value": 5, "source": "metadata"}));
    // What is sent back as it was answered stays Stripe's.
    program.send("PUT", path, json!({"features": given})).await;
    assert_eq!(program.get(path).await["features"], given);
    given[1] = json!({"feature": "seats", "value": 9});
    program.send("PUT", path, json!({"features": given})).await;
    assert_eq!(program.get("/v1/access?user_id=user_1&feature=seats").await["value"], 9);
    program.send("PUT", path, json!({"features": []})).await;
    assert_eq!(program.get("/v1/access?user_id=user_1&feature=seats").await["value"], 5);
    let refused = program.request("DELETE", "/v1/features/pro", Value::Null).await;
    assert_eq!(refused.status(), 409);
    let refused: Value = refused.json().await.unwrap();
    assert_eq!(refused["error"]["code"], "feature_given_by_stripe");
    let wrong = json!({"features": [{"feature": "pro", "source": "elsewhere"}]});
    assert_eq!(program.request("PUT", path, wrong).await.status(), 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entitlements_alone_give_access_and_the_diagnosis_agrees() {
    let program = Program::start().await;
    let customer =
        json!({"id": "cus_e", "object": "customer", "email": "eve@example.com", "metadata": {"user_id": "user_1"}});
    let entitlement =
        json!({"id": "ent_1", "object": "entitlements.active_entitlement", "feature": "feat_1", "lookup_key": "pro"});
    let summary = json!({
        "object": "entitlements.active_entitlement_summary", "customer": "cus_e",
        "entitlements": {"object": "list", "data": [entitlement], "has_more": false, "url": "/v1/customer/cus_e/entitlements"}
    });
    for (id, kind, object) in
        [("evt_1", "customer.created", customer), ("evt_2", "entitlements.active_entitlement_summary.updated", summary)]
    {
        let event = json!({
            "id": id, "object": "event", "api_version": "2025-09-30.clover", "created": program.now(), "livemode": false,
            "type": kind, "data": {"object": object}
        });
        assert_eq!(program.deliver(&event).await.status(), 200);
    }
    program.events_only().await;
    let answer = program.check("user_1").await;
    assert_eq!((&answer["allowed"], &answer["sources"][0]["type"]), (&json!(true), &json!("entitlement")), "{answer}");
    let why = program.get("/v1/users/user_1/diagnosis?feature=pro").await;
    assert_eq!(why["broken_link"], Value::Null, "{why}");
    let states: Vec<_> = why["links"].as_array().unwrap().iter().map(|link| link["state"].as_str().unwrap()).collect();
    assert!(!states.contains(&"broken"), "{why}");
    assert_eq!(states[4], "ok", "{why}");
}
