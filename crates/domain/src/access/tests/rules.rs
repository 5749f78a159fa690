//! Precedence, union, and the reasons that take more than one subscription.

use super::builders::{NOW, catalog, day, ending, named, override_of, subscription, user, with};
use crate::Timestamp;
use crate::access::OverrideEffect::{Deny, Grant};
use crate::access::{Decision, Policy, Reason, SubscriptionFacts, UserFacts, decide, decide_any, entitlements};

fn ask(facts: &UserFacts, feature: &str) -> Decision {
    decide(Some(facts), &catalog(), &Policy::default(), feature, NOW)
}

fn ids(decision: &Decision) -> Vec<&str> {
    decision.sources.iter().map(|source| source.id.as_str()).collect()
}

fn sub(id: &str, status: &str, price: &str) -> SubscriptionFacts {
    named(id, subscription(status, price))
}

fn canceled(id: &str, price: &str, ended: Timestamp) -> SubscriptionFacts {
    with(sub(id, "canceled", price), |s| s.ended_at = Some(ended))
}

#[test]
fn who_is_not_known_has_nothing() {
    let nobody = decide(None, &catalog(), &Policy::default(), "pro", NOW);
    assert_eq!((nobody.allowed, nobody.reason), (false, Reason::UnknownUser));
    assert_eq!(ask(&UserFacts::default(), "pro").reason, Reason::UnknownUser);
    assert_eq!(ask(&UserFacts::default(), "no_such").reason, Reason::UnknownUser, "the user comes before the feature");
    let registered = UserFacts { known: true, ..UserFacts::default() };
    assert_eq!(ask(&registered, "pro").reason, Reason::NoCustomer);
    assert_eq!(ask(&registered, "no_such").reason, Reason::UnknownFeature);
}

#[test]
fn a_customer_without_subscription_has_paid_nothing_yet() {
    let mut facts = user(vec![]);
    assert_eq!(ask(&facts, "pro").reason, Reason::NoPayment);
    facts.payment_pending = true;
    assert_eq!(ask(&facts, "pro").reason, Reason::PaymentPending);
    facts.subscriptions = vec![subscription("incomplete", "price_pro")];
    assert_eq!(ask(&facts, "pro").reason, Reason::PaymentPending);
    assert_eq!(ids(&ask(&facts, "pro")), ["sub_1"]);
    facts.subscriptions.push(sub("sub_2", "unpaid", "price_pro"));
    assert_eq!(ask(&facts, "pro").reason, Reason::SubscriptionUnpaid);
}

#[test]
fn a_deny_beats_everything_until_it_expires() {
    let mut facts = user(vec![subscription("active", "price_pro")]);
    facts.overrides = vec![override_of("pro", Grant, None), override_of("pro", Deny, Some(day(1)))];
    let decision = ask(&facts, "pro");
    assert_eq!((decision.allowed, decision.reason, decision.until), (false, Reason::OverrideDeny, None));
    assert_eq!(ids(&decision), ["ovr_deny"]);
    assert!(ask(&facts, "seats").allowed, "a deny is about one feature");
    let later = decide(Some(&facts), &catalog(), &Policy::default(), "pro", day(1));
    assert_eq!(later.reason, Reason::OverrideGrant);
}

#[test]
fn a_grant_counts_without_customer_and_lists_what_lies_underneath() {
    let mut facts =
        UserFacts { known: true, overrides: vec![override_of("pro", Grant, Some(day(7)))], ..UserFacts::default() };
    let decision = ask(&facts, "pro");
    assert_eq!((decision.allowed, decision.reason, decision.until), (true, Reason::OverrideGrant, Some(day(7))));
    facts.customers.push("cus_1".to_owned());
    facts.subscriptions = vec![subscription("active", "price_pro")];
    let decision = ask(&facts, "pro");
    assert_eq!(decision.until, Some(day(7)));
    assert_eq!(ids(&decision), ["ovr_grant", "sub_1"]);
    assert_eq!(decide(Some(&facts), &catalog(), &Policy::default(), "pro", day(7)).reason, Reason::SubscriptionActive);
    facts.subscriptions = vec![subscription("unpaid", "price_pro")];
    assert_eq!(ids(&ask(&facts, "pro")), ["ovr_grant"], "what gives nothing is no source");
}

#[test]
fn a_grant_on_a_feature_the_catalog_lacks_still_counts() {
    let mut facts = user(vec![]);
    facts.overrides = vec![override_of("beta", Grant, Some(day(1)))];
    assert!(ask(&facts, "beta").allowed);
    let later = decide(Some(&facts), &catalog(), &Policy::default(), "beta", day(1));
    assert_eq!(later.reason, Reason::UnknownFeature);
}

#[test]
fn the_highest_number_of_all_sources_counts() {
    let mut facts = user(vec![sub("sub_1", "active", "price_pro"), sub("sub_2", "active", "price_team")]);
    assert_eq!(ask(&facts, "seats").value, Some(50));
    assert_eq!(ask(&facts, "pro").value, None);
    let mut grant = override_of("seats", Grant, None);
    grant.value = Some(20);
    facts.overrides = vec![grant];
    assert_eq!(ask(&facts, "seats").value, Some(50), "a grant takes nothing away");
}

#[test]
fn sources_are_united_the_longest_first() {
    let mut late = sub("sub_late", "past_due", "price_pro");
    late.past_due_since = Some(day(-1));
    let facts = user(vec![
        late,
        ending(day(3), sub("sub_short", "active", "price_pro")),
        ending(day(90), sub("sub_long", "active", "price_pro")),
        sub("sub_unpaid", "unpaid", "price_pro"),
    ]);
    let decision = ask(&facts, "pro");
    assert_eq!(ids(&decision), ["sub_long", "sub_late", "sub_short"]);
    assert_eq!((decision.reason, decision.until), (Reason::SubscriptionActive, Some(day(90))));
    let mut alone = facts.clone();
    alone.subscriptions.remove(2);
    let decision = ask(&alone, "pro");
    assert_eq!(
        (decision.reason, decision.until),
        (Reason::SubscriptionActive, Some(day(6))),
        "a payment that is late elsewhere does not make a paid one late"
    );
}

#[test]
fn the_product_gives_what_its_price_does_not() {
    let facts =
        user(vec![with(subscription("active", "price_new"), |s| s.items[0].product_id = Some("prod_pro".to_owned()))]);
    assert!(ask(&facts, "pro").allowed);
}

#[test]
fn denials_name_what_came_nearest() {
    let rows = [
        (
            "paid, and nothing in the catalog",
            vec![sub("a", "active", "price_new")],
            Reason::PriceNotInCatalog,
            vec!["a"],
        ),
        ("paid, another plan", vec![sub("a", "active", "price_basic")], Reason::NotInPlan, vec!["a"]),
        (
            "one paid price gives something",
            vec![sub("a", "active", "price_new"), sub("b", "active", "price_basic")],
            Reason::NotInPlan,
            vec!["a", "b"],
        ),
        (
            "an unpaid one would give it",
            vec![sub("a", "active", "price_basic"), sub("b", "unpaid", "price_pro")],
            Reason::SubscriptionUnpaid,
            vec!["b"],
        ),
        (
            "the old plan is over, the new price gives nothing",
            vec![canceled("a", "price_pro", day(-3)), sub("b", "active", "price_new")],
            Reason::PriceNotInCatalog,
            vec!["b"],
        ),
        (
            "canceled without anything else",
            vec![canceled("a", "price_new", day(-3))],
            Reason::SubscriptionCanceled,
            vec!["a"],
        ),
        (
            "the order of what stands badly",
            vec![
                sub("expired", "incomplete_expired", "price_pro"),
                canceled("canceled", "price_pro", day(-3)),
                sub("incomplete", "incomplete", "price_pro"),
                sub("unpaid", "unpaid", "price_pro"),
                sub("late", "past_due", "price_pro"),
                sub("paused", "paused", "price_pro"),
                sub("unknown", "hibernating", "price_pro"),
            ],
            Reason::SubscriptionPaused,
            vec!["paused", "late", "unpaid", "incomplete", "canceled", "expired", "unknown"],
        ),
        (
            "of two alike the later period",
            vec![ending(day(1), sub("a", "unpaid", "price_pro")), ending(day(5), sub("b", "unpaid", "price_pro"))],
            Reason::SubscriptionUnpaid,
            vec!["b", "a"],
        ),
        (
            "one that would give it comes before a better one that would not",
            vec![sub("a", "paused", "price_basic"), sub("b", "incomplete", "price_pro")],
            Reason::SubscriptionIncomplete,
            vec!["b"],
        ),
    ];
    for (name, subscriptions, reason, sources) in rows {
        let decision = ask(&user(subscriptions), "pro");
        assert_eq!((decision.allowed, decision.reason), (false, reason), "{name}");
        assert_eq!(ids(&decision), sources, "{name}");
    }
}

#[test]
fn entitlements_answer_for_the_whole_catalog_in_order() {
    let mut facts = user(vec![subscription("active", "price_pro")]);
    facts.overrides = vec![override_of("beta", Grant, None), override_of("seats", Deny, None)];
    let all = entitlements(Some(&facts), &catalog(), &Policy::default(), NOW);
    let short: Vec<_> = all.iter().map(|(key, decision)| (key.as_str(), decision.allowed, decision.reason)).collect();
    assert_eq!(
        short,
        [
            ("basic", false, Reason::NotInPlan),
            ("pro", true, Reason::SubscriptionActive),
            ("seats", false, Reason::OverrideDeny)
        ]
    );
}

#[test]
fn whether_anything_is_given_at_all() {
    let any = |facts: &UserFacts| decide_any(Some(facts), &catalog(), &Policy::default(), NOW).reason;
    assert_eq!(any(&user(vec![])), Reason::NoPayment);
    assert_eq!(any(&user(vec![sub("a", "active", "price_basic")])), Reason::SubscriptionActive);
    assert_eq!(any(&user(vec![sub("a", "active", "price_new")])), Reason::PriceNotInCatalog);
    let mut facts = user(vec![sub("a", "unpaid", "price_pro")]);
    facts.overrides = vec![override_of("pro", Deny, None)];
    assert_eq!(any(&facts), Reason::SubscriptionUnpaid);
    facts.overrides.push(override_of("basic", Grant, None));
    assert_eq!(any(&facts), Reason::OverrideGrant);
}
