//! What the API can say of features and prices, by forms: the same faults, and whoever would lose access is named first.

use domain::access::Treatment;
use domain::role::Role;
use domain::{Livemode, Term};
use reqwest::StatusCode;
use serde_json::json;

use super::history::{hear, shop};

const TEST: Livemode = Livemode::Test;

#[tokio::test]
async fn a_policy_that_takes_access_away_is_asked_about_first() {
    let program = shop().await;
    let end = program.now().secs() + 5 * 86_400;
    hear(&program, "evt_1", program.now(), json!({ "status": "trialing", "trial_end": end })).await;
    assert!(program.is_allowed("user_1", "pro"));
    let browser = program.signed_in(Role::Admin).await;
    for path in ["/admin/catalog/prices/price_pro/policy", "/admin/features/pro/policy"] {
        let page = browser.get(path).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.body.contains("as the installation has it: allow") && page.body.contains("REFUND_POLICY"));
        let wrong = browser.post(path, &[("past_due_grace", "soon"), ("trialing", "maybe")]).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(wrong.body.contains("is no length of time such as 7d, 12h or 300s."), "{}", wrong.body);
        assert!(wrong.body.contains("is neither allow nor deny."), "{}", wrong.body);

        let deny = [("past_due_grace", "14d"), ("trialing", "deny")];
        let asked = browser.post(path, &deny).await;
        assert_eq!(asked.status, StatusCode::SEE_OTHER);
        let page = browser.get(&asked.location).await.body;
        assert!(page.contains("1 user loses access.") && page.contains("user_1"), "{page}");
        assert!(page.contains("value=\"14d\""), "what was typed is kept");
        assert!(program.is_allowed("user_1", "pro"));
        let seen = page.split("name=\"previewed\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        let sure = [&deny[..], &[("previewed", seen)]].concat();
        assert_eq!(
            browser.post(path, &sure).await.location,
            path.trim_end_matches("/policy").replace("/features/pro", "/features")
        );
        assert!(!program.is_allowed("user_1", "pro"));
        assert!(browser.get(path).await.body.contains("value=\"14d\""));

        assert_eq!(browser.post(path, &[("trialing", "")]).await.status, StatusCode::SEE_OTHER);
        assert!(program.is_allowed("user_1", "pro"), "an empty policy is none");
    }
    let catalog = program.state.store.index().catalog(TEST);
    assert!(catalog.features["pro"].policy.is_empty());
    assert_eq!(browser.get("/admin/features/nothing/policy").await.status, StatusCode::NOT_FOUND);
    assert_eq!(browser.post("/admin/features/nothing/policy", &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_policy_shows_where_its_price_and_feature_stand() {
    let program = shop().await;
    let browser = program.signed_in(Role::Admin).await;
    for path in ["/admin/catalog/prices/price_pro/policy", "/admin/features/pro/policy"] {
        assert_eq!(browser.post(path, &[("paused", Treatment::Allow.as_str())]).await.status, StatusCode::SEE_OTHER);
    }
    for path in ["/admin/catalog/prices/price_pro", "/admin/features"] {
        assert!(browser.get(path).await.body.contains("paused: allow"), "{path}");
    }
}

#[tokio::test]
async fn what_is_bought_once_has_a_term_and_credits() {
    let program = shop().await;
    let browser = program.signed_in(Role::Admin).await;
    let path = "/admin/catalog/prices/price_pass";
    assert!(browser.get(path).await.body.contains("duration_pro"));
    let wrong = [("feature", "pro"), ("duration_pro", "a month"), ("credits_pro", "0")];
    let refused = browser.post(path, &wrong).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        refused.body.contains("duration_pro-error") && refused.body.contains("such as 30d or 12h"),
        "{}",
        refused.body
    );
    assert!(
        refused.body.contains("credits_pro-error") && refused.body.contains("It must be at least 1."),
        "{}",
        refused.body
    );
    let right = [("feature", "pro"), ("duration_pro", "30d"), ("credits_pro", "100")];
    assert_eq!(browser.post(path, &right).await.status, StatusCode::SEE_OTHER);
    let grant = || program.state.store.index().catalog(TEST).prices["price_pass"][0].clone();
    assert_eq!((grant().duration, grant().credits), (Term::parse("30d"), Some(100)));
    let page = browser.get(path).await.body;
    assert!(page.contains("value=\"30d\"") && page.contains("value=\"100\""), "{page}");
    // A form without these fields, such as one of before, leaves them.
    assert_eq!(browser.post(path, &[("feature", "pro")]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(grant().credits, Some(100));
    let emptied = [("feature", "pro"), ("duration_pro", ""), ("credits_pro", "")];
    assert_eq!(browser.post(path, &emptied).await.status, StatusCode::SEE_OTHER);
    assert_eq!((grant().duration, grant().credits), (None, None));
}
