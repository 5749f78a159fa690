//! Is anything broken, and for whom?

use domain::Timestamp;
use domain::event::EventStatus;
use leptos::prelude::*;

use crate::components::{actor, card, did, empty, page_head, shortened, table, time, time_or};
use crate::context::Context;

/// `/admin`
#[derive(Clone, Debug)]
pub struct View {
    /// What a person should look at, the most affected first.
    pub attention: Vec<Attention>,
    /// Events of the last 24 hours by status.
    pub events: Vec<(EventStatus, i64)>,
    /// The newest receipt.
    pub last_event_at: Option<Timestamp>,
    /// What the staff did last.
    pub actions: Vec<Action>,
    /// Steps of the set-up, done or not; empty when all are done.
    pub steps: Vec<(bool, String, String)>,
}

/// Something to look at.
#[derive(Clone, Debug)]
pub struct Attention {
    /// In a sentence.
    pub sentence: String,
    /// How many customers it touches.
    pub customers: i64,
    /// Where it is mended.
    pub href: String,
    /// The button's words.
    pub label: String,
}

/// An entry of the audit log.
#[derive(Clone, Debug)]
pub struct Action {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What, such as `mapping.put`.
    pub action: String,
    /// The id of what it was done to.
    pub object: String,
    /// Why.
    pub reason: Option<String>,
}

impl View {
    pub(super) fn title(&self) -> String {
        match self.attention.len() {
            0 => "All clear · Overview".into(),
            n => format!("{n} to look at · Overview"),
        }
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        view! {
            {page_head("Overview", ())}
            {self.stats(context)}
            {self.steps_card()}
            {self.attention_card(context)}
            {self.actions_card(context)}
        }
        .into_any()
    }

    fn stats(&self, context: &Context) -> AnyView {
        let of = |wanted: EventStatus| {
            self.events.iter().find(|(status, _)| *status == wanted).map_or(0, |(_, number)| *number)
        };
        let all: i64 = self.events.iter().map(|(_, number)| number).sum();
        let failed = of(EventStatus::Failed) + of(EventStatus::Dead);
        let tone = if failed > 0 { "bad" } else { "ok" };
        let waiting = of(EventStatus::Pending) + of(EventStatus::Processing);
        view! {
            <dl class="stats">
                <div class="stat"><dt>"Last event"</dt><dd>{time_or(self.last_event_at, context.now, "none yet")}</dd></div>
                <div class="stat"><dt>"Events, 24 h"</dt><dd><a href="/admin/events">{all}</a></dd></div>
                <div class="stat" data-tone=tone>
                    <dt>"Failed, 24 h"</dt><dd><a href="/admin/events?status=failed">{failed}</a></dd>
                </div>
                <div class="stat"><dt>"Waiting"</dt><dd><a href="/admin/events?status=pending">{waiting}</a></dd></div>
            </dl>
        }
        .into_any()
    }

    fn steps_card(&self) -> AnyView {
        if self.steps.is_empty() {
            return ().into_any();
        }
        let steps: Vec<_> = self
            .steps
            .iter()
            .map(|(done, words, href)| {
                let mark = if *done { "Done: " } else { "To do: " };
                let tone = if *done { "ok" } else { "warn" };
                view! { <li data-tone=tone><span class="chip" data-tone=tone>{mark}</span>" "<a href=href.clone()>{words.clone()}</a></li> }
            })
            .collect();
        card("Getting started", (), view! { <div class="pad"><ul class="stack tight">{steps}</ul></div> })
    }

    fn attention_card(&self, context: &Context) -> AnyView {
        if self.attention.is_empty() {
            return empty(
                "All clear",
                view! { <p>"Nothing needs a person. Last looked " {time(context.now, context.now)} "."</p> },
            );
        }
        let rows = self
            .attention
            .iter()
            .map(|row| {
                view! {
                    <tr>
                        <th scope="row">{row.sentence.clone()}</th>
                        <td class="num">{row.customers}</td>
                        <td><a class="btn sm" href=row.href.clone()>{row.label.clone()}</a></td>
                    </tr>
                }
                .into_any()
            })
            .collect();
        card("Needs attention", (), table("Needs attention", &["What", "Customers", "Fix"], rows))
    }

    fn actions_card(&self, context: &Context) -> AnyView {
        if self.actions.is_empty() {
            return ().into_any();
        }
        let rows = self
            .actions
            .iter()
            .map(|row| {
                view! {
                    <tr>
                        <td class="nowrap">{time(row.at, context.now)}</td>
                        <th scope="row">{did(&row.action)} " " <span class="mono" title=row.object.clone()>{shortened(&row.object)}</span></th>
                        <td>{actor(&row.actor)}</td>
                        <td class="wide">{row.reason.clone().unwrap_or_default()}</td>
                    </tr>
                }
                .into_any()
            })
            .collect();
        card("Recent changes", (), table("Recent changes", &["When", "What", "By", "Reason"], rows))
    }
}
