//! One event: what it did, every attempt at it, and what Stripe sent.

mod about;
mod sent;

use domain::delivery::Undelivered;
use domain::event::EventStatus;
use domain::role::Role;
use domain::{Livemode, Timestamp};
use leptos::prelude::*;

pub use about::{About, Line};
pub use sent::{Change, Json, Payload};

use super::events::{customer_link, segment, without_key};
use crate::components::{
    action_button, actor, asking_link, card, crumbs, event_chip, id, page_head, status_word, table, time,
};
use crate::context::Context;

/// An event's page.
#[derive(Clone, Debug)]
pub struct View {
    /// `evt_…`
    pub event_id: String,
    /// Stripe's type.
    pub kind: String,
    /// The mode.
    pub livemode: Livemode,
    /// Its status.
    pub status: EventStatus,
    /// On Stripe's clock.
    pub created: Timestamp,
    /// First receipt.
    pub received_at: Timestamp,
    /// Last receipt.
    pub last_delivery_at: Timestamp,
    /// How often it was delivered.
    pub deliveries: i64,
    /// Whether it was fetched from Stripe's API instead of delivered.
    pub fetched: bool,
    /// Why it had not been delivered when it was fetched.
    pub undelivered: Option<Undelivered>,
    /// The version of the payload.
    pub api_version: Option<String>,
    /// What that version means for reading it.
    pub version_meaning: String,
    /// The snapshot event of the same change, as a thin one names it.
    pub snapshot_event: Option<String>,
    /// The object it is about.
    pub object_id: Option<String>,
    /// `cus_…`
    pub customer_id: Option<String>,
    /// The user this customer is mapped to.
    pub user_id: Option<String>,
    /// The secret that matched.
    pub secret_name: Option<String>,
    /// What was done, in words.
    pub note: Option<String>,
    /// The last error.
    pub error: Option<String>,
    /// Attempts so far.
    pub attempt_count: i64,
    /// When it is tried again.
    pub next_attempt_at: Option<Timestamp>,
    /// Fields of Stripe's objects that changed.
    pub fields: Vec<Field>,
    /// Mappings made, as sentences.
    pub mappings: Vec<String>,
    /// Answers that changed.
    pub verdicts: Vec<Verdict>,
    /// Every attempt, oldest first.
    pub attempts: Vec<Attempt>,
    /// When it was processed.
    pub processed_at: Option<Timestamp>,
    /// When what Stripe sent was removed, and after what time; none of the latter: with the personal data of whom it was about.
    pub removed: Option<(Timestamp, Option<String>)>,
    /// What Stripe sent; only for those who may see payloads.
    pub payload: Option<Payload>,
    /// All events of its object.
    pub about: Option<About>,
}

/// A field of a stored object.
#[derive(Clone, Debug)]
pub struct Field {
    /// `sub_…`, `cus_…`
    pub object: String,
    /// Such as `status`.
    pub field: String,
    /// Before; none when it was not stored.
    pub before: Option<String>,
    /// After.
    pub after: Option<String>,
}

/// An answer that changed.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The user.
    pub user_id: String,
    /// The feature's key.
    pub feature: String,
    /// The answer and reason before.
    pub before: (bool, String),
    /// The answer and reason after.
    pub after: (bool, String),
}

/// One attempt at an event.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// `delivery`, `retry`, `replay`, `read`, `mapping`, `ignore`.
    pub cause: String,
    /// Who, when a person started it.
    pub actor: Option<String>,
    /// When.
    pub started_at: Timestamp,
    /// The status it ended with.
    pub outcome: String,
    /// Its error.
    pub error: Option<String>,
}

fn answer((allowed, reason): &(bool, String)) -> String {
    format!("{} ({})", if *allowed { "granted" } else { "denied" }, status_word(reason))
}

pub(super) fn difference(before: Option<&str>, after: Option<&str>) -> AnyView {
    let before = before.map(|before| view! { <del>{before.to_owned()}</del> });
    let after = after.map(|after| view! { <ins>{after.to_owned()}</ins> });
    view! { <td class="diff">{before}" "{after}</td> }.into_any()
}

/// A sentence ends with a full stop, also when it was taken over from an error.
fn sentence(text: &str) -> String {
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}

/// How long after its receipt something happened to an event.
fn lag(from: Timestamp, to: Timestamp) -> String {
    match (to.millis() - from.millis()).max(0) {
        millis @ ..1000 => format!("{millis} ms after it came"),
        millis @ ..60_000 => format!("{}.{} s after it came", millis / 1000, millis % 1000 / 100),
        millis @ ..3_600_000 => format!("{} min after it came", millis / 60_000),
        millis @ ..86_400_000 => format!("{} h after it came", millis / 3_600_000),
        millis => format!("{} days after it came", millis / 86_400_000),
    }
}

impl View {
    pub(super) fn title(&self) -> String {
        format!("{} · Event", self.kind)
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let failed = matches!(self.status, EventStatus::Failed | EventStatus::Dead);
        let class = if failed { "btn primary" } else { "btn" };
        let replay = format!("/admin/events/{}/replay", segment(&self.event_id));
        let ignore = failed.then(|| {
            let href = format!("/admin/events/{}/ignore", segment(&self.event_id));
            asking_link(context, &href, "Ignore", &self.event_id, Role::Support)
        });
        let test = if self.livemode.is_live() { "" } else { "test/" };
        let stripe = format!("https://dashboard.stripe.com/{test}events/{}", segment(&self.event_id));
        let link = self.customer_id.as_deref().filter(|_| self.status == EventStatus::Unattributed).map(|customer| {
            let words = format!("Link {customer} to a user");
            view! { <a class="btn primary" href=format!("/admin/unattributed/{}", segment(customer))>{words}</a> }
        });
        view! {
            {crumbs(&[("Events", "/admin/events".into())], &self.kind)}
            {page_head(self.kind.clone(), event_chip(self.status).into_any())}
            <p class="row">
                {id(&self.event_id, "event id")}
                <a href=stripe rel="noreferrer">"Open in Stripe"</a>
            </p>
            <p>{self.sentence()}</p>
            {without_key(context)}
            {self.fetched_instead()}
            {self.next_attempt_at.filter(|_| failed).map(|at| view! { <p>"Next try: " {time(at, context.now)}</p> })}
            <div class="row">
                {link}
                {self.removed.is_none().then(|| action_button(context, replay, "Process again", class, Role::Support))}
                {ignore}
            </div>
            {self.facts(context)}
            {self.effects()}
            {self.attempts(context)}
            {self.about.as_ref().map(|about| about.card(context, Some(&self.event_id)))}
            {self.sent(context)}
            {self.again()}
        }
        .into_any()
    }

    /// How to have Stripe send it once more, for who wants to see a delivery.
    fn again(&self) -> AnyView {
        let live = if self.livemode.is_live() { " --live" } else { "" };
        let command = format!("stripe events resend {}{live}", self.event_id);
        let body = view! {
            <div class="pad stack tight">
                <p>"Stripe's command line sends it again to the endpoints it is registered for. It counts once however often it comes."</p>
                {id(&command, "command")}
            </div>
        };
        card("Have Stripe send it again", (), body)
    }

    /// Why it had to be fetched, as long as it was never delivered.
    fn fetched_instead(&self) -> AnyView {
        let Some(reason) = self.undelivered.filter(|_| self.deliveries == 0) else { return ().into_any() };
        let words = format!("Fetched, not delivered: {}.", reason.words());
        view! { <p>{words}" "<a href="/admin/validator">"Check the set-up"</a></p> }.into_any()
    }

    fn sentence(&self) -> String {
        let note = self.note.as_deref().map(sentence).unwrap_or_default();
        let error = self.error.as_deref().map(sentence).unwrap_or_default();
        let times = if self.attempt_count == 1 { "once".to_owned() } else { format!("{} times", self.attempt_count) };
        let what = match self.status {
            EventStatus::Pending => format!("Stored and acknowledged to Stripe; it waits to be processed. {note}"),
            EventStatus::Processing => format!("Taken in; a read from Stripe completes it. {note}"),
            EventStatus::Processed => {
                let lag = self.processed_at.map_or(String::new(), |at| format!(" {}", lag(self.received_at, at)));
                format!("Processed{lag}. {note}")
            }
            EventStatus::Ignored if note.is_empty() => "Ignored: no rule uses this type.".into(),
            EventStatus::Ignored => format!("Ignored: {note}"),
            EventStatus::Unattributed => {
                format!("What it says is stored, but no user is known for its customer. {note}")
            }
            EventStatus::Failed => format!("Failed {times}: {error}"),
            EventStatus::Dead => format!("Failed {times} and was given up: {error}"),
        };
        match self.deliveries {
            ..=1 => what.trim().to_owned(),
            more => format!("{} It was delivered {more} times and counted once.", what.trim()),
        }
    }

    fn facts(&self, context: &Context) -> AnyView {
        let origin = match (&self.secret_name, self.fetched) {
            (Some(secret), true) => format!("fetched from Stripe's API, and delivered later, signed with {secret}"),
            (None, true) => "fetched from Stripe's API".to_owned(),
            (Some(secret), false) => format!("delivered, signed with {secret}"),
            (None, false) => "delivered".to_owned(),
        };
        let later = self.deliveries > 1 || (self.fetched && self.secret_name.is_some());
        let again = later.then(|| {
            view! { <dt>"Last delivered"</dt><dd>{time(self.last_delivery_at, context.now)}</dd> }
        });
        let object = self.object_id.clone().unwrap_or_else(|| "none".into());
        let snapshot = self.snapshot_event.as_ref().map(|event| {
            let href = format!("/admin/events/{}", segment(event));
            view! { <dt>"Snapshot of the same change"</dt><dd><a class="mono" href=href>{event.clone()}</a></dd> }
        });
        let facts = view! {
            <dl class="kv pad">
                <dt>"Customer"</dt><dd>{customer_link(self.customer_id.as_deref(), self.user_id.as_deref())}</dd>
                <dt>"Object"</dt><dd class="mono">{object}</dd>
                <dt>"Created by Stripe"</dt><dd>{time(self.created, context.now)}</dd>
                <dt>"Received"</dt><dd>{time(self.received_at, context.now)}", "{origin}</dd>
                {again}
                <dt>"API version"</dt>
                <dd>{self.api_version.clone().unwrap_or_else(|| "none".into())}" "<small>{self.version_meaning.clone()}</small></dd>
                {snapshot}
            </dl>
        };
        card("About it", (), facts)
    }

    fn effects(&self) -> AnyView {
        let verdicts = self.verdicts.iter().map(|verdict| {
            let user = customer_link(None, Some(&verdict.user_id));
            let (before, after) = (answer(&verdict.before), answer(&verdict.after));
            let row = view! { <th scope="row">"Access of "{user}" to "{verdict.feature.clone()}</th> };
            view! { <tr>{row}{difference(Some(&before), Some(&after))}</tr> }.into_any()
        });
        let fields = self.fields.iter().map(|field| {
            let name = format!("{} of {}", status_word(&field.field), field.object);
            view! { <tr><th scope="row">{name}</th>{difference(field.before.as_deref(), field.after.as_deref())}</tr> }
                .into_any()
        });
        let rows: Vec<_> = verdicts.chain(fields).collect();
        let mappings: Vec<_> = self.mappings.iter().map(|words| view! { <li>{words.clone()}</li> }).collect();
        let body = if rows.is_empty() && mappings.is_empty() {
            view! { <p class="pad muted">"It changed nothing."</p> }.into_any()
        } else {
            let mappings = (!mappings.is_empty()).then(|| view! { <ul class="pad">{mappings}</ul> });
            let rows = (!rows.is_empty()).then(|| table("Effects", &["What", "Before and after"], rows));
            view! { {mappings}{rows} }.into_any()
        };
        card("Effects", (), body)
    }

    fn attempts(&self, context: &Context) -> AnyView {
        if self.attempts.is_empty() {
            return card("Attempts", (), view! { <p class="pad muted">"Not tried yet."</p> });
        }
        let rows = self.attempts.iter().enumerate().map(|(index, attempt)| {
            let by = attempt
                .actor
                .as_ref()
                .map_or(attempt.cause.clone(), |by| format!("{}, by {}", attempt.cause, actor(by)));
            let outcome = EventStatus::parse(&attempt.outcome)
                .map_or_else(|| attempt.outcome.clone().into_any(), |status| event_chip(status).into_any());
            view! {
                <tr>
                    <th scope="row">{index + 1}</th>
                    <td>{by}</td>
                    <td class="nowrap">{time(attempt.started_at, context.now)}</td>
                    <td>{outcome}</td>
                    <td>{attempt.error.clone()}</td>
                </tr>
            }
            .into_any()
        });
        card("Attempts", (), table("Attempts", &["No.", "Started by", "Started", "Outcome", "Error"], rows.collect()))
    }
}
