//! One customer compared with Stripe: what differs, what would change with it, and the button that mends it.

use domain::Timestamp;
use domain::role::Role;
use leptos::prelude::*;

use crate::components::{Tone, action_button, card, chip, crumbs, empty, page_head, status_word, table, time};
use crate::context::Context;

/// `/admin/customers/{id}/compare`
#[derive(Clone, Debug)]
pub struct View {
    /// Who the page of the customer is about.
    pub heading: String,
    /// Path of that page.
    pub back: String,
    /// Where the form goes that applies what Stripe says.
    pub action: String,
    /// Each Stripe customer of it.
    pub customers: Vec<Compared>,
    /// When Stripe was asked.
    pub read_at: Timestamp,
}

/// A Stripe customer and what comparing it found.
#[derive(Clone, Debug)]
pub struct Compared {
    /// `cus_…`
    pub id: String,
    /// What differs; or why nobody can tell.
    pub found: Result<Vec<Difference>, String>,
}

/// Something that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Such as `status of sub_1`.
    pub what: String,
    /// What kind of difference it is, in words.
    pub kind: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// Ours.
    pub ours: Option<String>,
    /// Stripe's.
    pub theirs: Option<String>,
}

/// How much a difference matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Names and the like.
    Low,
    /// What access rests on.
    Medium,
    /// Somebody's access changes with it.
    High,
}

impl Severity {
    /// Its chip.
    const fn chip(self) -> (Tone, &'static str) {
        match self {
            Self::High => (Tone::Bad, "Access"),
            Self::Medium => (Tone::Warn, "Payment"),
            Self::Low => (Tone::Neutral, "Details"),
        }
    }
}

fn words(value: Option<&String>) -> String {
    value.map_or_else(|| "nothing".to_owned(), |value| status_word(value))
}

/// Differences as a list, for a cell.
pub(super) fn differences(found: &[Difference]) -> AnyView {
    let lines: Vec<_> = found
        .iter()
        .map(|difference| {
            let (tone, word) = difference.severity.chip();
            let change = match (&difference.ours, &difference.theirs) {
                (None, None) => difference.what.clone(),
                (ours, theirs) => {
                    let (ours, theirs) = (words(ours.as_ref()), words(theirs.as_ref()));
                    format!("{}: ours is {ours}, Stripe's is {theirs}.", difference.what)
                }
            };
            view! { <li>{chip(tone, word)}" "{change}</li> }
        })
        .collect();
    view! { <ul class="stack tight">{lines}</ul> }.into_any()
}

impl View {
    fn number(&self) -> usize {
        self.customers.iter().filter_map(|customer| customer.found.as_ref().ok()).map(Vec::len).sum()
    }

    pub(super) fn title(&self) -> String {
        if self.customers.iter().any(|customer| customer.found.is_err()) {
            return format!("Unknown · {} · Compare with Stripe", self.heading);
        }
        match self.number() {
            _ if self.customers.is_empty() => format!("Nothing to compare · {} · Compare with Stripe", self.heading),
            0 => format!("In sync · {} · Compare with Stripe", self.heading),
            1 => format!("1 difference · {} · Compare with Stripe", self.heading),
            number => format!("{number} differences · {} · Compare with Stripe", self.heading),
        }
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let differs = self.number() > 0;
        let apply = differs.then(|| {
            action_button(context, self.action.clone(), "Apply what Stripe says", "btn primary", Role::Support)
        });
        let customers: Vec<_> = self.customers.iter().map(Compared::view).collect();
        let customers = if customers.is_empty() {
            empty("No Stripe customer is linked to this user", view! { <p>"There is nothing to compare."</p> })
        } else {
            customers.into_any()
        };
        view! {
            {crumbs(&[("Customers", "/admin/customers".into()), (&self.heading, self.back.clone())], "Compare with Stripe")}
            {page_head("Compare with Stripe", apply)}
            <p>"Stripe was asked "{time(self.read_at, context.now)}". Nothing was changed by it."</p>
            {customers}
        }
        .into_any()
    }
}

impl Compared {
    fn view(&self) -> AnyView {
        let body = match &self.found {
            Err(error) => {
                view! { <p class="pad">{format!("Stripe could not be asked, so nobody can tell: {error}")}</p> }
                    .into_any()
            }
            Ok(found) if found.is_empty() => {
                view! { <p class="pad">{chip(Tone::Ok, "In sync")}" Everything is as Stripe has it."</p> }.into_any()
            }
            Ok(found) => table(
                "Differences",
                &["What", "Kind", "Matters for", "Ours", "Stripe's"],
                found.iter().map(Difference::view).collect(),
            ),
        };
        card(self.id.clone(), (), body)
    }
}

impl Difference {
    fn view(&self) -> AnyView {
        let (tone, word) = self.severity.chip();
        view! {
            <tr>
                <th scope="row" class="wrap-any">{self.what.clone()}</th>
                <td>{self.kind}</td>
                <td>{chip(tone, word)}</td>
                <td>{words(self.ours.as_ref())}</td>
                <td>{words(self.theirs.as_ref())}</td>
            </tr>
        }
        .into_any()
    }
}
