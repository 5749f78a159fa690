//! What a change came to, and taking it back by the button beside that sentence.

use domain::Livemode;
use domain::catalog::{Feature, FeatureGrant, FeatureType};
use domain::mapping::MappingSource;
use domain::role::Role;
use reqwest::StatusCode;
use store::records::{AuditFilter, TargetKind};

use super::browser::{Answer, Browser, Program};

const TEST: Livemode = Livemode::Test;
const GRANT: [(&str, &str); 4] =
    [("feature", "pro"), ("effect", "grant"), ("until", "7d"), ("reason", "paid by transfer")];
const GRANTS: &str = "/admin/customers/user_1/overrides";

async fn program() -> Program {
    let program = Program::with_owner().await;
    for key in ["pro", "team"] {
        let feature = Feature::new(key, FeatureType::Switch);
        program.state.store.put_feature(TEST, &feature, &program.author()).await.unwrap();
    }
    program.state.store.put_user(TEST, "user_1", None, None, &program.author()).await.unwrap();
    program
}

/// Sends a form that changes something; a second later, so that each change has its own moment.
async fn change(program: &Program, browser: &Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
    program.clock.advance(1000);
    let answer = browser.post(path, fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    browser.get(&answer.location).await
}

/// The entries that a page's Undo button names.
fn entries(page: &Answer) -> Vec<String> {
    let tags = page.body.split('<').filter(|tag| tag.contains("name=\"entry\""));
    tags.map(|tag| tag.split("value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()).collect()
}

async fn undo(program: &Program, browser: &Browser, entries: &[String]) -> Answer {
    let fields: Vec<(&str, &str)> = entries.iter().map(|entry| ("entry", entry.as_str())).collect();
    change(program, browser, "/admin/undo", &fields).await
}

#[track_caller]
fn says(page: &Answer, words: &str) {
    assert!(page.body.contains(words), "{words:?} is not in {}", page.body);
}

#[tokio::test]
async fn a_grant_of_several_features_is_taken_back_at_once() {
    let program = program().await;
    let browser = program.signed_in(Role::Support).await;
    let both = [&GRANT[..], &[("feature", "team")]].concat();
    let page = change(&program, &browser, GRANTS, &both).await;
    says(&page, "user_1 gained pro, team.");
    let grants = entries(&page);
    assert_eq!(grants.len(), 2);
    assert!(entries(&browser.get("/admin/customers/user_1").await).is_empty(), "it is offered once");
    let page = undo(&program, &browser, &grants).await;
    says(&page, "Took back granting pro to user_1. user_1 lost pro.");
    assert!(!program.is_allowed("user_1", "pro") && !program.is_allowed("user_1", "team"));
    let page = undo(&program, &browser, &grants).await;
    says(&page, "was revoked already");

    let audit =
        program.state.store.audit(&AuditFilter { limit: 1, ..AuditFilter::default() }).await.unwrap().data.remove(0);
    assert_eq!((audit.action.as_str(), audit.actor.as_str()), ("change.undo", "staff:support@example.com"));
    assert!(audit.reason.unwrap().starts_with("Undo of granting "));
}

#[tokio::test]
async fn a_revocation_is_taken_back() {
    let program = program().await;
    let browser = program.signed_in(Role::Support).await;
    change(&program, &browser, GRANTS, &GRANT).await;
    let list = store::records::OverrideFilter { user_id: Some("user_1".into()), after: None, limit: 1 };
    let id = program.state.store.overrides(TEST, &list).await.unwrap().data.remove(0).override_id;
    let revoke = format!("/admin/overrides/{id}/revoke");
    let page = change(&program, &browser, &revoke, &[("reason", "it was a mistake")]).await;
    says(&page, "user_1 lost pro.");
    let page = undo(&program, &browser, &entries(&page)).await;
    says(&page, "Took back revoking the override of pro for user_1. user_1 gained pro.");
    assert!(program.is_allowed("user_1", "pro"));
}

#[tokio::test]
async fn links_moves_and_unlinkings_are_taken_back() {
    let program = program().await;
    let browser = program.signed_in(Role::Admin).await;
    let mapped = async || program.state.store.mapping(TEST, "cus_1").await.unwrap().map(|mapping| mapping.user_id);
    let link = |user: &'static str| [("customer_id", "cus_1"), ("user_id", user)];
    let linked = change(&program, &browser, "/admin/mappings", &link("user_1")).await;
    says(&linked, "Nobody's access changed.");
    let with_reason = [&link("user_2")[..], &[("reason", "they changed their account")]].concat();
    let moved = change(&program, &browser, "/admin/mappings", &with_reason).await;
    says(&moved, "cus_1 moved from user_1 to user_2.");
    let late = undo(&program, &browser, &entries(&linked)).await;
    says(&late, "was linked to somebody else, or unlinked, since");
    assert_eq!(mapped().await.as_deref(), Some("user_2"));
    undo(&program, &browser, &entries(&moved)).await;
    assert_eq!(mapped().await.as_deref(), Some("user_1"));
    let unlinked = change(&program, &browser, "/admin/mappings/cus_1/delete", &[]).await;
    assert_eq!(mapped().await, None);
    let page = undo(&program, &browser, &entries(&unlinked)).await;
    says(&page, "Took back unlinking cus_1 from user_1.");
    assert_eq!(mapped().await.as_deref(), Some("user_1"));
    assert_eq!(program.state.store.mapping(TEST, "cus_1").await.unwrap().unwrap().source, MappingSource::Staff);
}

#[tokio::test]
async fn changes_of_the_catalog_are_taken_back() {
    let program = program().await;
    let browser = program.signed_in(Role::Admin).await;
    let price = "/admin/catalog/prices/price_1";
    let given = change(&program, &browser, price, &[("feature", "pro")]).await;
    says(&given, "price_1 gives pro");
    let policy = change(&program, &browser, "/admin/features/pro/policy", &[("past_due_grace", "3d")]).await;
    let named =
        change(&program, &browser, "/admin/features", &[("key", "pro"), ("name", "Pro"), ("type", "switch")]).await;
    let made = change(&program, &browser, "/admin/features", &[("key", "new"), ("type", "limit")]).await;
    let catalog = || program.state.store.index().catalog(TEST);
    assert!(!catalog().features["pro"].policy.is_empty());
    for page in [&made, &named, &policy, &given] {
        let page = undo(&program, &browser, &entries(page)).await;
        says(&page, "Took back ");
    }
    let now = catalog();
    assert!(now.features["pro"].policy.is_empty() && now.features["pro"].name.is_none());
    assert!(!now.features.contains_key("new"));
    assert!(now.prices.get("price_1").is_none_or(Vec::is_empty));

    let again = change(&program, &browser, price, &[("feature", "pro")]).await;
    let grants = [FeatureGrant::of("team")];
    program.clock.advance(1000);
    program.state.store.put_grants(TEST, TargetKind::Price, "price_1", &grants, &program.author()).await.unwrap();
    let page = undo(&program, &browser, &entries(&again)).await;
    says(&page, "What price_1 gives was changed again since.");
    assert_eq!(catalog().prices["price_1"], grants);
}

#[tokio::test]
async fn below_an_admin_one_takes_back_what_one_did_oneself() {
    let program = program().await;
    let (support, admin) = (program.signed_in(Role::Support).await, program.signed_in(Role::Admin).await);
    let theirs = entries(&change(&program, &admin, GRANTS, &GRANT).await);
    let priced = entries(&change(&program, &admin, "/admin/catalog/prices/price_1", &[("feature", "pro")]).await);
    for entry in theirs.iter().chain(&priced) {
        let refused = support.post("/admin/undo", &[("entry", entry)]).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.body);
    }
    assert!(program.is_allowed("user_1", "pro"));
    let viewer = program.signed_in(Role::Viewer).await;
    assert_eq!(viewer.post("/admin/undo", &[("entry", &theirs[0])]).await.status, StatusCode::FORBIDDEN);
    let own = entries(&change(&program, &support, GRANTS, &GRANT).await);
    undo(&program, &admin, &own).await;
    undo(&program, &admin, &theirs).await;
    assert!(!program.is_allowed("user_1", "pro"));
    for nonsense in ["0", "x", "4711"] {
        let answer = admin.post("/admin/undo", &[("entry", nonsense)]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{nonsense}");
    }
    // A change of the other mode is not this page's.
    let other = [("entry", own[0].as_str()), ("livemode", "live")];
    assert_eq!(admin.post("/admin/undo", &other).await.status, StatusCode::NOT_FOUND);
}
