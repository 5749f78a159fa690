//! What time alone does to an answer: while nothing happens, access still ends, and a denial by hand runs out.

use super::decide::decide;
use super::{Decision, OverrideEffect, Policy, UserFacts};
use crate::Timestamp;
use crate::catalog::Catalog;

/// The answers from `from` until before `to`, if nothing is heard meanwhile: the first, and each that differs from the one before it in
/// answer or reason, with the moment it begins.
///
/// Every change between yes and no is there. A change of the reason alone is found where the answer before had said it would end.
#[must_use]
pub fn course(
    facts: Option<&UserFacts>,
    catalog: &Catalog,
    policy: &Policy,
    feature: &str,
    (from, to): (Timestamp, Timestamp),
) -> Vec<(Timestamp, Decision)> {
    let answer = |at| decide(facts, catalog, policy, feature, at);
    let mut now = answer(from);
    let mut course = vec![(from, now.clone())];
    let mut at = from;
    while let Some(next) = next_turn(facts, &now, feature, at).filter(|next| *next < to) {
        at = next;
        now = answer(at);
        if course.last().is_none_or(|(_, last)| (last.allowed, last.reason) != (now.allowed, now.reason)) {
            course.push((at, now.clone()));
        }
    }
    course
}

/// The next moment at which the answer may turn: a yes says until when it holds, and a no lasts but for denials that run out.
fn next_turn(facts: Option<&UserFacts>, answer: &Decision, feature: &str, at: Timestamp) -> Option<Timestamp> {
    let overrides = facts.map(|facts| facts.overrides.as_slice()).unwrap_or_default();
    let denials = overrides.iter().filter(|o| o.effect == OverrideEffect::Deny && o.feature == feature);
    denials.filter_map(|o| o.expires_at).chain(answer.until).filter(|turn| *turn > at).min()
}
