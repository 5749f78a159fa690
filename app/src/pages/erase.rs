//! What is asked before everything that names a person is erased: what goes, what stays, and that it cannot be undone.

use domain::Timestamp;
use domain::role::Role;
use leptos::prelude::*;

use crate::components::{card, crumbs, csrf, error_summary, field, id, page_head, reason_field, submit, time};
use crate::context::Context;

/// `/admin/customers/{id}/erase`
#[derive(Clone, Debug)]
pub struct View {
    /// What has to be typed: the user's id, or the customer's.
    pub id: String,
    /// The page of whom it is about.
    pub back: String,
    /// Where the form goes.
    pub action: String,
    /// The Stripe customers that are theirs.
    pub customers: Vec<String>,
    /// What is kept, and how much of it.
    pub parts: Vec<(&'static str, i64)>,
    /// Subscriptions that run still.
    pub running: Vec<String>,
    /// By what name they go since they were erased.
    pub erased: Option<(String, Timestamp)>,
}

/// What stays, and why.
const STAYS: &[&str] = &[
    "What was decided, when and for which reason: under a name of chance instead of the user's id.",
    "Prices, amounts and times of subscriptions, invoices and payments, and Stripe's own ids: by them later news are told from others'.",
    "Who did what and when in the audit log; what it said is erased, and its chain stays whole.",
];
/// What goes.
const GOES: &[&str] = &[
    "E-mail addresses, names, and the user's id wherever they stand.",
    "The raw payloads of all of their events, with metadata, addresses, telephone numbers and cards.",
    "Reasons that somebody typed, tickets, saved filters and refused deliveries that name them, and what the application asked about them.",
];

impl View {
    pub(super) fn title(&self) -> String {
        "Erase personal data · Customers".into()
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let above = [("Customers", "/admin/customers".to_owned()), (self.id.as_str(), self.back.clone())];
        let again = self.erased.as_ref().map(|(name, at)| {
            view! {
                <p>"This was done "{time(*at, context.now)}"; they go by "{id(name, "name")}" since then. Erasing again takes out what came since."</p>
            }
        });
        let running = (!self.running.is_empty()).then(|| {
            let ids: Vec<_> = self.running.iter().map(|sub| view! { <li>{id(sub, "subscription")}</li> }).collect();
            view! {
                <div class="pad stack tight">
                    <p><strong>"Stripe goes on charging."</strong>" Erasing here cancels nothing, and the application is told unknown_user from now on. End these in Stripe first:"</p>
                    <ul>{ids}</ul>
                </div>
            }
        });
        let counts = self.parts.iter().filter(|(_, count)| *count > 0);
        let counts: Vec<_> =
            counts.map(|(name, count)| view! { <dt>{name.replace('_', " ")}</dt><dd>{*count}</dd> }).collect();
        let list = |words: &[&'static str]| words.iter().map(|words| view! { <li>{*words}</li> }).collect::<Vec<_>>();
        let customers: Vec<_> = self.customers.iter().map(|cus| view! { {id(cus, "Stripe customer id")}" " }).collect();
        view! {
            {crumbs(&above, "Erase")}
            {page_head("Erase personal data?", ())}
            {error_summary(context)}
            {running.map(|running| card("A subscription runs still", (), running))}
            {card("What is kept now", (), view! { <div class="pad">{again}<p class="row">{customers}</p></div><dl class="kv pad">{counts}</dl> })}
            {card("What goes", (), view! { <ul class="pad">{list(GOES)}</ul> })}
            {card("What stays", (), view! { <ul class="pad">{list(STAYS)}</ul> })}
            <form method="post" action=self.action.clone() class="form card pad">
                {csrf(context)}
                <p>"This cannot be undone, and Stripe's own records stay as they are."</p>
                {field(context, "typed_id", format!("Type {} to confirm", self.id), "text", "", "Exactly as it stands here.", true)}
                {reason_field(context, true)}
                <p class="hint">"Do not name the person in the reason: it stays."</p>
                <div class="actions">
                    {submit(context, "Erase for good", "btn danger", Role::Owner)}
                    <a class="btn" href=self.back.clone()>"Cancel"</a>
                </div>
            </form>
        }
        .into_any()
    }
}
