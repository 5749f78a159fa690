//! One subscription alone: every status, every end, before and after.

use super::builders::{DAY, NOW, catalog, day, ending, subscription, user, with};
use crate::Timestamp;
use crate::access::{Policy, Reason, SubscriptionFacts, decide};

fn verdict(facts: &SubscriptionFacts, now: Timestamp) -> (bool, Reason, Option<Timestamp>) {
    let decision = decide(Some(&user(vec![facts.clone()])), &catalog(), &Policy::default(), "pro", now);
    (decision.allowed, decision.reason, decision.until)
}

fn allowed(reason: Reason, until: Timestamp) -> (bool, Reason, Option<Timestamp>) {
    (true, reason, Some(until))
}

fn denied(reason: Reason) -> (bool, Reason, Option<Timestamp>) {
    (false, reason, None)
}

/// One millisecond before.
fn before(at: Timestamp) -> Timestamp {
    at.plus_millis(-1)
}

#[test]
fn each_status_has_its_reason() {
    let sub = |status| subscription(status, "price_pro");
    let trial = |status, end: Timestamp| with(sub(status), |s| s.trial_end = Some(end));
    let canceled = |ended: Timestamp, trial_end: Option<Timestamp>, why: Option<&str>| {
        with(sub("canceled"), |s| {
            s.ended_at = Some(ended);
            s.trial_end = trial_end;
            s.cancellation_reason = why.map(str::to_owned);
        })
    };
    let paused_later = with(trial("paused", day(-40)), |s| s.items[0].current_period_start = Some(day(-10)));
    let rows = [
        ("active", sub("active"), allowed(Reason::SubscriptionActive, day(20))),
        ("trialing", trial("trialing", day(5)), allowed(Reason::SubscriptionTrialing, day(5))),
        ("past due, start of the period known", sub("past_due"), denied(Reason::GracePeriodOver)),
        ("unpaid", sub("unpaid"), denied(Reason::SubscriptionUnpaid)),
        ("incomplete", sub("incomplete"), denied(Reason::SubscriptionIncomplete)),
        ("incomplete_expired", sub("incomplete_expired"), denied(Reason::SubscriptionIncompleteExpired)),
        ("canceled", canceled(day(-2), None, None), denied(Reason::SubscriptionCanceled)),
        ("canceled with its trial", canceled(day(-2), Some(day(-2)), None), denied(Reason::TrialEnded)),
        (
            "canceled half a minute after its trial",
            canceled(day(-2).plus_secs(30), Some(day(-2)), None),
            denied(Reason::TrialEnded),
        ),
        (
            "canceled two minutes after its trial",
            canceled(day(-2).plus_secs(120), Some(day(-2)), None),
            denied(Reason::SubscriptionCanceled),
        ),
        (
            "canceled with its trial because somebody asked",
            canceled(day(-2), Some(day(-2)), Some("cancellation_requested")),
            denied(Reason::SubscriptionCanceled),
        ),
        ("paused", sub("paused"), denied(Reason::SubscriptionPaused)),
        ("paused when its trial ended", trial("paused", day(-1)), denied(Reason::TrialEnded)),
        ("paused long after its trial", paused_later, denied(Reason::SubscriptionPaused)),
        ("a word from the future", sub("hibernating"), denied(Reason::NoPayment)),
    ];
    for (name, facts, expected) in rows {
        assert_eq!(verdict(&facts, NOW), expected, "{name}");
    }
}

#[test]
fn an_unknown_status_is_flagged_with_the_word_stripe_used() {
    let facts = user(vec![subscription("hibernating", "price_pro")]);
    let decision = decide(Some(&facts), &catalog(), &Policy::default(), "pro", NOW);
    assert_eq!(decision.sources[0].status, "hibernating");
}

#[test]
fn a_period_that_passed_without_a_word_has_two_days() {
    let sub = ending(day(0), subscription("active", "price_pro"));
    assert_eq!(verdict(&sub, before(day(0))), allowed(Reason::SubscriptionActive, day(0)));
    assert_eq!(verdict(&sub, day(0)), allowed(Reason::GracePeriod, day(2)));
    assert_eq!(verdict(&sub, before(day(2))), allowed(Reason::GracePeriod, day(2)));
    assert_eq!(verdict(&sub, day(2)), denied(Reason::GracePeriodOver));
}

#[test]
fn a_trial_has_the_same_leeway() {
    let sub = with(subscription("trialing", "price_pro"), |s| s.trial_end = Some(day(0)));
    assert_eq!(verdict(&sub, before(day(0))), allowed(Reason::SubscriptionTrialing, day(0)));
    assert_eq!(verdict(&sub, day(0)), allowed(Reason::GracePeriod, day(2)));
    assert_eq!(verdict(&sub, day(2)), denied(Reason::TrialEnded));
}

#[test]
fn a_planned_end_is_kept_to_the_moment() {
    let at = |end: Timestamp| with(subscription("active", "price_pro"), |s| s.cancel_at = Some(end));
    let with_period = ending(day(3), with(subscription("active", "price_pro"), |s| s.cancel_at_period_end = true));
    let in_trial = with(subscription("trialing", "price_pro"), |s| {
        s.trial_end = Some(day(3));
        s.cancel_at = Some(day(3));
    });
    let ended = with(subscription("active", "price_pro"), |s| s.ended_at = Some(day(3)));
    for (name, sub, reason) in [
        ("cancel_at", at(day(3)), Reason::SubscriptionActive),
        ("cancel_at_period_end", with_period, Reason::SubscriptionActive),
        ("cancel_at in a trial", in_trial, Reason::SubscriptionTrialing),
        ("ended_at", ended, Reason::SubscriptionActive),
    ] {
        assert_eq!(verdict(&sub, before(day(3))), allowed(reason, day(3)), "{name}");
        assert_eq!(verdict(&sub, day(3)), denied(Reason::SubscriptionCanceled), "{name}");
    }
    assert_eq!(verdict(&at(day(300)), NOW), allowed(Reason::SubscriptionActive, day(20)), "an end after the period");
    let soon_after = at(day(21));
    assert_eq!(verdict(&soon_after, day(20)), allowed(Reason::GracePeriod, day(21)), "leeway stops at the end");
    assert_eq!(verdict(&soon_after, day(21)), denied(Reason::SubscriptionCanceled));
}

#[test]
fn past_due_keeps_access_for_the_grace_of_the_policy() {
    let mut sub = subscription("past_due", "price_pro");
    sub.past_due_since = Some(day(-4));
    assert_eq!(verdict(&sub, NOW), allowed(Reason::GracePeriod, day(3)));
    assert_eq!(verdict(&sub, day(3)), denied(Reason::GracePeriodOver));
    sub.past_due_since = None;
    assert_eq!(verdict(&sub, day(-4)), allowed(Reason::GracePeriod, day(-3)), "counted from the period's start");
    sub.subscription.items[0].current_period_start = None;
    sub.subscription.created = Some(day(-1));
    assert_eq!(verdict(&sub, NOW), allowed(Reason::GracePeriod, day(6)), "counted from the creation");
    sub.subscription.created = None;
    assert_eq!(verdict(&sub, NOW), denied(Reason::GracePeriodOver), "nothing to count from");
    sub.past_due_since = Some(day(-4));
    sub.subscription.cancel_at = Some(day(1));
    assert_eq!(verdict(&sub, NOW), allowed(Reason::GracePeriod, day(1)));
    assert_eq!(verdict(&sub, day(1)), denied(Reason::SubscriptionCanceled));
}

#[test]
fn grace_and_leeway_are_the_policys() {
    let mut late = subscription("past_due", "price_pro");
    late.past_due_since = Some(day(-4));
    let policy = Policy { past_due_grace: DAY, period_leeway: 0, ..Policy::default() };
    let facts = user(vec![late, ending(day(0), subscription("active", "price_pro"))]);
    assert!(decide(Some(&facts), &catalog(), &policy, "pro", before(NOW)).allowed);
    assert_eq!(decide(Some(&facts), &catalog(), &policy, "pro", NOW).reason, Reason::GracePeriodOver);
}

#[test]
fn collection_that_is_paused_keeps_access_unless_invoices_are_void() {
    let paused =
        |behavior: &str| with(subscription("active", "price_pro"), |s| s.pause_behavior = Some(behavior.to_owned()));
    for behavior in ["keep_as_draft", "mark_uncollectible"] {
        assert_eq!(verdict(&paused(behavior), day(20)), allowed(Reason::GracePeriod, day(22)), "{behavior}");
    }
    assert_eq!(verdict(&paused("void"), NOW), allowed(Reason::SubscriptionActive, day(20)));
    assert_eq!(verdict(&paused("void"), day(20)), denied(Reason::SubscriptionPaused));
    let ends_first = with(paused("void"), |s| s.cancel_at = Some(day(5)));
    assert_eq!(verdict(&ends_first, day(5)), denied(Reason::SubscriptionCanceled));
}

#[test]
fn each_item_lasts_as_long_as_its_own_period() {
    let sub = with(subscription("active", "price_pro"), |s| {
        let mut year = super::builders::item("price_basic");
        year.current_period_end = Some(day(300));
        s.items.push(year);
    });
    let facts = user(vec![sub]);
    let at = |feature: &str, now| decide(Some(&facts), &catalog(), &Policy::default(), feature, now);
    assert_eq!(at("pro", NOW).until, Some(day(20)));
    assert_eq!(at("basic", NOW).until, Some(day(300)));
    assert_eq!(
        at("pro", day(30)).reason,
        Reason::GracePeriodOver,
        "its own item is over, though the other one goes on"
    );
    assert!(at("basic", day(30)).allowed);
}

#[test]
fn without_a_period_there_is_no_end() {
    let sub = with(subscription("active", "price_pro"), |s| s.items[0].current_period_end = None);
    assert_eq!(verdict(&sub, day(9999)), (true, Reason::SubscriptionActive, None));
}
