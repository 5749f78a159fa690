//! The forms of resyncs: who is compared and why, what is refused, and that a resync is of one mode.

use domain::Livemode;
use domain::role::{Role, Scope};
use reqwest::StatusCode;
use store::records::{Place, ResyncScope, ResyncStatus};

use super::browser::{Answer, Browser, Program, sign_in};
use crate::helpers::TestApp;

/// An installation that sold something to `user_1`, and an admin who looks at it.
async fn sold() -> (TestApp, Browser) {
    let app = TestApp::start().await;
    let key = app.key(Livemode::Test, Scope::Admin).await;
    app.stripe.control().create_product(Some("prod_1"), "Pro");
    app.stripe.control().create_price(Some("price_pro"), "prod_1", 2900, Some("month"));
    app.sell(&key, "price_pro", "pro").await;
    app.subscriber("cus_1", "price_pro", Some("user_1")).await;
    let browser = sign_in(&app.state, &app.url, Role::Admin).await;
    (app, browser)
}

/// The id in the address that a form led to.
#[track_caller]
fn begun(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let id = answer.location.strip_prefix("/admin/resyncs/").unwrap_or_else(|| panic!("it led to {}", answer.location));
    assert!(id.starts_with("rsy_"), "{id}");
    id.to_owned()
}

const EVERYBODY: [(&str, &str); 2] = [("scope", "all"), ("reason", "webhooks were lost")];

#[tokio::test]
async fn a_resync_is_begun_with_a_scope_and_a_reason() {
    let (app, browser) = sold().await;
    for (fields, says) in [
        ([("scope", "all"), ("reason", "no")], "at least 5 characters"),
        ([("scope", "somebody"), ("reason", "webhooks were lost")], "Choose who is compared."),
        ([("scope", ""), ("reason", "webhooks were lost")], "Choose who is compared."),
    ] {
        let answer = browser.post("/admin/resyncs", &fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.body);
        assert!(answer.body.contains(says), "{says:?} is not in {}", answer.body);
        assert!(answer.body.contains(fields[1].1), "what was typed is kept: {}", answer.body);
    }
    assert!(
        app.state.store.resyncs(Livemode::Test, None, &Place::first(5)).await.unwrap().data.is_empty(),
        "none was begun"
    );

    for (word, scope) in [
        ("all", ResyncScope::All),
        ("unattributed", ResyncScope::Unattributed),
        ("past_due", ResyncScope::Status { status: "past_due".into() }),
    ] {
        let id = begun(&browser.post("/admin/resyncs", &[("scope", word), ("reason", "webhooks were lost")]).await);
        let (record, _) = app.state.store.resync(&id).await.unwrap().unwrap();
        assert_eq!((record.new.scope, record.new.applies), (scope, false));
        assert_eq!(record.created_by, "staff:admin@example.com");
        assert_eq!(record.reason.as_deref(), Some("webhooks were lost"));
    }
}

#[tokio::test]
async fn a_resync_is_paused_goes_on_and_is_applied_by_its_buttons() {
    let (app, browser) = sold().await;
    // Stripe ends it and nobody tells us.
    app.clock.advance(60_000);
    let stripe = app.stripe.control();
    stripe.set_now(app.state.now().secs());
    let subscription = stripe.request("GET", "subscriptions", "")["data"][0]["id"].as_str().unwrap().to_owned();
    stripe.cancel_subscription(&subscription);
    stripe.discard_queue();
    app.clock.advance(60_000);

    let id = begun(&browser.post("/admin/resyncs", &EVERYBODY).await);
    let page = format!("/admin/resyncs/{id}");
    let press = async |change: &str| {
        let answer = browser.post(&format!("{page}/{change}"), &[]).await;
        assert_eq!(
            (answer.status, answer.location.as_str()),
            (StatusCode::SEE_OTHER, page.as_str()),
            "{}",
            answer.body
        );
        browser.get(&page).await.body
    };
    assert!(press("pause").await.contains("It is paused."));
    assert!(app.state.resyncs.work(None).await.unwrap().is_none(), "nobody works on what is paused");
    assert!(press("resume").await.contains("It goes on."));
    assert!(press("apply").await.contains("not possible"), "there is nothing to apply yet");
    app.state.resyncs.work(None).await.unwrap().unwrap();
    let ready = browser.get(&page).await.body;
    assert!(ready.contains("Ready to apply") && ready.contains("user_1"), "{ready}");
    assert!(press("apply").await.contains("is being applied"));
    app.state.resyncs.work(None).await.unwrap().unwrap();
    let (record, counts) = app.state.store.resync(&id).await.unwrap().unwrap();
    assert_eq!((record.status, counts.applied), (ResyncStatus::Done, 1));
    assert!(press("cancel").await.contains("not possible"), "it is over");
    assert_eq!(browser.post(&format!("{page}/explode"), &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_resync_of_the_other_mode_is_not_found() {
    let (app, browser) = sold().await;
    let id = begun(&browser.post("/admin/resyncs", &EVERYBODY).await);
    let page = format!("/admin/resyncs/{id}");
    assert_eq!(browser.get(&page).await.status, StatusCode::OK);
    assert_eq!(browser.get(&format!("{page}?mode=live")).await.status, StatusCode::NOT_FOUND);
    for change in ["pause", "resume", "cancel", "apply"] {
        let answer = browser.post(&format!("{page}/{change}"), &[("livemode", "live")]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{change}: {}", answer.body);
    }
    let (record, _) = app.state.store.resync(&id).await.unwrap().unwrap();
    assert!(!record.is_paused && record.status.is_open(), "nothing happened to it");
    assert_eq!(browser.get(&format!("{page}?mode=test")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn without_a_stripe_key_nothing_is_compared() {
    let program = Program::with_owner().await;
    let browser = program.signed_in(Role::Admin).await;
    for (path, fields) in [("/admin/resyncs", EVERYBODY.as_slice()), ("/admin/resyncs/reconcile", &[])] {
        let answer = browser.post(path, fields).await;
        assert_eq!((answer.status, answer.location.as_str()), (StatusCode::SEE_OTHER, "/admin/resyncs"));
        let page = browser.get(&answer.location).await.body;
        assert!(page.contains("STRIPE_SECRET_KEY"), "{page}");
    }
    assert!(program.state.store.resyncs(Livemode::Test, None, &Place::first(5)).await.unwrap().data.is_empty());
}
