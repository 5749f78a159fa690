//! The five links from checkout to access, and one of them in detail.

use domain::diagnosis::{LinkName, LinkState};
use leptos::prelude::*;

use super::View;
use crate::components::{card, link_chip, table, time};
use crate::context::Context;

impl View {
    pub(super) fn chain(&self, context: &Context) -> AnyView {
        let links: Vec<_> = self
            .diagnosis
            .links
            .iter()
            .enumerate()
            .map(|(n, link)| {
                let tone = match link.state {
                    LinkState::Ok => "ok",
                    LinkState::Broken => "bad",
                    LinkState::Waiting => "info",
                    LinkState::Unknown | LinkState::NotReached => "neutral",
                };
                let href = format!("{}#link", self.here(&self.tab, Some(link.name)));
                let open = (self.link == Some(link.name)).then_some("true");
                let current = (self.diagnosis.broken_link == Some(link.name)).then_some("step");
                view! {
                    <li class="link" data-tone=tone aria-current=current>
                        <h3><a href=href aria-current=open>{n + 1} " " {name(link.name)}</a></h3>
                        {link_chip(link.state)}
                        <small>{link.fact.clone()}</small>
                        {link.at.map(|at| view! { <small>{time(at, context.now)}</small> })}
                    </li>
                }
            })
            .collect();
        view! { <section aria-labelledby="chain"><h2 id="chain" class="vh">"From checkout to access"</h2><ol class="chain">{links}</ol></section> }.into_any()
    }

    /// What is stored about the link that is looked at.
    pub(super) fn link_card(&self, context: &Context) -> AnyView {
        let shown = self.link.and_then(|shown| self.diagnosis.links.iter().find(|link| link.name == shown));
        let Some(link) = shown else { return ().into_any() };
        let rows = self.facts.iter().map(|fact| {
            let what = fact.what.clone();
            let what = match fact.href.clone() {
                Some(href) => view! { <a href=href>{what}</a> }.into_any(),
                None => what.into_any(),
            };
            let at = fact.at.map(|at| time(at, context.now));
            view! { <tr><th scope="row">{what}</th><td class="wide">{fact.value.clone()}</td><td>{at}</td></tr> }
                .into_any()
        });
        let rows: Vec<_> = rows.collect();
        let facts = if rows.is_empty() {
            view! { <p class="pad muted">"Nothing is stored about it."</p> }.into_any()
        } else {
            table("What is stored about this link", &["What", "What is known", "When"], rows)
        };
        let body = view! { <p class="pad">{question(link.name)}" "<strong>{link.fact.clone()}"."</strong></p>{facts} };
        view! { <div id="link">{card(name(link.name), link_chip(link.state), body)}</div> }.into_any()
    }
}

/// A link's name for people.
pub(super) const fn name(link: LinkName) -> &'static str {
    match link {
        LinkName::Checkout => "Checkout",
        LinkName::Webhook => "Webhook",
        LinkName::Mapping => "Mapping",
        LinkName::Subscription => "Subscription",
        LinkName::Entitlement => "Entitlement",
    }
}

/// What a link answers.
const fn question(link: LinkName) -> &'static str {
    match link {
        LinkName::Checkout => "Did they finish Stripe's Checkout?",
        LinkName::Webhook => "Did Stripe's events arrive, and were they processed?",
        LinkName::Mapping => "Is it known which user the Stripe customer is?",
        LinkName::Subscription => "Is there a subscription or a purchase in a state that gives access?",
        LinkName::Entitlement => "Does what they pay for, or an override, give the feature?",
    }
}
