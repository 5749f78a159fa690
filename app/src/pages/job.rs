//! What the pages of jobs have in common: state, progress, the buttons that steer one, and who began it why.

use domain::Timestamp;
use domain::role::Role;
use leptos::prelude::*;

use crate::components::{Tone, action_button, actor, chip, time, time_or};
use crate::context::Context;

/// How far a job is, for a chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// The word.
    pub word: &'static str,
    /// Its colour.
    pub tone: Tone,
}

impl State {
    pub(super) fn chip(self) -> AnyView {
        chip(self.tone, self.word)
    }
}

/// How much of a job is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// So many.
    pub done: i64,
    /// Of so many.
    pub all: i64,
    /// The figures in words.
    pub words: String,
}

/// The buttons of what may be done with a job at `path`: word of the change, and of the button. One that goes on by itself can be looked at again.
pub(super) fn buttons(context: &Context, path: &str, changes: &[(&'static str, &'static str)], rests: bool) -> AnyView {
    let changes: Vec<_> = changes
        .iter()
        .enumerate()
        .map(|(n, (change, words))| {
            let class = match (*change, n) {
                ("cancel", _) => "btn danger",
                (_, 0) => "btn primary",
                _ => "btn",
            };
            action_button(context, format!("{path}/{change}"), words, class, Role::Admin)
        })
        .collect();
    let refresh =
        (!rests).then(|| view! { <a class="btn news" data-live="result" href=context.path.clone()>"Refresh"</a> });
    view! { <div class="row">{changes}{refresh}</div> }.into_any()
}

/// Who began a job, when and why.
pub(super) fn begun(context: &Context, at: Timestamp, by: &str, reason: Option<&String>) -> AnyView {
    view! {
        <p class="muted">
            "Begun "{time(at, context.now)}" by "{actor(by)}
            {reason.map(|reason| format!(": {reason}"))}
        </p>
    }
    .into_any()
}

/// The cells that say who began a job, when, and when it was over.
pub(super) fn cells(context: &Context, by: &str, begun_at: Timestamp, finished_at: Option<Timestamp>) -> AnyView {
    view! {
        <td>{actor(by)}</td>
        <td class="nowrap">{time(begun_at, context.now)}</td>
        <td class="nowrap">{time_or(finished_at, context.now, "not yet")}</td>
    }
    .into_any()
}
