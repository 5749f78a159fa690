//! A clock that is not Stripe's: answers to reads are dated by Stripe's clock, as events are.

use domain::Livemode;
use serde_json::{Value, json};
use server::clock::Clock as _;
use standin::SubscriptionSpec;

use super::program::{Program, START};

/// The clock of the program and Stripe's, in seconds; a subscription that was `unpaid` for a moment before that. Answers that event,
/// which nobody has delivered yet.
async fn read_at(ours: i64, stripes: i64) -> (Program, Value) {
    let program = Program::start().await;
    program.with_catalog().await;
    let stripe = program.stripe.control();
    program.clock.advance((ours - START) * 1000);
    stripe.set_now(stripes - 10);
    stripe.create_customer(Some("cus_1"), None, None, json!({ "user_id": "user_1" }));
    stripe.subscribe(SubscriptionSpec {
        id: Some("sub_1".into()),
        customer: "cus_1".into(),
        prices: vec![("price_pro".into(), 1)],
        ..SubscriptionSpec::default()
    });
    stripe.deliver_all().await;
    stripe.set_now(stripes - 5);
    stripe.update("sub_1", json!({ "status": "unpaid" }));
    let late = stripe.events().pop().unwrap();
    stripe.update("sub_1", json!({ "status": "active" }));
    stripe.discard_queue();
    stripe.set_now(stripes);
    program.settle().await;
    program.send("POST", "/v1/sync", json!({ "customer_id": "cus_1" })).await;
    program.clock.advance(10_000);
    stripe.set_now(stripes + 10);
    program.settle().await;
    assert_eq!(program.check("user_1").await["reason"], "subscription_active");
    (program, late)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn evidence_is_compared_by_stripes_clock_whatever_ours_says() {
    for skew in [-60, 0, 60] {
        let (program, late) = read_at(START + 100 + skew, START + 100).await;
        let stripe = program.stripe.control();
        let asked = stripe.requests().len();
        // Older than the read by Stripe's clock: it changes nothing.
        assert!(program.deliver(&late).await.status().is_success());
        program.settle().await;
        assert_eq!(program.check("user_1").await["reason"], "subscription_active", "{skew} s ahead, an old event");
        // Newer than the read by Stripe's clock: it is news.
        program.clock.advance(10_000);
        stripe.set_now(START + 120);
        stripe.update("sub_1", json!({ "status": "unpaid" }));
        let news = stripe.events().pop().unwrap();
        assert!(program.deliver(&news).await.status().is_success());
        program.settle().await;
        assert_eq!(program.check("user_1").await["reason"], "subscription_unpaid", "{skew} s ahead, a new event");
        assert_eq!(stripe.requests().len(), asked, "{skew} s ahead: time alone decided");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_keeps_nothing_waiting() {
    const HOURS: i64 = 3 * 3_600_000;
    let program = Program::start().await;
    program.with_catalog().await;
    let stripe = program.stripe.control();
    stripe.create_customer(Some("cus_1"), None, None, json!({ "user_id": "user_1" }));
    stripe.subscribe(SubscriptionSpec {
        id: Some("sub_1".into()),
        customer: "cus_1".into(),
        prices: vec![("price_pro".into(), 1)],
        ..SubscriptionSpec::default()
    });
    // Ahead when it is delivered, and when somebody begins to read the customer and dies; set right before anything comes of it.
    program.clock.advance(HOURS);
    for event in stripe.events() {
        let response = program.deliver(&event).await;
        assert!(response.status().is_success());
    }
    let store = &program.state.store;
    store.claim_read(Livemode::Test, "cus_1", "dead", program.clock.now()).await.unwrap().unwrap();
    program.clock.advance(-HOURS);
    program.settle().await;
    assert_eq!(program.check("user_1").await["reason"], "subscription_active");
    let read = program.send("POST", "/v1/sync", json!({ "customer_id": "cus_1" })).await;
    assert_eq!(read["customers"].as_array().map(Vec::len), Some(1), "{read}");
    // Forward and on: what was planned is due early, and nothing is lost.
    program.clock.advance(HOURS);
    stripe.set_now(program.now());
    stripe.update("sub_1", json!({ "status": "unpaid" }));
    let news = stripe.events().pop().unwrap();
    assert!(program.deliver(&news).await.status().is_success());
    program.settle().await;
    assert_eq!(program.check("user_1").await["reason"], "subscription_unpaid");
}
