//! S1 to S10, E0 to E6, and the three ways of being all right.

use super::*;

#[test]
fn sub_none() {
    let diagnosis = diagnosis_of(&user(vec![]), |_| {});
    assert_row(&diagnosis, "sub_none", LinkName::Subscription, "cus_1 has no subscription.", &[RESYNC, GRANT]);
    let deleted = diagnosis_of(&user(vec![]), |chain| chain.customers[0].deleted = true);
    assert!(deleted.sentence.ends_with("cus_1 has no subscription; it was deleted in Stripe."));
    let unknown = diagnosis_of(&paying("hibernating", "price_pro"), |_| {});
    assert_eq!(unknown.code, "sub_none");
    assert!(unknown.sentence.contains("“hibernating”"), "{}", unknown.sentence);
}

#[test]
fn sub_incomplete() {
    let diagnosis = diagnosis_of(&paying("incomplete", "price_pro"), |_| {});
    let sentence = "The first payment of sub_1 is not done: it may need the buyer's confirmation (3-D Secure).";
    assert_row(&diagnosis, "sub_incomplete", LinkName::Subscription, sentence, &[OPEN_SUB, GRANT]);
}

#[test]
fn sub_incomplete_expired() {
    let diagnosis = diagnosis_of(&paying("incomplete_expired", "price_pro"), |_| {});
    let sentence = "The first payment of sub_1 failed for 23 hours, and Stripe closed it; they have to start again.";
    assert_row(&diagnosis, "sub_incomplete_expired", LinkName::Subscription, sentence, &[GRANT]);
}

#[test]
fn sub_past_due() {
    let mut facts = paying("past_due", "price_pro");
    facts.subscriptions[0].past_due_since = Some(day(-9));
    let diagnosis = diagnosis_of(&facts, |_| {});
    let sentence =
        format!("The payment of sub_1 failed on {}; the grace ended {}.", words::day(day(-9)), words::day(day(-2)));
    assert_row(&diagnosis, "sub_past_due", LinkName::Subscription, &sentence, &[EXTEND, OPEN_SUB]);
    assert_eq!(diagnosis.links[3].at, Some(day(-2)));
}

#[test]
fn a_renewal_nobody_heard_of_asks_for_a_resync_first() {
    let facts = changed(subscription("active", "price_pro"), |sub| sub.items[0].current_period_end = Some(day(-5)));
    let diagnosis = diagnosis_of(&facts, |_| {});
    let sentence = format!(
        "sub_1 was paid until {}, no renewal was heard of, and the grace ended {}.",
        words::day(day(-5)),
        words::day(day(-3))
    );
    assert_row(&diagnosis, "sub_past_due", LinkName::Subscription, &sentence, &[RESYNC, OPEN_SUB, GRANT]);
}

#[test]
fn sub_unpaid() {
    let diagnosis = diagnosis_of(&paying("unpaid", "price_pro"), |_| {});
    let sentence = "All retries to collect for sub_1 failed; Stripe calls it unpaid.";
    assert_row(&diagnosis, "sub_unpaid", LinkName::Subscription, sentence, &[OPEN_SUB, GRANT]);
    use LinkState::{Broken, Ok};
    assert_eq!(states(&diagnosis), [Ok, Ok, Ok, Broken, Ok], "what lies beyond keeps its own state");
}

#[test]
fn sub_paused() {
    let diagnosis = diagnosis_of(&paying("paused", "price_pro"), |_| {});
    assert_row(&diagnosis, "sub_paused", LinkName::Subscription, "sub_1 is paused.", &[OPEN_SUB, GRANT]);
}

#[test]
fn sub_canceled() {
    let facts = changed(subscription("canceled", "price_pro"), |sub| {
        sub.ended_at = Some(day(-2));
        sub.cancellation_reason = Some("cancellation_requested".to_owned());
    });
    let diagnosis = diagnosis_of(&facts, |_| {});
    let sentence = format!("sub_1 ended on {} (cancellation requested).", words::day(day(-2)));
    assert_row(&diagnosis, "sub_canceled", LinkName::Subscription, &sentence, &[GRANT]);
    let deleted = diagnosis_of(&facts, |chain| chain.customers[0].deleted = true);
    assert!(deleted.sentence.ends_with("cus_1 was deleted in Stripe."), "{}", deleted.sentence);
}

#[test]
fn trial_ended() {
    let facts = changed(subscription("paused", "price_pro"), |sub| sub.trial_end = Some(day(-1)));
    let diagnosis = diagnosis_of(&facts, |_| {});
    let sentence = format!("The trial of sub_1 ended on {}, and no payment followed.", words::day(day(-1)));
    assert_row(&diagnosis, "trial_ended", LinkName::Subscription, &sentence, &[EXTEND]);
}

#[test]
fn drift_is_never_reported_as_the_customers_fault() {
    let diagnosis = diagnosis_of(&paying("unpaid", "price_pro"), |chain| {
        chain.drift = vec![Drift {
            object: "sub_1".to_owned(),
            field: "status".to_owned(),
            ours: "unpaid".to_owned(),
            theirs: "active".to_owned(),
            at: NOW,
        }];
    });
    let sentence = "Stripe says status of sub_1 is active, our copy says unpaid.";
    assert_row(&diagnosis, "drift", LinkName::Subscription, sentence, &[RESYNC, OPEN_SUB]);
}

#[test]
fn override_deny() {
    let mut facts = paying("active", "price_pro");
    facts.overrides = vec![override_of("pro", OverrideEffect::Deny, None)];
    let diagnosis = diagnosis_of(&facts, |chain| {
        let note = OverrideNote { author: "sam@example.com".to_owned(), reason: "chargeback".to_owned() };
        chain.override_notes.insert("ovr_deny".to_owned(), note);
        chain.last_accepted_at = None;
    });
    let remove = ("remove_override", "/admin/customers/user_42?tab=overrides", Role::Admin);
    let sentence =
        format!("Override ovr_deny denies it (sam@example.com, “chargeback”, since {}).", words::day(day(-3)));
    assert_row(&diagnosis, "override_deny", LinkName::Entitlement, &sentence, &[remove]);
    assert_eq!(diagnosis.links[3].state, LinkState::Ok, "the subscription stands as it does");
}

#[test]
fn override_expired() {
    let mut facts = known();
    facts.overrides = vec![override_of("pro", OverrideEffect::Grant, Some(day(-1)))];
    let diagnosis = diagnosis_of(&facts, |_| {});
    let sentence = format!("Override ovr_grant ended on {}, and nothing else gives it.", words::day(day(-1)));
    assert_row(&diagnosis, "override_expired", LinkName::Entitlement, &sentence, &[EXTEND]);
    let basic = UserFacts { overrides: facts.overrides.clone(), ..paying("active", "price_basic") };
    assert_eq!(diagnosis_of(&basic, |_| {}).code, "override_expired", "what they pay for never gave it");
    facts.overrides[0].expires_at = Some(day(-31));
    assert_eq!(diagnosis_of(&facts, |_| {}).code, "no_checkout", "too long ago");
}

#[test]
fn feature_unknown() {
    let (facts, catalog) = (paying("unpaid", "price_pro"), catalog());
    let diagnosis = diagnose(&chain(Some(&facts), &catalog, Some("pr0")));
    holds_for_all(&diagnosis, false);
    assert_eq!(diagnosis.code, "feature_unknown");
    assert_eq!(diagnosis.sentence, "No access to pr0. The catalog has no feature pr0; the nearest is pro.");
    assert_eq!(
        (diagnosis.fixes[0].id.as_str(), diagnosis.fixes[0].href.as_str()),
        ("create_feature", "/admin/features")
    );
    assert_eq!(nearest_feature(&catalog, "something_else"), None);
}

#[test]
fn price_not_in_catalog() {
    let diagnosis = diagnosis_of(&paying("active", "price_new"), |chain| {
        chain.price_names.insert("price_new".to_owned(), "Pro 2026".to_owned());
    });
    let add = ("add_price_to_catalog", "/admin/catalog/prices/price_new", Role::Admin);
    let sentence = "sub_1 is active and pays for price_new (Pro 2026), which gives no feature.";
    assert_row(&diagnosis, "price_not_in_catalog", LinkName::Entitlement, sentence, &[add, GRANT]);
    assert_eq!(diagnosis.fixes[0].label, "Give price_new features");
    use LinkState::{Broken, Ok};
    assert_eq!(states(&diagnosis), [Ok, Ok, Ok, Ok, Broken]);
}

#[test]
fn not_in_plan() {
    let diagnosis = diagnosis_of(&paying("active", "price_basic"), |_| {});
    let edit = ("edit_catalog", "/admin/catalog/prices/price_basic", Role::Admin);
    let sentence = "Their plan does not include it: sub_1 pays for price_basic.";
    assert_row(&diagnosis, "not_in_plan", LinkName::Entitlement, sentence, &[GRANT, edit]);
}

#[test]
fn ok() {
    let diagnosis = diagnosis_of(&paying("active", "price_pro"), |_| {});
    assert_eq!(diagnosis.code, "ok");
    assert_eq!(diagnosis.sentence, format!("Has access to pro until {}, from sub_1.", words::day(day(20))));
    assert_eq!(states(&diagnosis), [LinkState::Ok; 5]);
    assert!(diagnosis.fixes.is_empty());
}

#[test]
fn ok_at_risk() {
    let mut facts = paying("past_due", "price_pro");
    facts.subscriptions[0].past_due_since = Some(day(-4));
    let diagnosis = diagnosis_of(&facts, |_| {});
    assert_eq!(diagnosis.code, "ok_at_risk");
    assert_eq!(
        diagnosis.sentence,
        "Has access to pro, but at risk: the payment of sub_1 failed, grace ends in 3 days."
    );
    let silent = changed(subscription("active", "price_pro"), |sub| sub.items[0].current_period_end = Some(day(-1)));
    let diagnosis = diagnosis_of(&silent, |_| {});
    assert_eq!((diagnosis.code.as_str(), diagnosis.fixes[0].id.as_str()), ("ok_at_risk", "resync"));
}

#[test]
fn ok_by_override_says_what_lies_underneath() {
    let mut facts = paying("unpaid", "price_pro");
    facts.overrides = vec![override_of("pro", OverrideEffect::Grant, Some(day(7)))];
    let diagnosis = diagnosis_of(&facts, |_| {});
    assert_eq!(diagnosis.code, "ok_by_override");
    let sentence = format!(
        "Has access to pro by override ovr_grant only, until {}. Underneath, link 4 of 5 is broken: All retries to collect for sub_1 \
         failed; Stripe calls it unpaid.",
        words::day(day(7))
    );
    assert_eq!(diagnosis.sentence, sentence);
    assert_eq!(diagnosis.links[3].state, LinkState::Broken);
    facts.subscriptions = vec![subscription("active", "price_pro")];
    let covered = diagnosis_of(&facts, |_| {});
    assert!(covered.sentence.ends_with("sub_1 gives it as well."), "{}", covered.sentence);
    assert_eq!(states(&covered), [LinkState::Ok; 5]);
}
