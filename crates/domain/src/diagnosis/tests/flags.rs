//! Access that is given and should be looked at all the same.

use super::*;
use crate::access::PaymentFacts;
use crate::access::tests::builders::{charge, dispute, refund};

/// An active subscription whose latest invoice has this money behind it.
fn paid_by(payment: PaymentFacts) -> Diagnosis {
    let facts = changed(subscription("active", "price_pro"), |sub| sub.latest_invoice = Some("in_1".to_owned()));
    diagnosis_of(&facts, |chain| {
        chain.invoice_payments.insert("in_1".to_owned(), payment);
    })
}

fn sentence(facts: &UserFacts) -> String {
    let found = diagnosis_of(facts, |_| {});
    assert_eq!(found.code, "ok", "{}", found.sentence);
    found.sentence
}

#[test]
fn a_refund_of_a_subscriptions_payment_is_told_and_takes_nothing() {
    let full = PaymentFacts {
        charges: vec![charge(2000)],
        refunds: vec![refund("re_1", 2000, "succeeded")],
        ..PaymentFacts::default()
    };
    let found = paid_by(full);
    assert_eq!(found.code, "ok");
    assert!(found.sentence.contains("the payment of in_1 for sub_1 was refunded on"), "{}", found.sentence);
    let found = paid_by(PaymentFacts { charges: vec![charge(500)], ..PaymentFacts::default() });
    assert!(found.sentence.contains("refunded in part"), "{}", found.sentence);
    let none = paid_by(PaymentFacts {
        charges: vec![charge(0)],
        refunds: vec![refund("re_1", 2000, "failed")],
        ..PaymentFacts::default()
    });
    assert!(!none.sentence.contains("refunded"), "{}", none.sentence);
}

#[test]
fn a_dispute_of_a_subscriptions_payment_is_a_risk_and_an_inquiry_a_note() {
    let of = |status| paid_by(PaymentFacts { disputes: vec![dispute("du_1", status)], ..PaymentFacts::default() });
    for (status, code) in [("needs_response", "ok_at_risk"), ("lost", "ok_at_risk"), ("warning_needs_response", "ok")] {
        let found = of(status);
        assert_eq!(found.code, code, "{}", found.sentence);
        assert!(found.sentence.contains("the payment of in_1 for sub_1 is disputed (du_1"), "{}", found.sentence);
    }
    assert!(!of("won").sentence.contains("disputed"));
}

#[test]
fn what_stripe_is_about_to_change_is_told() {
    let told =
        |change: fn(&mut crate::stripe::Subscription)| sentence(&changed(subscription("active", "price_pro"), change));
    assert!(
        told(|sub| sub.pause_behavior = Some("keep_as_draft".to_owned()))
            .contains("collection is paused (keep as draft)")
    );
    assert!(told(|sub| sub.pending_update_until = Some(day(1))).contains("a change of it waits for its payment until"));
    assert!(
        told(|sub| sub.schedule_id = Some("sub_sched_1".to_owned()))
            .contains("schedule sub_sched_1 is going to change it")
    );
}

#[test]
fn a_trial_is_called_one() {
    let facts = changed(subscription("trialing", "price_pro"), |sub| sub.trial_end = Some(day(3)));
    assert!(sentence(&facts).ends_with("from sub_1, a trial."), "{}", sentence(&facts));
}

#[test]
fn collection_paused_without_access_says_that_it_is_the_policy() {
    let facts = changed(subscription("active", "price_pro"), |sub| {
        sub.pause_behavior = Some("void".to_owned());
        sub.items[0].current_period_end = Some(day(-1));
    });
    let found = diagnosis_of(&facts, |_| {});
    assert_eq!(found.code, "sub_paused");
    assert!(
        found.sentence.contains("its collection is paused (void): the policy ended access on"),
        "{}",
        found.sentence
    );
}

#[test]
fn a_trial_that_the_policy_gives_nothing_is_not_called_another_plan() {
    let facts = changed(subscription("trialing", "price_pro"), |sub| sub.trial_end = Some(day(3)));
    let catalog = catalog();
    let policy = Policy { trialing: crate::access::Treatment::Deny, ..Policy::default() };
    let decision = decide(Some(&facts), &catalog, &policy, "pro", NOW);
    let mut chain = chain(Some(&facts), &catalog, Some("pro"));
    (chain.policy, chain.decision) = (policy, decision);
    let found = diagnose(&chain);
    assert_eq!(found.code, "not_in_plan");
    assert!(
        found.sentence.contains("sub_1 is in its trial, and by the policy price_pro gives pro only once it is paid."),
        "{}",
        found.sentence
    );
}
