//! Figures of operation: what is still to be dealt with, and since when.

use domain::Livemode;
use domain::event::EventStatus;
use store::Options;

use super::helpers::{Database, Engine, MODE, customer, delivery, event, now, on_both, subscription};

on_both! {
    what_waits_is_counted_and_how_long_it_has_been_due, what_waits_for_stripe_is_counted,
    a_database_tells_its_size_and_connections,
}

async fn what_waits_is_counted_and_how_long_it_has_been_due(engine: Engine) {
    let Some(db) = Database::open(engine, Options::default()).await else { return };
    let count = async |status| db.store.count_status(MODE, status).await.unwrap();
    assert_eq!((db.store.longest_due().await.unwrap(), count(EventStatus::Pending).await), (None, 0));
    for (id, ago) in [("evt_1", 60), ("evt_2", 30)] {
        let event = event(id, "customer.updated", -ago, customer(), None);
        db.store.record_deliveries(&[delivery(&event, now().plus_secs(-ago))]).await.unwrap();
    }
    assert_eq!(count(EventStatus::Pending).await, 2);
    assert_eq!(db.store.count_status(Livemode::Live, EventStatus::Pending).await.unwrap(), 0);
    assert!(db.store.longest_due().await.unwrap().unwrap() <= now().plus_secs(-60));
    db.drain().await;
    assert_eq!((db.store.longest_due().await.unwrap(), count(EventStatus::Pending).await), (None, 0));

    db.deliver(&event("evt_3", "customer.subscription.created", 0, without_status(), None)).await;
    db.drain().await;
    assert_eq!((count(EventStatus::Failed).await, count(EventStatus::Dead).await), (1, 0));
    assert!(db.store.longest_due().await.unwrap().unwrap() > now(), "it is not due yet");
    assert_eq!(db.store.count_waiting_for_read(MODE).await.unwrap(), 0, "nobody can ask");
}

async fn what_waits_for_stripe_is_counted(engine: Engine) {
    let Some(db) = Database::open(engine, Options { readable: vec![MODE], ..Options::default() }).await else { return };
    assert_eq!(db.store.count_waiting_for_read(MODE).await.unwrap(), 0);
    db.deliver(&event("evt_1", "customer.subscription.created", 0, without_status(), None)).await;
    db.drain().await;
    assert_eq!(db.store.count_waiting_for_read(MODE).await.unwrap(), 1);
    assert_eq!(db.store.count_waiting_for_read(Livemode::Live).await.unwrap(), 0);
}

/// A field that decides is missing.
fn without_status() -> serde_json::Value {
    let mut broken = subscription("active", "price_pro");
    broken.as_object_mut().unwrap().remove("status");
    broken
}

async fn a_database_tells_its_size_and_connections(engine: Engine) {
    let Some(db) = Database::open(engine, Options::default()).await else { return };
    assert!(db.store.size().await.unwrap() > 100_000);
    let pools = db.store.pools();
    let names: &[_] = match engine {
        Engine::Sqlite => &["read", "write"],
        Engine::Postgres => &["read", "write", "intake"],
    };
    assert_eq!(pools.iter().map(|pool| pool.name).collect::<Vec<_>>(), names);
    assert!(pools.iter().all(|pool| pool.busy + pool.idle <= pool.most), "{pools:?}");
}
