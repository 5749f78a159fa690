//! Access? If not, why, and what mends it.

mod chain;
mod checks;
mod news;
mod past;
mod tabs;

use domain::Timestamp;
use domain::access::Decision;
use domain::diagnosis::{Diagnosis, Fix, LinkName, LinkState};
use domain::event::EventStatus;
use domain::role::Role;
use domain::stripe::SubscriptionStatus;
use leptos::prelude::*;

use super::{events, overrides};
use crate::components::{
    Tone, action_button, address, asking_link, card, chip, crumbs, id, shortened, status_word, table, time, time_or,
    until, verdict_chip,
};
use crate::context::Context;
pub use checks::CheckLine;
pub use past::{Answer, Past};

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
    /// The link of the chain that is shown in detail.
    pub link: Option<LinkName>,
    /// What is stored about that link.
    pub facts: Vec<Fact>,
    /// The tab that is open.
    pub tab: String,
    /// A question about another time; on the timeline's tab alone, and of users alone.
    pub past: Option<Past>,
    /// What happened, newest first; on its tab alone.
    pub timeline: Vec<TimelineRow>,
    /// What of it is shown.
    pub show: Show,
    /// Events of the customers, newest first.
    pub events: Vec<events::Row>,
    /// Whether there are more of them.
    pub more_events: bool,
    /// All that is stored, as JSON; only on its tab, and only for those who may see payloads.
    pub raw: Option<String>,
    /// Subscriptions, the best first.
    pub subscriptions: Vec<SubscriptionLine>,
    /// What the application asked, the last asked first.
    pub checks: Vec<CheckLine>,
    /// Overrides.
    pub overrides: Vec<overrides::Row>,
    /// Whether Stripe can be read in this mode.
    pub can_read: bool,
    /// Since when nothing personal is kept any more.
    pub erased_at: Option<Timestamp>,
}

/// Something stored that a link of the chain rests on.
#[derive(Clone, Debug)]
pub struct Fact {
    /// What it is about, such as an id.
    pub what: String,
    /// Where that stands.
    pub href: Option<String>,
    /// What is known of it.
    pub value: String,
    /// Since when.
    pub at: Option<Timestamp>,
}

/// A Stripe customer of the user.
#[derive(Clone, Debug)]
pub struct CustomerLine {
    /// `cus_…`
    pub id: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Stripe's own page of it; none for a guest whose payment is not known.
    pub stripe_page: Option<String>,
    /// Mapped by what, since when.
    pub mapped: Option<(String, Timestamp)>,
    /// Deleted in Stripe.
    pub deleted: bool,
    /// Last read.
    pub synced_at: Option<Timestamp>,
    /// The last read's error.
    pub read_error: Option<String>,
}

/// What of the timeline is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Show {
    /// Everything.
    #[default]
    All,
    /// What turned an answer.
    Access,
    /// What Stripe sent.
    Events,
    /// What people did, and reads and links.
    Changes,
    /// What time did.
    Time,
}

impl Show {
    /// Each, in the order of the filter.
    pub const ALL: [Self; 5] = [Self::All, Self::Access, Self::Events, Self::Changes, Self::Time];

    /// The word in the address; empty: everything.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Access => "access",
            Self::Events => "events",
            Self::Changes => "changes",
            Self::Time => "time",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::All => "Everything",
            Self::Access => "Changes of access",
            Self::Events => "Stripe's events",
            Self::Changes => "Changes made here",
            Self::Time => "Ends by time",
        }
    }

    /// From the word of the address.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        Self::ALL.into_iter().find(|show| show.as_str() == word).unwrap_or_default()
    }
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct TimelineRow {
    /// Which of [`Show`] it belongs to beside everything.
    pub kind: Show,
    /// Whether an answer turned.
    pub turned: bool,
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
            "ok_at_risk" | "app_cache" => Tone::Warn,
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
            {self.link_card(context)}
            {self.news_card(context)}
            {self.features_card(context)}
            {self.tabs()}
            {self.tab_body(context)}
            {self.personal_card(context)}
        }
        .into_any()
    }

    fn header(&self, context: &Context) -> AnyView {
        let granted = self.features.iter().filter(|(_, decision)| decision.allowed).count();
        let chip = match self.user_id {
            Some(_) => {
                let tone = if granted > 0 { Tone::Ok } else { Tone::Bad };
                chip(tone, format!("{granted} of {} features", self.features.len()))
            }
            None => chip(Tone::Violet, "Unattributed"),
        };
        let customers: Vec<_> = self
            .customers
            .iter()
            .map(|customer| {
                let stripe = customer.stripe_page.clone().map(|href| {
                    view! { <a href=href rel="noreferrer" target="_blank">"Open in Stripe"<span class="vh">" (new tab)"</span></a> }
                });
                view! {
                    {id(&customer.id, "Stripe customer id")}
                    {stripe}
                    <span>"Read from Stripe " {time_or(customer.synced_at, context.now, "never")}</span>
                    {customer.deleted.then_some("deleted in Stripe")}
                    {customer.read_error.clone().map(|error| view! { <span class="error">{error}</span> })}
                }
            })
            .collect();
        let resync = (!self.customers.is_empty()).then(|| {
            let action = format!("{}/resync", self.href);
            if self.can_read {
                let compare = format!("{}/compare", self.href);
                view! {
                    {action_button(context, action, "Resync from Stripe", "btn sm", Role::Support)}
                    <a class="btn sm" href=compare>"Compare with Stripe"</a>
                }
                .into_any()
            } else {
                view! { <span class="muted">"Without a Stripe API key of this mode nothing can be read."</span> }
                    .into_any()
            }
        });
        view! {
            {crumbs(&[("Customers", "/admin/customers".into())], &self.heading)}
            <div>
                <div class="row">
                    <h1>{self.heading.clone()}</h1>
                    {chip}
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

    /// What is kept about the person, to be handed over or to be ended.
    fn personal_card(&self, context: &Context) -> AnyView {
        let erased = self.erased_at.map(|at| {
            view! { <p>"Erased "{time(at, context.now)}": no name, no address and no payload is kept. What Stripe tells later is taken in without them."</p> }
        });
        let export = context.may(Role::Support).then(|| {
            let href = format!("{}/person.json", self.href);
            view! { <a class="btn sm" href=href download>"Export everything as JSON"</a> }
        });
        let body = view! {
            <div class="pad stack tight">
                {erased}
                <p class="muted">"Everything that is kept about this person, with the payloads of their events; and its end, when they ask for it."</p>
                <div class="row">
                    {export}
                    {asking_link(context, &format!("{}/erase", self.href), "Erase personal data", &self.heading, Role::Owner)}
                </div>
            </div>
        };
        card("Personal data", (), body)
    }

    fn verdict(&self, context: &Context) -> AnyView {
        let fixes: Vec<_> =
            self.diagnosis.fixes.iter().enumerate().map(|(n, fix)| self.fix(fix, n == 0, context)).collect();
        view! {
            <section class="verdict" data-tone=self.tone().as_str() aria-labelledby="verdict">
                <h2 id="verdict">{self.diagnosis.sentence.clone()}</h2>
                {(!fixes.is_empty()).then(|| view! { <div class="row">{fixes}</div> })}
            </section>
        }
        .into_any()
    }

    /// A fix that changes something at once is a form; the others lead to where it is decided.
    fn fix(&self, fix: &Fix, first: bool, context: &Context) -> AnyView {
        let class = if first { "btn primary" } else { "btn" };
        let post = match fix.id.as_str() {
            "resync" => Some(format!("{}/resync", self.href)),
            "fetch_missing" => Some("/admin/events/fetch-missing".to_owned()),
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

    fn features_card(&self, context: &Context) -> AnyView {
        let grant = self.user_id.is_some().then(|| {
            let href = format!("{}/overrides/new", self.href);
            view! { <a class="btn sm" href=href>"Grant or deny"</a> }
        });
        if self.user_id.is_none() {
            let body = view! { <p class="pad muted">"Features are given to users: link this customer to one to see what it gets."</p> };
            return card("Features", (), body);
        }
        if self.features.is_empty() {
            let body = view! { <p class="pad">"The catalog has no features yet. "<a href="/admin/features">"Create one"</a></p> };
            return card("Features", grant, body);
        }
        let rows = self
            .features
            .iter()
            .map(|(key, decision)| {
                let sources = if decision.allowed { &*decision.sources } else { &[] };
                let sources: Vec<_> = sources.iter().map(|source| self.source(&source.id)).collect();
                let value = decision.value.map(|value| format!(", up to {value}"));
                view! {
                    <tr>
                        <th scope="row" class="nowrap"><a href=address(&self.href, &[("feature", key)])>{key.clone()}</a></th>
                        <td>{verdict_chip(decision)}</td>
                        <td>{status_word(decision.reason.as_str())}{value}</td>
                        <td>{sources}</td>
                        <td>{if decision.allowed { until(decision.until, context.now) } else { view! { <span class="muted">"–"</span> }.into_any() }}</td>
                        <td>{self.last_check(key, context)}</td>
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
                &[
                    ("Feature", 9),
                    ("Answer", 11),
                    ("Because", 12),
                    ("Granted by", 12),
                    ("Until", 7),
                    ("Last check", 11),
                ],
                rows,
            ),
        )
    }

    /// Where that which gives a feature stands.
    fn source(&self, id: &str) -> AnyView {
        let href = if id.starts_with("sub_") {
            format!("/admin/subscriptions/{}", events::segment(id))
        } else if !id.starts_with("ovr_") {
            format!("{}#link", self.here(&self.tab, Some(LinkName::Subscription)))
        } else {
            format!("{}#tab", self.here("overrides", None))
        };
        view! { <a class="mono" href=href title=id.to_owned()>{shortened(id)}</a>" " }.into_any()
    }

    /// This page with another tab or link open, about the same feature.
    fn here(&self, tab: &str, link: Option<LinkName>) -> String {
        let link = link.map(|link| chain::name(link).to_lowercase()).unwrap_or_default();
        let feature = self.feature.as_deref().unwrap_or_default();
        address(&self.href, &[("feature", feature), ("tab", tab), ("link", &link)])
    }
}
