//! Who is linked to whom is reviewed from both sides before it changes.

use domain::Livemode;
use domain::role::Role;
use reqwest::StatusCode;
use store::records::AuditFilter;

use super::browser::{Browser, sign_in};
use crate::helpers::TestApp;

const TEST: Livemode = Livemode::Test;

/// `cus_1` pays for `pro` and is `user_1`'s; `cus_2` pays for it and is nobody's.
async fn app() -> (TestApp, Browser) {
    let app = TestApp::start().await;
    let admin = app.key(TEST, domain::role::Scope::Admin).await;
    let control = app.stripe.control();
    control.create_product(Some("prod_1"), "Pro");
    control.create_price(Some("price_1"), "prod_1", 2900, Some("month"));
    app.sell(&admin, "price_1", "pro").await;
    app.subscriber("cus_1", "price_1", Some("user_1")).await;
    app.subscriber("cus_2", "price_1", None).await;
    let browser = sign_in(&app.state, &app.url, Role::Admin).await;
    (app, browser)
}

async fn page(browser: &Browser, path: &str) -> String {
    let page = browser.get(path).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    page.body
}

#[tokio::test]
async fn a_link_shows_who_would_gain_what_and_changes_nothing() {
    let (app, browser) = app().await;
    let body = page(&browser, "/admin/mappings/link?customer_id=cus_2&user_id=user_2").await;
    assert!(body.contains("Link cus_2 to user_2?") && body.contains("Gains it"), "{body}");
    assert!(body.contains("Nobody loses access; 1 user gains access."), "{body}");
    assert_eq!(app.state.store.mapping(TEST, "cus_2").await.unwrap(), None);
    assert_eq!(
        browser.get("/admin/mappings/link?customer_id=user_2&user_id=cus_2").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(browser.get("/admin/mappings/cus_unheard").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_move_shows_both_users_asks_for_a_reason_and_is_told_of_both() {
    let (app, browser) = app().await;
    let review = "/admin/mappings/link?customer_id=cus_1&user_id=user_2";
    let body = page(&browser, review).await;
    assert!(body.contains("Gains it") && body.contains("Loses it"), "{body}");
    assert!(body.contains("1 user loses access, 1 user gains access."), "{body}");
    let fields = [("customer_id", "cus_1"), ("user_id", "user_2")];
    let refused = browser.post("/admin/mappings", &fields).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("reason-error") && refused.body.contains("Loses it"), "{}", refused.body);
    let moved = browser.post("/admin/mappings", &[&fields[..], &[("reason", "the account was sold")]].concat()).await;
    assert_eq!(moved.status, StatusCode::SEE_OTHER, "{}", moved.body);
    let said = page(&browser, &moved.location).await;
    assert!(said.contains("user_1 lost pro. user_2 gained pro."), "{said}");
    for user in ["user_1", "user_2"] {
        let filter = AuditFilter { object_id: Some(user.to_owned()), limit: 1, ..AuditFilter::default() };
        let entry = app.state.store.audit(&filter).await.unwrap().data.remove(0);
        assert_eq!((entry.action.as_str(), entry.reason.as_deref()), ("mapping.move", Some("the account was sold")));
    }
    let body = page(&browser, "/admin/mappings/cus_1").await;
    assert!(body.contains("user_2") && body.contains("Move to another user"), "{body}");
}

#[tokio::test]
async fn an_unlinking_and_a_conflict_show_whose_access_changes() {
    let (app, browser) = app().await;
    let body = page(&browser, "/admin/mappings/cus_1/delete").await;
    assert!(body.contains("1 user loses access.") && body.contains("Loses it"), "{body}");
    app.stripe.control().request("POST", "customers/cus_1", "metadata[user_id]=user_2");
    app.settle().await;
    let open = app.state.store.open_conflicts(TEST, Some("cus_1")).await.unwrap();
    let conflict = format!("/admin/conflicts/{}", open[0].conflict_id);
    let keeping = page(&browser, &format!("{conflict}?resolution=keep")).await;
    assert!(
        keeping.contains("Nobody's access changes.") || keeping.contains("Nobody&#x27;s access changes."),
        "{keeping}"
    );
    let moving = page(&browser, &format!("{conflict}?resolution=move")).await;
    assert!(moving.contains("1 user loses access, 1 user gains access."), "{moving}");
    let list = page(&browser, "/admin/mappings").await;
    assert!(list.contains("1 conflict") && list.contains("Move to user_2"), "{list}");
    assert!(page(&browser, "/admin/mappings/cus_1").await.contains("Move to user_2"));
}

#[tokio::test]
async fn an_email_address_suggests_a_user_and_links_nobody() {
    let (app, browser) = app().await;
    app.state.store.put_user(TEST, "user_9", Some("CUS_2@example.com"), None, &app.author()).await.unwrap();
    let body = page(&browser, "/admin/mappings/cus_2").await;
    assert!(body.contains("user_9") && body.contains("proves nothing"), "{body}");
    assert_eq!(app.state.store.mapping(TEST, "cus_2").await.unwrap(), None);
}
