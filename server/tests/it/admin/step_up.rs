//! What gives others a way in asks again who is there; and roles that need a second factor do nothing before they have it.

use domain::role::Role;
use reqwest::StatusCode;
use server::auth::session;
use server::auth::staff::safe_return_to;

use super::browser::{Answer, Browser, PASSWORD, Program};
use super::two_factor::{give, half, next_code, turn_on};

const OWNER: &str = "owner@example.com";
const INVITATION: [(&str, &str); 3] = [("email", "eve@example.com"), ("name", "Eve & \"Co\""), ("role", "support")];

/// The hidden fields of the page that asks, as a browser sends them back.
fn hidden(page: &Answer) -> Vec<(String, String)> {
    let form = page.body.split("<form").find(|form| form.contains("id=\"proof\"")).unwrap();
    let value = |tag: &str, name: &str| {
        let text = tag.split(&format!(" {name}=\"")).nth(1)?.split('"').next()?.to_owned();
        Some(text.replace("&quot;", "\"").replace("&lt;", "<").replace("&amp;", "&"))
    };
    let tags = form.split("<input type=\"hidden\"").skip(1);
    tags.map(|tag| (value(tag, "name").unwrap(), value(tag, "value").unwrap_or_default())).collect()
}

fn assert_asks(answer: &Answer, label: &str) {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert!(answer.body.contains("Confirm that it is you") && answer.body.contains(&format!(">{label}</label>")));
}

/// Sends the page that asks with a proof.
async fn prove(browser: &Browser, path: &str, asked: &Answer, field: &str, proof: &str) -> Answer {
    let mut fields = hidden(asked);
    fields.push((field.to_owned(), proof.to_owned()));
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.post_raw(path, &fields, &[]).await
}

async fn is_invited(program: &Program) -> bool {
    let found = program.state.store.staff_by_email("eve@example.com").await.unwrap();
    found.is_some_and(|eve| eve.name == "Eve & \"Co\"" && eve.role == Role::Support)
}

#[tokio::test]
async fn after_ten_minutes_the_password_is_asked_for_with_the_whole_form() {
    let program = Program::with_owner().await;
    let browser = program.signed_in(Role::Owner).await;
    program.clock.advance(session::FRESH_FOR);
    let mut form = vec![("csrf", browser.csrf().await)];
    form.extend(INVITATION.map(|(name, value)| (name, value.to_owned())));
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let referer = format!("{}/admin/staff?all=1", browser.base);
    let asked = browser.post_raw("/admin/staff", &form, &[("referer", &referer)]).await;
    assert_asks(&asked, "Your password");
    assert!(!is_invited(&program).await);

    let wrong = prove(&browser, "/admin/staff", &asked, "proof_password", "a guess").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("This is not your password.") && !wrong.body.contains("a guess"));
    assert!(wrong.body.contains("href=\"/admin/staff?all=1\""), "the way back is kept: {}", wrong.body);
    assert!(!is_invited(&program).await);

    let done = prove(&browser, "/admin/staff", &wrong, "proof_password", PASSWORD).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    assert!(done.body.contains("/admin/invite?token="), "{}", done.body);
    assert!(done.session_cookie().is_some(), "the session goes on under another id");
    assert!(is_invited(&program).await);
    let link = format!(
        "/admin/staff/{}/link",
        program.state.store.staff_by_email("eve@example.com").await.unwrap().unwrap().staff_id
    );
    assert!(browser.post(&link, &[]).await.body.contains("/admin/invite?token="), "it is not asked for again at once");
    program.clock.advance(session::FRESH_FOR);
    assert_asks(&browser.post(&link, &[]).await, "Your password");
}

#[tokio::test]
async fn guesses_are_throttled_and_what_only_takes_away_asks_nothing() {
    let program = Program::with_owner().await;
    let browser = program.signed_in(Role::Owner).await;
    let made = browser.post("/admin/api-keys", &[("name", "shop"), ("scope", "check")]).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    program.clock.advance(session::FRESH_FOR);
    let mut asked = browser.post("/admin/staff", &INVITATION).await;
    for _ in 0..20 {
        asked = prove(&browser, "/admin/staff", &asked, "proof_password", "a guess").await;
    }
    assert!(asked.body.contains("Too many tries."), "{}", asked.body);
    let right = prove(&browser, "/admin/staff", &asked, "proof_password", PASSWORD).await;
    assert_eq!(right.status, StatusCode::UNPROCESSABLE_ENTITY, "not even the right one now");
    assert!(!is_invited(&program).await);

    let keys = program.state.store.api_keys().await.unwrap();
    let revoke = format!("/admin/api-keys/{}/revoke", keys[0].api_key_id);
    assert_eq!(browser.post(&revoke, &[("reason", "it leaked")]).await.status, StatusCode::SEE_OTHER);
    assert!(program.state.store.api_keys().await.unwrap()[0].revoked_at.is_some());
}

#[tokio::test]
async fn who_has_a_second_factor_shows_that_and_the_password_does_not_do() {
    let program = Program::with_owner().await;
    let codes = turn_on(&program, &program.signed_in(Role::Owner).await, OWNER).await;
    let browser = half(&program, OWNER).await;
    let code = next_code(&program, OWNER).await;
    assert_eq!(give(&browser, &code).await.status, StatusCode::SEE_OTHER);
    program.clock.advance(session::FRESH_FOR);
    let asked = browser.post("/admin/staff", &INVITATION).await;
    assert_asks(&asked, "Code");
    let still = prove(&browser, "/admin/staff", &asked, "proof_password", PASSWORD).await;
    assert_asks(&still, "Code");
    let used = prove(&browser, "/admin/staff", &asked, "proof_code", &code).await;
    assert_eq!(used.status, StatusCode::UNPROCESSABLE_ENTITY, "each code counts once");
    assert!(!is_invited(&program).await);
    let next = next_code(&program, OWNER).await;
    let done = prove(&browser, "/admin/staff", &used, "proof_code", &next).await;
    assert!(done.body.contains("/admin/invite?token="), "{}", done.body);
    assert!(is_invited(&program).await);

    program.clock.advance(session::FRESH_FOR);
    let key = [("name", "shop"), ("scope", "check")];
    let asked = browser.post("/admin/api-keys", &key).await;
    assert_asks(&asked, "Code");
    let made = prove(&browser, "/admin/api-keys", &asked, "proof_code", &codes[0]).await;
    assert!(made.body.contains("tk_test_"), "a recovery code does as well: {}", made.body);
}

#[tokio::test]
async fn a_role_that_needs_a_second_factor_does_nothing_without() {
    let program = Program::with(&[("TWO_FACTOR_ROLES", "owner,admin")]).await;
    program.add_staff(OWNER, Role::Owner).await;
    let security = "/admin/account/security";
    let browser = program.signed_in(Role::Owner).await;
    for path in [
        "/admin",
        "/admin/customers",
        "/admin/staff",
        "/admin/account",
        "/admin/export/customers.csv",
        "/admin/accounts",
    ] {
        let answer = browser.get(path).await;
        assert_eq!((answer.status, answer.location.as_str()), (StatusCode::SEE_OTHER, security), "{path}");
    }
    assert_eq!(browser.get("/admin/live").await.status, StatusCode::FORBIDDEN);
    let sent = browser.post("/admin/staff", &INVITATION).await;
    assert_eq!((sent.status, sent.location.as_str()), (StatusCode::SEE_OTHER, security));
    assert!(!is_invited(&program).await);
    assert!(browser.get(security).await.body.contains("Your role needs two-factor sign-in."));
    assert_eq!(
        program.signed_in(Role::Support).await.get("/admin").await.status,
        StatusCode::OK,
        "others do as before"
    );

    turn_on(&program, &browser, OWNER).await;
    assert_eq!(browser.get("/admin").await.status, StatusCode::OK);
    assert!(!browser.get(security).await.body.contains("Your role needs"));
    let code = next_code(&program, OWNER).await;
    let off = browser.post("/admin/account/2fa/off", &[("off_password", PASSWORD), ("off_code", &code)]).await;
    assert_eq!(off.status, StatusCode::SEE_OTHER);
    assert_eq!(browser.get("/admin").await.location, security, "without it the session is as narrow as before");
    assert_eq!(safe_return_to(Some(security)), security);
}

#[tokio::test]
async fn whoever_has_a_second_factor_shows_it_again_before_changing_how_they_sign_in() {
    let program = Program::with_owner().await;
    turn_on(&program, &program.signed_in(Role::Owner).await, OWNER).await;
    let browser = half(&program, OWNER).await;
    assert_eq!(give(&browser, &next_code(&program, OWNER).await).await.status, StatusCode::SEE_OTHER);
    assert!(browser.get("/admin/account/security").await.body.contains("name=\"current\""));
    program.clock.advance(session::FRESH_FOR);
    let page = browser.get("/admin/account/security").await;
    assert!(page.body.contains("How you sign in") && !page.body.contains("name=\"current\""), "{}", page.body);

    let chosen = "five quite other words here";
    let change = [("current", PASSWORD), ("password", chosen)];
    let before = program.state.store.staff_by_email(OWNER).await.unwrap().unwrap().password_hash;
    let refused = browser.post("/admin/account/password", &change).await;
    assert_eq!((refused.status, refused.location.as_str()), (StatusCode::SEE_OTHER, "/admin/account/security"));
    assert!(browser.get("/admin/account/security").await.body.contains("Nothing was changed"));
    assert_eq!(program.state.store.staff_by_email(OWNER).await.unwrap().unwrap().password_hash, before);

    let asked = browser.post("/admin/account/proof", &[]).await;
    assert_asks(&asked, "Code");
    let code = next_code(&program, OWNER).await;
    let proven = prove(&browser, "/admin/account/proof", &asked, "proof_code", &code).await;
    assert_eq!((proven.status, proven.location.as_str()), (StatusCode::SEE_OTHER, "/admin/account/security"));
    assert!(browser.get("/admin/account/security").await.body.contains("name=\"current\""));
    let changed = browser.post("/admin/account/password", &change).await;
    assert_eq!(changed.status, StatusCode::SEE_OTHER, "{}", changed.body);
    assert_ne!(program.state.store.staff_by_email(OWNER).await.unwrap().unwrap().password_hash, before);
}
