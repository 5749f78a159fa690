//! One instance on SQLite, one and three on PostgreSQL, side by side: deliveries acknowledged, events processed, access checks answered a second,
//! and how long until another instance answers with a change.
//!
//! `TEST_DATABASE_URL=postgres://… cargo xtask bench instances [ROUNDS]`: a PostgreSQL that syncs its commits, and whose user may make databases.
//! 48 connections, signed events of 2 KB. All share this machine's processors, clients and PostgreSQL too: read the ratios.

#[path = "load/deliveries.rs"]
mod deliveries;
mod load;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use deliveries::deliveries;
use domain::Livemode;
use domain::access::OverrideEffect;
use domain::catalog::{Feature, FeatureGrant, FeatureType};
use domain::role::Scope;
use load::{Program, median, send};
use store::records::{Author, NewOverride, TargetKind};

const CONNECTIONS: usize = 48;
const DELIVERIES: usize = 12_000;
const CHECKS: usize = 60_000;
const CHANGES: usize = 200;

fn main() -> anyhow::Result<()> {
    let rounds = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(3);
    let server = std::env::var("TEST_DATABASE_URL").context("TEST_DATABASE_URL has to name a PostgreSQL")?;
    let base = server.rsplit_once('/').context("TEST_DATABASE_URL ends with a database")?.0.to_owned();
    tokio::runtime::Runtime::new()?.block_on(async {
        let mut figures = [[vec![], vec![], vec![]], [vec![], vec![], vec![]], [vec![], vec![], vec![]]];
        for round in 1..=rounds {
            for (kind, (name, instances)) in [("SQLite, 1", 1), ("PostgreSQL, 1", 1), ("PostgreSQL, 3", 3)].into_iter().enumerate() {
                let programs = start(kind > 0, instances, &base).await?;
                let [intake, processed, checks] = measure(&programs, round).await?;
                println!("round {round}  {name:<14} {intake:>8.0} deliveries/s {processed:>8.0} events/s {checks:>8.0} checks/s");
                for (all, one) in figures[kind].iter_mut().zip([intake, processed, checks]) {
                    all.push(one);
                }
                if let [first, second, ..] = &programs[..] {
                    println!("         another instance answers with a change: {}", follow(first, second).await?);
                }
                for program in programs {
                    program.stop().await;
                }
            }
        }
        let [sqlite, one, three] = figures.map(|kind| kind.map(median));
        for (n, what) in ["deliveries", "events", "checks"].into_iter().enumerate() {
            println!("{what:<10} PostgreSQL/SQLite {:.2}, three instances/one {:.2}", one[n] / sqlite[n], three[n] / one[n]);
        }
        Ok(())
    })
}

async fn start(is_postgres: bool, instances: usize, base: &str) -> anyhow::Result<Vec<Program>> {
    if !is_postgres {
        return Ok(vec![Program::start(256).await]);
    }
    let url = format!("{base}/{}", server::ids::new("bench").to_lowercase());
    store::postgres::create(&url).await?;
    let mut programs = vec![];
    for _ in 0..instances {
        programs.push(Program::on(&url, 256).await);
    }
    Ok(programs)
}

async fn measure(programs: &[Program], round: usize) -> anyhow::Result<[f64; 3]> {
    let state = &programs[0].state;
    let author = Author::system(state.now());
    state.store.put_feature(Livemode::Test, &Feature::new("pro", FeatureType::Switch), &author).await?;
    state.store.put_grants(Livemode::Test, TargetKind::Price, "price_pro", &[FeatureGrant::of("pro")], &author).await?;
    let began = Instant::now();
    let intake = send_to_all(programs, deliveries(DELIVERIES, round)).await;
    while state.store.next_due().await?.is_some() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let processed = DELIVERIES as f64 / began.elapsed().as_secs_f64();
    let (key, mut record) =
        server::auth::api_key::create("benchmark", Livemode::Test, Scope::Check, "system", state.now())?;
    record.terms.check_rate = Some(server::auth::api_key::MOST_RATE);
    state.store.add_api_key(&record, &author).await?;
    let check = |n: usize| {
        let user = n * 7919 % DELIVERIES;
        format!("GET /v1/access?user_id=user_{user}&feature=pro HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\n\r\n").into_bytes()
    };
    let checks = send_to_all(programs, (0..CHECKS).map(check).collect()).await;
    Ok([intake, processed, checks])
}

/// Spreads requests over all; how many a second they answered together.
async fn send_to_all(programs: &[Program], mut requests: Vec<Vec<u8>>) -> f64 {
    let (all, share) = (requests.len(), requests.len() / programs.len());
    let mut sending = tokio::task::JoinSet::new();
    let began = Instant::now();
    for program in programs {
        let some = Arc::new(requests.split_off(requests.len() - share));
        sending.spawn(send(program.address, CONNECTIONS / programs.len(), some));
    }
    sending.join_all().await;
    all as f64 / began.elapsed().as_secs_f64()
}

/// Grants at one, looks at the other.
async fn follow(first: &Program, second: &Program) -> anyhow::Result<String> {
    let mut times = vec![];
    for n in 0..CHANGES {
        let user = format!("user_new_{n}");
        let grant = NewOverride {
            livemode: Livemode::Test,
            user_id: user.clone(),
            feature: "pro".into(),
            effect: OverrideEffect::Grant,
            value: None,
            expires_at: None,
        };
        first.state.store.create_override(&grant, &Author::system(first.state.now())).await?;
        let committed = Instant::now();
        while second.state.store.index().facts(Livemode::Test, &user).is_none() {
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        times.push(committed.elapsed());
    }
    times.sort_unstable();
    Ok(format!("p50 {:.1?}, p99 {:.1?}", times[CHANGES / 2], times[CHANGES * 99 / 100]))
}
