//! What a change of the catalog does, against asking everybody about everything.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::builders::{NOW, catalog, override_of, subscription, user};
use super::properties::{any_user, either, moment};
use crate::Timestamp;
use crate::access::{
    Answer, Difference, EntitlementFacts, OverrideEffect, Policy, PolicyExceptions, Treatment, Turn, UserFacts, decide,
};
use crate::catalog::{Catalog, Feature, FeatureGrant, FeatureType, put_in_order};

/// One thing that may be changed.
#[derive(Clone, Debug)]
enum Change {
    Price(&'static str, Vec<FeatureGrant>),
    Product(&'static str, Vec<FeatureGrant>),
    Kind(&'static str, FeatureType),
    Deleted(&'static str),
    OfFeature(&'static str, PolicyExceptions),
    OfPrice(&'static str, PolicyExceptions),
}

impl Change {
    fn apply(self, catalog: &mut Catalog) {
        match self {
            Self::Price(id, grants) => drop(catalog.prices.insert(id.to_owned(), grants)),
            Self::Product(id, grants) => drop(catalog.products.insert(id.to_owned(), grants)),
            Self::Kind(key, kind) => drop(catalog.features.insert(key.to_owned(), Feature::new(key, kind))),
            Self::Deleted(key) => {
                catalog.features.remove(key);
                let given = catalog.prices.values_mut().chain(catalog.products.values_mut());
                given.for_each(|grants| grants.retain(|grant| grant.feature != key));
            }
            Self::OfFeature(key, policy) => {
                if let Some(feature) = catalog.features.get_mut(key) {
                    feature.policy = policy;
                }
            }
            Self::OfPrice(id, policy) => drop(catalog.price_policies.insert(id.to_owned(), policy)),
        }
    }
}

const KEYS: [&str; 4] = ["pro", "basic", "seats", "new"];

fn key() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&KEYS[..])
}

fn price() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["price_pro", "price_team", "price_basic", "price_new", "price_pass"])
}

fn grants() -> impl Strategy<Value = Vec<FeatureGrant>> {
    let days = prop::sample::select(vec!["5d", "30d"]).prop_map(|days| crate::Term::parse(days).unwrap());
    let grant = (key(), option::of(0..9_i64), option::weighted(0.3, days), option::weighted(0.3, 1..9_i64));
    let grant = grant.prop_map(|(key, value, duration, credits)| FeatureGrant {
        duration,
        credits,
        ..FeatureGrant::of(key).with_value(value)
    });
    vec(grant, 0..3).prop_map(|mut said| {
        put_in_order(&mut said);
        said.dedup_by(|a, b| a.feature == b.feature);
        said
    })
}

fn exceptions() -> impl Strategy<Value = PolicyExceptions> {
    let treatment = || option::of(prop::sample::select(vec![Treatment::Allow, Treatment::Deny]));
    let grace = option::of(prop::sample::select(vec![0, 86_400_000, 40 * 86_400_000]));
    (grace, treatment(), treatment()).prop_map(|(past_due_grace, trialing, paused)| PolicyExceptions {
        past_due_grace,
        trialing,
        paused,
    })
}

fn change() -> impl Strategy<Value = Change> {
    let kind = prop::sample::select(&FeatureType::ALL[..]);
    prop_oneof![
        (price(), grants()).prop_map(|(id, grants)| Change::Price(id, grants)),
        grants().prop_map(|grants| Change::Product("prod_pro", grants)),
        (key(), kind).prop_map(|(key, kind)| Change::Kind(key, kind)),
        key().prop_map(Change::Deleted),
        (key(), exceptions()).prop_map(|(key, policy)| Change::OfFeature(key, policy)),
        (price(), exceptions()).prop_map(|(id, policy)| Change::OfPrice(id, policy)),
    ]
}

/// Facts in which items have products, and Stripe lists features.
fn anybody() -> impl Strategy<Value = UserFacts> {
    (any_user(either()), option::of(key()), any::<bool>()).prop_map(|(mut facts, listed, of_product)| {
        if of_product {
            let items = facts.subscriptions.iter_mut().flat_map(|facts| &mut facts.subscription.items);
            items.for_each(|item| item.product_id = Some("prod_pro".to_owned()));
        }
        facts.entitlements = Vec::from_iter(
            listed.map(|key| EntitlementFacts { customer_id: "cus_1".to_owned(), lookup_keys: vec![key.to_owned()] }),
        );
        facts
    })
}

fn asked(facts: &UserFacts, before: &Catalog, after: &Catalog, now: Timestamp) -> Vec<Turn> {
    let answer = |catalog: &Catalog, key| Answer::from(decide(Some(facts), catalog, &Policy::default(), key, now));
    let mut keys = KEYS;
    keys.sort_unstable();
    let turns = keys.into_iter().map(|key| (key, answer(before, key), answer(after, key)));
    let turns = turns.filter(|(_, before, after)| before != after);
    turns.map(|(key, before, after)| Turn { feature: key.to_owned(), before, after }).collect()
}

proptest! {
    #[test]
    fn what_a_change_does_is_what_everybody_would_be_told(
        facts in anybody(), first in vec(change(), 0..3), changes in vec(change(), 1..3), now in moment(),
    ) {
        let mut before = catalog();
        first.into_iter().for_each(|change| change.apply(&mut before));
        let mut after = before.clone();
        changes.into_iter().for_each(|change| change.apply(&mut after));
        let difference = Difference::of(&before, &after);
        let turns = asked(&facts, &before, &after, now);
        prop_assert_eq!(&difference.turns(&facts, &Policy::default(), now), &turns);
        prop_assert!(difference.concerns(&facts) || turns.is_empty(), "{:?} turn and nobody looks", turns);
    }
}

#[test]
fn who_pays_for_something_else_is_not_looked_at() {
    let before = catalog();
    let mut after = before.clone();
    after.prices.insert("price_team".to_owned(), vec![]);
    let difference = Difference::of(&before, &after);
    assert!(difference.concerns(&user(vec![subscription("active", "price_team")])));
    assert!(!difference.concerns(&user(vec![subscription("active", "price_pro")])));
    assert!(!Difference::of(&before, &before).concerns(&user(vec![subscription("active", "price_team")])));
}

#[test]
fn a_denial_by_hand_holds_back_what_a_change_would_give() {
    let before = catalog();
    let mut after = before.clone();
    after.prices.insert("price_team".to_owned(), vec![FeatureGrant::of("pro")]);
    let difference = Difference::of(&before, &after);
    let mut facts = user(vec![subscription("active", "price_pro")]);
    facts.subscriptions[0].subscription.items[0].price_id = "price_team".to_owned();
    after_pro(&difference, &facts, true);
    facts.overrides = ["pro", "seats"].map(|key| override_of(key, OverrideEffect::Deny, None)).into();
    after_pro(&difference, &facts, false);
    assert!(difference.is_held_back(&facts, &Policy::default(), NOW));
    facts.overrides.clear();
    assert!(!difference.is_held_back(&facts, &Policy::default(), NOW), "who gains is not held back");
}

fn after_pro(difference: &Difference<'_>, facts: &UserFacts, gains: bool) {
    let turns = difference.turns(facts, &Policy::default(), NOW);
    assert_eq!(turns.iter().any(|turn| turn.feature == "pro" && turn.gains()), gains, "{turns:?}");
    assert_eq!(turns.iter().any(|turn| turn.feature == "seats" && turn.loses()), gains, "{turns:?}");
}
