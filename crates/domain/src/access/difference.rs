//! What a change of the catalog does to a user: the answers of before and after, from the same facts. Nobody else has to be looked at.

use std::collections::{BTreeSet, HashSet};

use super::{Decision, OverrideEffect, Policy, UserFacts, decide};
use crate::Timestamp;
use crate::catalog::{Catalog, Feature, FeatureGrant, counting};

/// Two catalogs, and what of them an answer may depend on.
#[derive(Debug)]
pub struct Difference<'a> {
    before: &'a Catalog,
    after: &'a Catalog,
    /// Features whose answers may differ, in order.
    features: BTreeSet<&'a str>,
    /// Features that differ themselves, whatever gives them.
    redefined: HashSet<&'a str>,
    prices: HashSet<&'a str>,
    products: HashSet<&'a str>,
}

/// What of an answer the application goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The answer.
    pub allowed: bool,
    /// The number for a limit.
    pub value: Option<i64>,
    /// When a yes ends by itself.
    pub until: Option<Timestamp>,
}

/// An answer that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The feature's key.
    pub feature: String,
    /// As it is.
    pub before: Answer,
    /// As it would be.
    pub after: Answer,
}

impl Turn {
    /// Access that was not there.
    #[must_use]
    pub const fn gains(&self) -> bool {
        !self.before.allowed && self.after.allowed
    }

    /// Access that is there no longer.
    #[must_use]
    pub const fn loses(&self) -> bool {
        self.before.allowed && !self.after.allowed
    }
}

impl From<Decision> for Answer {
    fn from(decision: Decision) -> Self {
        Self { allowed: decision.allowed, value: decision.value, until: decision.until }
    }
}

impl<'a> Difference<'a> {
    /// What differs between two catalogs.
    #[must_use]
    pub fn of(before: &'a Catalog, after: &'a Catalog) -> Self {
        let keys = |catalog: &'a Catalog| catalog.features.keys().map(String::as_str);
        let all: BTreeSet<&str> = keys(before).chain(keys(after)).collect();
        // A name is for people alone.
        let meaning = |catalog: &'a Catalog, key: &str| catalog.features.get(key).map(|f: &Feature| (f.kind, f.policy));
        let redefined: HashSet<&str> =
            all.iter().copied().filter(|key| meaning(before, key) != meaning(after, key)).collect();
        let mut features: BTreeSet<&str> = redefined.iter().copied().collect();

        let mut given = |before: &'a [FeatureGrant], after: &'a [FeatureGrant]| {
            let differ = |these: &'a [FeatureGrant], those: &'a [FeatureGrant]| {
                let lacking = |grant: &&FeatureGrant| !counting(those).any(|other| gives_alike(grant, other));
                counting(these).filter(lacking).map(|grant| grant.feature.as_str()).collect::<Vec<_>>()
            };
            let keys = [differ(before, after), differ(after, before)].concat();
            features.extend(&keys);
            !keys.is_empty()
        };
        let said = |of: &'a std::collections::HashMap<String, Vec<FeatureGrant>>, id: &str| {
            of.get(id).map(Vec::as_slice).unwrap_or_default()
        };
        let ids = before.products.keys().chain(after.products.keys()).map(String::as_str);
        let products = ids.filter(|id| given(said(&before.products, id), said(&after.products, id))).collect();
        let ids = before.prices.keys().chain(after.prices.keys()).map(String::as_str);
        let mut prices: HashSet<&str> =
            ids.filter(|id| given(said(&before.prices, id), said(&after.prices, id))).collect();

        let policy = |catalog: &Catalog, id: &str| catalog.price_policies.get(id).copied().unwrap_or_default();
        let ids = before.price_policies.keys().chain(after.price_policies.keys()).map(String::as_str);
        let treated: Vec<&str> = ids.filter(|id| policy(before, id) != policy(after, id)).collect();
        if !treated.is_empty() {
            // What it gives may also stand with its products, or with Stripe alone.
            features = all;
            prices.extend(treated);
        }
        Self { before, after, features, redefined, prices, products }
    }

    /// Whether a user with these facts is looked at: they pay for, bought or were given something of what differs. Whoever is not has the same
    /// answers before and after.
    #[must_use]
    pub fn concerns(&self, facts: &UserFacts) -> bool {
        let differs = |price: &str, product: Option<&str>| {
            self.prices.contains(price)
                || product.is_some_and(|product| self.products.contains(product))
                || (!self.redefined.is_empty() && self.gives_redefined(price, product))
        };
        let mut items = facts.subscriptions.iter().flat_map(|facts| &facts.subscription.items);
        let mut bought = facts.purchases.iter().flat_map(|facts| facts.items.iter().flatten());
        items.any(|item| differs(&item.price_id, item.product_id.as_deref()))
            || bought.any(|item| differs(&item.price_id, item.product_id.as_deref()))
            || self.redefined.iter().any(|key| {
                facts.entitlements.iter().any(|listed| listed.lists(Some(key)))
                    || facts.overrides.iter().any(|given| given.feature == *key)
            })
    }

    fn gives_redefined(&self, price: &str, product: Option<&str>) -> bool {
        let gives = |catalog: &Catalog| {
            catalog.grants(price, product).any(|grant| self.redefined.contains(grant.feature.as_str()))
        };
        gives(self.before) || gives(self.after)
    }

    /// The answers that differ, by feature.
    #[must_use]
    pub fn turns(&self, facts: &UserFacts, policy: &Policy, now: Timestamp) -> Vec<Turn> {
        let answer = |catalog, key| Answer::from(decide(Some(facts), catalog, policy, key, now));
        let turns = self.features.iter().filter_map(|key| {
            let (before, after) = (answer(self.before, key), answer(self.after, key));
            (before != after).then(|| Turn { feature: (*key).to_owned(), before, after })
        });
        turns.collect()
    }

    /// Whether nothing turns for this user because of a denial by hand alone.
    #[must_use]
    pub fn is_held_back(&self, facts: &UserFacts, policy: &Policy, now: Timestamp) -> bool {
        let denies = |key: &str| {
            let deny = |o: &super::OverrideFacts| o.feature == key && o.effect == OverrideEffect::Deny;
            facts.overrides.iter().any(|o| deny(o) && o.is_active(now))
        };
        if !self.features.iter().any(|key| denies(key)) || !self.turns(facts, policy, now).is_empty() {
            return false;
        }
        let mut free = facts.clone();
        free.overrides.retain(|o| o.effect != OverrideEffect::Deny);
        !self.turns(&free, policy, now).is_empty()
    }
}

/// Whether two grants come to the same, whoever says so.
fn gives_alike(one: &FeatureGrant, other: &FeatureGrant) -> bool {
    (&one.feature, one.value, one.duration, one.credits) == (&other.feature, other.value, other.duration, other.credits)
}
