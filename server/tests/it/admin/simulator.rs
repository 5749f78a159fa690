//! "Check as user": what the application would be told, with nothing written.

use domain::Livemode;
use domain::role::{Role, Scope};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::browser::{Browser, sign_in};
use crate::helpers::TestApp;

/// A user who pays for `pro`, and somebody of this role who looks.
async fn with_a_payer(role: Role) -> (TestApp, String, Browser) {
    let app = TestApp::start().await;
    let key = app.key(Livemode::Test, Scope::Admin).await;
    app.sell(&key, "price_pro", "pro").await;
    app.sell(&key, "price_team", "team").await;
    app.subscriber("cus_ada", "price_pro", Some("user_1")).await;
    let browser = sign_in(&app.state, &app.url, role).await;
    (app, key, browser)
}

/// The page as text: tags gone, entities back.
async fn asked(browser: &Browser, query: &str) -> String {
    let page = browser.get(&format!("/admin/simulator?{query}")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let mut text = String::new();
    let mut within = false;
    for c in page.body.chars() {
        match c {
            '<' => within = true,
            '>' => within = false,
            c if !within => text.push(c),
            _ => {}
        }
    }
    text.replace("&quot;", "\"").replace("&#x27;", "'").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// The answer as the API would send it, from the page.
fn sent(text: &str) -> Value {
    let start = text.find("{\n  \"object\": \"access\"").unwrap_or_else(|| panic!("no answer in {text}"));
    serde_json::Deserializer::from_str(&text[start..]).into_iter().next().unwrap().unwrap()
}

#[tokio::test]
async fn the_answer_is_the_one_the_api_gives_with_every_rule_on_the_way() {
    let (app, key, browser) = with_a_payer(Role::Viewer).await;
    let page = asked(&browser, "user=user_1&feature=pro").await;
    assert!(page.contains("Yes: pro for user_1") && page.contains("Nothing was written"), "{page}");
    assert_eq!(page.matches("Not matched").count(), 4, "{page}");
    assert_eq!(page.matches("Not reached").count(), 3, "{page}");
    let answer = app.get(&key, "/v1/access?user_id=user_1&feature=pro").await.ok();
    assert_eq!(sent(&page), answer);
    let curl = format!("\"{}/v1/access?user_id=user_1&feature=pro\"", app.url);
    assert!(page.contains(&curl) && !page.contains(&key), "{page}");

    // Asked about by address, by customer, by subscription.
    for id in ["cus_ada", "cus_ada%40example.com"] {
        assert!(asked(&browser, &format!("user={id}&feature=pro")).await.contains("Yes: pro for user_1"), "{id}");
    }
    let page = asked(&browser, "user=user_1&feature=team").await;
    assert!(page.contains("No: team for user_1") && page.contains("not in plan"), "{page}");
    assert!(asked(&browser, "user=user_1").await.contains("user_1: 1 of 2 features"));
    assert!(asked(&browser, "user=nobody&feature=pro").await.contains("Nothing is known about the user"));
}

#[tokio::test]
async fn facts_may_be_thought_otherwise_and_stay_as_they_are() {
    let (app, key, browser) = with_a_payer(Role::Viewer).await;
    let before = app.state.store.audit(&store::records::AuditFilter { limit: 50, ..Default::default() }).await.unwrap();
    let page = asked(&browser, "user=user_1&feature=pro&status=unpaid").await;
    assert!(page.contains("No: pro for user_1") && page.contains("As if every subscription is unpaid"), "{page}");
    assert!(page.contains("The API cannot be asked this"), "{page}");
    let page = asked(&browser, "user=user_1&feature=team&price=price_team").await;
    assert!(page.contains("Yes: team for user_1") && page.contains("what_if"), "{page}");
    let deny = json!({ "feature": "pro", "effect": "deny", "reason": "a test of thoughts" });
    app.post(&key, "/v1/users/user_1/overrides", deny).await.ok();
    assert!(asked(&browser, "user=user_1&feature=pro").await.contains("Denied by staff"));
    let page = asked(&browser, "user=user_1&feature=pro&without_overrides=true").await;
    assert!(page.contains("Yes: pro for user_1") && page.contains("no override counts"), "{page}");
    for (query, word) in [
        ("user=user_1&feature=pro&status=nonsense", "is no status"),
        ("user=user_1&feature=pro&price=price_unheard", "is not known here"),
        ("user=user_1&feature=a%20b", "Invalid feature"),
        ("user=user_1&feature=pro&day=2026-02-31&time=00:00", "is no moment"),
        ("user=cus_unheard", "is not known here"),
    ] {
        let page = asked(&browser, query).await;
        assert!(page.contains(word), "{query}: {page}");
    }

    // Nothing of it was a check or a change.
    app.state.checks.settle().await.unwrap();
    assert!(app.state.store.checks_of(Livemode::Test, "user_1").await.unwrap().is_empty());
    let after = app.state.store.audit(&store::records::AuditFilter { limit: 50, ..Default::default() }).await.unwrap();
    assert_eq!(after.data.len(), before.data.len() + 1, "the override alone");
}

#[tokio::test]
async fn another_moment_is_answered_from_history_and_by_the_clock() {
    let (app, key, browser) = with_a_payer(Role::Viewer).await;
    let now = app.state.now();
    let at = |days: i64| {
        let text = now.plus_secs(days * 86_400).to_string();
        format!("day={}&time={}", &text[..10], &text[11..16].replace(':', "%3A"))
    };
    let page = asked(&browser, &format!("user=user_1&feature=pro&{}", at(300))).await;
    assert!(page.contains("No: pro for user_1") && page.contains("&at="), "{page}");
    assert_eq!(sent(&page)["reason"], "grace_period_over");
    let page = asked(&browser, &format!("user=user_1&feature=pro&{}", at(5))).await;
    assert!(page.contains("Yes: pro for user_1"), "{page}");
    let moment = sent(&page)["as_of"].as_str().unwrap().to_owned();
    let answer = app.get(&key, &format!("/v1/access?user_id=user_1&feature=pro&at={moment}")).await.ok();
    assert_eq!(sent(&page), answer);
    let page = asked(&browser, &format!("user=user_1&feature=pro&{}", at(-400))).await;
    assert!(page.contains("Nothing is known about that moment"), "{page}");
}

#[tokio::test]
async fn a_payer_of_nobody_leads_to_the_link() {
    let (app, _, browser) = with_a_payer(Role::Viewer).await;
    app.subscriber("cus_lost", "price_pro", None).await;
    let page = browser.get("/admin/simulator?user=cus_lost&feature=pro").await.body;
    assert!(page.contains("/admin/unattributed/cus_lost"), "{page}");
}
