//! Users and the Stripe customers they are.

use serde_json::json;

use super::app;

#[tokio::test]
async fn a_mapping_makes_waiting_events_take_effect_and_can_be_taken_away() {
    let (app, key) = app().await;
    app.sell(&key, "price_pro", "pro").await;
    app.subscriber("cus_ada", "price_pro", None).await;
    let waiting = app.get(&key, "/v1/events?status=unattributed&customer_id=cus_ada").await.ok();
    assert!(!waiting["data"].as_array().unwrap().is_empty(), "{waiting}");
    app.get(&key, "/v1/customers/cus_ada/mapping").await.refused(404, "resource_missing", None);

    let mapping = app.put(&key, "/v1/customers/cus_ada/mapping", json!({ "user_id": "user_42" })).await.ok();
    assert_eq!((&mapping["user_id"], &mapping["source"]), (&json!("user_42"), &json!("api")));
    app.drain().await;
    assert_eq!(app.get(&key, "/v1/customers/cus_ada/mapping").await.ok(), mapping);
    assert_eq!(app.get(&key, "/v1/access?user_id=user_42&feature=pro").await.ok()["allowed"], true);
    assert_eq!(app.get(&key, "/v1/events?status=unattributed").await.ok()["data"], json!([]));

    assert_eq!(app.delete(&key, "/v1/customers/cus_ada/mapping").await.ok()["deleted"], true);
    assert_eq!(app.get(&key, "/v1/access?user_id=user_42&feature=pro").await.ok()["allowed"], false);
    app.delete(&key, "/v1/customers/cus_ada/mapping").await.refused(404, "resource_missing", None);
}

#[tokio::test]
async fn wrong_mappings_name_the_parameter() {
    let (app, key) = app().await;
    for path in ["/v1/customers/ada/mapping", "/v1/customers/cus_/mapping", "/v1/customers/cus_a%20b/mapping"] {
        app.get(&key, path).await.refused(400, "parameter_invalid", Some("customer_id"));
        app.put(&key, path, json!({ "user_id": "u" })).await.refused(400, "parameter_invalid", Some("customer_id"));
        app.delete(&key, path).await.refused(400, "parameter_invalid", Some("customer_id"));
    }
    let path = "/v1/customers/cus_ada/mapping";
    app.put(&key, path, json!({})).await.refused(400, "parameter_missing", Some("user_id"));
    app.put(&key, path, json!({ "user_id": "" })).await.refused(400, "parameter_invalid", Some("user_id"));
    app.put(&key, path, json!({ "user_id": 42 })).await.refused(400, "parameter_invalid", Some("user_id"));
    app.put(&key, path, json!({ "user_id": "u", "user": "u" })).await.refused(400, "parameter_unknown", Some("user"));
}

#[tokio::test]
async fn users_are_told_of_and_shown_with_their_customers() {
    let (app, key) = app().await;
    app.get(&key, "/v1/users/user_42").await.refused(404, "resource_missing", None);
    let told = app.put(&key, "/v1/users/user_42", json!({ "email": "ada@example.com", "name": "Ada" })).await.ok();
    assert_eq!(
        (&told["email"], &told["name"], &told["customers"]),
        (&json!("ada@example.com"), &json!("Ada"), &json!([]))
    );
    app.put(&key, "/v1/customers/cus_ada/mapping", json!({ "user_id": "user_42" })).await.ok();
    let user = app.get(&key, "/v1/users/user_42").await.ok();
    assert_eq!(user["customers"][0]["customer_id"], "cus_ada");
    let changed = app.put(&key, "/v1/users/user_42", json!({ "name": "Ada L." })).await.ok();
    assert_eq!((&changed["email"], &changed["name"]), (&json!("ada@example.com"), &json!("Ada L.")));
    assert_eq!(changed["created_at"], told["created_at"]);

    app.put(&key, "/v1/users/user_42", json!({ "email": "nonsense" })).await.refused(
        400,
        "parameter_invalid",
        Some("email"),
    );
    app.put(&key, "/v1/users/user_42", json!({ "name": "a\u{7}b" })).await.refused(
        400,
        "parameter_invalid",
        Some("name"),
    );
    app.put(&key, "/v1/users/user_42", json!({ "e-mail": "x" })).await.refused(
        400,
        "parameter_unknown",
        Some("e-mail"),
    );
}

#[tokio::test]
async fn a_guests_session_is_mapped_as_a_customer_is() {
    let (app, key) = app().await;
    app.sell(&key, "price_pro", "pro").await;
    let stripe = app.stripe.control();
    stripe.create_product(Some("prod_1"), "Course");
    stripe.create_price(Some("price_pro"), "prod_1", 2900, None);
    let form = "mode=payment&success_url=https://a.example/&line_items[0][price]=price_pro&line_items[0][quantity]=1";
    let session = stripe.request("POST", "checkout/sessions", form);
    let id = session["id"].as_str().unwrap();
    let path = format!("/v1/customers/{id}/mapping");
    app.put(&key, &path, json!({ "user_id": "user_42" })).await.refused(404, "resource_missing", None);
    stripe.request("POST", &format!("payment_pages/{id}/confirm"), "payment_method=pm_card_visa");
    app.settle().await;
    app.put(&key, &path, json!({ "user_id": "user_42" })).await.ok();
    app.drain().await;
    assert_eq!(app.get(&key, &path).await.ok()["user_id"], "user_42");
    let answer = app.get(&key, "/v1/access?user_id=user_42&feature=pro").await.ok();
    assert_eq!((&answer["allowed"], &answer["reason"]), (&json!(true), &json!("purchase")));
    app.delete(&key, &path).await.ok();
}
