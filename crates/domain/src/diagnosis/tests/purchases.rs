//! Rows about one-time purchases: S9, its kin, and what is shown although access stays.

use super::*;
use crate::access::tests::builders::{charge, dispute, purchase};
use crate::access::{FailedDebit, FailedDebitPolicy, PaymentState, PurchaseFacts};

fn bought(change: impl FnOnce(&mut PurchaseFacts)) -> UserFacts {
    let mut made = purchase("cs_9", "price_pro");
    change(&mut made);
    UserFacts { purchases: vec![made], ..user(vec![]) }
}

#[test]
fn refunded() {
    let diagnosis = diagnosis_of(
        &bought(|made| {
            made.payment.charges = vec![charge(2000)];
            made.payment.refunds = vec![crate::access::tests::builders::refund("re_1", 2000, "succeeded")];
        }),
        |_| {},
    );
    let sentence = format!("The payment of cs_9 was refunded on {}.", words::day(day(-2)));
    assert_row(&diagnosis, "refunded", LinkName::Subscription, &sentence, &[GRANT]);
    assert_eq!(diagnosis.links[4].state, LinkState::Ok, "the price would give it");
}

#[test]
fn refunded_by_a_lost_dispute() {
    let diagnosis = diagnosis_of(&bought(|made| made.payment.disputes = vec![dispute("du_1", "lost")]), |_| {});
    let sentence = format!("The payment of cs_9 was disputed on {}: du_1 is lost.", words::day(day(-2)));
    assert_row(&diagnosis, "refunded", LinkName::Subscription, &sentence, &[GRANT]);
}

#[test]
fn purchase_expired() {
    let facts = bought(|made| {
        *made = PurchaseFacts { state: PaymentState::Paid { at: day(-31) }, ..purchase("cs_9", "price_pass") };
    });
    let diagnosis = diagnosis_of(&facts, |_| {});
    let sentence = format!("What cs_9 gave ended on {}; it was paid on {}.", words::day(day(-1)), words::day(day(-31)));
    assert_row(&diagnosis, "purchase_expired", LinkName::Subscription, &sentence, &[GRANT]);
}

#[test]
fn checkout_payment_pending_of_a_purchase() {
    let facts = bought(|made| made.state = PaymentState::Pending);
    let diagnosis = diagnosis_of(&facts, |chain| {
        let mut record = checkout("complete", "unpaid");
        record.session.mode = "payment".to_owned();
        record.session.id = "cs_9".to_owned();
        chain.checkouts = vec![record];
    });
    let sentence = "The payment of cs_9 is still clearing; access comes by itself when Stripe reports it.";
    assert_row(&diagnosis, "checkout_payment_pending", LinkName::Checkout, sentence, &[RESYNC, GRANT]);
}

#[test]
fn checkout_payment_failed() {
    let diagnosis = diagnosis_of(&bought(|made| made.state = PaymentState::Failed), |_| {});
    let sentence = "The delayed payment of cs_9 failed; they have to pay again.";
    assert_row(&diagnosis, "checkout_payment_failed", LinkName::Checkout, sentence, &[GRANT]);
}

#[test]
fn webhook_pending_until_a_purchase_was_read() {
    let facts = bought(|made| made.items = None);
    let diagnosis = diagnosis_of(&facts, |_| {});
    let sentence = "cs_9 is paid; what it sells is still to be read from Stripe.";
    assert_row(&diagnosis, "webhook_pending", LinkName::Webhook, sentence, &[RESYNC, GRANT]);
    let diagnosis = diagnosis_of(&facts, |chain| chain.has_stripe_key = false);
    let sentence = "cs_9 is paid; what it sells can only be read from Stripe, and no key for live mode is set.";
    assert_row(&diagnosis, "webhook_pending", LinkName::Webhook, sentence, &[VALIDATOR, GRANT]);
}

#[test]
fn price_not_in_catalog_and_not_in_plan_of_a_purchase() {
    let diagnosis = diagnosis_of(&bought(|made| *made = purchase("cs_9", "price_new")), |_| {});
    let add = ("add_price_to_catalog", "/admin/catalog/prices/price_new", Role::Admin);
    let sentence = "cs_9 is paid and bought price_new, which gives no feature.";
    assert_row(&diagnosis, "price_not_in_catalog", LinkName::Entitlement, sentence, &[add, GRANT]);
    let diagnosis = diagnosis_of(&bought(|made| *made = purchase("cs_9", "price_basic")), |_| {});
    let edit = ("edit_catalog", "/admin/catalog/prices/price_basic", Role::Admin);
    let sentence = "What they bought does not include it: cs_9 is for price_basic.";
    assert_row(&diagnosis, "not_in_plan", LinkName::Entitlement, sentence, &[GRANT, edit]);
}

#[test]
fn ok_by_a_purchase_and_ok_at_risk() {
    let diagnosis = diagnosis_of(&bought(|_| {}), |_| {});
    assert_eq!((diagnosis.code.as_str(), diagnosis.sentence.as_str()), ("ok", "Has access to pro, from cs_9."));
    assert_eq!(diagnosis.links[3].fact, "cs_9 is paid");
    let diagnosis = diagnosis_of(&bought(|made| made.payment.charges = vec![charge(500)]), |_| {});
    let sentence = "Has access to pro, from cs_9; the payment of cs_9 was refunded in part.";
    assert_eq!((diagnosis.code.as_str(), diagnosis.sentence.as_str()), ("ok", sentence));
    let disputed = bought(|made| made.payment.disputes = vec![dispute("du_1", "needs_response")]);
    let diagnosis = diagnosis_of(&disputed, |_| {});
    let sentence = "Has access to pro, but at risk: the payment of cs_9 is disputed (du_1 is needs response).";
    assert_eq!((diagnosis.code.as_str(), diagnosis.sentence.as_str()), ("ok_at_risk", sentence));
}

#[test]
fn a_failed_debit_is_a_risk_and_by_policy_unpaid() {
    let mut facts = paying("active", "price_pro");
    facts.subscriptions[0].failed_debit = Some(FailedDebit { invoice_id: "in_1".to_owned(), at: day(-1) });
    let diagnosis = diagnosis_of(&facts, |_| {});
    let failed = words::day(day(-1));
    let until = words::day(day(20));
    let sentence = format!(
        "Has access to pro until {until}, but at risk: the debit of in_1 failed on {failed}, and Stripe keeps sub_1 active."
    );
    assert_eq!((diagnosis.code.as_str(), &diagnosis.sentence), ("ok_at_risk", &sentence));
    let catalog = catalog();
    let mut chain = chain(Some(&facts), &catalog, Some("pro"));
    chain.policy.payments.failed_debit = FailedDebitPolicy::Revoke;
    chain.decision = decide(Some(&facts), &catalog, &chain.policy, "pro", NOW);
    let sentence = format!("The debit of in_1 failed on {failed}; Stripe keeps sub_1 active, the policy does not.");
    assert_row(&diagnose(&chain), "sub_unpaid", LinkName::Subscription, &sentence, &[OPEN_SUB, GRANT]);
}
