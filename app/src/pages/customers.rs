//! Who?

use domain::Timestamp;
use domain::stripe::SubscriptionStatus;
use leptos::prelude::*;

use crate::components::{Tone, chip, empty, page_head, pager, subscription_chip, table, time_or};
use crate::context::Context;

/// `/admin/customers`
#[derive(Clone, Debug)]
pub struct View {
    /// What was searched for.
    pub query: String,
    /// The customers.
    pub rows: Vec<Row>,
    /// Link to the rows behind these.
    pub next: Option<String>,
}

/// One customer, or a user no customer is mapped to.
#[derive(Clone, Debug)]
pub struct Row {
    /// Path of the page.
    pub href: String,
    /// Name, e-mail address or id.
    pub label: String,
    /// The user.
    pub user_id: Option<String>,
    /// `cus_…`
    pub customer_id: Option<String>,
    /// How many of the catalog's features are granted, of how many.
    pub features: Option<(usize, usize)>,
    /// The best subscription: status and whether it is set to end.
    pub subscription: Option<(SubscriptionStatus, bool)>,
    /// Deleted in Stripe.
    pub deleted: bool,
    /// Newest event.
    pub last_event_at: Option<Timestamp>,
}

impl View {
    pub(super) fn title(&self) -> String {
        if self.query.is_empty() { "Customers".into() } else { format!("{} · Customers", self.query) }
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let list = if !self.rows.is_empty() {
            let rows = self.rows.iter().map(|row| row.view(context)).collect();
            let columns = ["Customer", "User", "Access", "Subscription", "Last event"];
            view! { <div class="card">{table("Customers", &columns, rows)}</div>{pager(self.next.clone())} }.into_any()
        } else if self.query.is_empty() {
            empty(
                "No customers yet",
                view! {
                    <p>"Customers appear with the first event from Stripe or the first mapping by your application."</p>
                    <p><a class="btn primary" href="/admin/validator">"Check the set-up"</a></p>
                },
            )
        } else {
            empty(
                "No customers match",
                view! { <p>"Nobody's e-mail address, name or id begins with " <strong>{self.query.clone()}</strong> "."</p>
                <p><a class="btn" href="/admin/customers">"Clear the search"</a></p> },
            )
        };
        view! {
            {page_head("Customers", ())}
            <form class="filters" action="/admin/customers">
                <div class="field">
                    <label for="find">"E-mail, name, user id or cus_"</label>
                    <input id="find" name="q" type="search" value=self.query.clone() />
                </div>
                <button type="submit" class="btn">"Find"</button>
            </form>
            {list}
        }
        .into_any()
    }
}

impl Row {
    fn view(&self, context: &Context) -> AnyView {
        let access = match self.features {
            Some((granted, all)) if granted > 0 => chip(Tone::Ok, format!("{granted} of {all} features")).into_any(),
            Some(_) => chip(Tone::Bad, "No access").into_any(),
            None => chip(Tone::Violet, "Unattributed").into_any(),
        };
        let subscription = self.subscription.as_ref().map(|(status, ends)| subscription_chip(status, *ends));
        view! {
            <tr>
                <th scope="row"><a href=self.href.clone()>{self.label.clone()}</a>{self.deleted.then_some(" (deleted in Stripe)")}</th>
                <td class="mono">{self.user_id.clone().or_else(|| self.customer_id.clone())}</td>
                <td>{access}</td>
                <td>{subscription}</td>
                <td>{time_or(self.last_event_at, context.now, "never")}</td>
            </tr>
        }
        .into_any()
    }
}
