//! Events become state, in whatever order they come.

use domain::event::EventStatus;
use serde_json::{Value, json};
use store::Options;
use store::records::{EventFilter, Recorded, RejectedDelivery};

use super::helpers::{Database, Engine, MODE, NOW, author, checkout, delivery, event, now, on_both, subscription};

on_both! {
    s1_one_event_fifty_times, s2_to_s4_updated_and_created, s5_an_old_plan_comes_late, s6_s7_deleted_and_late_news,
    s8_a_deleted_product_stays_deleted, s11_an_unknown_type_is_ignored, s14_the_user_becomes_known_later,
    s15_every_permutation_ends_as_stripe, a_missing_field_fails_by_name_and_is_retried_until_dead, past_due_counts_from_the_first_word_of_it,
    rejected_deliveries_are_bounded, the_log_is_filtered_and_paged, events_of_an_object_stand_in_stripes_order,
}

async fn open(engine: Engine) -> Option<Database> {
    Some(Database::open(engine, Options::default()).await?.with_catalog().await)
}

fn linked() -> Value {
    event("evt_cs", "checkout.session.completed", -900_000, checkout("user_1"), None)
}

async fn s1_one_event_fifty_times(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.take(&[linked()]).await;
    let created = event("evt_1", "customer.subscription.created", 0, subscription("active", "price_pro"), None);
    let mut copies = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (store, copy) = (db.store.clone(), delivery(&created, now()));
        copies.spawn(async move { store.record_deliveries(&[copy]).await.unwrap()[0] });
    }
    let recorded = copies.join_all().await;
    assert_eq!(recorded.iter().filter(|recorded| **recorded == Recorded::Accepted).count(), 1);
    let batch: Vec<_> = (0..3).map(|_| delivery(&created, now())).collect();
    assert!(db.store.record_deliveries(&batch).await.unwrap().iter().all(|recorded| *recorded == Recorded::Duplicate));
    db.drain().await;
    let stored = db.store.event(MODE, "evt_1").await.unwrap().unwrap();
    assert_eq!((stored.deliveries, stored.attempts, stored.status), (53, 1, EventStatus::Processed));
    assert_eq!(db.verdict(), (true, "subscription_active"));
    let changes = db.store.verdict_changes(MODE, "user_1", 100).await.unwrap();
    assert_eq!(
        changes.iter().filter(|change| change.change.feature == "pro" && change.change.allowed_after).count(),
        1
    );
}

async fn s2_to_s4_updated_and_created(engine: Engine) {
    for seconds in [0, 1, 60] {
        for reversed in [false, true] {
            let Some(db) = open(engine).await else { return };
            let mut events = vec![
                event("evt_b", "customer.subscription.created", 0, subscription("incomplete", "price_pro"), None),
                event(
                    "evt_a",
                    "customer.subscription.updated",
                    seconds,
                    subscription("active", "price_pro"),
                    Some(json!({"status": "incomplete"})),
                ),
            ];
            if reversed {
                events.reverse();
            }
            db.take(&[linked()]).await;
            db.take(&events).await;
            assert_eq!(db.verdict(), (true, "subscription_active"), "{seconds} s apart, reversed: {reversed}");
        }
    }
}

async fn s5_an_old_plan_comes_late(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let team = event("evt_2", "customer.subscription.updated", 60, subscription("active", "price_team"), None);
    let pro = event("evt_1", "customer.subscription.updated", 0, subscription("active", "price_pro"), None);
    db.take(&[linked(), team, pro]).await;
    assert_eq!(db.verdict(), (false, "not_in_plan"));
    let late = db.store.event(MODE, "evt_1").await.unwrap().unwrap();
    assert_eq!(late.status, EventStatus::Processed);
    assert!(late.note.unwrap().contains("Older"));
}

async fn s6_s7_deleted_and_late_news(engine: Engine) {
    let ended = || {
        let mut ended = subscription("canceled", "price_pro");
        ended["ended_at"] = json!(NOW);
        ended["canceled_at"] = json!(NOW);
        event("evt_d", "customer.subscription.deleted", 0, ended, None)
    };
    let late = [
        event("evt_u", "customer.subscription.updated", -30, subscription("active", "price_pro"), None),
        event("evt_u", "customer.subscription.updated", 1, subscription("active", "price_pro"), None),
        event("evt_c", "customer.subscription.created", 0, subscription("active", "price_pro"), None),
    ];
    for late in late {
        let Some(db) = open(engine).await else { return };
        db.take(&[linked(), ended(), late]).await;
        assert_eq!(db.verdict(), (false, "subscription_canceled"));
    }
}

async fn s8_a_deleted_product_stays_deleted(engine: Engine) {
    for seconds in [-60, 0, 1] {
        let Some(db) = open(engine).await else { return };
        let product = json!({"id": "prod_1", "object": "product", "name": "Pro", "active": true});
        db.take(&[
            event("evt_d", "product.deleted", 0, product.clone(), None),
            event("evt_u", "product.updated", seconds, product, Some(json!({"name": "Old"}))),
        ])
        .await;
        assert!(db.store.product(MODE, "prod_1").await.unwrap().unwrap().deleted);
    }
}

async fn s11_an_unknown_type_is_ignored(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.take(&[event("evt_x", "invoice.upcoming", 0, json!({"object": "invoice", "customer": "cus_1"}), None)]).await;
    let stored = db.store.event(MODE, "evt_x").await.unwrap().unwrap();
    assert_eq!(stored.status, EventStatus::Ignored);
    assert!(stored.note.unwrap().contains("invoice.upcoming"));
}

async fn s14_the_user_becomes_known_later(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.take(&[event("evt_1", "customer.subscription.created", 0, subscription("active", "price_pro"), None)]).await;
    assert_eq!(db.status("evt_1").await, EventStatus::Unattributed);
    assert_eq!(db.verdict(), (false, "unknown_user"));
    db.take(&[event("evt_2", "checkout.session.completed", 5, checkout("user_1"), None)]).await;
    assert_eq!(db.verdict(), (true, "subscription_active"));
    assert_eq!(db.status("evt_1").await, EventStatus::Processed);
    let attempts = db.store.attempts(MODE, "evt_1").await.unwrap();
    assert_eq!(attempts.iter().map(|attempt| attempt.cause.as_str()).collect::<Vec<_>>(), ["delivery", "mapping"]);
}

async fn s15_every_permutation_ends_as_stripe(engine: Engine) {
    for spread in [0, 1, 60] {
        for order in permutations(4) {
            let Some(db) = open(engine).await else { return };
            let mut ended = subscription("canceled", "price_team");
            ended["ended_at"] = json!(NOW + 3 * spread);
            let prices = |subscription: &Value| json!({"items": {"data": subscription["items"]["data"]}});
            let active = subscription("active", "price_pro");
            let history = [
                event("evt_d", "customer.subscription.created", 0, subscription("incomplete", "price_pro"), None),
                event(
                    "evt_c",
                    "customer.subscription.updated",
                    spread,
                    active.clone(),
                    Some(json!({"status": "incomplete"})),
                ),
                event(
                    "evt_b",
                    "customer.subscription.updated",
                    2 * spread,
                    subscription("active", "price_team"),
                    Some(prices(&active)),
                ),
                event("evt_a", "customer.subscription.deleted", 3 * spread, ended, None),
            ];
            // Without the end first: the newest of three; then with it.
            db.take(&[linked()]).await;
            for index in order.iter().filter(|index| **index < 3) {
                db.take(&[history[*index].clone()]).await;
            }
            let stored = db.store.subscription(MODE, "sub_1").await.unwrap().unwrap().subscription;
            assert_eq!(
                (stored.status.as_str(), stored.items[0].price_id.as_str()),
                ("active", "price_team"),
                "{order:?}, {spread} s"
            );
            db.take(&[history[3].clone()]).await;
            assert_eq!(db.verdict(), (false, "subscription_canceled"));
            if matches!(engine, Engine::Postgres) {
                break;
            }
        }
    }
}

fn permutations(length: usize) -> Vec<Vec<usize>> {
    if length == 0 {
        return vec![vec![]];
    }
    permutations(length - 1)
        .into_iter()
        .flat_map(|shorter| {
            (0..length).map(move |at| {
                let mut longer = shorter.clone();
                longer.insert(at, length - 1);
                longer
            })
        })
        .collect()
}

async fn a_missing_field_fails_by_name_and_is_retried_until_dead(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let mut broken = subscription("active", "price_pro");
    broken.as_object_mut().unwrap().remove("status");
    db.take(&[event("evt_1", "customer.subscription.updated", 0, broken, None)]).await;
    let failed = db.store.event(MODE, "evt_1").await.unwrap().unwrap();
    assert_eq!(failed.status, EventStatus::Failed);
    assert!(failed.error.unwrap().contains("data.object.status"));
    let mut at = failed.next_attempt_at.unwrap();
    assert!(at > now());
    for _ in 0..20 {
        db.drain_at(at).await;
        match db.store.event(MODE, "evt_1").await.unwrap().unwrap().next_attempt_at {
            Some(next) => at = next,
            None => break,
        }
    }
    assert_eq!(db.status("evt_1").await, EventStatus::Dead);
    assert_eq!(db.store.attempts(MODE, "evt_1").await.unwrap().len(), 9);
    assert!(db.store.replay_event(MODE, "evt_1", &super::helpers::author()).await.unwrap());
    db.drain().await;
    let attempts = db.store.attempts(MODE, "evt_1").await.unwrap();
    assert_eq!(attempts.last().unwrap().actor.as_deref(), Some("staff:ada@example.com"));
    assert!(!db.store.replay_event(MODE, "evt_none", &super::helpers::author()).await.unwrap());
}

async fn past_due_counts_from_the_first_word_of_it(engine: Engine) {
    let first = event(
        "evt_1",
        "customer.subscription.updated",
        -8 * 86_400,
        subscription("past_due", "price_pro"),
        Some(json!({"status": "active"})),
    );
    let again = event(
        "evt_2",
        "customer.subscription.updated",
        -60,
        subscription("past_due", "price_pro"),
        Some(json!({"metadata": {}})),
    );
    for events in [[first.clone(), again.clone()], [again, first]] {
        let Some(db) = open(engine).await else { return };
        db.take(&[linked()]).await;
        db.take(&events).await;
        assert_eq!(db.verdict(), (false, "grace_period_over"));
    }
    let Some(db) = open(engine).await else { return };
    db.take(&[
        linked(),
        event("evt_3", "customer.subscription.updated", -86_400, subscription("past_due", "price_pro"), None),
    ])
    .await;
    assert_eq!(db.verdict(), (true, "grace_period"));
}

async fn rejected_deliveries_are_bounded(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let rejected = RejectedDelivery {
        id: 0,
        received_at: now(),
        failed_check: "signature_mismatch".into(),
        message: "none of the secrets made this signature".into(),
        tried: vec!["dashboard".into(), "cli".into()],
        remote: None,
        signature_header: Some("t=1,v1=…".into()),
        body_size: 3,
        body_start: "{}".into(),
    };
    for _ in 0..1010 {
        db.store.record_rejection(&rejected).await.unwrap();
    }
    let page = db.store.rejected_deliveries(None, 2000).await.unwrap();
    assert_eq!(page.data.len(), 1000);
    assert_eq!(page.data[0].tried, ["dashboard", "cli"]);
}

async fn the_log_is_filtered_and_paged(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    for n in 0..7 {
        let kind = if n % 2 == 0 { "customer.created" } else { "product.created" };
        let object = if n % 2 == 0 {
            json!({"id": format!("cus_{n}"), "object": "customer"})
        } else {
            json!({"id": format!("prod_{n}"), "object": "product"})
        };
        db.deliver(&event(&format!("evt_{n}"), kind, n, object, None)).await;
    }
    let filter = EventFilter { kind: Some("customer.*".into()), limit: 3, ..EventFilter::default() };
    let page = db.store.events(MODE, &filter).await.unwrap();
    assert_eq!(page.data.iter().map(|event| event.event_id.as_str()).collect::<Vec<_>>(), ["evt_6", "evt_4", "evt_2"]);
    assert!(page.has_more);
    let rest = db.store.events(MODE, &EventFilter { after: Some(page.data[2].seq), ..filter }).await.unwrap();
    assert_eq!((rest.data.len(), rest.has_more), (1, false));
    let one = EventFilter {
        id: Some("prod_3".into()),
        statuses: vec![EventStatus::Pending],
        limit: 10,
        ..EventFilter::default()
    };
    assert_eq!(db.store.events(MODE, &one).await.unwrap().data.len(), 1);
    let count = async |filter: EventFilter| {
        db.store.events(MODE, &EventFilter { limit: 10, ..filter }).await.unwrap().data.len()
    };
    let version = page.data[0].api_version.clone();
    assert!(version.is_some());
    assert_eq!(count(EventFilter { api_version: version, ..EventFilter::default() }).await, 7);
    assert_eq!(count(EventFilter { api_version: Some("none".into()), ..EventFilter::default() }).await, 0);
    assert_eq!(count(EventFilter { error: Some("100%".into()), ..EventFilter::default() }).await, 0);
    let newest = page.data[0].received_at;
    assert!(count(EventFilter { since: Some(newest), ..EventFilter::default() }).await >= 1);
    assert_eq!(count(EventFilter { since: Some(newest.plus_secs(1)), ..EventFilter::default() }).await, 0);
}

async fn events_of_an_object_stand_in_stripes_order(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.take(&[linked()]).await;
    let about =
        |id: &str, at: i64| event(id, "customer.subscription.updated", at, subscription("active", "price_pro"), None);
    db.take(&[about("evt_2", 20_000), about("evt_1", 10_000), about("evt_3", 30_000)]).await;
    let subscription_id = db.store.event(MODE, "evt_1").await.unwrap().unwrap().object_id.unwrap();
    let found = db.store.events_about(MODE, &subscription_id, 2).await.unwrap();
    assert_eq!(found.iter().map(|event| event.event_id.as_str()).collect::<Vec<_>>(), ["evt_3", "evt_2"]);
    assert!(db.store.events_about(MODE, "sub_other", 2).await.unwrap().is_empty());
    // Only what has failed can be set aside.
    assert!(!db.store.ignore_event(MODE, "evt_1", &author()).await.unwrap());
}
