//! Who?

use domain::Timestamp;
use domain::access::Reason;
use domain::role::Role;
use domain::stripe::SubscriptionStatus;
use leptos::prelude::*;

use crate::components::{
    Choice, Pages, Tone, active_filters, address, chip, choices, csrf, empty, error_summary, field, list_card,
    page_head, saved_filters, shortened, status_word, submit, subscription_chip, time_or,
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
    /// How many each of [`FILTERS`] finds, in their order, and how many there are in all.
    pub counts: Vec<i64>,
    /// The pages around.
    pub pages: Pages,
}

/// What the list can be narrowed to: the address's word, the words of the chip, and those for nobody.
pub const FILTERS: [(&str, &str, &str); 7] = [
    ("denied", "Denied but paying", "Everybody who pays has access to something"),
    ("at_risk", "At risk", "Nobody's access is about to end for a failed payment"),
    ("past_due", "Past due", "Nobody's payment is past due"),
    ("override", "Override", "Nobody has an override"),
    ("differs", "Differs from Stripe", "No comparison found a difference that is still there"),
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
    /// Until when that answer holds by itself.
    pub until: Option<Timestamp>,
    /// What the best subscription is for: names of prices.
    pub plan: Vec<String>,
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
        let keys = FILTERS.map(|(key, words, _)| (key, words)).into_iter().chain([("", "All")]);
        let chips = keys.enumerate().map(|(n, (key, words))| Choice {
            words: words.to_owned(),
            href: address("/admin/customers", &[("filter", key)]),
            chosen: self.filter == key && (!key.is_empty() || self.query.is_empty()),
            count: self.counts.get(n).copied(),
        });
        choices("Narrow to", chips.collect())
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let list = if !self.rows.is_empty() {
            let rows = self.rows.iter().map(|row| row.view(context)).collect();
            let columns = [
                ("Customer", 12),
                ("Answer", 10),
                ("Because", 9),
                ("Plan", 8),
                ("Subscription", 8),
                ("Until", 7),
                ("Last event", 7),
            ];
            list_card("Customers", &columns, rows)
        } else if let Some((_, _, nobody)) = self.chosen() {
            empty(nobody, view! { <p><a class="btn" href="/admin/customers">"Show all"</a></p> })
        } else if self.query.is_empty() {
            empty(
                "No customers yet",
                view! {
                    <p>"Customers appear with the first event from Stripe or the first mapping by your application."</p>
                    <p><a class="btn primary" href="/admin/validator">"Check the set-up"</a></p>
                    <p><a href="/admin/resyncs">"Import from Stripe"</a></p>
                },
            )
        } else {
            empty(
                "No customers match",
                view! { <p>"Nobody's e-mail address, name or id begins with " <strong>{self.query.clone()}</strong> "."</p>
                <p><a class="btn" href="/admin/customers">"Clear the search"</a></p> },
            )
        };
        let searched = (!self.query.is_empty() && self.filter.is_empty())
            .then(|| (format!("Begins with “{}”", self.query), "/admin/customers".to_owned()));
        view! {
            {page_head("Customers", ())}
            <form class="filters" action="/admin/customers">
                <div class="field grow">
                    <label for="find">"E-mail, name, user id or cus_"</label>
                    <input id="find" name="q" type="search" value=self.query.clone() autofocus=self.filter.is_empty() && context.form.errors.is_empty() />
                </div>
                <button type="submit" class="btn">"Find"</button>
            </form>
            {self.chips()}
            {active_filters(searched.into_iter().collect(), "/admin/customers")}
            {saved_filters(context)}
            {list}
            {self.pages.view(("customer", "customers"))}
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
    /// The answer, by the best reason for it.
    fn answer(&self) -> AnyView {
        let Some((granted, all)) = self.features else { return chip(Tone::Violet, "Unattributed") };
        let share = format!("{granted} of {all} features");
        match self.because {
            _ if granted == 0 => chip(Tone::Bad, "No access"),
            Some(Reason::GracePeriod) => chip(Tone::Warn, format!("{share}, at risk")),
            Some(Reason::OverrideGrant) => chip(Tone::Violet, format!("{share}, by override")),
            _ => chip(Tone::Ok, share),
        }
    }

    fn view(&self, context: &Context) -> AnyView {
        let id = self.user_id.clone().or_else(|| self.customer_id.clone()).unwrap_or_default();
        let below = (id != self.label).then(|| view! { <small class="mono" title=id.clone()>{shortened(&id)}</small> });
        let subscription = self.subscription.as_ref().map(|(status, ends)| subscription_chip(status, *ends));
        let until = self.until.map(|until| time_or(Some(until), context.now, ""));
        view! {
            <tr>
                <th scope="row"><a href=self.href.clone()>{self.label.clone()}</a>{self.deleted.then_some(" (deleted in Stripe)")}{below}</th>
                <td>{self.answer()}</td>
                <td>{self.because.map(|reason| status_word(reason.as_str()))}</td>
                <td>{self.plan.join(", ")}</td>
                <td>{subscription}</td>
                <td class="nowrap">{until}</td>
                <td class="nowrap">{time_or(self.last_event_at, context.now, "never")}</td>
            </tr>
        }
        .into_any()
    }
}
