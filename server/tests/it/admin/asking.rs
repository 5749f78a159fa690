//! What takes access away asks first and says whose; what is unknown leads to what may have been meant.

use domain::Livemode;
use domain::catalog::{Feature, FeatureType};
use domain::role::Role;
use reqwest::StatusCode;
use store::records::OverrideFilter;

use super::browser::{Browser, Program};

const TEST: Livemode = Livemode::Test;

/// A program with the features `pro` and `seats`, and a user who has both by hand.
async fn with_a_grant() -> (Program, Browser) {
    let program = Program::with_owner().await;
    for (key, kind) in [("pro", FeatureType::Switch), ("seats", FeatureType::Limit)] {
        let feature = Feature::new(key, kind);
        program.state.store.put_feature(TEST, &feature, &program.author()).await.unwrap();
    }
    program.state.store.put_user(TEST, "user_1", None, None, &program.author()).await.unwrap();
    let browser = program.signed_in(Role::Admin).await;
    let both = [("feature", "pro"), ("feature", "seats"), ("value_seats", "3"), ("effect", "grant")];
    let form = [&both[..], &[("until", "7d"), ("reason", "a good reason")]].concat();
    let answer = browser.post("/admin/customers/user_1/overrides", &form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    (program, browser)
}

#[tokio::test]
async fn several_features_are_granted_by_one_form_each_with_its_number() {
    let (program, browser) = with_a_grant().await;
    assert!(program.is_allowed("user_1", "pro") && program.is_allowed("user_1", "seats"));
    let page = browser.get("/admin/customers/user_1").await.body;
    assert!(page.contains("Granted pro, seats to user_1"), "{page}");
    let many = [("feature", "seats"), ("value_seats", "many"), ("effect", "grant"), ("reason", "a good reason")];
    let refused = browser.post("/admin/customers/user_1/overrides", &many).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("value_seats-error"), "the error stands at its field: {}", refused.body);
    assert!(refused.body.contains("value=\"a good reason\""), "what was typed is kept");
}

#[tokio::test]
async fn whoever_loses_access_is_counted_and_named_before() {
    let (program, browser) = with_a_grant().await;
    let filter = OverrideFilter { user_id: Some("user_1".into()), after: None, limit: 10 };
    let made = program.state.store.overrides(TEST, &filter).await.unwrap().data.remove(0);
    let page =
        browser.get(&format!("/admin/overrides/{}/revoke?return_to=https://evil.example", made.override_id)).await;
    assert!(page.body.contains("1 user loses access."), "{}", page.body);
    let leads_there = |attribute: &str| page.body.contains(&format!("{attribute}=\"https://evil.example"));
    assert!(!leads_there("href") && !leads_there("value"), "it leads nowhere else");

    assert!(program.is_allowed("user_1", "pro"), "looking changes nothing");
}

#[tokio::test]
async fn customers_are_narrowed_to_those_with_an_override() {
    let (_program, browser) = with_a_grant().await;
    assert!(browser.get("/admin/customers?filter=override").await.body.contains("/admin/customers/user_1"));
    let nobody = browser.get("/admin/customers?filter=past_due").await.body;
    assert!(nobody.contains("Nobody&#x27;s payment is past due") || nobody.contains("Nobody's payment is past due"));
}

#[tokio::test]
async fn what_is_unknown_leads_to_what_is_called_much_alike() {
    let (_program, browser) = with_a_grant().await;
    let page = browser.get("/admin/customers/user_2").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(page.body.contains("href=\"/admin/customers/user_1\""), "{}", page.body);
    let found = browser.get("/admin/search?q=user_1").await;
    assert_eq!((found.status, found.location.as_str()), (StatusCode::SEE_OTHER, "/admin/customers/user_1"));
    assert_eq!(browser.get("/admin/nothing/of/the/kind").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_user_is_added_by_hand_or_told_what_is_wrong() {
    let (program, browser) = with_a_grant().await;
    let refused = browser.post("/admin/users", &[("user_id", "user_9"), ("email", "no address")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("email-error") && refused.body.contains("value=\"user_9\""), "{}", refused.body);
    let added = browser.post("/admin/users", &[("user_id", "user_9"), ("email", "nine@example.com")]).await;
    assert_eq!((added.status, added.location.as_str()), (StatusCode::SEE_OTHER, "/admin/customers/user_9"));
    assert!(program.state.store.user(TEST, "user_9").await.unwrap().is_some());
}
