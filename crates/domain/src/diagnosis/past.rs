//! The answer of another moment in a sentence, from what is kept of it: facts, catalog and policy. Of events, mappings and reads history
//! keeps only what they came to.

use super::Chain;
use super::view::View;
use super::walk::walk;
use super::words::{day, moment};
use crate::access::Reason;

/// What the chain's decision was at its moment, and why: `user_1 had no access to pro on 3 Nov 2026 14:05 UTC. …`
#[must_use]
pub fn tell(chain: &Chain<'_>) -> String {
    let (user, when) = (&chain.user_id, moment(chain.now));
    let view = View { chain, decision: &chain.decision };
    let to = view.to_feature();
    if !chain.decision.allowed {
        let why = match chain.decision.reason {
            Reason::UnknownUser => "Nothing was stored about them.".to_owned(),
            Reason::NoCustomer => "No Stripe customer was linked to them.".to_owned(),
            _ => walk(&view).why,
        };
        return format!("{user} had no access{to} on {when}. {why}");
    }
    let source = chain.decision.sources.first();
    let from = source.map(|source| match source.kind.as_str() {
        "override" => format!("override {}", source.id),
        _ => format!("{} ({})", source.id, source.status.replace('_', " ")),
    });
    let from = from.map(|from| format!(", from {from}")).unwrap_or_default();
    let grace = if chain.decision.reason == Reason::GracePeriod { ", in grace" } else { "" };
    let until = chain.decision.until.map(|end| format!(" By what was stored it was to last until {}.", day(end)));
    format!("{user} had access{to} on {when}{from}{grace}.{}", until.unwrap_or_default())
}
