//! What the pages say of events that were never delivered.

use domain::Livemode;
use domain::delivery::Undelivered;
use domain::event::Envelope;
use domain::role::Role;
use reqwest::StatusCode;
use serde_json::json;
use store::records::{CatchUpPage, Delivery, Fetched};

use super::browser::Program;

const TEST: Livemode = Livemode::Test;
const DAY_MS: i64 = 86_400_000;

/// `evt_1` of `cus_1` is fetched, a reading that comes 40 days after the one before it.
async fn with_a_fetched_event(program: &Program) {
    let store = &program.state.store;
    for ago in [40 * DAY_MS, 0] {
        let at = program.now().plus_millis(-ago);
        store.request_catch_up(TEST, None, None, at).await.unwrap();
        let claim = store.claim_catch_up(TEST, "reader", at).await.unwrap().unwrap();
        let payload = json!({
            "id": "evt_1", "object": "event", "type": "customer.created", "created": at.secs(), "livemode": false,
            "api_version": "2025-03-31.basil",
            "data": { "object": { "id": "cus_1", "object": "customer", "email": "ada@example.com", "metadata": {} } },
        });
        let envelope = Envelope::read(&payload).unwrap();
        let delivery = Delivery { envelope, payload: payload.to_string(), received_at: at, secret_name: None };
        let fetched = Fetched { delivery, reason: Undelivered::TypeNotEnabled };
        let missing = if ago == 0 { vec![fetched] } else { vec![] };
        let page = CatchUpPage { listed: 3, newest: Some(at), missing, ..CatchUpPage::default() };
        store.take_fetched(&claim, &page, at).await.unwrap();
    }
    program.state.worker.run_once().await.unwrap();
}

#[tokio::test]
async fn the_pages_say_what_was_fetched_and_why() {
    let program = Program::with_owner().await;
    let browser = program.signed_in(Role::Support).await;
    let page = async |path: &str| browser.get(path).await.body;
    assert!(page("/admin/events").await.contains("Without a Stripe API key of this mode"), "and no button");
    with_a_fetched_event(&program).await;

    let events = page("/admin/events").await;
    for words in ["does not ask for this type, so Stripe never sent it", "can no longer be fetched", "1 event"] {
        assert!(events.contains(words), "{words:?} is not in {events}");
    }
    let fetched = page("/admin/events?origin=fetched").await;
    assert!(fetched.contains("/admin/events/evt_1") && fetched.contains("fetched, not delivered"), "{fetched}");
    let event = page("/admin/events/evt_1").await;
    assert!(event.contains("Fetched, not delivered: our webhook endpoint does not ask for this type"), "{event}");
    assert!(page("/admin").await.contains("1 event was fetched, not delivered"));
    let customer = page("/admin/customers/cus_1").await;
    assert!(customer.contains("Stripe never sent it") && customer.contains("origin=fetched&amp;q=cus_1"), "{customer}");

    let mut again = json!({
        "id": "evt_1", "object": "event", "type": "customer.created", "created": program.now().secs(), "livemode": false,
        "data": { "object": { "id": "cus_1", "object": "customer" } },
    });
    again["api_version"] = json!(null);
    let envelope = Envelope::read(&again).unwrap();
    let (payload, secret_name) = (again.to_string(), Some("dashboard".to_owned()));
    let delivery = Delivery { envelope, payload, received_at: program.now(), secret_name };
    program.state.store.record_deliveries(&[delivery]).await.unwrap();
    let event = page("/admin/events/evt_1").await;
    assert!(event.contains("delivered later, signed with dashboard") && event.contains("Last delivered"), "{event}");
    assert!(!event.contains("Fetched, not delivered"), "{event}");
    assert!(!page("/admin").await.contains("fetched, not delivered"));
}

#[tokio::test]
async fn without_a_key_nothing_is_fetched_and_that_is_said() {
    let program = Program::with_owner().await;
    let browser = program.signed_in(Role::Support).await;
    let answer = browser.post("/admin/events/fetch-missing", &[]).await;
    assert_eq!((answer.status, answer.location.as_str()), (StatusCode::SEE_OTHER, "/admin/events#missed"));
    let page = browser.get("/admin/events").await;
    assert!(page.body.contains("there is no Stripe API key for test mode"), "{}", page.body);
}
