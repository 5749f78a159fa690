//! Many customers compared with Stripe over HTTP: shown, applied, paused, broken off, taken up again; and what a reconcile finds.

use domain::Livemode;
use serde_json::json;
use standin::{Faults, SubscriptionSpec};
use store::records::{
    Author, JobChange, NewResync, Place, Purpose, ResyncCounts, ResyncRecord, ResyncScope, ResyncStatus,
};

use super::program::Program;

const MODE: Livemode = Livemode::Test;

fn author(program: &Program) -> Author {
    Author::new("staff:ada@example.com", program.state.now()).because(Some("a drill"))
}

/// So many customers with a subscription each at the stand-in, `user_n` has `cus_n`; everything is delivered.
async fn customers(program: &Program, count: usize) {
    program.with_catalog().await;
    let stripe = program.stripe.control();
    stripe.create_product(Some("prod_1"), "Pro");
    stripe.create_price(Some("price_pro"), "prod_1", 2900, Some("month"));
    for n in 0..count {
        join(program, n);
    }
    stripe.deliver_all().await;
    program.settle().await;
}

fn join(program: &Program, n: usize) {
    let stripe = program.stripe.control();
    stripe.create_customer(Some(&format!("cus_{n}")), None, None, json!({"user_id": format!("user_{n}")}));
    stripe.subscribe(SubscriptionSpec {
        id: Some(format!("sub_{n}")),
        customer: format!("cus_{n}"),
        prices: vec![("price_pro".into(), 1)],
        ..SubscriptionSpec::default()
    });
}

async fn begin(program: &Program, scope: ResyncScope) -> String {
    let new = NewResync { livemode: MODE, purpose: Purpose::Resync, scope, applies: false };
    program.state.store.create_resync(&new, &author(program)).await.unwrap().resync_id
}

async fn state(program: &Program, id: &str) -> (ResyncRecord, ResyncCounts) {
    program.state.store.resync(id).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resync_of_all_shows_what_differs_and_then_mends_it() {
    let program = Program::start().await;
    customers(&program, 5).await;
    let stripe = program.stripe.control();
    program.clock.advance(60_000);
    stripe.set_now(program.now());
    // Nobody told us that one was canceled, one was deleted, and one is new.
    stripe.cancel_subscription("sub_1");
    stripe.request("DELETE", "customers/cus_2", "");
    join(&program, 7);
    stripe.discard_queue();
    program.clock.advance(60_000);

    let id = begin(&program, ResyncScope::All).await;
    program.state.resyncs.work(None).await.unwrap().unwrap();
    let (ready, counts) = state(&program, &id).await;
    assert_eq!((ready.status, ready.error.as_deref()), (ResyncStatus::Ready, None));
    assert_eq!((counts.differs, counts.same, counts.failed), (3, 3, 0), "{counts:?}");
    assert_eq!(program.check("user_1").await["allowed"], true, "nothing has changed yet");
    let found = program.state.store.resync_customers(&id, &["differs"], &Place::first(10)).await.unwrap().data;
    let gains = |n: usize| {
        let change = &found[n].effects.as_ref().unwrap().verdicts[0];
        (change.user_id.clone(), change.allowed_before, change.allowed_after)
    };
    let expected = [("user_1", true, false), ("user_2", true, false), ("user_7", false, true)];
    for (n, (user, before, after)) in expected.into_iter().enumerate() {
        assert_eq!(gains(n), (user.to_owned(), before, after));
    }
    let why = program.get("/v1/users/user_1/diagnosis?feature=pro").await;
    assert_eq!(why["code"], "ok", "access is there as long as nothing is applied: {why}");

    program.state.store.change_resync(&id, JobChange::Apply, &author(&program)).await.unwrap();
    program.state.resyncs.work(None).await.unwrap().unwrap();
    let (done, counts) = state(&program, &id).await;
    assert_eq!((done.status, counts.applied), (ResyncStatus::Done, 3), "{:?}", done.error);
    assert_eq!(program.check("user_1").await["reason"], "subscription_canceled");
    assert_eq!(program.check("user_2").await["allowed"], false);
    assert_eq!(program.check("user_7").await["allowed"], true);
    let audit =
        program.state.store.audit(&store::records::AuditFilter { limit: 50, ..Default::default() }).await.unwrap();
    let resynced: Vec<_> = audit.data.iter().filter(|line| line.action == "customer.resync").collect();
    assert_eq!(resynced.len(), 3, "each with what was before and after");
    assert!(
        resynced
            .iter()
            .all(|line| line.actor == "staff:ada@example.com" && line.details.to_string().contains("before"))
    );
    assert!(audit.data.iter().any(|line| line.action == "resync.apply"));
    program.settle().await;
    let again = begin(&program, ResyncScope::All).await;
    program.state.resyncs.work(None).await.unwrap().unwrap();
    let (again, counts) = state(&program, &again).await;
    assert_eq!((again.status, counts.differs), (ResyncStatus::Done, 0), "everything is as Stripe has it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resync_that_was_stopped_goes_on_where_it_was() {
    let program = Program::start().await;
    customers(&program, 230).await;
    let stripe = program.stripe.control();
    program.clock.advance(60_000);
    let id = begin(&program, ResyncScope::All).await;
    let before = stripe.requests().len();
    stripe.set_faults(Faults { fail_paths: vec![("/v1/subscriptions".into(), 500)], ..Faults::default() });
    program.state.resyncs.work(None).await.unwrap().unwrap();
    let (stopped, counts) = state(&program, &id).await;
    assert_eq!(stopped.status, ResyncStatus::Reading);
    assert!(stopped.error.as_deref().is_some_and(|error| error.contains("500")), "{:?}", stopped.error);
    assert!(program.state.resyncs.work(None).await.unwrap().is_none(), "it waits before it tries again");
    let pages = counts.pages;
    stripe.set_faults(Faults::default());

    // Another process, after the first one is gone.
    program.clock.advance(600_000);
    let other = server::resync::Resyncs::new(
        program.state.store.clone(),
        program.state.gateways.clone(),
        program.clock.clone(),
        "another".into(),
        program.state.config.schedule,
    );
    other.work(None).await.unwrap().unwrap();
    let (done, counts) = state(&program, &id).await;
    assert_eq!((done.status, counts.same, counts.differs), (ResyncStatus::Done, 230, 0), "{:?}", done.error);
    let listed = |path: &str| {
        let requests = stripe.requests();
        requests[before..].iter().filter(|(_, asked)| asked.starts_with(path)).count()
    };
    assert!(pages > 0, "some pages came before it stopped");
    assert!(listed("/v1/customers?") <= 5, "what was read is not read again: {}", listed("/v1/customers?"));
    assert_eq!(listed("/v1/customers/"), 0, "no call per customer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resync_is_paused_and_ended_in_the_middle() {
    let program = Program::start().await;
    customers(&program, 3).await;
    let id = begin(&program, ResyncScope::Status { status: "active".into() }).await;
    let held = program.stripe.control().hold("/v1/customers/cus_1");
    let resyncs = program.state.resyncs.clone();
    let working = tokio::spawn(async move { resyncs.work(None).await.unwrap() });
    tokio::time::timeout(std::time::Duration::from_secs(60), held.arrived(1)).await.unwrap();
    assert!(program.state.store.change_resync(&id, JobChange::Pause, &author(&program)).await.unwrap());
    held.release();
    working.await.unwrap();
    let (paused, counts) = state(&program, &id).await;
    assert!(paused.is_paused && counts.waiting > 0, "{counts:?}");
    assert!(program.state.resyncs.work(None).await.unwrap().is_none());
    assert!(program.state.store.change_resync(&id, JobChange::Resume, &author(&program)).await.unwrap());
    program.state.resyncs.work(None).await.unwrap().unwrap();
    assert_eq!(state(&program, &id).await.0.status, ResyncStatus::Done);

    let id = begin(&program, ResyncScope::All).await;
    assert!(program.state.store.change_resync(&id, JobChange::Cancel, &author(&program)).await.unwrap());
    assert!(program.state.resyncs.work(None).await.unwrap().is_none());
    assert_eq!(state(&program, &id).await.0.status, ResyncStatus::Canceled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drift_is_reported_told_in_the_diagnosis_and_mended() {
    let program = Program::start().await;
    customers(&program, 2).await;
    let stripe = program.stripe.control();
    program.clock.advance(60_000);
    stripe.set_now(program.now());
    stripe.update("sub_1", json!({"status": "unpaid"}));
    stripe.deliver_all().await;
    program.settle().await;
    stripe.update("sub_1", json!({"status": "active"}));
    stripe.discard_queue();
    program.clock.advance(7_200_000);

    let reconcile = async |mends: bool| {
        let begun = program.state.resyncs.begin_reconcile(MODE, mends, &author(&program)).await.unwrap();
        program.state.resyncs.work(Some(&begun.resync_id)).await.unwrap().unwrap();
        state(&program, &begun.resync_id).await
    };
    let (reported, counts) = reconcile(false).await;
    assert_eq!((reported.status, counts.differs, counts.same), (ResyncStatus::Done, 1, 1), "{:?}", reported.error);
    let why = program.get("/v1/users/user_1/diagnosis?feature=pro").await;
    assert_eq!(why["code"], "drift", "{why}");
    assert!(why["sentence"].as_str().unwrap().contains("Stripe says status of sub_1 is active"), "{why}");
    program.clock.advance(7_200_000);
    let (mended, counts) = reconcile(true).await;
    assert_eq!((mended.status, counts.applied), (ResyncStatus::Done, 1));
    assert_eq!(program.check("user_1").await["allowed"], true);
    let (_, counts) = reconcile(true).await;
    assert_eq!(counts.all(), 0, "nobody is compared again within the hour");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_that_nobody_knows_is_named_and_stops_nobody() {
    let program = Program::start().await;
    customers(&program, 1).await;
    let scope = ResyncScope::Customers { customer_ids: vec!["cus_0".into(), "cus_mistyped".into()] };
    let id = begin(&program, scope).await;
    program.state.resyncs.work(None).await.unwrap().unwrap();
    let (done, counts) = state(&program, &id).await;
    assert_eq!((done.status, counts.same, counts.failed), (ResyncStatus::Done, 1, 1));
    let failed = program.state.store.resync_customers(&id, &["failed"], &Place::first(5)).await.unwrap().data.remove(0);
    assert_eq!(failed.customer_id, "cus_mistyped");
    assert!(failed.error.unwrap().contains("Stripe knows no cus_mistyped"));
    assert!(program.state.store.customer(MODE, "cus_mistyped").await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_customer_that_cannot_be_read_stops_nobody_and_an_outage_stops_everybody() {
    let program = Program::start().await;
    customers(&program, 3).await;
    let stripe = program.stripe.control();
    let active = || ResyncScope::Status { status: "active".into() };
    let outage = |path: &str| Faults { fail_paths: vec![(path.into(), 503)], ..Faults::default() };
    stripe.set_faults(outage("/v1/customers/cus_1"));
    let id = begin(&program, active()).await;
    program.state.resyncs.work(None).await.unwrap().unwrap();
    let (done, counts) = state(&program, &id).await;
    assert_eq!((done.status, counts.same, counts.failed), (ResyncStatus::Done, 2, 1), "{:?}", done.error);

    stripe.set_faults(outage("/v1/"));
    let id = begin(&program, active()).await;
    for failures in 1..=6 {
        program.state.resyncs.work(None).await.unwrap().expect("it is due again");
        let (waits, counts) = state(&program, &id).await;
        assert_eq!((waits.attempts, counts.waiting, counts.failed), (failures, 3, 0), "it waits for Stripe");
        program.clock.advance(waits.next_at.unwrap().millis() - program.state.now().millis());
    }
    stripe.set_faults(Faults::default());
    program.state.resyncs.work(None).await.unwrap().unwrap();
    let (done, counts) = state(&program, &id).await;
    assert_eq!((done.status, counts.same, done.attempts), (ResyncStatus::Done, 3, 0));
}
