//! Bodies and refused deliveries go after their time, and nothing that is decided or explained goes with them.

use domain::event::EventStatus;
use serde_json::json;
use store::records::{EventFilter, NewReplay, Place, RejectedDelivery, ReplayOutcome, Retained};
use store::{Error, Options};

use super::helpers::{Database, Engine, MODE, author, checkout, customer, delivery, event, now, on_both, subscription};

on_both! { bodies_go_and_everything_else_stays, what_waits_keeps_its_body, refused_deliveries_go, old_news_beside_removed_ones_change_nothing }

const DAY: i64 = 86_400;

async fn with_events(engine: Engine) -> Option<Database> {
    let db = Database::open(engine, Options { readable: vec![MODE], ..Options::default() }).await?.with_catalog().await;
    db.take(&[
        event("evt_1", "checkout.session.completed", -30, checkout("user_1"), None),
        event("evt_2", "customer.updated", -20, customer(), None),
        event("evt_3", "customer.subscription.created", -10, subscription("active", "price_pro"), None),
    ])
    .await;
    Some(db)
}

/// Removes whatever is due, two at a time.
async fn run(db: &Database, days: i64) -> u64 {
    let (now, mut all) = (now().plus_secs(days * DAY), 0);
    loop {
        let step = db.store.remove_payloads(now.plus_secs(-90 * DAY), now, 2).await.unwrap();
        all += step.removed;
        if !step.has_more {
            break;
        }
    }
    db.store.note_retention(Retained::Payloads, all, now).await.unwrap();
    all
}

async fn bodies_go_and_everything_else_stays(engine: Engine) {
    let Some(db) = with_events(engine).await else { return };
    let (before, verdict) = (db.store.events(MODE, &newest()).await.unwrap().data, db.verdict());
    let history = db.store.verdict_changes(MODE, "user_1", 50).await.unwrap();
    assert_eq!((verdict.0, history.is_empty()), (true, false));
    assert_eq!(run(&db, 89).await, 0, "they are not old enough");
    assert_eq!(run(&db, 91).await, 3);
    assert_eq!(run(&db, 92).await, 0, "each is looked at once");

    let after = db.store.events(MODE, &newest()).await.unwrap().data;
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(after.payload, "");
        let as_it_was =
            store::records::EventRecord { payload: before.payload.clone(), payload_removed_at: None, ..after.clone() };
        assert_eq!((&as_it_was, after.payload_removed_at), (before, Some(now().plus_secs(91 * DAY))));
    }
    assert_eq!(db.verdict(), verdict);
    assert_eq!(db.store.verdict_changes(MODE, "user_1", 50).await.unwrap(), history);
    // Also for whoever starts with this database alone.
    let other = store::open(&db.url, Options::default()).await.unwrap();
    assert_eq!(other.index().facts(MODE, "user_1"), db.store.index().facts(MODE, "user_1"));

    // Nothing is made worse by a replay: there is nothing left to replay.
    let refused = db.store.replay_event(MODE, "evt_3", &author()).await;
    assert!(matches!(refused, Err(Error::Removed { .. })), "{refused:?}");
    assert!(!db.store.replay_event(MODE, "evt_9", &author()).await.unwrap());
    let new = NewReplay { livemode: MODE, filter: newest(), linked: false, is_dry_run: false, rate: 200 };
    let plan = db.store.plan_replay(&new).await.unwrap();
    assert_eq!((plan.matched, plan.removed), (3, 3));
    for is_dry_run in [true, false] {
        let replay = db.store.create_replay(&NewReplay { is_dry_run, ..new.clone() }, &author()).await.unwrap();
        while db.store.step_replay(Some(&replay.replay_id), now().plus_secs(60)).await.unwrap().is_some() {}
        let replay = db.store.replay(&replay.replay_id).await.unwrap().unwrap();
        assert_eq!((replay.counts.matched, replay.counts.skipped), (3, 3), "{replay:?}");
        let skipped = db
            .store
            .replay_events(&replay.replay_id, ReplayOutcome::Skipped, None, &Place::first(9))
            .await
            .unwrap()
            .data;
        assert!(skipped.iter().all(|event| event.note.as_deref() == Some("Its payload is not kept any more.")));
    }
    assert_eq!(db.verdict(), verdict);

    let record = db.store.retention(Retained::Payloads).await.unwrap();
    assert_eq!((record.removed, record.removed_in_all), (3, 3));
    assert_eq!((record.ran_at, record.removed_at), (Some(now().plus_secs(92 * DAY)), Some(now().plus_secs(91 * DAY))));
}

fn newest() -> EventFilter {
    EventFilter { limit: 50, ..EventFilter::default() }
}

async fn what_waits_keeps_its_body(engine: Engine) {
    let Some(db) = with_events(engine).await else { return };
    // One that fails and is tried again, and one that nobody has looked at yet.
    let broken = json!({"id": "in_1", "object": "invoice", "customer": null});
    db.take(&[event("evt_4", "invoice.paid", 0, broken, None)]).await;
    assert_eq!(db.status("evt_4").await, EventStatus::Failed);
    db.deliver(&event("evt_5", "customer.updated", 5, customer(), None)).await;
    assert_eq!(run(&db, 91).await, 3);
    for id in ["evt_4", "evt_5"] {
        assert!(!db.store.event(MODE, id).await.unwrap().unwrap().payload.is_empty(), "{id}");
    }
    assert_eq!(run(&db, 91).await, 0);
    // As soon as they are settled theirs go too.
    db.drain().await;
    db.store.ignore_event(MODE, "evt_4", &author()).await.unwrap();
    assert_eq!(run(&db, 91).await, 2);
}

async fn refused_deliveries_go(engine: Engine) {
    let Some(db) = with_events(engine).await else { return };
    for day in 0..3 {
        let rejected = RejectedDelivery {
            id: 0,
            received_at: now().plus_secs(day * DAY),
            failed_check: "signature_mismatch".into(),
            message: "no".into(),
            tried: vec![],
            remote: None,
            signature_header: None,
            body_size: 2,
            body_start: "{}".into(),
        };
        db.store.record_rejection(&rejected).await.unwrap();
    }
    let step = db.store.remove_rejected(now().plus_secs(2 * DAY), now(), 1).await.unwrap();
    assert_eq!((step.removed, step.has_more), (1, true));
    let step = db.store.remove_rejected(now().plus_secs(2 * DAY), now(), 9).await.unwrap();
    assert_eq!((step.removed, step.has_more), (1, false));
    assert_eq!(db.store.rejected_deliveries(None, 9).await.unwrap().data.len(), 1);
}

/// Of the same second as what is known, and the body of that is gone: nobody can tell which came last but Stripe.
async fn old_news_beside_removed_ones_change_nothing(engine: Engine) {
    let Some(db) = with_events(engine).await else { return };
    run(&db, 91).await;
    let late = event("evt_late", "customer.subscription.updated", -10, subscription("past_due", "price_team"), None);
    db.store.record_deliveries(&[delivery(&late, now().plus_secs(91 * DAY))]).await.unwrap();
    db.drain_at(now().plus_secs(91 * DAY)).await;
    assert_eq!(db.status("evt_late").await, EventStatus::Processing, "Stripe is asked");
    assert_eq!(db.verdict(), (true, "subscription_active"));
}
