//! Where is this id?

use domain::role::Role;
use leptos::prelude::*;

use crate::components::{card, csrf, empty, page_head, submit};
use crate::context::Context;

/// `/admin/search`
#[derive(Clone, Debug, Default)]
pub struct View {
    /// What was searched for.
    pub query: String,
    /// What was found.
    pub hits: Vec<Hit>,
    /// What Stripe has of it.
    pub stripe: AtStripe,
}

/// What Stripe has of a customer's id or e-mail address.
#[derive(Clone, Debug)]
pub enum AtStripe {
    /// Nobody has asked Stripe.
    NotAsked {
        /// Where it is asked; none where it cannot be, for want of a key, of the role, or of anything to ask for.
        href: Option<String>,
    },
    /// Its answer.
    Found(Vec<StripeCustomer>),
    /// It did not answer: why.
    Failed(String),
}

impl Default for AtStripe {
    fn default() -> Self {
        Self::NotAsked { href: None }
    }
}

/// A customer at Stripe.
#[derive(Clone, Debug)]
pub struct StripeCustomer {
    /// `cus_…`
    pub id: String,
    /// Name or e-mail address.
    pub label: Option<String>,
    /// Path of its page.
    pub href: String,
    /// Whether it is known here.
    pub is_here: bool,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// `Customer`, `Event` …
    pub kind: &'static str,
    /// What people call it.
    pub label: String,
    /// Its id.
    pub id: String,
    /// Path of its page.
    pub href: String,
}

impl View {
    pub(super) fn title(&self) -> String {
        format!("{} found · Search", self.hits.len())
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        if self.query.is_empty() {
            let body = view! { <p>"By e-mail address, name or any id, such as a user's, cus_, sub_, evt_ or cs_."</p> };
            return view! { {page_head("Search", ())}{empty("What are you looking for?", body)} }.into_any();
        }
        if self.hits.is_empty() {
            let body = view! {
                <p>"No customer, subscription or event here has or begins with " <strong>{self.query.clone()}</strong> "."</p>
                <p>"It may belong to the other mode, or its event never came."</p>
                <p><a class="btn" href="/admin/validator">"Check the set-up"</a></p>
            };
            return view! { {page_head("Search", ())}{empty("Nothing found", body)}{self.stripe_card(context)} }
                .into_any();
        }
        view! {
            {page_head(format!("Found for “{}”", self.query), ())}
            <div class="card">{hits_list(&self.hits)}</div>
            {self.stripe_card(context)}
        }
        .into_any()
    }

    fn stripe_card(&self, context: &Context) -> AnyView {
        let body = match &self.stripe {
            AtStripe::NotAsked { href: None } => return ().into_any(),
            AtStripe::NotAsked { href: Some(href) } => view! {
                <p class="pad">"Not here? " <a class="btn sm" href=href.clone()>"Search Stripe for " {self.query.clone()}</a></p>
            }
            .into_any(),
            AtStripe::Failed(why) => {
                view! { <p class="pad error" role="alert">"Stripe did not answer: " {why.clone()}</p> }.into_any()
            }
            AtStripe::Found(found) if found.is_empty() => {
                view! { <p class="pad">"Stripe has no such customer in " {context.livemode.as_str()} " mode."</p> }.into_any()
            }
            AtStripe::Found(found) => {
                let found: Vec<_> = found.iter().map(|customer| at_stripe(customer, context)).collect();
                view! { <ul class="pad stack tight">{found}</ul> }.into_any()
            }
        };
        card("At Stripe", (), body)
    }
}

/// A customer at Stripe, and what can be done: open it, or read it in first.
fn at_stripe(customer: &StripeCustomer, context: &Context) -> AnyView {
    let label = customer.label.clone().map(|label| view! { <span>{label}</span> });
    let todo = if customer.is_here {
        view! { <a href=customer.href.clone()>"Open"<span class="vh">" " {customer.id.clone()}</span></a> }.into_any()
    } else {
        let label = format!("Read {} from Stripe", customer.id);
        view! {
            <form method="post" action=format!("{}/resync", customer.href) class="inline">
                {csrf(context)}
                {submit(context, &label, "btn sm", Role::Support)}
            </form>
        }
        .into_any()
    };
    view! { <li class="row"><span class="mono">{customer.id.clone()}</span>{label}{todo}</li> }.into_any()
}

/// Hits as a list of links.
pub(super) fn hits_list(hits: &[Hit]) -> AnyView {
    let hits: Vec<_> = hits
        .iter()
        .map(|hit| {
            let id = (hit.id != hit.label).then(|| view! { <span class="mono muted">{hit.id.clone()}</span> });
            view! {
                <li class="row">
                    <span class="muted hit-kind">{hit.kind}</span>
                    <a href=hit.href.clone()>{hit.label.clone()}</a>
                    {id}
                </li>
            }
        })
        .collect();
    view! { <ul class="pad stack tight">{hits}</ul> }.into_any()
}
