//! What one-time purchases give, and what refunds, disputes and time leave of it.

use super::builders::{NOW, catalog, charge, day, dispute, override_of, purchase, refund, subscription, user};
use crate::access::{
    Decision, DisputePolicy, FailedDebit, FailedDebitPolicy, OverrideEffect, PaymentFacts, PaymentPolicy, PaymentState,
    Policy, PurchaseFacts, Reason, RefundPolicy, UserFacts, decide,
};
use crate::catalog::{Catalog, Feature, FeatureGrant, FeatureType};
use crate::stripe::{Charge, LineItem};

fn buyer(purchases: Vec<PurchaseFacts>) -> UserFacts {
    UserFacts { purchases, ..user(vec![]) }
}

fn ask(facts: &UserFacts, feature: &str) -> Decision {
    decide(Some(facts), &catalog(), &Policy::default(), feature, NOW)
}

fn ask_with(facts: &UserFacts, payments: PaymentPolicy) -> (bool, Reason) {
    let decision = decide(Some(facts), &catalog(), &Policy { payments, ..Policy::default() }, "pro", NOW);
    (decision.allowed, decision.reason)
}

/// The catalog with 100 credits of `calls` from `price_pack`.
fn shop() -> Catalog {
    let mut catalog = catalog();
    let pack = vec![FeatureGrant { credits: Some(100), ..FeatureGrant::of("calls") }];
    catalog.prices.insert("price_pack".into(), pack);
    let calls = Feature::new("calls", FeatureType::Metered);
    catalog.features.insert("calls".into(), calls);
    catalog
}

#[test]
fn a_paid_purchase_lasts_for_ever() {
    let decision = ask(&buyer(vec![purchase("cs_1", "price_pro")]), "pro");
    assert_eq!((decision.allowed, decision.reason, decision.until), (true, Reason::Purchase, None));
    let source = &decision.sources[0];
    assert_eq!((source.kind.as_str(), source.id.as_str(), source.status.as_str()), ("purchase", "cs_1", "paid"));
    assert_eq!(ask(&buyer(vec![purchase("cs_1", "price_pro")]), "seats").value, Some(10));
}

#[test]
fn what_is_bought_decides_about_what_is_not_given() {
    let with_items = |items| buyer(vec![PurchaseFacts { items, ..purchase("cs_1", "price_pro") }]);
    let of = |price: &str| Some(vec![LineItem { price_id: price.into(), product_id: None, quantity: 1 }]);
    for (items, reason) in [
        (of("price_basic"), Reason::NotInPlan),
        (of("price_new"), Reason::PriceNotInCatalog),
        (Some(vec![]), Reason::PriceNotInCatalog),
        (None, Reason::PaymentPending),
    ] {
        let decision = ask(&with_items(items.clone()), "pro");
        assert_eq!((decision.allowed, decision.reason), (false, reason), "{items:?}");
        assert_eq!(decision.sources[0].id, "cs_1");
    }
    let product = Some(vec![LineItem { price_id: "price_x".into(), product_id: Some("prod_pro".into()), quantity: 1 }]);
    assert!(ask(&with_items(product), "pro").allowed, "the product gives it");
}

#[test]
fn delayed_payments_wait_and_may_fail() {
    for (state, reason) in [(PaymentState::Pending, Reason::PaymentPending), (PaymentState::Failed, Reason::NoPayment)]
    {
        let facts = buyer(vec![PurchaseFacts { state, ..purchase("cs_1", "price_pro") }]);
        assert_eq!((ask(&facts, "pro").allowed, ask(&facts, "pro").reason), (false, reason));
        assert_eq!(ask(&facts, "basic").reason, Reason::NoPayment, "it never gave that");
    }
}

#[test]
fn refunds_follow_the_policy() {
    use Reason::{Purchase, Refunded};
    use RefundPolicy::{Any, Full, Keep};
    let full = || vec![refund("re_1", 2000, "succeeded")];
    let part = || vec![refund("re_1", 500, "succeeded")];
    let failed = || vec![refund("re_1", 2000, "failed")];
    let two = || vec![refund("re_1", 500, "succeeded"), refund("re_2", 1500, "pending")];
    let one_failed = || vec![refund("re_1", 500, "succeeded"), refund("re_2", 1500, "failed")];
    // The refunds, what the charge counts (none: no word of the charge), the policy, the answer.
    for (n, (refunds, counted, policy, reason)) in [
        (full(), Some(2000), Full, Refunded),
        (full(), None, Full, Refunded),
        (vec![], Some(2000), Full, Refunded),
        (full(), Some(0), Full, Refunded),
        (full(), Some(2000), Any, Refunded),
        (full(), Some(2000), Keep, Purchase),
        (part(), Some(500), Full, Purchase),
        (part(), Some(500), Any, Refunded),
        (part(), None, Keep, Purchase),
        (failed(), Some(2000), Full, Purchase),
        (failed(), Some(0), Any, Purchase),
        (two(), Some(2000), Full, Refunded),
        (two(), Some(500), Full, Refunded),
        (one_failed(), Some(2000), Full, Purchase),
        (one_failed(), Some(500), Any, Refunded),
    ]
    .into_iter()
    .enumerate()
    {
        let mut bought = purchase("cs_1", "price_pro");
        bought.payment.charges = counted.map(charge).into_iter().collect();
        bought.payment.refunds = refunds;
        let answer = ask_with(&buyer(vec![bought]), PaymentPolicy { refund: policy, ..PaymentPolicy::default() });
        assert_eq!(answer, (reason == Purchase, reason), "row {n}");
    }
}

#[test]
fn a_partial_refund_is_shown() {
    let mut bought = purchase("cs_1", "price_pro");
    bought.payment.charges = vec![charge(500)];
    assert_eq!(ask(&buyer(vec![bought]), "pro").sources[0].status, "partially_refunded");
}

#[test]
fn disputes_follow_the_policy() {
    use DisputePolicy::{Flag, Keep, Suspend};
    use Reason::{Disputed, Purchase};
    for (status, flag, suspend) in [
        ("warning_needs_response", Purchase, Purchase),
        ("warning_under_review", Purchase, Purchase),
        ("warning_closed", Purchase, Purchase),
        ("needs_response", Purchase, Disputed),
        ("under_review", Purchase, Disputed),
        ("won", Purchase, Purchase),
        ("lost", Disputed, Disputed),
        ("prevented", Purchase, Purchase),
        ("a_new_word", Purchase, Disputed),
    ] {
        for (policy, reason) in [(Flag, flag), (Suspend, suspend), (Keep, Purchase)] {
            let mut bought = purchase("cs_1", "price_pro");
            bought.payment.disputes = vec![dispute("du_1", status)];
            let answer = ask_with(&buyer(vec![bought]), PaymentPolicy { dispute: policy, ..PaymentPolicy::default() });
            assert_eq!(answer, (reason == Purchase, reason), "{status}, {policy:?}");
        }
    }
}

#[test]
fn a_duration_counts_from_the_payment() {
    let catalog = catalog();
    let bought = |paid| PurchaseFacts { state: PaymentState::Paid { at: paid }, ..purchase("cs_1", "price_pass") };
    let ask = |facts: &UserFacts| decide(Some(facts), &catalog, &Policy::default(), "pro", NOW);
    let running = ask(&buyer(vec![bought(day(-29))]));
    assert_eq!((running.allowed, running.reason, running.until), (true, Reason::Purchase, Some(day(1))));
    let over = ask(&buyer(vec![bought(day(-30))]));
    assert_eq!((over.allowed, over.reason), (false, Reason::PurchaseExpired));
    let other = decide(Some(&buyer(vec![bought(day(-30))])), &catalog, &Policy::default(), "basic", NOW);
    assert_eq!(other.reason, Reason::NotInPlan, "the catalog knows what was bought, though its time is over");
    assert_eq!((over.sources[0].until, over.sources[0].status.as_str()), (Some(day(0)), "expired"));
    let again = PurchaseFacts { id: "cs_2".into(), ..bought(day(-3)) };
    assert_eq!(ask(&buyer(vec![bought(day(-40)), again])).until, Some(day(27)), "the newer one gives it");
}

#[test]
fn credits_of_what_was_bought_add_up() {
    let catalog = shop();
    let pack = |id: &str, quantity| {
        let items = vec![LineItem { price_id: "price_pack".into(), product_id: None, quantity }];
        PurchaseFacts { items: Some(items), ..purchase(id, "price_pack") }
    };
    let ask = |facts: &UserFacts| decide(Some(facts), &catalog, &Policy::default(), "calls", NOW);
    let one = ask(&buyer(vec![pack("cs_1", 1)]));
    assert_eq!((one.allowed, one.reason, one.value), (true, Reason::Credits, Some(100)));
    let mut refunded = pack("cs_3", 5);
    refunded.payment.charges = vec![charge(2000)];
    let three = ask(&buyer(vec![pack("cs_1", 1), pack("cs_2", 2), refunded]));
    assert_eq!(three.value, Some(300), "and a refunded pack adds none");
    assert_eq!(three.sources.iter().map(|source| source.value).collect::<Vec<_>>(), [Some(100), Some(200)]);
    let mut granted = buyer(vec![pack("cs_1", 1), pack("cs_2", 2)]);
    granted.overrides = vec![override_of("calls", OverrideEffect::Grant, None)];
    let granted = ask(&granted);
    assert_eq!((granted.reason, granted.value), (Reason::OverrideGrant, Some(300)), "a grant makes them no fewer");
}

#[test]
fn a_payment_has_failed_when_every_charge_for_it_was_refused() {
    let of = |statuses: &[&str]| {
        let charges = statuses.iter().map(|status| Charge { status: Some((*status).into()), ..charge(0) });
        PaymentFacts { charges: charges.collect(), ..PaymentFacts::default() }.has_failed()
    };
    assert!(of(&["failed"]) && of(&["failed", "failed"]));
    assert!(!of(&[]) && !of(&["pending"]) && !of(&["failed", "pending"]) && !of(&["failed", "succeeded"]));
}

#[test]
fn the_best_of_the_subscriptions_comes_before_a_purchase() {
    let both = |status: &str| UserFacts {
        purchases: vec![purchase("cs_1", "price_pro")],
        ..user(vec![subscription(status, "price_pro")])
    };
    let decision = ask(&both("active"), "pro");
    assert_eq!((decision.reason, decision.until, decision.sources.len()), (Reason::SubscriptionActive, None, 2));
    assert_eq!(ask(&both("canceled"), "pro").reason, Reason::Purchase);
}

#[test]
fn a_refunded_purchase_takes_nothing_that_another_source_gives() {
    let mut refunded = purchase("cs_1", "price_pro");
    refunded.payment.charges = vec![charge(2000)];
    let with_subscription =
        UserFacts { purchases: vec![refunded.clone()], ..user(vec![subscription("active", "price_pro")]) };
    assert_eq!(ask(&with_subscription, "pro").reason, Reason::SubscriptionActive);
    assert_eq!(ask(&buyer(vec![refunded.clone(), purchase("cs_2", "price_pro")]), "pro").reason, Reason::Purchase);
    let mut granted = buyer(vec![refunded.clone()]);
    granted.overrides = vec![override_of("pro", OverrideEffect::Grant, None)];
    assert_eq!(ask(&granted, "pro").reason, Reason::OverrideGrant);
    assert_eq!(ask(&buyer(vec![refunded]), "pro").reason, Reason::Refunded);
}

#[test]
fn of_two_reasons_the_one_about_the_feature_is_told() {
    let mut refunded = purchase("cs_1", "price_pro");
    refunded.payment.charges = vec![charge(2000)];
    let with = |status: &str, price: &str, purchase: &PurchaseFacts| {
        ask(&UserFacts { purchases: vec![purchase.clone()], ..user(vec![subscription(status, price)]) }, "pro").reason
    };
    assert_eq!(with("active", "price_basic", &refunded), Reason::Refunded);
    assert_eq!(with("canceled", "price_basic", &refunded), Reason::Refunded);
    assert_eq!(with("unpaid", "price_pro", &refunded), Reason::SubscriptionUnpaid);
    let pending = PurchaseFacts { state: PaymentState::Pending, ..purchase("cs_1", "price_pro") };
    assert_eq!(with("unpaid", "price_pro", &pending), Reason::PaymentPending);
    let basic = purchase("cs_1", "price_basic");
    assert_eq!(with("active", "price_new", &basic), Reason::NotInPlan, "something is given");
    assert_eq!(with("canceled", "price_pro", &basic), Reason::SubscriptionCanceled);
}

#[test]
fn a_failed_debit_is_kept_unless_the_policy_says_otherwise() {
    let facts = |status| {
        let mut facts = subscription(status, "price_pro");
        facts.failed_debit = Some(FailedDebit { invoice_id: "in_1".into(), at: day(-1) });
        user(vec![facts])
    };
    let revoke = PaymentPolicy { failed_debit: FailedDebitPolicy::Revoke, ..PaymentPolicy::default() };
    assert_eq!(ask_with(&facts("active"), PaymentPolicy::default()), (true, Reason::SubscriptionActive));
    assert_eq!(ask_with(&facts("active"), revoke), (false, Reason::SubscriptionUnpaid));
    assert_eq!(ask_with(&facts("unpaid"), PaymentPolicy::default()), (false, Reason::SubscriptionUnpaid));
}

#[test]
fn policies_have_words() {
    for policy in RefundPolicy::ALL {
        assert_eq!(RefundPolicy::parse(policy.as_str()), Some(*policy));
    }
    assert_eq!(DisputePolicy::parse("suspend"), Some(DisputePolicy::Suspend));
    assert_eq!(FailedDebitPolicy::parse("never"), None);
}
