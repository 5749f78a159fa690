//! What holds whatever the facts are.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::builders::{
    DAY, NOW, catalog, charge, day, dispute as dispute_of, item, named, override_of, purchase, subscription, user, with,
};
use crate::Timestamp;
use crate::access::{
    Decision, OverrideEffect, OverrideFacts, PaymentState, Policy, PurchaseFacts, SubscriptionFacts, UserFacts, course,
    decide,
};

pub(crate) fn moment() -> impl Strategy<Value = Timestamp> {
    (-30..30_i64, -1..=1_i64).prop_map(|(n, off)| day(n).plus_millis(off))
}

fn any_item() -> impl Strategy<Value = crate::stripe::SubscriptionItem> {
    let price = prop::sample::select(vec!["price_pro", "price_team", "price_basic", "price_new"]);
    (price, option::of(moment()), option::of(moment())).prop_map(|(price, start, end)| {
        let mut item = item(price);
        item.current_period_start = start;
        item.current_period_end = end;
        item
    })
}

prop_compose! {
    fn any_subscription()(
        status in prop::sample::select(vec![
            "trialing", "active", "active", "past_due", "unpaid", "incomplete", "incomplete_expired", "canceled", "paused", "new_word",
        ]),
        items in vec(any_item(), 0..3),
        trial_end in option::of(moment()),
        cancel_at in option::weighted(0.2, moment()),
        cancel_at_period_end in prop::bool::weighted(0.2),
        ended_at in option::weighted(0.2, moment()),
        pause in option::weighted(0.3, prop::sample::select(vec!["void", "keep_as_draft", "mark_uncollectible"])),
        past_due_since in option::of(moment()),
    ) -> SubscriptionFacts {
        let mut facts = with(subscription(status, "price_pro"), |sub| {
            sub.items = items;
            sub.trial_end = trial_end;
            sub.cancel_at = cancel_at;
            sub.cancel_at_period_end = cancel_at_period_end;
            sub.ended_at = ended_at;
            sub.pause_behavior = pause.map(str::to_owned);
        });
        facts.past_due_since = past_due_since;
        facts
    }
}

fn any_override(effect: impl Strategy<Value = OverrideEffect>) -> impl Strategy<Value = OverrideFacts> {
    let feature = prop::sample::select(vec!["pro", "seats", "basic"]);
    (feature, effect, option::of(moment())).prop_map(|(feature, effect, end)| override_of(feature, effect, end))
}

prop_compose! {
    fn any_purchase()(
        price in prop::sample::select(vec!["price_pro", "price_pass", "price_pass", "price_basic", "price_new"]),
        paid in option::weighted(0.8, moment()),
        read in prop::bool::weighted(0.9),
        refunded in prop::sample::select(vec![0, 0, 0, 500, 2000]),
        dispute in option::weighted(0.3, prop::sample::select(vec!["needs_response", "won", "lost", "new_word"])),
    ) -> PurchaseFacts {
        let mut facts = purchase("cs_1", price);
        facts.state = paid.map_or(PaymentState::Pending, |at| PaymentState::Paid { at });
        facts.items = facts.items.filter(|_| read);
        facts.payment.charges = vec![charge(refunded)];
        facts.payment.disputes = dispute.map(|status| dispute_of("du_1", status)).into_iter().collect();
        facts
    }
}

pub(crate) fn any_user(effect: impl Strategy<Value = OverrideEffect>) -> impl Strategy<Value = UserFacts> {
    let subscriptions = vec(any_subscription(), 0..4);
    (subscriptions, vec(any_purchase(), 0..3), vec(any_override(effect), 0..3), any::<bool>()).prop_map(
        |(subs, mut purchases, overrides, pending)| {
            let subscriptions = subs.into_iter().enumerate().map(|(n, sub)| named(&format!("sub_{n}"), sub)).collect();
            purchases.iter_mut().enumerate().for_each(|(n, purchase)| purchase.id = format!("cs_{n}"));
            UserFacts { overrides, purchases, payment_pending: pending, ..user(subscriptions) }
        },
    )
}

pub(crate) fn either() -> impl Strategy<Value = OverrideEffect> {
    prop::sample::select(vec![OverrideEffect::Grant, OverrideEffect::Deny])
}

fn ask(facts: &UserFacts, now: Timestamp) -> Decision {
    decide(Some(facts), &catalog(), &Policy::default(), "pro", now)
}

proptest! {
    #[test]
    fn another_source_never_takes_access_away(facts in any_user(either()), sub in any_subscription(), now in moment()) {
        let before = ask(&facts, now);
        let mut more = facts;
        more.subscriptions.push(named("sub_more", sub));
        let after = ask(&more, now);
        prop_assert!(!before.allowed || after.allowed, "{before:?} became {after:?}");
        prop_assert!(before.value <= after.value);
    }

    #[test]
    fn another_purchase_never_takes_access_away(facts in any_user(either()), purchase in any_purchase(), now in moment()) {
        let before = ask(&facts, now);
        let mut more = facts;
        more.purchases.push(PurchaseFacts { id: "cs_more".to_owned(), ..purchase });
        prop_assert!(!before.allowed || ask(&more, now).allowed);
    }

    #[test]
    fn a_grant_never_takes_access_away(facts in any_user(either()), grant in any_override(Just(OverrideEffect::Grant)), now in moment()) {
        let before = ask(&facts, now);
        let mut more = facts;
        more.overrides.push(grant);
        prop_assert!(!before.allowed || ask(&more, now).allowed);
    }

    #[test]
    fn a_deny_always_denies(facts in any_user(either()), now in moment()) {
        let mut facts = facts;
        facts.overrides.push(override_of("pro", OverrideEffect::Deny, None));
        prop_assert!(!ask(&facts, now).allowed);
    }

    #[test]
    fn a_yes_holds_until_it_said(facts in any_user(Just(OverrideEffect::Grant)), now in moment(), part in 0.0..1.0_f64) {
        let decision = ask(&facts, now);
        prop_assert!(decision.allowed || decision.until.is_none());
        if decision.allowed {
            let end = decision.until.unwrap_or_else(|| now.plus_millis(1000 * DAY));
            prop_assert!(now < end, "until lies after the question");
            #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "any moment before the end will do")]
            let within = now.plus_millis(((end.millis() - now.millis() - 1) as f64 * part) as i64);
            prop_assert!(ask(&facts, within).allowed, "{decision:?} asked again at {within}");
            prop_assert!(ask(&facts, end.plus_millis(-1)).allowed);
        }
    }

    #[test]
    fn access_that_ends_later_by_the_clock_was_announced(facts in any_user(Just(OverrideEffect::Grant)), now in moment()) {
        // A yes without end is a yes at every later moment: nothing but its end may turn it.
        let decision = ask(&facts, now);
        if decision.allowed && decision.until.is_none() {
            prop_assert!(ask(&facts, NOW.plus_millis(10_000 * DAY)).allowed);
        }
    }

    #[test]
    fn the_answer_does_not_depend_on_the_order_of_facts(facts in any_user(either()), now in moment()) {
        let mut turned = facts.clone();
        turned.subscriptions.reverse();
        turned.purchases.reverse();
        turned.overrides.reverse();
        let (a, b) = (ask(&facts, now), ask(&turned, now));
        prop_assert_eq!((a.allowed, a.reason, a.until, a.value), (b.allowed, b.reason, b.until, b.value));
    }

    #[test]
    fn the_course_of_answers_has_every_turn(facts in any_user(either()), a in moment(), b in moment(), when in moment()) {
        let (from, to) = (a.min(b), a.max(b));
        let turns = course(Some(&facts), &catalog(), &Policy::default(), "pro", (from, to));
        prop_assert_eq!(turns[0].0, from);
        prop_assert!(turns.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[1].0 < to));
        for at in [when, to.plus_millis(-1)].into_iter().filter(|at| from <= *at && *at < to) {
            let told = turns.iter().rev().find(|(turn, _)| *turn <= at).map(|(_, decision)| decision.allowed);
            prop_assert_eq!(told, Some(ask(&facts, at).allowed), "at {} of {:?}", at, turns);
        }
    }
}
