//! Forms about something that changed meanwhile, forms that are out of date, and failures: each has a page that says what to do.

use axum::Router;
use axum::body::Body;
use axum::middleware;
use axum::routing::get;
use domain::access::OverrideEffect;
use domain::role::Role;
use domain::{Livemode, Timestamp};
use reqwest::StatusCode;
use store::records::NewOverride;
use tower::ServiceExt as _;

use super::browser::{Answer, Browser, Program};
use super::history::shop;

const TEST: Livemode = Livemode::Test;
const DAY: i64 = 86_400;

/// When a page says that it was made.
fn seen(page: &Answer) -> String {
    let tag = page.body.split('<').find(|tag| tag.contains("name=\"seen\"")).unwrap();
    tag.split("value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// Sends a form that was opened at `seen`.
async fn send(browser: &Browser, path: &str, seen: &str, fields: &[(&str, &str)]) -> Answer {
    browser.post(path, &[&[("seen", seen)], fields].concat()).await
}

fn is_told(answer: &Answer, what: &str) {
    assert_eq!(answer.status, StatusCode::CONFLICT, "{what}: {}", answer.body);
    for words in
        ["Changed meanwhile", "owner@example.com", "what you typed is still in the form", "/admin/audit/", "req_"]
    {
        assert!(answer.body.contains(words), "{what}: no {words} in {}", answer.body);
    }
}

#[tokio::test]
async fn who_comes_late_is_told_who_was_quicker_and_keeps_what_was_typed() {
    let program = shop().await;
    let (owner, admin) = (program.signed_in(Role::Owner).await, program.signed_in(Role::Admin).await);
    for (path, theirs, mine) in [
        ("/admin/catalog/prices/price_pro/policy", ("past_due_grace", "3d"), ("past_due_grace", "14d")),
        ("/admin/features/pro/policy", ("past_due_grace", "3d"), ("past_due_grace", "14d")),
        ("/admin/catalog/prices/price_pro", ("duration_pro", "3d"), ("duration_pro", "14d")),
    ] {
        let page = admin.get(path).await;
        let opened = seen(&page);
        program.clock.advance(1000);
        let ticked = ("feature", "pro");
        assert_eq!(owner.post(path, &[ticked, theirs]).await.status, StatusCode::SEE_OTHER, "{path}");
        program.clock.advance(1000);
        is_told(&send(&admin, path, &opened, &[ticked, mine]).await, path);
        // How it is now stands in no field: what was typed does.
        let again = admin.get(path).await;
        assert!(
            again.body.contains("value=\"14d\"") && again.body.contains("Somebody else was quicker"),
            "{}",
            again.body
        );
        let after = send(&admin, path, &seen(&again), &[ticked, mine]).await;
        assert_eq!(after.status, StatusCode::SEE_OTHER, "{path}: {}", after.body);
        assert!(admin.get(path).await.body.contains("value=\"14d\""), "{path}");
        // Whom nobody but oneself was quicker than goes on.
        program.clock.advance(1000);
        assert_eq!(send(&admin, path, &seen(&again), &[ticked, mine]).await.status, StatusCode::SEE_OTHER, "{path}");
    }
}

#[tokio::test]
async fn the_end_of_an_override_is_not_moved_unseen() {
    let program = shop().await;
    let (owner, admin) = (program.signed_in(Role::Owner).await, program.signed_in(Role::Admin).await);
    let store = &program.state.store;
    store.put_user(TEST, "user_1", None, None, &program.author()).await.unwrap();
    let new = NewOverride {
        livemode: TEST,
        user_id: "user_1".into(),
        feature: "pro".into(),
        effect: OverrideEffect::Grant,
        value: None,
        expires_at: Some(program.now().plus_secs(DAY)),
    };
    let made = store.create_overrides(&[new], None, &program.author()).await.unwrap().remove(0);
    let id = made.override_id.as_str();
    let opened = program.now().millis().to_string();
    program.clock.advance(1000);
    let longer = [("id", id), ("until", "7d"), ("reason", "an outage of ours")];
    let path = "/admin/overrides/extend";
    assert_eq!(owner.post(path, &longer).await.status, StatusCode::SEE_OTHER);
    let end = || async { store.find_override(TEST, id).await.unwrap().unwrap().expires_at };
    let theirs: Option<Timestamp> = end().await;
    is_told(&send(&admin, path, &opened, &longer).await, path);
    assert_eq!(end().await, theirs);
    let now = program.now().plus_secs(1).millis().to_string();
    assert_eq!(send(&admin, path, &now, &longer).await.status, StatusCode::SEE_OTHER);
    assert!(end().await > theirs);
}

#[tokio::test]
async fn a_form_that_is_out_of_date_says_so_and_loses_nothing() {
    let program = shop().await;
    let browser = program.signed_in(Role::Admin).await;
    let path = "/admin/features/pro/policy";
    let referer = format!("{}{path}", browser.base);
    let fields = [("csrf", "of another session"), ("past_due_grace", "14d")];
    let refused = browser.post_raw(path, &fields, &[("referer", &referer)]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.body.contains("out of date") && refused.body.contains("what you typed is still in it"));
    assert!(refused.body.contains(&format!("href=\"{path}\"")) && refused.body.contains("req_"), "{}", refused.body);
    let again = browser.get(path).await.body;
    assert!(again.contains("value=\"14d\"") && again.contains("out of date"), "{again}");
    assert!(!browser.get(path).await.body.contains("value=\"14d\""), "it is shown once");
}

#[tokio::test]
async fn a_failure_is_a_page_with_the_requests_id() {
    async fn boom() {
        panic!("secret detail");
    }
    let program = Program::with_owner().await;
    let browser = program.signed_in(Role::Owner).await;
    let broken = Router::new()
        .route("/admin/boom", get(boom))
        .layer(middleware::from_fn_with_state(program.state.clone(), server::ui::unbroken));
    let response = broken.oneshot(http::Request::get("/admin/boom").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let body = axum::body::to_bytes(response.into_body(), 100_000).await.unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    assert!(body.contains("before you try again") && !body.contains("secret detail"), "{body}");

    program.state.store.close().await;
    let answer = browser.get("/admin").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.body);
    assert!(answer.body.contains("The database does not answer") && answer.body.contains("req_"), "{}", answer.body);
}
