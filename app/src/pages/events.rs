//! The webhook log: what came, and what became of it; and what was refused at the door.

use domain::Timestamp;
use domain::event::{EventStatus, USED_TYPES};
use domain::role::Role;
use leptos::prelude::*;
use url::form_urlencoded::byte_serialize;

use super::missed::Missed;
use crate::components::{
    Column, Pages, action_button, active_filters, address, day, dotted, empty, event_chip, id, length, list_card,
    news_link, page_head, saved_filters, table, time,
};
use crate::context::Context;

/// The log's page.
#[derive(Clone, Debug)]
pub struct View {
    /// Newest receipt first.
    pub rows: Vec<Row>,
    /// What was asked for.
    pub filter: Filter,
    /// Whether any event ever came in this mode.
    pub ever: bool,
    /// The pages around.
    pub pages: Pages,
    /// What was never delivered.
    pub missed: Missed,
}

/// How far back the log is shown: the address's word and the words of the choice.
pub const SPANS: [(&str, &str); 4] = [("1h", "1 hour"), ("24h", "24 hours"), ("7d", "7 days"), ("30d", "30 days")];
/// The address's words for the whole log, and for the times in `from` and `to`.
pub const ANY: (&str, &str) = ("any", "any time");
/// See [`ANY`].
pub const CUSTOM: (&str, &str) = ("custom", "from … to …");

/// Which events, as typed.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// A status's word; `failed` includes those given up.
    pub status: String,
    /// A type, or a prefix ending in `*`.
    pub kind: String,
    /// An event's, object's or customer's id.
    pub id: String,
    /// One of [`SPANS`]' words, [`ANY`]'s or [`CUSTOM`]'s; empty: what the rest of the filter suggests.
    pub since: String,
    /// The first moment, as a date and time without zone, in UTC; with [`CUSTOM`].
    pub from: String,
    /// The moment it ends before.
    pub to: String,
    /// The payload's API version.
    pub version: String,
    /// What the error holds.
    pub error: String,
    /// Only those that were fetched since they had not been delivered.
    pub fetched: bool,
}

/// An event in the list.
#[derive(Clone, Debug)]
pub struct Row {
    /// `evt_…`
    pub event_id: String,
    /// Stripe's type.
    pub kind: String,
    /// First receipt.
    pub received_at: Timestamp,
    /// Its status.
    pub status: EventStatus,
    /// `cus_…`
    pub customer_id: Option<String>,
    /// The user this customer is mapped to.
    pub user_id: Option<String>,
    /// What it did, or why it failed.
    pub effect: String,
    /// How often it was tried.
    pub attempts: i64,
    /// When it is tried again.
    pub next_attempt_at: Option<Timestamp>,
    /// From its receipt until it was settled, in milliseconds.
    pub lag: Option<i64>,
    /// Whether it was fetched, and never delivered.
    pub fetched: bool,
}

/// Deliveries that were refused, of both modes: a refused body is not read.
#[derive(Clone, Debug)]
pub struct Rejected {
    /// Newest first.
    pub rows: Vec<Refusal>,
    /// The pages around.
    pub pages: Pages,
}

/// A refused delivery.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// When it came.
    pub received_at: Timestamp,
    /// The check that failed.
    pub check: String,
    /// What to do about it.
    pub message: String,
    /// Names of the secrets that were tried.
    pub tried: Vec<String>,
    /// The signature header, signatures blanked.
    pub signature_header: Option<String>,
    /// Size of the body in bytes.
    pub size: i64,
}

/// An id as a segment of a path.
pub(super) fn segment(id: &str) -> String {
    // `+` stands for a blank in forms alone: in a path it is itself.
    byte_serialize(id.as_bytes()).collect::<String>().replace('+', "%20")
}

/// The page of a user or a Stripe customer.
pub(super) fn customer_link(customer_id: Option<&str>, user_id: Option<&str>) -> AnyView {
    match user_id.or(customer_id) {
        Some(id) => {
            let href = format!("/admin/customers/{}", segment(id));
            view! { <a class="mono clip" href=href title=id.to_owned()>{id.to_owned()}</a> }.into_any()
        }
        None => view! { <span class="muted">"none"</span> }.into_any(),
    }
}

/// Words for a size in bytes.
fn bytes(size: i64) -> String {
    if size < 1024 { format!("{size} bytes") } else { format!("{} KiB", size / 1024) }
}

impl Filter {
    /// Every field with its name in the address.
    #[must_use]
    pub fn fields(&self) -> [(&'static str, &str); 9] {
        [
            ("origin", if self.fetched { "fetched" } else { "" }),
            ("status", &self.status),
            ("type", &self.kind),
            ("q", &self.id),
            ("since", &self.since),
            ("from", &self.from),
            ("to", &self.to),
            ("version", &self.version),
            ("error", &self.error),
        ]
    }

    /// How far back the log is shown: a day, unless a time is asked for, or what is looked for is rare and may be old.
    #[must_use]
    pub fn span(&self) -> &str {
        let is_rare = self.fetched
            || !self.id.is_empty()
            || !self.error.is_empty()
            || !matches!(self.status.as_str(), "" | "processed" | "ignored");
        match self.since.as_str() {
            "" if is_rare => ANY.0,
            "" => "24h",
            asked => asked,
        }
    }

    /// The log with these fields in place of the filter's own.
    fn with(&self, other: &[(&str, &str)]) -> String {
        let fields = self.fields().map(|(name, value)| {
            (name, other.iter().find(|(changed, _)| *changed == name).map_or(value, |(_, value)| *value))
        });
        address("/admin/events", &fields)
    }

    /// Where a replay of the same events is planned: since and until when, as that page has it.
    fn replay(&self) -> String {
        let instant = |text: &str| match text.len() {
            0 => String::new(),
            16 => format!("{text}:00Z"),
            _ => format!("{text}Z"),
        };
        let (since, until) = match self.span() {
            custom if custom == CUSTOM.0 => (instant(&self.from), instant(&self.to)),
            span => (span.to_owned(), String::new()),
        };
        let others = self.fields().into_iter().filter(|(name, _)| !["since", "from", "to"].contains(name));
        let times = [("since", since.as_str()), ("until", until.as_str())];
        address("/admin/replays/new", &others.chain(times).collect::<Vec<_>>())
    }

    /// What narrows the log, each with the address of the log without it.
    fn active(&self) -> Vec<(String, String)> {
        let words = self.fields().into_iter().filter(|(_, value)| !value.is_empty()).filter_map(|(name, value)| {
            let words = match name {
                "origin" => "Fetched, not delivered".to_owned(),
                "status" => status_words(value).to_owned(),
                "type" => format!("Type {value}"),
                "q" => format!("About {value}"),
                "since" if value == ANY.0 => "Any time".to_owned(),
                "since" if value == CUSTOM.0 => {
                    let (from, to) = (self.from.replace('T', " "), self.to.replace('T', " "));
                    match (from.is_empty(), to.is_empty()) {
                        (false, false) => format!("From {from} to {to}"),
                        (false, true) => format!("From {from}"),
                        _ => format!("Until {to}"),
                    }
                }
                "since" => format!("Last {}", SPANS.iter().find(|(word, _)| *word == value)?.1),
                "version" => format!("API version {value}"),
                "error" => format!("Error holds “{value}”"),
                _ => return None,
            };
            let without =
                if name == "since" { vec![("since", ""), ("from", ""), ("to", "")] } else { vec![(name, "")] };
            Some((words, self.with(&without)))
        });
        words.collect()
    }

    fn form(&self) -> AnyView {
        let options: Vec<_> = std::iter::once(("", "All"))
            .chain(STATUSES)
            .map(|(value, words)| view! { <option value=value selected=self.status == value>{words}</option> })
            .collect();
        let spans: Vec<_> = SPANS
            .into_iter()
            .chain([ANY, CUSTOM])
            .map(|(value, words)| view! { <option value=value selected=self.span() == value>{words}</option> })
            .collect();
        let moment = |name: &'static str, label: &'static str, value: &str| {
            let value = value.to_owned();
            view! {
                <div class="field"><label for=name>{label}</label><input id=name name=name type="datetime-local" value=value /></div>
            }
        };
        // Rarely asked for, so out of the way until it is.
        let more = !self.version.is_empty() || !self.error.is_empty() || self.fetched || self.since == CUSTOM.0;
        view! {
            <form class="filters" action="/admin/events">
                <div class="field"><label for="status">"Status"</label><select id="status" name="status">{options}</select></div>
                <div class="field grow">
                    <label for="type">"Type"</label>
                    <input id="type" name="type" type="text" value=self.kind.clone() placeholder="customer.subscription.*" autocomplete="off" />
                </div>
                <div class="field grow">
                    <label for="id">"Event, object or customer id"</label>
                    <input id="id" name="q" type="text" value=self.id.clone() placeholder="evt_, sub_, cus_ …" autocomplete="off" />
                </div>
                <div class="field"><label for="since">"Received in the last"</label><select id="since" name="since">{spans}</select></div>
                <button type="submit" class="btn">"Filter"</button>
                <details class="more" open=more>
                    <summary>"More filters"</summary>
                    <div class="filters">
                        {moment("from", "From, UTC", &self.from)}
                        {moment("to", "To, UTC", &self.to)}
                        <div class="field grow">
                            <label for="version">"API version"</label>
                            <input id="version" name="version" type="text" value=self.version.clone() placeholder="2026-09-30.endive" autocomplete="off" />
                        </div>
                        <div class="field grow">
                            <label for="error">"Error holds"</label>
                            <input id="error" name="error" type="text" value=self.error.clone() placeholder="status 503" autocomplete="off" />
                        </div>
                        <div class="field">
                            <label for="origin">"Came by"</label>
                            <select id="origin" name="origin">
                                <option value="">"any way"</option>
                                <option value="fetched" selected=self.fetched>"fetching, not delivery"</option>
                            </select>
                        </div>
                    </div>
                </details>
            </form>
            {active_filters(self.active(), "/admin/events")}
        }
        .into_any()
    }
}

/// What becomes of events of a mode that nobody can ask Stripe about.
pub(super) fn without_key(context: &Context) -> Option<AnyView> {
    let mode = context.livemode;
    context.without_key.then(|| {
        let sentence = format!(
            "There is no Stripe API key for {mode} mode. Its events are kept and taken in all the same; what they do not say cannot be read from Stripe until STRIPE_SECRET_KEY has a key of {mode} mode."
        );
        view! { <div class="banner" data-tone="warn"><p>{sentence}" "<a href="/admin/validator">"Setup validator"</a></p></div> }
            .into_any()
    })
}

impl View {
    pub(super) fn title(&self) -> String {
        if self.filter.status == "failed" { "Failed events".into() } else { "Events".into() }
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let failed = self.filter.status == "failed" && !self.rows.is_empty();
        let again = failed.then(|| {
            let words = "Process all failed events again";
            action_button(context, "/admin/events/replay-failed".into(), words, "btn primary", Role::Admin)
        });
        let is_filtered = !self.filter.active().is_empty();
        let replay = (is_filtered && !self.rows.is_empty()).then(|| {
            let href = self.filter.replay();
            view! { <a class="btn" href=href>"Replay these …"</a> }
        });
        let news = self.pages.first.is_none().then(|| news_link(self.filter.with(&[]), is_filtered));
        let rows = if self.rows.is_empty() {
            self.nothing(context)
        } else {
            view! { <div class="card">{by_day(&self.rows, context)}</div>{self.pages.view(("event", "events"))} }
                .into_any()
        };
        view! {
            {page_head(self.title(), (news, replay, again))}
            {without_key(context)}
            {self.filter.form()}
            {saved_filters(context)}
            {rows}
            {self.pages.first.is_none().then(|| self.missed.card(context))}
        }
        .into_any()
    }

    fn nothing(&self, context: &Context) -> AnyView {
        if self.ever {
            let asked = self.filter.fields().iter().filter(|(_, value)| !value.is_empty()).count();
            if asked == 1 && self.filter.status == "failed" {
                return empty(
                    "No event has failed",
                    view! { <p><a class="btn" href="/admin/events">"All events"</a></p> },
                );
            }
            let span = SPANS.iter().find(|(word, _)| *word == self.filter.span()).map(|(_, words)| *words);
            let heading = match span {
                Some(span) => format!("No event of the last {span} matches"),
                None => "No events match".into(),
            };
            let any = span.map(|_| {
                let href = self.filter.with(&[("since", ANY.0)]);
                view! { <a class="btn primary" href=href>"Look at any time"</a>" " }
            });
            let clear = (asked > 0).then(|| view! { <a class="btn" href="/admin/events">"Clear filters"</a> });
            return empty(heading, view! { <p>{any}{clear}</p> });
        }
        let listen = format!("stripe listen --forward-to {}", context.webhook_url);
        let body = view! {
            <p>"Add this endpoint in Stripe, under Developers, Webhooks:"</p>
            <p>{id(&context.webhook_url, "webhook URL")}</p>
            <details class="more">
                <summary>{format!("The {} types of events to enable", USED_TYPES.len())}</summary>
                <pre class="code"><code>{USED_TYPES.join("\n")}</code></pre>
            </details>
            <p>"Or, on your own machine, let Stripe's command line forward events:"</p>
            <pre class="code"><code>{listen}</code></pre>
            <p><a href="/admin/validator">"Check the set-up"</a>" · "<a href="/admin/events?status=rejected">"Refused deliveries"</a></p>
        };
        empty(format!("No event has come in {} mode yet", context.livemode.as_str()), body)
    }
}

const COLUMNS: [Column; 7] = [
    Column::new("Received", 7),
    Column::new("Type", 13),
    Column::new("Status", 9),
    Column::new("Customer", 11),
    Column::new("Effect", 12),
    Column::of_numbers("Attempts", 5),
    Column::of_numbers("Lag", 4),
];

/// The table of events, of all or of one customer.
pub(super) fn rows_table(rows: &[Row], context: &Context) -> AnyView {
    table("Events", &COLUMNS, rows.iter().map(|row| row.view(context)).collect())
}

/// The same, with a heading for each day.
fn by_day(rows: &[Row], context: &Context) -> AnyView {
    let mut shown = Vec::with_capacity(rows.len() + 4);
    let mut last = String::new();
    for row in rows {
        let day = day(row.received_at);
        if day != last {
            last.clone_from(&day);
            shown.push(view! { <tr data-day=""><td colspan="7">{day}</td></tr> }.into_any());
        }
        shown.push(row.view(context));
    }
    table("Events", &COLUMNS, shown)
}

/// Statuses to choose from: the address's word, and ours.
const STATUSES: [(&str, &str); 8] = [
    ("failed", "Failed"),
    ("unattributed", "Unattributed"),
    ("pending", "Pending"),
    ("processing", "Processing"),
    ("processed", "Processed"),
    ("ignored", "Ignored"),
    ("dead", "Failed, gave up"),
    ("rejected", "Refused at the door"),
];

fn status_words(status: &str) -> &str {
    STATUSES.iter().find(|(word, _)| *word == status).map_or(status, |(_, words)| words)
}

impl Row {
    fn view(&self, context: &Context) -> AnyView {
        let href = format!("/admin/events/{}", segment(&self.event_id));
        let fetched = self.fetched.then(|| view! { <small>"fetched, not delivered"</small> });
        let waits = !matches!(self.status, EventStatus::Processed | EventStatus::Ignored | EventStatus::Dead);
        let next = self.next_attempt_at.filter(|_| waits && self.attempts > 0);
        let next = next.map(|at| view! { <small>"next try "{time(at, context.now)}</small> });
        view! {
            <tr>
                <td class="nowrap">{time(self.received_at, context.now)}</td>
                <th scope="row"><a href=href title=self.event_id.clone()>{dotted(&self.kind)}</a></th>
                <td>{event_chip(self.status)}{next}{fetched}</td>
                <td>{customer_link(self.customer_id.as_deref(), self.user_id.as_deref())}</td>
                <td class="wide">{self.effect.clone()}</td>
                <td class="num">{self.attempts}</td>
                <td class="num nowrap">{self.lag.map(length)}</td>
            </tr>
        }
        .into_any()
    }
}

impl Rejected {
    pub(super) fn title(&self) -> String {
        "Refused deliveries".into()
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let filter = Filter { status: "rejected".into(), ..Filter::default() };
        let rows = if self.rows.is_empty() {
            empty(
                "No delivery was refused",
                view! { <p>"Deliveries whose signature does not fit are listed here, without their content."</p> },
            )
        } else {
            let rows = self.rows.iter().map(|row| row.view(context)).collect();
            view! {
                {list_card("Refused deliveries", &[Column::new("Received", 7), Column::new("Check", 14), Column::new("What to do", 14), Column::new("Tried secrets", 8), Column::new("Signature header", 12), Column::of_numbers("Size", 6)], rows)}
                {self.pages.view(("refused delivery", "refused deliveries"))}
            }
            .into_any()
        };
        view! {
            {page_head(self.title(), ())}
            <p class="muted">"Of both modes: a body whose signature does not fit is not read. The newest 1,000 are kept."</p>
            {filter.form()}
            {rows}
        }
        .into_any()
    }
}

impl Refusal {
    fn view(&self, context: &Context) -> AnyView {
        let tried = if self.tried.is_empty() { "none".to_owned() } else { self.tried.join(", ") };
        view! {
            <tr>
                <th scope="row" class="nowrap">{time(self.received_at, context.now)}</th>
                <td><code>{self.check.clone()}</code></td>
                <td class="wide">{self.message.clone()}</td>
                <td>{tried}</td>
                <td class="mono wrap-any wide">{self.signature_header.clone().unwrap_or_else(|| "none".into())}</td>
                <td class="num nowrap">{bytes(self.size)}</td>
            </tr>
        }
        .into_any()
    }
}
