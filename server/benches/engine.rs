//! What events cost once they are stored: those of one customer against those of many, and a burst of renewals.
//!
//! `cargo xtask bench engine [ROUNDS]`: SQLite on a real file. The same 10,000 events, of 1,000 customers with 10 each and of one
//! customer, alternating A B B A; then nine events each for 10,000 customers, of which none may be undecidable: nobody would ask Stripe.

#[path = "load/renewals.rs"]
mod renewals;

use std::sync::Arc;
use std::time::Instant;

use domain::Livemode;
use domain::catalog::{Feature, FeatureGrant, FeatureType};
use renewals::{EVENTS, PERIOD, begin, delivery, renew};
use serde_json::Value;
use server::clock::{Clock as _, SystemClock};
use server::config::{Config, Sources};
use server::state::AppState;
use store::records::{Author, TargetKind};

const FEW: usize = 10;
const MANY: usize = 10_000;
const BURST: usize = 10_000;
/// As many as the worker takes in a round.
const AT_ONCE: i64 = 25;

fn main() -> anyhow::Result<()> {
    let rounds = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(3);
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let mut ratios = vec![];
        for round in 1..=rounds {
            let mut micros = [0.0, 0.0];
            for one in [false, true, true, false] {
                let (customers, each) = if one { (1, MANY) } else { (MANY / FEW, FEW) };
                let took = one_after_the_other(customers, each).await?;
                println!("round {round}  {customers:>5} customers, {each:>6} events each  {took:>7.1} µs an event");
                micros[usize::from(one)] += took;
            }
            println!("round {round}  ratio {:.2}", micros[1] / micros[0]);
            ratios.push(micros[1] / micros[0]);
        }
        ratios.sort_by(f64::total_cmp);
        println!(
            "median ratio {:.2} (an event of many against one of few; must not exceed 1.5)",
            ratios[ratios.len() / 2]
        );
        let mut rates = vec![];
        for round in 1..=rounds {
            let rate = burst().await?;
            println!(
                "round {round}  {BURST} renewals of {EVENTS} events  {rate:>7.0} events/s applied, no call to Stripe"
            );
            rates.push(rate);
        }
        rates.sort_by(f64::total_cmp);
        println!("median {:.0} events/s (must 2,000)", rates[rates.len() / 2]);
        Ok(())
    })
}

/// The program without its web server, on a new SQLite file below `BENCH_DIR` (the temporary folder without it).
struct Engine {
    state: AppState,
    _folder: tempfile::TempDir,
}

impl Engine {
    /// With one feature that all pay for, and this many customers with a subscription since a period.
    async fn start(customers: usize, now: i64) -> anyhow::Result<Self> {
        let folder = match std::env::var_os("BENCH_DIR") {
            Some(base) => tempfile::tempdir_in(base)?,
            None => tempfile::tempdir()?,
        };
        let database = format!("sqlite://{}", folder.path().join("bench.db").display());
        let settings = [
            ("DATABASE_URL", database.as_str()),
            ("STRIPE_SECRET_KEY", "sk_test_benchmark"),
            ("STRIPE_WEBHOOK_SECRET", "whsec_benchmark0000000000000000000"),
        ];
        let state = server::build(Config::load(&Sources::from_env(settings))?, Arc::new(SystemClock)).await?;
        let author = Author::system(state.now());
        state.store.put_feature(Livemode::Test, &Feature::new("pro", FeatureType::Switch), &author).await?;
        let grants = [FeatureGrant::of("pro")];
        state.store.put_grants(Livemode::Test, TargetKind::Price, "price_pro", &grants, &author).await?;
        let engine = Self { state, _folder: folder };
        engine.deliver((0..customers).map(|n| begin(n, now - PERIOD))).await?;
        engine.apply().await?;
        Ok(engine)
    }

    /// Stores events, as the webhook does.
    async fn deliver(&self, events: impl Iterator<Item = Value>) -> anyhow::Result<()> {
        let now = SystemClock.now();
        let deliveries: Vec<_> = events.map(|event| delivery(&event, now)).collect();
        for batch in deliveries.chunks(256) {
            self.state.store.record_deliveries(batch).await?;
        }
        Ok(())
    }

    /// Applies all that is stored; how long it took, in microseconds.
    async fn apply(&self) -> anyhow::Result<f64> {
        let store = &self.state.store;
        let began = Instant::now();
        while store.process_due(self.state.now(), AT_ONCE).await?.events > 0 {}
        let took = began.elapsed().as_secs_f64() * 1_000_000.0;
        let undecided = store.claim_reads("bench", self.state.now(), 10).await?;
        anyhow::ensure!(undecided.is_empty(), "Stripe would be asked: {undecided:?}");
        Ok(took)
    }
}

/// The time an event takes when each customer has this many, told one renewal after the other.
async fn one_after_the_other(customers: usize, each: usize) -> anyhow::Result<f64> {
    // Long ago, so that the last renewal is still in the past.
    let first = 1_000_000_000;
    let engine = Engine::start(customers, first).await?;
    let mut events: Vec<Value> = vec![];
    for k in 0..each.div_ceil(EVENTS) {
        let at = first + i64::try_from(k)? * 86_400;
        events.extend((0..customers).flat_map(|n| renew(n, at).into_iter().take(each - k * EVENTS)));
    }
    let count = events.len();
    engine.deliver(events.into_iter()).await?;
    Ok(engine.apply().await? / count as f64)
}

/// Events applied in a second when everybody's subscription is renewed at once.
async fn burst() -> anyhow::Result<f64> {
    let now = SystemClock.now().secs() - 3600;
    let engine = Engine::start(BURST, now).await?;
    engine.deliver((0..BURST).flat_map(|n| renew(n, now))).await?;
    Ok((BURST * EVENTS) as f64 * 1_000_000.0 / engine.apply().await?)
}
