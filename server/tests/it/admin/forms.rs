//! What each form does, and what it says when it is filled in wrongly.

use domain::Livemode;
use domain::catalog::{Feature, FeatureType};
use domain::event::{Envelope, EventStatus};
use domain::mapping::MappingSource;
use domain::role::Role;
use reqwest::StatusCode;
use serde_json::json;
use store::records::{Delivery, OverrideFilter, TargetKind};

use super::browser::{Answer, Browser, Program};

const TEST: Livemode = Livemode::Test;

async fn with_feature(keys: &[&str]) -> Program {
    let program = Program::with_owner().await;
    for key in keys {
        let kind = if *key == "seats" { FeatureType::Limit } else { FeatureType::Switch };
        let feature = Feature::new(*key, kind);
        program.state.store.put_feature(TEST, &feature, &program.author()).await.unwrap();
    }
    program
}

/// A user the application told us of.
async fn put_user(program: &Program, user: &str) {
    program.state.store.put_user(TEST, user, None, None, &program.author()).await.unwrap();
}

/// A customer Stripe told us of, through its event `evt_{customer}`.
async fn put_customer(program: &Program, customer: &str) {
    let event_id = format!("evt_{customer}");
    let created = program.now().secs();
    let payload = json!({
        "id": event_id, "object": "event", "type": "customer.created", "created": created, "livemode": false,
        "api_version": "2025-03-31.basil",
        "data": { "object": { "id": customer, "object": "customer", "email": "ada@example.com", "metadata": {} } },
    });
    let delivery = Delivery {
        envelope: Envelope::read(&payload).unwrap(),
        payload: payload.to_string(),
        received_at: program.now(),
        secret_name: None,
    };
    program.state.store.record_deliveries(&[delivery]).await.unwrap();
    program.state.worker.run_once().await.unwrap();
}

fn assert_done(answer: &Answer, to: &str) {
    assert_eq!((answer.status, answer.location.as_str()), (StatusCode::SEE_OTHER, to), "{}", answer.body);
}

fn assert_refused(answer: &Answer, word: &str) {
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.body);
    assert!(answer.body.contains(word), "{word:?} is not in {}", answer.body);
}

async fn assert_flash(browser: &Browser, answer: &Answer, word: &str) {
    let page = browser.get(&answer.location).await;
    assert!(page.body.contains(word), "{word:?} is not in {}", page.body);
    let again = browser.get(&answer.location).await;
    assert!(!again.body.contains(word), "it is said once");
}

#[tokio::test]
async fn a_grant_gives_access_and_its_revocation_takes_it() {
    let program = with_feature(&["pro"]).await;
    put_user(&program, "user_1").await;
    let browser = program.signed_in(Role::Support).await;
    let grant = |until: &'static str, reason: &'static str| {
        [("feature", "pro"), ("effect", "grant"), ("until", until), ("reason", reason)]
    };
    let path = "/admin/customers/user_1/overrides";
    assert_refused(&browser.post(path, &grant("7d", "no")).await, "at least 5 characters");
    assert_refused(&browser.post(path, &grant("someday", "a good reason")).await, "when it ends");
    let unknown = [("feature", "nothing"), ("effect", "grant"), ("reason", "a good reason")];
    assert_refused(&browser.post(path, &unknown).await, "Create it first");
    let none = [("effect", "grant"), ("reason", "a good reason")];
    assert_refused(&browser.post(path, &none).await, "feature of the catalog");
    assert!(!program.is_allowed("user_1", "pro"));

    let answer = browser.post(path, &grant("7d", "a good reason")).await;
    assert_done(&answer, "/admin/customers/user_1");
    assert!(program.is_allowed("user_1", "pro"));
    assert_flash(&browser, &answer, "Granted pro to user_1").await;

    let filter = OverrideFilter { user_id: Some("user_1".into()), after: None, limit: 10 };
    let made = program.state.store.overrides(TEST, &filter).await.unwrap().data.remove(0);
    assert_eq!((made.created_by.as_str(), made.reason.as_str()), ("staff:support@example.com", "a good reason"));
    assert_eq!(made.expires_at, Some(program.now().plus_secs(7 * 86_400)));
    let revoke = format!("/admin/overrides/{}/revoke", made.override_id);
    assert_refused(&browser.post(&revoke, &[("reason", "oh")]).await, "at least 5 characters");
    assert!(program.is_allowed("user_1", "pro"));
    assert_done(&browser.post(&revoke, &[("reason", "it was a mistake")]).await, "/admin/customers/user_1");
    assert!(!program.is_allowed("user_1", "pro"));
}

#[tokio::test]
async fn support_neither_denies_nor_grants_without_end_nor_revokes_others() {
    let program = with_feature(&["pro"]).await;
    put_user(&program, "user_1").await;
    let (support, admin) = (program.signed_in(Role::Support).await, program.signed_in(Role::Admin).await);
    let path = "/admin/customers/user_1/overrides";
    let (feature, reason) = (("feature", "pro"), ("reason", "a good reason"));
    let never = [feature, ("effect", "grant"), ("until", "never"), reason, ("typed_user", "user_1")];
    let deny = [("feature", "pro"), ("effect", "deny"), ("until", "7d"), ("reason", "a good reason")];
    for form in [&never[..], &deny] {
        assert_eq!(support.post(path, form).await.status, StatusCode::FORBIDDEN);
    }
    assert_done(&admin.post(path, &never).await, "/admin/customers/user_1");
    assert!(program.is_allowed("user_1", "pro"));
    let filter = OverrideFilter { user_id: Some("user_1".into()), after: None, limit: 10 };
    let made = program.state.store.overrides(TEST, &filter).await.unwrap().data.remove(0);
    let revoke = format!("/admin/overrides/{}/revoke", made.override_id);
    assert_eq!(support.post(&revoke, &[("reason", "a good reason")]).await.status, StatusCode::FORBIDDEN);
    assert_done(&admin.post(path, &deny).await, "/admin/customers/user_1");
    assert!(!program.is_allowed("user_1", "pro"));
}

#[tokio::test]
async fn a_customer_is_linked_moved_and_unlinked() {
    let program = with_feature(&[]).await;
    put_customer(&program, "cus_1").await;
    let (support, admin) = (program.signed_in(Role::Support).await, program.signed_in(Role::Admin).await);
    let link = |customer: &'static str, user: &'static str| [("customer_id", customer), ("user_id", user)];
    assert_refused(&support.post("/admin/mappings", &link("user_1", "user_1")).await, "starts with cus_");
    assert_refused(&support.post("/admin/mappings", &link("cus_1", "")).await, "1 to 255 characters");
    assert_refused(&support.post("/admin/mappings", &link("cus_unheard", "user_1")).await, "known here");

    let answer = support.post("/admin/mappings", &link("cus_1", "user_1")).await;
    assert_done(&answer, "/admin/mappings");
    let mapping = program.state.store.mapping(TEST, "cus_1").await.unwrap().unwrap();
    assert_eq!((mapping.user_id.as_str(), mapping.source), ("user_1", MappingSource::Staff));

    assert_eq!(support.post("/admin/mappings", &link("cus_1", "user_2")).await.status, StatusCode::FORBIDDEN);
    assert_refused(&admin.post("/admin/mappings", &link("cus_1", "user_2")).await, "at least 5 characters");
    let with_reason = [&link("cus_1", "user_2")[..], &[("reason", "they changed their account")]].concat();
    assert_done(&admin.post("/admin/mappings", &with_reason).await, "/admin/mappings");
    assert_eq!(program.state.store.mapping(TEST, "cus_1").await.unwrap().unwrap().user_id, "user_2");
    assert_done(&admin.post("/admin/mappings/cus_1/delete", &[]).await, "/admin/mappings");
    assert_eq!(program.state.store.mapping(TEST, "cus_1").await.unwrap(), None);
    assert_eq!(admin.post("/admin/mappings/cus_1/delete", &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_form_cannot_lead_out_of_the_app() {
    let program = with_feature(&[]).await;
    let browser = program.signed_in(Role::Admin).await;
    for (wish, reality) in [
        ("/admin/unattributed", "/admin/unattributed"),
        ("https://evil.example", "/admin"),
        ("//evil.example", "/admin"),
    ] {
        let fields = [("customer_id", "cus_1"), ("user_id", "user_1"), ("return_to", wish)];
        assert_done(&browser.post("/admin/mappings", &fields).await, reality);
    }
}

#[tokio::test]
async fn an_event_is_processed_again() {
    let program = with_feature(&[]).await;
    put_customer(&program, "cus_1").await;
    let browser = program.signed_in(Role::Support).await;
    let before = program.state.store.attempts(TEST, "evt_cus_1").await.unwrap().len();
    assert_done(&browser.post("/admin/events/evt_cus_1/replay", &[]).await, "/admin/events/evt_cus_1");
    program.state.worker.run_once().await.unwrap();
    let attempts = program.state.store.attempts(TEST, "evt_cus_1").await.unwrap();
    assert_eq!(attempts.len(), before + 1);
    assert_eq!(attempts.last().unwrap().actor.as_deref(), Some("staff:support@example.com"));
    assert_ne!(program.state.store.event(TEST, "evt_cus_1").await.unwrap().unwrap().status, EventStatus::Pending);
    assert_eq!(browser.post("/admin/events/evt_unknown/replay", &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_resync_without_a_stripe_key_says_so() {
    let program = with_feature(&[]).await;
    put_customer(&program, "cus_1").await;
    let browser = program.signed_in(Role::Support).await;
    let answer = browser.post("/admin/customers/cus_1/resync", &[]).await;
    assert_done(&answer, "/admin/customers/cus_1");
    assert_flash(&browser, &answer, "STRIPE_SECRET_KEY").await;
    assert_eq!(browser.post("/admin/customers/nobody/resync", &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_price_is_given_features_and_loses_them() {
    let program = with_feature(&["pro", "seats"]).await;
    let browser = program.signed_in(Role::Admin).await;
    let path = "/admin/catalog/prices/price_1";
    assert_refused(&browser.post(path, &[("feature", "nothing")]).await, "Create it first");
    assert_refused(&browser.post(path, &[("feature", "seats"), ("value_seats", "many")]).await, "whole number");
    let both = [("feature", "pro"), ("feature", "seats"), ("value_seats", "5"), ("value_pro", "9")];
    assert_done(&browser.post(path, &both).await, path);
    let given = || {
        let catalog = program.state.store.index().catalog(TEST);
        let grants = catalog.prices.get("price_1").cloned().unwrap_or_default();
        grants.into_iter().map(|grant| (grant.feature, grant.value)).collect::<Vec<_>>()
    };
    assert_eq!(given(), [("pro".to_owned(), None), ("seats".to_owned(), Some(5))]);
    assert_done(&browser.post(path, &[]).await, path);
    assert_eq!(given(), []);
    let product = "/admin/catalog/products/prod_1";
    assert_done(&browser.post(product, &[("feature", "pro")]).await, product);
    let rows = program.state.store.list_catalog(TEST).await.unwrap();
    assert!(rows.iter().any(|row| row.kind == TargetKind::Product && row.id == "prod_1" && row.grants.len() == 1));
}

#[tokio::test]
async fn features_are_made_changed_and_deleted() {
    let program = with_feature(&[]).await;
    let browser = program.signed_in(Role::Admin).await;
    assert_refused(&browser.post("/admin/features", &[("key", "no blanks here")]).await, "letters, digits");
    assert_refused(
        &browser.post("/admin/features", &[("key", "pro"), ("type", "lever")]).await,
        "switch, limit or metered",
    );
    assert_done(
        &browser.post("/admin/features", &[("key", "pro"), ("name", "Pro"), ("type", "switch")]).await,
        "/admin/features",
    );
    assert_eq!(program.state.store.index().catalog(TEST).features["pro"].name.as_deref(), Some("Pro"));
    assert_done(&browser.post("/admin/features/pro/delete", &[]).await, "/admin/features");
    assert!(program.state.store.index().catalog(TEST).features.is_empty());
    assert_eq!(browser.post("/admin/features/pro/delete", &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_other_mode_is_another_world() {
    let program = with_feature(&["pro"]).await;
    put_user(&program, "user_1").await;
    let browser = program.signed_in(Role::Admin).await;
    assert_flash(&browser, &browser.post("/admin/mode", &[("mode", "both")]).await, "two modes").await;
    assert_done(&browser.post("/admin/mode", &[("mode", "live")]).await, "/admin");
    let grant = [("feature", "pro"), ("effect", "grant"), ("until", "7d"), ("reason", "a good reason")];
    assert_eq!(browser.post("/admin/customers/user_1/overrides", &grant).await.status, StatusCode::NOT_FOUND);
    assert_done(&browser.post("/admin/mode", &[("mode", "test")]).await, "/admin");
    assert_done(&browser.post("/admin/customers/user_1/overrides", &grant).await, "/admin/customers/user_1");
}
