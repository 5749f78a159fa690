//! Replays: many events processed again. The list, the plan of a new one, and one with what came of its events.

use domain::Timestamp;
use domain::event::EventStatus;
use domain::role::Role;
use leptos::prelude::*;

use super::events::{customer_link, segment};
use super::job::{Progress, State, begun, buttons, cells};
use crate::components::{
    Column, Pages, Tone, card, chip, crumbs, csrf, empty, error_summary, event_chip, field, filter_chips, hidden, job,
    list_card, page_head, reason_field, submit, time,
};
use crate::context::Context;

/// `/admin/replays`
#[derive(Clone, Debug)]
pub struct View {
    /// The newest first.
    pub rows: Vec<Row>,
    /// The pages around this one.
    pub pages: Pages,
}

/// A replay in the list.
#[derive(Clone, Debug)]
pub struct Row {
    /// `rpl_…`
    pub id: String,
    /// Which events, in words.
    pub what: String,
    /// Received at or after.
    pub since: Option<Timestamp>,
    /// Whether nothing is kept of it.
    pub is_dry_run: bool,
    /// How far it is.
    pub state: State,
    /// What came of its events, in figures.
    pub result: String,
    /// Who began it.
    pub created_by: String,
    /// When. What was received later is not in it.
    pub created_at: Timestamp,
    /// When it was over.
    pub finished_at: Option<Timestamp>,
}

/// `/admin/replays/new`
#[derive(Clone, Debug)]
pub struct New {
    /// What one most likely wants: words, address, and whether it is this one.
    pub presets: Vec<(String, String, bool)>,
    /// The plan; or what cannot be understood.
    pub planned: Result<Plan, String>,
    /// Events a second, unless somebody chooses otherwise.
    pub rate: i64,
    /// The most that may be chosen.
    pub fastest: i64,
}

/// What a replay would be about.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Which events, in words.
    pub what: String,
    /// Received at or after.
    pub since: Option<Timestamp>,
    /// The event log with these events.
    pub log: String,
    /// How many match; counted no further than 10,000.
    pub matched: i64,
    /// The same in words.
    pub events: String,
    /// How many are in line already.
    pub in_line: String,
    /// Events whose payload is not kept any more; none when there are none.
    pub removed: Option<String>,
    /// How many customers they are about.
    pub customers: String,
    /// Receipt of the oldest that was counted, and of the newest.
    pub received: Option<(Timestamp, Timestamp)>,
    /// Whether there are more than were counted.
    pub is_capped: bool,
    /// How long it takes at the usual rate, in words.
    pub lasts: String,
    /// What the form sends back: the fields of the filter.
    pub fields: Vec<(&'static str, String)>,
}

/// `/admin/replays/{id}`
#[derive(Clone, Debug)]
pub struct One {
    /// What it is.
    pub row: Row,
    /// Why.
    pub reason: Option<String>,
    /// What it does now, or came to, in a sentence.
    pub sentence: String,
    /// How far it is, while it runs.
    pub progress: Option<Progress>,
    /// What `/admin/live` is to tell of while it goes on.
    pub topic: Option<String>,
    /// What may be done with it: word of the change, and of the button.
    pub changes: Vec<(&'static str, &'static str)>,
    /// Where the same events are planned anew, with the link's words; once it is over.
    pub again: Option<(&'static str, String)>,
    /// How many events came to what: words, address, and whether these are shown.
    pub outcomes: Vec<(String, String, bool)>,
    /// Why those that are shown came to that: the note, how many, address, and whether only these are shown.
    pub notes: Vec<(String, String, String, bool)>,
    /// The events that are shown.
    pub events: Vec<Event>,
    /// The pages around these.
    pub pages: Pages,
}

/// An event of a replay.
#[derive(Clone, Debug)]
pub struct Event {
    /// `evt_…`
    pub id: String,
    /// Stripe's type.
    pub kind: String,
    /// `cus_…`
    pub customer_id: Option<String>,
    /// Its status when it was found.
    pub before: EventStatus,
    /// Its status now.
    pub now: EventStatus,
    /// Why it failed or was skipped.
    pub note: Option<String>,
    /// Of a dry run: what would change.
    pub changes: Vec<String>,
}

fn dry_run(is_dry_run: bool) -> Option<AnyView> {
    is_dry_run.then(|| chip(Tone::Violet, "Dry run"))
}

impl View {
    pub(super) fn title(&self) -> String {
        "Replays".into()
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let rows: Vec<_> = self.rows.iter().map(|row| row.view(context)).collect();
        let new = view! { <a class="btn primary" href="/admin/replays/new">"Plan a replay"</a> };
        let list = if rows.is_empty() {
            let what = "A replay processes many events again, such as all that failed while something was wrong. You see what it is about before it begins.";
            empty("Nothing was replayed yet", view! { <p>{what}</p> })
        } else {
            view! {
                {list_card("Replays", &[("Events", 14), ("State", 9), ("Result", 14), ("By", 10), ("Begun", 7), ("Ended", 7)], rows)}
                {self.pages.view(("replay", "replays"))}
            }
            .into_any()
        };
        view! { {page_head("Replays", new)}{error_summary(context)}{list} }.into_any()
    }
}

impl Row {
    fn view(&self, context: &Context) -> AnyView {
        let href = format!("/admin/replays/{}", self.id);
        let since = self.since.map(|since| view! { <small>"since "{time(since, context.now)}</small> });
        view! {
            <tr>
                <th scope="row"><a href=href>{self.what.clone()}</a>{since}</th>
                <td>{self.state.chip()}" "{dry_run(self.is_dry_run)}</td>
                <td>{self.result.clone()}</td>
                {cells(context, &self.created_by, self.created_at, self.finished_at)}
            </tr>
        }
        .into_any()
    }
}

impl New {
    pub(super) fn title(&self) -> String {
        match &self.planned {
            Ok(plan) => format!("{} · Plan a replay", plan.events),
            Err(_) => "Plan a replay".into(),
        }
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let plan = match &self.planned {
            Ok(plan) if plan.matched == 0 => empty(
                "No event matches",
                view! { <p>{format!("{}: there is none.", plan.what)}</p><p><a href="/admin/events">"Choose from all events"</a></p> },
            ),
            Ok(plan) => self.plan(plan, context),
            Err(why) => empty(why.clone(), view! { <p><a href="/admin/events">"Choose from all events"</a></p> }),
        };
        view! {
            {crumbs(&[("Replays", "/admin/replays".into())], "Plan a replay")}
            {page_head("Plan a replay", ())}
            {error_summary(context)}
            {filter_chips("Events", self.presets.clone())}
            {plan}
        }
        .into_any()
    }

    fn plan(&self, plan: &Plan, context: &Context) -> AnyView {
        let received = plan.received.map(|(oldest, newest)| {
            let before = plan.is_capped.then_some("before ");
            let to = (oldest != newest).then(|| view! { " to "{time(newest, context.now)} });
            view! { <dt>"Received"</dt><dd>{before}{time(oldest, context.now)}{to}</dd> }
        });
        let since = plan.since.map(|since| view! { <dt>"Since"</dt><dd>{time(since, context.now)}</dd> });
        let more = if plan.is_capped { "; more than 10,000 take longer" } else { "" };
        let facts = view! {
            <dl class="kv pad">
                {since}
                <dt>"Matched"</dt><dd>{plan.events.clone()}</dd>
                <dt>"Skipped"</dt><dd>{plan.in_line.clone()}" are in line already"</dd>
                {plan.removed.clone().map(|removed| view! {
                    <dt>"Cannot be replayed"</dt><dd>{removed}" have no payload any more: resync their customers instead"</dd>
                })}
                <dt>"Customers"</dt><dd>{plan.customers.clone()}</dd>
                {received}
                <dt>"Takes"</dt><dd>{format!("about {} at {} events a second{more}", plan.lasts, self.rate)}</dd>
            </dl>
        };
        let fields: Vec<_> = plan.fields.iter().map(|(name, value)| hidden(name, value.clone())).collect();
        let rate = self.rate.to_string();
        let most = format!("Events a second, at most {}", self.fastest);
        let is_dry = context.typed("dry_run").is_some();
        let form = view! {
            <form method="post" action="/admin/replays" class="form pad">
                {csrf(context)}
                {fields}
                {field(context, "rate", most, "number", &rate, "Slower leaves more room for what Stripe delivers meanwhile.", true)}
                <div class="field check">
                    <input id="dry_run" type="checkbox" name="dry_run" value="true" checked=is_dry />
                    <label for="dry_run">"Dry run: try every event and keep nothing of it"</label>
                </div>
                {reason_field(context, true)}
                <p class="muted">
                    "Uses today's mappings and catalog. Runs behind live traffic. What a later attempt has processed by then is skipped, and what Stripe delivers from now on is not in it."
                </p>
                <div class="actions">{submit(context, "Start the replay", "btn primary", Role::Admin)}</div>
            </form>
        };
        let log = view! { <a class="btn sm" href=plan.log.clone()>"See them in the event log"</a> };
        view! {
            <h2 class="wrap-any">{plan.what.clone()}</h2>
            <div class="grid-2">{card("Plan", log, facts)}{card("Start", (), form)}</div>
        }
        .into_any()
    }
}

impl One {
    pub(super) fn title(&self) -> String {
        format!("{} · {} · Replay", self.row.state.word, self.row.what)
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let row = &self.row;
        let path = format!("/admin/replays/{}", row.id);
        let again = self
            .again
            .clone()
            .map(|(words, href)| view! { <div class="row"><a class="btn" href=href>{words}</a></div> });
        let steer = match self.changes.as_slice() {
            [] => again.into_any(),
            changes => buttons(context, &path, changes, self.topic.is_none()),
        };
        let since = row.since.map(|since| view! { "It is about events received since "{time(since, context.now)}". " });
        let bound = view! { <p class="muted">{since}"What came after it began is not in it."</p> };
        view! {
            {crumbs(&[("Replays", "/admin/replays".into())], &row.what)}
            {page_head(row.what.clone(), (row.state.chip(), dry_run(row.is_dry_run)))}
            {self.how_far()}
            {steer}
            <div class="stack tight">{begun(context, row.created_at, &row.created_by, self.reason.as_ref())}{bound}</div>
            {filter_chips("Events by outcome", self.outcomes.clone())}
            {self.reasons()}
            {self.list()}
        }
        .into_any()
    }

    /// What it does, and how much of it is done.
    fn how_far(&self) -> AnyView {
        let what = "Events processed again";
        match &self.progress {
            Some(Progress { done, all, words }) => view! {
                <p>{self.sentence.clone()}</p>
                {job(self.topic.clone(), words, Some((*done, *all)), what)}
            }
            .into_any(),
            None => job(self.topic.clone(), &self.sentence, None, what),
        }
    }

    /// Why events failed or were skipped, each a link to those.
    fn reasons(&self) -> Option<AnyView> {
        if self.notes.is_empty() {
            return None;
        }
        let notes: Vec<_> = self
            .notes
            .iter()
            .map(|(note, number, href, chosen)| {
                view! {
                    <tr>
                        <th scope="row" class="wide"><a href=href.clone() aria-current=chosen.then_some("true")>{note.clone()}</a></th>
                        <td class="num nowrap">{number.clone()}</td>
                    </tr>
                }
                .into_any()
            })
            .collect();
        Some(list_card("Why", &[Column::new("Why", 28), Column::of_numbers("Events", 6)], notes))
    }

    fn list(&self) -> AnyView {
        if self.events.is_empty() {
            return view! { <p class="muted">"No event came to this."</p> }.into_any();
        }
        let rows = self.events.iter().map(Event::view).collect();
        let last = if self.row.is_dry_run { "What would change" } else { "Note" };
        view! {
            {list_card("Events", &[("Event", 16), ("Customer", 10), ("Before", 10), ("Now", 10), (last, 14)], rows)}
            {self.pages.view(("event", "events"))}
        }
        .into_any()
    }
}

impl Event {
    fn view(&self) -> AnyView {
        let href = format!("/admin/events/{}", segment(&self.id));
        let changes: Vec<_> = self.changes.iter().map(|change| view! { <li>{change.clone()}</li> }).collect();
        let changes = (!changes.is_empty()).then(|| view! { <ul>{changes}</ul> });
        view! {
            <tr>
                <th scope="row" class="nowrap"><a href=href title=self.id.clone()>{self.kind.clone()}</a></th>
                <td>{customer_link(self.customer_id.as_deref(), None)}</td>
                <td>{event_chip(self.before)}</td>
                <td>{event_chip(self.now)}</td>
                <td class="wide">{self.note.clone()}{changes}</td>
            </tr>
        }
        .into_any()
    }
}
