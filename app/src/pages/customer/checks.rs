//! What the application asked about this user, and what it was told.

use domain::Timestamp;
use leptos::prelude::*;

use super::View;
use crate::components::{Column, Tone, card, chip, status_word, table, time};
use crate::context::Context;

/// Checks of one feature by one API key, for as long as the answer stayed the same.
#[derive(Clone, Debug)]
pub struct CheckLine {
    /// The feature's key, as the application wrote it.
    pub feature: String,
    /// The answer.
    pub allowed: bool,
    /// Why: a word of the API.
    pub reason: String,
    /// How many times.
    pub times: i64,
    /// First answered so.
    pub since: Timestamp,
    /// Last answered so.
    pub last_at: Timestamp,
    /// What the API key is called.
    pub key: String,
}

impl View {
    /// The last check of a feature.
    pub(super) fn last_check(&self, feature: &str, context: &Context) -> AnyView {
        let Some(check) = self.checks.iter().find(|check| check.feature == feature) else {
            return view! { <span class="muted">"never asked"</span> }.into_any();
        };
        let answer = if check.allowed { "yes" } else { "no" };
        view! { {time(check.last_at, context.now)} <small>{format!("{}: {answer}", check.key)}</small> }.into_any()
    }

    pub(super) fn checks_tab(&self, context: &Context) -> AnyView {
        if self.checks.is_empty() {
            let body = view! {
                <div class="pad">
                    <p>"Your application has not asked about this user in the last 90 days."</p>
                    <p class="muted">"It asks with GET /v1/access, by the user's own id and an API key of this mode."</p>
                    <p class="row"><a class="btn sm" href="/admin/api-keys">"API keys"</a></p>
                </div>
            };
            return card("Checks", (), body);
        }
        let rows = self
            .checks
            .iter()
            .map(|check| {
                let (tone, answer) = if check.allowed { (Tone::Ok, "Allowed") } else { (Tone::Bad, "Denied") };
                view! {
                    <tr>
                        <td class="nowrap">{time(check.last_at, context.now)}</td>
                        <th scope="row">{check.feature.clone()}</th>
                        <td>{chip(tone, answer)}</td>
                        <td title=check.reason.clone()>{status_word(&check.reason)}</td>
                        <td class="num">{check.times}</td>
                        <td class="nowrap">{time(check.since, context.now)}</td>
                        <td>{check.key.clone()}</td>
                    </tr>
                }
                .into_any()
            })
            .collect();
        let columns = [
            Column::new("Last asked", 7),
            Column::new("Feature", 10),
            Column::new("Answer", 7),
            Column::new("Because", 12),
            Column::of_numbers("Times", 5),
            Column::new("Since", 7),
            Column::new("API key", 11),
        ];
        card("What the application was told", (), table("Access checks", &columns, rows))
    }
}
