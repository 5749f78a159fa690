//! The page of an event and of a subscription, setting a failed event aside, and taking a payload along.

use domain::event::{Envelope, EventStatus};
use domain::role::Role;
use domain::{Livemode, Timestamp};
use reqwest::StatusCode;
use serde_json::{Value, json};
use store::records::{AuditFilter, Delivery};

use super::browser::Program;

const TEST: Livemode = Livemode::Test;

fn customer(event_id: &str, kind: &str, created: Timestamp, email: &str) -> Value {
    json!({
        "id": event_id, "object": "event", "type": kind, "created": created.secs(), "livemode": false,
        "api_version": "2025-03-31.basil",
        "data": { "object": { "id": "cus_1", "object": "customer", "email": email, "phone": "+49 30 123", "metadata": {} } },
    })
}

/// An event that fails: a subscription without the field that decides.
fn broken(event_id: &str, created: Timestamp) -> Value {
    json!({
        "id": event_id, "object": "event", "type": "customer.subscription.updated", "created": created.secs(), "livemode": false,
        "api_version": "2025-03-31.basil",
        "data": { "object": { "id": "sub_1", "object": "subscription", "customer": "cus_1" } },
    })
}

async fn take(program: &Program, events: &[Value]) {
    for event in events {
        let delivery = Delivery {
            envelope: Envelope::read(event).unwrap(),
            payload: event.to_string(),
            received_at: program.now(),
            secret_name: None,
        };
        program.state.store.record_deliveries(&[delivery]).await.unwrap();
    }
    program.state.worker.run_once().await.unwrap();
}

#[tokio::test]
async fn an_events_page_shows_the_others_of_its_object_in_stripes_order() {
    let program = Program::with_owner().await;
    let now = program.now();
    let newer = customer("evt_newer", "customer.updated", now.plus_secs(-10), "new@example.com");
    let older = customer("evt_older", "customer.created", now.plus_secs(-60), "old@example.com");
    take(&program, &[newer, older]).await;
    let viewer = program.signed_in(Role::Viewer).await;
    let page = viewer.get("/admin/events/evt_newer").await.body;
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text:?} is not in {page}"));
    assert!(place("this event") < place("/admin/events/evt_older"), "the newest on Stripe's clock stands first");
    assert!(page.contains("One came after a newer one.") && page.contains("after a newer one</small>"), "{page}");
    assert!(page.contains("stripe events resend evt_newer"), "{page}");
    assert!(!page.contains("+49 30 123"), "a viewer may not read payloads: {page}");
    let support = program.signed_in(Role::Support).await;
    assert!(support.get("/admin/events/evt_newer").await.body.contains("+49 30 123"));
}

#[tokio::test]
async fn a_failed_event_is_set_aside_with_a_reason_and_can_be_processed_again() {
    let program = Program::with_owner().await;
    take(&program, &[broken("evt_1", program.now())]).await;
    let status = async || program.state.store.event(TEST, "evt_1").await.unwrap().unwrap().status;
    assert_eq!(status().await, EventStatus::Failed);
    let browser = program.signed_in(Role::Support).await;
    assert!(browser.get("/admin/events/evt_1").await.body.contains("/admin/events/evt_1/ignore"));
    assert!(browser.get("/admin/events/evt_1/ignore").await.body.contains("Ignore evt_1?"));

    let refused = browser.post("/admin/events/evt_1/ignore", &[("reason", "no")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("Say why"), "{}", refused.body);
    let answer = browser.post("/admin/events/evt_1/ignore", &[("reason", "a test of ours")]).await;
    assert_eq!((answer.status, answer.location.as_str()), (StatusCode::SEE_OTHER, "/admin/events/evt_1"));
    assert_eq!(status().await, EventStatus::Ignored);
    let page = browser.get("/admin/events/evt_1").await.body;
    assert!(page.contains("Ignored: set aside by a person: a test of ours."), "{page}");
    // What has not failed cannot be set aside.
    assert_eq!(browser.get("/admin/events/evt_1/ignore").await.status, StatusCode::NOT_FOUND);
    let again = browser.post("/admin/events/evt_1/ignore", &[("reason", "once more")]).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    let audit = program.state.store.audit(&AuditFilter { limit: 5, ..AuditFilter::default() }).await.unwrap().data;
    let entry = audit.iter().find(|entry| entry.action == "event.ignore").unwrap();
    assert_eq!((entry.object_id.as_str(), entry.reason.as_deref()), ("evt_1", Some("a test of ours")));

    browser.post("/admin/events/evt_1/replay", &[]).await;
    program.state.worker.run_once().await.unwrap();
    assert_eq!(status().await, EventStatus::Failed);
}

#[tokio::test]
async fn a_payload_can_be_taken_along_by_who_may_read_it_and_that_is_audited() {
    let program = Program::with_owner().await;
    let event = customer("evt_1", "customer.created", program.now(), "ada@example.com");
    take(&program, std::slice::from_ref(&event)).await;
    let path = "/admin/events/evt_1/payload.json";
    let refused = program.signed_in(Role::Viewer).await.get(path).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(!refused.body.contains("ada@example.com"));
    assert_eq!(program.browser().get(path).await.status, StatusCode::SEE_OTHER);
    let browser = program.signed_in(Role::Support).await;
    let file = browser.get(path).await;
    assert_eq!((file.status, file.body), (StatusCode::OK, event.to_string()));
    assert_eq!(browser.get("/admin/events/evt_2/payload.json").await.status, StatusCode::NOT_FOUND);
    let audit = program.state.store.audit(&AuditFilter { limit: 5, ..AuditFilter::default() }).await.unwrap().data;
    assert_eq!(audit.iter().filter(|entry| entry.action == "event.download").count(), 1);
}
