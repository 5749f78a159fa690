//! Whose access a change would change: the decisions of before and after, from the facts in memory. Nothing is written.

use app::pages::confirm::Effect;
use domain::access::{Decision, PolicyExceptions, UserFacts, decide, entitlements};
use domain::catalog::{Catalog, FeatureGrant, put_in_order};
use domain::{Livemode, Timestamp};
use store::records::{OverrideRecord, PolicyTarget, TargetKind};

use super::Ask;
use crate::admin::customers::path;
use crate::state::AppState;

/// The user's answers with other facts; none when no answer changes.
fn effect(ask: &Ask<'_>, user_id: &str, before: &UserFacts, after: &UserFacts) -> Option<Effect> {
    let store = &ask.state.store;
    let (catalog, policy) = (store.index().catalog(ask.livemode), store.options().policy);
    let answers = |facts| entitlements(Some(facts), &catalog, &policy, ask.now);
    difference(user_id, answers(before), answers(after))
}

/// What two sets of answers for the same features have not in common.
fn difference(user_id: &str, before: Vec<(String, Decision)>, after: Vec<(String, Decision)>) -> Option<Effect> {
    let (mut loses, mut gains) = (Vec::new(), Vec::new());
    for ((feature, before), (_, after)) in before.into_iter().zip(after) {
        match (before.allowed, after.allowed) {
            (true, false) => loses.push(feature),
            (false, true) => gains.push(feature),
            _ => {}
        }
    }
    let changes = !(loses.is_empty() && gains.is_empty());
    changes.then(|| Effect { user_id: user_id.to_owned(), href: path(user_id), loses, gains })
}

fn facts(ask: &Ask<'_>, user_id: &str) -> UserFacts {
    ask.state.store.index().facts(ask.livemode, user_id).map_or_else(UserFacts::default, |facts| (*facts).clone())
}

/// The answers of a user before and after, by feature, and the difference; the facts of after are given.
pub(super) fn compared(ask: &Ask<'_>, user_id: &str, after: &UserFacts) -> (Vec<(String, bool, bool)>, Option<Effect>) {
    let store = &ask.state.store;
    let (catalog, policy) = (store.index().catalog(ask.livemode), store.options().policy);
    let before = facts(ask, user_id);
    let answers = |facts| entitlements(Some(facts), &catalog, &policy, ask.now);
    let (old, new) = (answers(&before), answers(after));
    let pairs = old.iter().zip(&new).map(|((feature, old), (_, new))| (feature.clone(), old.allowed, new.allowed));
    (pairs.collect(), difference(user_id, old.clone(), new.clone()))
}

/// Overrides are revoked.
pub(super) fn of_revoking(ask: &Ask<'_>, overrides: &[OverrideRecord]) -> Vec<Effect> {
    let mut users: Vec<&str> = overrides.iter().map(|one| one.user_id.as_str()).collect();
    users.sort_unstable();
    users.dedup();
    let lost = users.into_iter().filter_map(|user| {
        let before = facts(ask, user);
        let mut after = before.clone();
        after.overrides.retain(|facts| overrides.iter().all(|one| one.override_id != facts.id));
        effect(ask, user, &before, &after)
    });
    lost.collect()
}

/// A feature is deleted: whoever has access to it now loses it.
pub(super) fn of_deleting(ask: &Ask<'_>, feature: &str) -> Vec<Effect> {
    let store = &ask.state.store;
    let (catalog, policy) = (store.index().catalog(ask.livemode), store.options().policy);
    let having = |facts: &UserFacts| decide(Some(facts), &catalog, &policy, feature, ask.now).allowed;
    let mut users: Vec<String> =
        store.index().users_where(ask.livemode, having).into_iter().map(|(user, _)| user).collect();
    users.sort_unstable();
    let lost =
        |user_id: String| Effect { href: path(&user_id), user_id, loses: vec![feature.to_owned()], gains: Vec::new() };
    users.into_iter().map(lost).collect()
}

/// A price or product is said here to give these features and no others: who pays for it, or bought it, and gains or loses by that, by id.
pub(crate) fn of_giving(
    state: &AppState,
    (livemode, now): (Livemode, Timestamp),
    (kind, id): (TargetKind, &str),
    grants: &[FeatureGrant],
) -> Vec<Effect> {
    let mut after = (*state.store.index().catalog(livemode)).clone();
    let targets = if kind == TargetKind::Price { &mut after.prices } else { &mut after.products };
    let said = targets.entry(id.to_owned()).or_default();
    said.retain(|grant| !grant.source.is_manual());
    said.extend_from_slice(grants);
    put_in_order(said);
    let is_it = |price: &str, product: Option<&str>| match kind {
        TargetKind::Price => price == id,
        TargetKind::Product => product == Some(id),
    };
    of_catalog(state, (livemode, now), &after, |facts| {
        let mut items = facts.subscriptions.iter().flat_map(|facts| &facts.subscription.items);
        let mut bought = facts.purchases.iter().flat_map(|facts| facts.items.iter().flatten());
        items.any(|item| is_it(&item.price_id, item.product_id.as_deref()))
            || bought.any(|item| is_it(&item.price_id, item.product_id.as_deref()))
    })
}

/// A feature or a price departs from the installation's policy in this way and no other: who gains or loses by that, by id.
pub(crate) fn of_policy(
    state: &AppState,
    (livemode, now): (Livemode, Timestamp),
    target: PolicyTarget<'_>,
    policy: PolicyExceptions,
) -> Vec<Effect> {
    let mut after = (*state.store.index().catalog(livemode)).clone();
    match target {
        PolicyTarget::Feature(key) => {
            if let Some(feature) = after.features.get_mut(key) {
                feature.policy = policy;
            }
        }
        PolicyTarget::Price(id) => {
            after.price_policies.insert(id.to_owned(), policy);
        }
    }
    of_catalog(state, (livemode, now), &after, |facts| !facts.subscriptions.is_empty())
}

fn of_catalog(
    state: &AppState,
    (livemode, now): (Livemode, Timestamp),
    after: &Catalog,
    concerned: impl Fn(&UserFacts) -> bool,
) -> Vec<Effect> {
    let (index, policy) = (state.store.index(), state.store.options().policy);
    let before = index.catalog(livemode);
    let changed = index.users_where(livemode, concerned).into_iter().filter_map(|(user, facts)| {
        let answers = |catalog| entitlements(Some(&facts), catalog, &policy, now);
        difference(&user, answers(&before), answers(after))
    });
    let mut effects: Vec<Effect> = changed.collect();
    effects.sort_unstable_by(|a, b| a.user_id.cmp(&b.user_id));
    effects
}
