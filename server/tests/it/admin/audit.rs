//! The audit log: narrowed, paged, one entry with what it changed, and nothing of the other mode.

use domain::Livemode;
use domain::role::Role;
use reqwest::StatusCode;
use serde_json::json;
use store::records::Author;

use super::browser::{Browser, Program};

async fn note(program: &Program, mode: Livemode, actor: &str, action: &str, object: (&str, &str), days_ago: i64) {
    let now = program.now().plus_secs(-days_ago * 86_400);
    let author = Author::new(actor, now).because(Some(format!("because of {}", object.1)));
    let details = json!({ "before": { "user_id": "user_old", "same": 1 }, "after": { "user_id": "user_new", "same": 1 }, "note": "noted" });
    program.state.store.note_audit(Some(mode), action, object, &details, &author).await.unwrap();
}

/// Which objects a page lists, of those this test made.
async fn listed(browser: &Browser, query: &str) -> Vec<String> {
    let page = browser.get(&format!("/admin/audit{query}")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let all = ["cus_old", "cus_1", "cus_2", "price_1", "cus_live"];
    all.into_iter().filter(|id| page.body.contains(&format!("because of {id}"))).map(str::to_owned).collect()
}

async fn program() -> (Program, Browser) {
    let program = Program::start().await;
    let (test, live) = (Livemode::Test, Livemode::Live);
    note(&program, test, "staff:ada@example.com", "mapping.put", ("customer", "cus_old"), 40).await;
    note(&program, test, "staff:ada@example.com", "mapping.put", ("customer", "cus_1"), 3).await;
    note(&program, test, "api_key:key_1", "mapping.delete", ("customer", "cus_2"), 2).await;
    note(&program, live, "staff:ada@example.com", "mapping.put", ("customer", "cus_live"), 1).await;
    note(&program, test, "staff:ada@example.com", "catalog.put", ("price", "price_1"), 1).await;
    let browser = program.signed_in(Role::Viewer).await;
    (program, browser)
}

#[tokio::test]
async fn the_log_is_narrowed_by_who_what_which_and_when() {
    let (program, browser) = program().await;
    let day = |ago: i64| program.now().plus_secs(-ago * 86_400).to_string()[..10].to_owned();
    assert_eq!(listed(&browser, "").await, ["cus_1", "cus_2", "price_1"], "the last 30 days");
    assert_eq!(listed(&browser, "?from=all").await, ["cus_old", "cus_1", "cus_2", "price_1"]);
    assert_eq!(listed(&browser, "?from=").await, ["cus_old", "cus_1", "cus_2", "price_1"], "the field was emptied");
    assert_eq!(listed(&browser, "?who=ada%40example.com").await, ["cus_1", "price_1"]);
    assert_eq!(listed(&browser, "?who=key_1").await, ["cus_2"]);
    assert_eq!(listed(&browser, "?action=mapping.put").await, ["cus_1"]);
    assert_eq!(listed(&browser, "?object=price_1").await, ["price_1"]);
    assert_eq!(listed(&browser, &format!("?from={}&to={}", day(3), day(2))).await, ["cus_1", "cus_2"]);
    assert!(listed(&browser, "?who=nobody%40example.com").await.is_empty());
    let page = browser.get("/admin/audit?action=mapping.put").await.body;
    let link = page
        .split("href=\"")
        .find(|tag| tag.starts_with("/admin/export/audit.csv"))
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let file = browser.get(&link.replace("&amp;", "&")).await.body;
    assert!(file.contains("because of cus_1") && !file.contains("cus_2") && !file.contains("cus_old"), "{file}");
    let wrong = browser.get("/admin/audit?from=someday").await;
    assert!(wrong.status == StatusCode::OK && wrong.body.contains("is no moment"), "{}", wrong.body);
}

#[tokio::test]
async fn an_entry_shows_what_it_changed_in_its_own_mode() {
    let (_program, browser) = program().await;
    let page = browser.get("/admin/audit/2").await;
    assert_eq!(page.status, StatusCode::OK);
    for word in
        ["Linked", "<del>user_old</del>", "<ins>user_new</ins>", "because of cus_1", "noted", "/admin/customers/cus_1"]
    {
        assert!(page.body.contains(word), "{word} is not in {}", page.body);
    }
    assert!(!page.body.contains("<del>1</del>"), "what stayed the same is no change");
    let elsewhere = browser.get("/admin/audit/4").await;
    assert!(elsewhere.status == StatusCode::NOT_FOUND && !elsewhere.body.contains("cus_live"), "{}", elsewhere.body);
    assert!(elsewhere.body.contains("/admin/audit/4?mode=live"), "{}", elsewhere.body);
    assert!(browser.get("/admin/audit/4?mode=live").await.body.contains("cus_live"));
    for unknown in ["/admin/audit/4711", "/admin/audit/x"] {
        assert_eq!(browser.get(unknown).await.status, StatusCode::NOT_FOUND, "{unknown}");
    }
}

#[tokio::test]
async fn the_log_is_paged() {
    let program = Program::start().await;
    for n in 0..60 {
        let id = format!("cus_n{n}");
        note(&program, Livemode::Test, "cli", "mapping.put", ("customer", &id), 0).await;
    }
    let browser = program.signed_in(Role::Viewer).await;
    let first = browser.get("/admin/audit?action=mapping.put").await.body;
    assert!(first.contains("because of cus_n59") && !first.contains("because of cus_n9 "), "{first}");
    let next = first.split("href=\"").find(|tag| tag.contains("after=")).unwrap().split('"').next().unwrap();
    let second = browser.get(&next.replace("&amp;", "&")).await.body;
    assert!(second.contains("because of cus_n0<") && second.contains("First page"), "{second}");
    assert!(!second.contains("because of cus_n59"));
}
