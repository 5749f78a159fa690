//! The access check against an empty axum handler, in one run, over the same listener and clients.
//!
//! `cargo xtask bench access [ROUNDS]`: 64 connections, 10,000 users who pay, every check by another user, alternating A B B A.

mod load;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::catalog::{Feature, FeatureGrant, FeatureType};
use domain::event::Envelope;
use domain::role::Scope;
use domain::{Livemode, Timestamp};
use load::{Program, median, send, send_every};
use serde_json::json;
use store::records::{Author, Delivery, TargetKind};

const CONNECTIONS: usize = 64;
const USERS: usize = 10_000;
const CHECKS: usize = 200_000;
/// Each connection sends a check every 12.8 ms: 5,000/s in all.
const PACE: Duration = Duration::from_micros(12_800);
const PACED_CHECKS: usize = 20_000;

fn main() -> anyhow::Result<()> {
    let rounds = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(3);
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let program = Program::start(256).await;
        let began = std::time::Instant::now();
        let key = fill(&program).await?;
        println!("{USERS} users filled in through their events in {:.1?}", began.elapsed());
        let empty = empty_handler().await?;
        let checks = Arc::new(requests(&key));
        send(program.address, CONNECTIONS, Arc::clone(&checks)).await;
        let mut ratios = vec![];
        for round in 1..=rounds {
            let mut rates = [vec![], vec![]];
            for check in [true, false, false, true] {
                let address = if check { program.address } else { empty };
                let figures = send(address, CONNECTIONS, Arc::clone(&checks)).await;
                println!("round {round}  {}  {figures}", if check { "access check " } else { "empty handler" });
                rates[usize::from(check)].push(figures.per_second);
            }
            let ratio = rates[1].iter().sum::<f64>() / rates[0].iter().sum::<f64>();
            println!("round {round}  ratio {ratio:.2}");
            ratios.push(ratio);
        }
        println!("median ratio {:.2} (must 0.60, aim 0.85)", median(ratios));
        // Saturated, 64 connections wait for each other and not for the program: what a check takes is measured below that.
        let some = Arc::new(checks[..PACED_CHECKS].to_vec());
        let mut p99 = vec![];
        for _ in 0..rounds {
            let figures = send_every(program.address, CONNECTIONS, Arc::clone(&some), PACE).await;
            println!("paced    access check   {figures}");
            p99.push(figures.p99.as_secs_f64() * 1000.0);
        }
        println!("median p99 {:.2} ms (must 2)", median(p99));
        program.stop().await;
        Ok(())
    })
}

/// Users with an active subscription each, through the same path as deliveries; answers with an API key.
async fn fill(program: &Program) -> anyhow::Result<String> {
    let state = &program.state;
    let now = state.now();
    let author = Author::system(now);
    let pro = Feature::new("pro", FeatureType::Switch);
    state.store.put_feature(Livemode::Test, &pro, &author).await?;
    let grants = [FeatureGrant::of("pro")];
    state.store.put_grants(Livemode::Test, TargetKind::Price, "price_pro", &grants, &author).await?;
    let deliveries: Vec<Delivery> = (0..USERS).map(|n| delivery(n, now)).collect::<anyhow::Result<_>>()?;
    state.store.record_deliveries(&deliveries).await?;
    state.worker.run_once().await?;
    let (key, mut record) = server::auth::api_key::create("benchmark", Livemode::Test, Scope::Check, "system", now)?;
    // Not what a key may ask is measured.
    record.terms.check_rate = Some(server::auth::api_key::MOST_RATE);
    state.store.add_api_key(&record, &author).await?;
    Ok(key)
}

fn delivery(n: usize, now: Timestamp) -> anyhow::Result<Delivery> {
    let event = json!({
        "id": format!("evt_{n}"), "object": "event", "created": now.secs(), "livemode": false, "type": "customer.subscription.created",
        "data": {"object": {
            "id": format!("sub_{n}"), "object": "subscription", "customer": format!("cus_{n}"), "status": "active",
            "metadata": {"user_id": format!("user_{n}")},
            "items": {"has_more": false, "data": [{"id": format!("si_{n}"), "quantity": 1, "current_period_end": now.secs() + 2_592_000,
                "price": {"id": "price_pro", "product": "prod_pro"}}]}
        }}
    });
    Ok(Delivery {
        envelope: Envelope::read(&event)?,
        payload: event.to_string(),
        received_at: now,
        secret_name: Some("bench".into()),
    })
}

fn requests(key: &str) -> Vec<Vec<u8>> {
    let request = |n: usize| {
        let user = n * 7919 % USERS;
        format!("GET /v1/access?user_id=user_{user}&feature=pro HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\n\r\n").into_bytes()
    };
    (0..CHECKS).map(request).collect()
}

/// The yardstick: a handler that does nothing, behind the same kind of listener.
async fn empty_handler() -> anyhow::Result<SocketAddr> {
    use axum::serve::ListenerExt as _;
    let router = axum::Router::new().route("/v1/access", axum::routing::get(|| async {}));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}
