//! Whose access a change would change: the decisions of before and after, from the facts in memory. Nothing is written.

mod catalog;

use app::pages::confirm::Effect;
use domain::access::{Decision, UserFacts, entitlements};
use store::records::OverrideRecord;

use super::Ask;
use crate::admin::customers::path;
pub(crate) use catalog::{Change, Weighed, weigh};

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
