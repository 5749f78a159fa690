//! What is asked of Stripe adds up by mode, day and lane, whoever counts.

use domain::{Livemode, Timestamp};
use store::Options;
use store::records::StripeUsage;

use super::helpers::{Database, Engine, now, on_both};

on_both! { counts_of_several_processes_add_up_by_day }

fn usage(lane: &str, reads: i64, writes: i64, limited: i64) -> StripeUsage {
    StripeUsage { lane: lane.into(), reads, writes, limited }
}

async fn counts_of_several_processes_add_up_by_day(engine: Engine) {
    let Some(db) = Database::open(engine, Options::default()).await else { return };
    let (today, tomorrow) = (Timestamp::from_secs(0), Timestamp::from_secs(86_400));
    let (one, other) = ([usage("background", 5, 0, 1), usage("live", 2, 1, 0)], [usage("background", 7, 1, 0)]);
    let (first, second) = tokio::join!(
        db.store.add_stripe_usage(Livemode::Test, today, &one, now()),
        db.store.add_stripe_usage(Livemode::Test, today, &other, now()),
    );
    first.and(second).unwrap();
    db.store.add_stripe_usage(Livemode::Test, tomorrow, &other, now()).await.unwrap();
    db.store.add_stripe_usage(Livemode::Live, today, &other, now()).await.unwrap();
    let of = |livemode, day| db.store.stripe_usage(livemode, day);
    assert_eq!(of(Livemode::Test, today).await.unwrap(), [usage("background", 12, 1, 1), usage("live", 2, 1, 0)]);
    assert_eq!(of(Livemode::Test, tomorrow).await.unwrap(), other);
    assert_eq!(of(Livemode::Live, today).await.unwrap(), other);
    assert!(of(Livemode::Live, tomorrow).await.unwrap().is_empty());
}
