//! What Stripe itself lists as a customer's entitlements, beside the catalog and the statuses.

use super::builders::{NOW, catalog, day, ending, subscription, user, with};
use crate::access::{Decision, EntitlementFacts, Policy, Reason, UserFacts, decide, decide_any};

fn listing(facts: UserFacts, keys: &[&str]) -> UserFacts {
    let lookup_keys = keys.iter().map(ToString::to_string).collect();
    UserFacts { entitlements: vec![EntitlementFacts { customer_id: "cus_1".to_owned(), lookup_keys }], ..facts }
}

fn ask(facts: &UserFacts, feature: &str) -> Decision {
    decide(Some(facts), &catalog(), &Policy::default(), feature, NOW)
}

#[test]
fn a_listed_feature_is_given_by_a_subscription_in_good_standing() {
    let facts = listing(user(vec![subscription("active", "price_basic")]), &["pro", "seats"]);
    let pro = ask(&facts, "pro");
    assert_eq!((pro.allowed, pro.reason, pro.sources[0].id.as_str()), (true, Reason::SubscriptionActive, "sub_1"));
    assert_eq!(ask(&facts, "seats").value, Some(1), "Stripe lists no number: the quantity that was bought");
    assert!(ask(&facts, "basic").allowed, "what the catalog gives stays");
    let paid_for_nothing = listing(user(vec![subscription("active", "price_none")]), &["pro"]);
    assert_eq!(ask(&paid_for_nothing, "basic").reason, Reason::NotInPlan, "the plan gives something after all");
}

#[test]
fn the_policy_of_the_status_comes_before_the_list() {
    let late = with(subscription("unpaid", "price_none"), |_| ());
    assert_eq!(ask(&listing(user(vec![late]), &["pro"]), "pro").reason, Reason::SubscriptionUnpaid);
    let over = ending(day(-30), subscription("canceled", "price_none"));
    assert_eq!(ask(&listing(user(vec![over]), &["pro"]), "pro").reason, Reason::SubscriptionCanceled);
}

#[test]
fn without_a_known_subscription_the_list_is_all_there_is() {
    let facts = listing(user(vec![]), &["pro"]);
    let pro = ask(&facts, "pro");
    assert_eq!((pro.allowed, pro.reason), (true, Reason::SubscriptionActive));
    assert_eq!((pro.sources[0].kind.as_str(), pro.sources[0].id.as_str()), ("entitlement", "cus_1"));
    assert!(decide_any(Some(&facts), &catalog(), &Policy::default(), NOW).allowed);
    assert_eq!(ask(&facts, "basic").reason, Reason::NoPayment);
    assert_eq!(ask(&listing(user(vec![]), &[]), "pro").reason, Reason::NoPayment);
    assert_eq!(ask(&facts, "no_such").reason, Reason::UnknownFeature);
}
