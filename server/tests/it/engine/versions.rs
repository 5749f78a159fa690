//! The same story, told in the shapes of each API version and by thin events, ends in the same answers.

use serde_json::{Value, json};
use standin::Options;

use super::program::Program;
use super::thin::thin_of;

/// Those in which something moved that we read, and the newest.
const VERSIONS: [&str; 6] =
    ["2022-11-15", "2024-06-20", "2025-03-31.basil", "2025-09-30.clover", "2026-09-30.endive", "2026-10-28.endive"];
const DAY: i64 = 86_400;

type Answers = (String, [Value; 2]);

/// A story as it goes on.
struct Story {
    program: Program,
    thin: bool,
    /// Events that were told.
    told: usize,
    /// What was answered after each chapter about `pro` and `course`: the reasons, and until when.
    answers: Vec<Answers>,
}

impl Story {
    async fn begin(api_version: &str, thin: bool) -> Self {
        let program =
            Program::start_with(Options { api_version: api_version.to_owned(), seed: Some(7), ..Options::default() })
                .await;
        program.with_catalog().await;
        program.send("PUT", "/v1/features/course", json!({"type": "switch"})).await;
        program.send("PUT", "/v1/prices/price_course/features", json!({"features": [{"feature": "course"}]})).await;
        let stripe = program.stripe.control();
        stripe.create_product(Some("prod_1"), "Pro");
        for (price, interval) in [("price_pro", Some("month")), ("price_basic", Some("month")), ("price_course", None)]
        {
            stripe.create_price(Some(price), "prod_1", 2900, interval);
        }
        stripe.create_customer(Some("cus_1"), Some("ada@example.com"), Some("Ada"), json!({}));
        Self { program, thin, told: 0, answers: vec![] }
    }

    /// Everything new reaches the program, in the order Stripe made it; then the answers are noted.
    async fn chapter(&mut self, name: &str) {
        let events = self.program.stripe.control().events();
        self.program.stripe.control().discard_queue();
        for event in &events[self.told..] {
            let sent = if self.thin { thin_of(event) } else { Some(event.clone()) };
            let Some(sent) = sent else { continue };
            let answer = self.program.deliver(&sent).await;
            assert!(answer.status().is_success(), "{name}: {sent}");
        }
        self.told = events.len();
        self.program.settle().await;
        let pro = self.program.check("user_1").await;
        let course = self.program.get("/v1/access?user_id=user_1&feature=course").await;
        let words = format!("{name}: {}, {}", text(&pro["reason"]), text(&course["reason"]));
        self.answers.push((words, [pro["until"].clone(), course["until"].clone()]));
    }

    fn pass(&self, seconds: i64) {
        self.program.stripe.control().advance(seconds);
        self.program.clock.advance(seconds * 1000);
    }

    /// Nothing is left over that nobody looks after.
    async fn all_is_settled(&self) {
        for status in ["pending", "processing", "failed", "dead", "unattributed"] {
            let left = self.program.get(&format!("/v1/events?status={status}")).await;
            assert_eq!(left["data"], json!([]), "{status}");
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("null")
}

/// Buys at Checkout; the session.
fn buy(program: &Program, mode: &str, price: &str) -> Value {
    let stripe = program.stripe.control();
    let form = format!(
        "mode={mode}&customer=cus_1&client_reference_id=user_1&success_url=https://a.example/&line_items[0][price]={price}&line_items[0][quantity]=1"
    );
    let session = stripe.request("POST", "checkout/sessions", &form);
    let path = format!("payment_pages/{}/confirm", text(&session["id"]));
    let session = stripe.request("POST", &path, "payment_method=pm_card_visa");
    assert_eq!(session["status"], "complete", "{session}");
    session
}

async fn tell(api_version: &str, thin: bool) -> Vec<Answers> {
    let mut story = Story::begin(api_version, thin).await;
    let stripe = story.program.stripe.control().clone();
    story.chapter("nothing bought").await;

    let session = buy(&story.program, "subscription", "price_pro");
    let subscription = text(&session["subscription"]).to_owned();
    story.chapter("subscribed").await;

    story.pass(31 * DAY);
    stripe.run_billing();
    story.chapter("renewed").await;

    story.pass(DAY);
    stripe.set_prices(&subscription, &[("price_basic", 1)]);
    story.chapter("another plan").await;
    story.pass(DAY);
    stripe.set_prices(&subscription, &[("price_pro", 1)]);
    story.chapter("back again").await;

    story.pass(DAY);
    stripe.fail_payment(&subscription);
    story.chapter("a payment failed").await;
    story.pass(8 * DAY);
    story.chapter("grace is over").await;

    stripe.cancel_subscription(&subscription);
    story.chapter("canceled").await;

    story.pass(DAY);
    let session = buy(&story.program, "payment", "price_course");
    story.chapter("bought once").await;
    story.pass(DAY);
    let refunded = stripe.request("POST", "refunds", &format!("payment_intent={}", text(&session["payment_intent"])));
    assert_eq!(refunded["status"], "succeeded", "{refunded}");
    story.chapter("refunded").await;

    story.pass(DAY);
    buy(&story.program, "payment", "price_course");
    let charge = stripe.events().into_iter().rev().find(|event| event["type"] == "charge.succeeded").unwrap();
    story.chapter("bought again").await;
    story.pass(DAY);
    let dispute = stripe.dispute(text(&charge["data"]["object"]["id"]), "needs_response");
    stripe.close_dispute(text(&dispute["id"]), "lost");
    story.chapter("disputed and lost").await;

    story.pass(DAY);
    stripe.delete_customer("cus_1");
    story.chapter("the customer is deleted").await;
    story.all_is_settled().await;
    story.answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_version_and_thin_events_tell_the_same_story() {
    let first = tell(VERSIONS[0], false).await;
    assert_eq!(
        first.iter().map(|(words, _)| words.as_str()).collect::<Vec<_>>(),
        [
            "nothing bought: unknown_user, unknown_user",
            "subscribed: subscription_active, not_in_plan",
            "renewed: subscription_active, not_in_plan",
            "another plan: price_not_in_catalog, price_not_in_catalog",
            "back again: subscription_active, not_in_plan",
            "a payment failed: grace_period, not_in_plan",
            "grace is over: grace_period_over, grace_period_over",
            "canceled: subscription_canceled, subscription_canceled",
            "bought once: subscription_canceled, purchase",
            "refunded: subscription_canceled, refunded",
            "bought again: subscription_canceled, purchase",
            "disputed and lost: subscription_canceled, disputed",
            "the customer is deleted: subscription_canceled, disputed",
        ]
    );
    assert_ne!(first[1].1, first[2].1, "renewed until later");
    for version in &VERSIONS[1..] {
        assert_eq!(tell(version, false).await, first, "{version}");
    }
    assert_eq!(tell("2026-10-28.endive", true).await, first, "thin events");
}
