//! Answers of Stripe's API against news that come by event.

use domain::Timestamp;
use domain::event::EventStatus;
use serde_json::json;
use store::Options;
use store::records::{Author, Snapshot};

use super::helpers::{Database, Engine, MODE, checkout, event, now, on_both, subscription};

on_both! {
    an_undecidable_event_waits_for_a_read, r1_a_slow_old_answer_loses, r2_a_cancel_in_the_second_of_a_resync,
    a_failed_read_is_shown_and_tried_again, one_reader_per_customer, a_customer_deleted_in_stripe_ends_its_subscriptions,
    overrides_survive_a_resync, a_read_counts_a_late_payment_from_the_renewal, a_checkout_that_was_not_finished_names_nobody,
    a_period_that_passed_without_a_word_is_asked_about,
}

async fn open(engine: Engine) -> Option<Database> {
    let options = Options { readable: vec![MODE], ..Options::default() };
    let db = Database::open(engine, options).await?.with_catalog().await;
    db.take(&[event("evt_cs", "checkout.session.completed", -900_000, checkout("user_1"), None)]).await;
    Some(db)
}

async fn a_period_that_passed_without_a_word_is_asked_about(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.take(&[event("evt_1", "customer.subscription.created", -864_000, subscription("active", "price_pro"), None)])
        .await;
    let end = now().plus_secs(864_000);
    let hour = |n: i64| end.plus_secs(3600 * n);
    assert_eq!(db.store.doubt_overdue(hour(1).plus_millis(-1), 10).await.unwrap(), 0, "a renewal takes its time");
    assert_eq!(db.store.doubt_overdue(hour(1), 10).await.unwrap(), 1);
    assert_eq!(db.store.doubt_overdue(hour(1), 10).await.unwrap(), 0, "once");
    // Stripe says no more than before: it is asked again a day later, and the leeway decides meanwhile.
    let claim = db.store.claim_reads("worker", hour(1), 10).await.unwrap().remove(0);
    db.answer(&claim, vec![subscription("active", "price_pro")], hour(1)).await;
    assert_eq!(db.store.doubt_overdue(hour(24), 10).await.unwrap(), 0);
    assert_eq!(db.store.doubt_overdue(hour(25), 10).await.unwrap(), 1);
    let claim = db.store.claim_reads("worker", hour(25), 10).await.unwrap().remove(0);
    db.answer(&claim, vec![subscription("canceled", "price_pro")], hour(25)).await;
    assert_eq!(db.verdict(), (false, "subscription_canceled"));
    assert_eq!(db.store.doubt_overdue(hour(10_000), 10).await.unwrap(), 0, "what has ended is not asked about");
}

async fn an_undecidable_event_waits_for_a_read(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let a = event("evt_1", "customer.subscription.updated", -10, subscription("active", "price_pro"), None);
    let b = event("evt_2", "customer.subscription.updated", -10, subscription("past_due", "price_pro"), None);
    db.take(&[a, b]).await;
    assert_eq!(db.status("evt_2").await, EventStatus::Processing);
    let claims = db.store.claim_reads("worker", now(), 10).await.unwrap();
    assert_eq!(claims.len(), 1);
    db.answer(&claims[0], vec![subscription("unpaid", "price_pro")], now()).await;
    assert_eq!(db.verdict(), (false, "subscription_unpaid"));
    assert_eq!(db.status("evt_2").await, EventStatus::Processed);
    assert!(db.store.claim_reads("worker", now(), 10).await.unwrap().is_empty());
}

async fn r1_a_slow_old_answer_loses(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let slow = db.claim(now()).await;
    // Its lease ends before Stripe answers; another worker reads, and is faster.
    let later = now().plus_secs(120);
    let fast = db.store.claim_read(MODE, "cus_1", "other", later).await.unwrap().unwrap();
    db.answer(&fast, vec![subscription("active", "price_team")], later).await;
    let report = db.answer(&slow, vec![subscription("active", "price_pro")], now()).await;
    assert!(report.lease_lost);
    assert_eq!(db.verdict(), (false, "not_in_plan"));
}

async fn r2_a_cancel_in_the_second_of_a_resync(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let started = now().plus_millis(300);
    let claim = db.claim(started).await;
    // Canceled while Stripe's answer, older by a moment, is under way.
    let ended = event("evt_d", "customer.subscription.deleted", 0, subscription("canceled", "price_pro"), None);
    let delivery = super::helpers::delivery(&ended, now().plus_millis(600));
    db.store.record_deliveries(&[delivery]).await.unwrap();
    db.drain_at(now().plus_millis(700)).await;
    let report = db.answer(&claim, vec![subscription("active", "price_pro")], started).await;
    assert!(report.marked_again, "what is too close to tell is read once more");
    assert_eq!(db.verdict(), (false, "subscription_canceled"));
}

async fn a_failed_read_is_shown_and_tried_again(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let mut truncated = subscription("active", "price_team");
    truncated["items"]["has_more"] = json!(true);
    db.take(&[event("evt_1", "customer.subscription.created", 0, truncated, None)]).await;
    let claim = db.store.claim_reads("worker", now(), 10).await.unwrap().remove(0);
    db.store.fail_read(&claim, "Stripe answered 500", now()).await.unwrap();
    let failed = db.store.event(MODE, "evt_1").await.unwrap().unwrap();
    assert_eq!((failed.status, failed.error.as_deref()), (EventStatus::Failed, Some("Stripe answered 500")));
    db.drain_at(now().plus_secs(86_400)).await;
    assert_eq!(db.status("evt_1").await, EventStatus::Failed, "it waits for the read, not for the processor");
    let due = db.store.customer(MODE, "cus_1").await.unwrap().unwrap().next_read_at.unwrap();
    assert!(due > now() && db.store.claim_reads("worker", now(), 10).await.unwrap().is_empty());
    let again = db.store.claim_reads("worker", due, 10).await.unwrap().remove(0);
    let whole = subscription("active", "price_pro");
    db.answer(&again, vec![whole], due).await;
    assert_eq!(db.status("evt_1").await, EventStatus::Processed);
    assert_eq!(db.verdict(), (true, "subscription_active"));
}

async fn one_reader_per_customer(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let first = db.claim(now()).await;
    assert!(db.store.claim_read(MODE, "cus_1", "other", now()).await.unwrap().is_none());
    assert!(db.store.claim_reads("other", now(), 10).await.unwrap().is_empty());
    let report = db.answer(&first, vec![], now()).await;
    assert!(!report.lease_lost);
    assert!(db.store.claim_read(MODE, "cus_1", "other", now()).await.unwrap().is_some());
}

async fn a_customer_deleted_in_stripe_ends_its_subscriptions(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.take(&[event("evt_1", "customer.subscription.created", -60, subscription("active", "price_pro"), None)]).await;
    assert_eq!(db.verdict(), (true, "subscription_active"));
    let claim = db.claim(now()).await;
    let author = Author::system(now());
    db.store.apply_snapshot(&claim, &Snapshot::default(), now(), &author).await.unwrap();
    assert_eq!(db.verdict(), (false, "subscription_canceled"));
    assert!(db.store.customer(MODE, "cus_1").await.unwrap().unwrap().deleted);
    assert!(db.store.mapping(MODE, "cus_1").await.unwrap().is_some(), "the mapping stays");
}

async fn overrides_survive_a_resync(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let deny = store::records::NewOverride {
        livemode: MODE,
        user_id: "user_1".into(),
        feature: "pro".into(),
        effect: domain::access::OverrideEffect::Deny,
        value: None,
        expires_at: None,
    };
    db.store.create_override(&deny, &super::helpers::author()).await.unwrap();
    let claim = db.claim(now()).await;
    db.answer(&claim, vec![subscription("active", "price_pro")], Timestamp::from_secs(super::helpers::NOW)).await;
    assert_eq!(db.verdict(), (false, "override_deny"));
}

async fn a_read_counts_a_late_payment_from_the_renewal(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    // The period of the helpers' subscription began ten days ago; the events of the renewal and of the refused charge were lost.
    db.take(&[event("evt_1", "customer.subscription.created", -900_000, subscription("active", "price_pro"), None)])
        .await;
    let claim = db.claim(now()).await;
    db.answer(&claim, vec![subscription("past_due", "price_pro")], now()).await;
    assert_eq!(db.verdict(), (false, "grace_period_over"));
    let late = event("evt_2", "customer.subscription.updated", 9, subscription("past_due", "price_pro"), None);
    db.take(&[late]).await;
    assert_eq!(db.verdict(), (false, "grace_period_over"), "later news of the same lateness do not begin it anew");
}

async fn a_checkout_that_was_not_finished_names_nobody(engine: Engine) {
    for status in ["open", "expired"] {
        let Some(db) = open(engine).await else { return };
        let mut session = checkout("user_2");
        session["customer"] = json!("cus_2");
        session["status"] = json!(status);
        let claim = db.store.claim_read(MODE, "cus_2", "worker", now()).await.unwrap().unwrap();
        let customer = json!({"id": "cus_2", "object": "customer", "metadata": {}});
        let snapshot = Snapshot {
            customer: Some(customer),
            subscriptions: vec![],
            checkout_sessions: vec![session],
            ..Snapshot::default()
        };
        db.store.apply_snapshot(&claim, &snapshot, now(), &Author::system(now())).await.unwrap();
        assert_eq!(db.store.mapping(MODE, "cus_2").await.unwrap(), None, "{status}");
    }
}
