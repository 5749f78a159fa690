//! An outage leaves many failed events; once it is over, one replay mends them, whoever works on it.

use domain::event::EventStatus;
use domain::role::Role;
use reqwest::StatusCode;
use serde_json::{Value, json};
use server::replay::Replays;
use standin::{Faults, SubscriptionSpec};
use store::records::{EventFilter, ReplayRecord, ReplayStatus};

use super::program::Program;
use crate::admin::browser;

const MODE: domain::Livemode = domain::Livemode::Test;

/// So many customers whose purchase came in payloads that do not suffice, while Stripe did not answer: every event of theirs failed.
async fn after_an_outage(program: &Program, count: usize) {
    program.with_catalog().await;
    let stripe = program.stripe.control();
    stripe.create_product(Some("prod_1"), "Pro");
    stripe.create_price(Some("price_pro"), "prod_1", 2900, Some("month"));
    stripe.deliver_all().await;
    program.settle().await;
    stripe.set_faults(Faults { fail_paths: vec![("/v1/".into(), 500)], ..Faults::default() });
    for n in 0..count {
        let customer = format!("cus_{n}");
        stripe.create_customer(Some(&customer), None, None, json!({"user_id": format!("user_{n}")}));
        stripe.subscribe(SubscriptionSpec {
            id: Some(format!("sub_{n}")),
            customer,
            prices: vec![("price_pro".into(), 1)],
            ..SubscriptionSpec::default()
        });
    }
    for event in stripe.events() {
        let (mut event, kind) = (event.clone(), event["type"].as_str().unwrap().to_owned());
        if kind == "customer.subscription.created" {
            event["data"]["object"]["items"]["has_more"] = json!(true);
            assert_eq!(program.deliver(&event).await.status(), StatusCode::OK);
        }
    }
    stripe.discard_queue();
    program.settle().await;
    let failed = EventFilter { statuses: vec![EventStatus::Failed], limit: 100, ..EventFilter::default() };
    assert_eq!(program.state.store.events(MODE, &failed).await.unwrap().data.len(), count);
}

async fn replay(program: &Program, id: &str) -> ReplayRecord {
    program.state.store.replay(id).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_mends_what_an_outage_left_across_a_restart() {
    let program = Program::start().await;
    after_an_outage(&program, 12).await;
    for n in 0..12 {
        assert_eq!(program.check(&format!("user_{n}")).await["allowed"], false);
    }
    // All but one can be read again.
    let stripe = program.stripe.control();
    stripe.set_faults(Faults { fail_paths: vec![("cus_3".into(), 500)], ..Faults::default() });
    let admin = browser::sign_in(&program.state, &program.base(), Role::Admin).await;
    let plan = admin.get("/admin/replays/new?status=failed&type=customer.subscription.*").await;
    assert!(plan.body.contains("12 events"), "{}", plan.body);
    let fields =
        [("status", "failed"), ("type", "customer.subscription.*"), ("reason", "Stripe answers again"), ("rate", "20")];
    let begun = admin.post("/admin/replays", &fields).await;
    let id = begun.location.rsplit('/').next().unwrap().to_owned();

    // Each quarter of a second a step; after a few the process is another one.
    let mut works = program.state.replays.clone();
    for quarter in 0..20 {
        if quarter == 2 {
            works = Replays::new(program.state.store.clone(), program.clock.clone(), program.state.worker.clone());
        }
        works.step(Some(&id)).await.unwrap();
        program.settle().await;
        program.clock.advance(250);
        if replay(&program, &id).await.next_at.is_none() {
            break;
        }
    }
    let done = replay(&program, &id).await;
    assert_eq!(done.status, ReplayStatus::Done, "{done:?}");
    assert_eq!((done.counts.matched, done.counts.fixed, done.counts.failed), (12, 11, 1), "{done:?}");
    for n in 0..12 {
        assert_eq!(program.check(&format!("user_{n}")).await["allowed"], n != 3, "user_{n}");
    }
    let page = admin.get(&begun.location).await.body;
    for words in ["12 events: 1 still failing · 11 fixed.", "Still failing 1", "Fixed 11", "Stripe answers again"] {
        assert!(page.contains(words), "{words:?} is not in {page}");
    }
    let fixed = admin.get(&format!("{}?outcome=fixed", begun.location)).await.body;
    assert_eq!(fixed.matches("Failed, will retry").count(), 11, "what they were before: {fixed}");
    let id_of = |n: usize| {
        let events = stripe.events();
        let is_theirs = |event: &&Value| {
            event["type"] == "customer.subscription.created" && event["data"]["object"]["id"] == format!("sub_{n}")
        };
        events.iter().find(is_theirs).unwrap()["id"].as_str().unwrap().to_owned()
    };
    let event = program.get(&format!("/v1/events/{}", id_of(0))).await;
    let causes: Vec<&Value> = event["attempts"].as_array().unwrap().iter().map(|attempt| &attempt["cause"]).collect();
    assert!(causes.contains(&&json!("replay")), "{event}");
    assert!(event.to_string().contains(&id), "the attempt names the replay: {event}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_runs_by_itself_while_the_program_serves() {
    let program = Program::start().await;
    after_an_outage(&program, 3).await;
    program.stripe.control().set_faults(Faults::default());
    let admin = browser::sign_in(&program.state, &program.base(), Role::Admin).await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let until = || {
        let mut stopped = stopped.clone();
        async move {
            let _ = stopped.wait_for(|stopped| *stopped).await;
        }
    };
    let worker = tokio::spawn(program.state.worker.clone().run(program.state.intake.clone(), until()));
    let replays = tokio::spawn(program.state.replays.clone().run(until()));
    let begun = admin.post("/admin/events/replay-failed", &[]).await;
    let id = begun.location.rsplit('/').next().unwrap().to_owned();
    let over = async {
        while replay(&program, &id).await.status.is_open() {
            program.clock.advance(50);
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), over).await.expect("it comes to its end by itself");
    let done = replay(&program, &id).await;
    assert_eq!((done.status, done.counts.matched), (ReplayStatus::Done, 3));
    assert_eq!(done.counts.failed, 0, "{done:?}");
    stop.send(true).unwrap();
    worker.await.unwrap();
    replays.await.unwrap();
}
