//! Deliveries acknowledged after a durable commit: many in one commit against one commit each, the same program side by side.
//!
//! `cargo xtask bench webhook [ROUNDS]`: 64 connections, signed events of 2 KB, SQLite with synchronous FULL, alternating A B B A.

mod load;

use std::sync::Arc;

use load::{Program, SECRET, median, send};
use serde_json::json;

const CONNECTIONS: usize = 64;
const BATCH: usize = 256;

fn main() -> anyhow::Result<()> {
    let rounds = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(3);
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let mut ratios = vec![];
        for round in 1..=rounds {
            let mut rates = [vec![], vec![]];
            for grouped in [true, false, false, true] {
                let (batch, events) = if grouped { (BATCH, 20_000) } else { (1, 4_000) };
                let requests = Arc::new(deliveries(events, round));
                let program = Program::start(batch).await;
                let figures = send(program.address, CONNECTIONS, requests).await;
                program.stop().await;
                println!("round {round}  {}  {figures}", if grouped { "grouped commits " } else { "one commit each " });
                rates[usize::from(grouped)].push(figures.per_second);
            }
            let ratio = rates[1].iter().sum::<f64>() / rates[0].iter().sum::<f64>();
            println!("round {round}  ratio {ratio:.1}");
            ratios.push(ratio);
        }
        println!("median ratio {:.1} (must 5, aim 10)", median(ratios));
        Ok(())
    })
}

/// Signed requests of about 2 KB, each a different event.
fn deliveries(number: usize, round: usize) -> Vec<Vec<u8>> {
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |now| now.as_secs().cast_signed());
    (0..number)
        .map(|n| {
            let event = json!({
                "id": format!("evt_{round}_{n}"), "object": "event", "api_version": "2025-09-30.clover", "created": now, "livemode": false,
                "type": "customer.subscription.updated", "pending_webhooks": 1, "request": {"id": null, "idempotency_key": null},
                "data": {"object": {
                    "id": format!("sub_{n}"), "object": "subscription", "customer": format!("cus_{n}"), "status": "active", "created": now,
                    "cancel_at_period_end": false, "metadata": {"user_id": format!("user_{n}"), "note": "x".repeat(900)},
                    "items": {"object": "list", "has_more": false, "data": [{"id": format!("si_{n}"), "object": "subscription_item",
                        "quantity": 1, "current_period_start": now, "current_period_end": now + 2_592_000,
                        "price": {"id": "price_pro", "object": "price", "active": true, "currency": "eur", "unit_amount": 2900,
                            "product": "prod_pro", "recurring": {"interval": "month", "interval_count": 1}, "lookup_key": "y".repeat(300)}}]}
                }}
            });
            let body = event.to_string();
            let signature = standin::sign(body.as_bytes(), SECRET, now);
            format!(
                "POST /webhooks/stripe HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\nstripe-signature: {signature}\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )
            .into_bytes()
        })
        .collect()
}
