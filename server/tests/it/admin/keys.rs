//! API keys: made, looked at, changed, replaced and ended by forms, and what the pages say about them.

use domain::role::{Role, Scope};
use domain::{Livemode, Timestamp};
use reqwest::StatusCode;
use server::auth::api_key;
use server::auth::setup::sha256_hex;
use store::records::{ApiKeyRecord, ApiKeyTerms, ApiKeyUse, AuditFilter, AuditRecord};

use super::browser::{Answer, Program};

const PAGE: &str = "/admin/api-keys";
const DAY: i64 = 86_400;

#[track_caller]
fn assert_refused(answer: &Answer, words: &[&str]) {
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.body);
    for words in words {
        assert!(answer.body.contains(words), "{words:?} is not in {}", answer.body);
    }
}

/// The key on the page that shows it.
#[track_caller]
fn key_of(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let start = answer.body.find("tk_test_").unwrap();
    answer.body[start..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

async fn record(program: &Program, key: &str) -> ApiKeyRecord {
    program.state.store.api_key_by_hash(&sha256_hex(key)).await.unwrap().unwrap()
}

async fn made(program: &Program, name: &str, expires_at: Option<Timestamp>) -> ApiKeyRecord {
    let (_, made) = api_key::create(name, Livemode::Test, Scope::Check, "test", program.now()).unwrap();
    let record = ApiKeyRecord { terms: ApiKeyTerms { expires_at, ..ApiKeyTerms::default() }, ..made };
    program.state.store.add_api_key(&record, &program.author()).await.unwrap();
    record
}

async fn newest_entry(program: &Program, id: &str) -> AuditRecord {
    let filter = AuditFilter { object_id: Some(id.to_owned()), limit: 1, ..AuditFilter::default() };
    program.state.store.audit(&filter).await.unwrap().data.remove(0)
}

#[tokio::test]
async fn an_api_key_is_shown_once_and_can_be_revoked() {
    let program = Program::with_owner().await;
    let browser = program.signed_in(Role::Admin).await;
    assert_refused(&browser.post(PAGE, &[("name", ""), ("scope", "read")]).await, &["1 to 100 characters"]);
    assert_refused(&browser.post(PAGE, &[("name", "app"), ("scope", "all")]).await, &["check, read, write or admin"]);
    let answer = browser.post(PAGE, &[("name", "app"), ("scope", "read"), ("mode", "test")]).await;
    let key = key_of(&answer);
    assert!(answer.body.contains("curl -H"), "{}", answer.body);
    let record = record(&program, &key).await;
    assert_eq!((record.created_by.as_str(), &record.terms), ("staff:admin@example.com", &ApiKeyTerms::default()));
    let one = format!("{PAGE}/{}", record.api_key_id);
    for page in [PAGE, &one] {
        assert!(!browser.get(page).await.body.contains(&key), "{page}");
    }
    let revoke = format!("{one}/revoke");
    assert_eq!(browser.post(&revoke, &[]).await.location, PAGE);
    assert_eq!(browser.post(&revoke, &[]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(browser.post(&one, &[("check_rate", "5")]).await.location, one);
    assert!(browser.get(&one).await.body.contains("this key has ended"));
    assert_eq!(browser.get(&format!("{one}/rotate")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_was_typed_is_kept_with_what_is_wrong_about_it() {
    let program = Program::with_owner().await;
    let browser = program.signed_in(Role::Admin).await;
    let typed = [
        ("name", "shop"),
        ("scope", "write"),
        ("mode", "live"),
        ("expires", "at"),
        ("until_at", "2020-01-01T10:00"),
        ("addresses", "10.0.0.0/8\n203.0.113.7/24"),
        ("check_rate", "0"),
        ("request_rate", "17"),
    ];
    let answer = browser.post(PAGE, &typed).await;
    assert_refused(&answer, &["must lie in the future", "203.0.113.7 for the address", "whole number", "value=\"17\""]);
    assert_refused(&answer, &["value=\"shop\"", "10.0.0.0/8\n203.0.113.7/24</textarea>", "value=\"2020-01-01T10:00\""]);
    assert!(program.state.store.api_keys().await.unwrap().is_empty());
    for wrong in [[("expires", "later")], [("addresses", "</textarea><b>&amp;")], [("request_rate", "many")]] {
        let fields = [&[("name", "shop"), ("scope", "read")][..], &wrong].concat();
        let answer = browser.post(PAGE, &fields).await;
        assert_refused(&answer, &["There is a problem"]);
        assert!(!answer.body.contains("</textarea><b>"), "{}", answer.body);
        if wrong[0].0 == "addresses" {
            assert!(answer.body.contains("&lt;/textarea>&lt;b>&amp;amp;</textarea>"), "{}", answer.body);
        }
    }
}

#[tokio::test]
async fn a_keys_terms_are_shown_and_changed_with_before_and_after() {
    let program = Program::with_owner().await;
    let browser = program.signed_in(Role::Admin).await;
    let terms = [("expires", "90d"), ("addresses", "203.0.113.0/24, ::ffff:192.0.2.1"), ("check_rate", "50")];
    let answer = browser.post(PAGE, &[&[("name", "shop"), ("scope", "check")][..], &terms].concat()).await;
    let made = record(&program, &key_of(&answer)).await;
    assert!(answer.body.contains("from 203.0.113.0/24, 192.0.2.1 alone"), "{}", answer.body);
    assert_eq!(made.terms.expires_at, Some(made.created_at.plus_secs(90 * DAY)));
    let one = format!("{PAGE}/{}", made.api_key_id);
    let page = browser.get(&one).await;
    for words in
        ["203.0.113.0/24", "192.0.2.1", "50 a second", "1,000 a second", "admin@example.com", "Rotate", "End now"]
    {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    assert_refused(
        &browser.post(&one, &[("addresses", "all"), ("check_rate", "7")]).await,
        &["no network", "value=\"7\""],
    );

    let reason = ("reason", "moved to another network");
    let change =
        [("expires", "keep"), ("addresses", "198.51.100.0/24"), ("check_rate", ""), ("request_rate", "20"), reason];
    assert_eq!(browser.post(&one, &change).await.location, one);
    assert!(browser.get(&one).await.body.contains("counts within a second"));
    let changed = record_of(&program, &made.api_key_id).await.terms;
    let expected = ApiKeyTerms {
        expires_at: made.terms.expires_at,
        addresses: vec!["198.51.100.0/24".into()],
        check_rate: None,
        request_rate: Some(20),
    };
    assert_eq!(changed, expected);
    let entry = newest_entry(&program, &made.api_key_id).await;
    assert_eq!((entry.action.as_str(), entry.actor.as_str()), ("api_key.update", "staff:admin@example.com"));
    assert_eq!(
        (&entry.details["before"]["check_rate"], &entry.details["after"]["request_rate"]),
        (&50.into(), &20.into())
    );
    assert_eq!(entry.reason.as_deref(), Some("moved to another network"));
    let shown = browser.get(&format!("/admin/audit/{}", entry.audit_id)).await;
    assert!(shown.body.contains("198.51.100.0/24") && shown.body.contains("Changed the terms of the API key"));
    assert_eq!(browser.post(&one, &[("expires", "never")]).await.location, one);
    let kept = ApiKeyTerms { expires_at: None, ..expected };
    assert_eq!(record_of(&program, &made.api_key_id).await.terms, kept, "a field that is not there widens nothing");
    let empty = [("addresses", ""), ("check_rate", ""), ("request_rate", "")];
    assert_eq!(browser.post(&one, &empty).await.location, one);
    assert_eq!(record_of(&program, &made.api_key_id).await.terms, ApiKeyTerms::default());

    // Who comes late is told who was quicker.
    let seen = program.now().millis().to_string();
    program.clock.advance(1000);
    let owner = program.signed_in(Role::Owner).await;
    assert_eq!(owner.post(&one, &[("check_rate", "9")]).await.location, one);
    let late = browser.post(&one, &[("seen", &seen), ("check_rate", "8")]).await;
    assert!(late.status == StatusCode::CONFLICT && late.body.contains("owner@example.com"), "{}", late.body);
    assert_eq!(record_of(&program, &made.api_key_id).await.terms.check_rate, Some(9));
}

async fn record_of(program: &Program, id: &str) -> ApiKeyRecord {
    program.state.store.api_key(id).await.unwrap().unwrap()
}

#[tokio::test]
async fn another_key_takes_its_place_and_both_say_so() {
    let program = Program::with_owner().await;
    let browser = program.signed_in(Role::Admin).await;
    let old = made(&program, "shop", None).await;
    let one = format!("{PAGE}/{}", old.api_key_id);
    let rotate = format!("{one}/rotate");
    assert!(browser.get(&rotate).await.body.contains("How long the old key goes on working"));
    assert_refused(&browser.post(&rotate, &[("overlap", "for ever")]).await, &["7 days or not at all"]);
    let wrong = [("overlap", "7d"), ("expires", "at"), ("until_at", "soon")];
    assert_refused(&browser.post(&rotate, &wrong).await, &["Write a date and time", "value=\"7d\" checked"]);
    program.clock.advance(1000);
    let rotated_at = program.now();
    let (first, second) = tokio::join!(browser.post(&rotate, &[]), browser.post(&rotate, &[("overlap", "7d")]));
    let (shown, late) = if first.status == StatusCode::OK { (first, second) } else { (second, first) };
    assert_eq!(late.location, one, "one of two who rotate at once is told so");
    let new = record(&program, &key_of(&shown)).await;
    let old = record_of(&program, &old.api_key_id).await;
    assert_eq!((old.replaced_by.as_ref(), new.replaces.as_ref()), (Some(&new.api_key_id), Some(&old.api_key_id)));
    let end = old.terms.expires_at.unwrap();
    assert!([DAY, 7 * DAY].contains(&(end.secs() - rotated_at.secs())), "{end}");
    assert!(shown.body.contains("The old key") && shown.body.contains(&one), "{}", shown.body);
    let list = browser.get(PAGE).await.body;
    for words in ["replaces ", "replaced by ", "Replaced", "Expires in "] {
        assert!(list.contains(words), "{words}: {list}");
    }
    assert!(browser.get(&one).await.body.contains("Replaced by"));
    let entry = newest_entry(&program, &old.api_key_id).await;
    assert_eq!(
        (entry.action.as_str(), &entry.details["after"]["replaced_by"]),
        ("api_key.rotate", &new.api_key_id.as_str().into())
    );

    let rotate = format!("{PAGE}/{}/rotate", new.api_key_id);
    let shown = browser.post(&rotate, &[("overlap", "none"), ("expires", "30d")]).await;
    assert!(shown.body.contains("opens nothing any more"), "{}", shown.body);
    let third = record(&program, &key_of(&shown)).await;
    assert_eq!(third.terms.expires_at, Some(program.now().plus_secs(30 * DAY)));
    assert!(record_of(&program, &new.api_key_id).await.revoked_at.is_some());
}

#[tokio::test]
async fn a_viewer_sees_keys_and_may_do_nothing_with_them() {
    let program = Program::with_owner().await;
    let key = made(&program, "shop", None).await;
    let viewer = program.signed_in(Role::Viewer).await;
    let one = format!("{PAGE}/{}", key.api_key_id);
    let page = viewer.get(&one).await;
    assert!(
        page.status == StatusCode::OK && !page.body.contains("/rotate\"") && !page.body.contains("Allowed addresses")
    );
    for path in [one.clone(), format!("{one}/rotate"), format!("{one}/revoke"), PAGE.to_owned()] {
        assert_eq!(
            viewer.post(&path, &[("name", "x"), ("scope", "read")]).await.status,
            StatusCode::FORBIDDEN,
            "{path}"
        );
    }
    assert_eq!(viewer.get(&format!("{PAGE}/key_unknown")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(viewer.get(&format!("/admin/go/{}", key.api_key_id)).await.location, one);
}

#[tokio::test]
async fn the_overview_says_which_key_in_use_ends_soon() {
    let program = Program::with_owner().await;
    let browser = program.signed_in(Role::Viewer).await;
    let now = program.now();
    let used = async |key: &ApiKeyRecord, at: Timestamp| {
        let one = ApiKeyUse { api_key_id: key.api_key_id.clone(), at, from: "127.0.0.1".into() };
        program.state.store.touch_api_keys(&[one]).await.unwrap();
    };
    let soon = made(&program, "soon", Some(now.plus_secs(3 * DAY + 60))).await;
    made(&program, "idle", Some(now.plus_secs(3 * DAY))).await;
    let later = made(&program, "later", Some(now.plus_secs(8 * DAY))).await;
    let old = made(&program, "old", None).await;
    for key in [&soon, &later, &old] {
        used(key, now).await;
    }
    let mut new = api_key::successor(&old, "test", now.plus_secs(60)).unwrap().1;
    new.created_at = now.plus_secs(60);
    let author = store::records::Author::new("test", now.plus_secs(60));
    assert!(program.state.store.rotate_api_key(&new, now.plus_secs(2 * DAY), &author).await.unwrap());
    let overview = async || browser.get("/admin").await.body;
    let page = overview().await;
    assert!(page.contains("The API key soon (…") && page.contains("is in use and ends in 3 days"), "{page}");
    assert!(page.contains(&format!("{PAGE}/{}", soon.api_key_id)));
    for other in ["key idle", "key later", "key old"] {
        assert!(!page.contains(&format!("The API {other}")), "{other}");
    }
    used(&old, now.plus_secs(120)).await;
    assert!(overview().await.contains("The API key old (…"), "it is still used although there is another");
    used(&soon, now.plus_secs(3 * DAY)).await;
    program.clock.advance((3 * DAY + 120) * 1000);
    let page = overview_after(&program).await;
    assert!(page.contains("The API key soon (…") && page.contains("was in use until then"), "{page}");
}

/// The overview to somebody who signs in now.
async fn overview_after(program: &Program) -> String {
    program.signed_in(Role::Viewer).await.get("/admin").await.body
}
