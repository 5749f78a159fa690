//! Two-factor sign-in: set up, asked for, recovered, turned off, and all that must not get past it.

use crate::helpers::database::is_postgres;
use domain::role::Role;
use reqwest::StatusCode;
use server::admin::table::ACTIONS;
use server::auth::{second, session};
use store::records::AuditFilter;

use super::browser::{Answer, Browser, PASSWORD, Program};

const OWNER: &str = "owner@example.com";
const SET_UP: &str = "/admin/account/2fa";

fn assert_refused(answer: &Answer, words: &str) {
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.body);
    assert!(answer.body.contains(words), "{words:?} in {}", answer.body);
}

async fn seed(program: &Program, email: &str) -> Vec<u8> {
    let staff = program.state.store.staff_by_email(email).await.unwrap().unwrap();
    let factor = program.state.store.second_factor(&staff.staff_id).await.unwrap().unwrap();
    program.state.vault.open(&factor.seed, &staff.staff_id).unwrap()
}

/// The code that the authenticator shows now; half a minute goes by first, for each counts once.
pub(super) async fn next_code(program: &Program, email: &str) -> String {
    program.clock.advance(30_000);
    second::code_at(&seed(program, email).await, program.now()).unwrap()
}

/// Sets it up; the recovery codes.
pub(super) async fn turn_on(program: &Program, browser: &Browser, email: &str) -> Vec<String> {
    let began = browser.post(SET_UP, &[("begin_password", PASSWORD)]).await;
    assert_eq!((began.status, began.location.as_str()), (StatusCode::SEE_OTHER, SET_UP), "{}", began.body);
    let code = next_code(program, email).await;
    let shown = browser.post("/admin/account/2fa/confirm", &[("code", &code)]).await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.body);
    codes_of(&shown)
}

fn codes_of(page: &Answer) -> Vec<String> {
    let codes: Vec<String> =
        page.body.split("<li class=\"mono\">").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()).collect();
    assert_eq!(codes.len(), second::CODES, "{}", page.body);
    codes
}

/// The password is right, and the code is asked for.
pub(super) async fn half(program: &Program, email: &str) -> Browser {
    let browser = program.browser();
    let fields = [("email", email), ("password", PASSWORD), ("return_to", "/admin/customers?q=ada")];
    let answer = browser.post("/admin/login", &fields).await;
    assert_eq!((answer.status, answer.location.as_str()), (StatusCode::SEE_OTHER, "/admin/login/code"));
    browser
}

pub(super) async fn give(browser: &Browser, code: &str) -> Answer {
    browser.post("/admin/login/code", &[("code", code)]).await
}

async fn noted(program: &Program, action: &str) -> usize {
    let filter = AuditFilter { action: Some(action.to_owned()), limit: 50, ..AuditFilter::default() };
    program.state.store.audit(&filter).await.unwrap().data.len()
}

#[tokio::test]
async fn it_is_set_up_with_the_password_and_a_first_code() {
    let program = Program::with_owner().await;
    let browser = program.signed_in(Role::Owner).await;
    let other = program.signed_in(Role::Owner).await;
    assert_eq!(browser.get(SET_UP).await.location, "/admin/account/security", "nothing was begun");
    assert_refused(&browser.post(SET_UP, &[("begin_password", "a guess")]).await, "not your password");

    browser.post(SET_UP, &[("begin_password", PASSWORD)]).await;
    let page = browser.get(SET_UP).await;
    let key = second::key_text(&seed(&program, OWNER).await);
    assert!(page.body.contains(&format!("secret={key}")) && page.body.contains("class=\"qr\""), "{}", page.body);
    assert_eq!(other.get(SET_UP).await.location, "/admin/account/security", "it is shown to the session that began it");
    let refused = browser.post("/admin/account/2fa/confirm", &[("code", "12345")]).await;
    assert_refused(&refused, "not the code of this key");
    assert!(refused.body.contains(&key), "the key is still there");
    assert!(!program.state.store.who_has_second_factor().await.unwrap().iter().any(|_| true));

    let code = next_code(&program, OWNER).await;
    let shown = browser.post("/admin/account/2fa/confirm", &[("code", &code)]).await;
    let codes = codes_of(&shown);
    let page = browser.get("/admin/account/security").await;
    assert_eq!(page.status, StatusCode::OK, "this session goes on");
    assert!(page.body.contains("10 recovery codes left") && !page.body.contains(&codes[0]));
    assert_eq!(other.get("/admin").await.status, StatusCode::SEE_OTHER, "signed out elsewhere");
    assert_eq!(browser.get(SET_UP).await.location, "/admin/account/security", "the key is not shown again");
    assert_eq!(noted(&program, "staff.two_factor_on").await, 1);
    assert!(browser.get("/admin/staff").await.body.contains("2FA"));
}

#[tokio::test]
async fn setting_it_up_takes_no_longer_than_half_an_hour() {
    let program = Program::with_owner().await;
    let browser = program.signed_in(Role::Owner).await;
    browser.post(SET_UP, &[("begin_password", PASSWORD)]).await;
    program.clock.advance(second::SET_UP_FOR);
    assert_eq!(browser.get(SET_UP).await.status, StatusCode::SEE_OTHER);
    let code = next_code(&program, OWNER).await;
    let late = browser.post("/admin/account/2fa/confirm", &[("code", &code)]).await;
    assert_eq!(late.status, StatusCode::SEE_OTHER);
    assert!(program.state.store.who_has_second_factor().await.unwrap().is_empty());
}

#[tokio::test]
async fn half_a_session_opens_nothing_but_the_code_page() {
    let program = Program::with_owner().await;
    turn_on(&program, &program.signed_in(Role::Owner).await, OWNER).await;
    let browser = half(&program, OWNER).await;
    for path in
        ["/admin", "/admin/customers", "/admin/staff", "/admin/account/security", SET_UP, "/admin/export/customers.csv"]
    {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
        assert!(answer.location.starts_with("/admin/login?return_to="), "{path}: {}", answer.location);
    }
    for path in ["/admin/live", "/admin/palette?q=a", "/admin/meaning"] {
        assert_eq!(browser.get(path).await.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    for action in ACTIONS {
        let path = action.path.replace("{id}", "unknown_1").replace("{change}", "pause");
        let answer = browser.post(&path, &[]).await;
        assert_eq!((answer.status, answer.location.as_str()), (StatusCode::SEE_OTHER, "/admin/login"), "{path}");
    }
    assert_eq!(browser.get("/admin/login/code").await.status, StatusCode::OK);
    assert_eq!(program.browser().get("/admin/login/code").await.location, "/admin/login", "nobody gave a password");
    program.clock.advance(session::HALF);
    assert_eq!(browser.get("/admin/login/code").await.location, "/admin/login", "it ends soon");
    let code = next_code(&program, OWNER).await;
    assert_eq!(give(&browser, &code).await.location, "/admin/login");
    assert_eq!(browser.get("/admin").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_code_counts_once() {
    let program = Program::with_owner().await;
    turn_on(&program, &program.signed_in(Role::Owner).await, OWNER).await;
    let used = second::code_at(&seed(&program, OWNER).await, program.now()).unwrap();
    let browser = half(&program, OWNER).await;
    assert_refused(&give(&browser, &used).await, "used already");
    assert_refused(&give(&browser, "000 00").await, "wrong");
    let code = next_code(&program, OWNER).await;
    let before = browser.get("/admin/login/code").await.session_cookie();
    let answer = give(&browser, &code).await;
    assert_eq!((answer.status, answer.location.as_str()), (StatusCode::SEE_OTHER, "/admin/customers?q=ada"));
    assert!(answer.session_cookie().is_some() && answer.session_cookie() != before, "the session has another id");
    assert_eq!(browser.get("/admin").await.status, StatusCode::OK);

    let thief = half(&program, OWNER).await;
    assert_refused(&give(&thief, &code).await, "used already");
    assert_eq!(thief.get("/admin").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn of_two_requests_with_the_same_code_one_gets_in() {
    let program = Program::with_owner().await;
    turn_on(&program, &program.signed_in(Role::Owner).await, OWNER).await;
    let (one, other) = (half(&program, OWNER).await, half(&program, OWNER).await);
    let code = next_code(&program, OWNER).await;
    let (a, b) = tokio::join!(give(&one, &code), give(&other, &code));
    let mut statuses = [a.status, b.status];
    statuses.sort();
    assert_eq!(statuses, [StatusCode::SEE_OTHER, StatusCode::UNPROCESSABLE_ENTITY]);
}

#[tokio::test]
async fn guessing_codes_is_throttled_and_locks_nobody_out_who_is_in() {
    let program = Program::with_owner().await;
    let inside = program.signed_in(Role::Owner).await;
    turn_on(&program, &inside, OWNER).await;
    let thief = half(&program, OWNER).await;
    for _ in 0..5 {
        assert_refused(&give(&thief, "12345").await, "wrong");
    }
    let code = next_code(&program, OWNER).await;
    program.clock.advance(-30_000);
    let throttled = give(&thief, &code).await;
    assert_eq!(throttled.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(throttled.headers.contains_key("retry-after"));
    assert_eq!(inside.get("/admin").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_recovery_code_signs_in_once_and_new_ones_replace_them() {
    let program = Program::with_owner().await;
    let first = program.signed_in(Role::Owner).await;
    let codes = turn_on(&program, &first, OWNER).await;
    let browser = half(&program, OWNER).await;
    let give =
        async |browser: &Browser, code: &str| browser.post("/admin/login/code", &[("recovery_code", code)]).await;
    let refused = give(&browser, "abcdef-abcdef-abcdef-abcdef").await;
    assert_refused(&refused, "recovery code is wrong");
    assert!(!refused.body.contains("abcdef-abcdef"), "what was typed is not shown again");
    assert_eq!(give(&browser, &codes[0].to_uppercase()).await.status, StatusCode::SEE_OTHER);
    assert!(browser.get("/admin").await.body.contains("9 are left"));
    assert_eq!(noted(&program, "staff.recovery_code").await, 1);
    let again = half(&program, OWNER).await;
    assert_refused(&give(&again, &codes[0]).await, "used already");

    assert_refused(&browser.post("/admin/account/2fa/codes", &[("renew_code", "000")]).await, "wrong");
    let code = next_code(&program, OWNER).await;
    let renewed = codes_of(&browser.post("/admin/account/2fa/codes", &[("renew_code", &code)]).await);
    assert_refused(&give(&again, &codes[1]).await, "wrong");
    assert_eq!(give(&again, &renewed[0]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(noted(&program, "staff.recovery_codes").await, 1);
}

#[tokio::test]
async fn turning_it_off_needs_the_password_and_a_code() {
    let program = Program::with_owner().await;
    let browser = program.signed_in(Role::Owner).await;
    turn_on(&program, &browser, OWNER).await;
    let off = "/admin/account/2fa/off";
    let code = next_code(&program, OWNER).await;
    assert_refused(&browser.post(off, &[("off_password", "a guess"), ("off_code", &code)]).await, "not your password");
    assert_refused(&browser.post(off, &[("off_password", PASSWORD), ("off_code", "1")]).await, "code is wrong");
    let began = browser.post(SET_UP, &[("begin_password", PASSWORD)]).await;
    assert_eq!(began.location, "/admin/account/security", "it is on already");
    let done = browser.post(off, &[("off_password", PASSWORD), ("off_code", &code)]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    assert_eq!(noted(&program, "staff.two_factor_off").await, 1);
    let fields = [("email", OWNER), ("password", PASSWORD)];
    assert_eq!(program.browser().post("/admin/login", &fields).await.location, "/admin");
}

#[tokio::test]
async fn an_owner_takes_it_away_from_others_alone() {
    let program = Program::with_owner().await;
    let owner = program.signed_in(Role::Owner).await;
    let sam = program.signed_in(Role::Support).await;
    turn_on(&program, &sam, "support@example.com").await;
    turn_on(&program, &owner, OWNER).await;
    let id = async |email| program.state.store.staff_by_email(email).await.unwrap().unwrap().staff_id;
    owner.post(&format!("/admin/staff/{}/2fa", id(OWNER).await), &[]).await;
    assert!(program.state.store.has_second_factor(&id(OWNER).await).await.unwrap(), "not one's own");
    let waiting = half(&program, "support@example.com").await;
    owner.post(&format!("/admin/staff/{}/2fa", id("support@example.com").await), &[]).await;
    assert_eq!(noted(&program, "staff.two_factor_reset").await, 1);
    assert_eq!(sam.get("/admin").await.status, StatusCode::SEE_OTHER, "signed out");
    assert_eq!(waiting.get("/admin/login/code").await.location, "/admin/login");
    let fields = [("email", "support@example.com"), ("password", PASSWORD)];
    assert_eq!(program.browser().post("/admin/login", &fields).await.location, "/admin");
}

#[tokio::test]
async fn a_link_for_another_password_does_not_get_past_it() {
    let program = Program::with_owner().await;
    let owner = program.signed_in(Role::Owner).await;
    let sam = program.signed_in(Role::Support).await;
    turn_on(&program, &sam, "support@example.com").await;
    let id = program.state.store.staff_by_email("support@example.com").await.unwrap().unwrap().staff_id;
    let page = owner.post(&format!("/admin/staff/{id}/link"), &[]).await.body;
    let token: String =
        page.split("/admin/invite?token=").nth(1).unwrap().chars().take_while(char::is_ascii_alphanumeric).collect();
    let browser = program.browser();
    let csrf = browser.get(&format!("/admin/invite?token={token}")).await.csrf();
    let fields = [("csrf", csrf.as_str()), ("token", &token), ("password", "a walk along the river")];
    assert_eq!(browser.post_raw("/admin/invite", &fields, &[]).await.location, "/admin/login/code");
    assert_eq!(browser.get("/admin").await.status, StatusCode::SEE_OTHER);
    let code = next_code(&program, "support@example.com").await;
    assert_eq!(give(&browser, &code).await.status, StatusCode::SEE_OTHER);
    assert_eq!(browser.get("/admin").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_seed_is_nowhere_in_the_database() {
    if is_postgres() {
        // Its files are the server's own.
        return;
    }
    let program = Program::with_owner().await;
    let codes = turn_on(&program, &program.signed_in(Role::Owner).await, OWNER).await;
    let seed = seed(&program, OWNER).await;
    let path = program.state.config.database_url.expose().strip_prefix("sqlite://").unwrap().to_owned();
    let mut bytes = vec![];
    for end in ["", "-wal"] {
        bytes.extend(std::fs::read(format!("{path}{end}")).unwrap_or_default());
    }
    let holds = |what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
    assert!(holds(OWNER.as_bytes()), "this is where it is written");
    let hex: String = seed.iter().map(|byte| format!("{byte:02x}")).collect();
    for what in [&seed[..], hex.as_bytes(), second::key_text(&seed).as_bytes(), codes[0].as_bytes()] {
        assert!(!holds(what));
    }
    assert!(!holds(codes[0].replace('-', "").as_bytes()));
    assert!(std::path::Path::new(&format!("{path}.key")).exists());
}
