//! Query strings as `/v1` and the admin app read them.
#![no_main]

use domain::{Term, Timestamp};
use libfuzzer_sys::fuzz_target;
use query::{AccessQuery, EventsQuery, Refusal};
use url::{Url, form_urlencoded};

#[path = "../../server/src/api/query.rs"]
mod query;
#[path = "../../server/src/auth/return_to.rs"]
mod return_to;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    access(text);
    events(text);
    for (_, value) in form_urlencoded::parse(data) {
        one_value(&value);
    }
});

/// The short way to an answer asks the same as the long one.
fn access(text: &str) {
    let asked = refused_in_words(query::read::<AccessQuery>(text));
    let plain = query::plain_question(text);
    if let Some((user, feature)) = &plain {
        let asked = asked.as_ref().expect("what is plain is well formed");
        assert_eq!((&asked.user_id, &asked.feature, asked.explain, asked.at), (user, feature, false, None));
        assert!(domain::catalog::is_feature_key(feature));
    }
    let Some(AccessQuery { user_id, feature, at, explain }) = asked else { return };
    let mut written = form_urlencoded::Serializer::new(String::new());
    written.append_pair("user_id", &user_id).append_pair("feature", &feature);
    let plain = query::plain_question(&written.finish());
    let is_plain = query::user_id_fault(&user_id).is_none()
        && domain::catalog::is_feature_key(&feature)
        && !user_id.contains('\u{fffd}');
    assert_eq!(plain, is_plain.then(|| (user_id.clone(), feature.clone())));
    let mut written = form_urlencoded::Serializer::new(String::new());
    written.append_pair("user_id", &user_id).append_pair("feature", &feature);
    if explain {
        written.append_pair("explain", "true");
    }
    if let Some(at) = at {
        written.append_pair("at", &at.to_string());
    }
    let again = query::read::<AccessQuery>(&written.finish()).expect("what was read and written is well formed");
    assert_eq!((again.user_id, again.feature, again.explain, again.at), (user_id, feature, explain, at));
}

fn events(text: &str) {
    let Some(asked) = refused_in_words(query::read::<EventsQuery>(text)) else { return };
    if let Some(limit) = refused_in_words(query::limit(asked.limit)) {
        assert!((1..=100).contains(&limit));
        assert!(asked.limit.is_none_or(|asked| asked == limit));
    }
    if let Some(statuses) = asked.status.as_deref().and_then(|text| refused_in_words(query::statuses(text))) {
        let written: Vec<&str> = statuses.iter().map(|status| status.as_str()).collect();
        assert_eq!(query::statuses(&written.join(",")), Ok(statuses));
    }
    for (id, prefix) in [(&asked.customer_id, "cus_"), (&asked.starting_after, "evt_")] {
        let Some(id) = id.as_ref().filter(|id| query::is_prefixed(id, prefix)) else { continue };
        assert!(
            id.starts_with(prefix) && id.is_ascii() && !id.contains(['/', '%', '?', '#', '.']),
            "{id:?} goes into addresses"
        );
    }
    let mut written = form_urlencoded::Serializer::new(String::new());
    let limit = asked.limit.map(|limit| limit.to_string());
    let fields = [
        ("status", &asked.status),
        ("type", &asked.kind),
        ("customer_id", &asked.customer_id),
        ("limit", &limit),
        ("starting_after", &asked.starting_after),
    ];
    written.extend_pairs(fields.iter().filter_map(|(name, value)| Some((name, value.as_deref()?))));
    let again = query::read::<EventsQuery>(&written.finish()).expect("what was read and written is well formed");
    assert_eq!(
        (again.status, again.kind, again.customer_id, again.limit, again.starting_after),
        (asked.status, asked.kind, asked.customer_id, asked.limit, asked.starting_after)
    );
}

fn one_value(value: &str) {
    if let Some(at) = Timestamp::parse(value) {
        assert_eq!(Timestamp::parse(&at.to_string()), Some(at));
    }
    if let Some(term) = Term::parse(value) {
        assert_eq!(Term::parse(&term.to_string()), Some(term));
    }
    if query::user_id_fault(value).is_none() {
        assert!((1..=query::MAX_USER_ID).contains(&value.chars().count()) && !value.contains('\0'));
    }
    // A browser follows it from the sign-in page.
    let here = Url::parse("https://tollkeeper.example/admin/login").expect("an address");
    let target = return_to::safe_return_to(Some(value));
    let reached = here.join(target).expect("an address of ours");
    assert_eq!(reached.origin(), here.origin(), "{target:?}");
    assert!(reached.path() == "/admin" || reached.path().starts_with("/admin/"), "{target:?} leads to {reached}");
    assert!(!reached.path().starts_with("/admin/login"), "{target:?} leads to the sign-in again");
    assert_eq!(return_to::safe_return_to(Some(target)), target);
}

/// What was read; a refusal has to say something.
fn refused_in_words<T>(read: Result<T, Refusal>) -> Option<T> {
    let Refusal { code, message, param } = match read {
        Ok(read) => return Some(read),
        Err(refusal) => refusal,
    };
    assert!(["parameter_missing", "parameter_unknown", "parameter_invalid"].contains(&code), "{code}");
    assert!(message.ends_with('.') && message.len() > 10, "{message}");
    assert!(param.is_none_or(|param| message.contains(&param) || message.contains("twice")), "{message}");
    None
}
