//! Access checks, entitlements, diagnosis, overrides.

use domain::Livemode;
use domain::role::Scope;
use serde_json::json;
use server::clock::Clock as _;

use super::app;

const DAY: i64 = 86_400_000;

#[tokio::test]
async fn a_paying_user_is_let_in_until_the_period_ends() {
    let (app, key) = app().await;
    app.sell(&key, "price_pro", "pro").await;
    app.subscriber("cus_ada", "price_pro", Some("user_42")).await;

    let answer = app.get(&key, "/v1/access?user_id=user_42&feature=pro").await.ok();
    assert_eq!(answer["object"], "access");
    assert_eq!((&answer["allowed"], &answer["reason"]), (&json!(true), &json!("subscription_active")));
    assert_eq!(answer["livemode"], false);
    assert_eq!(
        (&answer["sources"][0]["type"], &answer["sources"][0]["status"]),
        (&json!("subscription"), &json!("active"))
    );
    assert_eq!(answer["until"], answer["sources"][0]["until"]);
    assert!(answer["as_of"].as_str().unwrap().ends_with('Z'));
    assert_eq!(answer.get("diagnosis"), None);

    app.clock.advance(60 * DAY);
    let answer = app.get(&key, "/v1/access?user_id=user_42&feature=pro").await.ok();
    assert_eq!(answer["allowed"], false, "{answer}");
}

#[tokio::test]
async fn a_user_never_heard_of_is_an_answer_and_no_error() {
    let (app, key) = app().await;
    let answer = app.get(&key, "/v1/access?user_id=nobody&feature=pro").await.ok();
    assert_eq!((&answer["allowed"], &answer["reason"]), (&json!(false), &json!("unknown_user")));
    assert_eq!((&answer["until"], &answer["sources"]), (&json!(null), &json!([])));
}

#[tokio::test]
async fn malformed_questions_name_the_parameter() {
    let (app, key) = app().await;
    let long = "u".repeat(201);
    for (path, code, param) in [
        ("/v1/access?feature=pro", "parameter_missing", "user_id"),
        ("/v1/access?user_id=u", "parameter_missing", "feature"),
        ("/v1/access?user_id=&feature=pro", "parameter_invalid", "user_id"),
        ("/v1/access?user_id=a%00b&feature=pro", "parameter_invalid", "user_id"),
        (&format!("/v1/access?user_id={long}&feature=pro"), "parameter_invalid", "user_id"),
        ("/v1/access?user_id=u&feature=", "parameter_invalid", "feature"),
        ("/v1/access?user_id=u&feature=a%20b", "parameter_invalid", "feature"),
        ("/v1/access?user_id=u&feature=pro&explain=perhaps", "parameter_invalid", "explain"),
        ("/v1/access?user_id=u&feature=pro&expand=all", "parameter_unknown", "expand"),
        ("/v1/access?user_id=u&user_id=v&feature=pro", "parameter_invalid", "user_id"),
        ("/v1/users/a%0Ab/entitlements", "parameter_invalid", "user_id"),
        ("/v1/users/u/diagnosis?feature=a%20b", "parameter_invalid", "feature"),
    ] {
        app.get(&key, path).await.refused(400, code, Some(param));
    }
    let two_hundred = "ü".repeat(200);
    app.get(&key, &format!("/v1/access?user_id={two_hundred}&feature=pro")).await.ok();
}

#[tokio::test]
async fn explain_adds_the_chain() {
    let (app, key) = app().await;
    app.put(&key, "/v1/features/pro", json!({})).await.ok();
    app.subscriber("cus_ada", "price_unknown", Some("user_42")).await;
    let answer = app.get(&key, "/v1/access?user_id=user_42&feature=pro&explain=true").await.ok();
    assert_eq!(answer["reason"], "price_not_in_catalog");
    let diagnosis = &answer["diagnosis"];
    assert_eq!(
        (&diagnosis["code"], &diagnosis["broken_link"]),
        (&json!("price_not_in_catalog"), &json!("entitlement"))
    );
    let names: Vec<&str> =
        diagnosis["links"].as_array().unwrap().iter().map(|link| link["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["checkout", "webhook", "mapping", "subscription", "entitlement"]);
    let same = app.get(&key, "/v1/users/user_42/diagnosis?feature=pro").await.ok();
    assert_eq!((&same["code"], &same["fixes"]), (&diagnosis["code"], &diagnosis["fixes"]));
    app.get(&key, "/v1/users/user_42/diagnosis").await.ok();

    let check = app.key(Livemode::Test, Scope::Check).await;
    app.get(&check, "/v1/access?user_id=user_42&feature=pro&explain=true").await.refused(
        403,
        "scope_insufficient",
        None,
    );
}

#[tokio::test]
async fn a_batch_answers_in_order() {
    let (app, key) = app().await;
    app.sell(&key, "price_pro", "pro").await;
    app.subscriber("cus_ada", "price_pro", Some("user_42")).await;
    let checks = json!({ "checks": [
        { "user_id": "nobody", "feature": "pro" },
        { "user_id": "user_42", "feature": "pro" },
        { "user_id": "user_42", "feature": "other" },
    ] });
    let answer = app.post(&key, "/v1/access/batch", checks).await.ok();
    let reasons: Vec<&str> =
        answer["data"].as_array().unwrap().iter().map(|one| one["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["unknown_user", "subscription_active", "unknown_feature"]);

    let many = |n: usize| json!({ "checks": vec![json!({ "user_id": "u", "feature": "pro" }); n] });
    assert_eq!(app.post(&key, "/v1/access/batch", many(100)).await.ok()["data"].as_array().unwrap().len(), 100);
    app.post(&key, "/v1/access/batch", many(101)).await.refused(400, "parameter_invalid", Some("checks"));
    app.post(&key, "/v1/access/batch", many(0)).await.refused(400, "parameter_invalid", Some("checks"));
    let missing = json!({ "checks": [{ "user_id": "u", "feature": "pro" }, { "user_id": "u" }] });
    app.post(&key, "/v1/access/batch", missing).await.refused(400, "parameter_missing", Some("checks[1].feature"));
    let wrong = json!({ "checks": [{ "user_id": "", "feature": "pro" }] });
    app.post(&key, "/v1/access/batch", wrong).await.refused(400, "parameter_invalid", Some("checks[0].user_id"));
}

#[tokio::test]
async fn entitlements_list_every_feature() {
    let (app, key) = app().await;
    app.sell(&key, "price_pro", "pro").await;
    app.put(&key, "/v1/features/beta", json!({})).await.ok();
    app.subscriber("cus_ada", "price_pro", Some("user/42 ä")).await;
    let answer = app.get(&key, "/v1/users/user%2F42%20%C3%A4/entitlements").await.ok();
    assert_eq!(answer["user_id"], "user/42 ä");
    let rows = answer["entitlements"].as_array().unwrap();
    let told: Vec<_> =
        rows.iter().map(|row| (row["feature"].as_str().unwrap(), row["allowed"].as_bool().unwrap())).collect();
    assert_eq!(told, [("beta", false), ("pro", true)]);
}

#[tokio::test]
async fn overrides_decide_before_subscriptions_and_end_by_themselves() {
    let (app, key) = app().await;
    app.sell(&key, "price_pro", "pro").await;
    let end = app.state.now().plus_millis(DAY);
    let grant = json!({ "feature": "pro", "effect": "grant", "reason": "a week on us", "expires_at": end });
    let made = app.post(&key, "/v1/users/user_1/overrides", grant).await.ok();
    assert_eq!(
        (&made["effect"], &made["active"], &made["reason"]),
        (&json!("grant"), &json!(true), &json!("a week on us"))
    );
    assert!(made["created_by"].as_str().unwrap().starts_with("api_key:key_"));
    let reason = async || app.get(&key, "/v1/access?user_id=user_1&feature=pro").await.ok()["reason"].clone();
    assert_eq!(reason().await, "override_grant");

    let deny = json!({ "feature": "pro", "effect": "deny", "reason": "chargeback" });
    let denied = app.post(&key, "/v1/users/user_1/overrides", deny).await.ok();
    assert_eq!(reason().await, "override_deny");

    let path = format!("/v1/overrides/{}", denied["id"].as_str().unwrap());
    let writer = app.key(Livemode::Test, Scope::Write).await;
    app.delete(&writer, &path).await.refused(403, "scope_insufficient", None);
    assert_eq!(app.delete(&key, &path).await.ok()["deleted"], true);
    app.delete(&key, &path).await.refused(404, "resource_missing", None);
    assert_eq!(reason().await, "override_grant");

    app.clock.advance(DAY + 1);
    assert_ne!(reason().await, "override_grant");
    let list = app.get(&key, "/v1/users/user_1/overrides?limit=1").await.ok();
    assert_eq!((&list["has_more"], &list["data"][0]["id"]), (&json!(true), &denied["id"]));
    let rest = app
        .get(&key, &format!("/v1/users/user_1/overrides?starting_after={}", denied["id"].as_str().unwrap()))
        .await
        .ok();
    assert_eq!((&rest["has_more"], &rest["data"][0]["id"]), (&json!(false), &made["id"]));
}

#[tokio::test]
async fn wrong_overrides_name_the_parameter() {
    let (app, key) = app().await;
    app.put(&key, "/v1/features/pro", json!({})).await.ok();
    app.put(&key, "/v1/features/seats", json!({ "type": "limit" })).await.ok();
    let past = app.state.now().plus_millis(-1);
    let base = json!({ "feature": "pro", "effect": "grant", "reason": "because" });
    for (patch, status, code, param) in [
        (json!({ "feature": null }), 400, "parameter_invalid", "feature"),
        (json!({ "feature": "no such" }), 400, "parameter_invalid", "feature"),
        (json!({ "feature": "unheard" }), 422, "unknown_feature", "feature"),
        (json!({ "effect": "maybe" }), 400, "parameter_invalid", "effect"),
        (json!({ "reason": "  " }), 400, "parameter_invalid", "reason"),
        (json!({ "reason": "r".repeat(501) }), 400, "parameter_invalid", "reason"),
        (json!({ "expires_at": past }), 400, "parameter_invalid", "expires_at"),
        (json!({ "expires_at": "tomorrow" }), 400, "parameter_invalid", "expires_at"),
        (json!({ "expires_at": 12 }), 400, "parameter_invalid", "expires_at"),
        (json!({ "value": 3 }), 400, "parameter_invalid", "value"),
        (json!({ "feature": "seats", "value": -1 }), 400, "parameter_invalid", "value"),
        (json!({ "until": "2030-01-01T00:00:00Z" }), 400, "parameter_unknown", "until"),
    ] {
        let mut body = base.clone();
        body.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
        app.post(&key, "/v1/users/u/overrides", body).await.refused(status, code, Some(param));
    }
    app.post(&key, "/v1/users/u/overrides", json!({ "effect": "grant", "reason": "x" })).await.refused(
        400,
        "parameter_missing",
        Some("feature"),
    );
    let writer = app.key(Livemode::Test, Scope::Write).await;
    let deny = json!({ "feature": "pro", "effect": "deny", "reason": "because" });
    app.post(&writer, "/v1/users/u/overrides", deny).await.refused(403, "scope_insufficient", None);
    app.post(&writer, "/v1/users/u/overrides", base).await.ok();
    app.delete(&key, "/v1/overrides/nonsense").await.refused(400, "parameter_invalid", Some("id"));
    app.delete(&key, "/v1/overrides/ovr_unknown").await.refused(404, "resource_missing", None);
}

#[tokio::test]
async fn the_answer_of_another_moment() {
    let (app, key) = app().await;
    app.sell(&key, "price_pro", "pro").await;
    app.subscriber("cus_ada", "price_pro", Some("user_42")).await;
    let ask = |at: domain::Timestamp| format!("/v1/access?user_id=user_42&feature=pro&at={at}");
    let now = app.clock.now();
    for (at, reason) in [
        (now.plus_millis(-DAY), "unknown_user"),
        (now.plus_millis(1000), "subscription_active"),
        (now.plus_millis(60 * DAY), "grace_period_over"),
    ] {
        let answer = app.get(&key, &ask(at)).await.ok();
        assert_eq!((&answer["reason"], &answer["as_of"]), (&json!(reason), &json!(at.to_string())));
    }
    let early = app.get(&key, &ask(now.plus_millis(-DAY))).await.ok();
    assert_eq!(early["history_begins_at"], json!(now.to_string()), "it says that it does not know");
    assert!(app.get(&key, &ask(now.plus_millis(1000))).await.ok().get("history_begins_at").is_none());
    app.get(&key, "/v1/access?user_id=u&feature=pro&at=yesterday").await.refused(400, "parameter_invalid", Some("at"));
    app.get(&key, &format!("{}&explain=true", ask(now))).await.refused(400, "parameter_invalid", Some("at"));
}

#[tokio::test]
async fn the_plain_question_and_the_ordinary_way_answer_alike() {
    let (app, key) = app().await;
    app.sell(&key, "price_pro", "pro").await;
    app.subscriber("cus_ada", "price_pro", Some("user_42")).await;
    for user in ["user_42", "nobody"] {
        // `explain=false` says what is so anyway, and takes the way through the router.
        let ordinary = app.get(&key, &format!("/v1/access?user_id={user}&feature=pro&explain=false")).await.ok();
        let plain = app.get(&key, &format!("/v1/access?user_id={user}&feature=pro")).await.ok();
        assert_eq!(plain, ordinary);
    }
    let asked = || {
        let url = format!("{}/v1/access?user_id=user_42&feature=pro", app.url);
        app.http.get(url).bearer_auth(&key).send()
    };
    let (first, second) = (asked().await.unwrap(), asked().await.unwrap());
    assert_eq!(first.headers()["content-type"], second.headers()["content-type"]);
    assert_ne!(first.headers()["x-request-id"], second.headers()["x-request-id"]);
}
