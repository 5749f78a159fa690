//! Subscriptions as Stripe last told of them: the list.

use domain::Timestamp;
use domain::stripe::Subscription;
use leptos::prelude::*;

use crate::components::{
    Choice, Pages, Tone, address, chip, choices, empty, list_card, page_head, saved_filters, shortened, status_word,
    subscription_chip, time_or,
};
use crate::context::Context;

/// Every status Stripe knows, in the order of the filter.
pub const STATUSES: [&str; 8] =
    ["active", "trialing", "past_due", "unpaid", "paused", "incomplete", "incomplete_expired", "canceled"];

/// `/admin/subscriptions`
#[derive(Clone, Debug)]
pub struct View {
    /// The status that is asked for.
    pub status: Option<String>,
    /// Subscriptions, last changed first.
    pub rows: Vec<Listed>,
    /// How many there are of each of [`STATUSES`], in their order, and how many in all.
    pub counts: Vec<i64>,
    /// The pages around.
    pub pages: Pages,
}

/// A subscription.
#[derive(Clone, Debug)]
pub struct Row {
    /// The newest state.
    pub subscription: Subscription,
    /// Its page.
    pub href: String,
    /// The user, if mapped.
    pub user_id: Option<String>,
    /// The page of the user, or of the customer nobody is mapped to.
    pub customer_href: String,
    /// Where a read from Stripe is asked for.
    pub resync_action: String,
    /// Its items.
    pub items: Vec<Item>,
    /// Since when past due.
    pub past_due_since: Option<Timestamp>,
    /// On Stripe's clock, the time of the newest evidence.
    pub evidence_at: Timestamp,
    /// The event it came with and its page; none: a read.
    pub evidence_event: Option<(String, String)>,
    /// When we wrote it.
    pub updated_at: Timestamp,
}

/// A subscription in the list.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The subscription.
    pub row: Row,
    /// The last time its customer was read from Stripe.
    pub synced_at: Option<Timestamp>,
    /// Whether it is what Stripe says; none: nobody looked, or somebody is about to.
    pub in_sync: Option<bool>,
}

/// A line of a subscription.
#[derive(Clone, Debug)]
pub struct Item {
    /// `price_…`
    pub price_id: String,
    /// The price's name, else its id.
    pub name: String,
    /// The price's page in the catalog.
    pub href: String,
    /// How many.
    pub quantity: i64,
    /// End of the period that is paid.
    pub period_end: Option<Timestamp>,
}

impl Row {
    pub(super) fn who(&self) -> String {
        self.user_id.clone().unwrap_or_else(|| self.subscription.customer_id.clone())
    }

    const fn ends(&self) -> bool {
        self.subscription.cancel_at.is_some() || self.subscription.cancel_at_period_end
    }

    pub(super) fn period_end(&self) -> Option<Timestamp> {
        self.items.iter().filter_map(|item| item.period_end).max()
    }

    pub(super) fn end(&self) -> Option<Timestamp> {
        let at_period_end = self.subscription.cancel_at_period_end.then(|| self.period_end()).flatten();
        self.subscription.ended_at.or(self.subscription.cancel_at).or(at_period_end)
    }

    pub(super) fn chip(&self) -> AnyView {
        subscription_chip(&self.subscription.status, self.ends()).into_any()
    }
}

impl View {
    pub(super) fn title(&self) -> String {
        match &self.status {
            Some(status) => format!("Subscriptions: {}", status_word(status)),
            None => "Subscriptions".into(),
        }
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let body = match (self.rows.is_empty(), &self.status) {
            (false, _) => {
                let rows = self.rows.iter().map(|listed| list_row(context, listed)).collect();
                let columns = [
                    ("Customer", 13),
                    ("Status", 9),
                    ("Price", 10),
                    ("Period end", 7),
                    ("Cancel at", 7),
                    ("Last sync", 7),
                    ("In sync", 8),
                ];
                list_card("Subscriptions", &columns, rows)
            }
            (true, Some(status)) => {
                let heading = format!("No subscription is {}", status_word(status));
                empty(heading, view! { <p><a class="btn" href="/admin/subscriptions">"Show all"</a></p> })
            }
            (true, None) => {
                let words = view! {
                    <p>"Subscriptions appear when Stripe's first event of one arrives."</p>
                    <p><a class="btn" href="/admin/validator">"Check the set-up"</a></p>
                };
                empty("No subscription yet", words)
            }
        };
        view! {
            {page_head("Subscriptions", ())}
            {self.filter()}
            {saved_filters(context)}
            {body}
            {self.pages.view(("subscription", "subscriptions"))}
        }
        .into_any()
    }

    fn filter(&self) -> AnyView {
        let chips = STATUSES.into_iter().chain([""]).enumerate().map(|(n, status)| Choice {
            words: if status.is_empty() { "All".into() } else { status_word(status) },
            href: address("/admin/subscriptions", &[("status", status)]),
            chosen: self.status.as_deref().unwrap_or_default() == status,
            count: self.counts.get(n).copied(),
        });
        choices("Status", chips.collect())
    }
}

fn list_row(context: &Context, listed: &Listed) -> AnyView {
    let row = &listed.row;
    let in_sync = match listed.in_sync {
        Some(true) => chip(Tone::Ok, "In sync"),
        Some(false) => chip(Tone::Warn, "Differs"),
        None => chip(Tone::Neutral, "Not checked"),
    };
    let unmapped = row.user_id.is_none().then_some(" · no user");
    let short = shortened(&row.subscription.id);
    view! {
        <tr>
            <th scope="row">
                <a href=row.customer_href.clone()>{row.who()}</a>
                <small><a class="mono" href=row.href.clone() title=row.subscription.id.clone()>{short}</a>{unmapped}</small>
            </th>
            <td>{row.chip()}</td>
            <td>{prices(row)}</td>
            <td class="nowrap">{time_or(row.period_end(), context.now, "unknown")}</td>
            <td class="nowrap">{time_or(row.end(), context.now, "no end")}</td>
            <td class="nowrap">{time_or(listed.synced_at, context.now, "never")}</td>
            <td>{in_sync}</td>
        </tr>
    }
    .into_any()
}

fn prices(row: &Row) -> Vec<AnyView> {
    row.items
        .iter()
        .map(|item| {
            let words =
                if item.quantity == 1 { item.name.clone() } else { format!("{} × {}", item.quantity, item.name) };
            view! { <div class="nowrap"><a href=item.href.clone()>{words}</a></div> }.into_any()
        })
        .collect()
}
