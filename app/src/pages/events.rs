//! The webhook log: what came, and what became of it; and what was refused at the door.

use domain::Timestamp;
use domain::event::EventStatus;
use domain::role::Role;
use leptos::prelude::*;
use url::form_urlencoded::byte_serialize;

use super::missed::Missed;
use crate::components::{
    action_button, address, empty, event_chip, id, list_card, news_link, page_head, pager, saved_filters, table, time,
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
    /// Where the rows behind these begin: a receipt number.
    pub next: Option<i64>,
    /// What was never delivered.
    pub missed: Missed,
}

/// How far back the log is shown: the address's word and the words of the choice.
pub const SPANS: [(&str, &str); 4] = [("1h", "1 hour"), ("24h", "24 hours"), ("7d", "7 days"), ("30d", "30 days")];

/// Which events, as typed.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// A status's word; `failed` includes those given up.
    pub status: String,
    /// A type, or a prefix ending in `*`.
    pub kind: String,
    /// An event's, object's or customer's id.
    pub id: String,
    /// One of [`SPANS`]' words.
    pub since: String,
    /// The payload's API version.
    pub version: String,
    /// What the error holds.
    pub error: String,
    /// Only those that were fetched since they had not been delivered.
    pub fetched: bool,
    /// Whether these are the rows behind others.
    pub paged: bool,
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
    /// Whether it was fetched, and never delivered.
    pub fetched: bool,
}

/// Deliveries that were refused, of both modes: a refused body is not read.
#[derive(Clone, Debug)]
pub struct Rejected {
    /// Newest first.
    pub rows: Vec<Refusal>,
    /// Whether these are the rows behind others.
    pub paged: bool,
    /// Where the rows behind these begin: the last one's number.
    pub next: Option<i64>,
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
    fn fields(&self) -> [(&'static str, &str); 7] {
        [
            ("origin", if self.fetched { "fetched" } else { "" }),
            ("status", &self.status),
            ("type", &self.kind),
            ("q", &self.id),
            ("since", &self.since),
            ("version", &self.version),
            ("error", &self.error),
        ]
    }

    fn is_empty(&self) -> bool {
        self.fields().iter().all(|(_, value)| value.is_empty())
    }

    fn href(&self, after: Option<i64>) -> String {
        let after = after.map_or_else(String::new, |after| after.to_string());
        let fields = self.fields();
        address("/admin/events", &[&fields[..], &[("after", after.as_str())]].concat())
    }

    fn pager(&self, next: Option<i64>) -> AnyView {
        pager(self.paged.then(|| self.href(None)), next.map(|after| self.href(Some(after))))
    }

    fn form(&self) -> AnyView {
        let options: Vec<_> = [
            ("", "All"),
            ("failed", "Failed"),
            ("unattributed", "Unattributed"),
            ("pending", "Pending"),
            ("processing", "Processing"),
            ("processed", "Processed"),
            ("ignored", "Ignored"),
            ("dead", "Failed, gave up"),
            ("rejected", "Refused at the door"),
        ]
        .into_iter()
        .map(|(value, words)| view! { <option value=value selected=self.status == value>{words}</option> })
        .collect();
        let spans: Vec<_> = [("", "any time")]
            .into_iter()
            .chain(SPANS)
            .map(|(value, words)| view! { <option value=value selected=self.since == value>{words}</option> })
            .collect();
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
                <button type="submit" class="btn">"Filter"</button>
                {(!self.is_empty()).then(|| view! { <a class="btn link" href="/admin/events">"Clear filters"</a> })}
            </form>
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
        let replay = (!self.filter.is_empty() && !self.rows.is_empty()).then(|| {
            let href = address("/admin/replays/new", &self.filter.fields());
            view! { <a class="btn" href=href>"Replay these …"</a> }
        });
        let news = (!self.filter.paged).then(|| news_link(self.filter.href(None), !self.filter.is_empty()));
        let rows = if self.rows.is_empty() {
            self.nothing(context)
        } else {
            view! {
                <div class="card">{rows_table(&self.rows, context)}</div>
                {self.filter.pager(self.next)}
            }
            .into_any()
        };
        view! {
            {page_head(self.title(), (news, replay, again))}
            {without_key(context)}
            {self.filter.form()}
            {saved_filters(context)}
            {rows}
            {(!self.filter.paged).then(|| self.missed.card(context))}
        }
        .into_any()
    }

    fn nothing(&self, context: &Context) -> AnyView {
        if self.ever {
            let all_well = self.filter.fields().iter().all(|(name, value)| *name == "status" || value.is_empty())
                && self.filter.status == "failed";
            let heading = if all_well { "No event has failed" } else { "No events match" };
            return empty(heading, view! { <p><a class="btn" href="/admin/events">"Clear filters"</a></p> });
        }
        let listen = format!("stripe listen --forward-to {}", context.webhook_url);
        let body = view! {
            <p>"Add this endpoint in Stripe, under Developers, Webhooks:"</p>
            <p>{id(&context.webhook_url, "webhook URL")}</p>
            <p>"Or, on your own machine, let Stripe's command line forward events:"</p>
            <pre class="code"><code>{listen}</code></pre>
            <p><a href="/admin/validator">"Check the set-up"</a>" · "<a href="/admin/events?status=rejected">"Refused deliveries"</a></p>
        };
        empty(format!("No event has come in {} mode yet", context.livemode.as_str()), body)
    }
}

/// The table of events, of all or of one customer.
pub(super) fn rows_table(rows: &[Row], context: &Context) -> AnyView {
    let rows = rows.iter().map(|row| row.view(context)).collect();
    table("Events", &["Type", "Received", "Status", "Customer", "Note"], rows)
}

impl Row {
    fn view(&self, context: &Context) -> AnyView {
        let href = format!("/admin/events/{}", segment(&self.event_id));
        let fetched = self.fetched.then(|| view! { <small>"fetched, not delivered"</small> });
        let tries = (self.attempts > 1).then(|| view! { <small>{format!("{} attempts", self.attempts)}</small> });
        view! {
            <tr>
                <th scope="row" class="nowrap"><a href=href title=self.event_id.clone()>{self.kind.clone()}</a></th>
                <td class="nowrap">{time(self.received_at, context.now)}</td>
                <td>{event_chip(self.status)}{tries}{fetched}</td>
                <td>{customer_link(self.customer_id.as_deref(), self.user_id.as_deref())}</td>
                <td class="wide">{self.effect.clone()}</td>
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
        let filter = Filter { status: "rejected".into(), paged: self.paged, ..Filter::default() };
        let rows = if self.rows.is_empty() {
            let heading = if self.paged { "Nothing further" } else { "No delivery was refused" };
            empty(
                heading,
                view! { <p>"Deliveries whose signature does not fit are listed here, without their content."</p> },
            )
        } else {
            let rows = self.rows.iter().map(|row| row.view(context)).collect();
            view! {
                {list_card("Refused deliveries", &["Received", "Check", "What to do", "Tried secrets", "Signature header", "Size"], rows)}
                {filter.pager(self.next)}
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
