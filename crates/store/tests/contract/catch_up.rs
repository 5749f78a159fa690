//! Stripe's list of events, read page by page: what was never delivered comes in once, and nothing is skipped.

use domain::Timestamp;
use domain::delivery::{Registration, Undelivered};
use domain::event::EventStatus;
use serde_json::json;
use store::Options;
use store::records::{CatchUpClaim, CatchUpPage, CatchUpState, Delivery, EventFilter, EventTally, Fetched, Recorded};

use super::helpers::{Database, Engine, MODE, NOW, author, customer, delivery, event, now, on_both};

on_both! {
    a_page_and_its_place_are_one_commit, one_reader_at_a_time, a_failure_keeps_the_place_and_waits_longer_each_time,
    a_reading_goes_back_to_what_is_known, what_stripe_keeps_no_more_is_noted, a_later_delivery_counts_as_the_first,
    what_was_on_its_way_and_never_came_was_not_accepted,
}

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

async fn open(engine: Engine) -> Option<Database> {
    let db = Database::open(engine, Options::default()).await?;
    db.store.request_catch_up(MODE, None, None, now()).await.unwrap();
    Some(db)
}

/// The reading in hand, or a new one.
async fn claim(db: &Database, at: Timestamp) -> CatchUpClaim {
    db.store.claim_catch_up(MODE, "reader", at).await.unwrap().unwrap()
}

async fn state(db: &Database) -> CatchUpState {
    db.store.catch_up(MODE).await.unwrap().unwrap()
}

fn fetched(id: &str, reason: Undelivered) -> Fetched {
    let event = event(id, "customer.created", -60, customer(), None);
    Fetched { delivery: Delivery { secret_name: None, ..delivery(&event, now()) }, reason }
}

/// A page with these events, before another one or the last.
fn page(missing: &[&str], next: Option<&str>) -> CatchUpPage {
    CatchUpPage {
        listed: 100,
        newest: Some(Timestamp::from_secs(NOW - 60)),
        missing: missing.iter().map(|id| fetched(id, Undelivered::NotAccepted)).collect(),
        next: next.map(str::to_owned),
        endpoint: Some((Registration::Enabled, "we_1".to_owned())),
    }
}

async fn stored(db: &Database) -> usize {
    db.store
        .events(MODE, &EventFilter { limit: 100, fetched: true, ..EventFilter::default() })
        .await
        .unwrap()
        .data
        .len()
}

async fn a_page_and_its_place_are_one_commit(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let first = claim(&db, now()).await;
    assert_eq!((first.after.as_deref(), first.began_at), (None, now()));
    db.deliver(&event("evt_here", "customer.created", -60, customer(), None)).await;
    let ids: Vec<String> = ["evt_1", "evt_here", "evt_2"].map(str::to_owned).into();
    let missing = db.store.missing_events(MODE, &ids).await.unwrap();
    assert_eq!(missing, ["evt_1", "evt_2"].map(str::to_owned).into());
    let taken =
        db.store.take_fetched(&first, &page(&["evt_1", "evt_2", "evt_here"], Some("evt_2")), now()).await.unwrap();
    assert_eq!(taken, [Undelivered::NotAccepted; 2], "what is here already is not taken again");
    let second = claim(&db, now()).await;
    assert_eq!((second.after.as_deref(), second.since), (Some("evt_2"), first.since));
    assert_eq!(
        db.store.take_fetched(&second, &page(&["evt_1"], None), now()).await.unwrap(),
        [Undelivered::NotAccepted]
    );
    let done = state(&db).await;
    assert_eq!((done.listed, done.began_at, done.finished_at), (200, None, Some(now())));
    assert_eq!(done.endpoint, Some((Registration::Enabled, "we_1".to_owned(), now())));
    assert_eq!(done.due_at, now().plus_millis(HOUR));
    assert_eq!(db.store.claim_catch_up(MODE, "reader", now()).await.unwrap(), None);
    assert_eq!(stored(&db).await, 2, "nothing is there twice");
    db.drain().await;
    assert_eq!(db.status("evt_1").await, EventStatus::Unattributed, "it was processed like a delivered one");
    let event = db.store.event(MODE, "evt_here").await.unwrap().unwrap();
    assert_eq!((event.undelivered, event.deliveries, event.origin.as_str()), (None, 1, "delivered"));
}

async fn one_reader_at_a_time(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let first = claim(&db, now()).await;
    assert_eq!(db.store.claim_catch_up(MODE, "other", now()).await.unwrap(), None);
    let later = now().plus_millis(10 * 60_000);
    let other = db.store.claim_catch_up(MODE, "other", later).await.unwrap().unwrap();
    assert_eq!(other.since, first.since, "it goes on with the reading in hand");
    assert!(db.store.take_fetched(&first, &page(&["evt_1"], None), later).await.unwrap().is_empty());
    db.store.fail_catch_up(&first, "too late", false, later).await.unwrap();
    assert_eq!((stored(&db).await, state(&db).await.error), (0, None), "who lost the lease changes nothing");
    assert_eq!(db.store.take_fetched(&other, &page(&["evt_1"], None), later).await.unwrap().len(), 1);
}

async fn a_failure_keeps_the_place_and_waits_longer_each_time(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let first = claim(&db, now()).await;
    db.store.take_fetched(&first, &page(&["evt_1"], Some("evt_1")), now()).await.unwrap();
    let (mut at, mut waited) = (now(), 0);
    for attempt in 1..=6 {
        let tried = claim(&db, at).await;
        assert_eq!(tried.after.as_deref(), Some("evt_1"));
        db.store.fail_catch_up(&tried, "Stripe is down", false, at).await.unwrap();
        let failed = state(&db).await;
        assert_eq!((failed.attempts, failed.error.as_deref()), (attempt, Some("Stripe is down")));
        let wait = failed.due_at.millis() - at.millis();
        assert!(wait > waited || wait == HOUR, "{wait} after {waited}");
        (at, waited) = (failed.due_at, wait);
        assert_eq!(db.store.claim_catch_up(MODE, "reader", at.plus_millis(-1)).await.unwrap(), None);
    }
    let tried = claim(&db, at).await;
    db.store.fail_catch_up(&tried, "no such event", true, at).await.unwrap();
    db.store.request_catch_up(MODE, None, Some(&author()), at).await.unwrap();
    let anew = claim(&db, at).await;
    assert_eq!((anew.after, anew.began_at), (None, at), "a place that is gone is begun anew");
    let entry = &db.store.audit(&store::records::AuditFilter { limit: 1, ..Default::default() }).await.unwrap().data[0];
    assert_eq!(entry.action, "events.fetch_missing");
}

async fn a_reading_goes_back_to_what_is_known(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let first = claim(&db, now()).await;
    assert_eq!(first.since, now().plus_millis(-30 * DAY), "nothing is known");
    db.store.request_catch_up(MODE, None, None, now().plus_millis(1)).await.unwrap();
    db.store.take_fetched(&first, &page(&[], None), now().plus_millis(5)).await.unwrap();
    let again = claim(&db, now().plus_millis(5)).await;
    let newest = Timestamp::from_secs(NOW - 60);
    assert_eq!(again.since, newest.plus_millis(-600_000), "ten minutes before the newest that is known");
    let quiet = CatchUpPage { newest: None, ..page(&[], None) };
    db.store.take_fetched(&again, &quiet, now().plus_millis(9)).await.unwrap();
    let asked = now().plus_millis(-DAY);
    db.store.request_catch_up(MODE, Some(asked), None, now().plus_millis(20)).await.unwrap();
    let longer = claim(&db, now().plus_millis(20)).await;
    assert_eq!(longer.since, asked);
    db.store.take_fetched(&longer, &quiet, now().plus_millis(21)).await.unwrap();
    let next = claim(&db, now().plus_millis(2 * HOUR)).await;
    assert_eq!(next.since, newest.plus_millis(-600_000), "what was asked for once is not asked again");
}

async fn what_stripe_keeps_no_more_is_noted(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let first = claim(&db, now()).await;
    db.store.take_fetched(&first, &page(&[], None), now()).await.unwrap();
    let within = now().plus_millis(29 * DAY);
    let quiet = claim(&db, within).await;
    db.store.take_fetched(&quiet, &CatchUpPage { newest: None, ..page(&[], None) }, within).await.unwrap();
    assert_eq!(state(&db).await.lost, None);
    let much_later = now().plus_millis(69 * DAY);
    let late = claim(&db, much_later).await;
    let floor = much_later.plus_millis(-30 * DAY);
    assert_eq!((late.since, state(&db).await.lost), (floor, Some((within, floor))));
}

async fn a_later_delivery_counts_as_the_first(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let first = claim(&db, now()).await;
    let missing = vec![fetched("evt_1", Undelivered::NotAccepted), fetched("evt_2", Undelivered::TypeNotEnabled)];
    db.store.take_fetched(&first, &CatchUpPage { missing, ..page(&[], None) }, now()).await.unwrap();
    let since = now().plus_millis(-DAY);
    let counts = db.store.never_delivered(MODE, since).await.unwrap();
    assert_eq!(counts, [(Undelivered::TypeNotEnabled, 1), (Undelivered::NotAccepted, 1)]);
    assert!(db.store.never_delivered(MODE, now()).await.unwrap().is_empty(), "they were created before");
    assert_eq!(db.store.last_delivery(MODE).await.unwrap(), None, "fetched is not delivered");
    db.drain().await;
    let mut tally = db.store.event_tally(MODE, &["cus_1".to_owned()]).await.unwrap();
    tally.sort_by_key(|tally| tally.undelivered);
    let one = |undelivered| EventTally { status: EventStatus::Unattributed, undelivered, count: 1 };
    assert_eq!(tally, [one(Some(Undelivered::TypeNotEnabled)), one(Some(Undelivered::NotAccepted))]);

    let late = delivery(&event("evt_1", "customer.created", -60, customer(), None), now().plus_millis(HOUR));
    assert_eq!(db.store.record_deliveries(&[late]).await.unwrap(), [Recorded::Duplicate]);
    let stored = db.store.event(MODE, "evt_1").await.unwrap().unwrap();
    assert_eq!((stored.deliveries, stored.last_delivery_at), (1, now().plus_millis(HOUR)));
    assert_eq!((stored.origin.as_str(), stored.secret_name.as_deref()), ("fetched", Some("dashboard")));
    assert_eq!(db.store.never_delivered(MODE, since).await.unwrap(), [(Undelivered::TypeNotEnabled, 1)]);
    let news = event("evt_3", "customer.updated", 0, customer(), Some(json!({"name": null})));
    assert_eq!(db.deliver(&news).await, Recorded::Accepted);
    assert_eq!(db.store.last_delivery(MODE).await.unwrap(), Some(now()));
    assert_eq!(db.store.last_deliveries(MODE, 5).await.unwrap(), [now()]);
}

async fn what_was_on_its_way_and_never_came_was_not_accepted(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let first = claim(&db, now()).await;
    let missing = vec![fetched("evt_1", Undelivered::OnItsWay), fetched("evt_2", Undelivered::OnItsWay)];
    db.store.take_fetched(&first, &CatchUpPage { missing, ..page(&[], None) }, now()).await.unwrap();
    db.deliver(&event("evt_2", "customer.created", -60, customer(), None)).await;
    let later = now().plus_millis(2 * HOUR);
    let next = claim(&db, later).await;
    db.store.take_fetched(&next, &page(&[], None), later).await.unwrap();
    let counts = db.store.never_delivered(MODE, now().plus_millis(-DAY)).await.unwrap();
    assert_eq!(counts, [(Undelivered::NotAccepted, 1)]);
}
