//! Whose money is this: customers of Stripe's that no user is known for.

use domain::Timestamp;
use domain::role::Role;
use domain::stripe::SubscriptionStatus;
use leptos::prelude::*;

use super::events::{customer_link, segment};
use crate::components::{
    address, card, crumbs, csrf, empty, error_summary, field, hidden, id, list_card, money, page_head, pager,
    reason_field, submit, subscription_chip, table, time,
};
use crate::context::Context;

/// The list.
#[derive(Clone, Debug)]
pub struct View {
    /// One row per Stripe customer.
    pub rows: Vec<Row>,
    /// Whether these are the rows behind others.
    pub paged: bool,
    /// Where the rows behind these begin.
    pub next: Option<String>,
}

/// The page of one of them.
#[derive(Clone, Debug)]
pub struct Link {
    /// The customer.
    pub row: Row,
    /// Who it may be, the likeliest first.
    pub guesses: Vec<Guess>,
    /// The user it has been linked to meanwhile.
    pub user_id: Option<String>,
}

/// A customer nobody is linked to.
#[derive(Clone, Debug)]
pub struct Row {
    /// `cus_…`
    pub customer_id: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// Events, counted up to 1,000; not counted on the page of one customer.
    pub events: Option<i64>,
    /// What it pays for.
    pub pays: Vec<Payment>,
    /// First seen here.
    pub first_seen_at: Timestamp,
    /// Who it may be.
    pub guess: Option<Guess>,
}

/// What a customer pays for.
#[derive(Clone, Debug)]
pub struct Payment {
    /// `price_…`
    pub price_id: String,
    /// The product's name.
    pub product: Option<String>,
    /// In the currency's smallest unit, for one.
    pub amount: Option<i64>,
    /// ISO code in lower case.
    pub currency: Option<String>,
    /// `day`, `week`, `month` or `year`.
    pub interval: Option<String>,
    /// How many.
    pub quantity: i64,
    /// The subscription's status.
    pub status: SubscriptionStatus,
    /// Whether it will end.
    pub ends: bool,
}

/// Who a customer may be: never a proof.
#[derive(Clone, Debug)]
pub struct Guess {
    /// The user.
    pub user_id: String,
    /// Why, such as "same e-mail address".
    pub why: String,
}

impl Payment {
    fn words(&self) -> String {
        let each = match &self.amount {
            None => self.price_id.clone(),
            amount => money(*amount, self.currency.as_deref()),
        };
        let every = self.interval.as_ref().map_or(String::new(), |interval| format!(" / {interval}"));
        let times = if self.quantity > 1 { format!("{} × ", self.quantity) } else { String::new() };
        format!("{times}{each}{every}")
    }
}

impl View {
    pub(super) fn title(&self) -> String {
        "Unattributed".into()
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let rows = if self.rows.is_empty() {
            let heading = if self.paged { "Nothing further" } else { "Every payment is linked to a user" };
            empty(heading, view! { <p><a href="/admin/mappings">"All mappings"</a></p> })
        } else {
            let rows = self.rows.iter().map(|row| row.view(context)).collect();
            let next = self.next.as_ref().map(|after| address("/admin/unattributed", &[("after", after)]));
            let first = self.paged.then(|| "/admin/unattributed".to_owned());
            view! {
                <p class="muted">
                    "Give your user's id as "<code>"client_reference_id"</code>" when you create a Checkout Session, and customers are linked by themselves."
                </p>
                {list_card("Unattributed customers", &["Customer", "Pays", "Events", "First seen", "Best guess", "Link"], rows)}
                {pager(first, next)}
            }
            .into_any()
        };
        view! { {page_head("Unattributed", ())}{rows} }.into_any()
    }
}

impl Row {
    fn heading(&self) -> String {
        self.email.as_ref().or(self.name.as_ref()).unwrap_or(&self.customer_id).clone()
    }

    fn view(&self, context: &Context) -> AnyView {
        let href = format!("/admin/unattributed/{}", segment(&self.customer_id));
        let customer_id = self.customer_id.clone();
        let below = (self.heading() != self.customer_id)
            .then(|| view! { <small class="mono">{self.customer_id.clone()}</small> });
        let pays: Vec<_> =
            self.pays.iter().map(|payment| view! { <li class="nowrap">{payment.words()}</li> }).collect();
        let pays = if pays.is_empty() {
            view! { <span class="muted">"nothing now"</span> }.into_any()
        } else {
            view! { <ul>{pays}</ul> }.into_any()
        };
        let guess = match self.guess.clone() {
            Some(guess) => view! { <span class="mono">{guess.user_id}</span><small>{guess.why}</small> }.into_any(),
            None => view! { <span class="muted">"none"</span> }.into_any(),
        };
        let link = href.clone();
        view! {
            <tr>
                <th scope="row"><a href=href>{self.heading()}</a>{below}</th>
                <td>{pays}</td>
                <td class="num">{self.events}</td>
                <td class="nowrap">{time(self.first_seen_at, context.now)}</td>
                <td>{guess}</td>
                <td><a class="btn sm" href=link>"Link"<span class="vh">" "{customer_id}</span></a></td>
            </tr>
        }
        .into_any()
    }
}

impl Link {
    pub(super) fn title(&self) -> String {
        format!("Link {} · Unattributed", self.row.heading())
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let linking = match &self.user_id {
            Some(user) => {
                let user = customer_link(None, Some(user));
                card("Linked", (), view! { <p class="pad">"This customer is linked to "{user}"."</p> })
            }
            None => view! { {self.form(context)}{self.suggestions(context)} }.into_any(),
        };
        view! {
            {crumbs(&[("Unattributed", "/admin/unattributed".into())], &self.row.heading())}
            {page_head(format!("Who is {}?", self.row.heading()), ())}
            {error_summary(context)}
            {linking}
            {self.facts(context)}
        }
        .into_any()
    }

    /// Prefilled with the likeliest user; nothing is linked before somebody says so.
    fn form(&self, context: &Context) -> AnyView {
        let guess = self.guesses.first().map(|guess| guess.user_id.as_str()).unwrap_or_default();
        let form = view! {
            <form method="post" action="/admin/mappings" class="form pad">
                {csrf(context)}
                {hidden("return_to", context.path.clone())}
                {hidden("customer_id", self.row.customer_id.clone())}
                {field(context, "user_id", "User", "text", guess, "The user's id in your application.", true)}
                {reason_field(context, false)}
                <p class="muted">"The events that waited are taken into account at once."</p>
                <div class="actions">{submit(context, "Link customer", "btn primary", Role::Support)}</div>
            </form>
        };
        card("Link to a user", (), form)
    }

    fn suggestions(&self, context: &Context) -> AnyView {
        if self.guesses.is_empty() {
            return ().into_any();
        }
        let rows = self.guesses.iter().map(|guess| {
            view! {
                <tr>
                    <th scope="row">{customer_link(None, Some(&guess.user_id))}</th>
                    <td>{guess.why.clone()}</td>
                    <td>
                        <form method="post" action="/admin/mappings" class="inline">
                            {csrf(context)}
                            {hidden("return_to", context.path.clone())}
                            {hidden("customer_id", self.row.customer_id.clone())}
                            {hidden("user_id", guess.user_id.clone())}
                            {submit(context, &format!("Link to {}", guess.user_id), "btn sm", Role::Support)}
                        </form>
                    </td>
                </tr>
            }
            .into_any()
        });
        let table = table("Suggestions", &["User", "Why", "Link"], rows.collect());
        card(
            "Suggestions",
            (),
            view! { <p class="pad muted">"None of this is proof: anybody can type an e-mail address at checkout."</p>{table} },
        )
    }

    fn facts(&self, context: &Context) -> AnyView {
        let row = &self.row;
        let pays: Vec<_> = row
            .pays
            .iter()
            .map(|payment| {
                let product = payment.product.clone().unwrap_or_else(|| payment.price_id.clone());
                view! { <li class="row">{product}", "{payment.words()}" "{subscription_chip(&payment.status, payment.ends)}</li> }
            })
            .collect();
        let pays = if pays.is_empty() {
            view! { <span class="muted">"nothing now"</span> }.into_any()
        } else {
            view! { <ul>{pays}</ul> }.into_any()
        };
        let events = address("/admin/events", &[("q", &row.customer_id)]);
        let facts = view! {
            <dl class="kv pad">
                <dt>"Customer"</dt><dd>{id(&row.customer_id, "customer id")}</dd>
                <dt>"E-mail"</dt><dd>{row.email.clone().unwrap_or_else(|| "none".into())}</dd>
                <dt>"Name"</dt><dd>{row.name.clone().unwrap_or_else(|| "none".into())}</dd>
                <dt>"Pays for"</dt><dd>{pays}</dd>
                <dt>"First seen"</dt><dd>{time(row.first_seen_at, context.now)}</dd>
                <dt>"Events"</dt><dd><a href=events>"Its events"</a></dd>
            </dl>
        };
        card("What is known", (), facts)
    }
}
