//! The rules of a decision, one by one: which matched, which did not, which were not asked.

use super::decide::walk;
use super::{Decision, OverrideEffect, Policy, UserFacts};
use crate::Timestamp;
use crate::catalog::Catalog;

/// A rule of the order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Nothing is stored about the user: no.
    UnknownUser,
    /// An active override denies the feature: no.
    DenyOverride,
    /// An active override grants the feature: yes.
    GrantOverride,
    /// The catalog lacks the feature: no.
    UnknownFeature,
    /// A subscription in good standing gives the feature: yes.
    Subscription,
    /// A one-time purchase gives the feature: yes.
    Purchase,
    /// Stripe itself entitles a customer of whom no subscription is known: yes.
    Entitlement,
    /// Nothing gives it: no.
    Nothing,
}

impl Rule {
    /// All of them, in the order they are asked in: the first that matches decides.
    pub const ALL: [Self; 8] = [
        Self::UnknownUser,
        Self::DenyOverride,
        Self::GrantOverride,
        Self::UnknownFeature,
        Self::Subscription,
        Self::Purchase,
        Self::Entitlement,
        Self::Nothing,
    ];
}

/// What became of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It decided.
    Matched,
    /// It said nothing.
    NotMatched,
    /// One before it had decided.
    NotReached,
}

/// A rule with what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The rule.
    pub rule: Rule,
    /// What became of it.
    pub outcome: Outcome,
    /// What it looked at, by id; none of a rule that was not reached.
    pub looked_at: Vec<String>,
}

/// A decision with every rule on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The answer: what [`super::decide`] says.
    pub decision: Decision,
    /// All rules, in order.
    pub steps: Vec<Step>,
}

/// [`super::decide`], and how it came to its answer.
#[must_use]
pub fn trace(facts: Option<&UserFacts>, catalog: &Catalog, policy: &Policy, feature: &str, now: Timestamp) -> Trace {
    let mut asked = vec![];
    let decision = walk(facts, catalog, policy, Some(feature), now, &mut |rule, matched| asked.push((rule, matched)));
    let step = |rule| {
        let outcome = match asked.iter().find(|(known, _)| *known == rule) {
            Some((_, true)) => Outcome::Matched,
            Some((_, false)) => Outcome::NotMatched,
            None => Outcome::NotReached,
        };
        let facts = facts.filter(|_| outcome != Outcome::NotReached);
        let looked_at = facts.map(|facts| looked_at(rule, facts, feature)).unwrap_or_default();
        Step { rule, outcome, looked_at }
    };
    Trace { decision, steps: Rule::ALL.into_iter().map(step).collect() }
}

fn looked_at(rule: Rule, facts: &UserFacts, feature: &str) -> Vec<String> {
    let overrides = |effect: OverrideEffect| {
        let about = facts.overrides.iter().filter(move |o| o.feature == feature && o.effect == effect);
        about.map(|o| o.id.clone()).collect()
    };
    match rule {
        Rule::DenyOverride => overrides(OverrideEffect::Deny),
        Rule::GrantOverride => overrides(OverrideEffect::Grant),
        Rule::Subscription => facts.subscriptions.iter().map(|facts| facts.subscription.id.clone()).collect(),
        Rule::Purchase => facts.purchases.iter().map(|purchase| purchase.id.clone()).collect(),
        Rule::Entitlement => facts.entitlements.iter().map(|listed| listed.customer_id.clone()).collect(),
        Rule::UnknownUser | Rule::UnknownFeature | Rule::Nothing => vec![],
    }
}
