//! Stripe refuses, fails, talks nonsense or says nothing: each is named, and nothing of it passes.

use std::time::Duration;

use app::pages::validator::State;
use gateway::{Error, Resource};
use server::validator::run;
use standin::Faults;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{TEST, assert_check, check, report, whole};
use crate::helpers::{SECRET, STRIPE_KEY, TestApp};

/// What cannot be told without an answer of Stripe's.
const OF_STRIPE: [&str; 4] = ["V02", "V03", "V04", "V10"];

async fn with_every_answer(status: u16) -> server::validator::Report {
    let app = whole().await;
    app.stripe.control().set_faults(Faults { fail_paths: vec![("/v1/".to_owned(), status)], ..Faults::default() });
    report(&app).await
}

#[tokio::test]
async fn a_key_that_is_not_valid_is_named() {
    let report = with_every_answer(401).await;
    assert_check(&report, "V02", State::Fail, &["does not accept the API key sk_test_…tion", "Copy the key again"]);
    assert_check(&report, "V03", State::Skipped, &["does not accept the key"]);
    assert_check(&report, "V04", State::Warn, &["does not accept the API key"]);
    assert!(check(&report, "V11").state == State::Pass, "what is known here is judged all the same");
}

#[tokio::test]
async fn each_missing_permission_is_named() {
    for (path, resource, state) in [
        ("/v1/customers", Resource::Customers, State::Fail),
        ("/v1/checkout/sessions", Resource::CheckoutSessions, State::Fail),
        ("/v1/charges", Resource::Charges, State::Fail),
        ("/v1/disputes", Resource::Disputes, State::Fail),
        ("/v1/payment_intents", Resource::PaymentIntents, State::Warn),
        ("/v1/entitlements", Resource::Entitlements, State::Warn),
        ("/v1/events", Resource::Events, State::Warn),
        ("/v1/webhook_endpoints", Resource::WebhookEndpoints, State::Warn),
    ] {
        let app = whole().await;
        app.stripe.control().set_faults(Faults { fail_paths: vec![(path.to_owned(), 403)], ..Faults::default() });
        let report = report(&app).await;
        let name = resource.name();
        let named = format!("may not read {name}. Stripe says: “The provided key does not have");
        assert_check(&report, "V03", state, &[&named, &format!("choose Read for {name}")]);
        assert_check(&report, "V02", State::Pass, &["Stripe accepts"]);
    }
    let report = with_every_answer(403).await;
    let all = "may not read Customers, Subscriptions, Prices, Products, Checkout Sessions, Invoices, Charges and Refunds, Disputes and 4 more";
    assert_check(&report, "V03", State::Fail, &[all]);
    assert_check(&report, "V04", State::Warn, &["may not do this"]);
}

#[tokio::test]
async fn other_refusals_are_no_pass_and_say_which_they_are() {
    for (status, words) in
        [(404, "status 404"), (429, "rate limit was reached"), (500, "status 500"), (503, "status 503")]
    {
        let report = with_every_answer(status).await;
        for id in OF_STRIPE {
            if id == "V02" && [404, 429].contains(&status) {
                // Stripe looks for objects, and counts requests, of keys that it knows.
                assert_check(&report, id, State::Pass, &["accepts"]);
            } else {
                assert_check(&report, id, State::Warn, &[words]);
            }
        }
    }
}

/// A server that reads the head of a request and answers with these bytes, or holds its tongue.
async fn babbler(answer: Option<&'static [u8]>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut silent = vec![];
        while let Ok((mut stream, _)) = listener.accept().await {
            let Some(answer) = answer else {
                silent.push(stream);
                continue;
            };
            tokio::spawn(async move {
                let mut head = vec![];
                let mut piece = [0; 1024];
                while !head.ends_with(b"\r\n\r\n") {
                    match stream.read(&mut piece).await {
                        Ok(read @ 1..) => head.extend_from_slice(&piece[..read]),
                        _ => return,
                    }
                }
                // The other side may be gone; then there is nobody to answer to.
                let _ = stream.write_all(answer).await;
            });
        }
    });
    base
}

#[tokio::test]
async fn nonsense_half_an_answer_and_none_are_told_apart() {
    let nonsense: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\nconnection: close\r\n\r\n<html>hello";
    let half: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\nconnection: close\r\n\r\n{\"object\":\"list\",\"da";
    let wrong: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 13\r\nconnection: close\r\n\r\n{\"data\":null}";
    for (answer, patience, words) in [
        (Some(nonsense), Duration::from_secs(20), "is not JSON"),
        (Some(wrong), Duration::from_secs(20), "a list was expected"),
        (Some(half), Duration::from_secs(20), "broke before its answer was complete"),
        (Some(&b""[..]), Duration::from_secs(20), "could not be reached"),
        (None, Duration::from_millis(50), "did not answer within 50 ms"),
    ] {
        let base = babbler(answer).await;
        let settings =
            [("STRIPE_API_BASE", base.as_str()), ("STRIPE_SECRET_KEY", STRIPE_KEY), ("STRIPE_WEBHOOK_SECRET", SECRET)];
        let app = TestApp::with(&settings).await;
        let report = run(&app.state, TEST, patience).await.unwrap();
        for id in ["V02", "V03", "V04"] {
            assert_check(&report, id, State::Warn, &[words]);
        }
        assert_check(&report, "V09", State::Skipped, &["clock is not known"]);
    }
}

#[tokio::test]
async fn stripe_in_a_coma_delays_nothing_but_its_own_checks() {
    let app = whole().await;
    let hold = app.stripe.control().hold("/v1/");
    let report = run(&app.state, TEST, Duration::from_millis(50)).await.unwrap();
    for id in OF_STRIPE {
        assert_check(&report, id, State::Warn, &["did not answer within 50 ms"]);
    }
    for id in ["V07", "V08", "V11", "V12", "V13", "V15"] {
        assert_check(&report, id, State::Pass, &[]);
    }
    hold.release();
    assert!(matches!(app.state.gateway(TEST).unwrap().event("evt_no").await, Err(Error::NotFound { .. })));
}
