//! Who may ask what.

use std::time::{Duration, Instant};

use domain::Livemode;
use domain::role::Scope;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::app;
use crate::helpers::TestApp;

const CHECK: &str = "/v1/access?user_id=u&feature=pro";

#[tokio::test]
async fn without_a_good_key_the_answer_is_401() {
    let (app, key) = app().await;
    let reply = app.send(app.http.get(format!("{}{CHECK}", app.url))).await;
    reply.refused(401, "api_key_missing", None);
    assert_eq!(reply.headers["www-authenticate"], "Bearer");
    let unknown = server::auth::api_key::create("x", Livemode::Test, Scope::Admin, "x", app.state.now()).unwrap().0;
    let mistyped = format!("{}0", &key[..key.len() - 1]);
    for wrong in ["", "nonsense", "tk_test_", &unknown, &mistyped] {
        app.get(wrong, CHECK).await.refused(401, "api_key_invalid", None);
    }
    let basic = app.http.get(format!("{}{CHECK}", app.url)).basic_auth(&key, Some(""));
    app.send(basic).await.refused(401, "api_key_invalid", None);
    app.get(&key, CHECK).await.ok();
}

#[tokio::test]
async fn the_key_decides_the_mode() {
    let (app, test) = app().await;
    let live = app.key(Livemode::Live, Scope::Admin).await;
    app.put(&test, "/v1/features/pro", json!({})).await.ok();
    app.get(&live, "/v1/features/pro").await.refused(404, "resource_missing", None);
    assert_eq!(app.get(&live, CHECK).await.ok()["livemode"], true);
}

#[tokio::test]
async fn a_revoked_key_stops_within_a_second_and_its_use_is_noted() {
    let (app, key) = app().await;
    app.get(&key, CHECK).await.ok();
    let records = app.state.store.api_keys().await.unwrap();
    let used = records[0].last_used_at.unwrap();
    assert!((0..60_000).contains(&(app.state.now().millis() - used.millis())));

    app.state.store.revoke_api_key(&records[0].api_key_id, &app.author()).await.unwrap();
    let revoked = Instant::now();
    while app.get(&key, CHECK).await.status == StatusCode::OK {
        assert!(revoked.elapsed() < Duration::from_millis(1100), "a revoked key still works");
    }
    app.get(&key, CHECK).await.refused(401, "api_key_invalid", None);
}

#[tokio::test]
async fn each_route_needs_its_scope() {
    let app = TestApp::start().await;
    let mut keys = vec![];
    for scope in Scope::ALL {
        keys.push((scope, app.key(Livemode::Test, scope).await));
    }
    let get = |path: &'static str, scope| (Method::GET, path, Value::Null, scope);
    let routes = [
        get(CHECK, Scope::Check),
        (Method::POST, "/v1/access/batch", json!({}), Scope::Check),
        get("/v1/users/u/entitlements", Scope::Check),
        get("/v1/users/u/diagnosis", Scope::Read),
        get("/v1/users/u", Scope::Read),
        (Method::PUT, "/v1/users/u", json!([]), Scope::Write),
        get("/v1/customers/cus_x/mapping", Scope::Read),
        (Method::PUT, "/v1/customers/cus_x/mapping", json!({}), Scope::Write),
        (Method::DELETE, "/v1/customers/cus_x/mapping", Value::Null, Scope::Write),
        get("/v1/users/u/overrides", Scope::Read),
        (Method::POST, "/v1/users/u/overrides", json!({}), Scope::Write),
        (Method::DELETE, "/v1/overrides/x", Value::Null, Scope::Write),
        get("/v1/features", Scope::Read),
        get("/v1/features/pro", Scope::Read),
        (Method::PUT, "/v1/features/pro", json!([]), Scope::Admin),
        (Method::DELETE, "/v1/features/pro", Value::Null, Scope::Admin),
        get("/v1/prices/price_x/features", Scope::Read),
        (Method::PUT, "/v1/prices/price_x/features", json!({}), Scope::Admin),
        get("/v1/products/prod_x/features", Scope::Read),
        (Method::PUT, "/v1/products/prod_x/features", json!({}), Scope::Admin),
        (Method::POST, "/v1/checkout-sessions", json!({}), Scope::Write),
        (Method::POST, "/v1/portal-sessions", json!({}), Scope::Write),
        (Method::POST, "/v1/sync", json!({}), Scope::Write),
        get("/v1/events", Scope::Read),
        get("/v1/events/evt_x", Scope::Read),
        (Method::POST, "/v1/events/evt_x/replay", Value::Null, Scope::Write),
    ];
    for (method, path, body, needed) in routes {
        for (scope, key) in &keys {
            let status = app.call(method.clone(), key, path, body.clone()).await.status;
            let refused = status == StatusCode::FORBIDDEN;
            assert_eq!(refused, *scope < needed, "{method} {path} with {scope:?}: {status}");
            assert!(!status.is_server_error(), "{method} {path}: {status}");
        }
        let bare = app.http.request(method.clone(), format!("{}{path}", app.url)).json(&body);
        assert_eq!(app.send(bare).await.status, StatusCode::UNAUTHORIZED, "{method} {path} without a key");
    }
}
