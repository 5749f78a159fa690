//! The customer page about other times: what the answer was, what was known, and what time alone changed.

use domain::access::OverrideEffect;
use domain::catalog::{Feature, FeatureGrant, FeatureType};
use domain::event::Envelope;
use domain::role::Role;
use domain::{Livemode, Timestamp};
use serde_json::{Value, json};
use store::records::{Delivery, NewOverride, TargetKind};

use super::browser::Program;

const TEST: Livemode = Livemode::Test;
const DAY: i64 = 86_400_000;

/// A program whose history has begun, with the feature `pro`, which `price_pro` gives.
pub(super) async fn shop() -> Program {
    let program = Program::with_owner().await;
    let (store, author) = (&program.state.store, program.author());
    store.begin_history(program.now()).await.unwrap();
    store.put_feature(TEST, &Feature::new("pro", FeatureType::Switch), &author).await.unwrap();
    store.put_grants(TEST, TargetKind::Price, "price_pro", &[FeatureGrant::of("pro")], &author).await.unwrap();
    program
}

/// An event about `sub_1` of `user_1`, received now.
pub(super) async fn hear(program: &Program, id: &str, created: Timestamp, change: Value) {
    let now = program.now();
    let mut object = json!({
        "id": "sub_1", "object": "subscription", "customer": "cus_1", "status": "active", "created": created.secs(),
        "metadata": { "user_id": "user_1" },
        "items": { "data": [{ "id": "si_1", "quantity": 1, "price": { "id": "price_pro", "product": "prod_1" }, "current_period_end": created.secs() + 30 * 86_400 }] },
    });
    object.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    let event = json!({
        "id": id, "object": "event", "type": "customer.subscription.updated", "created": created.secs(), "livemode": false,
        "data": { "object": object },
    });
    let envelope = Envelope::read(&event).unwrap();
    let delivery = Delivery { envelope, payload: event.to_string(), received_at: now, secret_name: None };
    program.state.store.record_deliveries(&[delivery]).await.unwrap();
    while program.state.store.process_due(now, 10).await.unwrap().events > 0 {}
}

/// The address of the question about a moment.
fn question(at: Timestamp) -> String {
    let text = at.to_string();
    format!(
        "/admin/customers/user_1?at_day={}&at_time={}&at_feature=pro",
        &text[..10],
        text[11..16].replace(':', "%3A")
    )
}

#[tokio::test]
async fn the_page_tells_of_another_moment_what_was_true_and_what_was_known() {
    let program = shop().await;
    let began = program.now();
    hear(&program, "evt_1", began, json!({})).await;
    program.clock.advance(5 * DAY);
    // That it was cancelled three days ago is heard of now.
    let ended = began.plus_millis(2 * DAY);
    hear(&program, "evt_2", ended, json!({ "status": "canceled", "ended_at": ended.secs() })).await;
    program.clock.advance(DAY);
    let browser = program.signed_in(Role::Viewer).await;
    let ask = async |at: Timestamp| browser.get(&question(at)).await.body;

    let page = ask(began.plus_millis(DAY)).await;
    assert!(page.contains("user_1 had access to pro on"), "{page}");
    assert!(!page.contains("This is not what was known"), "{page}");
    let page = ask(began.plus_millis(4 * DAY)).await;
    assert!(page.contains("user_1 had no access to pro on"), "{page}");
    assert!(page.contains("sub_1 ended on") && page.contains("That became known on"), "{page}");
    assert!(page.contains("This is not what was known") && page.contains("user_1 had access to pro on"), "{page}");
    let page = ask(began.plus_millis(-DAY)).await;
    assert!(page.contains("Nothing is known about that moment"), "{page}");
    let page = ask(program.now().plus_millis(DAY)).await;
    assert!(page.contains("still to come"), "{page}");
    let page = browser.get("/admin/customers/user_1?at_day=yesterday&at_time=noon&at_feature=pro").await.body;
    assert!(page.contains("is no moment"), "{page}");
}

#[tokio::test]
async fn the_timeline_shows_what_each_thing_came_to_and_what_time_alone_changed() {
    let program = shop().await;
    let began = program.now();
    hear(&program, "evt_1", began, json!({})).await;
    program.clock.advance(DAY);
    hear(&program, "evt_2", program.now(), json!({ "cancel_at_period_end": true })).await;
    program.clock.advance(DAY);
    hear(&program, "evt_3", program.now(), json!({ "cancel_at_period_end": false })).await;
    let deny = NewOverride {
        livemode: TEST,
        user_id: "user_1".into(),
        feature: "pro".into(),
        effect: OverrideEffect::Deny,
        value: None,
        expires_at: Some(program.now().plus_millis(DAY)),
    };
    program.state.store.create_override(&deny, &program.author()).await.unwrap();
    program.clock.advance(40 * DAY);
    let page = program.signed_in(Role::Viewer).await.get("/admin/customers/user_1").await.body;
    for told in [
        "+pro: subscription active",
        "set to end on",
        "cancellation undone",
        "Made: deny of pro",
        "−pro: override deny",
        "A denial by hand ended",
        "The paid time ended and no renewal was heard of",
        "pro: grace period",
        "The grace ended",
        "−pro: grace period over",
    ] {
        assert!(page.contains(told), "{told} is not in {page}");
    }
}
