//! Who may ask what.

use std::time::{Duration, Instant};

use domain::Livemode;
use domain::role::Scope;
use reqwest::StatusCode;
use serde_json::json;
use store::records::{ApiKeyRecord, ApiKeyTerms, AuditFilter};

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
    let mistyped = format!("{}{}", &key[..key.len() - 1], if key.ends_with('0') { '1' } else { '0' });
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

/// Waits until something is so.
async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{what}");
        tokio::task::yield_now().await;
    }
}

/// Asks until a key that was just changed is refused: what is sent more than a second later has to be, however slow the machine is.
async fn refused_after_a_second(app: &TestApp, key: &str) {
    let changed = Instant::now();
    loop {
        let sent = changed.elapsed();
        if app.get(key, CHECK).await.status != StatusCode::OK {
            return;
        }
        assert!(sent < Duration::from_millis(1100), "the key still works {sent:?} later");
    }
}

#[tokio::test]
async fn a_revoked_key_stops_within_a_second_and_its_use_is_noted() {
    let (app, key) = app().await;
    // A key that was in memory from the start is noted when it is next looked at.
    let record = until("its use is noted", async || {
        app.get(&key, CHECK).await.ok();
        app.state.store.api_keys().await.unwrap().into_iter().find(|key| key.last_used_at.is_some())
    })
    .await;
    let used = record.last_used_at.unwrap();
    assert!((0..60_000).contains(&(app.state.now().millis() - used.millis())));
    assert_eq!(record.last_used_from.as_deref(), Some("127.0.0.1"));

    app.state.store.revoke_api_key(&record.api_key_id, &app.author()).await.unwrap();
    refused_after_a_second(&app, &key).await;
    app.get(&key, CHECK).await.refused(401, "api_key_revoked", None);
}

#[tokio::test]
async fn a_mistyped_key_is_told_so_and_an_unknown_one_otherwise() {
    let (app, key) = app().await;
    let unknown = server::auth::api_key::create("x", Livemode::Test, Scope::Admin, "x", app.state.now()).unwrap().0;
    let mistyped = key.replacen(&key[12..13], if &key[12..13] == "a" { "b" } else { "a" }, 1);
    let told = app.get(&mistyped, CHECK).await.refused(401, "api_key_invalid", None).to_owned();
    assert!(told.contains("mistyped"), "{told}");
    let told = app.get(&unknown, CHECK).await.refused(401, "api_key_invalid", None).to_owned();
    assert!(told.contains("unknown") && !told.contains(&unknown), "{told}");
    let in_address = app.send(app.http.get(format!("{}{CHECK}&api_key={key}", app.url))).await;
    let told = in_address.refused(401, "api_key_missing", None);
    assert!(told.contains("revoke it") && !told.contains(&key), "{told}");
    let path = app.send(app.http.get(format!("{}/v1/{key}", app.url))).await;
    assert!(!path.refused(404, "route_unknown", None).contains(&key));
}

/// A key of test mode with these terms.
async fn with_terms(app: &TestApp, terms: ApiKeyTerms) -> (String, ApiKeyRecord) {
    let made = server::auth::api_key::create("bound", Livemode::Test, Scope::Admin, "x", app.state.now()).unwrap();
    let record = ApiKeyRecord { terms, ..made.1 };
    app.state.store.add_api_key(&record, &app.author()).await.unwrap();
    (made.0, record)
}

#[tokio::test]
async fn a_key_ends_at_its_time_also_in_memory() {
    let app = TestApp::start().await;
    let end = app.state.now().plus_secs(60);
    let (key, _) = with_terms(&app, ApiKeyTerms { expires_at: Some(end), ..ApiKeyTerms::default() }).await;
    app.clock.advance(59_999);
    for _ in 0..2 {
        app.get(&key, CHECK).await.ok();
    }
    app.clock.advance(1);
    let told = app.get(&key, CHECK).await.refused(401, "api_key_expired", None).to_owned();
    assert!(told.contains(&end.to_string()), "{told}");
    app.get(&key, "/v1/features").await.refused(401, "api_key_expired", None);
}

#[tokio::test]
async fn a_key_works_from_its_addresses_alone_and_a_change_of_them_counts_within_a_second() {
    let app = TestApp::start().await;
    let terms = |addresses: &[&str]| ApiKeyTerms {
        addresses: addresses.iter().map(|one| (*one).to_owned()).collect(),
        ..ApiKeyTerms::default()
    };
    let (key, record) = with_terms(&app, terms(&["203.0.113.0/24"])).await;
    let spoof = app.http.get(format!("{}{CHECK}", app.url)).bearer_auth(&key).header("x-forwarded-for", "203.0.113.9");
    let told = app.send(spoof).await.refused(403, "address_not_allowed", None).to_owned();
    assert!(told.contains("127.0.0.1"), "{told}");
    let id = &record.api_key_id;
    assert!(app.state.store.api_key(id).await.unwrap().unwrap().last_used_at.is_none(), "it was not used");

    assert!(app.state.store.update_api_key(id, &terms(&["127.0.0.0/8", "::1"]), &app.author()).await.unwrap());
    until("it may be used from here", async || (app.get(&key, CHECK).await.status == StatusCode::OK).then_some(()))
        .await;
    assert!(app.state.store.update_api_key(id, &terms(&["::1"]), &app.author()).await.unwrap());
    refused_after_a_second(&app, &key).await;
}

#[tokio::test]
async fn only_trusted_proxies_say_who_the_client_is() {
    let app = TestApp::with(&[("TRUSTED_PROXIES", "127.0.0.1,10.0.0.0/8")]).await;
    let terms =
        ApiKeyTerms { addresses: vec!["203.0.113.0/24".into(), "2001:db8::/32".into()], ..ApiKeyTerms::default() };
    let (key, record) = with_terms(&app, terms).await;
    let ask = async |forwarded: &str| {
        let request = app.http.get(format!("{}{CHECK}", app.url)).bearer_auth(&key);
        app.send(request.header("x-forwarded-for", forwarded)).await
    };
    // Twice each: by the router, and before it.
    for _ in 0..2 {
        for inside in ["203.0.113.9", "198.51.100.1, 203.0.113.9, 10.0.0.7", "::ffff:203.0.113.9", "2001:db8::1"] {
            ask(inside).await.ok();
        }
        for outside in
            ["198.51.100.1", "203.0.113.9, 198.51.100.1", "203.0.113.9, 198.51.100.1, 10.0.0.7", "", "unknown"]
        {
            ask(outside).await.refused(403, "address_not_allowed", None);
        }
    }
    app.get(&key, CHECK).await.refused(403, "address_not_allowed", None);
    // A key that was in memory from the start is noted when it is next looked at.
    let used = until("its use is noted", async || {
        ask("203.0.113.9").await.ok();
        app.state.store.api_key(&record.api_key_id).await.unwrap().unwrap().last_used_from
    })
    .await;
    assert_eq!(used, "203.0.113.9");
    // The audit log notes whom the proxy named, and never whom the client made up.
    let put = app.http.put(format!("{}/v1/features/pro", app.url)).bearer_auth(&key).json(&json!({}));
    app.send(put.header("x-forwarded-for", "203.0.113.1, 203.0.113.77")).await.ok();
    let filter = AuditFilter { object_id: Some("pro".into()), limit: 1, ..AuditFilter::default() };
    let entry = app.state.store.audit(&filter).await.unwrap().data.remove(0);
    assert_eq!(entry.address.as_deref(), Some("203.0.113.77"));
}

#[tokio::test]
async fn a_key_that_asks_too_often_is_told_when_to_come_again() {
    let app = TestApp::start().await;
    let terms = ApiKeyTerms { check_rate: Some(1), request_rate: Some(2), ..ApiKeyTerms::default() };
    let (key, _) = with_terms(&app, terms).await;
    let other = app.key(Livemode::Test, Scope::Admin).await;
    let first = app.get(&key, CHECK).await;
    assert_eq!(first.headers["ratelimit-policy"], "\"checks\";q=2;w=2");
    assert_eq!(first.headers["ratelimit"], "\"checks\";r=1;t=1");
    first.ok();
    app.get(&key, CHECK).await.ok();
    let refused = until("checks are refused", async || {
        let reply = app.get(&key, CHECK).await;
        (reply.status == StatusCode::TOO_MANY_REQUESTS).then_some(reply)
    })
    .await;
    refused.refused(429, "rate_limited", None);
    assert_eq!(refused.headers["ratelimit"], "\"checks\";r=0;t=1");
    assert_eq!(
        (&refused.headers["retry-after"], &refused.body["error"]["type"]),
        (&"1".parse().unwrap(), &json!("rate_limit_error"))
    );

    // What is not an access check has a limit of its own, told also where it is refused for another reason.
    let missing = app.get(&key, "/v1/features/none").await;
    missing.refused(404, "resource_missing", None);
    assert_eq!(missing.headers["ratelimit-policy"], "\"requests\";q=4;w=2");
    for path in ["/v1/nothing", "/v1/access?user_id=u&feature=pro&explain=true"] {
        assert!(
            app.get(&key, path).await.headers["ratelimit"].to_str().unwrap().starts_with("\"requests\";r="),
            "{path}"
        );
    }
    until("other requests are refused", async || {
        let reply = app.get(&key, "/v1/features").await;
        (reply.status == StatusCode::TOO_MANY_REQUESTS).then_some(())
    })
    .await;
    for _ in 0..300 {
        app.get(&other, CHECK).await.ok();
    }
}

#[tokio::test]
async fn a_flood_of_wrong_keys_is_refused_and_keys_in_use_go_on() {
    let (app, key) = app().await;
    app.get(&key, CHECK).await.ok();
    let mut refused = None;
    for _ in 0..1000 {
        let wrong = server::auth::api_key::create("x", Livemode::Test, Scope::Admin, "x", app.state.now()).unwrap().0;
        let reply = app.get(&wrong, CHECK).await;
        if reply.status == StatusCode::TOO_MANY_REQUESTS {
            refused = Some(reply);
            break;
        }
        reply.refused(401, "api_key_invalid", None);
    }
    let refused = refused.expect("a flood of wrong keys is refused at some time");
    refused.refused(429, "wrong_api_keys", None);
    assert_eq!(
        (&refused.headers["retry-after"], &refused.headers["ratelimit-policy"]),
        (&"1".parse().unwrap(), &"\"wrong-keys\";q=100;w=10".parse().unwrap())
    );
    app.get(&key, CHECK).await.ok();
    // One that was not seen before waits its turn, and no more.
    let fresh = app.key(Livemode::Test, Scope::Check).await;
    until("a good key is heard", async || (app.get(&fresh, CHECK).await.status == StatusCode::OK).then_some(())).await;
}
