//! What was never delivered: how far Stripe's list of events is read, and why events were missing.

use domain::Timestamp;
use domain::delivery::Undelivered;
use domain::role::Role;
use leptos::prelude::*;

use crate::components::{action_button, card, time};
use crate::context::Context;

/// The card of the events' page.
#[derive(Clone, Debug, Default)]
pub struct Missed {
    /// Whether Stripe can be read in this mode.
    pub can_read: bool,
    /// Events of the last 30 days that were fetched and never delivered, by reason.
    pub reasons: Vec<(Undelivered, i64)>,
    /// Whether the list is being read, or about to be.
    pub asked: bool,
    /// When it was last read to its end.
    pub read_at: Option<Timestamp>,
    /// How far back that, or the reading in hand, goes.
    pub since: Option<Timestamp>,
    /// How many of its events some rule uses.
    pub listed: i64,
    /// How many of those were not here.
    pub missing: i64,
    /// A time of which Stripe keeps no events any more.
    pub lost: Option<(Timestamp, Timestamp)>,
    /// Why the last try failed, and when the next is.
    pub failed: Option<(String, Timestamp)>,
}

impl Missed {
    pub(super) fn card(&self, context: &Context) -> AnyView {
        let fetch = self.can_read.then(|| {
            let words = "Fetch missing events";
            action_button(context, "/admin/events/fetch-missing".into(), words, "btn sm", Role::Support)
        });
        let reasons: Vec<_> = (self.reasons.iter())
            .map(|(reason, count)| view! { <li><a href="/admin/events?origin=fetched">{events(*count)}</a>": "{reason.words()}"."</li> })
            .collect();
        let reasons = (!reasons.is_empty()).then(|| {
            view! { <p>"Of the last 30 days were fetched and never delivered:"</p><ul class="stack tight">{reasons}</ul> }
        });
        let failed = self.failed.as_ref().map(|(error, next)| {
            let error = error.trim_end_matches('.').to_owned();
            view! { <p class="error">"The last try failed: "{error}". It is tried again "{time(*next, context.now)}"."</p> }
        });
        let lost = self.lost.map(|(since, until)| {
            view! {
                <p class="error">
                    "Stripe keeps events for 30 days: what happened between "{time(since, context.now)}" and "{time(until, context.now)}
                    " can no longer be fetched. Resync the customers it may be about."
                </p>
            }
        });
        let body = view! {
            <div class="pad stack">
                {self.reading(context)}
                {failed}
                {lost}
                {reasons}
                <p class="muted">
                    "Read at the start and every hour, back to the newest event that is surely known, at most 30 days. Only types that some rule uses are fetched."
                </p>
            </div>
        };
        view! { <div id="missed">{card("Missed events", fetch, body)}</div> }.into_any()
    }

    fn reading(&self, context: &Context) -> AnyView {
        if !self.can_read {
            return view! { <p>"Without a Stripe API key of this mode Stripe's list of events cannot be read."</p> }
                .into_any();
        }
        let found = match self.missing {
            0 => "none of them was missing here".to_owned(),
            1 => "one of them was missing here and was fetched".to_owned(),
            more => format!("{more} of them were missing here and were fetched"),
        };
        let found = format!(": {}, {found}.", events(self.listed));
        let since = self.since.map(|since| view! { " since "{time(since, context.now)} });
        match self.read_at {
            _ if self.asked => {
                view! { <p>"Stripe's list of events is being read"{since}". So far"{found}</p> }.into_any()
            }
            Some(at) => {
                view! { <p>"Stripe's list of events was read "{time(at, context.now)}", with what happened"{since}{found}</p> }
                    .into_any()
            }
            None => view! { <p>"Stripe's list of events has not been read yet."</p> }.into_any(),
        }
    }
}

fn events(count: i64) -> String {
    if count == 1 { "1 event".to_owned() } else { format!("{count} events") }
}
