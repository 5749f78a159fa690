//! What has come since one last looked.

use domain::Livemode;
use serde_json::Value;
use store::Options;
use store::records::News;

use super::helpers::{Database, Engine, customer, event, now, on_both};

on_both! {
    news_is_what_came_behind_a_number_of_either_mode,
}

fn told(id: &str, is_live: bool) -> Value {
    let mut event = event(id, "customer.updated", 0, customer(), None);
    event["livemode"] = is_live.into();
    event
}

async fn news_is_what_came_behind_a_number_of_either_mode(engine: Engine) {
    let Some(db) = Database::open(engine, Options::default()).await else { return };
    assert_eq!((db.store.newest_event().await.unwrap(), db.store.news(0).await.unwrap()), (0, vec![]));
    for id in ["evt_1", "evt_2"] {
        db.deliver(&told(id, false)).await;
    }
    let seen = db.store.newest_event().await.unwrap();
    assert_eq!(
        db.store.news(0).await.unwrap(),
        [News { livemode: Livemode::Test, events: 2, newest: seen, received_at: now() }]
    );
    assert_eq!(db.store.news(seen).await.unwrap(), []);
    db.deliver(&told("evt_3", true)).await;
    db.deliver(&told("evt_4", false)).await;
    db.deliver(&told("evt_4", false)).await;
    let mut news = db.store.news(seen).await.unwrap();
    news.sort_by_key(|news| news.newest);
    let counted: Vec<_> = news.iter().map(|news| (news.livemode, news.events)).collect();
    assert_eq!(counted, [(Livemode::Live, 1), (Livemode::Test, 1)], "a duplicate is no news");
    assert_eq!(news[1].newest, db.store.newest_event().await.unwrap());
}
