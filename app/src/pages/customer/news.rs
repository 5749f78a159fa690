//! What became of Stripe's events about them: never sent, not delivered, failed here, or processed.

use domain::diagnosis::NewsCode;
use domain::role::Role;
use leptos::prelude::*;

use super::View;
use crate::components::{action_button, address, card};
use crate::context::Context;

impl View {
    pub(super) fn news_card(&self, context: &Context) -> AnyView {
        let news = &self.diagnosis.news;
        let fetch = self.can_read.then(|| {
            let words = "Fetch missing events";
            action_button(context, "/admin/events/fetch-missing".into(), words, "btn sm", Role::Support)
        });
        let last = if news.code == NewsCode::Processed { "Processed" } else { "Processed, and judged by policy" };
        let customer = self.customers.first().map_or("", |customer| customer.id.as_str());
        let of = |filter: (&'static str, &'static str)| address("/admin/events", &[filter, ("q", customer)]);
        let rows = [
            (
                "Stripe never sent it",
                news.never_sent,
                Some(of(("origin", "fetched"))),
                news.code == NewsCode::NeverSent,
            ),
            (
                "Sent, but not delivered",
                news.not_delivered,
                Some(of(("origin", "fetched"))),
                news.code == NewsCode::NotDelivered,
            ),
            (
                "Delivered, but failed here",
                news.failed_here,
                Some(of(("status", "failed"))),
                news.code == NewsCode::FailedHere,
            ),
            ("Waits to be processed", news.waiting, Some(of(("status", "pending"))), news.code == NewsCode::Waiting),
            (last, news.processed, None, matches!(news.code, NewsCode::Processed | NewsCode::DeniedByPolicy)),
        ];
        let rows: Vec<_> = rows
            .into_iter()
            .map(|(words, count, href, is_answer)| {
                let count = match href.filter(|_| count > 0) {
                    Some(href) => view! { <a href=href>{count}</a> }.into_any(),
                    None => count.into_any(),
                };
                let words = if is_answer { view! { <strong>{words}</strong> }.into_any() } else { words.into_any() };
                view! { <dt>{words}</dt><dd>{count}</dd> }
            })
            .collect();
        let body = view! { <p class="pad">{news.sentence.clone()}</p><dl class="kv pad">{rows}</dl> };
        card("Stripe's events about them", fetch, body)
    }
}
