//! K1: the program is killed with -9 under load; what it acknowledged is there, and nothing took effect twice.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use domain::Livemode;
use domain::event::EventStatus;
use serde_json::json;
use tokio::sync::mpsc;

use super::program::SECRET;
use crate::helpers::process::Process;

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
        let mut program = Process::start(&[("DATABASE_URL", &database), ("STRIPE_WEBHOOK_SECRET", SECRET)]).await;
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
