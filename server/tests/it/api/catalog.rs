//! Features, and what prices and products give.

use serde_json::json;

use super::app;

#[tokio::test]
async fn features_are_made_changed_listed_and_deleted() {
    let (app, key) = app().await;
    let made = app.put(&key, "/v1/features/pro", json!({ "name": "Pro", "type": "switch" })).await.ok();
    assert_eq!(made, json!({ "object": "feature", "key": "pro", "name": "Pro", "type": "switch", "livemode": false }));
    let changed = app.put(&key, "/v1/features/pro", json!({ "type": "limit" })).await.ok();
    assert_eq!((&changed["name"], &changed["type"]), (&json!(null), &json!("limit")));
    assert_eq!(app.get(&key, "/v1/features/pro").await.ok(), changed);
    for name in ["a", "b", "z.1:x-y_"] {
        app.put(&key, &format!("/v1/features/{name}"), json!({})).await.ok();
    }
    let page = app.get(&key, "/v1/features?limit=2").await.ok();
    assert_eq!((&page["object"], &page["has_more"]), (&json!("list"), &json!(true)));
    assert_eq!((&page["data"][0]["key"], &page["data"][1]["key"]), (&json!("a"), &json!("b")));
    let rest = app.get(&key, "/v1/features?starting_after=b").await.ok();
    assert_eq!((&rest["data"][0]["key"], &rest["has_more"]), (&json!("pro"), &json!(false)));

    let gone = app.delete(&key, "/v1/features/pro").await.ok();
    assert_eq!(gone, json!({ "object": "feature", "id": "pro", "deleted": true }));
    app.delete(&key, "/v1/features/pro").await.refused(404, "resource_missing", None);
    app.get(&key, "/v1/features/pro").await.refused(404, "resource_missing", None);
}

#[tokio::test]
async fn wrong_features_are_refused() {
    let (app, key) = app().await;
    app.put(&key, "/v1/features/no%20spaces", json!({})).await.refused(400, "parameter_invalid", Some("key"));
    app.put(&key, &format!("/v1/features/{}", "k".repeat(81)), json!({})).await.refused(
        400,
        "parameter_invalid",
        Some("key"),
    );
    app.put(&key, "/v1/features/pro", json!({ "type": "boolean" })).await.refused(
        400,
        "parameter_invalid",
        Some("type"),
    );
    app.put(&key, "/v1/features/pro", json!({ "nme": "x" })).await.refused(400, "parameter_unknown", Some("nme"));
    app.put(&key, "/v1/features/pro", json!({ "name": "n".repeat(201) })).await.refused(
        400,
        "parameter_invalid",
        Some("name"),
    );
    for limit in ["0", "101", "-1", "many", "1.5"] {
        app.get(&key, &format!("/v1/features?limit={limit}")).await.refused(400, "parameter_invalid", Some("limit"));
    }
}

#[tokio::test]
async fn prices_and_products_give_features_before_stripe_told_of_them() {
    let (app, key) = app().await;
    app.put(&key, "/v1/features/pro", json!({})).await.ok();
    app.put(&key, "/v1/features/seats", json!({ "type": "limit" })).await.ok();
    for path in ["/v1/prices/price_new/features", "/v1/products/prod_new/features"] {
        assert_eq!(app.get(&key, path).await.ok()["features"], json!([]));
        let body = json!({ "features": [{ "feature": "pro", "value": null }, { "feature": "seats", "value": 5 }] });
        let given = app.put(&key, path, body.clone()).await.ok();
        assert_eq!(given["features"], body["features"]);
        assert_eq!(app.get(&key, path).await.ok(), given);
        assert_eq!(app.put(&key, path, json!({ "features": [] })).await.ok()["features"], json!([]));

        let refused = async |body| app.put(&key, path, body).await;
        refused(json!({ "features": [{ "feature": "pro" }, { "feature": "nope" }] })).await.refused(
            422,
            "unknown_feature",
            Some("features[1].feature"),
        );
        refused(json!({ "features": [{ "feature": "pro" }, { "feature": "pro" }] })).await.refused(
            400,
            "parameter_invalid",
            Some("features[1].feature"),
        );
        refused(json!({ "features": [{ "feature": "pro", "value": 1 }] })).await.refused(
            400,
            "parameter_invalid",
            Some("features[0].value"),
        );
        refused(json!({ "features": [{ "feature": "seats", "value": "5" }] })).await.refused(
            400,
            "parameter_invalid",
            Some("features[0].value"),
        );
        refused(json!({ "features": "pro" })).await.refused(400, "parameter_invalid", Some("features"));
        refused(json!({})).await.refused(400, "parameter_missing", Some("features"));
    }
    app.get(&key, "/v1/prices/prod_x/features").await.refused(400, "parameter_invalid", Some("price_id"));
    app.get(&key, "/v1/products/a%20b/features").await.refused(400, "parameter_invalid", Some("product_id"));
}

#[tokio::test]
async fn features_and_prices_depart_from_the_policy() {
    let (app, key) = app().await;
    app.put(&key, "/v1/features/pro", json!({})).await.ok();
    for (path, id) in [("/v1/features/pro/policy", "pro"), ("/v1/prices/price_new/policy", "price_new")] {
        let nothing = json!({ "object": "policy", "id": id, "past_due_grace": null, "trialing": null, "paused": null, "livemode": false });
        assert_eq!(app.get(&key, path).await.ok(), nothing);
        let wanted = json!({ "past_due_grace": "14d", "trialing": "deny", "paused": "allow" });
        let made = app.put(&key, path, wanted).await.ok();
        assert_eq!(
            (&made["past_due_grace"], &made["trialing"], &made["paused"]),
            (&json!("14d"), &json!("deny"), &json!("allow"))
        );
        assert_eq!(app.get(&key, path).await.ok(), made);
        assert_eq!(app.put(&key, path, json!({})).await.ok(), nothing, "what is left out follows the installation");
        for (body, param) in [
            (json!({ "past_due_grace": "two weeks" }), "past_due_grace"),
            (json!({ "past_due_grace": 14 }), "past_due_grace"),
            (json!({ "trialing": "maybe" }), "trialing"),
            (json!({ "paused": true }), "paused"),
        ] {
            app.put(&key, path, body).await.refused(400, "parameter_invalid", Some(param));
        }
    }
    app.put(&key, "/v1/features/nope/policy", json!({})).await.refused(404, "resource_missing", None);
    app.get(&key, "/v1/features/nope/policy").await.refused(404, "resource_missing", None);
    app.get(&key, "/v1/prices/nope/policy").await.refused(400, "parameter_invalid", Some("price_id"));
}

#[tokio::test]
async fn purchases_last_for_a_time_or_give_credits() {
    let (app, key) = app().await;
    app.put(&key, "/v1/features/pro", json!({})).await.ok();
    app.put(&key, "/v1/features/calls", json!({ "type": "metered" })).await.ok();
    let path = "/v1/prices/price_pass/features";
    let features = json!([
        { "feature": "calls", "value": null, "credits": 100 },
        { "feature": "pro", "value": null, "duration": "30d" },
    ]);
    let given = app.put(&key, path, json!({ "features": features })).await.ok();
    assert_eq!(given["features"], features);
    let refused = async |field: &str, grant| {
        let field = format!("features[0].{field}");
        app.put(&key, path, json!({ "features": [grant] })).await.refused(400, "parameter_invalid", Some(&field));
    };
    for duration in ["30", "0d", "1 month", "-1d", ""] {
        refused("duration", json!({ "feature": "pro", "duration": duration })).await;
    }
    refused("credits", json!({ "feature": "calls", "credits": 0 })).await;
    refused("credits", json!({ "feature": "calls", "credits": 5, "value": 5 })).await;
    assert_eq!(app.get(&key, path).await.ok(), given, "a refused change changes nothing");
}
