//! Who did what, and why.

use domain::{Livemode, Timestamp};
use leptos::prelude::*;

use super::events::segment;
use crate::components::{
    DID, Pages, Tone, actor, address, card, chip, crumbs, did, empty, filter_chips, id, list_card, page_head,
    saved_filters, shortened, time,
};
use crate::context::Context;

/// `/admin/audit`
#[derive(Clone, Debug)]
pub struct View {
    /// What narrows the list.
    pub filter: Filter,
    /// The day that the log begins at when nobody says otherwise.
    pub lately: String,
    /// What is wrong with the filter, when something is.
    pub fault: Option<String>,
    /// Newest first.
    pub rows: Vec<Row>,
    /// The pages around this one, and the whole as a file.
    pub pages: Pages,
}

/// The filter's fields as they were filled in.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// An e-mail address of staff, an API key's id, `cli` or `system`.
    pub who: String,
    /// An action, such as `mapping.put`.
    pub action: String,
    /// An object's id.
    pub object: String,
    /// The first day, as `2026-11-03`; `all`: since the beginning.
    pub from: String,
    /// The last day.
    pub to: String,
}

/// An entry.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its number.
    pub number: i64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// To which kind of thing.
    pub kind: String,
    /// To which.
    pub object: String,
    /// Why.
    pub reason: Option<String>,
    /// The person's role then, or the scope of the key.
    pub role: Option<String>,
    /// The address it was asked from.
    pub address: Option<String>,
    /// The request.
    pub request_id: Option<String>,
    /// The mode, where there is one.
    pub livemode: Option<Livemode>,
}

/// `/admin/audit/{id}`
#[derive(Clone, Debug)]
pub struct Entry {
    /// The entry.
    pub row: Row,
    /// What was changed.
    pub changes: Vec<Change>,
    /// What else was noted: name and value.
    pub notes: Vec<(String, String)>,
}

/// One field before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its name.
    pub field: String,
    /// Before; none: it was not there.
    pub before: Option<String>,
    /// After; none: it is not there any more.
    pub after: Option<String>,
}

impl Filter {
    /// Every field with its name in the address.
    #[must_use]
    pub fn fields(&self) -> [(&'static str, &str); 5] {
        [("who", &self.who), ("action", &self.action), ("object", &self.object), ("from", &self.from), ("to", &self.to)]
    }

    fn href(&self) -> String {
        address("/admin/audit", &self.fields())
    }

    fn form(&self) -> AnyView {
        let actions: Vec<_> = DID
            .iter()
            .map(|(action, words)| view! { <option value=*action selected=self.action == *action>{*words}</option> })
            .collect();
        let from = if self.from == "all" { String::new() } else { self.from.clone() };
        view! {
            <form class="filters" action="/admin/audit">
                <div class="field grow">
                    <label for="who">"Who"</label>
                    <input id="who" type="text" name="who" value=self.who.clone() placeholder="E-mail, key_, cli or system" autocomplete="off" />
                </div>
                <div class="field"><label for="action">"Did what"</label><select id="action" name="action"><option value="">"anything"</option>{actions}</select></div>
                <div class="field grow">
                    <label for="object">"To what"</label>
                    <input id="object" type="text" name="object" value=self.object.clone() placeholder="cus_, user id, price_ …" autocomplete="off" />
                </div>
                <div class="field"><label for="from">"From (UTC)"</label><input id="from" name="from" type="date" value=from /></div>
                <div class="field"><label for="to">"To"</label><input id="to" name="to" type="date" value=self.to.clone() /></div>
                <button type="submit" class="btn">"Filter"</button>
            </form>
        }
        .into_any()
    }
}

impl View {
    pub(super) fn title(&self) -> String {
        "Audit log".into()
    }

    /// Of which time: a log grows for ever, and what one looks for is mostly new.
    fn spans(&self) -> AnyView {
        let span = |words: &str, from: &str| {
            let chosen = self.filter.from == from && self.filter.to.is_empty();
            let span = Filter { from: from.to_owned(), to: String::new(), ..self.filter.clone() };
            (words.to_owned(), span.href(), chosen)
        };
        filter_chips("Time", vec![span("Last 30 days", &self.lately), span("Any time", "all")])
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let fault = self.fault.clone().map(|fault| view! { <p class="error" role="alert">{fault}</p> });
        let list = if self.rows.is_empty() {
            let all = Filter { from: "all".into(), ..Filter::default() };
            let since = if self.filter.from == self.lately { " of the last 30 days" } else { "" };
            empty(
                "Nothing was done",
                view! {
                    <p>{format!("No change{since} in this mode fits the filter.")}</p>
                    <p><a class="btn" href=all.href()>"Show everything"</a></p>
                },
            )
        } else {
            let rows = self.rows.iter().map(|row| line(row, context)).collect();
            list_card("Audit log", &[("When", 7), ("What", 14), ("Object", 13), ("By", 13), ("Reason", 14)], rows)
        };
        view! {
            {page_head("Audit log", ())}
            {self.filter.form()}
            {self.spans()}
            {saved_filters(context)}
            {fault}
            {list}
            {self.pages.view(("entry", "entries"))}
        }
        .into_any()
    }
}

fn line(row: &Row, context: &Context) -> AnyView {
    view! {
        <tr>
            <td class="nowrap">{time(row.at, context.now)}</td>
            <th scope="row"><a href=format!("/admin/audit/{}", row.number)>{did(&row.action)}</a></th>
            <td>{object(row)}</td>
            <td>{actor(&row.actor)}</td>
            <td class="wide">{row.reason.clone().unwrap_or_default()}</td>
        </tr>
    }
    .into_any()
}

/// The object with a link to its page.
fn object(row: &Row) -> AnyView {
    let (text, words) = (row.object.clone(), shortened(&row.object));
    match page_of(&row.kind, &row.object) {
        Some(href) => view! { <a class="mono" href=href title=text>{words}</a> }.into_any(),
        None if row.object == "*" => view! { <span class="muted">"all"</span> }.into_any(),
        None => view! { <span class="mono" title=text>{words}</span> }.into_any(),
    }
}

/// Where an object of the audit log stands; none where it has no page.
fn page_of(kind: &str, id: &str) -> Option<String> {
    let id = segment(id);
    match kind {
        _ if id == "*" => None,
        "customer" | "user" => Some(format!("/admin/customers/{id}")),
        "event" => Some(format!("/admin/events/{id}")),
        "price" => Some(format!("/admin/catalog/prices/{id}")),
        "product" => Some(format!("/admin/catalog/products/{id}")),
        "resync" => Some(format!("/admin/resyncs/{id}")),
        "replay" => Some(format!("/admin/replays/{id}")),
        "feature" => Some(format!("/admin/features/{id}")),
        "api_key" => Some(format!("/admin/api-keys/{id}")),
        "person" => Some(format!("/admin/customers/{id}")),
        "retention" => Some("/admin/system".into()),
        "staff" => Some("/admin/staff".into()),
        "webhook_endpoint" => Some("/admin/validator".into()),
        _ => None,
    }
}

impl Entry {
    pub(super) fn title(&self) -> String {
        format!("{} · Audit log", did(&self.row.action))
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let row = &self.row;
        let mode = match row.livemode {
            Some(mode) => chip(if mode.is_live() { Tone::Ok } else { Tone::Warn }, mode.as_str().to_uppercase()),
            None => "both modes".into_any(),
        };
        let same = Filter { object: row.object.clone(), from: "all".into(), ..Filter::default() };
        let facts = view! {
            <dl class="kv pad">
                <dt>"When"</dt><dd>{time(row.at, context.now)} " · " {row.at.to_string()}</dd>
                <dt>"By"</dt><dd>{actor(&row.actor)}</dd>
                {row.role.clone().map(|role| view! { <dt>"As"</dt><dd>{role}</dd> })}
                {row.address.clone().map(|address| view! { <dt>"From"</dt><dd class="mono">{address}</dd> })}
                {row.request_id.clone().map(|request| view! { <dt>"Request"</dt><dd>{id(&request, "request id")}</dd> })}
                <dt>"Object"</dt><dd>{object(row)} " " <span class="muted">{row.kind.replace('_', " ")}</span></dd>
                <dt>"Reason"</dt><dd>{row.reason.clone().unwrap_or_else(|| "none was given".into())}</dd>
                <dt>"Mode"</dt><dd>{mode}</dd>
                <dt>"Entry"</dt><dd>{id(&row.number.to_string(), "number of the entry")}</dd>
            </dl>
        };
        view! {
            {crumbs(&[("Audit log", "/admin/audit".into())], &row.number.to_string())}
            {page_head(did(&row.action), ())}
            {card("Entry", view! { <a class="btn sm" href=same.href()>"All about this object"</a> }, facts)}
            {self.changes_card()}
            {self.notes_card()}
        }
        .into_any()
    }

    fn changes_card(&self) -> AnyView {
        if self.changes.is_empty() {
            return ().into_any();
        }
        let changes: Vec<_> = self
            .changes
            .iter()
            .map(|change| {
                let before = change.before.clone().map(|before| view! { <p><del>{before}</del></p> });
                let after = change.after.clone().map(|after| view! { <p><ins>{after}</ins></p> });
                view! { <dt>{change.field.clone()}</dt><dd class="diff">{before}{after}</dd> }
            })
            .collect();
        card("Before and after", (), view! { <dl class="kv pad">{changes}</dl> })
    }

    fn notes_card(&self) -> AnyView {
        if self.notes.is_empty() {
            return ().into_any();
        }
        let notes: Vec<_> =
            self.notes.iter().cloned().map(|(name, value)| view! { <dt>{name}</dt><dd>{value}</dd> }).collect();
        card("Noted with it", (), view! { <dl class="kv pad">{notes}</dl> })
    }
}
