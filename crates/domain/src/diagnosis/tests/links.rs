//! The chain as a whole: no feature named, odd ids, and the words it is sent with.

use super::*;

#[test]
fn without_a_feature_the_question_is_whether_they_have_anything() {
    let catalog = catalog();
    let facts = paying("active", "price_basic");
    let diagnosis = diagnose(&chain(Some(&facts), &catalog, None));
    holds_for_all(&diagnosis, true);
    assert_eq!((diagnosis.code.as_str(), states(&diagnosis)), ("ok", vec![LinkState::Ok; 5]));
    let facts = paying("active", "price_new");
    let diagnosis = diagnose(&chain(Some(&facts), &catalog, None));
    holds_for_all(&diagnosis, false);
    assert_eq!(diagnosis.code, "price_not_in_catalog");
    assert!(diagnosis.sentence.starts_with("No access. "), "{}", diagnosis.sentence);
    assert_eq!(diagnosis.fixes[1].href, "/admin/customers/user_42/overrides/new");
}

#[test]
fn ids_cannot_leave_their_place_in_a_path() {
    let (facts, catalog) = (known(), catalog());
    let mut chain = chain(Some(&facts), &catalog, Some("pro"));
    chain.user_id = "a/b?c#d é".to_owned();
    let grant = diagnose(&chain).fixes.pop().unwrap();
    assert_eq!(grant.href, "/admin/customers/a%2Fb%3Fc%23d%20%C3%A9/overrides/new?feature=pro");
}

#[test]
fn the_words_of_the_contract() {
    let json = serde_json::to_value(diagnosis_of(&paying("active", "price_new"), |_| {})).unwrap();
    assert_eq!(json["broken_link"], "entitlement");
    assert_eq!(json["links"][4]["state"], "broken");
    assert_eq!(json["links"][4]["name"], "entitlement");
    assert_eq!(json["fixes"][0]["role"], "admin");
    let json = serde_json::to_value(diagnosis_of(&known(), |_| {})).unwrap();
    assert_eq!(json["links"][1]["state"], "not_reached");
}

#[test]
fn failures_elsewhere_do_not_look_like_the_broken_link() {
    let diagnosis = diagnosis_of(&paying("active", "price_pro"), |chain| {
        chain.events.failed = vec![FailedEvent {
            id: "evt_9".to_owned(),
            kind: "invoice.paid".to_owned(),
            error: "x".to_owned(),
            at: NOW,
            dead: false,
        }];
    });
    assert_eq!((diagnosis.code.as_str(), diagnosis.links[1].state), ("ok", LinkState::Unknown));
}

#[test]
fn spans_and_days_read_naturally() {
    let at = |secs| words::span(NOW, NOW.plus_secs(secs));
    assert_eq!([at(-5), at(59), at(180), at(7200), at(200_000)], ["0 s", "59 s", "3 minutes", "2 hours", "2 days"]);
    assert_eq!(words::moment(Timestamp::from_secs(0)), "1 Jan 1970 00:00 UTC");
}
