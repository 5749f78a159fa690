//! Who loses access soon, as far as anybody can know today: what renews by itself is taken to renew, and what has an end is taken to end.

use super::{Decision, Policy, SubscriptionFacts, UserFacts, course, entitlements};
use crate::Timestamp;
use crate::catalog::Catalog;
use crate::stripe::SubscriptionStatus;

/// A feature that a user has and will lose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The feature's key.
    pub feature: String,
    /// The first moment without it.
    pub at: Timestamp,
    /// The last answer with it: what it rests on ends.
    pub last: Decision,
}

/// The features a user has at `from` and loses before `to`, the next one first.
///
/// A trial counts as going on: whether somebody will pay for it is known when it ends.
#[must_use]
pub fn known_losses(
    facts: &UserFacts,
    catalog: &Catalog,
    policy: &Policy,
    (from, to): (Timestamp, Timestamp),
) -> Vec<Loss> {
    if !may_end(facts, (from, to)) {
        return vec![];
    }
    let renewed = UserFacts {
        subscriptions: facts.subscriptions.iter().map(|facts| renewed(facts, to)).collect(),
        ..facts.clone()
    };
    let having = entitlements(Some(&renewed), catalog, policy, from).into_iter().filter(|(_, now)| now.allowed);
    let mut losses: Vec<Loss> = having
        .filter_map(|(feature, now)| {
            let answers = course(Some(&renewed), catalog, policy, &feature, (from, to));
            let no = answers.iter().position(|(_, answer)| !answer.allowed)?;
            let last = no.checked_sub(1).map_or(now, |yes| answers[yes].1.clone());
            Some(Loss { feature, at: answers[no].0, last })
        })
        .collect();
    losses.sort_by(|a, b| (a.at, &a.feature).cmp(&(b.at, &b.feature)));
    losses
}

/// Whether anything of these facts has an end in that time: looked at first, since hardly anybody's has.
fn may_end(facts: &UserFacts, (from, to): (Timestamp, Timestamp)) -> bool {
    let soon = |end: Option<Timestamp>| end.is_some_and(|end| from <= end && end < to);
    facts.overrides.iter().any(|o| soon(o.expires_at))
        || !facts.purchases.is_empty()
        || facts.subscriptions.iter().any(|facts| {
            let sub = &facts.subscription;
            !sub.status.is_terminal()
                && (soon(sub.ends_at()) || sub.status == SubscriptionStatus::PastDue || sub.pause_behavior.is_some())
        })
}

/// The subscription as it will be when each renewal until `to` is paid for.
fn renewed(facts: &SubscriptionFacts, to: Timestamp) -> SubscriptionFacts {
    let mut facts = facts.clone();
    let sub = &mut facts.subscription;
    let goes_on = matches!(sub.status, SubscriptionStatus::Active | SubscriptionStatus::Trialing);
    // With its collection paused nobody pays for the next period, or does later: the policy says what that means for this one.
    if goes_on && !sub.cancel_at_period_end && sub.pause_behavior.is_none() {
        sub.trial_end = sub.trial_end.map(|end| end.max(to));
        for item in &mut sub.items {
            item.current_period_end = item.current_period_end.map(|end| end.max(to));
        }
    }
    facts
}
