//! Who loses access soon.

use super::builders::{NOW, catalog, day, override_of, purchase, subscription, user, with};
use crate::access::{OverrideEffect, Policy, Reason, UserFacts, known_losses};

fn losses(facts: &UserFacts, days: i64) -> Vec<(String, i64, Reason)> {
    let found = known_losses(facts, &catalog(), &Policy::default(), (NOW, day(days)));
    let in_days = |at: crate::Timestamp| (at.millis() - NOW.millis()) / 86_400_000;
    found.into_iter().map(|loss| (loss.feature, in_days(loss.at), loss.last.reason)).collect()
}

#[test]
fn what_renews_is_not_lost_and_what_was_canceled_is() {
    let renews = user(vec![subscription("active", "price_basic")]);
    assert_eq!(losses(&renews, 365), []);
    let canceled = user(vec![with(subscription("active", "price_basic"), |sub| sub.cancel_at = Some(day(5)))]);
    assert_eq!(losses(&canceled, 7), [("basic".to_owned(), 5, Reason::SubscriptionActive)]);
    assert_eq!(losses(&canceled, 3), []);
    let later = user(vec![with(subscription("active", "price_basic"), |sub| sub.cancel_at = Some(day(100)))]);
    assert_eq!(losses(&later, 99), [], "the periods until then are paid for");
    assert_eq!(losses(&later, 101).len(), 1);
}

#[test]
fn a_trial_goes_on_until_it_is_known_to_end() {
    let trial = with(subscription("trialing", "price_basic"), |sub| sub.trial_end = Some(day(2)));
    assert_eq!(losses(&user(vec![trial.clone()]), 30), []);
    let ends = with(trial, |sub| sub.cancel_at = Some(day(2)));
    assert_eq!(losses(&user(vec![ends]), 30), [("basic".to_owned(), 2, Reason::SubscriptionTrialing)]);
}

#[test]
fn graces_overrides_and_passes_end() {
    let mut late = subscription("past_due", "price_basic");
    late.past_due_since = Some(day(-3));
    assert_eq!(losses(&user(vec![late]), 30), [("basic".to_owned(), 4, Reason::GracePeriod)]);
    let mut by_hand = user(vec![]);
    by_hand.overrides = vec![override_of("pro", OverrideEffect::Grant, Some(day(6)))];
    assert_eq!(losses(&by_hand, 30), [("pro".to_owned(), 6, Reason::OverrideGrant)]);
    let mut pass = user(vec![]);
    pass.purchases = vec![purchase("cs_1", "price_pass")];
    let found = losses(&pass, 60);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].0.as_str(), found[0].2), ("pro", Reason::Purchase));
}

#[test]
fn another_source_that_goes_on_keeps_the_feature() {
    let mut facts = user(vec![subscription("active", "price_basic")]);
    facts.overrides = vec![override_of("basic", OverrideEffect::Grant, Some(day(6)))];
    assert_eq!(losses(&facts, 30), []);
}
