//! K1: programs are killed with -9 under load; what they acknowledged is there, nothing took effect twice, and every decision is right. One on
//! SQLite, three on PostgreSQL. `KILLS` says how many, for a longer run than the suite's.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use domain::catalog::{Feature, FeatureGrant, FeatureType};
use domain::event::EventStatus;
use domain::{Livemode, Timestamp};
use serde_json::json;
use store::Store;
use store::records::{Author, TargetKind};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::program::SECRET;
use crate::helpers::database::Database;
use crate::helpers::process::Process;

const KILLS: usize = 10;
const CLIENTS: usize = 8;
/// Without an acknowledgement for so long the program hangs: no disk is that slow.
const HANGS: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k1_no_acknowledged_event_is_lost_and_none_acts_twice() {
    kill_again_and_again(&Database::sqlite(), 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_three_instances_one_is_killed_and_nothing_is_lost_or_acts_twice() {
    let Some(database) = Database::postgres().await else { return };
    kill_again_and_again(&database, 3).await;
}

async fn kill_again_and_again(database: &Database, instances: usize) {
    let store = store::open(database.url(), store::Options::default()).await.unwrap();
    sell(store.as_ref()).await;
    let start = async || {
        let [url, key] = database.settings();
        Process::start(&[url, key, ("STRIPE_WEBHOOK_SECRET", SECRET)]).await
    };
    let mut running = vec![];
    for _ in 0..instances {
        running.push(start().await);
    }
    let (told, mut heard) = mpsc::unbounded_channel();
    let crowd = Arc::new(Crowd::of(&running, told));
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..CLIENTS {
        clients.spawn(Arc::clone(&crowd).send());
    }
    let kills = std::env::var("KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let mut acknowledged = HashSet::new();
    for round in 0..kills {
        // A different depth of work each time, counted in acknowledgements and not in seconds.
        wait_for(20 + 37 * (round % 10), &mut heard, &mut acknowledged, &running).await;
        let victim = &mut running[round % instances];
        assert!(victim.child.try_wait().unwrap().is_none(), "it ended by itself: {:#?}", victim.said.lock());
        victim.child.start_kill().unwrap();
        victim.child.wait().await.unwrap();
        *victim = start().await;
        crowd.know(&running);
    }
    wait_for(20, &mut heard, &mut acknowledged, &running).await;
    crowd.done.store(true, Ordering::SeqCst);
    clients.join_all().await;
    drop(crowd);
    while let Some(id) = heard.recv().await {
        acknowledged.insert(id);
    }
    drop(running);
    assert_right(store.as_ref(), &acknowledged).await;
    assert!(acknowledged.len() > kills * 20);
}

/// `pro` from `price_pro`.
async fn sell(store: &dyn Store) {
    let author = Author::new("test", Timestamp::from_secs(wall_clock()));
    store.put_feature(Livemode::Test, &Feature::new("pro", FeatureType::Switch), &author).await.unwrap();
    let grants = [FeatureGrant::of("pro")];
    store.put_grants(Livemode::Test, TargetKind::Price, "price_pro", &grants, &author).await.unwrap();
}

async fn wait_for(
    number: usize,
    heard: &mut UnboundedReceiver<String>,
    acknowledged: &mut HashSet<String>,
    running: &[Process],
) {
    for _ in 0..number {
        match tokio::time::timeout(HANGS, heard.recv()).await {
            Ok(id) => acknowledged.extend(id),
            Err(_) => {
                let said: Vec<_> = running.iter().map(|process| process.said.lock().unwrap().clone()).collect();
                panic!("nothing is acknowledged any more; they said: {said:#?}");
            }
        }
    }
}

/// Who sends: every event twice, at the same moment as far as can be, to whoever runs.
struct Crowd {
    addresses: RwLock<Vec<String>>,
    next: AtomicUsize,
    done: AtomicBool,
    told: UnboundedSender<String>,
}

impl Crowd {
    fn of(running: &[Process], told: UnboundedSender<String>) -> Self {
        let crowd =
            Self { addresses: RwLock::default(), next: AtomicUsize::new(0), done: AtomicBool::new(false), told };
        crowd.know(running);
        crowd
    }

    fn know(&self, running: &[Process]) {
        *self.addresses.write().unwrap() = running.iter().map(|process| process.address.clone()).collect();
    }

    async fn send(self: Arc<Self>) {
        let http = reqwest::Client::new();
        while !self.done.load(Ordering::SeqCst) {
            let turn = self.next.fetch_add(1, Ordering::SeqCst);
            let address = {
                let addresses = self.addresses.read().unwrap();
                addresses[turn % addresses.len()].clone()
            };
            let (id, body) = event(turn / 2);
            let sent = http
                .post(format!("{address}/webhooks/stripe"))
                .header("stripe-signature", standin::sign(body.as_bytes(), SECRET, wall_clock()))
                .body(body)
                .send()
                .await;
            if sent.is_ok_and(|answer| answer.status() == 200) {
                self.told.send(id).unwrap();
            }
        }
    }
}

async fn assert_right(store: &dyn Store, acknowledged: &HashSet<String>) {
    let now = Timestamp::from_secs(wall_clock() + 60);
    while store.process_due(now, 50).await.unwrap().events > 0 {}
    let policy = store.options().policy;
    for id in acknowledged {
        let stored = store.event(Livemode::Test, id).await.unwrap();
        let stored = stored.unwrap_or_else(|| panic!("{id} was acknowledged and is lost"));
        assert_eq!((stored.status, stored.attempts), (EventStatus::Processed, 1), "{id}");
        let Some((number, is_end)) = read_id(id) else { panic!("{id}") };
        let is_ended = store.event(Livemode::Test, &id_of(number, true)).await.unwrap().is_some();
        let user = format!("user_{number}");
        let decision = store.index().decide(Livemode::Test, &user, "pro", &policy, now);
        assert_eq!(decision.allowed, !is_ended, "{user}: {decision:?}");
        // It began to be allowed and ended, or began ended: each event changed it once or not at all.
        let changes = store.verdict_changes(Livemode::Test, &user, 10).await.unwrap();
        let causes: HashSet<_> = changes.iter().map(|change| change.cause_id.clone()).collect();
        assert!(changes.len() == causes.len() && (is_end || !changes.is_empty()), "{user}: {changes:#?}");
    }
}

/// The birth of a subscription, and of every third one its end, a minute apart on Stripe's clock.
fn event(turn: usize) -> (String, String) {
    let (number, is_end) = (turn / 4 * 3 + turn % 4 % 3, turn % 4 == 3);
    let now = wall_clock();
    let (kind, status, created) = match is_end {
        true => ("customer.subscription.deleted", "canceled", now - 60),
        false => ("customer.subscription.created", "active", now - 120),
    };
    let id = id_of(number, is_end);
    let event = json!({
        "id": id, "object": "event", "type": kind, "created": created, "livemode": false,
        "data": {"object": {
            "id": format!("sub_{number}"), "object": "subscription", "customer": format!("cus_{number}"), "status": status,
            "metadata": {"user_id": format!("user_{number}")},
            "ended_at": if is_end { json!(created) } else { json!(null) },
            "items": {"has_more": false, "data": [{"id": format!("si_{number}"), "quantity": 1, "current_period_end": now + 86_400,
                "price": {"id": "price_pro", "product": "prod_1"}}]}
        }}
    });
    (id, event.to_string())
}

fn id_of(number: usize, is_end: bool) -> String {
    format!("evt_{}{number}", if is_end { "end_" } else { "" })
}

fn read_id(id: &str) -> Option<(usize, bool)> {
    let id = id.strip_prefix("evt_")?;
    let (is_end, number) = id.strip_prefix("end_").map_or((false, id), |number| (true, number));
    Some((number.parse().ok()?, is_end))
}

fn wall_clock() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs().cast_signed()
}
