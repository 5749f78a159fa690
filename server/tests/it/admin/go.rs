//! Where an id leads, and what is found at Stripe.

use domain::Livemode;
use domain::role::{Role, Scope};
use reqwest::StatusCode;
use serde_json::json;

use super::browser::{Browser, sign_in};
use crate::helpers::TestApp;

async fn with_a_payer(role: Role) -> (TestApp, Browser) {
    let app = TestApp::start().await;
    let key = app.key(Livemode::Test, Scope::Admin).await;
    app.sell(&key, "price_pro", "pro").await;
    app.subscriber("cus_ada", "price_pro", Some("user_1")).await;
    app.put(&key, "/v1/users/user_2", json!({ "email": "two@example.com" })).await.ok();
    let browser = sign_in(&app.state, &app.url, role).await;
    (app, browser)
}

async fn leads(browser: &Browser, path: &str) -> String {
    let answer = browser.get(path).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}: {}", answer.body);
    answer.location
}

#[tokio::test]
async fn whatever_is_pasted_leads_to_its_page() {
    let (app, browser) = with_a_payer(Role::Viewer).await;
    let subscription = app.state.store.subscriptions_of(Livemode::Test, "cus_ada").await.unwrap().remove(0);
    let id = subscription.subscription.id;
    for (what, page) in [
        ("user_1".to_owned(), "/admin/customers/user_1".to_owned()),
        ("cus_ada".to_owned(), "/admin/customers/cus_ada".to_owned()),
        (id.clone(), format!("/admin/subscriptions/{id}")),
        ("price_pro".to_owned(), "/admin/catalog/prices/price_pro".to_owned()),
        ("two@example.com".to_owned(), "/admin/customers/user_2".to_owned()),
        ("TWO@example.com".to_owned(), "/admin/customers/user_2".to_owned()),
        ("cus_ada@example.com".to_owned(), "/admin/customers/user_1".to_owned()),
        ("https://dashboard.stripe.com/test/customers/cus_ada".to_owned(), "/admin/customers/cus_ada".to_owned()),
        (format!("https://dashboard.stripe.com/acct_1/test/subscriptions/{id}"), format!("/admin/subscriptions/{id}")),
        ("cus_unheard".to_owned(), "/admin/search?q=cus_unheard".to_owned()),
    ] {
        let asked: String = url::form_urlencoded::byte_serialize(what.as_bytes()).collect();
        assert_eq!(leads(&browser, &format!("/admin/go/{asked}")).await, page, "{what}");
        assert_eq!(leads(&browser, &format!("/admin/go?q={asked}")).await, page, "{what}");
    }
    assert_eq!(
        leads(&browser, "/admin/go/https://dashboard.stripe.com/test/customers/cus_ada").await,
        "/admin/customers/cus_ada"
    );
    assert_eq!(leads(&browser, "/admin/go").await, "/admin/search");
    let here = leads(&browser, "/admin/search?q=https%3A%2F%2Fdashboard.stripe.com%2Ftest%2Fcustomers%2Fcus_ada").await;
    assert_eq!(here, "/admin/customers/cus_ada");

    // Shown is live mode: what test mode has leads there.
    browser.get("/admin?mode=live").await;
    assert_eq!(leads(&browser, "/admin/go/cus_ada").await, "/admin/customers/cus_ada?mode=test");
    assert_eq!(leads(&browser, "/admin/go/two@example.com").await, "/admin/customers/user_2?mode=test");
}

#[tokio::test]
async fn the_search_tells_kinds_apart_and_hides_the_staff_from_who_may_not_see_it() {
    let (app, viewer) = with_a_payer(Role::Viewer).await;
    let admin = sign_in(&app.state, &app.url, Role::Admin).await;
    let page = viewer.get("/admin/search?q=pr").await.body;
    assert!(page.contains("/admin/catalog/prices/price_pro") && page.contains("Feature"), "{page}");
    assert!(admin.get("/admin/search?q=ADMIN%40ex").await.body.contains("admin@example.com"));
    assert!(!viewer.get("/admin/search?q=admin%40ex").await.body.contains(">admin<"));
}

#[tokio::test]
async fn what_is_not_here_is_looked_for_at_stripe_and_read_in() {
    let (app, support) = with_a_payer(Role::Support).await;
    let viewer = sign_in(&app.state, &app.url, Role::Viewer).await;
    app.stripe.control().create_customer(Some("cus_new"), Some("new@example.com"), Some("Newcomer"), json!({}));
    let link = "/admin/search?q=new%40example.com&amp;at=stripe";
    assert!(support.get("/admin/search?q=new%40example.com").await.body.contains(link));
    assert!(!viewer.get("/admin/search?q=new%40example.com").await.body.contains("at=stripe"));
    let found = support.get("/admin/search?q=new%40example.com&at=stripe").await.body;
    assert!(found.contains("Newcomer") && found.contains("Read cus_new from Stripe"), "{found}");
    assert!(!viewer.get("/admin/search?q=new%40example.com&at=stripe").await.body.contains("Newcomer"));
    let none = support.get("/admin/search?q=none%40example.com&at=stripe").await.body;
    assert!(none.contains("Stripe has no such customer"), "{none}");
    let mistyped = support.get("/admin/search?q=cus_mistyped&at=stripe").await.body;
    assert!(mistyped.contains("Stripe has no such customer"), "{mistyped}");

    let read = support.post("/admin/customers/cus_new/resync", &[]).await;
    assert_eq!((read.status, read.location.as_str()), (StatusCode::SEE_OTHER, "/admin/customers/cus_new"));
    assert!(app.state.store.customer(Livemode::Test, "cus_new").await.unwrap().is_some());
    let unknown = support.post("/admin/customers/cus_mistyped/resync", &[]).await;
    assert_eq!(unknown.status, StatusCode::SEE_OTHER, "{}", unknown.body);
    assert!(app.state.store.customer(Livemode::Test, "cus_mistyped").await.unwrap().is_none(), "it is forgotten");
}
