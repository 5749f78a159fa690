//! How people come in, get another password, and are let out.

use domain::role::Role;
use reqwest::StatusCode;
use server::auth::password;

use super::browser::{Answer, Browser, PASSWORD, Program};

const CHOSEN: &str = "a walk along the river";

fn assert_refused(answer: &Answer, words: &str) {
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.body);
    assert!(answer.body.contains(words), "{words:?} in {}", answer.body);
}

/// The link's path on the page that shows it.
fn link_of(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let start = answer.body.find("/admin/invite?token=").unwrap_or_else(|| panic!("no link in {}", answer.body));
    answer.body[start..].chars().take_while(|c| c.is_ascii_alphanumeric() || "/?=".contains(*c)).collect()
}

/// Chooses a password by a link.
async fn enter(browser: &Browser, link: &str, name: &str, chosen: &str) -> Answer {
    let csrf = browser.get(link).await.csrf();
    let token = link.split('=').nth(1).unwrap();
    let fields = [("csrf", csrf.as_str()), ("token", token), ("name", name), ("password", chosen)];
    browser.post_raw("/admin/invite", &fields, &[]).await
}

async fn sign_in(program: &Program, email: &str, password: &str) -> (Browser, StatusCode) {
    let browser = program.browser();
    let status = browser.post("/admin/login", &[("email", email), ("password", password)]).await.status;
    (browser, status)
}

#[tokio::test]
async fn somebody_comes_in_by_an_invitation_once() {
    let program = Program::with_owner().await;
    let owner = program.signed_in(Role::Owner).await;
    let eve = [("email", "Eve@example.com"), ("name", ""), ("role", "support")];
    assert_refused(&owner.post("/admin/staff", &[("email", "eve"), eve[2]]).await, "e-mail address");
    assert_refused(&owner.post("/admin/staff", &[eve[0], ("role", "king")]).await, "Choose viewer");
    let link = link_of(&owner.post("/admin/staff", &eve).await);
    assert_refused(&owner.post("/admin/staff", &eve).await, "already");
    assert!(!owner.get("/admin/staff").await.body.contains("token="), "it is shown once");
    assert!(owner.get("/admin/staff").await.body.contains("Invited"));

    // Nobody signs in to an account without a password.
    for given in ["", "none", PASSWORD] {
        assert_eq!(sign_in(&program, "eve@example.com", given).await.1, StatusCode::UNPROCESSABLE_ENTITY, "{given:?}");
    }
    let browser = program.browser();
    assert!(browser.get(&link).await.body.contains("eve@example.com"));
    assert_refused(&enter(&browser, &link, "Eve", "12345678").await, "guessed first");
    let answer = enter(&browser, &link, "Eve Online", CHOSEN).await;
    assert_eq!((answer.status, answer.location.as_str()), (StatusCode::SEE_OTHER, "/admin"));
    let account = browser.get("/admin/account").await.body;
    assert!(account.contains("Eve Online") && account.contains("support"));
    assert_eq!(sign_in(&program, "eve@example.com", CHOSEN).await.1, StatusCode::SEE_OTHER);

    // Used once.
    let again = program.browser();
    assert_eq!(again.get(&link).await.status, StatusCode::FORBIDDEN);
    assert_eq!(again.get("/admin/invite?token=").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_invitation_ends_and_the_newest_counts() {
    let program = Program::with_owner().await;
    let owner = program.signed_in(Role::Owner).await;
    let first = link_of(&owner.post("/admin/staff", &[("email", "eve@example.com"), ("role", "viewer")]).await);
    let eve = program.state.store.staff_by_email("eve@example.com").await.unwrap().unwrap();
    let again = format!("/admin/staff/{}/link", eve.staff_id);
    let second = link_of(&owner.post(&again, &[]).await);
    assert_eq!(program.browser().get(&first).await.status, StatusCode::FORBIDDEN, "another was made after it");
    assert_eq!(program.browser().get(&second).await.status, StatusCode::OK);
    program.clock.advance(72 * 3600 * 1000);
    assert_eq!(program.browser().get(&second).await.status, StatusCode::FORBIDDEN, "three days later");
    let owner = program.signed_in(Role::Owner).await;
    let third = link_of(&owner.post(&again, &[]).await);
    let disable = format!("/admin/staff/{}", eve.staff_id);
    assert_eq!(owner.post(&disable, &[("disabled", "true")]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(program.browser().get(&third).await.status, StatusCode::FORBIDDEN, "the account is disabled");
    let refused = owner.post(&again, &[]).await;
    assert_eq!(refused.status, StatusCode::SEE_OTHER);
    assert!(owner.get(&refused.location).await.body.contains("is disabled"));
}

#[tokio::test]
async fn a_password_is_reset_by_a_link_which_ends_every_session() {
    let program = Program::with_owner().await;
    let owner = program.signed_in(Role::Owner).await;
    let eve = program.add_staff("eve@example.com", Role::Support).await;
    let (browser, status) = sign_in(&program, "eve@example.com", PASSWORD).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let link = link_of(&owner.post(&format!("/admin/staff/{}/link", eve.staff_id), &[]).await);
    assert_eq!(browser.get("/admin").await.status, StatusCode::OK, "a link changes nothing before it is used");
    assert_eq!(enter(&program.browser(), &link, "", CHOSEN).await.status, StatusCode::SEE_OTHER);
    assert_eq!(browser.get("/admin").await.status, StatusCode::SEE_OTHER, "signed out");
    assert_eq!(sign_in(&program, "eve@example.com", PASSWORD).await.1, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(sign_in(&program, "eve@example.com", CHOSEN).await.1, StatusCode::SEE_OTHER);
    let eve = program.state.store.staff_by_email("eve@example.com").await.unwrap().unwrap();
    assert_eq!(eve.name, "eve", "a name that is not asked for stays");
}

#[tokio::test]
async fn ones_own_password_needs_the_one_before() {
    let program = Program::with_owner().await;
    let (here, _) = sign_in(&program, "owner@example.com", PASSWORD).await;
    let (there, _) = sign_in(&program, "owner@example.com", PASSWORD).await;
    let path = "/admin/account/password";
    assert_refused(&here.post(path, &[("current", "not this"), ("password", CHOSEN)]).await, "not your password");
    assert_refused(&here.post(path, &[("current", PASSWORD), ("password", "short")]).await, "at least 8");
    let before = here.get("/admin/account/security").await;
    assert!(before.body.contains("This one"));
    let changed = here.post(path, &[("current", PASSWORD), ("password", CHOSEN)]).await;
    assert_eq!(changed.status, StatusCode::SEE_OTHER, "{}", changed.body);
    assert!(changed.session_cookie().is_some(), "the session has another id");
    assert_eq!(here.get("/admin").await.status, StatusCode::OK);
    assert_eq!(there.get("/admin").await.status, StatusCode::SEE_OTHER, "signed out elsewhere");
    assert_eq!(sign_in(&program, "owner@example.com", PASSWORD).await.1, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(sign_in(&program, "owner@example.com", CHOSEN).await.1, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn guessing_at_ones_password_from_an_open_session_is_throttled() {
    let program = Program::with_owner().await;
    let browser = program.signed_in(Role::Owner).await;
    for _ in 0..5 {
        let tried = browser.post("/admin/account/password", &[("current", "a guess"), ("password", CHOSEN)]).await;
        assert_refused(&tried, "not your password");
    }
    let tried = browser.post("/admin/account/password", &[("current", PASSWORD), ("password", CHOSEN)]).await;
    assert_refused(&tried, "Too many tries");
}

#[tokio::test]
async fn ones_sessions_are_shown_and_ended() {
    let program = Program::with_owner().await;
    let (here, _) = sign_in(&program, "owner@example.com", PASSWORD).await;
    let (there, _) = sign_in(&program, "owner@example.com", PASSWORD).await;
    let (third, _) = sign_in(&program, "owner@example.com", PASSWORD).await;
    let stranger = program.signed_in(Role::Viewer).await;
    let page = here.get("/admin/account/security").await.body;
    let ends: Vec<&str> = page.split("/admin/account/sessions/").filter_map(|rest| rest.split("/end").next()).collect();
    let ends: Vec<&str> = ends.into_iter().filter(|hash| hash.len() == 64).collect();
    assert_eq!(ends.len(), 2, "{page}");
    assert!(page.contains("127.0.0.1"));

    // Somebody else's is none of one's business.
    stranger.post(&format!("/admin/account/sessions/{}/end", ends[0]), &[]).await;
    let count = async |browser: &Browser| u8::from(browser.get("/admin").await.status == StatusCode::OK);
    assert_eq!(count(&there).await + count(&third).await, 2);
    here.post(&format!("/admin/account/sessions/{}/end", ends[0]), &[]).await;
    assert_eq!(count(&there).await + count(&third).await, 1);
    here.post("/admin/account/sessions/end", &[]).await;
    assert_eq!((count(&there).await, count(&third).await, count(&here).await), (0, 0, 1));
    assert_eq!(count(&stranger).await, 1);
}

#[tokio::test]
async fn the_last_owner_stays() {
    let program = Program::with_owner().await;
    let browser = program.signed_in(Role::Owner).await;
    let owner = program.state.store.staff_by_email("owner@example.com").await.unwrap().unwrap();
    for change in [("role", "viewer"), ("disabled", "true")] {
        let answer = browser.post(&format!("/admin/staff/{}", owner.staff_id), &[change]).await;
        assert!(browser.get(&answer.location).await.body.contains("must be an owner"), "{change:?}");
    }
    // An owner who never came in cannot stand in for the last one.
    let invited = browser.post("/admin/staff", &[("email", "eve@example.com"), ("role", "owner")]).await;
    link_of(&invited);
    let answer = browser.post(&format!("/admin/staff/{}", owner.staff_id), &[("role", "viewer")]).await;
    assert!(browser.get(&answer.location).await.body.contains("must be an owner"));
    let owner = program.state.store.staff_by_email("owner@example.com").await.unwrap().unwrap();
    assert_eq!((owner.role, owner.disabled_at), (Role::Owner, None));
}

#[tokio::test]
async fn a_hash_of_older_parameters_is_made_anew_at_sign_in() {
    let program = Program::with_owner().await;
    let mut owner = program.state.store.staff_by_email("owner@example.com").await.unwrap().unwrap();
    // argon2id of PASSWORD with m=8192, t=1.
    owner.password_hash = weaker_hash();
    program.state.store.update_staff(&owner, &program.author()).await.unwrap();
    let (browser, status) = sign_in(&program, "owner@example.com", PASSWORD).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let after = program.state.store.staff_by_email("owner@example.com").await.unwrap().unwrap();
    assert!(after.password_hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", after.password_hash);
    assert!(password::verify(PASSWORD, &after.password_hash).await);
    assert_eq!(browser.get("/admin").await.status, StatusCode::OK, "the session goes on");
}

fn weaker_hash() -> String {
    use argon2::password_hash::PasswordHasher as _;
    let params = argon2::Params::new(8_192, 1, 1, None).unwrap();
    let hasher = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    hasher.hash_password(PASSWORD.as_bytes()).unwrap().to_string()
}
