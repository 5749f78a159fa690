//! A burst of renewals is applied from what the events say: nothing of it is undecidable, so Stripe is asked nothing.

#[path = "../../../benches/load/renewals.rs"]
mod events;

use domain::Livemode;
use serde_json::{Value, json};

use self::events::{EVENTS, PERIOD, begin, delivery, renew};
use super::program::Program;

const CUSTOMERS: usize = 200;

impl Program {
    async fn take(&self, events: impl Iterator<Item = Value>) {
        let deliveries: Vec<_> = events.map(|event| delivery(&event, self.state.now())).collect();
        self.state.store.record_deliveries(&deliveries).await.unwrap();
        self.settle().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_renewals_asks_stripe_nothing() {
    let program = Program::start().await;
    program.with_catalog().await;
    program.stripe.control().create_product(Some("prod_pro"), "Pro");
    program.stripe.control().create_price(Some("price_pro"), "prod_pro", 2900, Some("month"));
    program.take((0..CUSTOMERS).map(|n| begin(n, program.now()))).await;
    let now = program.now() + PERIOD;
    program.clock.advance(PERIOD * 1000);
    program.settle().await;
    // They come when the period's end is an hour past, and what is missing would be asked for.
    program.clock.advance(3_600_000);
    let asked = program.stripe.control().requests().len();
    // Shuffled in a way that repeats.
    let mut all: Vec<Value> = (0..CUSTOMERS).flat_map(|n| renew(n, now)).collect();
    assert_eq!(all.len(), CUSTOMERS * EVENTS);
    all.sort_by_cached_key(|event| crc32fast::hash(event["id"].as_str().unwrap_or_default().as_bytes()));
    program.take(all.into_iter()).await;
    assert_eq!(program.stripe.control().requests()[asked..], []);
    let counts = program.state.store.event_stats(Livemode::Test, program.state.now()).await.unwrap().0;
    let of = |status: &str| counts.iter().find(|(name, _)| name == status).map_or(0, |(_, count)| *count);
    // Of nine events of a renewal four are used; the first ones came a month before.
    let used = i64::try_from(CUSTOMERS).unwrap() * 4;
    assert_eq!((of("processed"), of("processing"), of("failed")), (used, 0, 0), "{counts:?}");
    let answer = program.check("user_7").await;
    let until = domain::Timestamp::from_secs(now + PERIOD).to_string();
    assert_eq!((&answer["allowed"], &answer["until"]), (&json!(true), &json!(until)));
}
