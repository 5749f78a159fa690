//! Deliveries acknowledged after a durable commit: many in one commit against one commit each, the same program side by side.
//!
//! `cargo xtask bench webhook [ROUNDS]`: 64 connections, signed events of 2 KB, SQLite with synchronous FULL, alternating A B B A.

#[path = "load/deliveries.rs"]
mod deliveries;
mod load;

use std::sync::Arc;

use deliveries::deliveries;
use load::{Program, median, send};

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
