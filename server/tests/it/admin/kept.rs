//! A form that is sent after the session has ended is not lost.

use domain::Livemode;
use domain::catalog::{Feature, FeatureType};
use domain::role::Role;
use reqwest::StatusCode;

use super::browser::{PASSWORD, Program};

/// Every hidden field of a page.
fn hidden(page: &str) -> Vec<(String, String)> {
    let tags = page.split('<').filter(|tag| tag.starts_with("input") && tag.contains("type=\"hidden\""));
    let value = |tag: &str, name: &str| {
        let value = tag.split(&format!("{name}=\"")).nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
        value.replace("&amp;", "&").replace("&quot;", "\"").replace("&#x27;", "'")
    };
    tags.map(|tag| (value(tag, "name"), value(tag, "value"))).collect()
}

#[tokio::test]
async fn what_was_typed_is_there_again_after_signing_in() {
    let program = Program::with_owner().await;
    let store = &program.state.store;
    for mode in Livemode::ALL {
        store.put_feature(mode, &Feature::new("pro", FeatureType::Switch), &program.author()).await.unwrap();
        store.put_user(mode, "user_1", None, None, &program.author()).await.unwrap();
    }
    program.add_staff("support@example.com", Role::Support).await;
    let page = "/admin/customers/user_1/overrides/new?feature=pro";
    let typed = [
        ("csrf", "of a session that has ended"),
        ("livemode", "live"),
        ("feature", "pro"),
        ("effect", "grant"),
        ("reason", "a long & \"careful\" reason"),
        ("password", "never kept"),
    ];
    let browser = program.browser();
    let referer = format!("{}{page}", browser.base);
    let asked = browser.post_raw("/admin/customers/user_1/overrides", &typed, &[("referer", &referer)]).await;
    assert_eq!(asked.status, StatusCode::UNAUTHORIZED, "{}", asked.body);
    assert!(asked.body.contains("nothing was changed") && !asked.body.contains("never kept"), "{}", asked.body);

    // A wrong password loses nothing either.
    let mut wrong = hidden(&asked.body);
    wrong.extend([("email".into(), "support@example.com".into()), ("password".into(), "not this".into())]);
    let fields: Vec<(&str, &str)> = wrong.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let refused = browser.post_raw("/admin/login", &fields, &[]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.body);
    let mut right = hidden(&refused.body);
    right.extend([("email".into(), "support@example.com".into()), ("password".into(), PASSWORD.into())]);
    let fields: Vec<(&str, &str)> = right.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let signed_in = browser.post_raw("/admin/login", &fields, &[]).await;
    assert_eq!((signed_in.status, signed_in.location.as_str()), (StatusCode::SEE_OTHER, page), "{}", signed_in.body);

    let again = browser.get(page).await.body;
    assert!(
        again.contains("a long &amp; &quot;careful&quot; reason") || again.contains("a long &amp; \"careful\" reason"),
        "{again}"
    );
    assert!(again.contains("send it again") && again.contains("· LIVE"), "in the mode it was typed in: {again}");
    assert!(!browser.get(page).await.body.contains("careful"), "it is shown once");
    let overrides =
        store.overrides(Livemode::Live, &store::records::OverrideFilter { limit: 5, ..Default::default() }).await;
    assert!(overrides.unwrap().data.is_empty(), "nothing was changed");
}

#[tokio::test]
async fn a_form_without_anything_typed_or_from_nowhere_leads_to_the_sign_in_page() {
    let program = Program::with_owner().await;
    let browser = program.browser();
    let referer = format!("{}/admin/events", browser.base);
    let elsewhere = [("referer", "https://evil.example/phish?x=1")];
    for (fields, headers) in [
        (&[("csrf", "x"), ("return_to", "/admin/events")][..], &[("referer", referer.as_str())][..]),
        (&[("reason", "typed")][..], &[][..]),
    ] {
        let answer = browser.post_raw("/admin/events/replay-failed", fields, headers).await;
        assert_eq!((answer.status, answer.location.as_str()), (StatusCode::SEE_OTHER, "/admin/login"));
    }
    let answer = browser.post_raw("/admin/events/replay-failed", &[("reason", "typed")], &elsewhere).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(!answer.body.contains("evil.example") && !answer.body.contains("phish"), "{}", answer.body);
}
