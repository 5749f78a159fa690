//! What was never delivered is fetched from Stripe's list of events, once, and everybody can see why it had not come.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use server::catch_up::CatchUp;
use standin::Faults;
use store::records::EventFilter;

use super::buy;
use super::program::Program;

const MODE: domain::Livemode = domain::Livemode::Test;
const DAY: i64 = 86_400;

impl Program {
    /// Reads Stripe's list of events, as somebody asked for it now, and does what follows.
    async fn catch_up(&self) {
        self.state.catch_up.ask(MODE, None, None).await.unwrap();
        self.state.catch_up.run_once().await.unwrap();
        self.settle().await;
    }

    /// Time goes by here and in Stripe.
    fn wait(&self, seconds: i64) {
        self.clock.advance(seconds * 1000);
        self.stripe.control().set_now(self.now());
    }

    /// Ids and reasons of what was fetched, the newest receipt first.
    async fn fetched(&self) -> Vec<(String, &'static str)> {
        let filter = EventFilter { fetched: true, limit: 1000, ..EventFilter::default() };
        let found = self.state.store.events(MODE, &filter).await.unwrap().data;
        found.into_iter().map(|event| (event.event_id, event.undelivered.unwrap().as_str())).collect()
    }

    /// Our endpoint, made in Stripe with these types and nothing else to deliver to.
    fn endpoint(&self, types: &[&str]) -> String {
        let control = self.stripe.control();
        control.set_webhook(None);
        let types: String = types.iter().map(|kind| format!("&enabled_events[]={kind}")).collect();
        let form = format!("url={}/webhooks/stripe{types}", self.state.config.public_url);
        control.request("POST", "webhook_endpoints", &form)["id"].as_str().unwrap().to_owned()
    }

    fn customer(&self, id: &str) -> String {
        let control = self.stripe.control();
        control.create_customer(Some(id), None, None, json!({ "user_id": format!("user_{id}") }));
        control.discard_queue();
        control.events().last().unwrap()["id"].as_str().unwrap().to_owned()
    }

    /// How often Stripe's list was asked for, from its beginning or from a place in it.
    fn lists(&self, from_a_place: bool) -> usize {
        let requests = self.stripe.control().requests();
        let lists = requests.iter().filter(|(_, path)| path.starts_with("/v1/events?"));
        lists.filter(|(_, path)| path.contains("starting_after") == from_a_place).count()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_ours_is_caught_up() {
    let program = Program::start().await;
    program.with_catalog().await;
    buy(&program);
    let lost = program.stripe.control().discard_queue();
    program.wait(3600);
    assert_eq!(program.check("user_1").await["reason"], "unknown_user");
    program.catch_up().await;
    assert_eq!(program.check("user_1").await["reason"], "subscription_active");
    let fetched = program.fetched().await;
    assert!(fetched.len() <= lost && fetched.iter().all(|(_, why)| *why == "not_accepted"), "{lost}: {fetched:?}");
    let stored = program.stripe.control().events();
    let used = stored.iter().filter(|event| domain::event::USED_TYPES.contains(&event["type"].as_str().unwrap()));
    assert_eq!(fetched.len(), used.count(), "what a rule uses is here, and nothing else");
    let figures = server::metrics::render(&program.state).await;
    assert!(figures.contains("tollkeeper_events_fetched_total{reason=\"not_accepted\"}"), "{figures}");

    let diagnosis = program.get("/v1/users/user_1/diagnosis?feature=pro").await;
    assert_eq!(diagnosis["news"]["code"], "not_delivered", "{diagnosis}");
    assert!(diagnosis["news"]["not_delivered"].as_u64().unwrap() > 0);

    // Stripe tries again, and our endpoint is back.
    let event = stored.iter().find(|event| event["type"] == "customer.subscription.created").unwrap();
    let answer: Value = program.deliver(event).await.json().await.unwrap();
    assert_eq!(answer, json!({"received": true, "duplicate": true}));
    let event = program.get(&format!("/v1/events/{}", event["id"].as_str().unwrap())).await;
    let told = (&event["origin"], &event["deliveries"], &event["status"]);
    assert_eq!(told, (&json!("fetched"), &json!(1), &json!("processed")), "{event}");
    program.wait(60);
    program.catch_up().await;
    assert_eq!(program.fetched().await.len(), fetched.len(), "nothing is fetched twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_between_two_pages_goes_on_where_it_was() {
    let program = Program::start().await;
    let ids: Vec<String> = (0..250).map(|n| program.customer(&format!("cus_{n}"))).collect();
    program.wait(600);
    program
        .stripe
        .control()
        .set_faults(Faults { fail_paths: vec![("starting_after".into(), 500)], ..Faults::default() });
    program.catch_up().await;
    let state = program.state.store.catch_up(MODE).await.unwrap().unwrap();
    assert_eq!((state.missing, state.attempts, state.finished_at), (100, 1, None));
    assert!(state.error.as_deref().is_some_and(|error| error.contains("500")), "{state:?}");
    let asked = program.lists(true);
    program.state.catch_up.run_once().await.unwrap();
    assert_eq!(program.lists(true), asked, "it waits like any other retry");

    program.stripe.control().set_faults(Faults::default());
    program.wait(60);
    program.state.catch_up.run_once().await.unwrap();
    let state = program.state.store.catch_up(MODE).await.unwrap().unwrap();
    assert_eq!((state.missing, state.error, state.began_at), (250, None, None));
    assert_eq!((program.lists(false), program.lists(true) - asked), (1, 2), "no page was read twice");
    let mut fetched: Vec<String> = program.fetched().await.into_iter().map(|(id, _)| id).collect();
    let mut ids = ids;
    fetched.sort();
    ids.sort();
    assert_eq!(fetched, ids);
    program.settle().await;
    assert!(program.state.store.customer(MODE, "cus_249").await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_dies_between_two_pages_is_followed_by_another() {
    let program = Program::start().await;
    (0..250).for_each(|n| drop(program.customer(&format!("cus_{n}"))));
    program.wait(600);
    let held = program.stripe.control().hold("starting_after");
    program.state.catch_up.ask(MODE, None, None).await.unwrap();
    let dies = program.state.catch_up.clone();
    let dies = tokio::spawn(async move { dies.run_once().await });
    tokio::time::timeout(Duration::from_secs(60), held.arrived(1)).await.unwrap();
    dies.abort();
    held.release();
    let state = &program.state;
    let (stripe, clock, worker) = (Arc::clone(&state.gateways), Arc::clone(&state.clock), state.worker.clone());
    let other = CatchUp::new(Arc::clone(&state.store), stripe, clock, worker, "other".to_owned(), String::new());
    other.run_once().await.unwrap();
    assert_eq!(program.fetched().await.len(), 100, "the lease of who died still holds");
    program.wait(120);
    other.run_once().await.unwrap();
    assert_eq!(program.fetched().await.len(), 250);
    assert_eq!(program.lists(false), 1, "the first page was not read again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_that_stripe_has_forgotten_is_begun_anew() {
    let program = Program::start().await;
    (0..150).for_each(|n| drop(program.customer(&format!("cus_{n}"))));
    program
        .stripe
        .control()
        .set_faults(Faults { fail_paths: vec![("starting_after".into(), 500)], ..Faults::default() });
    program.catch_up().await;
    program.stripe.control().set_faults(Faults::default());
    program.wait(31 * DAY);
    program.customer("cus_new");
    program.catch_up().await;
    let state = program.state.store.catch_up(MODE).await.unwrap().unwrap();
    assert!(state.error.is_some() && state.began_at.is_none(), "the event it would go on after is gone: {state:?}");
    program.wait(3600);
    program.state.catch_up.run_once().await.unwrap();
    assert_eq!(program.fetched().await.len(), 101, "what Stripe still lists is here");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn older_than_thirty_days_is_lost_and_said() {
    let program = Program::start().await;
    program.customer("cus_known");
    program.catch_up().await;
    program.wait(5 * DAY);
    let lost = program.customer("cus_lost");
    program.wait(36 * DAY);
    let found = program.customer("cus_found");
    program.catch_up().await;
    let fetched: Vec<String> = program.fetched().await.into_iter().map(|(id, _)| id).collect();
    assert!(fetched.contains(&found) && !fetched.contains(&lost), "{fetched:?}");
    let (since, until) = program.state.store.catch_up(MODE).await.unwrap().unwrap().lost.unwrap();
    assert_eq!(until.secs(), program.now() - 30 * DAY);
    assert!(since.secs() < program.now() - 36 * DAY);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_reason_is_told_from_stripes_own_words() {
    let program = Program::start().await;
    let control = program.stripe.control();
    control.set_webhook(None);
    let reason = async |id: &str| program.get(&format!("/v1/events/{id}")).await["undelivered"].clone();
    let absent = program.customer("cus_absent");
    program.wait(600);
    program.catch_up().await;
    assert_eq!(reason(&absent).await, "endpoint_absent");
    let diagnosis = program.get("/v1/users/user_cus_absent/diagnosis").await;
    assert_eq!(diagnosis["code"], "endpoint_disabled", "nothing ever came, and Stripe does not know us: {diagnosis}");

    let older = program.customer("cus_older");
    program.wait(10);
    let endpoint = program.endpoint(&["customer.created"]);
    program.wait(600);
    program.catch_up().await;
    assert_eq!(reason(&older).await, "endpoint_newer");

    let path = format!("webhook_endpoints/{endpoint}");
    control.request("POST", &path, "enabled_events[]=price.created");
    let no_type = program.customer("cus_type");
    program.wait(600);
    program.catch_up().await;
    assert_eq!(reason(&no_type).await, "type_not_enabled");

    control.request("POST", &path, "enabled_events[]=*");
    program.wait(10);
    let failing = program.customer("cus_failing");
    let young = {
        program.wait(600);
        program.customer("cus_young")
    };
    program.catch_up().await;
    assert_eq!((reason(&failing).await, reason(&young).await), (json!("not_accepted"), json!("on_its_way")));

    control.request("POST", &path, "disabled=true");
    program.wait(600);
    let disabled = program.customer("cus_disabled");
    program.wait(600);
    program.catch_up().await;
    assert_eq!(reason(&disabled).await, "endpoint_disabled");
    let diagnosis = program.get("/v1/users/user_cus_disabled/diagnosis").await;
    assert_eq!((&diagnosis["code"], &diagnosis["news"]["code"]), (&json!("endpoint_disabled"), &json!("never_sent")));
    assert!(diagnosis["fixes"].to_string().contains("fetch_missing"), "{diagnosis}");

    control.request("DELETE", &path, "");
    program.wait(600);
    let gone = program.customer("cus_gone");
    program.wait(600);
    program.catch_up().await;
    assert_eq!(reason(&gone).await, "endpoint_absent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_may_not_see_endpoints_still_fetches() {
    let program = Program::start().await;
    let event = program.customer("cus_1");
    program.wait(600);
    let forbid = |path: &str| Faults { fail_paths: vec![(path.to_owned(), 403)], ..Faults::default() };
    program.stripe.control().set_faults(forbid("/v1/webhook_endpoints"));
    program.catch_up().await;
    assert_eq!(program.fetched().await, [(event, "not_accepted")]);
    program.stripe.control().set_faults(forbid("/v1/events"));
    program.catch_up().await;
    let state = program.state.store.catch_up(MODE).await.unwrap().unwrap();
    assert!(state.error.is_some_and(|error| error.contains("may not")), "the page says what is wrong");
}
