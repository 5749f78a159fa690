//! A resync of everybody against a stand-in that allows 25 requests a second per endpoint: how long it takes, against what that limit allows.
//!
//! `cargo xtask bench resync [CUSTOMERS]`: SQLite on a real file, 10,000 customers with a subscription each. First nobody is known here, so
//! that everybody differs and is taken in; then everybody is in sync.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use domain::Livemode;
use serde_json::json;
use server::clock::{Clock as _, SystemClock};
use server::config::{Config, Sources};
use server::state::AppState;
use standin::{Options, Standin};
use store::records::{Author, NewResync, Purpose, ResyncScope, ResyncStatus};

/// What Stripe allows each endpoint (docs.stripe.com/rate-limits).
const A_SECOND: u32 = 25;

fn main() -> anyhow::Result<()> {
    let customers = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(10_000);
    tokio::runtime::Runtime::new()?.block_on(async {
        let stripe = Standin::start(Options { rate_limit: Some(A_SECOND), ..Options::default() }).await?;
        fill(&stripe, customers);
        let folder = tempfile::tempdir()?;
        let state = program(&folder, &stripe).await?;
        let one_by_one = customers.div_ceil(usize::try_from(A_SECOND)?);
        println!("{customers} customers; a call for each would take {one_by_one} s at {A_SECOND}/s");
        run(&state, &stripe, "nobody is known").await?;
        run(&state, &stripe, "all are in sync").await?;
        state.close().await;
        Ok(())
    })
}

/// Customers with a subscription each, who came one every ten minutes.
fn fill(stripe: &Standin, customers: usize) {
    let control = stripe.control();
    control.create_product(Some("prod_1"), "Pro");
    control.create_price(Some("price_pro"), "prod_1", 2900, Some("month"));
    control.create_subscribers(customers, "price_pro");
    for (n, at) in (0..customers).zip((0..control.now()).rev().step_by(600)) {
        for id in [format!("cus_bulk_{n}"), format!("sub_bulk_{n}")] {
            if let Some(mut object) = control.object(&id) {
                object["created"] = json!(at);
                control.put(object);
            }
        }
    }
    control.discard_queue();
}

async fn program(folder: &tempfile::TempDir, stripe: &Standin) -> anyhow::Result<AppState> {
    let database = format!("sqlite://{}", folder.path().join("resync.db").display());
    let settings = [
        ("DATABASE_URL", database.as_str()),
        ("STRIPE_SECRET_KEY", "sk_test_bench"),
        ("STRIPE_API_BASE", &stripe.base_url()),
        // What Stripe allows all endpoints together in live mode.
        ("STRIPE_RATES", "test=100"),
    ];
    server::build(Config::load(&Sources::from_env(settings))?, Arc::new(SystemClock)).await
}

async fn run(state: &AppState, stripe: &Standin, what: &str) -> anyhow::Result<()> {
    stripe.control().set_rate_limit(Some(A_SECOND));
    let author = Author::new("bench", SystemClock.now());
    let new = NewResync { livemode: Livemode::Test, purpose: Purpose::Resync, scope: ResyncScope::All, applies: true };
    let id = state.store.create_resync(&new, &author).await?.resync_id;
    let began = Instant::now();
    let resyncs = state.resyncs.clone();
    let named = id.clone();
    let mut working = tokio::spawn(async move { resyncs.work(Some(&named)).await });
    let (mut read, mut compared) = (None, None);
    loop {
        let is_over = tokio::time::timeout(std::time::Duration::from_millis(20), &mut working).await;
        let (record, counts) = state.store.resync(&id).await?.context("the resync is gone")?;
        if record.status != ResyncStatus::Reading {
            read.get_or_insert_with(|| began.elapsed());
        }
        if counts.all() > 0 && counts.waiting == 0 {
            compared.get_or_insert_with(|| began.elapsed());
        }
        let Ok(worked) = is_over else { continue };
        worked??;
        anyhow::ensure!(record.status == ResyncStatus::Done, "it rests as {:?}: {:?}", record.status, record.error);
        let (read, compared, done) = (read.unwrap_or_default(), compared.unwrap_or_default(), began.elapsed());
        let loads = stripe.control().loads();
        let most = loads.values().map(|load| load.requests).max().unwrap_or(0);
        let all: u64 = loads.values().map(|load| load.requests).sum();
        let peak = loads.values().map(|load| load.peak).max().unwrap_or(0);
        let refused: u64 = loads.values().map(|load| load.refused).sum();
        let least = most.div_ceil(u64::from(A_SECOND));
        println!(
            "{what:>16}: {} mended, {} in sync; {all} calls, {most} of one endpoint (at least {least} s), peak {peak}/s, {refused} refused",
            counts.applied, counts.same
        );
        println!(
            "{:>16}  read {:.1} s, compared {:.1} s, mended {:.1} s: {:.1} s together",
            "",
            read.as_secs_f64(),
            (compared - read).as_secs_f64(),
            (done - compared).as_secs_f64(),
            done.as_secs_f64()
        );
        return Ok(());
    }
}
