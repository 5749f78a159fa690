//! Whatever Stripe answers instead of an answer: nothing is lost, the cause is shown in a sentence, and all is right in the end.

use reqwest::StatusCode;
use serde_json::json;
use standin::{Breakage, Control, Faults};

use super::program::Program;

/// What goes wrong with every request about a customer.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Status(u16),
    Broken(Breakage),
    Denied(&'static str),
}

const FAULTS: [(Fault, &str); 8] = [
    (Fault::Status(401), "Stripe does not accept the API key rk_test_…gine: Invalid API Key provided"),
    (Fault::Denied("rak_customer_read"), "the API key rk_test_…gine may not read customers: give the restricted key"),
    (Fault::Status(404), "Stripe has no customer “cus_1”"),
    (Fault::Status(429), "Stripe's rate limit was reached (global-rate)"),
    (Fault::Status(500), "Stripe could not answer now (status 500)"),
    (Fault::Broken(Breakage::Garbage), "Stripe's answer about customer could not be read: it is not JSON"),
    (Fault::Broken(Breakage::Cut), "the connection to Stripe broke before its answer was complete"),
    (Fault::Broken(Breakage::Closed), "Stripe could not be reached"),
];

impl Fault {
    fn begin(self, stripe: &Control) {
        let about = "cus_1".to_owned();
        match self {
            Self::Status(status) => {
                stripe.set_faults(Faults { fail_paths: vec![(about, status)], ..Faults::default() });
            }
            Self::Broken(breakage) => {
                stripe.set_faults(Faults { broken: vec![(about, breakage)], ..Faults::default() });
            }
            Self::Denied(permission) => stripe.deny(&[permission]),
        }
    }

    fn end(stripe: &Control) {
        stripe.set_faults(Faults::default());
        stripe.deny(&[]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_whatever_stripe_answers() {
    let mut all = tokio::task::JoinSet::new();
    for (fault, sentence) in FAULTS {
        all.spawn(outlast(fault, sentence));
    }
    all.join_all().await;
}

async fn outlast(fault: Fault, sentence: &str) {
    let program = Program::start().await;
    program.with_catalog().await;
    super::buy(&program);
    let stripe = program.stripe.control();
    stripe.deliver_all().await;
    program.settle().await;

    // An event with its items cut off: only a read can tell what it is now. It was canceled meanwhile, and nobody told us.
    program.clock.advance(30_000);
    stripe.set_now(program.now());
    let mut event = stripe.emit("customer.subscription.updated", &stripe.object("sub_1").unwrap(), None);
    event["data"]["object"]["items"]["has_more"] = json!(true);
    stripe.cancel_subscription("sub_1");
    stripe.discard_queue();
    let id = event["id"].as_str().unwrap().to_owned();

    fault.begin(stripe);
    assert_eq!(program.deliver(&event).await.status(), StatusCode::OK, "{fault:?}");
    program.settle().await;
    let stored = program.get(&format!("/v1/events/{id}")).await;
    assert_eq!(stored["status"], "failed", "{fault:?}: {stored}");
    let error = stored["error"].as_str().unwrap_or_default();
    assert!(error.contains(sentence), "{fault:?}: {error}");
    assert_eq!(program.check("user_1").await["reason"], "subscription_active", "{fault:?}: what is known stays");
    let sync = program.request("POST", "/v1/sync", json!({ "customer_id": "cus_1" })).await;
    let (status, answer) = (sync.status(), sync.text().await.unwrap());
    assert!(!status.is_success() && answer.contains(sentence), "{fault:?}: {status} {answer}");
    // Stripe delivers it once more, and is answered all the same.
    assert_eq!(program.deliver(&event).await.status(), StatusCode::OK, "{fault:?}");

    Fault::end(stripe);
    program.clock.advance(3_600_000);
    program.settle().await;
    let stored = program.get(&format!("/v1/events/{id}")).await;
    assert_eq!(stored["status"], "processed", "{fault:?}: {stored}");
    assert_eq!(program.check("user_1").await["reason"], "subscription_canceled", "{fault:?}");
}
