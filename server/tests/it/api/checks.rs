//! What the application asked is remembered, and shown where it explains something.

use domain::Livemode;
use domain::role::{Role, Scope};
use serde_json::json;
use server::clock::Clock as _;
use server::validator;

use super::app;
use crate::admin::browser;
use crate::helpers::TestApp;

const TEST: Livemode = Livemode::Test;
const SECOND: i64 = 1_000;

async fn ask(app: &TestApp, key: &str, user: &str, feature: &str) -> bool {
    let answer = app.get(key, &format!("/v1/access?user_id={user}&feature={feature}")).await.ok();
    answer["allowed"].as_bool().unwrap()
}

/// Feature, answer, reason and how many times, the last asked first.
async fn told(app: &TestApp, user: &str) -> Vec<(String, bool, String, i64)> {
    app.state.checks.settle().await.unwrap();
    let groups = app.state.store.checks_of(TEST, user).await.unwrap();
    groups.into_iter().map(|group| (group.feature, group.allowed, group.reason, group.times)).collect()
}

#[tokio::test]
async fn every_way_of_asking_is_remembered() {
    let (app, key) = app().await;
    app.put(&key, "/v1/features/pro", json!({})).await.ok();
    app.put(&key, "/v1/users/user_1", json!({})).await.ok();
    for _ in 0..3 {
        assert!(!ask(&app, &key, "user_1", "pro").await);
    }
    app.clock.advance(SECOND);
    app.get(&key, "/v1/access?user_id=user_1&feature=pro&explain=true").await.ok();
    let checks = json!({ "checks": [
        { "user_id": "user_1", "feature": "pro" }, { "user_id": "user_1", "feature": "pr0" }, { "user_id": "user_2", "feature": "pro" },
    ] });
    app.post(&key, "/v1/access/batch", checks).await.ok();
    // Neither another moment's answer nor a list of everything is a check.
    app.get(&key, "/v1/access?user_id=user_1&feature=pro&at=2026-11-03T14:05:00Z").await.ok();
    app.get(&key, "/v1/users/user_1/entitlements").await.ok();

    let no = |feature: &str, reason: &str, times| (feature.to_owned(), false, reason.to_owned(), times);
    assert_eq!(told(&app, "user_1").await, [no("pr0", "unknown_feature", 1), no("pro", "no_customer", 5)]);
    assert_eq!(told(&app, "user_2").await, [no("pro", "unknown_user", 1)]);
    let groups = app.state.store.checks_of(TEST, "user_1").await.unwrap();
    assert_eq!(groups[1].last_at.millis() - groups[1].since.millis(), SECOND);
    let hours = app.state.store.check_hours(TEST, app.clock.now().plus_secs(-7200)).await.unwrap();
    let sum = |of: fn(&store::records::CheckHour) -> i64| hours.iter().map(of).sum::<i64>();
    assert_eq!((sum(|hour| hour.allowed), sum(|hour| hour.denied), sum(|hour| hour.unlisted)), (0, 7, 0));
    assert!(!app.state.store.was_ever_checked(Livemode::Live).await.unwrap());

    // The answer turns: that is another group, and the old one is still told.
    let grant = json!({ "feature": "pro", "effect": "grant", "reason": "a test of checks" });
    app.post(&key, "/v1/users/user_1/overrides", grant).await.ok();
    app.clock.advance(SECOND);
    assert!(ask(&app, &key, "user_1", "pro").await);
    let yes = ("pro".to_owned(), true, "override_grant".to_owned(), 1);
    assert_eq!(told(&app, "user_1").await, [yes, no("pr0", "unknown_feature", 1), no("pro", "no_customer", 5)]);
}

#[tokio::test]
async fn a_flood_of_unknown_users_takes_no_more_room_than_it_may() {
    let (app, key) = app().await;
    for round in 0..30 {
        let check = |n: i32| json!({ "user_id": format!("stranger_{round}_{n}"), "feature": "pro" });
        let checks: Vec<_> = (0..100).map(check).collect();
        app.post(&key, "/v1/access/batch", json!({ "checks": checks })).await.ok();
    }
    app.state.checks.settle().await.unwrap();
    let hours = app.state.store.check_hours(TEST, app.clock.now().plus_secs(-7200)).await.unwrap();
    let denied: i64 = hours.iter().map(|hour| hour.denied).sum();
    let unlisted: i64 = hours.iter().map(|hour| hour.unlisted).sum();
    assert_eq!(denied, 3000, "all of them are counted");
    let listed = app.state.store.unknown_features(TEST, app.clock.now().plus_secs(-60)).await.unwrap();
    // Those of one moment stay together.
    let room = i64::try_from(store::STRAY_CHECKS).unwrap() + 100;
    assert!(listed[0].users <= room, "{listed:?}");
    assert!((3000 - 1024..3000).contains(&unlisted), "{unlisted}");
}

#[tokio::test]
async fn the_customers_page_shows_what_the_application_was_told() {
    let (app, key) = app().await;
    app.put(&key, "/v1/features/pro", json!({})).await.ok();
    app.put(&key, "/v1/users/user_1", json!({})).await.ok();
    let staff = browser::sign_in(&app.state, &app.url, Role::Viewer).await;
    let page = staff.get("/admin/customers/user_1?tab=checks").await.body;
    assert!(page.contains("has not asked about this user") && page.contains("never asked"), "{page}");

    for _ in 0..4 {
        ask(&app, &key, "user_1", "pro").await;
    }
    let page = staff.get("/admin/customers/user_1?tab=checks").await.body;
    for word in ["Checks 1", "What the application was told", "no customer", "<td class=\"num\">4</td>", "test: no"] {
        assert!(page.contains(word), "{word} is not in {page}");
    }

    // Granted since, and the application has not asked again: its own copy of the answer may be what is wrong.
    app.clock.advance(40 * 60 * SECOND);
    let grant = json!({ "feature": "pro", "effect": "grant", "reason": "a test of checks" });
    app.post(&key, "/v1/users/user_1/overrides", grant).await.ok();
    app.clock.advance(130 * SECOND);
    let page = staff.get("/admin/customers/user_1?feature=pro").await.body;
    assert!(page.contains("last asked for pro 42 minutes ago and was told no"), "{page}");
    let diagnosis = app.get(&key, "/v1/users/user_1/diagnosis?feature=pro").await.ok();
    assert_eq!((&diagnosis["code"], &diagnosis["broken_link"]), (&json!("app_cache"), &json!(null)));
    assert!(ask(&app, &key, "user_1", "pro").await);
    let diagnosis = app.get(&key, "/v1/users/user_1/diagnosis?feature=pro").await.ok();
    assert_eq!(diagnosis["code"], "ok_by_override");
}

#[tokio::test]
async fn the_validator_names_keys_the_catalog_lacks() {
    let (app, key) = app().await;
    app.sell(&key, "price_pro", "pro").await;
    app.put(&key, "/v1/users/user_1", json!({})).await.ok();
    let v14 = async |app: &TestApp| {
        let report = validator::run(&app.state, TEST, validator::PATIENCE).await.unwrap();
        report.checks.into_iter().find(|check| check.id == "V14").unwrap()
    };
    ask(&app, &key, "user_1", "pro").await;
    assert_eq!(v14(&app).await.found, "Something gives each of them.");
    ask(&app, &key, "user_1", "pr0").await;
    let found = v14(&app).await.found;
    assert!(found.contains("pr0 (1 time)") && found.contains("The nearest to pr0 is pro."), "{found}");
    app.sell(&key, "price_zero", "pr0").await;
    assert_eq!(v14(&app).await.found, "Something gives each of them.");
}

#[tokio::test]
async fn one_keys_checks_do_not_show_in_the_other_mode() {
    let (app, key) = app().await;
    let live = app.key(Livemode::Live, Scope::Check).await;
    ask(&app, &live, "user_1", "pro").await;
    assert!(told(&app, "user_1").await.is_empty());
    ask(&app, &key, "user_1", "pro").await;
    assert_eq!(told(&app, "user_1").await.len(), 1);
    assert_eq!(app.state.store.checks_of(Livemode::Live, "user_1").await.unwrap().len(), 1);
}
