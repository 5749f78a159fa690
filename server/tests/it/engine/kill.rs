//! K1: the program is killed with -9 under load; what it acknowledged is there, and nothing took effect twice.

use std::collections::HashSet;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::Livemode;
use domain::event::EventStatus;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use super::program::SECRET;

const KILLS: usize = 10;
const CLIENTS: usize = 8;
/// Without an acknowledgement for so long the program hangs: no disk is that slow.
const HANGS: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k1_no_acknowledged_event_is_lost_and_none_acts_twice() {
    let folder = in_memory_folder();
    let database = format!("sqlite://{}", folder.path().join("t.db").display());
    let mut acknowledged = HashSet::new();
    let next = Arc::new(AtomicUsize::new(0));
    for round in 0..KILLS {
        let mut program = start(&database).await;
        let (told, mut heard) = mpsc::unbounded_channel();
        let done = Arc::new(AtomicBool::new(false));
        let mut clients = tokio::task::JoinSet::new();
        for _ in 0..CLIENTS {
            let (told, next, done, address) = (told.clone(), next.clone(), done.clone(), program.address.clone());
            clients.spawn(async move {
                let http = reqwest::Client::new();
                while !done.load(Ordering::SeqCst) {
                    let n = next.fetch_add(1, Ordering::SeqCst);
                    let body = event(n);
                    let signature = standin::sign(body.as_bytes(), SECRET, wall_clock());
                    let sent = http
                        .post(format!("{address}/webhooks/stripe"))
                        .header("stripe-signature", signature)
                        .body(body)
                        .send()
                        .await;
                    if sent.is_ok_and(|answer| answer.status() == 200) {
                        told.send(n).unwrap();
                    }
                }
            });
        }
        drop(told);
        // A different depth of work each time, counted in acknowledgements and not in seconds.
        for _ in 0..20 + 37 * round {
            match tokio::time::timeout(HANGS, heard.recv()).await {
                Ok(n) => acknowledged.extend(n),
                Err(_) => panic!("the program acknowledges nothing any more; it said: {:#?}", program.said.lock()),
            }
        }
        assert!(program.child.try_wait().unwrap().is_none(), "the program ended by itself: {:#?}", program.said.lock());
        program.child.start_kill().unwrap();
        program.child.wait().await.unwrap();
        done.store(true, Ordering::SeqCst);
        clients.join_all().await;
        while let Some(n) = heard.recv().await {
            acknowledged.insert(n);
        }
    }
    let store = store::open(&database, store::Options::default()).await.unwrap();
    while store.process_due(domain::Timestamp::from_secs(wall_clock() + 60), 50).await.unwrap().events > 0 {}
    for n in &acknowledged {
        let stored = store.event(Livemode::Test, &format!("evt_{n}")).await.unwrap();
        let stored = stored.unwrap_or_else(|| panic!("evt_{n} was acknowledged and is lost"));
        assert_eq!((stored.status, stored.attempts), (EventStatus::Processed, 1), "evt_{n}");
        let changes = store.verdict_changes(Livemode::Test, &format!("user_{n}"), 10).await.unwrap();
        assert!(changes.len() <= 1, "evt_{n} took effect twice");
    }
    assert!(acknowledged.len() > KILLS * 20);
}

/// On a memory file system where there is one: `kill -9` spares what the kernel holds, so the speed of the disk adds nothing but time.
fn in_memory_folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// The real program, ready.
struct Program {
    child: Child,
    address: String,
    /// The lines of its log.
    said: Arc<Mutex<Vec<String>>>,
}

/// The real program on this database.
async fn start(database: &str) -> Program {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tollkeeper"))
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env_clear()
        .env("DATABASE_URL", database)
        .env("STRIPE_WEBHOOK_SECRET", SECRET)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = loop {
        let line = lines.next_line().await.unwrap().expect("the program says where it listens");
        if let Some(at) = line.find("http://127.0.0.1:") {
            let rest = &line[at..];
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || ":/.".contains(c))).unwrap_or(rest.len());
            break rest[..end].split('/').take(3).collect::<Vec<_>>().join("/");
        }
    };
    let said = Arc::new(Mutex::new(vec![]));
    let log = said.clone();
    tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            log.lock().unwrap().push(line);
        }
    });
    Program { child, address, said }
}

fn event(n: usize) -> String {
    json!({
        "id": format!("evt_{n}"), "object": "event", "type": "customer.subscription.created", "created": wall_clock(), "livemode": false,
        "data": {"object": {
            "id": format!("sub_{n}"), "object": "subscription", "customer": format!("cus_{n}"), "status": "active",
            "metadata": {"user_id": format!("user_{n}")},
            "items": {"has_more": false, "data": [{"id": format!("si_{n}"), "quantity": 1, "current_period_end": wall_clock() + 86_400,
                "price": {"id": "price_pro", "product": "prod_1"}}]}
        }}
    })
    .to_string()
}

fn wall_clock() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs().cast_signed()
}
