//! First run, sign in, sign out, and all that must not get in.

use domain::Livemode;
use domain::role::Role;
use reqwest::StatusCode;
use server::auth::setup;

use super::browser::{PASSWORD, Program};

#[tokio::test]
async fn the_setup_link_makes_one_owner_and_signs_in() {
    let program = Program::start().await;
    let browser = program.browser();
    for path in ["/admin", "/admin/customers", "/admin/login"] {
        let answer = browser.get(path).await;
        assert_eq!((answer.status, answer.location.as_str()), (StatusCode::SEE_OTHER, "/admin/setup"), "{path}");
    }
    let token = setup::issue(program.state.store.as_ref(), program.now()).await.unwrap();
    let wrong = "0".repeat(64);
    let with = |token: &str, password: &str| {
        let fields = [("token", token), ("email", "Ada@Example.com"), ("name", "Ada"), ("password", password)];
        fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    };
    let page = browser.get(&format!("/admin/setup?token={token}")).await;
    assert_eq!(page.status, StatusCode::OK);
    let csrf = page.csrf();
    let send = async |fields: Vec<(String, String)>| {
        let mut all = vec![("csrf", csrf.as_str())];
        all.extend(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        browser.post_raw("/admin/setup", &all, &[]).await
    };
    assert_eq!(send(with(&wrong, PASSWORD)).await.status, StatusCode::FORBIDDEN);
    assert!(!program.state.store.has_owner().await.unwrap());
    assert_eq!(send(with(&token, "short")).await.status, StatusCode::UNPROCESSABLE_ENTITY);

    let answer = send(with(&token, PASSWORD)).await;
    assert_eq!((answer.status, answer.location.as_str()), (StatusCode::SEE_OTHER, "/admin"));
    assert_eq!(browser.get("/admin").await.status, StatusCode::OK);
    let ada = program.state.store.staff_by_email("ada@example.com").await.unwrap().unwrap();
    assert_eq!(ada.role, Role::Owner);

    let stranger = program.browser();
    let answer = stranger.get(&format!("/admin/setup?token={token}")).await;
    assert_eq!((answer.status, answer.location.as_str()), (StatusCode::SEE_OTHER, "/admin/login"));
}

#[tokio::test]
async fn an_expired_setup_link_makes_nobody() {
    let program = Program::start().await;
    let token = setup::issue(program.state.store.as_ref(), program.now()).await.unwrap();
    let browser = program.browser();
    let csrf = browser.get(&format!("/admin/setup?token={token}")).await.csrf();
    program.clock.advance(setup::VALID_FOR);
    let fields = [("csrf", csrf.as_str()), ("token", &token), ("email", "ada@example.com"), ("password", PASSWORD)];
    assert_eq!(browser.post_raw("/admin/setup", &fields, &[]).await.status, StatusCode::FORBIDDEN);
    assert!(!program.state.store.has_owner().await.unwrap());
}

#[tokio::test]
async fn signing_in_leads_back_to_the_page_and_nowhere_else() {
    let program = Program::with_owner().await;
    let answer = program.browser().get("/admin/customers?q=ada").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.location, "/admin/login?return_to=%2Fadmin%2Fcustomers%3Fq%3Dada");

    for (wish, reality) in [
        ("/admin/customers?q=ada", "/admin/customers?q=ada"),
        ("https://evil.example", "/admin"),
        ("//evil.example", "/admin"),
    ] {
        let fields = [("email", "owner@example.com"), ("password", PASSWORD), ("return_to", wish)];
        let answer = program.browser().post("/admin/login", &fields).await;
        assert_eq!((answer.status, answer.location.as_str()), (StatusCode::SEE_OTHER, reality));
    }
}

#[tokio::test]
async fn wrong_passwords_and_unknown_people_get_the_same_answer() {
    let program = Program::with_owner().await;
    let browser = program.browser();
    let wrong = browser.post("/admin/login", &[("email", "owner@example.com"), ("password", "not this one")]).await;
    let unknown = browser.post("/admin/login", &[("email", "nobody@example.com"), ("password", "not this one")]).await;
    for answer in [&wrong, &unknown] {
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.body.contains("E-mail address or password are wrong."), "{}", answer.body);
        assert!(!answer.body.contains("not this one"));
        assert_eq!(answer.session_cookie(), None);
    }
}

#[tokio::test]
async fn guessing_is_slowed_down_and_says_for_how_long() {
    let program = Program::with_owner().await;
    let browser = program.browser();
    let guess = async |password: &str| {
        browser.post("/admin/login", &[("email", "owner@example.com"), ("password", password)]).await
    };
    for _ in 0..5 {
        assert_eq!(guess("not this one").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let refused = guess(PASSWORD).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    let seconds: i64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(refused.body.contains(&format!("in {seconds} second")), "{}", refused.body);
    program.clock.advance(seconds * 1000);
    assert_eq!(guess(PASSWORD).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_cookie_is_out_of_reach_of_scripts_and_other_sites() {
    let program = Program::with_owner().await;
    let answer =
        program.browser().post("/admin/login", &[("email", "owner@example.com"), ("password", PASSWORD)]).await;
    let cookie = answer.cookies.iter().find(|cookie| cookie.starts_with("tollkeeper=")).unwrap();
    for word in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=43200"] {
        assert!(cookie.contains(word), "{cookie}");
    }
}

#[tokio::test]
async fn a_session_gets_a_new_id_at_sign_in_and_the_old_one_is_dead() {
    let program = Program::with_owner().await;
    let browser = program.browser();
    let fields = [("email", "owner@example.com"), ("password", PASSWORD)];
    let first = browser.post("/admin/login", &fields).await.session_cookie().unwrap();
    let csrf = browser.csrf().await;
    let again = [("csrf", csrf.as_str()), fields[0], fields[1]];
    let second = browser.post_raw("/admin/login", &again, &[]).await.session_cookie().unwrap();
    assert_ne!(first, second);
    assert_eq!(browser.get_with_cookie("/admin", &first).await.status, StatusCode::SEE_OTHER);
    assert_eq!(browser.get_with_cookie("/admin", &second).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_id_planted_before_sign_in_is_not_taken_over() {
    let program = Program::with_owner().await;
    let planted = "tollkeeper=AAAAAAAAAAAAAAAAAAAAAA";
    let form = program.browser().get_with_cookie("/admin/login", planted).await;
    let form_cookie = form.cookies.iter().find(|cookie| cookie.starts_with("tollkeeper-form=")).unwrap();
    let cookies = format!("{planted}; {}", form_cookie.split(';').next().unwrap());
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let fields = [("csrf", form.csrf()), ("email", "owner@example.com".into()), ("password", PASSWORD.into())];
    let browser = program.browser();
    let sent = client
        .post(format!("{}/admin/login", browser.base))
        .header("cookie", cookies)
        .form(&fields)
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), StatusCode::SEE_OTHER);
    assert_eq!(browser.get_with_cookie("/admin", planted).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn signing_out_kills_the_session() {
    let program = Program::with_owner().await;
    let browser = program.browser();
    let fields = [("email", "owner@example.com"), ("password", PASSWORD)];
    let cookie = browser.post("/admin/login", &fields).await.session_cookie().unwrap();
    assert_eq!(browser.get_with_cookie("/admin", &cookie).await.status, StatusCode::OK);
    let answer = browser.post("/admin/logout", &[]).await;
    assert_eq!((answer.status, answer.location.as_str()), (StatusCode::SEE_OTHER, "/admin/login"));
    assert_eq!(browser.get_with_cookie("/admin", &cookie).await.status, StatusCode::SEE_OTHER);
    assert_eq!(browser.get("/admin").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn sessions_end_unused_and_in_the_end_anyway() {
    let program = Program::with_owner().await;
    let browser = program.signed_in(Role::Owner).await;
    let hour = 60 * 60 * 1000;
    program.clock.advance(13 * hour);
    assert_eq!(browser.get("/admin").await.status, StatusCode::SEE_OTHER);

    let browser = program.signed_in(Role::Owner).await;
    for _ in 0..15 {
        program.clock.advance(11 * hour);
        assert_eq!(browser.get("/admin").await.status, StatusCode::OK);
    }
    program.clock.advance(4 * hour);
    assert_eq!(browser.get("/admin").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_disabled_person_is_out_at_once() {
    let program = Program::with_owner().await;
    let browser = program.signed_in(Role::Support).await;
    assert_eq!(browser.get("/admin").await.status, StatusCode::OK);
    let mut staff = program.state.store.staff_by_email("support@example.com").await.unwrap().unwrap();
    staff.disabled_at = Some(program.now());
    assert!(program.state.store.update_staff(&staff, &program.author()).await.unwrap());
    assert_eq!(browser.get("/admin").await.status, StatusCode::SEE_OTHER);
    let answer =
        program.browser().post("/admin/login", &[("email", "support@example.com"), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn forged_forms_change_nothing() {
    let program = Program::with_owner().await;
    let browser = program.signed_in(Role::Owner).await;
    let (mine, theirs) = (browser.csrf().await, program.signed_in(Role::Admin).await.csrf().await);
    assert_ne!(mine, theirs);
    let fields = |token: &'static str| [("csrf", token), ("key", "pro"), ("type", "switch")];
    let theirs: &'static str = theirs.leak();
    let mine: &'static str = mine.leak();
    let path = "/admin/features";
    let cross_site = [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];
    for (token, headers) in
        [("", &[][..]), (theirs, &[]), (mine, &cross_site[..]), (mine, &[("origin", "https://evil.example")])]
    {
        assert_eq!(
            browser.post_raw(path, &fields(token), headers).await.status,
            StatusCode::FORBIDDEN,
            "{token} {headers:?}"
        );
    }
    assert!(program.state.store.index().catalog(Livemode::Test).features.is_empty());
    for path in ["/admin/login", "/admin/logout"] {
        assert_eq!(browser.post_raw(path, &fields(mine), &cross_site).await.status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(browser.post_raw(path, &fields(""), &[]).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    let own_site = [("sec-fetch-site", "same-origin"), ("origin", browser.base.as_str())];
    assert_eq!(browser.post_raw(path, &fields(mine), &own_site).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn every_page_carries_its_headers() {
    let program = Program::with_owner().await;
    for answer in
        [program.browser().get("/admin/login").await, program.signed_in(Role::Viewer).await.get("/admin").await]
    {
        assert_eq!(answer.status, StatusCode::OK);
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
        ] {
            assert_eq!(answer.headers[name], value);
        }
        assert!(answer.headers["content-security-policy"].to_str().unwrap().contains("frame-ancestors 'none'"));
        assert!(!answer.headers.contains_key("strict-transport-security"), "no TLS, no HSTS");
    }
}
