//! Personal data: who reads it is audited, and it is exported and erased when a person asks for it.

use domain::access::OverrideEffect;
use domain::event::Envelope;
use domain::role::{Role, Scope};
use domain::{Livemode, Timestamp};
use reqwest::StatusCode;
use serde_json::{Value, json};
use server::retention::{Kept, Retention};
use store::records::{AuditFilter, AuditRecord, Delivery, NewOverride, Retained};

use super::browser::{Program, sign_in};
use crate::helpers::TestApp;

const TEST: Livemode = Livemode::Test;

fn event(id: &str, created: Timestamp) -> Value {
    json!({
        "id": id, "object": "event", "type": "customer.updated", "created": created.secs(), "livemode": false,
        "api_version": "2025-03-31.basil",
        "data": { "object": {
            "id": "cus_1", "object": "customer", "email": "ada@example.com", "name": "Ada Lovelace", "phone": "+49 30 123",
            "metadata": { "user_id": "user_ada" },
        } },
    })
}

async fn take(program: &Program, event: &Value) {
    let delivery = Delivery {
        envelope: Envelope::read(event).unwrap(),
        payload: event.to_string(),
        received_at: program.now(),
        secret_name: None,
    };
    program.state.store.record_deliveries(&[delivery]).await.unwrap();
    program.state.worker.run_once().await.unwrap();
}

async fn entries(program: &Program, action: &str) -> Vec<AuditRecord> {
    let filter = AuditFilter { action: Some(action.to_owned()), limit: 20, ..AuditFilter::default() };
    program.state.store.audit(&filter).await.unwrap().data
}

#[tokio::test]
async fn reading_a_payload_is_audited_once_an_hour() {
    let program = Program::with_owner().await;
    take(&program, &event("evt_1", program.now())).await;
    let viewer = program.signed_in(Role::Viewer).await;
    viewer.get("/admin/events/evt_1").await;
    viewer.get("/admin/customers/user_ada?tab=raw").await;
    assert!(entries(&program, "payload.read").await.is_empty(), "a viewer reads none");
    let support = program.signed_in(Role::Support).await;
    for _ in 0..3 {
        assert!(support.get("/admin/events/evt_1").await.body.contains("+49 30 123"));
        support.get("/admin/customers/user_ada?tab=raw").await;
        support.get("/admin/customers/user_ada").await;
    }
    let read: Vec<_> = entries(&program, "payload.read")
        .await
        .into_iter()
        .map(|entry| (entry.actor, entry.object_kind, entry.object_id))
        .collect();
    let by = "staff:support@example.com".to_owned();
    let expected = [(by.clone(), "customer".into(), "user_ada".into()), (by, "event".into(), "evt_1".into())];
    assert_eq!(read, expected);
    program.signed_in(Role::Admin).await.get("/admin/events/evt_1").await;
    assert_eq!(entries(&program, "payload.read").await.len(), 3, "each who reads has an entry");
}

#[tokio::test]
async fn what_was_removed_is_told_and_cannot_be_processed_again() {
    let program = Program::with_owner().await;
    take(&program, &event("evt_1", program.now())).await;
    let kept = Kept { payloads_ms: Some(-1), rejected_ms: None };
    let retention = Retention::new(program.state.store.clone(), program.state.clock.clone(), kept);
    assert_eq!(retention.remove(Retained::Payloads).await.unwrap(), 1);
    assert_eq!(retention.remove(Retained::Rejected).await.unwrap(), 0, "kept for ever");
    let browser = program.signed_in(Role::Admin).await;
    let page = browser.get("/admin/events/evt_1").await.body;
    assert!(page.contains("The payload was removed ") && page.contains("payloads are kept for 90d"), "{page}");
    assert!(!page.contains("+49 30 123") && !page.contains("Process again"), "{page}");
    assert_eq!(browser.get("/admin/events/evt_1/payload.json").await.status, StatusCode::NOT_FOUND);
    browser.post("/admin/events/evt_1/replay", &[]).await;
    let told = browser.get("/admin/events/evt_1").await.body;
    assert!(told.contains("Not processed: the payload of evt_1 was removed"), "{told}");
    let plan = browser.get("/admin/replays/new?since=30d").await.body;
    assert!(plan.contains("Cannot be replayed") && plan.contains("have no payload any more"), "{plan}");
    let system = browser.get("/admin/system").await.body;
    assert!(system.contains("kept for 90d; 1 removed so far") && system.contains("Next look for payloads"), "{system}");
    let settings = browser.get("/admin/settings").await.body;
    assert!(settings.contains("PAYLOAD_RETENTION") && settings.contains("REJECTED_RETENTION"));
}

#[tokio::test]
async fn a_person_is_exported_and_erased() {
    let program = Program::with_owner().await;
    take(&program, &event("evt_1", program.now())).await;
    let owner = program.signed_in(Role::Owner).await;
    let support = program.signed_in(Role::Support).await;
    let author = store::records::Author::new("staff:ben@example.com", program.now()).because(Some("for Ada Lovelace"));
    program
        .state
        .store
        .put_feature(TEST, &domain::catalog::Feature::new("pro", domain::catalog::FeatureType::Switch), &author)
        .await
        .unwrap();
    let new = NewOverride {
        livemode: TEST,
        user_id: "user_ada".into(),
        feature: "pro".into(),
        effect: OverrideEffect::Grant,
        value: None,
        expires_at: None,
    };
    program.state.store.create_override(&new, &author).await.unwrap();

    let path = "/admin/customers/user_ada/person.json";
    assert_eq!(program.signed_in(Role::Viewer).await.get(path).await.status, StatusCode::FORBIDDEN);
    assert_eq!(program.browser().get(path).await.status, StatusCode::SEE_OTHER);
    let export = support.get(path).await;
    assert_eq!(export.status, StatusCode::OK);
    let export: Value = serde_json::from_str(&export.body).unwrap();
    assert_eq!(export["kept"]["events"][0]["payload"]["data"]["object"]["phone"], "+49 30 123");
    assert_eq!(
        export["decisions"],
        json!([{"feature": "pro", "allowed": true, "reason": "override_grant", "until": null}])
    );
    assert_eq!(entries(&program, "person.export").await[0].actor, "staff:support@example.com");
    assert_eq!(support.get("/admin/customers/user_zoe/person.json").await.status, StatusCode::NOT_FOUND);

    // The page says what goes and what stays; only an owner's form is taken, and only with the id and a reason.
    let page = owner.get("/admin/customers/cus_1/erase").await.body;
    assert!(page.contains("Type user_ada to confirm") && page.contains("What stays"), "{page}");
    let address = "/admin/customers/user_ada/erase";
    let filled = [("typed_id", "user_ada"), ("reason", "asked on the telephone")];
    assert_eq!(program.signed_in(Role::Admin).await.post(address, &filled).await.status, StatusCode::FORBIDDEN);
    let refused = owner.post(address, &[("typed_id", "user_ad"), ("reason", "asked on the telephone")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("asked on the telephone"), "what was typed is kept: {}", refused.body);
    assert_eq!(
        owner.post(address, &[("typed_id", "user_ada"), ("reason", "")]).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert!(program.state.store.index().facts(TEST, "user_ada").is_some());

    let done = owner.post(address, &filled).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    assert!(done.location.starts_with("/admin/customers/erased_"), "{}", done.location);
    assert_eq!(program.state.store.index().facts(TEST, "user_ada"), None);
    let entry = entries(&program, "person.erase").await.remove(0);
    assert_eq!(
        (entry.actor.as_str(), entry.reason.as_deref()),
        ("staff:owner@example.com", Some("asked on the telephone"))
    );
    let erased = owner.get(&done.location).await.body;
    assert!(erased.contains("no name, no address and no payload is kept"), "{erased}");
    for path in [done.location.as_str(), "/admin/audit", "/admin/events/evt_1", "/admin/customers", "/admin/overrides"]
    {
        let page = owner.get(path).await.body;
        for name in ["ada@example.com", "Lovelace", "user_ada", "+49 30 123"] {
            assert!(!page.contains(name), "{name} on {path}");
        }
    }
    assert!(owner.get("/admin/events/evt_1").await.body.contains("with the personal data of its customer"));
    assert_eq!(owner.get(address).await.status, StatusCode::NOT_FOUND);
    assert_eq!(owner.post(address, &filled).await.status, StatusCode::NOT_FOUND, "there is nobody of this id any more");
    assert_eq!(program.state.store.verify_audit().await.unwrap().fault, None);

    // What comes later does not bring them back.
    take(&program, &event("evt_2", program.now())).await;
    let stored = program.state.store.event(TEST, "evt_2").await.unwrap().unwrap();
    assert!(!stored.payload.contains("ada@example.com") && stored.error.is_none(), "{stored:?}");
}

#[tokio::test]
async fn what_was_asked_a_moment_ago_is_erased_too() {
    let app = TestApp::start().await;
    let key = app.key(TEST, Scope::Check).await;
    let read = app.key(TEST, Scope::Write).await;
    app.put(&read, "/v1/users/user_ada", json!({"email": "ada@example.com"})).await;
    app.get(&key, "/v1/access?user_id=user_ada&feature=pro").await;
    let owner = sign_in(&app.state, &app.url, Role::Owner).await;
    let filled = [("typed_id", "user_ada"), ("reason", "asked on the telephone")];
    let done = owner.post("/admin/customers/user_ada/erase", &filled).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    app.state.checks.settle().await.unwrap();
    assert!(app.state.store.checks_of(TEST, "user_ada").await.unwrap().is_empty());
}
