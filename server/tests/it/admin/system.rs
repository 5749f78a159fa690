//! Settings and system: who sees what, and no secret anywhere.

use crate::helpers::database::is_postgres;
use domain::role::Role;
use reqwest::StatusCode;

use super::browser::sign_in;
use crate::helpers::{SECRET, STRIPE_KEY, TestApp};

#[tokio::test]
async fn settings_are_shown_masked_to_who_may_change_them() {
    let app = TestApp::start().await;
    let admin = sign_in(&app.state, &app.url, Role::Admin).await;
    let page = admin.get("/admin/settings").await;
    assert_eq!(page.status, StatusCode::OK);
    for word in
        ["STRIPE_SECRET_KEY", "PAST_DUE_GRACE", "7d", "default", "How long past_due keeps its access", app.url.as_str()]
    {
        assert!(page.body.contains(word), "{word} is not in {}", page.body);
    }
    assert!(!page.body.contains(STRIPE_KEY) && !page.body.contains(SECRET), "{}", page.body);
    assert!(!page.body.contains("INTAKE_BATCH"), "hidden settings stay hidden");
    for role in [Role::Viewer, Role::Support] {
        let page = sign_in(&app.state, &app.url, role).await.get("/admin/settings").await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{role}");
        assert!(page.body.contains("needs the role admin") && !page.body.contains("PAST_DUE_GRACE"), "{}", page.body);
    }
}

#[tokio::test]
async fn the_system_tells_how_it_is_and_the_report_holds_no_secret() {
    let app = TestApp::start().await;
    let key = app.key(domain::Livemode::Test, domain::role::Scope::Admin).await;
    app.sell(&key, "price_pro", "pro").await;
    app.subscriber("cus_ada", "price_pro", Some("user_1")).await;
    let viewer = sign_in(&app.state, &app.url, Role::Viewer).await;
    let page = viewer.get("/admin/system").await;
    assert_eq!(page.status, StatusCode::OK);
    for word in [
        env!("CARGO_PKG_VERSION"),
        if is_postgres() { "PostgreSQL 1" } else { "SQLite 3." },
        "as it should be",
        "can be written",
        "Reads in the background",
        "Next reconcile",
        "Support report",
        "STRIPE_SECRET_KEY (env)",
    ] {
        assert!(page.body.contains(word), "{word} is not in {}", page.body);
    }
    for secret in [STRIPE_KEY, SECRET, "cus_ada", "user_1"] {
        assert!(!page.body.contains(secret), "{secret}");
    }
}
