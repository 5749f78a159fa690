//! The order in which links are looked at, and the verdict that comes of it.

use super::chain::Chain;
use super::view::{Finding, View};
use super::words::{day, span};
use super::{
    Diagnosis, Fix, Link, LinkName, LinkState, app_cache, checkout, entitlement, fixes, flags, mapping, news, purchase,
    subscription, webhook,
};
use crate::access::{Decision, Reason, decide_paid};

/// Explains a decision along the chain: the first row of the diagnosis table that applies, the five links, and what mends it.
///
/// Pure: the same chain gives the same diagnosis.
#[must_use]
pub fn diagnose(input: &Chain<'_>) -> Diagnosis {
    let decision = &input.decision;
    if !decision.allowed {
        let view = View { chain: input, decision };
        let found = walk(&view);
        let sentence = format!("No access{}. {}", view.to_feature(), found.why);
        return Diagnosis {
            code: found.code.to_owned(),
            sentence,
            broken_link: Some(found.link),
            links: links(&view, Some(&found)),
            fixes: found.fixes,
            news: news::of(&view),
        };
    }
    let found = if decision.reason == Reason::OverrideGrant {
        by_override(&View { chain: input, decision: &paid(input) })
    } else {
        allowed(&View { chain: input, decision })
    };
    app_cache::noted(input, found)
}

/// What the decision would be without overrides.
fn paid(chain: &Chain<'_>) -> Decision {
    let lacking = chain.feature.as_ref().is_some_and(|feature| !chain.catalog.features.contains_key(feature));
    match chain.facts {
        Some(facts) if !lacking => {
            decide_paid(facts, chain.catalog, &chain.policy, chain.feature.as_deref(), chain.now)
        }
        facts => {
            let reason = if facts.is_some() { Reason::UnknownFeature } else { Reason::UnknownUser };
            Decision { allowed: false, reason, until: None, value: None, sources: vec![] }
        }
    }
}

/// The first row that applies.
///
/// What nobody can pay for comes first. Then what keeps all news away, what was paid under another name, what was not paid yet, what is
/// still on its way, and only then what the subscription says of itself: so a customer is never blamed for a fault of the installation.
pub(super) fn walk(view: &View<'_>) -> Finding {
    entitlement::denied_by_override(view)
        .or_else(|| entitlement::unknown_feature(view))
        .or_else(|| checkout::other_mode(view))
        .or_else(|| webhook::deaf(view))
        .or_else(|| mapping::ambiguous(view))
        .or_else(|| mapping::unattributed(view))
        .or_else(|| purchase::unread(view))
        // A customer that has just come is no proof that nobody ever began.
        .or_else(|| {
            checkout::find(view).filter(|found| found.code != "no_checkout" || view.chain.candidates.is_empty())
        })
        .or_else(|| webhook::late(view))
        .or_else(|| mapping::pending_link(view))
        .or_else(|| subscription::drift(view))
        .or_else(|| purchase::find(view))
        .or_else(|| subscription::find(view))
        .or_else(|| entitlement::not_given(view))
        .or_else(|| entitlement::expired_override(view))
        .or_else(|| mapping::lost_checkout(view))
        .unwrap_or_else(|| subscription::none(view))
}

/// The five links: each as it stands, the broken one as what was found, nothing beyond it claimed that is not known.
fn links(view: &View<'_>, found: Option<&Finding>) -> Vec<Link> {
    let all = [
        checkout::link(view),
        webhook::link(view),
        mapping::link(view),
        subscription::link(view),
        entitlement::link(view),
    ];
    let mut beyond = false;
    let place = |link: Link| match found {
        Some(found) if found.link == link.name => {
            beyond = true;
            let (fact, at, evidence) = (found.fact.clone(), found.at, found.evidence.clone());
            Link { name: link.name, state: found.state, fact, at, evidence }
        }
        _ if link.state == LinkState::NotReached && !beyond => Link { state: LinkState::Unknown, ..link },
        _ => link,
    };
    all.into_iter().map(place).collect()
}

fn allowed(view: &View<'_>) -> Diagnosis {
    let decision = view.decision;
    let source = decision.sources.first();
    let id = source.map_or("a source that is not stored", |source| source.id.as_str());
    let until = decision.until.map(|at| format!(" until {}", day(at))).unwrap_or_default();
    let to = view.to_feature();
    if decision.reason != Reason::GracePeriod {
        // A source without a flag keeps access whatever becomes of the others.
        let flags: Option<Vec<_>> = decision.sources.iter().map(|source| flags::of(view, source)).collect();
        let trial = if decision.reason == Reason::SubscriptionTrialing { ", a trial" } else { "" };
        return match flags.and_then(|flags| flags.into_iter().next()) {
            Some(flag) if flag.at_risk => {
                let open =
                    source.filter(|source| source.kind == "subscription").map(|s| fixes::open_subscription(&s.id));
                let sentence = format!("Has access{to}{until}, but at risk: {}.", flag.words);
                ok(
                    view,
                    "ok_at_risk",
                    sentence,
                    links(view, None),
                    open.into_iter().chain([fixes::resync(view)]).collect(),
                )
            }
            Some(flag) => {
                let sentence = format!("Has access{to}{until}, from {id}{trial}; {}.", flag.words);
                ok(view, "ok", sentence, links(view, None), vec![])
            }
            None => ok(view, "ok", format!("Has access{to}{until}, from {id}{trial}."), links(view, None), vec![]),
        };
    }
    let left = decision.until.map(|at| format!(", grace ends in {}", span(view.chain.now, at))).unwrap_or_default();
    let late = source.is_some_and(|source| source.status == "past_due");
    let (cause, fixes) = if late {
        (format!("the payment of {id} failed"), vec![fixes::open_subscription(id), fixes::grant(view)])
    } else {
        (
            format!("the paid time of {id} is over and no renewal was heard of"),
            vec![fixes::resync(view), fixes::grant(view)],
        )
    };
    ok(view, "ok_at_risk", format!("Has access{to}, but at risk: {cause}{left}."), links(view, None), fixes)
}

fn by_override(view: &View<'_>) -> Diagnosis {
    let grant = view.chain.decision.sources.first();
    let id = grant.map_or("an override", |grant| grant.id.as_str());
    let until =
        view.chain.decision.until.map(|at| format!(" until {}", day(at))).unwrap_or_else(|| " without end".to_owned());
    let to = view.to_feature();
    if view.decision.allowed {
        let under = view.decision.sources.first().map(|source| source.id.as_str()).unwrap_or_default();
        let sentence = format!("Has access{to} by override {id}{until}; {under} gives it as well.");
        return ok(view, "ok_by_override", sentence, links(view, None), vec![]);
    }
    let found = walk(view);
    let place = 1 + LINKS.iter().position(|name| *name == found.link).unwrap_or_default();
    let state = if found.state == LinkState::Waiting { "waits" } else { "is broken" };
    let sentence =
        format!("Has access{to} by override {id} only,{until}. Underneath, link {place} of 5 {state}: {}", found.why);
    let links = links(view, Some(&found));
    let fixes = found.fixes.into_iter().filter(|fix| fix.id != "grant_override").collect();
    ok(view, "ok_by_override", sentence, links, fixes)
}

const LINKS: [LinkName; 5] =
    [LinkName::Checkout, LinkName::Webhook, LinkName::Mapping, LinkName::Subscription, LinkName::Entitlement];

fn ok(view: &View<'_>, code: &str, sentence: String, links: Vec<Link>, fixes: Vec<Fix>) -> Diagnosis {
    Diagnosis { code: code.to_owned(), sentence, broken_link: None, links, fixes, news: news::of(view) }
}
