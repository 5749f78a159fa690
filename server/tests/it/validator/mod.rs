//! The setup validator against a stand-in for Stripe that is right, wrong, slow, or talks nonsense.

mod doctor;
mod faults;
mod forms;
mod mistakes;

use app::pages::validator::{Check, State};
use domain::Livemode;
use domain::event::USED_TYPES;
use domain::role::Scope;
use gateway::PINNED_VERSION;
use serde_json::{Value, json};
use server::validator::{PATIENCE, Report, run};
use store::records::ApiKeyUse;

use crate::helpers::{SECRET, TestApp};

const TEST: Livemode = Livemode::Test;

/// Checks that depend on the machine: its disk, where the database's folder is, and whether a server elsewhere makes the backups.
const OF_THE_MACHINE: [&str; 3] = ["V16", "V17", "V22"];

/// Puts an endpoint of the program's address into Stripe, with this secret: from now on it sends, and nothing else does.
fn endpoint(app: &TestApp, secret: &str, types: &[&str], status: &str) {
    app.stripe.control().set_webhook(None);
    app.stripe.control().put(json!({
        "id": "we_1", "object": "webhook_endpoint", "api_version": PINNED_VERSION, "enabled_events": types,
        "created": app.clock_secs(), "livemode": false, "metadata": {}, "status": status,
        "url": format!("{}/webhooks/stripe", app.url), "_secret": secret,
    }));
}

/// An installation in which everything is right, and something was sold.
async fn whole() -> TestApp {
    let app = TestApp::start().await;
    endpoint(&app, SECRET, USED_TYPES, "enabled");
    let admin = app.key(TEST, Scope::Admin).await;
    app.sell(&admin, "price_pro", "pro").await;
    app.subscriber("cus_1", "price_pro", Some("user_1")).await;
    let key = app.state.store.api_keys().await.unwrap().remove(0);
    let used = ApiKeyUse { api_key_id: key.api_key_id, at: app.state.now(), from: "127.0.0.1".into() };
    app.state.store.touch_api_keys(&[used]).await.unwrap();
    app
}

async fn report(app: &TestApp) -> Report {
    run(&app.state, TEST, PATIENCE).await.unwrap()
}

/// The check of this number.
#[track_caller]
fn check<'r>(report: &'r Report, id: &str) -> &'r Check {
    report.checks.iter().find(|check| check.id == id).unwrap()
}

/// Asserts how a check stands, and what its sentence says.
#[track_caller]
fn assert_check(report: &Report, id: &str, state: State, says: &[&str]) {
    let check = check(report, id);
    assert_eq!(check.state, state, "{check:?}");
    for words in says {
        let all = format!("{} {}", check.found, check.fix.as_deref().unwrap_or_default());
        assert!(all.contains(words), "{words:?} is not in {check:?}");
    }
}

/// An event of the other mode, signed as ours.
async fn deliver_live_event(app: &TestApp) {
    let event: Value = json!({
        "id": "evt_live", "object": "event", "type": "customer.created", "created": app.clock_secs(), "livemode": true,
        "api_version": PINNED_VERSION, "data": { "object": { "id": "cus_live", "object": "customer", "metadata": {} } },
    });
    let body = event.to_string();
    let signature = standin::sign(body.as_bytes(), SECRET, app.clock_secs());
    let request = app.http.post(format!("{}/webhooks/stripe", app.url)).header("Stripe-Signature", signature);
    app.send(request.body(body)).await.ok();
}

impl TestApp {
    fn clock_secs(&self) -> i64 {
        self.state.now().secs()
    }
}

#[tokio::test]
async fn a_whole_installation_passes() {
    let app = whole().await;
    let report = report(&app).await;
    for check in report.checks.iter().filter(|check| !OF_THE_MACHINE.contains(&check.id)) {
        assert_eq!(check.state, State::Pass, "{check:?}");
    }
    let mut ids: Vec<&str> = report.checks.iter().map(|check| check.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), report.checks.len(), "each has a number of its own");
    assert_check(&report, "V04", State::Pass, &["we_1 sends here"]);
    assert_check(&report, "V07", State::Pass, &["verified evt_"]);
    assert!(!report.text().contains("whsec_integration") && !report.text().contains("sk_test_integration"));
}

#[tokio::test]
async fn an_empty_installation_says_what_to_do_first() {
    let app = TestApp::with(&[]).await;
    let report = report(&app).await;
    assert_eq!(report.result(), State::Fail);
    assert_check(&report, "V02", State::Warn, &["There is none of test mode", "STRIPE_SECRET_KEY"]);
    assert_check(&report, "V07", State::Fail, &["STRIPE_WEBHOOK_SECRET"]);
    assert_check(&report, "V10", State::Fail, &["No event has ever come"]);
    assert_check(&report, "V12", State::Fail, &["Create the features"]);
    assert_check(&report, "V15", State::Fail, &["Create one"]);
    for id in ["V03", "V04", "V05", "V09"] {
        assert_check(&report, id, State::Skipped, &[]);
    }
    assert!(report.checks.iter().all(|check| check.state == State::Pass || !check.found.is_empty()));
}
