//! Replays by their forms: planned, begun, refused, paused, ended.

use domain::event::{Envelope, EventStatus};
use domain::role::Role;
use domain::{Livemode, Timestamp};
use reqwest::StatusCode;
use serde_json::json;
use store::records::{Delivery, EventFilter, Place, ReplayRecord, ReplayStatus};

use super::browser::Program;

const TEST: Livemode = Livemode::Test;

/// So many events that lack what decides, each of a customer of its own: they fail.
async fn with_failed(count: usize) -> Program {
    let program = Program::with_owner().await;
    for n in 0..count {
        let payload = json!({
            "id": format!("evt_{n}"), "object": "event", "type": "customer.subscription.updated", "created": program.now().secs(),
            "livemode": false, "api_version": "2025-03-31.basil",
            "data": { "object": { "id": format!("sub_{n}"), "object": "subscription", "customer": format!("cus_{n}") } },
        });
        let delivery = Delivery {
            envelope: Envelope::read(&payload).unwrap(),
            payload: payload.to_string(),
            received_at: program.now(),
            secret_name: None,
        };
        program.state.store.record_deliveries(&[delivery]).await.unwrap();
    }
    program.state.worker.run_once().await.unwrap();
    let filter = EventFilter { statuses: vec![EventStatus::Failed], limit: 50, ..EventFilter::default() };
    assert_eq!(program.state.store.events(TEST, &filter).await.unwrap().data.len(), count);
    program
}

/// The newest replay.
async fn newest(program: &Program) -> ReplayRecord {
    program.state.store.replays(TEST, &Place::first(1)).await.unwrap().data.remove(0)
}

/// Takes every step, a second apart, and processes what it puts in line.
async fn run(program: &Program) {
    while newest(program).await.next_at.is_some() {
        program.clock.advance(1_000);
        program.state.replays.step(None).await.unwrap();
        program.state.worker.run_once().await.unwrap();
    }
}

#[tokio::test]
async fn a_replay_is_planned_and_begun_by_its_form() {
    let program = with_failed(3).await;
    let browser = program.signed_in(Role::Admin).await;
    assert!(browser.get("/admin/replays").await.body.contains("Nothing was replayed yet"));
    let all = browser.get("/admin/events?since=any").await.body;
    assert!(all.contains("/admin/replays/new?since=any"), "what is shown is what is replayed: {all}");
    let plan = browser.get("/admin/replays/new?since=any").await.body;
    assert!(plan.contains("<h2 class=\"wrap-any\">Events</h2>"), "not only those that failed: {plan}");
    let log = browser.get("/admin/events?status=failed&q=cus_1").await.body;
    assert!(log.contains("/admin/replays/new?status=failed&amp;q=cus_1"), "the log leads there: {log}");
    let plan = browser.get("/admin/replays/new?status=failed").await.body;
    assert!(plan.contains("3 events") && plan.contains("Runs behind live traffic"), "{plan}");
    let one = browser.get("/admin/replays/new?status=failed&q=cus_1").await.body;
    assert!(one.contains("Failed events about cus_1") && one.contains("1 event"), "{one}");
    let none = browser.get("/admin/replays/new?type=no.such.type").await.body;
    assert!(none.contains("No event matches") && !none.contains("Start the replay"), "{none}");
    let odd = browser.get("/admin/replays/new?status=rejected").await.body;
    assert!(odd.contains("not kept") && !odd.contains("Start the replay"), "{odd}");

    let send = async |reason: &str, rate: &str, more: &[(&str, &str)]| {
        let fields = [("status", "failed"), ("reason", reason), ("rate", rate)];
        browser.post("/admin/replays", &[&fields[..], more].concat()).await
    };
    for (answer, word) in [
        (send("no", "20", &[]).await, "at least 5 characters"),
        (send("a good reason", "0", &[]).await, "from 1 to 200"),
        (send("a good reason", "many", &[]).await, "from 1 to 200"),
        (send("a good reason", "20", &[("since", "yesterday")]).await, "neither a time nor a length"),
    ] {
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.body);
        assert!(answer.body.contains(word), "{word:?} is not in {}", answer.body);
    }
    assert!(program.state.store.replays(TEST, &Place::first(1)).await.unwrap().data.is_empty(), "nothing has begun");

    let begun = send("the database was full", "100", &[("q", "cus_1"), ("dry_run", "true")]).await;
    let replay = newest(&program).await;
    assert_eq!((begun.status, begun.location), (StatusCode::SEE_OTHER, format!("/admin/replays/{}", replay.replay_id)));
    assert_eq!((replay.new.rate, replay.new.is_dry_run, replay.new.filter.id.as_deref()), (100, true, Some("cus_1")));
    assert_eq!(replay.created_by, "staff:admin@example.com");
    run(&program).await;
    let page = browser.get(&format!("/admin/replays/{}", replay.replay_id)).await.body;
    for words in [
        "1 event tried, and nothing changed by it",
        "the database was full",
        "Still failing 1",
        "data.object.",
        "Replay these events",
    ] {
        assert!(page.contains(words), "{words:?} is not in {page}");
    }
    assert_eq!(program.state.store.attempts(TEST, "evt_1").await.unwrap().len(), 1);
    let list = browser.get("/admin/replays").await.body;
    assert!(list.contains("Failed events about cus_1") && list.contains("1 still failing"), "{list}");
    let elsewhere = browser.get(&format!("/admin/replays/{}?mode=live", replay.replay_id)).await;
    assert_eq!(elsewhere.status, StatusCode::NOT_FOUND, "the other mode has none");
}

#[tokio::test]
async fn every_failed_event_by_one_button_and_a_replay_is_steered() {
    let program = with_failed(7).await;
    let browser = program.signed_in(Role::Admin).await;
    let begun = browser.post("/admin/events/replay-failed", &[]).await;
    let replay = newest(&program).await;
    let page = format!("/admin/replays/{}", replay.replay_id);
    assert_eq!((begun.status, &begun.location), (StatusCode::SEE_OTHER, &page));
    let press = async |change: &str| browser.post(&format!("{page}/{change}"), &[]).await.status;
    assert!(browser.get(&page).await.body.contains("Its events are being looked for"));
    program.state.replays.step(None).await.unwrap().unwrap();
    program.state.replays.step(None).await.unwrap().unwrap();
    let runs = browser.get(&page).await.body;
    assert!(runs.contains("0 of 7 · about 1 s left") && runs.contains("id=\"job-progress\""), "{runs}");

    assert_eq!(press("pause").await, StatusCode::SEE_OTHER);
    let paused = browser.get(&page).await.body;
    assert!(paused.contains("It is paused.") && paused.contains("Go on"), "{paused}");
    assert_eq!(press("pause").await, StatusCode::SEE_OTHER);
    assert!(browser.get(&page).await.body.contains("not possible any more"));
    assert_eq!(press("apply").await, StatusCode::SEE_OTHER);
    assert!(browser.get(&page).await.body.contains("not possible any more"), "that is a resync's");
    assert_eq!(press("resume").await, StatusCode::SEE_OTHER);
    program.state.worker.run_once().await.unwrap();
    program.clock.advance(1_000);
    program.state.replays.step(None).await.unwrap().unwrap();
    let runs = browser.get(&page).await.body;
    assert!(runs.contains("5 of 7 · 5 failed"), "{runs}");
    assert_eq!(press("cancel").await, StatusCode::SEE_OTHER);
    let ended = browser.get(&page).await.body;
    assert!(ended.contains("Somebody ended it: 5 still failing. 2 events were left."), "{ended}");
    assert_eq!(newest(&program).await.status, ReplayStatus::Canceled);
    assert_eq!(press("nonsense").await, StatusCode::NOT_FOUND);
    let home = browser.get("/admin").await.body;
    assert!(home.contains("Ended the replay"), "{home}");
    assert!(Timestamp::default() < replay.created_at);
}

#[tokio::test]
async fn many_are_for_admins_and_one_for_support() {
    let program = with_failed(1).await;
    let support = program.signed_in(Role::Support).await;
    let plan = support.get("/admin/replays/new?status=failed").await;
    assert!(
        plan.status == StatusCode::OK && plan.body.contains("needs the role") && plan.body.contains(" disabled"),
        "{}",
        plan.body
    );
    let fields = [("status", "failed"), ("reason", "a good reason")];
    assert_eq!(support.post("/admin/replays", &fields).await.status, StatusCode::FORBIDDEN);
    assert_eq!(support.post("/admin/events/replay-failed", &[]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(support.post("/admin/events/evt_0/replay", &[]).await.status, StatusCode::SEE_OTHER);
    assert!(program.state.store.replays(TEST, &Place::first(1)).await.unwrap().data.is_empty());
}
