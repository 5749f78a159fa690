//! One subscription: what Stripe last told of it, what it was before, and the events that told it.

use domain::role::Role;
use domain::stripe::SubscriptionStatus;
use domain::{Livemode, Timestamp};
use leptos::prelude::*;

use super::event::About;
use super::events::segment;
use super::subscriptions::{Item, Row};
use crate::components::{
    action_button, card, crumbs, id, page_head, subscription_chip, subscription_tone, table, time, time_or,
};
use crate::context::Context;

/// `/admin/subscriptions/{id}`
#[derive(Clone, Debug)]
pub struct View {
    /// The newest state.
    pub row: Row,
    /// What it was, the oldest first; empty for one that is nobody's, of which no history is kept.
    pub states: Vec<State>,
    /// Its events.
    pub about: About,
    /// Whether Stripe can be read in this mode.
    pub can_read: bool,
}

/// A stretch of time in which it stood in one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// When we knew.
    pub from: Timestamp,
    /// Stripe's status.
    pub status: SubscriptionStatus,
    /// Whether it was set to end.
    pub ends: bool,
}

/// Width of the drawing of [`View::states`].
const WIDTH: i64 = 1000;

impl View {
    pub(super) fn title(&self) -> String {
        format!("{} · {}", self.row.subscription.status.as_str(), self.row.subscription.id)
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let row = &self.row;
        let subscription = &row.subscription;
        let actions = if self.can_read {
            let compare = format!("/admin/customers/{}/compare", segment(&subscription.customer_id));
            let resync = row.resync_action.clone();
            view! {
                {action_button(context, resync, "Resync from Stripe", "btn primary", Role::Support)}
                <a class="btn" href=compare>"Compare with Stripe"</a>
            }
            .into_any()
        } else {
            view! { <span class="muted">"Without a Stripe API key of this mode nothing can be read."</span> }.into_any()
        };
        let truncated = subscription
            .items_truncated
            .then(|| view! { <p class="muted pad">"Stripe sent only a part of the items; a resync reads all."</p> });
        let items = row.items.iter().map(|item| item_row(context, item)).collect();
        view! {
            {crumbs(&[("Subscriptions", "/admin/subscriptions".into())], &subscription.id)}
            {page_head(format!("Subscription of {}", row.who()), actions)}
            <p class="row">{id(&subscription.id, "subscription id")}{self.in_stripe(context, "subscriptions", &subscription.id, "Open in Stripe")}</p>
            {self.facts(context)}
            {card("Items", (), view! { {table("Items", &["Price", "Price id", "Quantity", "Paid until"], items)} {truncated} })}
            {self.history(context)}
            {self.about.card(context, None)}
        }
        .into_any()
    }

    fn in_stripe(&self, context: &Context, kind: &str, id: &str, words: &'static str) -> AnyView {
        let test = if context.livemode == Livemode::Live { "" } else { "test/" };
        let href = format!("https://dashboard.stripe.com/{test}{kind}/{}", segment(id));
        view! { <a href=href rel="noreferrer" target="_blank">{words}<span class="vh">" (new tab)"</span></a> }
            .into_any()
    }

    fn facts(&self, context: &Context) -> AnyView {
        let (row, now) = (&self.row, context.now);
        let subscription = &row.subscription;
        let instant = |words: &'static str, at: Option<Timestamp>| {
            at.map(|at| view! { <dt>{words}</dt><dd>{time(at, now)}</dd> })
        };
        let text = |words: &'static str, value: &Option<String>| {
            value.clone().map(|value| view! { <dt>{words}</dt><dd>{value}</dd> })
        };
        let evidence = match row.evidence_event.clone() {
            Some((event, href)) => view! { " with " <a href=href>{event}</a> }.into_any(),
            None => " by a read of Stripe's API".into_any(),
        };
        let raw = match &subscription.status {
            SubscriptionStatus::Unknown(_) => " This version does not know the word, so it gives no access.".to_owned(),
            status => format!(" {}", status.as_str()),
        };
        let invoice = subscription.latest_invoice.as_ref().map(|invoice| {
            let link = self.in_stripe(context, "invoices", invoice, "open in Stripe");
            view! { <dt>"Latest invoice"</dt><dd><span class="mono">{invoice.clone()}</span>" "{link}</dd> }
        });
        let facts = view! {
            <dl class="kv pad">
                <dt>"Status"</dt><dd>{row.chip()} <span class="muted">{raw}</span></dd>
                <dt>"Customer"</dt><dd><a href=row.customer_href.clone()>{row.who()}</a> " " {id(&subscription.customer_id, "customer id")}</dd>
                <dt>"Last word from Stripe"</dt><dd>{time(row.evidence_at, now)} {evidence}</dd>
                <dt>"Stored"</dt><dd>{time(row.updated_at, now)}</dd>
                {instant("Created", subscription.created)}
                {instant("Trial ends", subscription.trial_end)}
                <dt>"Period ends"</dt><dd>{time_or(row.period_end(), now, "unknown")}</dd>
                <dt>"Ends"</dt><dd>{time_or(row.end(), now, "no end")}</dd>
                {instant("Past due since", row.past_due_since)}
                {instant("Cancellation asked for", subscription.canceled_at)}
                {text("Reason of the cancellation", &subscription.cancellation_reason)}
                {text("Collection is paused", &subscription.pause_behavior)}
                {instant("A change waits for its payment until", subscription.pending_update_until)}
                {text("Schedule that will change it", &subscription.schedule_id)}
                {invoice}
                {text("User its metadata names", &subscription.claimed_user)}
            </dl>
        };
        card("What Stripe last told", (), facts)
    }

    /// What it was, drawn to scale, with the table behind it.
    fn history(&self, context: &Context) -> AnyView {
        let Some(first) = self.states.first() else {
            let words = "Its history is kept once its customer is linked to a user.";
            return card("History", (), view! { <p class="pad muted">{words}</p> });
        };
        let whole = (context.now.millis() - first.from.millis()).max(1);
        let at = |at: Timestamp| ((at.millis() - first.from.millis()).clamp(0, whole) * WIDTH) / whole;
        let ends = self.states.iter().skip(1).map(|state| state.from).chain([context.now]);
        let spans: Vec<(&State, Timestamp)> = self.states.iter().zip(ends).collect();
        let bars: Vec<_> = spans
            .iter()
            .map(|&(state, end)| {
                let (x, width) = (at(state.from), (at(end) - at(state.from)).max(2));
                let tone = subscription_tone(&state.status, state.ends).as_str();
                view! { <rect x=x y="0" width=width height="24" data-tone=tone></rect> }
            })
            .collect();
        let rows = spans.iter().rev().enumerate().map(|(n, &(state, end))| {
            let to = if n == 0 { "today".into_any() } else { time(end, context.now) };
            view! {
                <tr>
                    <th scope="row">{subscription_chip(&state.status, state.ends)}</th>
                    <td class="nowrap">{time(state.from, context.now)}</td>
                    <td class="nowrap">{to}</td>
                </tr>
            }
            .into_any()
        });
        let body = view! {
            <div class="pad">
                <svg class="states" viewBox=format!("0 0 {WIDTH} 24") preserveAspectRatio="none" aria-hidden="true">{bars}</svg>
            </div>
            {table("What it was", &["Status", "From", "To"], rows.collect())}
        };
        card("History", (), body)
    }
}

fn item_row(context: &Context, item: &Item) -> AnyView {
    view! {
        <tr>
            <th scope="row"><a href=item.href.clone()>{item.name.clone()}</a></th>
            <td>{id(&item.price_id, "price id")}</td>
            <td class="num">{item.quantity}</td>
            <td>{time_or(item.period_end, context.now, "unknown")}</td>
        </tr>
    }
    .into_any()
}
