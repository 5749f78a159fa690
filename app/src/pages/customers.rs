//! Who?

use domain::Timestamp;
use domain::access::Reason;
use domain::role::Role;
use domain::stripe::SubscriptionStatus;
use leptos::prelude::*;

use crate::components::{
    Tone, address, chip, csrf, empty, error_summary, field, filter_chips, list_card, page_head, pager, status_word,
    submit, subscription_chip, time_or,
};
use crate::context::Context;

/// `/admin/customers`
#[derive(Clone, Debug)]
pub struct View {
    /// What was searched for.
    pub query: String,
    /// The customers.
    pub rows: Vec<Row>,
    /// The filter that counts: one of [`FILTERS`]' keys, or empty.
    pub filter: String,
    /// Link to the first rows, when these are behind them.
    pub first: Option<String>,
    /// Link to the rows behind these.
    pub next: Option<String>,
}

/// What the list can be narrowed to: the address's word, the words of the chip, and those for nobody.
pub const FILTERS: [(&str, &str, &str); 6] = [
    ("denied", "Pays, has no access", "Everybody who pays has access to something"),
    ("at_risk", "At risk", "Nobody's access is about to end for a failed payment"),
    ("past_due", "Past due", "Nobody's payment is past due"),
    ("override", "Override", "Nobody has an override"),
    ("unattributed", "Unattributed", "Every payment is linked to a user"),
    ("no_customer", "No Stripe customer", "Every user has a Stripe customer"),
];

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
    /// Why the best of the answers is what it is.
    pub because: Option<Reason>,
    /// The best subscription: status and whether it is set to end.
    pub subscription: Option<(SubscriptionStatus, bool)>,
    /// Deleted in Stripe.
    pub deleted: bool,
    /// Newest event.
    pub last_event_at: Option<Timestamp>,
}

impl View {
    pub(super) fn title(&self) -> String {
        match (self.chosen(), self.query.as_str()) {
            (Some((_, words, _)), _) => format!("{words} · Customers"),
            (None, "") => "Customers".into(),
            (None, query) => format!("{query} · Customers"),
        }
    }

    fn chosen(&self) -> Option<(&'static str, &'static str, &'static str)> {
        FILTERS.into_iter().find(|(key, ..)| *key == self.filter)
    }

    fn chips(&self) -> AnyView {
        let link = |key: &str| address("/admin/customers", &[("filter", key)]);
        let all = ("All".to_owned(), link(""), self.filter.is_empty() && self.query.is_empty());
        let others = FILTERS.map(|(key, words, _)| (words.to_owned(), link(key), self.filter == key));
        filter_chips("Narrow to", std::iter::once(all).chain(others).collect())
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let list = if !self.rows.is_empty() {
            let rows = self.rows.iter().map(|row| row.view(context)).collect();
            let columns = ["Customer", "User", "Access", "Because", "Subscription", "Last event"];
            view! { {list_card("Customers", &columns, rows)}{pager(self.first.clone(), self.next.clone())} }.into_any()
        } else if let Some((_, _, nobody)) = self.chosen() {
            empty(nobody, view! { <p><a class="btn" href="/admin/customers">"Show all"</a></p> })
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
                <div class="field grow">
                    <label for="find">"E-mail, name, user id or cus_"</label>
                    <input id="find" name="q" type="search" value=self.query.clone() />
                </div>
                <button type="submit" class="btn">"Find"</button>
            </form>
            {self.chips()}
            {list}
            {add_user(context)}
        }
        .into_any()
    }
}

/// Tells of a user before Stripe or the application does, so that an override can name them.
fn add_user(context: &Context) -> AnyView {
    let refused = !context.form.errors.is_empty();
    view! {
        <details class="card" open=refused>
            <summary>"Add a user by hand"</summary>
            <form method="post" action="/admin/users" class="form pad">
                {csrf(context)}
                {error_summary(context)}
                {field(context, "user_id", "User", "text", "", "The user's id in your application.", true)}
                {field(context, "email", "E-mail", "email", "", "May stay empty. It suggests the user of a payment without one.", false)}
                {field(context, "name", "Name", "text", "", "May stay empty.", false)}
                <div class="actions">{submit(context, "Add user", "btn primary", Role::Support)}</div>
            </form>
        </details>
    }
    .into_any()
}

impl Row {
    fn view(&self, context: &Context) -> AnyView {
        let access = match self.features {
            Some((granted, all)) if granted > 0 => chip(Tone::Ok, format!("{granted} of {all} features")).into_any(),
            Some(_) => chip(Tone::Bad, "No access").into_any(),
            None => chip(Tone::Violet, "Unattributed").into_any(),
        };
        let id = self.user_id.clone().or_else(|| self.customer_id.clone()).unwrap_or_default();
        let subscription = self.subscription.as_ref().map(|(status, ends)| subscription_chip(status, *ends));
        view! {
            <tr>
                <th scope="row"><a href=self.href.clone()>{self.label.clone()}</a>{self.deleted.then_some(" (deleted in Stripe)")}</th>
                <td class="mono"><span class="clip" title=id.clone()>{id.clone()}</span></td>
                <td>{access}</td>
                <td>{self.because.map(|reason| status_word(reason.as_str()))}</td>
                <td>{subscription}</td>
                <td>{time_or(self.last_event_at, context.now, "never")}</td>
            </tr>
        }
        .into_any()
    }
}
