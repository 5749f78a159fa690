//! Whose money is this: customers of Stripe's that no user is known for.

use domain::Timestamp;
use domain::role::Role;
use domain::stripe::SubscriptionStatus;
use leptos::prelude::*;

use super::events::{customer_link, segment};
use crate::components::{
    Choice, Column, Pages, Tone, action_button, actor, address, card, chip, choices, crumbs, csrf, empty,
    error_summary, field, hidden, id, list_card, money, page_head, reason_field, submit, subscription_chip, table,
    time,
};
use crate::context::Context;

/// The list.
#[derive(Clone, Debug)]
pub struct View {
    /// One row per Stripe customer.
    pub rows: Vec<Row>,
    /// Whether these are the ones that nobody is to be found for.
    pub ignored: bool,
    /// How many of these customers came through a Checkout Session that names no user.
    pub nameless: usize,
    /// How many are to be found, and how many are ignored.
    pub counts: (i64, i64),
    /// The pages around this one.
    pub pages: Pages,
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

/// That nobody is to be found for a customer.
#[derive(Clone, Debug)]
pub struct Ignored {
    /// Why.
    pub reason: String,
    /// Who says so.
    pub actor: String,
    /// Since when.
    pub at: Timestamp,
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
    /// Whether nobody is to be found for it.
    pub ignored: Option<Ignored>,
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
    /// What that is worth.
    pub confidence: Confidence,
}

/// What a guess is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confidence {
    /// Stripe names the user by id.
    Exact,
    /// One user of the application has the same e-mail address.
    Likely,
    /// Something points that way.
    Possible,
}

impl Confidence {
    fn chip(self) -> AnyView {
        match self {
            Self::Exact => chip(Tone::Ok, "Exact"),
            Self::Likely => chip(Tone::Info, "Likely"),
            Self::Possible => chip(Tone::Neutral, "Possible"),
        }
    }
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
        let chips = [("To be found", "", false, self.counts.0), ("Ignored", "ignored", true, self.counts.1)];
        let chips = chips.map(|(words, list, ignored, count)| Choice {
            words: words.to_owned(),
            href: address("/admin/unattributed", &[("list", list)]),
            chosen: ignored == self.ignored,
            count: Some(count),
        });
        let rows = if self.rows.is_empty() {
            let heading = match (self.pages.first.is_some(), self.ignored) {
                (true, _) => "Nothing further",
                (false, true) => "Nobody is ignored",
                (false, false) => "Every payment is linked to a user",
            };
            empty(heading, view! { <p><a href="/admin/mappings">"All mappings"</a></p> })
        } else {
            let rows = self.rows.iter().map(|row| row.view(context)).collect();
            let last = if self.ignored { "Ignored" } else { "Best guess" };
            let columns = [
                Column::new("Customer", 13),
                Column::new("Pays", 9),
                Column::of_numbers("Events", 5),
                Column::new("First seen", 7),
                Column::new(last, 14),
                Column::new("What to do", 13),
            ];
            view! { {list_card("Unattributed customers", &columns, rows)}{self.pages.view(("customer", "customers"))} }
                .into_any()
        };
        view! {
            {page_head("Unattributed", ())}
            {error_summary(context)}
            {choices("Which customers", chips.into())}
            {self.tip()}
            {rows}
        }
        .into_any()
    }

    /// What keeps this list from growing.
    fn tip(&self) -> AnyView {
        if self.ignored || self.rows.is_empty() {
            return ().into_any();
        }
        let words = match (self.nameless, self.rows.len()) {
            (0, _) => "Customers are linked by themselves when a Checkout Session names your user.".to_owned(),
            (nameless, all) => format!(
                "{nameless} of the {all} customers below came through a Checkout Session without client_reference_id."
            ),
        };
        let snippet = "stripe.checkout.sessions.create({\n  client_reference_id: user.id, // the id your application knows the user by\n  …\n})";
        view! {
            <details class="card">
                <summary>{words}" Add it to your Checkout call."</summary>
                <div class="pad"><pre class="code"><code>{snippet}</code></pre></div>
            </details>
        }
        .into_any()
    }
}

impl Row {
    /// Linked at once where Stripe names the user; else somebody has to choose.
    fn action(&self, context: &Context, href: &str) -> AnyView {
        let customer_id = self.customer_id.clone();
        if self.ignored.is_some() {
            let heed = format!("/admin/unattributed/{}/heed", segment(&customer_id));
            return view! {
                <form method="post" action=heed class="inline">
                    {csrf(context)}
                    {hidden("return_to", context.path.clone())}
                    {submit(context, &format!("List {customer_id} again"), "btn sm", Role::Support)}
                </form>
            }
            .into_any();
        }
        let choose = view! { <a class="btn sm" href=href.to_owned()>"Choose user…"<span class="vh">" for "{customer_id.clone()}</span></a> };
        let ignore = view! { <a class="btn sm" href=format!("{href}#ignore")>"Ignore…"<span class="vh">" "{customer_id.clone()}</span></a> };
        let exact = self.guess.as_ref().filter(|guess| guess.confidence == Confidence::Exact).map(|guess| {
            view! {
                <form method="post" action="/admin/mappings" class="inline">
                    {csrf(context)}
                    {hidden("return_to", context.path.clone())}
                    {hidden("customer_id", customer_id.clone())}
                    {hidden("user_id", guess.user_id.clone())}
                    {submit(context, &format!("Link to {}", guess.user_id), "btn sm primary", Role::Support)}
                </form>
            }
        });
        view! { <div class="row">{exact}{choose}{ignore}</div> }.into_any()
    }

    fn heading(&self) -> String {
        self.email.as_ref().or(self.name.as_ref()).unwrap_or(&self.customer_id).clone()
    }

    fn view(&self, context: &Context) -> AnyView {
        let href = format!("/admin/unattributed/{}", segment(&self.customer_id));
        let below = (self.heading() != self.customer_id)
            .then(|| view! { <small class="mono">{self.customer_id.clone()}</small> });
        let pays: Vec<_> =
            self.pays.iter().map(|payment| view! { <li class="nowrap">{payment.words()}</li> }).collect();
        let pays = if pays.is_empty() {
            view! { <span class="muted">"nothing now"</span> }.into_any()
        } else {
            view! { <ul>{pays}</ul> }.into_any()
        };
        let guess = match (&self.ignored, self.guess.clone()) {
            (Some(ignored), _) => view! {
                {ignored.reason.clone()}<small>{actor(&ignored.actor)}", "{time(ignored.at, context.now)}</small>
            }
            .into_any(),
            (None, Some(guess)) => view! {
                <span class="mono">{guess.user_id}</span>" "{guess.confidence.chip()}<small>{guess.why}</small>
            }
            .into_any(),
            (None, None) => view! { <span class="muted">"none"</span> }.into_any(),
        };
        let action = self.action(context, &href);
        view! {
            <tr>
                <th scope="row"><a href=href>{self.heading()}</a>{below}</th>
                <td>{pays}</td>
                <td class="num">{self.events}</td>
                <td class="nowrap">{time(self.first_seen_at, context.now)}</td>
                <td>{guess}</td>
                <td>{action}</td>
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
            None => view! { {self.form(context)}{self.suggestions(context)}{self.ignoring(context)} }.into_any(),
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
                    <td class="wide">{guess.confidence.chip()}" "{guess.why.clone()}</td>
                    <td>
                        <a class="btn sm" href=address("/admin/mappings/link", &[("customer_id", &self.row.customer_id), ("user_id", &guess.user_id), ("return_to", &context.path)])>
                            "Review"<span class="vh">" linking to " {guess.user_id.clone()}</span>
                        </a>
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

    /// A payer whom nobody is to be found for, such as a test of one's own.
    fn ignoring(&self, context: &Context) -> AnyView {
        let customer_id = segment(&self.row.customer_id);
        if let Some(ignored) = &self.row.ignored {
            let words = view! {
                <p class="pad">
                    {actor(&ignored.actor)}" took it off the list, "{time(ignored.at, context.now)}": "{ignored.reason.clone()}
                </p>
            };
            let heed = action_button(
                context,
                format!("/admin/unattributed/{customer_id}/heed"),
                "List it again",
                "btn sm",
                Role::Support,
            );
            return card("Ignored", heed, words);
        }
        let error = context.error("ignore-reason").map(str::to_owned);
        let described = if error.is_some() { "ignore-error ignore-hint" } else { "ignore-hint" };
        let form = view! {
            <form method="post" action=format!("/admin/unattributed/{customer_id}/ignore") class="form pad" id="ignore">
                {csrf(context)}
                {hidden("return_to", "/admin/unattributed".to_owned())}
                <div class="field">
                    <label for="ignore-reason">"Reason"</label>
                    <p class="hint" id="ignore-hint">"At least 5 characters, such as: a test of our own. It is kept in the audit log."</p>
                    <input id="ignore-reason" name="reason" type="text" required=true minlength="5" autocomplete="off"
                        aria-describedby=described aria-invalid=error.is_some().then_some("true") />
                    {error.clone().map(|error| view! { <p class="error" id="ignore-error">{error}</p> })}
                </div>
                <p class="muted">"It pays and gives nobody access, as now; it is only listed no longer."</p>
                <div class="actions">{submit(context, "Ignore customer", "btn", Role::Support)}</div>
            </form>
        };
        card("Nobody is to be found", (), form)
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
