//! Backups of the database, a card of the page *System*.

use domain::Timestamp;
use domain::role::Role;
use leptos::prelude::*;

use crate::components::{Column, action_button, card, table, time};
use crate::context::Context;

/// What is known of backups.
#[derive(Clone, Debug, Default)]
pub struct Backups {
    /// How often they are made, where they are, and how many are kept, in one sentence.
    pub rule: String,
    /// Those that are there, the newest first: name, size, and of when each is.
    pub made: Vec<(String, String, Timestamp)>,
    /// When the next one is made by the clock, if it is.
    pub next_at: Option<Timestamp>,
    /// When the last try failed, and why.
    pub failure: Option<(Timestamp, String)>,
    /// Whether they are made here at all.
    pub can_make: bool,
}

impl Backups {
    pub(super) fn card(&self, context: &Context) -> AnyView {
        let make = self
            .can_make
            .then(|| action_button(context, "/admin/backups".into(), "Back up now", "btn sm", Role::Admin));
        let failure = self.failure.as_ref().map(|(at, why)| {
            view! { <p class="error">"The last try failed "{time(*at, context.now)}": "{why.trim_end_matches('.').to_owned()}"."</p> }
        });
        let next = self.next_at.map(|at| {
            let when = if at <= context.now { view! { "within a minute" }.into_any() } else { time(at, context.now) };
            view! { <p>"The next one is made "{when}"."</p> }
        });
        let rows: Vec<AnyView> = self
            .made
            .iter()
            .map(|(name, size, at)| {
                view! { <tr><td><code>{name.clone()}</code></td><td class="num">{size.clone()}</td><td>{time(*at, context.now)}</td></tr> }
                    .into_any()
            })
            .collect();
        let made = if rows.is_empty() {
            self.can_make.then(|| view! { <p class="pad">"There is none yet."</p> }.into_any())
        } else {
            Some(table(
                "Backups",
                &[Column::new("File", 28), Column::of_numbers("Size", 8), Column::new("Of", 12)],
                rows,
            ))
        };
        let body = view! { <div class="pad stack tight"><p>{self.rule.clone()}</p>{failure}{next}</div>{made} };
        view! { <div id="backups">{card("Backups", make, body)}</div> }.into_any()
    }
}
