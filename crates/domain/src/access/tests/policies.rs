//! What an installation, a feature and a price decide for themselves.

use super::builders::{DAY, NOW, catalog, day, subscription, user, with};
use crate::access::{
    CollectionPause, Decision, Policy, PolicyExceptions, Reason, SubscriptionFacts, Treatment, decide,
};
use crate::catalog::Catalog;

fn pro(facts: &SubscriptionFacts, catalog: &Catalog, policy: &Policy) -> Decision {
    decide(Some(&user(vec![facts.clone()])), catalog, policy, "pro", NOW)
}

/// The catalog with exceptions at the feature `pro` and at `price_pro`.
fn excepting(feature: PolicyExceptions, price: PolicyExceptions) -> Catalog {
    let mut catalog = catalog();
    catalog.features.get_mut("pro").unwrap().policy = feature;
    catalog.price_policies.insert("price_pro".to_owned(), price);
    catalog
}

fn late() -> SubscriptionFacts {
    let mut facts = subscription("past_due", "price_pro");
    facts.past_due_since = Some(day(-4));
    facts
}

#[test]
fn the_price_is_heard_before_the_feature_before_the_installation() {
    let grace = |days: Option<i64>| PolicyExceptions {
        past_due_grace: days.map(|days| days * DAY),
        ..PolicyExceptions::default()
    };
    for (feature, price, until) in [
        (None, None, Some(day(3))),
        (Some(10), None, Some(day(6))),
        (None, Some(20), Some(day(16))),
        (Some(10), Some(20), Some(day(16))),
        (Some(20), Some(1), None),
        (Some(0), None, None),
    ] {
        let decision = pro(&late(), &excepting(grace(feature), grace(price)), &Policy::default());
        let expected = if until.is_some() { Reason::GracePeriod } else { Reason::GracePeriodOver };
        assert_eq!((decision.reason, decision.until), (expected, until), "{feature:?} {price:?}");
    }
}

#[test]
fn an_exception_is_about_its_own_price_and_feature() {
    let none = PolicyExceptions { past_due_grace: Some(0), ..PolicyExceptions::default() };
    let mut catalog = excepting(none, PolicyExceptions::default());
    let facts = user(vec![late()]);
    let ask = |catalog: &Catalog, feature| decide(Some(&facts), catalog, &Policy::default(), feature, NOW).allowed;
    assert!(!ask(&catalog, "pro"));
    assert!(ask(&catalog, "seats"), "another feature of the same price");
    catalog.features.get_mut("pro").unwrap().policy = PolicyExceptions::default();
    catalog.price_policies.insert("price_team".to_owned(), none);
    assert!(ask(&catalog, "pro"), "another price");
}

#[test]
fn a_trial_gives_what_the_policy_lets_it_give() {
    let trial = with(subscription("trialing", "price_pro"), |s| s.trial_end = Some(day(5)));
    let deny = PolicyExceptions { trialing: Some(Treatment::Deny), ..PolicyExceptions::default() };
    let allow = PolicyExceptions { trialing: Some(Treatment::Allow), ..PolicyExceptions::default() };
    let strict = Policy { trialing: Treatment::Deny, ..Policy::default() };
    let none = PolicyExceptions::default();
    for (name, policy, feature, price, expected) in [
        ("by default", Policy::default(), none, none, Reason::SubscriptionTrialing),
        ("not this feature", Policy::default(), deny, none, Reason::NotInPlan),
        ("not by this price", Policy::default(), none, deny, Reason::NotInPlan),
        ("never", strict, none, none, Reason::NotInPlan),
        ("never, but for this feature", strict, allow, none, Reason::SubscriptionTrialing),
    ] {
        assert_eq!(pro(&trial, &excepting(feature, price), &policy).reason, expected, "{name}");
    }
    assert_eq!(
        pro(&subscription("active", "price_pro"), &excepting(deny, none), &strict).reason,
        Reason::SubscriptionActive
    );
}

#[test]
fn a_pause_by_hand_may_keep_access_and_one_by_the_trials_end_never_does() {
    let paused = subscription("paused", "price_pro");
    let after_trial = with(subscription("paused", "price_pro"), |s| s.trial_end = Some(day(-1)));
    let kind = Policy { paused: Treatment::Allow, ..Policy::default() };
    assert_eq!(pro(&paused, &catalog(), &Policy::default()).reason, Reason::SubscriptionPaused);
    let decision = pro(&paused, &catalog(), &kind);
    assert_eq!((decision.reason, decision.until), (Reason::SubscriptionActive, None));
    assert_eq!(decision.sources[0].status, "paused");
    assert_eq!(pro(&after_trial, &catalog(), &kind).reason, Reason::TrialEnded);
    let deny = PolicyExceptions { paused: Some(Treatment::Deny), ..PolicyExceptions::default() };
    assert_eq!(pro(&paused, &excepting(deny, PolicyExceptions::default()), &kind).reason, Reason::SubscriptionPaused);
}

#[test]
fn each_way_of_pausing_collection_has_its_policy() {
    for behavior in ["keep_as_draft", "mark_uncollectible", "void", "a_word_from_the_future"] {
        let facts = |status| with(subscription(status, "price_pro"), |s| s.pause_behavior = Some(behavior.to_owned()));
        for way in CollectionPause::ALL {
            let mut policy = Policy::default();
            match behavior {
                "keep_as_draft" => policy.pause_collection.keep_as_draft = way,
                "mark_uncollectible" => policy.pause_collection.mark_uncollectible = way,
                _ => policy.pause_collection.void = way,
            }
            let known = behavior != "a_word_from_the_future";
            let in_the_period = if known && way == CollectionPause::Deny {
                Reason::SubscriptionPaused
            } else {
                Reason::SubscriptionActive
            };
            assert_eq!(pro(&facts("active"), &catalog(), &policy).reason, in_the_period, "{behavior} {way:?}");
            let after =
                if known && way != CollectionPause::Keep { Reason::SubscriptionPaused } else { Reason::GracePeriod };
            let later = decide(Some(&user(vec![facts("active")])), &catalog(), &policy, "pro", day(21));
            assert_eq!(later.reason, after, "{behavior} {way:?} after the period");
            assert_eq!(
                pro(&facts("unpaid"), &catalog(), &policy).reason,
                Reason::SubscriptionUnpaid,
                "{behavior} {way:?}"
            );
        }
    }
}

#[test]
fn a_limit_without_a_number_of_its_own_is_the_quantity_bought() {
    let mut catalog = catalog();
    let grants = catalog.prices.get_mut("price_team").unwrap();
    grants[0].value = None;
    let five = with(subscription("active", "price_team"), |s| s.items[0].quantity = 5);
    let ask = |feature| decide(Some(&user(vec![five.clone()])), &catalog, &Policy::default(), feature, NOW);
    assert_eq!(ask("seats").value, Some(5));
    catalog.prices.get_mut("price_team").unwrap()[0].value = Some(50);
    let fixed = decide(Some(&user(vec![five.clone()])), &catalog, &Policy::default(), "seats", NOW);
    assert_eq!(fixed.value, Some(50), "a number of the catalog is not multiplied");
}
