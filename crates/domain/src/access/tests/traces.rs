//! The trace of a decision, and decisions about facts as they are not.

use proptest::prelude::*;

use super::builders::{NOW, catalog, day, override_of, subscription, user};
use super::properties::{any_user, either, moment};
use crate::access::{Outcome, OverrideEffect, Policy, Reason, Rule, Trace, UserFacts, WhatIf, decide, trace};
use crate::stripe::SubscriptionStatus;

fn of(facts: Option<&UserFacts>, feature: &str) -> Trace {
    trace(facts, &catalog(), &Policy::default(), feature, NOW)
}

/// The rule that decided.
#[track_caller]
fn decided(trace: &Trace) -> Rule {
    let place = trace.steps.iter().position(|step| step.outcome == Outcome::Matched).unwrap();
    assert!(trace.steps[..place].iter().all(|step| step.outcome == Outcome::NotMatched), "{trace:?}");
    assert!(trace.steps[place + 1..].iter().all(|step| step.outcome == Outcome::NotReached), "{trace:?}");
    trace.steps[place].rule
}

#[test]
fn each_rule_decides_where_it_is_the_first_to_match() {
    let paying = user(vec![subscription("active", "price_pro")]);
    let late = user(vec![subscription("unpaid", "price_pro")]);
    let with = |facts: &UserFacts, effect| {
        let mut facts = facts.clone();
        facts.overrides.push(override_of("pro", effect, None));
        facts
    };
    assert_eq!(decided(&of(None, "pro")), Rule::UnknownUser);
    assert_eq!(decided(&of(Some(&with(&paying, OverrideEffect::Deny)), "pro")), Rule::DenyOverride);
    assert_eq!(decided(&of(Some(&with(&late, OverrideEffect::Grant)), "pro")), Rule::GrantOverride);
    assert_eq!(decided(&of(Some(&paying), "pr0")), Rule::UnknownFeature);
    assert_eq!(decided(&of(Some(&paying), "pro")), Rule::Subscription);
    assert_eq!(decided(&of(Some(&late), "pro")), Rule::Nothing);
    let looked_at = &of(Some(&late), "pro").steps[4];
    assert_eq!((looked_at.rule, looked_at.looked_at.as_slice()), (Rule::Subscription, &["sub_1".to_owned()][..]));
}

fn would(facts: Option<&UserFacts>, what_if: &WhatIf, feature: &str, at: crate::Timestamp) -> (bool, Reason) {
    let facts = what_if.apply(facts, at);
    let decision = decide(facts.as_ref(), &catalog(), &Policy::default(), feature, at);
    (decision.allowed, decision.reason)
}

#[test]
fn a_subscription_may_be_thought_to_stand_otherwise() {
    let facts = user(vec![subscription("active", "price_pro")]);
    for (status, expected) in [
        ("active", (true, Reason::SubscriptionActive)),
        ("trialing", (true, Reason::SubscriptionTrialing)),
        ("past_due", (true, Reason::GracePeriod)),
        ("unpaid", (false, Reason::SubscriptionUnpaid)),
        ("paused", (false, Reason::SubscriptionPaused)),
        ("canceled", (false, Reason::SubscriptionCanceled)),
        ("incomplete", (false, Reason::SubscriptionIncomplete)),
        ("incomplete_expired", (false, Reason::SubscriptionIncompleteExpired)),
    ] {
        let what_if = WhatIf { status: Some(SubscriptionStatus::from(status.to_owned())), ..WhatIf::default() };
        assert_eq!(would(Some(&facts), &what_if, "pro", NOW), expected, "{status}");
        // Long after the period that is stored, the status is still the one that was asked about.
        assert_eq!(would(Some(&facts), &what_if, "pro", day(300)), expected, "{status}, later");
    }
}

#[test]
fn a_price_may_be_thought_to_be_paid_for() {
    let what_if = WhatIf { price: Some(("price_pro".to_owned(), None)), ..WhatIf::default() };
    let late = user(vec![subscription("unpaid", "price_basic")]);
    for facts in [None, Some(&UserFacts::default()), Some(&late)] {
        assert_eq!(would(facts, &what_if, "pro", NOW), (true, Reason::SubscriptionActive), "{facts:?}");
    }
    let by_product = WhatIf { price: Some(("price_new".to_owned(), Some("prod_pro".to_owned()))), ..WhatIf::default() };
    assert!(would(None, &by_product, "pro", NOW).0);
    assert_eq!(would(None, &WhatIf::default(), "pro", NOW), (false, Reason::UnknownUser));
}

#[test]
fn overrides_may_be_thought_away() {
    let mut facts = user(vec![subscription("active", "price_pro")]);
    facts.overrides.push(override_of("pro", OverrideEffect::Deny, None));
    let what_if = WhatIf { without_overrides: true, ..WhatIf::default() };
    assert_eq!(would(Some(&facts), &what_if, "pro", NOW), (true, Reason::SubscriptionActive));
    assert!(what_if.changes_something() && !WhatIf::default().changes_something());
}

proptest! {
    #[test]
    fn a_trace_tells_how_the_answer_came_about(
        facts in prop::option::weighted(0.9, any_user(either())),
        feature in prop::sample::select(vec!["pro", "seats", "basic", "unknown"]),
        now in moment(),
    ) {
        let (catalog, policy) = (catalog(), Policy::default());
        let told = trace(facts.as_ref(), &catalog, &policy, feature, now);
        prop_assert_eq!(&told.decision, &decide(facts.as_ref(), &catalog, &policy, feature, now));
        let rule = decided(&told);
        let sources = |kind: &str| told.decision.sources.iter().any(|source| source.kind == kind);
        let fits = match rule {
            Rule::UnknownUser => told.decision.reason == Reason::UnknownUser,
            Rule::DenyOverride => told.decision.reason == Reason::OverrideDeny,
            Rule::GrantOverride => told.decision.reason == Reason::OverrideGrant && told.decision.allowed,
            Rule::UnknownFeature => told.decision.reason == Reason::UnknownFeature,
            Rule::Subscription => told.decision.allowed && sources("subscription"),
            Rule::Purchase => told.decision.allowed && sources("purchase") && !sources("subscription"),
            Rule::Entitlement => told.decision.allowed && sources("entitlement"),
            Rule::Nothing => !told.decision.allowed,
        };
        prop_assert!(fits, "{:?}", told);
    }

    #[test]
    fn thinking_nothing_changes_nothing(facts in any_user(either()), now in moment()) {
        prop_assert_eq!(WhatIf::default().apply(Some(&facts), now), Some(facts));
    }
}
