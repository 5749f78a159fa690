//! The program is stopped and started again under load: no delivery is lost, and with a socket that outlives it none fails.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use domain::Livemode;
use reqwest::StatusCode;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{SECRET, database, delivery, event, handing_over, stop};
use crate::helpers::process::Process;

const RESTARTS: usize = 20;
const CLIENTS: usize = 8;
/// Acknowledgements between two restarts, at least.
const BETWEEN: usize = 40;
/// Without an acknowledgement for so long the program hangs.
const HANGS: Duration = Duration::from_secs(60);

/// What came of all tries.
#[derive(Default)]
struct Tally {
    acknowledged: HashSet<usize>,
    /// No connection, or one that broke off before an answer.
    unreached: usize,
    /// Answers that are no acknowledgement.
    wrong: Vec<StatusCode>,
}

enum Outcome {
    Acknowledged(usize),
    Unreached,
    Wrong(StatusCode),
}

/// Sends one delivery after the other, each until it is acknowledged, as Stripe does; Stripe opens connections as it likes.
async fn send(
    address: String,
    keeps_connections: bool,
    next: Arc<AtomicUsize>,
    done: Arc<AtomicBool>,
    told: mpsc::UnboundedSender<Outcome>,
) {
    let idle = if keeps_connections { usize::MAX } else { 0 };
    let http = reqwest::Client::builder().pool_max_idle_per_host(idle).build().unwrap();
    while !done.load(Ordering::SeqCst) {
        let n = next.fetch_add(1, Ordering::SeqCst);
        loop {
            match delivery(&http, &address, event(&format!("evt_{n}"))).send().await {
                Ok(answer) if answer.status() == StatusCode::OK => {
                    told.send(Outcome::Acknowledged(n)).unwrap();
                    break;
                }
                Ok(answer) => told.send(Outcome::Wrong(answer.status())).unwrap(),
                Err(_) => told.send(Outcome::Unreached).unwrap(),
            }
            tokio::task::yield_now().await;
        }
    }
}

/// Restarts it under load; `start` makes each program, all of them at one address.
async fn restarted(address: &str, keeps_connections: bool, start: impl AsyncFn() -> Process) -> Tally {
    let (next, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let (told, mut heard) = mpsc::unbounded_channel();
    let mut program = start().await;
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        clients.spawn(send(address.to_owned(), keeps_connections, next.clone(), done.clone(), told.clone()));
    }
    drop(told);
    let mut tally = Tally::default();
    let mut take = |outcome| match outcome {
        Outcome::Acknowledged(n) => usize::from(tally.acknowledged.insert(n)),
        Outcome::Unreached => {
            tally.unreached += 1;
            0
        }
        Outcome::Wrong(status) => {
            tally.wrong.push(status);
            0
        }
    };
    for _ in 0..RESTARTS {
        let mut acknowledged = 0;
        while acknowledged < BETWEEN {
            match tokio::time::timeout(HANGS, heard.recv()).await {
                Ok(outcome) => acknowledged += take(outcome.unwrap()),
                Err(_) => panic!("nothing is acknowledged any more; it said: {:#?}", program.said.lock()),
            }
        }
        let (code, said) = stop(program).await;
        assert_eq!(code, Some(0), "{said:#?}");
        assert!(!said.iter().any(|line| line.contains("were cut off")), "{said:#?}");
        program = start().await;
    }
    done.store(true, Ordering::SeqCst);
    clients.join_all().await;
    while let Some(outcome) = heard.recv().await {
        take(outcome);
    }
    assert_eq!(stop(program).await.0, Some(0));
    tally
}

async fn all_are_stored(database: &str, tally: &Tally) {
    let store = store::open(database, store::Options::default()).await.unwrap();
    for n in &tally.acknowledged {
        let stored = store.event(Livemode::Test, &format!("evt_{n}")).await.unwrap();
        assert!(stored.is_some(), "evt_{n} was acknowledged and is lost");
    }
    assert!(tally.acknowledged.len() >= RESTARTS * BETWEEN);
    assert_eq!(tally.wrong, [] as [StatusCode; 0], "every answer is an acknowledgement");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_loses_no_delivery() {
    let (_folder, database) = database();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let settings = [("DATABASE_URL", database.as_str()), ("STRIPE_WEBHOOK_SECRET", SECRET)];
    let start = async || Process::start_with(&["--listen", &free], &settings).await;
    let tally = restarted(&format!("http://{free}"), true, start).await;
    all_are_stored(&database, &tally).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_socket_that_outlives_it_no_delivery_fails() {
    let (_folder, database) = database();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let settings = [("DATABASE_URL", database.as_str()), ("STRIPE_WEBHOOK_SECRET", SECRET)];
    let start = async || Process::of(handing_over(listener.try_clone().unwrap(), &settings)).await;
    // A connection that is kept is closed by the program as it ends, which a client may learn in the middle of its next request.
    let tally = restarted(&address, false, start).await;
    all_are_stored(&database, &tally).await;
    assert_eq!(tally.unreached, 0, "none has to be sent again");
}
