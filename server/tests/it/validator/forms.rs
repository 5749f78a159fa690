//! What the page shows, and what its buttons do in Stripe.

use domain::event::USED_TYPES;
use domain::role::Role;
use gateway::PINNED_VERSION;
use reqwest::StatusCode;
use serde_json::{Value, json};
use server::auth::password;
use standin::Faults;
use store::records::{AuditFilter, StaffRecord};

use super::{endpoint, whole};
use crate::admin::browser::{Answer, Browser, PASSWORD};
use crate::helpers::{SECRET, TestApp};

async fn add_staff(app: &TestApp, role: Role) {
    let staff = StaffRecord {
        staff_id: server::ids::new("stf"),
        email: format!("{role}@example.com"),
        name: role.to_string(),
        role,
        password_hash: password::hash(PASSWORD).await.unwrap(),
        created_at: app.state.now(),
        last_seen_at: None,
        disabled_at: None,
    };
    app.state.store.add_staff(&staff, &app.author()).await.unwrap();
}

/// A browser in which somebody of this role has signed in.
async fn signed_in(app: &TestApp, role: Role) -> Browser {
    // Without an owner nobody gets further than the first run.
    if !app.state.store.has_owner().await.unwrap() {
        add_staff(app, Role::Owner).await;
    }
    if role != Role::Owner {
        add_staff(app, role).await;
    }
    let email = format!("{role}@example.com");
    let policy = reqwest::redirect::Policy::none();
    let client = reqwest::Client::builder().cookie_store(true).redirect(policy).no_proxy().build().unwrap();
    let browser = Browser { client, base: app.url.clone() };
    let answer = browser.post("/admin/login", &[("email", &email), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    browser
}

/// The value of a hidden field.
fn hidden(page: &Answer, name: &str) -> String {
    let tag = page.body.split('<').find(|tag| tag.contains(&format!("name=\"{name}\""))).unwrap();
    tag.split("value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// The page after a form that was done, with its sentence.
async fn after(browser: &Browser, answer: &Answer) -> String {
    assert_eq!(
        (answer.status, answer.location.as_str()),
        (StatusCode::SEE_OTHER, "/admin/validator"),
        "{}",
        answer.body
    );
    browser.get("/admin/validator").await.body
}

async fn audited(app: &TestApp, action: &str) -> Vec<Value> {
    let filter = AuditFilter { limit: 100, ..AuditFilter::default() };
    let entries = app.state.store.audit(&filter).await.unwrap().data;
    entries.into_iter().filter(|entry| entry.action == action).map(|entry| entry.details).collect()
}

#[tokio::test]
async fn the_page_shows_every_check_and_hides_what_a_role_may_not() {
    let app = whole().await;
    endpoint(&app, SECRET, &["customer.created"], "disabled");
    let viewer = signed_in(&app, Role::Viewer).await;
    let page = viewer.get("/admin/validator").await;
    assert_eq!(page.status, StatusCode::OK);
    for id in ["V01", "V04", "V09", "V16", "V22"] {
        assert!(page.body.contains(id), "{id}");
    }
    assert!(
        page.body.contains("Enable it again: needs the role") && !page.body.contains("we_1/enable"),
        "{}",
        page.body
    );
    assert!(page.body.contains("Report as text") && page.body.contains("Failing · Set-up"), "{}", page.body);
    let admin = signed_in(&app, Role::Admin).await.get("/admin/validator").await.body;
    assert!(admin.contains("/admin/validator/endpoints/we_1/enable"), "{admin}");
}

#[tokio::test]
async fn an_owner_makes_the_endpoint_once_and_sees_its_secret() {
    let app = TestApp::start().await;
    let owner = signed_in(&app, Role::Owner).await;
    let question = owner.get("/admin/validator/endpoint").await;
    assert!(question.body.contains(&format!("{}/webhooks/stripe", app.url)), "{}", question.body);
    assert!(app.stripe.control().request("GET", "webhook_endpoints", "")["data"] == json!([]), "asking makes nothing");
    let form = hidden(&question, "form_id");
    assert_eq!(hidden(&question, "in_mode"), "test");
    let switched = owner.post("/admin/validator/endpoint", &[("form_id", &form), ("in_mode", "live")]).await;
    assert!(after(&owner, &switched).await.contains("shows the other mode by now"));
    let made = owner.post("/admin/validator/endpoint", &[("form_id", &form)]).await;
    assert_eq!((made.status, made.headers["cache-control"].to_str().unwrap()), (StatusCode::OK, "no-store"));
    let start = made.body.find("whsec_").unwrap();
    let secret: String = made.body[start..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    assert!(secret.len() > 20 && made.body.contains("separated by a comma"), "{}", made.body);

    let listed = app.stripe.control().request("GET", "webhook_endpoints", "")["data"].clone();
    let endpoint = &listed[0];
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(endpoint["url"], format!("{}/webhooks/stripe", app.url));
    assert_eq!((&endpoint["api_version"], &endpoint["enabled_events"]), (&json!(PINNED_VERSION), &json!(USED_TYPES)));

    let again = owner.post("/admin/validator/endpoint", &[("form_id", &form)]).await;
    assert!(again.status == StatusCode::OK && again.body.contains(&secret), "the same form gets the same answer");
    let other = owner.post("/admin/validator/endpoint", &[("form_id", "frm_other")]).await;
    let page = after(&owner, &other).await;
    assert!(page.contains("already") && !page.contains(&secret), "{page}");
    assert_eq!(app.stripe.control().request("GET", "webhook_endpoints", "")["data"].as_array().unwrap().len(), 1);

    let entries = audited(&app, "webhook_endpoint.create").await;
    assert_eq!((entries.len(), &entries[0]["url"]), (2, &endpoint["url"]), "made, and shown again");
    // Nothing of it is kept: not in the audit log, not in the session, nowhere.
    let Some(file) = app.state.store.database().await.unwrap().file else { return };
    for file in std::fs::read_dir(file.parent().unwrap()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }
}

#[tokio::test]
async fn missing_types_are_added_and_what_was_sent_stays() {
    let app = whole().await;
    endpoint(&app, SECRET, &["balance.available", "customer.created"], "enabled");
    let admin = signed_in(&app, Role::Admin).await;
    let question = admin.get("/admin/validator/endpoints/we_1/events").await.body;
    assert!(question.contains("checkout.session.completed") && question.contains("already stays"), "{question}");
    let path = "/admin/validator/endpoints/we_1/events";
    let page = after(&admin, &admin.post(path, &[]).await).await;
    assert!(page.contains("as well from now on"), "{page}");
    let types = app.stripe.control().object("we_1").unwrap()["enabled_events"].clone();
    let types: Vec<&str> = types.as_array().unwrap().iter().map(|kind| kind.as_str().unwrap()).collect();
    assert!(types.starts_with(&["balance.available", "customer.created"]), "{types:?}");
    assert!(USED_TYPES.iter().all(|kind| types.contains(kind)) && types.len() == USED_TYPES.len() + 1, "{types:?}");
    assert!(after(&admin, &admin.post(path, &[]).await).await.contains("sends all of them already"));
    assert_eq!(audited(&app, "webhook_endpoint.add_events").await.len(), 1);
    assert_eq!(admin.post("/admin/validator/endpoints/we_9/events", &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_disabled_endpoint_is_enabled_again() {
    let app = whole().await;
    endpoint(&app, SECRET, USED_TYPES, "disabled");
    let admin = signed_in(&app, Role::Admin).await;
    let path = "/admin/validator/endpoints/we_1/enable";
    assert!(admin.get(path).await.body.contains("Enable we_1 again?"));
    assert!(after(&admin, &admin.post(path, &[]).await).await.contains("we_1 is enabled"));
    assert_eq!(app.stripe.control().object("we_1").unwrap()["status"], "enabled");
    assert!(after(&admin, &admin.post(path, &[]).await).await.contains("is enabled already"));
    assert_eq!(audited(&app, "webhook_endpoint.enable").await.len(), 1);
}

#[tokio::test]
async fn a_key_that_may_not_write_is_told_what_to_click() {
    let app = whole().await;
    endpoint(&app, SECRET, USED_TYPES, "disabled");
    let admin = signed_in(&app, Role::Admin).await;
    let fault = Faults { fail_paths: vec![("/webhook_endpoints/we_1".to_owned(), 403)], ..Faults::default() };
    app.stripe.control().set_faults(fault);
    let page = after(&admin, &admin.post("/admin/validator/endpoints/we_1/enable", &[]).await).await;
    assert!(page.contains("needs Write for Webhook Endpoints") && page.contains("Dashboard"), "{page}");
    assert_eq!(audited(&app, "webhook_endpoint.enable").await.len(), 0);
}
