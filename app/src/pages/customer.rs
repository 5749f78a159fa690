//! Access? If not, why, and what mends it.

use domain::Timestamp;
use domain::access::Decision;
use domain::diagnosis::{Diagnosis, Fix, Link, LinkName, LinkState};
use domain::event::EventStatus;
use domain::role::Role;
use domain::stripe::SubscriptionStatus;
use leptos::prelude::*;

use super::overrides::{self, rows_table};
use crate::components::{
    Tone, action_button, card, event_chip, id, link_chip, status_word, subscription_chip, table, time, time_or, until,
    verdict_chip,
};
use crate::context::Context;

/// `/admin/customers/{id}`
#[derive(Clone, Debug)]
pub struct View {
    /// Name, e-mail address or id.
    pub heading: String,
    /// The user; none for a Stripe customer that is nobody's.
    pub user_id: Option<String>,
    /// The id of the page's path.
    pub id: String,
    /// The page's path.
    pub href: String,
    /// The Stripe customers.
    pub customers: Vec<CustomerLine>,
    /// The feature the verdict is about; none: all of them.
    pub feature: Option<String>,
    /// The chain.
    pub diagnosis: Diagnosis,
    /// Whether the verdict is a yes.
    pub allowed: bool,
    /// All features with their answers.
    pub features: Vec<(String, Decision)>,
    /// The tab that is open.
    pub tab: String,
    /// What happened, newest first.
    pub timeline: Vec<TimelineRow>,
    /// Subscriptions, the best first.
    pub subscriptions: Vec<SubscriptionLine>,
    /// Overrides.
    pub overrides: Vec<overrides::Row>,
    /// Link to Stripe's page of the mode's customer, with the customer's id appended.
    pub stripe_url: &'static str,
    /// Whether Stripe can be read in this mode.
    pub can_read: bool,
}

/// A Stripe customer of the user.
#[derive(Clone, Debug)]
pub struct CustomerLine {
    /// `cus_…`
    pub id: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Mapped by what, since when.
    pub mapped: Option<(String, Timestamp)>,
    /// Deleted in Stripe.
    pub deleted: bool,
    /// Last read.
    pub synced_at: Option<Timestamp>,
    /// The last read's error.
    pub read_error: Option<String>,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct TimelineRow {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: String,
    /// Where it stands.
    pub href: Option<String>,
    /// An event's status.
    pub status: Option<EventStatus>,
    /// `+pro`, `−pro`, or why there was none.
    pub effect: String,
    /// By whom.
    pub by: String,
}

/// One subscription.
#[derive(Clone, Debug)]
pub struct SubscriptionLine {
    /// `sub_…`
    pub id: String,
    /// Stripe's status.
    pub status: SubscriptionStatus,
    /// Prices.
    pub prices: String,
    /// Paid until.
    pub period_end: Option<Timestamp>,
    /// Set to end.
    pub ends_at: Option<Timestamp>,
    /// Newest evidence.
    pub evidence_at: Timestamp,
}

impl View {
    pub(super) fn title(&self) -> String {
        let answer = if self.allowed { "Has access" } else { "No access" };
        let feature = self.feature.as_ref().map(|feature| format!(" to {feature}")).unwrap_or_default();
        format!("{answer}{feature} · {} · Customers", self.heading)
    }

    fn tone(&self) -> Tone {
        let waiting = self.diagnosis.links.iter().any(|link| link.state == LinkState::Waiting);
        match self.diagnosis.code.as_str() {
            "ok_at_risk" => Tone::Warn,
            "ok_by_override" => Tone::Violet,
            "not_in_plan" => Tone::Neutral,
            _ if self.allowed => Tone::Ok,
            _ if waiting => Tone::Info,
            _ => Tone::Bad,
        }
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        view! {
            {self.header(context)}
            {self.verdict(context)}
            {self.chain(context)}
            {self.features_card(context)}
            {self.tabs()}
            {self.tab_body(context)}
        }
        .into_any()
    }

    fn header(&self, context: &Context) -> AnyView {
        let granted = self.features.iter().filter(|(_, decision)| decision.allowed).count();
        let tone = if granted > 0 { "ok" } else { "bad" };
        let customers: Vec<_> = self
            .customers
            .iter()
            .map(|customer| {
                let href = format!("{}{}", self.stripe_url, customer.id);
                view! {
                    {id(&customer.id, "Stripe customer id")}
                    <a href=href rel="noreferrer" target="_blank">"Open in Stripe"<span class="vh">" (new tab)"</span></a>
                    <span>"Read from Stripe " {time_or(customer.synced_at, context.now, "never")}</span>
                    {customer.deleted.then_some("deleted in Stripe")}
                    {customer.read_error.clone().map(|error| view! { <span class="error">{error}</span> })}
                }
            })
            .collect();
        let resync = (!self.customers.is_empty()).then(|| {
            let action = format!("{}/resync", self.href);
            if self.can_read {
                action_button(context, action, "Resync from Stripe", "btn sm", Role::Support)
            } else {
                view! { <span class="muted">"Without a Stripe API key of this mode nothing can be read."</span> }
                    .into_any()
            }
        });
        view! {
            <div>
                <nav class="crumbs" aria-label="Breadcrumb"><a href="/admin/customers">"Customers"</a>" / "{self.heading.clone()}</nav>
                <div class="row mt">
                    <h1>{self.heading.clone()}</h1>
                    <span class="chip" data-tone=tone>{granted} " of " {self.features.len()} " features"</span>
                </div>
                <div class="row muted mt" id="resync">
                    {self.user_id.as_deref().map(|user| id(user, "user id"))}
                    {customers}
                    {resync}
                </div>
            </div>
        }
        .into_any()
    }

    fn verdict(&self, context: &Context) -> AnyView {
        let fixes: Vec<_> =
            self.diagnosis.fixes.iter().enumerate().map(|(n, fix)| self.fix(fix, n == 0, context)).collect();
        let detail = self.broken().map(|link| link.fact.clone());
        view! {
            <section class="verdict" data-tone=self.tone().as_str() aria-labelledby="verdict">
                <h2 id="verdict">{self.diagnosis.sentence.clone()}</h2>
                {detail.map(|fact| view! { <p>{fact}</p> })}
                <div class="row">{fixes}</div>
            </section>
        }
        .into_any()
    }

    fn broken(&self) -> Option<&Link> {
        let name = self.diagnosis.broken_link?;
        self.diagnosis.links.iter().find(|link| link.name == name)
    }

    /// A fix that changes something at once is a form; the others lead to where it is decided.
    fn fix(&self, fix: &Fix, first: bool, context: &Context) -> AnyView {
        let class = if first { "btn primary" } else { "btn" };
        let post = match fix.id.as_str() {
            "resync" => Some(format!("{}/resync", self.href)),
            "process_event" => Some(format!("{}/replay", fix.href)),
            _ => None,
        };
        match post {
            Some(action) => action_button(context, action, &fix.label, class, fix.role),
            None if context.may(fix.role) => {
                view! { <a class=class href=fix.href.clone()>{fix.label.clone()}</a> }.into_any()
            }
            None => {
                view! { <span class="muted">{fix.label.clone()} " (needs the role " {fix.role.as_str()} ")"</span> }
                    .into_any()
            }
        }
    }

    fn chain(&self, context: &Context) -> AnyView {
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
                let current = (self.diagnosis.broken_link == Some(link.name)).then_some("step");
                view! {
                    <li class="link" data-tone=tone aria-current=current>
                        <h3>{n + 1} " " {name(link.name)}</h3>
                        {link_chip(link.state)}
                        <small>{link.fact.clone()} {link.at.map(|at| view! { ", " {time(at, context.now)} })}</small>
                    </li>
                }
            })
            .collect();
        view! { <section aria-labelledby="chain"><h2 id="chain" class="vh">"From checkout to access"</h2><ol class="chain">{links}</ol></section> }.into_any()
    }

    fn features_card(&self, context: &Context) -> AnyView {
        let grant = self.user_id.is_some().then(|| {
            let href = format!("{}/overrides/new", self.href);
            view! { <a class="btn sm" href=href>"Grant or deny"</a> }
        });
        if self.features.is_empty() {
            let body = view! { <p class="pad">"The catalog has no features yet. "<a href="/admin/features">"Create one"</a></p> };
            return card("Features", grant, body);
        }
        let rows = self
            .features
            .iter()
            .map(|(key, decision)| {
                let sources = if decision.allowed { &*decision.sources } else { &[] };
                let sources = sources.iter().map(|source| source.id.clone()).collect::<Vec<_>>().join(", ");
                view! {
                    <tr>
                        <th scope="row"><a href=format!("{}?feature={key}", self.href)>{key.clone()}</a></th>
                        <td>{verdict_chip(decision)}</td>
                        <td>{status_word(decision.reason.as_str())}{decision.value.map(|value| format!(", {value}"))}</td>
                        <td class="mono">{sources}</td>
                        <td>{if decision.allowed { until(decision.until, context.now) } else { view! { <span class="muted">"–"</span> }.into_any() }}</td>
                    </tr>
                }
                .into_any()
            })
            .collect();
        card(
            "Features",
            grant,
            table(
                "Features and the reason for each answer",
                &["Feature", "Answer", "Because", "Granted by", "Until"],
                rows,
            ),
        )
    }

    fn tabs(&self) -> AnyView {
        let tab = |key: &'static str, words: String| {
            let href = format!("{}?tab={key}#tab", self.href);
            view! { <a href=href aria-current=(self.tab == key).then_some("page")>{words}</a> }
        };
        view! {
            <nav class="tabs" id="tab" aria-label="Customer sections">
                {tab("timeline", "Timeline".into())}
                {tab("subscriptions", format!("Subscriptions {}", self.subscriptions.len()))}
                {tab("overrides", format!("Overrides {}", self.overrides.len()))}
                {tab("mappings", format!("Stripe customers {}", self.customers.len()))}
            </nav>
        }
        .into_any()
    }

    fn tab_body(&self, context: &Context) -> AnyView {
        match self.tab.as_str() {
            "subscriptions" => self.subscriptions_tab(context),
            "overrides" if self.overrides.is_empty() => {
                card("Overrides", (), view! { <p class="pad muted">"None."</p> })
            }
            "overrides" => card("Overrides", (), rows_table(&self.overrides, context, false)),
            "mappings" => self.mappings_tab(context),
            _ => self.timeline_tab(context),
        }
    }

    fn timeline_tab(&self, context: &Context) -> AnyView {
        if self.timeline.is_empty() {
            return card("Timeline", (), view! { <p class="pad muted">"Nothing has happened yet."</p> });
        }
        let rows = self
            .timeline
            .iter()
            .map(|row| {
                let what = row.what.clone();
                let what = match row.href.clone() {
                    Some(href) => view! { <a href=href>{what}</a> }.into_any(),
                    None => what.into_any(),
                };
                view! {
                    <tr>
                        <td>{time(row.at, context.now)}</td>
                        <th scope="row">{what} " " {row.status.map(event_chip)}</th>
                        <td>{row.effect.clone()}</td>
                        <td>{row.by.clone()}</td>
                    </tr>
                }
                .into_any()
            })
            .collect();
        card("Timeline", (), table("Timeline", &["When", "What", "Effect on access", "By"], rows))
    }

    fn subscriptions_tab(&self, context: &Context) -> AnyView {
        if self.subscriptions.is_empty() {
            return card("Subscriptions", (), view! { <p class="pad muted">"None."</p> });
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
                        <td>{time_or(row.period_end, context.now, "unknown")}</td>
                        <td>{time_or(row.ends_at, context.now, "–")}</td>
                        <td>{time(row.evidence_at, context.now)}</td>
                    </tr>
                }
                .into_any()
            })
            .collect();
        let columns = ["Subscription", "Status", "Prices", "Paid until", "Ends", "Last word from Stripe"];
        card("Subscriptions", (), table("Subscriptions", &columns, rows))
    }

    fn mappings_tab(&self, context: &Context) -> AnyView {
        let rows = self
            .customers
            .iter()
            .map(|row| {
                let mapped = match &row.mapped {
                    Some((by, since)) => view! { {status_word(by)} ", " {time(*since, context.now)} }.into_any(),
                    None => view! { <a href=format!("/admin/unattributed/{}", row.id)>"Link to a user"</a> }.into_any(),
                };
                view! {
                    <tr>
                        <th scope="row" class="mono">{row.id.clone()}</th>
                        <td>{row.email.clone()}</td>
                        <td>{mapped}</td>
                    </tr>
                }
                .into_any()
            })
            .collect();
        card("Stripe customers", (), table("Stripe customers", &["Customer", "E-mail", "Mapped by"], rows))
    }
}

const fn name(link: LinkName) -> &'static str {
    match link {
        LinkName::Checkout => "Checkout",
        LinkName::Webhook => "Webhook",
        LinkName::Mapping => "Mapping",
        LinkName::Subscription => "Subscription",
        LinkName::Entitlement => "Entitlement",
    }
}
