//! What is asked of Stripe: counted over restarts and processes, bounded for work in the background, shown in the metrics.

use std::collections::HashMap;
use std::sync::Arc;

use domain::{Livemode, Timestamp};
use gateway::{Client, ClientConfig, Error, Gateway, Now, SecretKey};
use server::clock::Clock as _;
use server::usage::{Asked, UsageBook};

use crate::helpers::{STRIPE_KEY, TestApp};

const DAY_MS: i64 = 86_400_000;

/// Another process on the same database, or this one after a restart.
async fn another(app: &TestApp, allowance: u64) -> (UsageBook, Arc<dyn Gateway>) {
    let clock = Arc::clone(&app.clock);
    let config = ClientConfig {
        base_url: app.stripe.base_url(),
        now: Now(Arc::new(move || clock.now())),
        ..ClientConfig::new(SecretKey::parse(STRIPE_KEY).unwrap())
    };
    let gateway: Arc<dyn Gateway> = Arc::new(Client::new(config).unwrap());
    let gateways = Arc::new(HashMap::from([(Livemode::Test, Arc::clone(&gateway))]));
    let (store, clock) = (Arc::clone(&app.state.store), Arc::clone(&app.state.clock));
    (UsageBook::open(store, gateways, clock, allowance).await.unwrap(), gateway.background())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_read_allowance_outlives_a_restart_and_is_shared() {
    let settings = [("STRIPE_SECRET_KEY", STRIPE_KEY), ("STRIPE_DAILY_READS", "5")];
    let app = TestApp::with(&settings).await;
    app.stripe.control().create_product(Some("prod_1"), "Pro");
    let live = app.state.gateway(Livemode::Test).unwrap();
    let background = live.background();
    for _ in 0..3 {
        background.product("prod_1").await.unwrap();
    }
    app.state.usage.settle().await.unwrap();

    let (book, elsewhere) = another(&app, 5).await;
    for _ in 0..2 {
        elsewhere.product("prod_1").await.unwrap();
    }
    let now = app.clock.now().millis();
    let midnight = Timestamp::from_millis(now - now % DAY_MS + DAY_MS);
    assert_eq!(elsewhere.product("prod_1").await.unwrap_err(), Error::AllowanceUsed { until: midnight });
    // This process learns of it when the books are next settled.
    book.settle().await.unwrap();
    app.state.usage.settle().await.unwrap();
    assert_eq!(background.product("prod_1").await.unwrap_err(), Error::AllowanceUsed { until: midnight });
    live.product("prod_1").await.unwrap();

    let today = app.state.usage.today(Livemode::Test).await.unwrap();
    let asked = |reads| Asked { reads, writes: 0, limited: 0 };
    assert_eq!((today.background, today.live, today.left(), today.until), (asked(5), asked(1), 0, midnight));
    let (_, after_a_restart) = another(&app, 5).await;
    assert_eq!(after_a_restart.product("prod_1").await.unwrap_err(), Error::AllowanceUsed { until: midnight });

    app.clock.advance(DAY_MS);
    background.product("prod_1").await.unwrap();
    let tomorrow = app.state.usage.today(Livemode::Test).await.unwrap();
    assert_eq!((tomorrow.background, tomorrow.live, tomorrow.left()), (asked(1), asked(0), 4));

    let metrics = app.send(app.http.get(format!("{}/metrics", app.url))).await.ok();
    let line = |lane: &str, number: u64| {
        format!("tollkeeper_stripe_requests_total{{mode=\"test\",lane=\"{lane}\",outcome=\"answered\"}} {number}\n")
    };
    let text = metrics.as_str().unwrap();
    assert!(text.contains(&line("background", 4)) && text.contains(&line("live", 1)), "{text}");
}
