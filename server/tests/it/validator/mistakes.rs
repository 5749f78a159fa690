//! What people set up wrongly, each told in a sentence.

use app::pages::validator::State;
use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;
use domain::Livemode;
use domain::role::Scope;
use serde_json::{Value, json};
use server::validator::{PATIENCE, run};
use standin::Webhook;

use super::{TEST, assert_check, check, deliver_live_event, endpoint, report, whole};
use crate::helpers::{SECRET, STRIPE_KEY, TestApp};

/// Something happens in Stripe and is delivered to whom Stripe knows, taken or refused.
async fn something_happens(app: &TestApp) {
    app.stripe.control().create_customer(None, Some("ada@example.com"), None, Value::Null);
    app.stripe.control().deliver_all().await;
    app.drain().await;
}

/// A delivery that none of our secrets signed. Stripe writes an event's id first.
async fn refused(app: &TestApp, event: &str) {
    let body = json!({ "id": event, "object": "event" }).to_string();
    let signature = standin::sign(body.as_bytes(), "whsec_unknown", app.clock_secs());
    let request = app.http.post(format!("{}/webhooks/stripe", app.url)).header("Stripe-Signature", signature);
    assert_eq!(app.send(request.body(body)).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_secret_of_stripe_listen_with_an_endpoint_is_told() {
    let app = whole().await;
    app.clock.advance(1000);
    let event = app.stripe.control().events().pop().unwrap();
    refused(&app, event["id"].as_str().unwrap()).await;
    let report = report(&app).await;
    let says = [
        "endpoint we_1 sends here, so a secret of `stripe listen`",
        "is an event of this account in test mode",
        "Open we_1",
    ];
    assert_check(&report, "V07", State::Fail, &says);
}

#[tokio::test]
async fn a_secret_of_an_endpoint_with_stripe_listen_is_told() {
    let app = TestApp::start().await;
    let webhook = Webhook { url: format!("{}/webhooks/stripe", app.url), secret: "whsec_of_stripe_listen".to_owned() };
    app.stripe.control().set_webhook(Some(webhook));
    something_happens(&app).await;
    let says = ["so `stripe listen` brought it", "that `stripe listen` prints"];
    assert_check(&report(&app).await, "V07", State::Fail, &says);
}

#[tokio::test]
async fn two_senders_and_one_secret_are_told() {
    let app = whole().await;
    let (url, control) = (format!("{}/webhooks/stripe", app.url), app.stripe.control());
    control.set_webhook(Some(Webhook { url, secret: "whsec_of_stripe_listen".to_owned() }));
    something_happens(&app).await;
    control.set_webhook(None);
    app.clock.advance(1000);
    something_happens(&app).await;
    assert_check(&report(&app).await, "V07", State::Warn, &["two senders", "Set both secrets"]);
}

#[tokio::test]
async fn a_refused_event_of_another_account_is_told() {
    let app = whole().await;
    app.clock.advance(1000);
    refused(&app, "evt_stranger").await;
    let says = ["delivery of evt_stranger", "came from another account or mode (No such event"];
    assert_check(&report(&app).await, "V07", State::Warn, &says);
}

#[tokio::test]
async fn a_test_key_with_live_events_is_told_in_both_modes() {
    let app = whole().await;
    deliver_live_event(&app).await;
    assert_check(&report(&app).await, "V02", State::Warn, &["a test key with live events"]);

    // Before anything of test mode came, that is all that is known of the endpoint.
    let new = TestApp::start().await;
    deliver_live_event(&new).await;
    assert_check(&report(&new).await, "V04", State::Fail, &["events of live mode come", "of different modes"]);

    let live = run(&app.state, Livemode::Live, PATIENCE).await.unwrap();
    assert_check(&live, "V02", State::Fail, &["Events of live mode come", "the only key is sk_test_…tion"]);
    for id in ["V03", "V04", "V05", "V09"] {
        assert_check(&live, id, State::Skipped, &[]);
    }
    assert!(!check(&live, "V12").found.contains("price_pro"), "nothing of test mode is in it");
    assert_eq!(check(&live, "V15").found, "There is no API key of live mode.");
}

#[tokio::test]
async fn without_a_key_of_the_mode_the_whole_is_no_pass() {
    let app = TestApp::with(&[("STRIPE_WEBHOOK_SECRET", SECRET)]).await;
    let skipped = report(&app).await;
    assert!(skipped.checks.iter().filter(|check| check.state == State::Skipped).count() >= 4);
    assert_ne!(skipped.result(), State::Pass);
}

#[tokio::test]
async fn an_endpoint_of_the_other_mode_is_told() {
    let live = standin::Options { livemode: true, ..standin::Options::default() };
    let live = standin::Standin::start(live).await.unwrap();
    let app = TestApp::start().await;
    // One base address serves both modes, as Stripe's does: the key decides.
    let (test_base, live_base) = (app.stripe.base_url(), live.base_url());
    let both = serve(Router::new().fallback(move |uri: Uri, headers: axum::http::HeaderMap| {
        let is_live = headers["authorization"].to_str().unwrap().contains("_live_");
        let url = format!("{}{uri}", if is_live { &live_base } else { &test_base });
        async move {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let key = headers["authorization"].clone();
            let answer = client.get(url).header("authorization", key).send().await.unwrap();
            (answer.status(), answer.text().await.unwrap())
        }
    }))
    .await;
    let keys = format!("{STRIPE_KEY},sk_live_integration");
    let settings =
        [("STRIPE_API_BASE", both.as_str()), ("STRIPE_SECRET_KEY", &keys), ("STRIPE_WEBHOOK_SECRET", SECRET)];
    let app = TestApp::with(&settings).await;
    live.control().put(json!({
        "id": "we_live", "object": "webhook_endpoint", "enabled_events": ["*"], "status": "enabled", "livemode": true,
        "url": format!("{}/webhooks/stripe", app.url), "created": app.clock_secs(), "metadata": {},
    }));
    assert_check(&report(&app).await, "V04", State::Fail, &["we_live sends here in live mode", "of different modes"]);
    let live = run(&app.state, Livemode::Live, PATIENCE).await.unwrap();
    assert_check(&live, "V04", State::Pass, &["we_live"]);
}

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    base
}

#[tokio::test]
async fn a_price_of_the_other_mode_is_told() {
    // What Stripe says where the id is of the other mode (docs.stripe.com/error-codes#resource-missing).
    let says = "No such price: 'price_live'; a similar object exists in live mode, but a test mode key was used to make this request.";
    let base = serve(Router::new().fallback(move |uri: Uri| async move {
        if uri.path().ends_with("/price_live") {
            let body =
                json!({ "error": { "type": "invalid_request_error", "code": "resource_missing", "message": says } });
            return (StatusCode::NOT_FOUND, body.to_string()).into_response();
        }
        json!({ "object": "list", "data": [], "has_more": false }).to_string().into_response()
    }))
    .await;
    let app = TestApp::with(&[("STRIPE_API_BASE", &base), ("STRIPE_SECRET_KEY", STRIPE_KEY)]).await;
    let admin = app.key(TEST, Scope::Admin).await;
    app.sell(&admin, "price_live", "pro").await;
    assert_check(&report(&app).await, "V12", State::Fail, &["price_live", "an id of live mode", says]);

    let app = TestApp::start().await;
    let admin = app.key(TEST, Scope::Admin).await;
    app.sell(&admin, "price_typo", "pro").await;
    let says = ["price_typo in the catalog, unknown to Stripe", "No such price: 'price_typo'"];
    assert_check(&report(&app).await, "V12", State::Warn, &says);
}

#[tokio::test]
async fn a_clock_that_is_off_is_told_by_how_much() {
    let app = whole().await;
    let now = app.clock_secs();
    for (stripe, state, words) in [
        (now - 30, State::Pass, "30 s ahead"),
        (now - 120, State::Warn, "120 s ahead of Stripe's"),
        (now + 400, State::Fail, "400 s behind Stripe's"),
    ] {
        app.stripe.control().set_now(stripe);
        assert_check(&report(&app).await, "V09", state, &[words]);
    }
    // By now Stripe signs with a time that is not believed.
    something_happens(&app).await;
    assert_check(&report(&app).await, "V09", State::Fail, &["400 s in the future by this machine's clock", "NTP"]);
}

#[tokio::test]
async fn an_event_that_never_came_is_told() {
    let app = whole().await;
    app.stripe.control().set_now(app.clock_secs() + 60);
    let lost = app.stripe.control().create_customer(Some("cus_lost"), None, None, Value::Null);
    app.stripe.control().discard_queue();
    assert_eq!(lost["id"], "cus_lost");
    app.clock.advance(3_600_000);
    assert_check(&report(&app).await, "V10", State::Fail, &["(customer.created) of 59 min ago", "is not here"]);
}

#[tokio::test]
async fn a_disabled_endpoint_and_types_that_are_not_sent_are_told() {
    let app = whole().await;
    endpoint(&app, SECRET, &["customer.created"], "disabled");
    let report = report(&app).await;
    assert_check(&report, "V04", State::Fail, &["we_1 sends here, but it is disabled"]);
    assert_check(&report, "V05", State::Fail, &["does not send checkout.session.completed, ", "Add them"]);
    let links = ["V04", "V05"].map(|id| check(&report, id).link.clone().unwrap().href);
    assert_eq!(links, ["/admin/validator/endpoints/we_1/enable", "/admin/validator/endpoints/we_1/events"]);
}
