//! The order of precedence: deny override, grant override, best of the subscriptions, one-time purchase, default.

use std::cmp::Ordering;

use super::purchase::Bought;
use super::standing::{Standing, rank, standing};
use super::{
    Decision, EntitlementFacts, OverrideEffect, OverrideFacts, Policy, Reason, Rule, Source, SubscriptionFacts,
    Treatment, UserFacts,
};
use crate::Timestamp;
use crate::catalog::{Catalog, FeatureType};
use crate::stripe::{SubscriptionItem, SubscriptionStatus};

/// May this user use this feature at this moment?
///
/// `facts` is none for a user nobody ever told us about. The answer depends on nothing but the arguments.
#[must_use]
pub fn decide(
    facts: Option<&UserFacts>,
    catalog: &Catalog,
    policy: &Policy,
    feature: &str,
    now: Timestamp,
) -> Decision {
    walk(facts, catalog, policy, Some(feature), now, &mut |_, _| {})
}

/// Does anything at all give this user anything? Deny overrides, which are about one feature each, are left out.
#[must_use]
pub fn decide_any(facts: Option<&UserFacts>, catalog: &Catalog, policy: &Policy, now: Timestamp) -> Decision {
    walk(facts, catalog, policy, None, now, &mut |_, _| {})
}

/// The decision for each feature of the catalog, sorted by the feature's key.
#[must_use]
pub fn entitlements(
    facts: Option<&UserFacts>,
    catalog: &Catalog,
    policy: &Policy,
    now: Timestamp,
) -> Vec<(String, Decision)> {
    let mut keys: Vec<&String> = catalog.features.keys().collect();
    keys.sort_unstable();
    keys.into_iter().map(|key| (key.clone(), decide(facts, catalog, policy, key, now))).collect()
}

/// Asks the rules in their order; `note` hears of each whether it matched.
pub(super) fn walk(
    facts: Option<&UserFacts>,
    catalog: &Catalog,
    policy: &Policy,
    feature: Option<&str>,
    now: Timestamp,
    note: &mut impl FnMut(Rule, bool),
) -> Decision {
    let facts = facts.filter(|facts| facts.known);
    note(Rule::UnknownUser, facts.is_none());
    let Some(facts) = facts else { return denied(Reason::UnknownUser) };
    let active = || facts.overrides.iter().filter(|o| is_about(o, feature) && o.is_active(now));
    let deny = active().find(|o| feature.is_some() && o.effect == OverrideEffect::Deny);
    note(Rule::DenyOverride, deny.is_some());
    if let Some(deny) = deny {
        return Decision { sources: vec![override_source(deny)], ..denied(Reason::OverrideDeny) };
    }
    let mut grants: Vec<Source> = active().filter(|o| o.effect == OverrideEffect::Grant).map(override_source).collect();
    note(Rule::GrantOverride, !grants.is_empty());
    if grants.is_empty() {
        let is_unknown = feature.is_some_and(|key| !catalog.features.contains_key(key));
        note(Rule::UnknownFeature, is_unknown);
        return if is_unknown {
            denied(Reason::UnknownFeature)
        } else {
            walk_paid(facts, catalog, policy, feature, now, note)
        };
    }
    grants.sort_by(longest_first);
    let until = grants.first().and_then(|grant| grant.until);
    let underneath = decide_paid(facts, catalog, policy, feature, now);
    // Credits of several purchases add up to more than any source of them has.
    let value = grants.iter().filter_map(|source| source.value).max().max(underneath.value);
    if underneath.allowed {
        grants.extend(underneath.sources);
    }
    Decision { allowed: true, reason: Reason::OverrideGrant, until, value, sources: grants }
}

/// What payments alone say, overrides apart; with no feature named, whether they give anything at all.
pub(crate) fn decide_paid(
    facts: &UserFacts,
    catalog: &Catalog,
    policy: &Policy,
    feature: Option<&str>,
    now: Timestamp,
) -> Decision {
    walk_paid(facts, catalog, policy, feature, now, &mut |_, _| {})
}

fn walk_paid(
    facts: &UserFacts,
    catalog: &Catalog,
    policy: &Policy,
    feature: Option<&str>,
    now: Timestamp,
    note: &mut impl FnMut(Rule, bool),
) -> Decision {
    let bought = Bought::of(facts, catalog, policy, feature, now);
    let mut survey = Survey::default();
    for subscription in &facts.subscriptions {
        let payer = &subscription.subscription.customer_id;
        let entitlements = facts.entitlements.iter().find(|listed| listed.customer_id == *payer);
        survey.take(subscription, entitlements, catalog, policy, feature, now);
    }
    note(Rule::Subscription, !survey.giving.is_empty());
    if !survey.giving.is_empty() {
        return bought.added_to(survey.into_allowed());
    }
    note(Rule::Purchase, bought.gives());
    if bought.gives() {
        return bought.into_allowed();
    }
    let entitled = entitled_without_subscription(facts, feature);
    note(Rule::Entitlement, entitled.is_some());
    if let Some(entitled) = entitled {
        return entitled;
    }
    note(Rule::Nothing, true);
    survey.gives_something |= bought.gives_something();
    // A subscription that would give the feature says more than a purchase that would, unless the purchase is only waiting for its money.
    if let Some(refusal) = bought.refusal(!survey.would_give.is_empty()) {
        return refusal;
    }
    if !facts.subscriptions.is_empty() {
        return survey.into_denied(facts);
    }
    bought.elsewhere().unwrap_or_else(|| {
        denied(match (facts.customers.is_empty(), facts.payment_pending) {
            (true, _) => Reason::NoCustomer,
            (false, true) => Reason::PaymentPending,
            (false, false) => Reason::NoPayment,
        })
    })
}

/// Stripe entitles a customer of whom no subscription has been told: its word is all there is. Where subscriptions are known, they and
/// our policy decide, since Stripe does not say what becomes of entitlements while payments are late.
fn entitled_without_subscription(facts: &UserFacts, feature: Option<&str>) -> Option<Decision> {
    let has_subscription =
        |customer_id: &str| facts.subscriptions.iter().any(|s| s.subscription.customer_id == customer_id);
    let entitled = |listed: &&EntitlementFacts| listed.lists(feature) && !has_subscription(&listed.customer_id);
    let sources: Vec<_> = facts.entitlements.iter().filter(entitled).map(entitlement_source).collect();
    let reason = Reason::SubscriptionActive;
    (!sources.is_empty()).then_some(Decision { allowed: true, reason, until: None, value: None, sources })
}

/// What going through the subscriptions brought to light.
#[derive(Default)]
struct Survey<'a> {
    /// Those that give the feature.
    giving: Vec<(Reason, Source)>,
    /// In good standing, without the feature.
    without: Vec<&'a SubscriptionFacts>,
    /// Whether any item in good standing gives any feature.
    gives_something: bool,
    /// Would give the feature if they stood better.
    would_give: Vec<Refused<'a>>,
    /// In bad standing, and would not give the feature either.
    neither: Vec<Refused<'a>>,
}

struct Refused<'a> {
    facts: &'a SubscriptionFacts,
    reason: Reason,
    since: Option<Timestamp>,
    rank: u8,
}

impl<'a> Survey<'a> {
    fn take(
        &mut self,
        facts: &'a SubscriptionFacts,
        entitlements: Option<&EntitlementFacts>,
        catalog: &Catalog,
        policy: &Policy,
        feature: Option<&str>,
        now: Timestamp,
    ) {
        let listed = entitlements.is_some_and(|listed| listed.lists(feature));
        let mut good: Option<(Reason, Option<Timestamp>, Option<i64>)> = None;
        let mut would: Option<Refused<'a>> = None;
        let mut neither: Option<Refused<'a>> = None;
        let mut stands_well = false;
        let mut visit = |item: Option<&SubscriptionItem>| {
            let policy = catalog.policy(policy, feature, item.map(|item| item.price_id.as_str()));
            let withheld =
                policy.trialing == Treatment::Deny && facts.subscription.status == SubscriptionStatus::Trialing;
            let gift = item.and_then(|item| gift(item, catalog, feature, listed)).filter(|_| !withheld);
            match standing(facts, item, &policy, now) {
                Standing::Good { reason, until } => {
                    stands_well = true;
                    self.gives_something |= item.is_some_and(|item| gives_anything(item, catalog))
                        || entitlements.is_some_and(|listed| listed.lists(None));
                    if let Some(value) = gift {
                        good = Some(match good {
                            None => (reason, until, value),
                            Some((r, u, v)) => (better_reason(r, reason), later(u, until), v.max(value)),
                        });
                    }
                }
                Standing::Bad { reason, since } => {
                    let refused = Refused { facts, reason, since, rank: rank(&facts.subscription, reason) };
                    let slot = if gift.is_some() { &mut would } else { &mut neither };
                    if slot.as_ref().is_none_or(|other| refused.cmp_nearness(other) == Ordering::Less) {
                        *slot = Some(refused);
                    }
                }
            }
        };
        if facts.subscription.items.is_empty() {
            visit(None);
        }
        for item in &facts.subscription.items {
            visit(Some(item));
        }
        if let Some((reason, until, value)) = good {
            self.giving.push((reason, subscription_source(facts, until, value)));
            return;
        }
        if stands_well {
            self.without.push(facts);
        }
        match would {
            Some(refused) => self.would_give.push(refused),
            None if !stands_well => self.neither.extend(neither),
            None => {}
        }
    }

    fn into_allowed(self) -> Decision {
        let mut reason = Reason::GracePeriod;
        let mut sources = Vec::with_capacity(self.giving.len());
        for (why, source) in self.giving {
            reason = better_reason(reason, why);
            sources.push(source);
        }
        sources.sort_by(longest_first);
        Decision {
            allowed: true,
            reason,
            until: sources.first().and_then(|source| source.until),
            value: sources.iter().filter_map(|source| source.value).max(),
            sources,
        }
    }

    /// A subscription that would give the feature and may still come back says most; one that is over for good says less than a plan
    /// that is paid for now.
    fn into_denied(mut self, facts: &UserFacts) -> Decision {
        let only_incomplete = facts.subscriptions.iter().all(|s| s.subscription.status.as_str() == "incomplete");
        if facts.payment_pending && only_incomplete {
            return Decision { sources: refused_sources(self.all_refused()), ..denied(Reason::PaymentPending) };
        }
        self.would_give.sort_by(Refused::cmp_nearness);
        let revivable = self.would_give.first().is_some_and(|best| !best.facts.subscription.status.is_terminal());
        if !self.without.is_empty() && !revivable {
            let reason = if self.gives_something { Reason::NotInPlan } else { Reason::PriceNotInCatalog };
            let sources = self.without.into_iter().map(|facts| subscription_source(facts, None, None)).collect();
            return Decision { sources, ..denied(reason) };
        }
        let refused = if self.would_give.is_empty() { self.all_refused() } else { self.would_give };
        let reason = refused.first().map_or(Reason::NoPayment, |best| best.reason);
        Decision { sources: refused_sources(refused), ..denied(reason) }
    }

    fn all_refused(&mut self) -> Vec<Refused<'a>> {
        let mut all = std::mem::take(&mut self.would_give);
        all.append(&mut self.neither);
        all.sort_by(Refused::cmp_nearness);
        all
    }
}

impl Refused<'_> {
    fn cmp_nearness(&self, other: &Self) -> Ordering {
        let end = |refused: &Self| refused.facts.subscription.current_period_end().or(refused.since);
        self.rank.cmp(&other.rank).then_with(|| end(other).cmp(&end(self)))
    }
}

const fn denied(reason: Reason) -> Decision {
    Decision { allowed: false, reason, until: None, value: None, sources: Vec::new() }
}

/// Denied for this reason, resting on these sources.
pub(super) fn denied_for(reason: Reason, sources: impl IntoIterator<Item = Source>) -> Decision {
    Decision { sources: sources.into_iter().collect(), ..denied(reason) }
}

fn is_about(o: &OverrideFacts, feature: Option<&str>) -> bool {
    feature.is_none_or(|key| o.feature == key)
}

/// Whether the item gives the feature (any, when none is named), and the highest value it gives. `listed`: Stripe itself entitles its
/// customer to the feature.
#[expect(clippy::option_option, reason = "given without a number is not the same as not given")]
fn gift(item: &SubscriptionItem, catalog: &Catalog, feature: Option<&str>, listed: bool) -> Option<Option<i64>> {
    let grants = catalog.grants(&item.price_id, item.product_id.as_deref());
    let value = |value: Option<i64>| {
        let key = feature?;
        let is_limit = || catalog.features.get(key).is_some_and(|feature| feature.kind == FeatureType::Limit);
        value.or_else(|| is_limit().then_some(item.quantity))
    };
    let grants = grants.filter(|grant| feature.is_none_or(|key| grant.feature == key));
    grants.map(|grant| value(grant.value)).max().or_else(|| listed.then(|| value(None)))
}

fn gives_anything(item: &SubscriptionItem, catalog: &Catalog) -> bool {
    catalog.grants(&item.price_id, item.product_id.as_deref()).next().is_some()
}

/// Paid is better than tried, and both are better than late.
const fn better_reason(a: Reason, b: Reason) -> Reason {
    match (a, b) {
        (Reason::SubscriptionActive, _) | (_, Reason::SubscriptionActive) => Reason::SubscriptionActive,
        (Reason::SubscriptionTrialing, _) | (_, Reason::SubscriptionTrialing) => Reason::SubscriptionTrialing,
        _ => a,
    }
}

/// The later of two ends; none is no end.
pub(super) fn later(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    Some(a?.max(b?))
}

pub(super) fn longest_first(a: &Source, b: &Source) -> Ordering {
    match (a.until, b.until) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        (Some(a), Some(b)) => b.cmp(&a),
    }
}

fn override_source(o: &OverrideFacts) -> Source {
    Source {
        kind: "override".to_owned(),
        id: o.id.clone(),
        status: o.effect.as_str().to_owned(),
        until: o.expires_at,
        value: o.value,
    }
}

fn entitlement_source(listed: &EntitlementFacts) -> Source {
    let (kind, id, status) = ("entitlement".to_owned(), listed.customer_id.clone(), "active".to_owned());
    Source { kind, id, status, until: None, value: None }
}

fn subscription_source(facts: &SubscriptionFacts, until: Option<Timestamp>, value: Option<i64>) -> Source {
    let sub = &facts.subscription;
    Source { kind: "subscription".to_owned(), id: sub.id.clone(), status: sub.status.as_str().to_owned(), until, value }
}

fn refused_sources(refused: Vec<Refused<'_>>) -> Vec<Source> {
    refused.into_iter().map(|refused| subscription_source(refused.facts, refused.since, None)).collect()
}
