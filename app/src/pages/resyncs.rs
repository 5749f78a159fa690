//! Resyncs: many customers compared with Stripe, shown first and then mended; and what a reconcile by the clock found.

use domain::Timestamp;
use domain::role::Role;
use leptos::prelude::*;

use super::compare::{Difference, differences};
use super::events::customer_link;
use super::job::{State, begun, buttons, cells};
use crate::components::{
    Pages, action_button, card, crumbs, csrf, empty, error_summary, filter_chips, job, list_card, page_head,
    reason_field, select_field, submit,
};
use crate::context::Context;

/// `/admin/resyncs`
#[derive(Clone, Debug)]
pub struct View {
    /// The newest first.
    pub rows: Vec<Row>,
    /// The pages around this one.
    pub pages: Pages,
    /// What the clock does, in a sentence.
    pub schedule: String,
    /// The last reconcile, in a sentence.
    pub last: Option<String>,
    /// What was read of Stripe today, in a sentence.
    pub usage: Option<String>,
    /// Whether Stripe can be read at all.
    pub can_read: bool,
}

/// A resync in the list.
#[derive(Clone, Debug)]
pub struct Row {
    /// `rsy_…`
    pub id: String,
    /// Whom it compares.
    pub scope: String,
    /// How far it is.
    pub state: State,
    /// Who began it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// When it was over.
    pub finished_at: Option<Timestamp>,
}

/// `/admin/resyncs/{id}`
#[derive(Clone, Debug)]
pub struct One {
    /// What it is.
    pub row: Row,
    /// Why.
    pub reason: Option<String>,
    /// What it does now, or came to, in a sentence.
    pub sentence: String,
    /// What stopped it, in a sentence.
    pub error: Option<String>,
    /// Customers that were compared, of how many; none while Stripe's lists are read.
    pub progress: Option<(i64, i64)>,
    /// What `/admin/live` is to tell of while it goes on.
    pub topic: Option<String>,
    /// What may be done with it: word of the change, and of the button.
    pub changes: Vec<(&'static str, &'static str)>,
    /// How many customers are in each state: words, address, and whether these are shown.
    pub counts: Vec<(String, String, bool)>,
    /// The customers that are shown.
    pub customers: Vec<Customer>,
    /// The pages around these.
    pub pages: Pages,
}

/// A customer of a resync.
#[derive(Clone, Debug)]
pub struct Customer {
    /// `cus_…`
    pub id: String,
    /// Its user.
    pub user_id: Option<String>,
    /// What differs.
    pub differences: Vec<Difference>,
    /// Why it could not be compared.
    pub error: Option<String>,
}

impl View {
    pub(super) fn title(&self) -> String {
        "Resyncs".into()
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let rows: Vec<_> = self.rows.iter().map(|row| row.view(context)).collect();
        let list = if rows.is_empty() {
            empty(
                "Nobody has compared customers with Stripe yet",
                view! { <p>"A resync reads Stripe, shows what differs, and mends it when you say so."</p> },
            )
        } else {
            view! {
                {list_card("Resyncs", &[("Who", 16), ("State", 12), ("By", 12), ("Begun", 7), ("Ended", 7)], rows)}
                {self.pages.view(("resync", "resyncs"))}
            }
            .into_any()
        };
        view! {
            {page_head("Resyncs", ())}
            {error_summary(context)}
            {self.by_the_clock(context)}
            {list}
            {self.form(context)}
        }
        .into_any()
    }

    fn by_the_clock(&self, context: &Context) -> AnyView {
        let now = self.can_read.then(|| {
            action_button(context, "/admin/resyncs/reconcile".into(), "Reconcile now", "btn sm", Role::Support)
        });
        let body = view! {
            <div class="pad stack tight">
                <p>{self.schedule.clone()}</p>
                {self.last.clone().map(|last| view! { <p>{last}</p> })}
                {self.usage.clone().map(|usage| view! { <p class="muted">{usage}</p> })}
            </div>
        };
        card("Reconcile", now, body)
    }

    fn form(&self, context: &Context) -> AnyView {
        if !self.can_read {
            let body = view! {
                <p class="pad">"There is no Stripe API key for this mode, so nothing can be compared. "<a href="/admin/validator">"See the set-up"</a></p>
            };
            return card("Compare with Stripe", (), body);
        }
        let pair = |value: &str, words: &str| (value.to_owned(), words.to_owned());
        let scopes = [
            pair("all", "Everybody, also customers nobody told us of"),
            pair("unattributed", "Customers that belong to no user"),
            pair("past_due", "Customers with a subscription past due"),
            pair("active", "Customers with an active subscription"),
            pair("trialing", "Customers in a trial"),
            pair("unpaid", "Customers with an unpaid subscription"),
            pair("canceled", "Customers with a canceled subscription"),
        ];
        let form = view! {
            <form method="post" action="/admin/resyncs" class="form pad">
                {csrf(context)}
                {select_field(context, "scope", "Who", &scopes, "all")}
                {reason_field(context, true)}
                <p class="muted">"Nothing changes before you have seen what differs."</p>
                <div class="actions">{submit(context, "Compare with Stripe", "btn primary", Role::Admin)}</div>
            </form>
        };
        card("Compare with Stripe", (), form)
    }
}

impl Row {
    fn view(&self, context: &Context) -> AnyView {
        view! {
            <tr>
                <th scope="row"><a href=format!("/admin/resyncs/{}", self.id)>{self.scope.clone()}</a></th>
                <td>{self.state.chip()}</td>
                {cells(context, &self.created_by, self.created_at, self.finished_at)}
            </tr>
        }
        .into_any()
    }
}

impl One {
    pub(super) fn title(&self) -> String {
        format!("{} · Resync", self.row.state.word)
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let path = format!("/admin/resyncs/{}", self.row.id);
        let buttons = buttons(context, &path, &self.changes, self.topic.is_none());
        let rows: Vec<_> = self.customers.iter().map(Customer::view).collect();
        let list = if rows.is_empty() {
            view! { <p class="muted">"No customer is in this state."</p> }.into_any()
        } else {
            view! {
                {list_card("Customers", &[("Customer", 14), ("What differs", 28)], rows)}
                {self.pages.view(("customer", "customers"))}
            }
            .into_any()
        };
        view! {
            {crumbs(&[("Resyncs", "/admin/resyncs".into())], &self.row.scope)}
            {page_head(self.row.scope.clone(), self.row.state.chip())}
            {job(self.topic.clone(), &self.sentence, self.progress, "Customers compared")}
            {self.error.clone().map(|error| view! { <div class="flash" data-tone="bad" role="status"><p>{error}</p></div> })}
            {buttons}
            {begun(context, self.row.created_at, &self.row.created_by, self.reason.as_ref())}
            {filter_chips("Customers by state", self.counts.clone())}
            {list}
        }
        .into_any()
    }
}

impl Customer {
    fn view(&self) -> AnyView {
        let words = match (&self.error, self.differences.is_empty()) {
            (Some(error), _) => view! { <p>{error.clone()}</p> }.into_any(),
            (None, true) => view! { <p class="muted">"Nothing."</p> }.into_any(),
            (None, false) => differences(&self.differences),
        };
        view! {
            <tr>
                <th scope="row">{customer_link(Some(&self.id), self.user_id.as_deref())}</th>
                <td class="wide">{words}</td>
            </tr>
        }
        .into_any()
    }
}
