//! Many events processed again: found, put in line behind the others, and counted by what came of them.

use domain::event::EventStatus;
use domain::mapping::MappingSource;
use domain::{Livemode, Timestamp};
use serde_json::{Value, json};
use sqlx::Connection as _;
use store::Options;
use store::records::{
    AuditFilter, Author, EventFilter, JobChange, NewReplay, Place, ReplayCounts, ReplayOutcome, ReplayRecord,
    ReplayStatus,
};

use super::helpers::{Database, Engine, MODE, author, checkout, customer, delivery, event, now, on_both, subscription};

on_both! {
    what_failed_is_processed_again_and_counted, what_comes_later_is_not_in_it, a_dry_run_changes_nothing, a_step_is_taken_once,
    what_stripe_delivers_goes_first, a_replay_that_was_broken_off_goes_on, a_replay_is_paused_and_ended, a_plan_counts_without_beginning,
    only_events_of_linked_customers, a_replay_that_is_over_is_forgotten_after_a_month,
}

async fn open(engine: Engine) -> Option<Database> {
    Some(Database::open(engine, Options::default()).await?.with_catalog().await)
}

fn failed() -> EventFilter {
    EventFilter { statuses: vec![EventStatus::Failed, EventStatus::Dead], ..EventFilter::default() }
}

fn new(filter: EventFilter) -> NewReplay {
    NewReplay { livemode: MODE, filter, linked: false, is_dry_run: false, rate: 20 }
}

fn at(seconds: i64) -> Timestamp {
    now().plus_secs(seconds)
}

fn by(now: Timestamp) -> Author {
    Author { now, ..author() }
}

/// An event whose payload lacks what decides: without a Stripe key it fails, with one its customer is read.
fn incomplete(id: &str) -> Value {
    let mut cut = subscription("active", "price_pro");
    cut.as_object_mut().unwrap().remove("items");
    event(id, "customer.subscription.updated", -60, cut, None)
}

async fn deliver_at(db: &Database, event: &Value, at: Timestamp) {
    db.store.record_deliveries(&[delivery(event, at)]).await.unwrap();
}

async fn begin(db: &Database, new: &NewReplay, at: Timestamp) -> String {
    db.store.create_replay(new, &by(at)).await.unwrap().replay_id
}

async fn replay(db: &Database, id: &str) -> ReplayRecord {
    db.store.replay(id).await.unwrap().unwrap()
}

/// Takes every step, and processes what each puts in line, until the replay is over or rests; the time it is then.
async fn run(db: &Database, id: &str, mut at: Timestamp) -> Timestamp {
    for _ in 0..100 {
        let Some(due) = replay(db, id).await.next_at else { return at };
        at = at.max(due);
        db.store.step_replay(Some(id), at).await.unwrap().unwrap();
        db.drain_at(at).await;
    }
    panic!("{:?} does not come to an end", replay(db, id).await);
}

/// Changes the database behind the program's back.
async fn change(db: &Database, sql: &'static str) {
    if db.url.starts_with("sqlite:") {
        let mut conn = sqlx::SqliteConnection::connect(&db.url).await.unwrap();
        sqlx::query(sql).execute(&mut conn).await.unwrap();
    } else {
        let mut conn = sqlx::PgConnection::connect(&db.url).await.unwrap();
        sqlx::query(sql).execute(&mut conn).await.unwrap();
    }
}

async fn ids(db: &Database, id: &str, outcome: ReplayOutcome) -> Vec<String> {
    let page = db.store.replay_events(id, outcome, None, &Place::first(50)).await.unwrap();
    page.data.into_iter().map(|event| event.event_id).collect()
}

async fn what_failed_is_processed_again_and_counted(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.take(&[event("evt_cs", "checkout.session.completed", -900_000, checkout("user_1"), None)]).await;
    db.take(&[incomplete("evt_1"), incomplete("evt_2")]).await;
    let no_customer = event("evt_3", "customer.created", -50, json!({"object": "customer"}), None);
    db.take(&[no_customer, incomplete("evt_4")]).await;
    let error = db.store.event(MODE, "evt_1").await.unwrap().unwrap().error.unwrap();
    assert!(error.contains("items"), "{error}");

    // The key is set: what the payloads lack can be read.
    let options = Options { readable: vec![MODE], ..Options::default() };
    let db = Database::opened(db.url.clone(), None, options).await;
    let start = at(10);
    let id = begin(&db, &new(failed()), start).await;
    let step = db.store.step_replay(None, at(11)).await.unwrap().unwrap();
    assert_eq!((step.replay_id.as_str(), step.queued), (id.as_str(), 0), "its events are looked for first");
    let found = replay(&db, &id).await;
    assert_eq!((found.status, found.counts.matched), (ReplayStatus::Running, 4));
    // Somebody was faster with one of them.
    assert!(db.store.replay_event(MODE, "evt_4", &by(at(11))).await.unwrap());
    let step = db.store.step_replay(None, at(11)).await.unwrap().unwrap();
    assert_eq!((step.queued, step.settled.skipped), (3, 1));
    assert_eq!(db.status("evt_1").await, EventStatus::Pending);
    assert_eq!(ids(&db, &id, ReplayOutcome::Queued).await, ["evt_1", "evt_2", "evt_3"]);
    db.drain_at(at(11)).await;
    assert_eq!(db.status("evt_1").await, EventStatus::Processing, "its customer is read");
    db.store.step_replay(None, at(12)).await.unwrap().unwrap();
    assert_eq!(replay(&db, &id).await.counts.settled(), 2, "what waits for Stripe is not over");
    let claim = db.store.claim_reads("worker", at(12), 5).await.unwrap().remove(0);
    let snapshot = store::records::Snapshot {
        customer: Some(customer()),
        subscriptions: vec![subscription("active", "price_pro")],
        ..store::records::Snapshot::default()
    };
    db.store.apply_snapshot(&claim, &snapshot, at(12), &Author::system(at(12))).await.unwrap();
    let step = db.store.step_replay(None, at(13)).await.unwrap().unwrap();
    assert_eq!(step.settled.fixed, 2);

    let done = replay(&db, &id).await;
    assert_eq!((done.status, done.finished_at, done.next_at), (ReplayStatus::Done, Some(at(13)), None));
    assert_eq!(done.counts, ReplayCounts { matched: 4, fixed: 2, failed: 1, skipped: 1, ..ReplayCounts::default() });
    assert_eq!(ids(&db, &id, ReplayOutcome::Fixed).await, ["evt_1", "evt_2"]);
    let skipped =
        db.store.replay_events(&id, ReplayOutcome::Skipped, None, &Place::first(5)).await.unwrap().data.remove(0);
    assert_eq!((skipped.event_id.as_str(), skipped.note.as_deref()), ("evt_4", Some("It was in line already.")));
    assert_eq!((skipped.before, skipped.status), (EventStatus::Failed, EventStatus::Processed));
    let (why, events) = db.store.replay_notes(&id, ReplayOutcome::Failed).await.unwrap().remove(0);
    assert_eq!((why.contains("data.object.id"), events), (true, 1), "{why}");
    let of_error = db.store.replay_events(&id, ReplayOutcome::Failed, Some(&why), &Place::first(5)).await.unwrap();
    assert_eq!(of_error.data[0].event_id, "evt_3");
    assert!(
        db.store.replay_events(&id, ReplayOutcome::Failed, Some("?"), &Place::first(5)).await.unwrap().data.is_empty()
    );
    let first = db.store.replay_events(&id, ReplayOutcome::Fixed, None, &Place::first(1)).await.unwrap();
    let next = db
        .store
        .replay_events(&id, ReplayOutcome::Fixed, None, &Place::behind(Some(first.data[0].seq), 1))
        .await
        .unwrap();
    assert_eq!((first.has_more, next.data[0].event_id.as_str(), next.has_more), (true, "evt_2", false));

    let attempts = db.store.attempts(MODE, "evt_1").await.unwrap();
    let again = attempts.iter().find(|attempt| attempt.cause == "replay").unwrap();
    assert_eq!(again.actor, Some(format!("staff:ada@example.com for {id}")));
    let log = db.store.audit(&AuditFilter { limit: 50, ..AuditFilter::default() }).await.unwrap().data;
    let about: Vec<_> = log.iter().filter(|entry| entry.object_id == id).collect();
    let actions: Vec<&str> = about.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["replay.finish", "replay.create"]);
    assert_eq!((&about[0].details["fixed"], &about[0].details["failed"]), (&json!(2), &json!(1)));
    assert!(db.store.step_replay(Some(&id), at(99)).await.unwrap().is_none(), "it is over");
}

async fn what_comes_later_is_not_in_it(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.take(&[incomplete("evt_1")]).await;
    let id = begin(&db, &new(failed()), at(10)).await;
    deliver_at(&db, &incomplete("evt_2"), at(10)).await;
    db.drain_at(at(10)).await;
    assert_eq!(db.status("evt_2").await, EventStatus::Failed);
    run(&db, &id, at(10)).await;
    assert_eq!(ids(&db, &id, ReplayOutcome::Failed).await, ["evt_1"]);
    assert_eq!(replay(&db, &id).await.counts.matched, 1);
    // Everything that was processed well stays as it is.
    db.take(&[event("evt_cs", "checkout.session.completed", -900_000, checkout("user_1"), None)]).await;
    let all = new(EventFilter { kind: Some("checkout.session.*".into()), ..EventFilter::default() });
    let id = begin(&db, &all, at(20)).await;
    run(&db, &id, at(20)).await;
    assert_eq!(replay(&db, &id).await.counts, ReplayCounts { matched: 1, unchanged: 1, ..ReplayCounts::default() });
    assert_eq!(db.store.attempts(MODE, "evt_cs").await.unwrap().len(), 2);
    // None at all is over at once.
    let none = new(EventFilter { kind: Some("no.such.type".into()), ..EventFilter::default() });
    let id = begin(&db, &none, at(30)).await;
    run(&db, &id, at(30)).await;
    assert_eq!((replay(&db, &id).await.status, replay(&db, &id).await.counts.matched), (ReplayStatus::Done, 0));
    assert!(db.store.replays(Livemode::Live, &Place::first(5)).await.unwrap().data.is_empty());
    let listed = db.store.replays(MODE, &Place::first(5)).await.unwrap().data;
    assert_eq!(listed.iter().map(|replay| replay.created_at).collect::<Vec<_>>(), [at(30), at(20), at(10)]);
}

async fn a_dry_run_changes_nothing(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let linked = event("evt_cs", "checkout.session.completed", -900_000, checkout("user_1"), None);
    let paid = event("evt_1", "customer.subscription.created", -864_000, subscription("active", "price_pro"), None);
    let mut other = incomplete("evt_2");
    other["data"]["object"]["id"] = json!("sub_2");
    db.take(&[linked, paid, other]).await;
    assert_eq!(db.verdict(), (true, "subscription_active"));
    // As if a program before this one could not read it.
    change(&db, "update event set status = 'dead', error = 'unreadable', effects = null where event_id = 'evt_1'")
        .await;
    change(&db, "delete from subscription where subscription_id = 'sub_1'").await;
    // What was changed behind its back is in no memory.
    let first = db;
    let db = Database::opened(first.url.clone(), None, Options::default()).await;
    let options = Options { readable: vec![MODE], ..Options::default() };
    let reading = Database::opened(first.url.clone(), None, options).await;
    let verdict = db.verdict();
    let before = db.store.event(MODE, "evt_2").await.unwrap().unwrap();
    let figures = db.store.verdict_changes(MODE, "user_1", 100).await.unwrap().len();

    // Before the failed one is tried again by itself.
    let dry = |filter| NewReplay { is_dry_run: true, ..new(filter) };
    let id = begin(&db, &dry(EventFilter::default()), at(1)).await;
    run(&db, &id, at(1)).await;
    let done = replay(&db, &id).await;
    let notes = db.store.replay_notes(&id, ReplayOutcome::Failed).await.unwrap();
    assert_eq!(
        done.counts,
        ReplayCounts { matched: 3, unchanged: 1, fixed: 1, failed: 1, ..ReplayCounts::default() },
        "{notes:?}"
    );
    assert!(notes[0].0.contains("items"), "{notes:?}");
    let fixed = db.store.replay_events(&id, ReplayOutcome::Fixed, None, &Place::first(5)).await.unwrap().data.remove(0);
    let fields = fixed.effects.unwrap().fields;
    let status = fields.iter().find(|field| field.field == "status").unwrap();
    assert_eq!(
        (fixed.event_id.as_str(), status.before.as_deref(), status.after.as_deref()),
        ("evt_1", None, Some("active"))
    );
    assert_eq!((fixed.before, fixed.status), (EventStatus::Dead, EventStatus::Dead), "it is as it was");
    assert!(db.store.subscription(MODE, "sub_1").await.unwrap().is_none());
    let id = begin(&reading, &dry(failed()), at(2)).await;
    run(&reading, &id, at(2)).await;
    assert_eq!(replay(&reading, &id).await.counts.asks, 1, "Stripe would be asked");

    let after = db.store.event(MODE, "evt_2").await.unwrap().unwrap();
    assert_eq!(
        (after.status, after.attempts, after.next_attempt_at),
        (before.status, before.attempts, before.next_attempt_at)
    );
    assert_eq!(db.store.attempts(MODE, "evt_1").await.unwrap().len(), 1);
    assert_eq!(db.store.verdict_changes(MODE, "user_1", 100).await.unwrap().len(), figures);
    assert!(reading.store.claim_reads("worker", at(30), 5).await.unwrap().is_empty(), "nobody is to be read");
    assert_eq!(db.verdict(), verdict);
}

async fn a_step_is_taken_once(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    for n in 0..12 {
        db.take(&[incomplete(&format!("evt_{n}"))]).await;
    }
    let other = Database::opened(db.url.clone(), None, Options::default()).await;
    let id = begin(&db, &new(failed()), at(10)).await;
    let both = async |now: Timestamp| {
        let (one, two) = tokio::join!(db.store.step_replay(None, now), other.store.step_replay(None, now));
        [one.unwrap(), two.unwrap()].into_iter().flatten().collect::<Vec<_>>()
    };
    let found = both(at(10)).await;
    assert!(!found.is_empty());
    assert_eq!(replay(&db, &id).await.counts.matched, 12, "each event once");
    // Twenty a second are five in a quarter of one, whoever takes the step.
    let mut queued: usize = found.iter().map(|step| step.queued).sum();
    for quarter in 0..3 {
        let now = at(10).plus_millis(250 * quarter);
        queued += both(now).await.iter().map(|step| step.queued).sum::<usize>();
        assert!(queued <= 5 * usize::try_from(quarter + 1).unwrap(), "{queued} in quarter {quarter}");
        assert!(db.store.step_replay(None, now.plus_millis(249)).await.unwrap().is_none(), "not before its time");
    }
    assert_eq!(queued, 12);
    assert_eq!(db.store.next_replay_step().await.unwrap(), Some(at(10).plus_millis(750)));
    db.drain_at(at(11)).await;
    both(at(11)).await;
    assert_eq!(replay(&db, &id).await.counts, ReplayCounts { matched: 12, failed: 12, ..ReplayCounts::default() });
    for n in 0..12 {
        let attempts = db.store.attempts(MODE, &format!("evt_{n}")).await.unwrap();
        assert_eq!(attempts.iter().filter(|attempt| attempt.cause == "replay").count(), 1, "evt_{n}");
    }
    assert_eq!(db.store.next_replay_step().await.unwrap(), None);
}

async fn what_stripe_delivers_goes_first(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.take(&[incomplete("evt_1")]).await;
    let id = begin(&db, &new(failed()), at(10)).await;
    db.store.step_replay(None, at(10)).await.unwrap().unwrap();
    let burst: Vec<_> = (0..100).map(|n| delivery(&incomplete(&format!("evt_live_{n}")), at(10))).collect();
    db.store.record_deliveries(&burst).await.unwrap();
    let step = db.store.step_replay(None, at(10)).await.unwrap().unwrap();
    assert_eq!(step.queued, 0, "a line of a hundred is long enough");
    assert_eq!(db.store.process_due(at(10), 60).await.unwrap().events, 60);
    let step = db.store.step_replay(None, at(11)).await.unwrap().unwrap();
    assert_eq!(step.queued, 1);
    let next = db.store.process_due(at(11), 40).await.unwrap();
    assert_eq!((next.events, db.status("evt_1").await), (40, EventStatus::Pending), "those before it come first");
    run(&db, &id, at(11)).await;
    assert_eq!(replay(&db, &id).await.counts.failed, 1);
}

async fn a_replay_that_was_broken_off_goes_on(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    for n in 0..7 {
        db.take(&[incomplete(&format!("evt_{n}"))]).await;
    }
    let id = begin(&db, &new(failed()), at(10)).await;
    let mut now = at(10);
    // Each step by a process that is gone after it; one of them while it took its step.
    for n in 0..8 {
        let Some(due) = replay(&db, &id).await.next_at else { break };
        now = now.max(due);
        let one = Database::opened(db.url.clone(), None, Options::default()).await;
        if n == 2 {
            let (store, id) = (one.store.clone(), id.clone());
            let step = tokio::spawn(async move { store.step_replay(Some(&id), now).await });
            step.abort();
            let _ = step.await;
        } else {
            one.store.step_replay(Some(&id), now).await.unwrap();
        }
        one.store.process_due(now, 3).await.unwrap();
        one.store.close().await;
    }
    db.drain_at(now).await;
    run(&db, &id, now).await;
    let done = replay(&db, &id).await;
    assert_eq!((done.status, done.counts.failed, done.counts.matched), (ReplayStatus::Done, 7, 7));
    for n in 0..7 {
        let attempts = db.store.attempts(MODE, &format!("evt_{n}")).await.unwrap();
        assert_eq!(attempts.iter().filter(|attempt| attempt.cause == "replay").count(), 1, "evt_{n}");
    }
}

async fn a_replay_is_paused_and_ended(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    for n in 0..8 {
        db.take(&[incomplete(&format!("evt_{n}"))]).await;
    }
    let id = begin(&db, &new(failed()), at(10)).await;
    let change = async |change, at| db.store.change_replay(&id, change, &by(at)).await.unwrap();
    assert!(change(JobChange::Pause, at(10)).await);
    assert!(!change(JobChange::Pause, at(10)).await, "once");
    assert!(db.store.step_replay(None, at(11)).await.unwrap().is_none());
    assert!(!change(JobChange::Apply, at(11)).await, "nobody is asked for a word");
    assert!(change(JobChange::Resume, at(12)).await);
    assert!(!change(JobChange::Resume, at(12)).await, "it goes on already");
    db.store.step_replay(None, at(12)).await.unwrap().unwrap();
    assert_eq!(db.store.step_replay(None, at(12)).await.unwrap().unwrap().queued, 5);
    assert!(change(JobChange::Cancel, at(12)).await);
    assert!(!change(JobChange::Cancel, at(12)).await, "it is over");
    db.drain_at(at(12)).await;
    assert!(db.store.step_replay(None, at(13)).await.unwrap().is_none());
    let ended = replay(&db, &id).await;
    assert_eq!((ended.status, ended.finished_at), (ReplayStatus::Canceled, Some(at(12))));
    assert_eq!(ids(&db, &id, ReplayOutcome::Waiting).await.len(), 3, "these were left alone");
    assert_eq!(db.status("evt_0").await, EventStatus::Failed, "what was in line was processed");
    let log = db.store.audit(&AuditFilter { limit: 50, ..AuditFilter::default() }).await.unwrap().data;
    let actions: Vec<&str> =
        log.iter().filter(|entry| entry.object_id == id).map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["replay.cancel", "replay.resume", "replay.pause", "replay.create"]);
}

async fn a_plan_counts_without_beginning(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    deliver_at(&db, &incomplete("evt_1"), at(-30)).await;
    let stranger = json!({"object": "subscription", "id": "sub_2", "customer": "cus_2"});
    deliver_at(&db, &event("evt_2", "customer.subscription.updated", -20, stranger, None), at(-20)).await;
    db.drain_at(at(-20)).await;
    db.deliver(&incomplete("evt_3")).await;
    let plan = db.store.plan_replay(&new(EventFilter::default())).await.unwrap();
    assert_eq!((plan.matched, plan.is_capped, plan.in_line, plan.customers), (3, false, 1, 2));
    assert_eq!(plan.received, Some((at(-30), now())));
    let since = EventFilter { since: Some(at(-20)), ..failed() };
    let plan = db.store.plan_replay(&new(since.clone())).await.unwrap();
    assert_eq!((plan.matched, plan.received), (1, Some((at(-20), at(-20)))));
    assert!(db.store.replays(MODE, &Place::first(5)).await.unwrap().data.is_empty(), "nothing has begun");
    let begun = db.store.create_replay(&NewReplay { rate: 7, ..new(since.clone()) }, &author()).await.unwrap();
    assert_eq!((&begun.new.filter, begun.new.rate, begun.reason.as_deref()), (&since, 7, Some("a test")));
}

async fn only_events_of_linked_customers(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let stranger = |id: &str, customer: &str| {
        let mut cut = incomplete(id);
        cut["data"]["object"]["customer"] = json!(customer);
        cut
    };
    db.take(&[stranger("evt_1", "cus_1"), stranger("evt_2", "cus_2")]).await;
    db.store.put_mapping(MODE, "cus_2", "user_2", MappingSource::Staff, &author()).await.unwrap();
    let linked = NewReplay { linked: true, ..new(EventFilter::default()) };
    assert_eq!(db.store.plan_replay(&linked).await.unwrap().matched, 1);
    let id = begin(&db, &linked, at(10)).await;
    run(&db, &id, at(10)).await;
    assert_eq!(ids(&db, &id, ReplayOutcome::Failed).await, ["evt_2"]);
}

async fn a_replay_that_is_over_is_forgotten_after_a_month(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.take(&[incomplete("evt_1")]).await;
    let id = begin(&db, &new(failed()), at(10)).await;
    run(&db, &id, at(10)).await;
    begin(&db, &new(failed()), at(29 * 86_400)).await;
    assert!(db.store.replay(&id).await.unwrap().is_some());
    begin(&db, &new(failed()), at(31 * 86_400)).await;
    assert!(db.store.replay(&id).await.unwrap().is_none());
    assert!(ids(&db, &id, ReplayOutcome::Failed).await.is_empty());
}
