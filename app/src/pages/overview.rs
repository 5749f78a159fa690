//! Is anything broken, and for whom?

use domain::Timestamp;
use domain::role::Role;
use leptos::prelude::*;

use crate::components::{
    Chart, Column, Tone, actor, card, chip, csrf, did, empty, hidden, page_head, shortened, submit, table, time,
};
use crate::context::Context;

/// `/admin`
#[derive(Clone, Debug)]
pub struct View {
    /// How things are, in figures.
    pub status: Vec<Figure>,
    /// What a person should look at, who touches most first.
    pub attention: Vec<Attention>,
    /// What could not be looked at, a sentence each: the rest of the page is there all the same.
    pub unknown: Vec<String>,
    /// What happened in the last hours and will in the next days.
    pub charts: Vec<Chart>,
    /// What was changed last in this mode.
    pub actions: Vec<Action>,
    /// Steps of the set-up; empty when all are done, or somebody had enough of them.
    pub steps: Vec<Step>,
}

/// A figure of the status line.
#[derive(Clone, Debug)]
pub struct Figure {
    /// What it is.
    pub name: &'static str,
    /// The figure.
    pub value: Value,
    /// Whether it is as it should be.
    pub tone: Tone,
    /// What stands behind it.
    pub href: &'static str,
}

/// What a figure says.
#[derive(Clone, Debug)]
pub enum Value {
    /// A moment.
    At(Timestamp),
    /// Anything else.
    Words(String),
}

/// A step of the set-up.
#[derive(Clone, Debug)]
pub struct Step {
    /// Whether it is done.
    pub done: bool,
    /// What to do.
    pub words: &'static str,
    /// Where.
    pub href: &'static str,
}

/// Something to look at.
#[derive(Clone, Debug)]
pub struct Attention {
    /// In a sentence.
    pub sentence: String,
    /// How many customers it touches; none: everybody.
    pub customers: Option<i64>,
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
        match (self.attention.len(), self.unknown.is_empty()) {
            (0, true) => "All clear · Overview".into(),
            (0, false) => "Not everything is known · Overview".into(),
            (n, _) => format!("{n} to look at · Overview"),
        }
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let charts: Vec<_> = self.charts.iter().map(Chart::view).collect();
        view! {
            {page_head("Overview", ())}
            {self.status(context)}
            {self.steps_card(context)}
            {self.unknown()}
            {self.attention_card(context)}
            {(!charts.is_empty()).then(|| view! { <div class="grid-2">{charts}</div> })}
            {self.actions_card(context)}
        }
        .into_any()
    }

    fn status(&self, context: &Context) -> AnyView {
        let figures = self.status.iter().map(|figure| {
            let value = match &figure.value {
                Value::At(at) => time(*at, context.now),
                Value::Words(words) => words.clone().into_any(),
            };
            let tone = figure.tone.as_str();
            view! { <div class="stat" data-tone=tone><dt>{figure.name}</dt><dd><a href=figure.href>{value}</a></dd></div> }
        });
        let figures: Vec<_> = figures.collect();
        view! { <dl class="stats">{figures}</dl> }.into_any()
    }

    fn steps_card(&self, context: &Context) -> AnyView {
        if self.steps.is_empty() {
            return ().into_any();
        }
        let steps = self.steps.iter().map(|step| {
            let (tone, word) = if step.done { (Tone::Ok, "Done") } else { (Tone::Warn, "To do") };
            view! { <li class="row">{chip(tone, word)}<a href=step.href>{step.words}</a></li> }
        });
        let steps: Vec<_> = steps.collect();
        let dismiss = view! {
            <form method="post" action="/admin/dismissals" class="inline">
                {csrf(context)}
                {hidden("topic", "first_steps".to_owned())}
                {submit(context, "Hide these steps", "btn sm", Role::Admin)}
            </form>
        };
        card("Getting started", dismiss, view! { <div class="pad"><ol class="stack tight">{steps}</ol></div> })
    }

    fn unknown(&self) -> AnyView {
        if self.unknown.is_empty() {
            return ().into_any();
        }
        let lines: Vec<_> = self.unknown.iter().map(|line| view! { <li>{line.clone()}</li> }).collect();
        view! {
            <div class="banner" data-tone="bad" role="alert">
                <p><strong>"Part of this page is missing."</strong>" The log has the cause."</p>
                <ul>{lines}</ul>
                <p><a class="btn sm" href="/admin">"Try again"</a></p>
            </div>
        }
        .into_any()
    }

    fn attention_card(&self, context: &Context) -> AnyView {
        if self.attention.is_empty() && !self.unknown.is_empty() {
            return ().into_any();
        }
        if self.attention.is_empty() {
            let at = context.now.to_string();
            let clock = at[11..16].to_owned();
            let words = view! { <p>"Nothing needs a person. Last checked "<time datetime=at>{clock}</time>"."</p> };
            return empty("All clear", words);
        }
        let rows = self
            .attention
            .iter()
            .map(|row| {
                let customers = row.customers.map_or_else(|| "everybody".to_owned(), |number| number.to_string());
                view! {
                    <tr>
                        <th scope="row" class="wide">{row.sentence.clone()}</th>
                        <td class="num">{customers}</td>
                        <td><a class="btn sm" href=row.href.clone()>{row.label.clone()}<span class="vh">": " {row.sentence.clone()}</span></a></td>
                    </tr>
                }
                .into_any()
            })
            .collect();
        card(
            "Needs attention",
            (),
            table(
                "Needs attention",
                &[Column::new("What", 28), Column::of_numbers("Customers", 7), Column::new("What to do", 12)],
                rows,
            ),
        )
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
        card(
            "Recent changes",
            (),
            table("Recent changes", &[("When", 7), ("What", 20), ("By", 13), ("Reason", 16)], rows),
        )
    }
}
