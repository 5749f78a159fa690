//! Good deliveries while somebody floods the address with badly signed ones: how many are acknowledged, and what the flood leaves on the disk.
//!
//! `cargo xtask bench flood [ROUNDS]`: SQLite with synchronous FULL on a real file, alternating without, with, with, without. First
//! as many as a busy shop has (500 a second, 32 connections) beside all that 8 connections can send; then as many as 32 connections
//! can. Clients and program share the machine's cores: where nothing is idle, what the flood costs the good ones is the time that is
//! spent on refusing it and on sending it, and its rate stands beside theirs.

#[path = "load/deliveries.rs"]
mod deliveries;
mod load;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use deliveries::{deliveries, now, request};
use domain::Timestamp;
use load::{Figures, Program, median, read_answer, send, send_every};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::watch;

const BATCH: usize = 256;
/// Of Stripe's, which keeps many open.
const GOOD: usize = 32;
/// Of the stranger's.
const BAD: usize = 8;
/// Each good connection sends one in this time: 500 a second together.
const PACE: Duration = Duration::from_millis(64);

/// Who shares the address with the good deliveries.
#[derive(Clone, Copy, PartialEq)]
enum Beside {
    Nobody,
    Flood,
}

/// What one run came to.
struct Run {
    good: Figures,
    /// Refused a second.
    refused: f64,
}

fn main() -> anyhow::Result<()> {
    let rounds = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(3);
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        for (what, number, pace) in [("500 a second", 5_000, PACE), ("as many as can be", 20_000, Duration::ZERO)] {
            let mut ratios = vec![];
            for round in 1..=rounds {
                let mut rates = [vec![], vec![]];
                for beside in [Beside::Nobody, Beside::Flood, Beside::Flood, Beside::Nobody] {
                    let run = run(number, round, pace, beside).await;
                    let flooded = beside == Beside::Flood;
                    let flood = if flooded { format!("   {:>6.0}/s refused", run.refused) } else { String::new() };
                    println!(
                        "{what:<18} round {round}  {}  {}{flood}",
                        if flooded { "flooded" } else { "alone  " },
                        run.good
                    );
                    rates[usize::from(flooded)].push(run.good.per_second);
                }
                ratios.push(rates[1].iter().sum::<f64>() / rates[0].iter().sum::<f64>());
            }
            println!("{what:<18} median ratio {:.2} (goal 0.80)", median(ratios));
        }
        room_of_a_flood().await;
        Ok(())
    })
}

async fn run(number: usize, round: usize, pace: Duration, beside: Beside) -> Run {
    let requests = Arc::new(deliveries(number, round));
    let program = Program::start(BATCH).await;
    let (end, ended) = watch::channel(false);
    let bad = if beside == Beside::Flood { BAD } else { 0 };
    let flood = tokio::spawn(flood(program.address, bad, ended));
    let began = Instant::now();
    let good = match pace {
        Duration::ZERO => send(program.address, GOOD, requests).await,
        pace => send_every(program.address, GOOD, requests, pace).await,
    };
    let took = began.elapsed();
    let _ = end.send(true);
    let refused = flood.await.expect("it does not panic");
    program.stop().await;
    Run { good, refused: refused as f64 / took.as_secs_f64() }
}

/// Sends badly signed deliveries over `connections` connections until `ended`, each as soon as the last one was refused; how many were.
async fn flood(address: SocketAddr, connections: usize, ended: watch::Receiver<bool>) -> usize {
    let body = "x".repeat(2000);
    let bad = Arc::new(request(&body, &standin::sign(body.as_bytes(), "whsec_of_a_stranger", now())));
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..connections {
        let (bad, ended) = (Arc::clone(&bad), ended.clone());
        clients.spawn(async move {
            let mut stream = TcpStream::connect(address).await.expect("the program listens");
            stream.set_nodelay(true).expect("TCP_NODELAY can be set");
            let (mut refused, mut buffer) = (0, Vec::with_capacity(4096));
            while !*ended.borrow() {
                stream.write_all(&bad).await.expect("the connection stays open");
                let status = read_answer(&mut stream, &mut buffer).await;
                assert_eq!(status, 400, "{}", String::from_utf8_lossy(&buffer));
                refused += 1;
            }
            refused
        });
    }
    clients.join_all().await.into_iter().sum()
}

/// What floods of 10 seconds, one after the other, leave behind: the first fills the log's allowance, the others only keep up with it.
async fn room_of_a_flood() {
    let program = Program::start(BATCH).await;
    let database = program.state.config.database_url.to_string().replace("sqlite://", "");
    let bytes = || {
        let files = ["", "-wal"].map(|end| std::fs::metadata(format!("{database}{end}")).map_or(0, |file| file.len()));
        files.iter().sum::<u64>()
    };
    for n in 1..=3 {
        let before = bytes();
        let (end, ended) = watch::channel(false);
        let flood = tokio::spawn(flood(program.address, BAD, ended));
        tokio::time::sleep(Duration::from_secs(10)).await;
        let _ = end.send(true);
        let refused = flood.await.expect("it does not panic");
        let kept = program.state.store.rejected_since(Timestamp::from_secs(0)).await.expect("the log can be read");
        let grown = bytes().saturating_sub(before) / 1024;
        println!(
            "flood {n}: {:>6.0}/s refused, {kept} written down by now, the database's files grew by {grown} KB",
            refused as f64 / 10.0
        );
    }
    program.stop().await;
}
