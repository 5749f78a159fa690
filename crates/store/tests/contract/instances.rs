//! Several programs on one database: they change state one after the other, do what is due once, and know of each other.

use std::sync::Arc;

use domain::Timestamp;
use store::records::{Retained, VerdictChangeRecord};
use store::{Instance, Options, Store};

use super::helpers::{Database, Engine, MODE, event, now, on_both, subscription};

on_both! {
    what_two_process_at_once_is_as_if_one_had, of_several_one_removes_what_is_old, who_shares_a_database_is_known_and_leaves,
}

/// Takes what is due until nothing is, beside others who do the same.
async fn drain(store: Arc<dyn Store>) {
    // One at a time, so that they take turns as often as can be.
    while store.process_due(now(), 1).await.unwrap().events > 0 {}
}

async fn what_two_process_at_once_is_as_if_one_had(engine: Engine) {
    let Some(db) = Database::open(engine, Options::default()).await else { return };
    let db = db.with_catalog().await;
    let mut others = vec![];
    for _ in 0..2 {
        others.push(store::open(&db.url, Options::default()).await.unwrap());
    }
    db.take(&[event("evt_0", "customer.subscription.created", 0, user_of(subscription("active", "price_pro")), None)])
        .await;
    // Each is a minute after the one before: all of them count, and the last decides.
    let events: Vec<_> = (1..=40)
        .map(|n| {
            let status = if n % 2 == 0 { "active" } else { "unpaid" };
            let object = user_of(subscription(status, "price_pro"));
            event(&format!("evt_{n}"), "customer.subscription.updated", n * 60, object, None)
        })
        .collect();
    for event in &events {
        db.deliver(event).await;
    }
    let mut working = tokio::task::JoinSet::new();
    for store in others.iter().chain([&db.store]) {
        working.spawn(drain(Arc::clone(store)));
    }
    working.join_all().await;
    for store in others.iter().chain([&db.store]) {
        store.refresh_index().await.unwrap();
        let decision = store.index().decide(MODE, "user_1", "pro", &store.options().policy, now());
        assert!(decision.allowed, "the last event says active: {decision:?}");
    }
    let mut changes = db.store.verdict_changes(MODE, "user_1", 100).await.unwrap();
    changes.reverse();
    let ends: Vec<_> = changes
        .iter()
        .map(|VerdictChangeRecord { change, .. }| change)
        .filter(|change| change.feature == "pro")
        .collect();
    for pair in ends.windows(2) {
        assert_eq!(
            pair[0].allowed_after, pair[1].allowed_before,
            "each change begins where the one before ended: {ends:#?}"
        );
    }
    assert!(ends.last().unwrap().allowed_after);
}

fn user_of(mut subscription: serde_json::Value) -> serde_json::Value {
    subscription["metadata"]["user_id"] = "user_1".into();
    subscription
}

async fn of_several_one_removes_what_is_old(engine: Engine) {
    let Some(db) = Database::open(engine, Options::default()).await else { return };
    let hour = 3_600_000;
    let mut stores = vec![Arc::clone(&db.store)];
    for _ in 0..3 {
        stores.push(store::open(&db.url, Options::default()).await.unwrap());
    }
    let begin = async |at: Timestamp| {
        let mut begun = tokio::task::JoinSet::new();
        for store in stores.clone() {
            begun.spawn(
                async move { store.begin_retention(Retained::Payloads, at.plus_millis(-hour), at).await.unwrap() },
            );
        }
        begun.join_all().await.into_iter().filter(|begun| *begun).count()
    };
    assert_eq!(begin(now()).await, 1);
    assert_eq!(begin(now().plus_millis(hour - 1)).await, 0, "it is not time yet");
    assert_eq!(begin(now().plus_millis(hour)).await, 1);
    assert_eq!(begin(now()).await, 1, "a clock that was set back does not keep everything for ever");
}

async fn who_shares_a_database_is_known_and_leaves(engine: Engine) {
    let Some(db) = Database::open(engine, Options::default()).await else { return };
    let instance = |id: &str| Instance {
        instance_id: id.into(),
        name: format!("{id} (1)"),
        version: "1.0.0".into(),
        started_at: now(),
    };
    let (a, b) = (instance("a"), instance("b"));
    assert_eq!(db.store.here(&a).await.unwrap(), std::slice::from_ref(&a));
    let both = db.store.here(&b).await.unwrap();
    match engine {
        Engine::Sqlite => assert_eq!(both, std::slice::from_ref(&b), "it is for one"),
        Engine::Postgres => assert_eq!(both, [a.clone(), b.clone()]),
    }
    db.store.leave("b").await.unwrap();
    assert_eq!(db.store.here(&a).await.unwrap(), [a]);
}
