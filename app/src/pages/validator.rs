//! Whether the installation is right, and what to do where it is not.

use leptos::prelude::*;

use crate::components::{Tone, card, chip, id, page_head};
use crate::context::Context;

/// `/admin/validator`
#[derive(Clone, Debug)]
pub struct View {
    /// What was looked at.
    pub checks: Vec<Check>,
    /// The types of events to enable at Stripe's webhook endpoint.
    pub event_types: &'static [&'static str],
    /// The address `stripe listen` forwards to.
    pub forward_to: String,
}

/// Something that was looked at.
#[derive(Clone, Debug)]
pub struct Check {
    /// How it stands.
    pub state: State,
    /// What was looked at.
    pub name: String,
    /// What was found.
    pub found: String,
    /// What to do about it.
    pub fix: Option<String>,
    /// Where: words and address.
    pub link: Option<(&'static str, &'static str)>,
}

/// How a check stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// As it should be.
    Pass,
    /// Works, but not for everybody or not for long.
    Warn,
    /// Does not work.
    Fail,
}

impl State {
    const fn chip(self) -> (Tone, &'static str) {
        match self {
            Self::Pass => (Tone::Ok, "Pass"),
            Self::Warn => (Tone::Warn, "Warning"),
            Self::Fail => (Tone::Bad, "Fail"),
        }
    }
}

impl View {
    fn count(&self, state: State) -> usize {
        self.checks.iter().filter(|check| check.state == state).count()
    }

    fn summary(&self) -> String {
        match (self.count(State::Fail), self.count(State::Warn)) {
            (0, 0) => "Everything that can be seen from here is right.".into(),
            (failed, warned) => {
                format!("{failed} failed, {warned} with a warning, {} passed.", self.count(State::Pass))
            }
        }
    }

    pub(super) fn title(&self) -> String {
        "Set-up".into()
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let checks: Vec<AnyView> = self.checks.iter().map(check).collect();
        let types: Vec<_> = self.event_types.iter().map(|kind| view! { <li><code>{*kind}</code></li> }).collect();
        let listen = format!("stripe listen --forward-to {}", self.forward_to);
        let connect = view! {
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
        view! {
            {page_head("Set-up", view! { <a class="btn" href="/admin/validator">"Run all checks"</a> })}
            <p>{self.summary()}</p>
            {card("Checks", (), view! { <ul class="checks pad">{checks}</ul> })}
            {card("Connect Stripe", (), connect)}
        }
        .into_any()
    }
}

fn check(check: &Check) -> AnyView {
    let (tone, word) = check.state.chip();
    let fix = check.fix.clone().map(|fix| view! { <p class="hint">{fix}</p> });
    let link = check.link.map(|(words, href)| view! { <p><a href=href>{words}</a></p> });
    view! {
        <li data-tone=tone.as_str()>
            {chip(tone, word)}
            <div><strong>{check.name.clone()}</strong><p>{check.found.clone()}</p>{fix}{link}</div>
        </li>
    }
    .into_any()
}
