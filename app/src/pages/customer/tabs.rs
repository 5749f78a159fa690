//! What lies below the chain, one tab at a time.

use domain::role::Role;
use leptos::prelude::*;

use super::{Show, TimelineRow, View};
use crate::components::{
    address, card, event_chip, filter_chips, id, status_word, subscription_chip, table, time, time_or,
};
use crate::context::Context;
use crate::pages::{events, overrides};

/// A tab without anything to show.
fn nothing(heading: &'static str, words: &'static str) -> AnyView {
    card(heading, (), view! { <p class="pad muted">{words}</p> })
}

impl View {
    pub(super) fn tabs(&self) -> AnyView {
        let tab = |key: &'static str, words: String| {
            let href = format!("{}#tab", self.here(key, self.link));
            view! { <a href=href aria-current=(self.tab == key).then_some("page")>{words}</a> }
        };
        let more = if self.more_events { "+" } else { "" };
        view! {
            <nav class="tabs" id="tab" aria-label="Customer sections">
                {tab("timeline", "Timeline".into())}
                {tab("events", format!("Events {}{more}", self.events.len()))}
                {tab("subscriptions", format!("Subscriptions {}", self.subscriptions.len()))}
                {tab("overrides", format!("Overrides {}", self.overrides.len()))}
                {tab("checks", format!("Checks {}", self.checks.len()))}
                {tab("mappings", format!("Stripe customers {}", self.customers.len()))}
                {tab("raw", "Raw".into())}
            </nav>
        }
        .into_any()
    }

    pub(super) fn tab_body(&self, context: &Context) -> AnyView {
        match self.tab.as_str() {
            "events" => self.events_tab(context),
            "subscriptions" => self.subscriptions_tab(context),
            "overrides" if self.overrides.is_empty() => {
                nothing("Overrides", "Nobody granted or denied anything by hand.")
            }
            "overrides" => card("Overrides", (), overrides::rows_table(&self.overrides, context, false)),
            "checks" => self.checks_tab(context),
            "mappings" => self.mappings_tab(context),
            "raw" => self.raw_tab(context),
            _ => view! { {self.past_card(context)} {self.timeline_tab(context)} }.into_any(),
        }
    }

    fn timeline_tab(&self, context: &Context) -> AnyView {
        if self.timeline.is_empty() {
            return nothing("Timeline", "Nothing has happened yet.");
        }
        let choices = Show::ALL.map(|show| {
            let feature = self.feature.as_deref().unwrap_or_default();
            let query = [("feature", feature), ("tab", "timeline"), ("show", show.as_str())];
            let href = format!("{}#tab", address(&self.href, &query));
            (show.words().to_owned(), href, self.show == show)
        });
        let chips = filter_chips("What is shown", choices.to_vec());
        let wanted = |row: &&TimelineRow| match self.show {
            Show::All => true,
            Show::Access => row.turned,
            kind => row.kind == kind,
        };
        if !self.timeline.iter().any(|row| wanted(&row)) {
            return view! { {chips}{nothing("Timeline", "Nothing of this kind has happened.")} }.into_any();
        }
        let rows = self
            .timeline
            .iter()
            .filter(wanted)
            .map(|row| {
                let what = row.what.clone();
                let what = match row.href.clone() {
                    Some(href) => view! { <a href=href>{what}</a> }.into_any(),
                    None => what.into_any(),
                };
                view! {
                    <tr>
                        <td class="nowrap">{time(row.at, context.now)}</td>
                        <th scope="row">{what}</th>
                        <td>{row.status.map(event_chip)}</td>
                        <td>{row.effect.clone()}</td>
                        <td>{row.by.clone()}</td>
                    </tr>
                }
                .into_any()
            })
            .collect();
        let columns = [("When", 7), ("What", 18), ("Status", 9), ("Effect on access", 14), ("By", 11)];
        view! { {chips}{card("Timeline", (), table("Timeline", &columns, rows))} }.into_any()
    }

    fn events_tab(&self, context: &Context) -> AnyView {
        if self.events.is_empty() {
            return nothing("Events", "No event of a Stripe customer of this user has come.");
        }
        let all: Vec<_> = self
            .customers
            .iter()
            .map(|customer| {
                let href = address("/admin/events", &[("q", &customer.id)]);
                view! { <a class="btn sm" href=href>{format!("Log of {}", customer.id)}</a> }
            })
            .collect();
        card("Events", all, events::rows_table(&self.events, context))
    }

    fn subscriptions_tab(&self, context: &Context) -> AnyView {
        if self.subscriptions.is_empty() {
            return nothing("Subscriptions", "Stripe has told of no subscription.");
        }
        let rows = self
            .subscriptions
            .iter()
            .map(|row| {
                view! {
                    <tr>
                        <th scope="row"><a class="mono" href=format!("/admin/subscriptions/{}", row.id)>{row.id.clone()}</a></th>
                        <td>{subscription_chip(&row.status, row.ends_at.is_some())}</td>
                        <td class="mono">{row.prices.clone()}</td>
                        <td class="nowrap">{time_or(row.period_end, context.now, "unknown")}</td>
                        <td class="nowrap">{time_or(row.ends_at, context.now, "no end")}</td>
                        <td class="nowrap">{time(row.evidence_at, context.now)}</td>
                    </tr>
                }
                .into_any()
            })
            .collect();
        let columns =
            [("Subscription", 16), ("Status", 9), ("Prices", 14), ("Paid until", 7), ("Ends", 7), ("Last word", 7)];
        card("Subscriptions", (), table("Subscriptions", &columns, rows))
    }

    fn mappings_tab(&self, context: &Context) -> AnyView {
        if self.customers.is_empty() {
            return nothing("Stripe customers", "No Stripe customer is linked to this user.");
        }
        let rows = self
            .customers
            .iter()
            .map(|row| {
                let mapped = match &row.mapped {
                    Some((by, since)) => view! { {status_word(by)} ", " {time(*since, context.now)} }.into_any(),
                    None => view! { <a href=format!("/admin/unattributed/{}", row.id)>"Link to a user"</a> }.into_any(),
                };
                let read = row.read_error.clone().map(|error| view! { <small>{error}</small> });
                view! {
                    <tr>
                        <th scope="row">{id(&row.id, "Stripe customer id")}</th>
                        <td>{row.email.clone()}</td>
                        <td>{mapped}</td>
                        <td>{time_or(row.synced_at, context.now, "never")}{read}</td>
                    </tr>
                }
                .into_any()
            })
            .collect();
        let columns = [("Customer", 18), ("E-mail", 14), ("Linked by", 14), ("Read from Stripe", 12)];
        card("Stripe customers", (), table("Stripe customers", &columns, rows))
    }

    /// What is stored may hold personal data.
    fn raw_tab(&self, context: &Context) -> AnyView {
        match self.raw.clone().filter(|_| context.may(Role::Support)) {
            Some(raw) => {
                let raw = view! { <pre class="code"><code>{raw}</code></pre> };
                card("What is stored", (), raw)
            }
            None => nothing("What is stored", "It may hold personal data: reading it needs the role support."),
        }
    }
}
