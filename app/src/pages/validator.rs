//! Whether the installation is right, and what to do where it is not.

use domain::Timestamp;
use domain::role::Role;
use leptos::prelude::*;

use super::once::Secret;
use crate::components::{Tone, address, card, chip, crumbs, id, page_head, time};
use crate::context::Context;

/// `/admin/validator`
#[derive(Clone, Debug)]
pub struct View {
    /// When it was looked at.
    pub at: Timestamp,
    /// How all of it stands.
    pub result: State,
    /// What was looked at.
    pub checks: Vec<Check>,
    /// All of it as plain text, for a ticket.
    pub report: String,
    /// The types of events to enable at Stripe's webhook endpoint.
    pub event_types: &'static [&'static str],
    /// The address `stripe listen` forwards to.
    pub forward_to: String,
}

/// Something that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Which one, such as `V04`.
    pub id: &'static str,
    /// What it is about.
    pub group: Group,
    /// A name for people.
    pub name: &'static str,
    /// How it stands.
    pub state: State,
    /// What was looked at.
    pub looked_at: String,
    /// What was found; of a check that was skipped, why.
    pub found: String,
    /// What to do about it.
    pub fix: Option<String>,
    /// Where.
    pub link: Option<Link>,
}

/// Where something is done about a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its words.
    pub words: &'static str,
    /// Its address.
    pub href: String,
    /// The weakest role that may, where it is a change that the address asks about.
    pub role: Option<Role>,
}

/// What checks are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// This program, its machine and its database.
    Installation,
    /// The key of Stripe's API.
    Key,
    /// Events on their way here.
    Webhooks,
    /// What is sold, and who bought it.
    Sales,
}

impl Group {
    /// All of them, in the order in which they are set up.
    pub const ALL: [Self; 4] = [Self::Installation, Self::Key, Self::Webhooks, Self::Sales];

    /// Its words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Installation => "This installation",
            Self::Key => "Stripe API key",
            Self::Webhooks => "Webhooks",
            Self::Sales => "Catalog and users",
        }
    }
}

/// How a check stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// As it should be.
    Pass,
    /// It was not looked at.
    Skipped,
    /// Works, but not for everybody or not for long; or it could not be told.
    Warn,
    /// Does not work.
    Fail,
}

impl State {
    /// Its word in JSON and in plain text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Skipped => "skipped",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }

    const fn chip(self) -> (Tone, &'static str) {
        match self {
            Self::Pass => (Tone::Ok, "Pass"),
            Self::Skipped => (Tone::Neutral, "Skipped"),
            Self::Warn => (Tone::Warn, "Warning"),
            Self::Fail => (Tone::Bad, "Fail"),
        }
    }
}

impl View {
    fn summary(&self) -> String {
        let counted = [(State::Fail, "failed"), (State::Warn, "with a warning"), (State::Skipped, "skipped")];
        let parts =
            counted.map(|(state, words)| (self.checks.iter().filter(|check| check.state == state).count(), words));
        let parts: Vec<String> =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, words)| format!("{count} {words}")).collect();
        match parts.as_slice() {
            [] => format!("All {} checks passed.", self.checks.len()),
            parts => {
                let passed = self.checks.iter().filter(|check| check.state == State::Pass).count();
                format!("{}, {passed} passed.", parts.join(", "))
            }
        }
    }

    pub(super) fn title(&self) -> String {
        let word = match self.result {
            State::Pass => "All passed",
            State::Skipped | State::Warn => "Warnings",
            State::Fail => "Failing",
        };
        format!("{word} · Set-up")
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let groups: Vec<AnyView> = Group::ALL.into_iter().map(|group| self.group(group, context)).collect();
        let (tone, word) = self.result.chip();
        view! {
            {page_head("Set-up", view! { {chip(tone, word)}<a class="btn" href="/admin/validator">"Run all checks"</a> })}
            <p>{self.summary()}" Looked at "{time(self.at, context.now)}", in "{context.livemode.as_str()}" mode."</p>
            {groups}
            {self.report_card()}
            {self.connect(context)}
        }
        .into_any()
    }

    fn group(&self, group: Group, context: &Context) -> AnyView {
        let checks: Vec<AnyView> =
            self.checks.iter().filter(|check| check.group == group).map(|check| shown(check, context)).collect();
        card(group.words(), (), view! { <ul class="checks pad">{checks}</ul> })
    }

    fn report_card(&self) -> AnyView {
        let report = self.report.clone();
        view! {
            <details class="card">
                <summary>"Report as text"</summary>
                <div class="pad stack tight">
                    <p>{id("tollkeeper doctor", "command")}" prints the same, with --json for programs."</p>
                    <pre class="code"><code>{report}</code></pre>
                </div>
            </details>
        }
        .into_any()
    }

    fn connect(&self, context: &Context) -> AnyView {
        let types: Vec<_> = self.event_types.iter().map(|kind| view! { <li><code>{*kind}</code></li> }).collect();
        let listen = format!("stripe listen --forward-to {}", self.forward_to);
        let body = view! {
            <div class="pad stack tight">
                <p>"In Stripe's Dashboard, under Developers, Webhooks, add an endpoint with this address:"</p>
                <p>{id(&context.webhook_url, "webhook address")}</p>
                <p>"Enable these types of events:"</p>
                <ul>{types}</ul>
                <p>"Put the endpoint's signing secret into STRIPE_WEBHOOK_SECRET and start the program again."</p>
                <p>"On your own machine Stripe's command line brings the events; it prints the signing secret:"</p>
                <pre class="code"><code>{listen}</code></pre>
            </div>
        };
        view! { <details class="card"><summary>"Connect Stripe by hand"</summary>{body}</details> }.into_any()
    }
}

fn shown(check: &Check, context: &Context) -> AnyView {
    let (tone, word) = check.state.chip();
    let fix = check.fix.clone().map(|fix| view! { <p><strong>"To do: "</strong>{fix}</p> });
    let link = check.link.as_ref().map(|link| view! { <p class="mt">{linked(link, context)}</p> });
    view! {
        <li data-tone=tone.as_str()>
            {chip(tone, word)}
            <div>
                <strong>{check.name}</strong>" "<span class="muted mono">{check.id}</span>
                <p>{check.found.clone()}</p>
                {fix}
                {link}
                <p class="hint">"Looked at: "{check.looked_at.clone()}</p>
            </div>
        </li>
    }
    .into_any()
}

fn linked(link: &Link, context: &Context) -> AnyView {
    let (words, href) = (link.words, link.href.clone());
    match link.role {
        None => view! { <a href=href>{words}</a> }.into_any(),
        Some(role) if context.may(role) => {
            let href = address(&href, &[("return_to", "/admin/validator")]);
            view! { <a class="btn sm" href=href>{words}</a> }.into_any()
        }
        Some(role) => {
            let words = format!("{words}: needs the role {}", role.as_str());
            view! { <span class="muted">{words}</span> }.into_any()
        }
    }
}

/// What `/admin/validator/endpoint` answers with, once.
#[derive(Clone, Debug)]
pub struct Created {
    /// `we_…`
    pub endpoint: String,
    /// Where it sends.
    pub url: String,
    /// Its signing secret.
    pub secret: Secret,
    /// Whether other signing secrets are set already.
    pub has_others: bool,
}

impl Created {
    pub(super) fn title(&self) -> String {
        "Endpoint made · Set-up".into()
    }

    pub(super) fn body(&self, _context: &Context) -> AnyView {
        let Secret(secret) = &self.secret;
        let (sentence, line) = if self.has_others {
            (
                "Add it to STRIPE_WEBHOOK_SECRET behind what stands there, separated by a comma:",
                format!(",{}={secret}", self.endpoint),
            )
        } else {
            ("Set it, and start the program again:", format!("STRIPE_WEBHOOK_SECRET={secret}"))
        };
        let body = view! {
            <div class="pad stack tight">
                <p>"Stripe sends events to "<span class="wrap-any">{self.url.clone()}</span>" from now on, and signs them with this secret:"</p>
                <p>{id(secret, "signing secret")}</p>
                <p>{sentence}</p>
                <pre class="code"><code>{line}</code></pre>
                <p>"Until the program runs with it, what Stripe sends is refused; Stripe sends it again, for days in live mode. "
                    "The secret is shown this once and kept nowhere here; Stripe's Dashboard shows it on the endpoint's page."</p>
                <div class="actions"><a class="btn primary" href="/admin/validator">"Back to the checks"</a></div>
            </div>
        };
        view! {
            {crumbs(&[("Set-up", "/admin/validator".to_owned())], "Endpoint made")}
            {page_head(format!("Stripe made the endpoint {}", self.endpoint), ())}
            {card("Its signing secret", (), body)}
        }
        .into_any()
    }
}
