//! All prices and products, and what of them is paid for and gives nothing.

use domain::Timestamp;
use domain::catalog::{FeatureGrant, GrantSource, counting};
use domain::role::Role;
use leptos::prelude::*;

use super::features::feature_form;
use super::grant_chips;
use crate::components::{
    Column, Pages, Tone, action_button, card, chip, empty, error_summary, id, money, page_head, table,
};
use crate::context::Context;
use crate::pages::catalog_filter::Filter;

/// `/admin/catalog`
#[derive(Clone, Debug)]
pub struct View {
    /// Prices and products.
    pub rows: Vec<Row>,
    /// What narrows them.
    pub filter: Filter,
    /// Some that are paid for and give nothing.
    pub idle: Vec<Row>,
    /// How many are.
    pub number: i64,
    /// Some of which what Stripe says cannot be read.
    pub faulty: Vec<Row>,
    /// Whether there is any price or product.
    pub ever: bool,
    /// The pages around this one.
    pub pages: Pages,
    /// Whether there is any feature to give.
    pub has_features: bool,
    /// Whether there is a key to read products from Stripe with.
    pub can_read: bool,
}

/// A price or a product.
#[derive(Clone, Debug)]
pub struct Row {
    /// `price_…`, `prod_…`
    pub id: String,
    /// Whether it is a product.
    pub is_product: bool,
    /// Its name, or that of its product; empty when Stripe never told.
    pub name: String,
    /// The page where it is edited.
    pub href: String,
    /// The amount in the currency's smallest unit.
    pub amount: Option<i64>,
    /// ISO code in lower case.
    pub currency: Option<String>,
    /// `day`, `week`, `month` or `year`.
    pub interval: Option<String>,
    /// Whether Stripe told us of it.
    pub known: bool,
    /// Whether it can still be bought.
    pub active: bool,
    /// What cannot be read of the features its metadata names, a sentence each.
    pub faults: Vec<String>,
    /// Why the last read of a product from Stripe failed.
    pub read_error: Option<String>,
    /// When a product was last read from Stripe, with the features it carries.
    pub synced_at: Option<Timestamp>,
    /// All that is said of what it gives by itself, the strongest source of a feature first.
    pub grants: Vec<FeatureGrant>,
    /// What a price gives through its product.
    pub from_product: Vec<FeatureGrant>,
    /// Customers with a subscription to it that has not ended.
    pub customers: i64,
}

impl Row {
    /// Paid for, and gives nothing: those who pay are denied everything.
    #[must_use]
    pub const fn is_paid_for_nothing(&self) -> bool {
        !self.is_product && self.customers > 0 && self.grants.is_empty() && self.from_product.is_empty()
    }

    /// Who says what it gives, in few words.
    fn sources(&self) -> String {
        let mut sources: Vec<GrantSource> =
            counting(&self.grants).chain(counting(&self.from_product)).map(|grant| grant.source).collect();
        sources.sort_unstable_by(|a, b| b.cmp(a));
        sources.dedup();
        let words = |source| match source {
            GrantSource::Manual => "Here",
            GrantSource::Metadata => "Metadata",
            GrantSource::Stripe => "Stripe features",
        };
        sources.into_iter().map(words).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn label(&self) -> String {
        if self.name.is_empty() { self.id.clone() } else { self.name.clone() }
    }

    pub(super) fn amount_words(&self) -> String {
        if self.is_product || !self.known {
            return String::new();
        }
        let amount = money(self.amount, self.currency.as_deref());
        match &self.interval {
            Some(interval) => format!("{amount} per {interval}"),
            None => format!("{amount} once"),
        }
    }

    pub(super) const fn kind(&self) -> &'static str {
        if self.is_product { "Product" } else { "Price" }
    }
}

impl View {
    pub(in crate::pages) fn title(&self) -> String {
        "Catalog".into()
    }

    pub(in crate::pages) fn body(&self, context: &Context) -> AnyView {
        // One who narrows the list knows what stands above it.
        let idle = if self.filter.is_empty() { &self.idle[..] } else { &[] };
        let read = self.can_read.then(|| {
            action_button(context, "/admin/catalog/read".into(), "Read products from Stripe", "btn", Role::Support)
        });
        let actions = view! { {read} <a class="btn" href="/admin/features">"Features"</a> };
        view! {
            {page_head("Catalog", actions)}
            {error_summary(context)}
            // A refused feature comes back to this page: here is where it can be mended.
            {(!context.form.errors.is_empty()).then(|| feature_form(context))}
            {(!self.has_features).then(|| view! {
                <div class="banner" data-tone="warn">
                    <p>"There is no feature yet, so nothing can give one. " <a href="/admin/features">"Create the first feature"</a></p>
                </div>
            })}
            {self.unreadable()}
            {(!idle.is_empty()).then(|| paid_for_nothing(idle))}
            {self.ever.then(|| self.filter.view(self.number))}
            {self.list()}
            {self.pages.view(("price or product", "prices and products"))}
        }
        .into_any()
    }

    /// What stands in Stripe and does not work.
    fn unreadable(&self) -> AnyView {
        let lines: Vec<AnyView> = self
            .faulty
            .iter()
            .flat_map(|row| row.faults.iter().chain(&row.read_error).map(move |fault| (row, fault)))
            .map(|(row, fault)| {
                view! { <li><a href=row.href.clone()>{row.label()}</a> ": " {fault.clone()}</li> }.into_any()
            })
            .collect();
        if lines.is_empty() {
            return ().into_any();
        }
        view! { <div class="banner" data-tone="warn"><p>"Some features named in Stripe do not work:"</p><ul>{lines}</ul></div> }
            .into_any()
    }

    fn list(&self) -> AnyView {
        if self.rows.is_empty() && self.ever {
            let words = view! { <p><a class="btn" href="/admin/catalog">"Show all"</a></p> };
            return empty("No price and no product matches", words);
        }
        if self.rows.is_empty() {
            let words = view! {
                <p>"Prices and products appear when the first subscription or price event arrives."</p>
                <p><a class="btn" href="/admin/validator">"Check the set-up"</a></p>
            };
            return empty("Nothing is sold yet", words);
        }
        let rows = self.rows.iter().map(catalog_row).collect();
        let columns = [
            Column::new("Product or price", 16),
            Column::new("Kind", 6),
            Column::new("Amount", 9),
            Column::new("Gives", 14),
            Column::new("Source", 9),
            Column::of_numbers("Customers", 6),
        ];
        card("Prices and products", (), table("Prices and products", &columns, rows))
    }
}

fn paid_for_nothing(rows: &[Row]) -> AnyView {
    let rows = rows
        .iter()
        .map(|row| {
            let (href, label) = (row.href.clone(), row.label());
            let words = format!("Give features to {label}");
            view! {
                <tr>
                    <th scope="row"><a href=href.clone()>{label}</a></th>
                    <td>{id(&row.id, "price id")}</td>
                    <td>{row.amount_words()}</td>
                    <td class="num">{row.customers}</td>
                    <td><a class="btn sm primary" href=href aria-label=words>"Give features"</a></td>
                </tr>
            }
            .into_any()
        })
        .collect();
    let columns = [
        Column::new("Price", 14),
        Column::new("Id", 16),
        Column::new("Amount", 10),
        Column::of_numbers("Customers", 6),
        Column::new("What to do", 9),
    ];
    card(
        "Paid for and gives nothing",
        chip(Tone::Warn, "Denied although they pay"),
        table("Paid for and gives nothing", &columns, rows),
    )
}

fn catalog_row(row: &Row) -> AnyView {
    let state = if !row.known {
        Some(chip(Tone::Neutral, "Not seen from Stripe"))
    } else if !row.active {
        Some(chip(Tone::Neutral, "Archived"))
    } else {
        None
    };
    let given = if row.grants.is_empty() && row.from_product.is_empty() {
        let tone = if row.customers > 0 && !row.is_product { Tone::Warn } else { Tone::Neutral };
        chip(tone, "Nothing").into_any()
    } else {
        let own = grant_chips(&row.grants);
        let through = (!row.from_product.is_empty())
            .then(|| view! { <span class="muted">"through its product: "</span> {grant_chips(&row.from_product)} });
        view! { {own} {through} }.into_any()
    };
    view! {
        <tr>
            <th scope="row"><a href=row.href.clone()>{row.label()}</a><div class="row">{id(&row.id, "id")} {state}</div></th>
            <td>{row.kind()}</td>
            <td class="nowrap">{row.amount_words()}</td>
            <td class="wide"><div class="row">{given}</div></td>
            <td>{row.sources()}</td>
            <td class="num">{row.customers}</td>
        </tr>
    }
    .into_any()
}
