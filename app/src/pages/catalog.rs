//! The catalog: which price or product gives which feature, and what is paid for and gives nothing.

use domain::Timestamp;
use domain::access::PolicyExceptions;
use domain::catalog::{Feature, FeatureGrant, FeatureType, GrantSource, counting};
use domain::role::Role;
use leptos::prelude::*;

use super::policy;
use crate::components::{
    Tone, action_button, asking_link, card, chip, confirmation, crumbs, csrf, empty, error_summary, feature_choice,
    feature_group, field, hidden, id, money, page_head, purchase_fields, select_field, submit, table, time,
};
use crate::context::Context;

/// `/admin/catalog`
#[derive(Clone, Debug)]
pub struct View {
    /// Prices and products.
    pub rows: Vec<Row>,
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

    fn label(&self) -> String {
        if self.name.is_empty() { self.id.clone() } else { self.name.clone() }
    }

    fn amount_words(&self) -> String {
        if self.is_product || !self.known {
            return String::new();
        }
        let amount = money(self.amount, self.currency.as_deref());
        match &self.interval {
            Some(interval) => format!("{amount} per {interval}"),
            None => format!("{amount} once"),
        }
    }

    const fn kind(&self) -> &'static str {
        if self.is_product { "Product" } else { "Price" }
    }
}

/// `/admin/catalog/prices/{id}` and `/admin/catalog/products/{id}`
#[derive(Clone, Debug)]
pub struct Target {
    /// The price or product.
    pub row: Row,
    /// Every feature, by key.
    pub features: Vec<Feature>,
    /// The product of a price: its id and page.
    pub product: Option<(String, String)>,
    /// Where a price departs from the installation's policy; none: a product has no policy.
    pub policy: Option<PolicyExceptions>,
}

/// `/admin/features`
#[derive(Clone, Debug)]
pub struct Features {
    /// Features, by key.
    pub rows: Vec<FeatureRow>,
}

/// A feature with what gives it.
#[derive(Clone, Debug)]
pub struct FeatureRow {
    /// The feature.
    pub feature: Feature,
    /// Prices and products: name, page, value.
    pub given_by: Vec<(String, String, Option<i64>)>,
}

impl View {
    pub(super) fn title(&self) -> String {
        "Catalog".into()
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let idle: Vec<&Row> = self.rows.iter().filter(|row| row.is_paid_for_nothing()).collect();
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
            {(!idle.is_empty()).then(|| paid_for_nothing(&idle))}
            {self.list()}
        }
        .into_any()
    }

    /// What stands in Stripe and does not work.
    fn unreadable(&self) -> AnyView {
        let lines: Vec<AnyView> = self
            .rows
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
        if self.rows.is_empty() {
            let words = view! {
                <p>"Prices and products appear when the first subscription or price event arrives."</p>
                <p><a class="btn" href="/admin/validator">"Check the set-up"</a></p>
            };
            return empty("Nothing is sold yet", words);
        }
        let rows = self.rows.iter().map(catalog_row).collect();
        let columns = ["Product or price", "Kind", "Amount", "Gives", "Source", "Customers"];
        card("Prices and products", (), table("Prices and products", &columns, rows))
    }
}

fn paid_for_nothing(rows: &[&Row]) -> AnyView {
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
    let columns = ["Price", "Id", "Amount", "Customers", "What to do"];
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

const fn source_words(source: GrantSource) -> &'static str {
    match source {
        GrantSource::Manual => "Set here",
        GrantSource::Metadata => "Metadata in Stripe",
        GrantSource::Stripe => "Product features in Stripe",
    }
}

fn grant_chips(grants: &[FeatureGrant]) -> Vec<AnyView> {
    let words = |grant: &FeatureGrant| {
        let lasts = grant.duration.map(|term| format!(" for {term}")).unwrap_or_default();
        let credits = grant.credits.map(|credits| format!(" ({credits} credits)")).unwrap_or_default();
        format!("{}{credits}{lasts}", with_value(&grant.feature, grant.value))
    };
    counting(grants).map(|grant| chip(Tone::Ok, words(grant)).into_any()).collect()
}

fn with_value(name: &str, value: Option<i64>) -> String {
    value.map_or_else(|| name.to_owned(), |value| format!("{name}: {value}"))
}

impl Target {
    pub(super) fn title(&self) -> String {
        format!("{} · Catalog", self.row.label())
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let row = &self.row;
        let what = if row.is_product { "product id" } else { "price id" };
        let is_once = row.known && !row.is_product && row.interval.is_none();
        let affected = match (row.customers, row.is_product) {
            (0, false) if is_once => "Bought once: a change works at once for those who bought it.".to_owned(),
            (0, _) => "Nobody has a subscription to it now.".to_owned(),
            (1, _) => "1 customer has a subscription to it: a change works for them at once.".to_owned(),
            (customers, _) => {
                format!("{customers} customers have a subscription to it: a change works for them at once.")
            }
        };
        let once = is_once.then(|| {
            view! { <p class="muted">"It gives its features when it is paid for by itself: by a Checkout of mode payment or by an invoice of no subscription. As one more line of a subscription's Checkout it gives nothing."</p> }
        });
        let unknown = (!row.known)
            .then(|| view! { <p>{chip(Tone::Neutral, "Not seen from Stripe")} " What is set here works as soon as somebody buys it."</p> });
        let product = self.product.clone().map(|(product, href)| {
            let gives = if row.from_product.is_empty() {
                "gives nothing by itself".into_any()
            } else {
                grant_chips(&row.from_product).into_any()
            };
            view! { <dt>"Product"</dt><dd><a href=href>{product}</a> " " {gives}</dd> }
        });
        // Trials, graces and pauses are of subscriptions alone.
        let policy = self.policy.filter(|_| !is_once).map(|own| {
            let told = Some(policy::summary(&own)).filter(|told| !told.is_empty());
            let told = told.unwrap_or_else(|| "as the installation has it".into());
            let href = format!("{}/policy", row.href);
            view! { <dt>"Trials, grace, pauses"</dt><dd>{told} " " <a href=href>"Change the policy"</a></dd> }
        });
        view! {
            {crumbs(&[("Catalog", "/admin/catalog".into())], &row.label())}
            {page_head(row.label(), ())}
            <dl class="kv">
                <dt>{row.kind()}</dt><dd>{id(&row.id, what)}</dd>
                {(!row.amount_words().is_empty()).then(|| view! { <dt>"Amount"</dt><dd>{row.amount_words()}</dd> })}
                {product}
                <dt>"Customers"</dt><dd>{affected}</dd>
                {policy}
            </dl>
            {unknown}
            {once}
            {error_summary(context)}
            {self.said_by_stripe(context)}
            {self.form(context)}
        }
        .into_any()
    }

    /// What Stripe says of it, what of that counts, and what cannot be read.
    fn said_by_stripe(&self, context: &Context) -> AnyView {
        let row = &self.row;
        let told: Vec<&FeatureGrant> = row.grants.iter().filter(|grant| !grant.source.is_manual()).collect();
        if told.is_empty() && row.faults.is_empty() && row.read_error.is_none() && row.synced_at.is_none() {
            return ().into_any();
        }
        let rows = told.iter().map(|grant| said_row(&row.grants, grant)).collect();
        let list = if told.is_empty() {
            view! { <p>"Neither its metadata nor its product features name any."</p> }.into_any()
        } else {
            table("Features named in Stripe", &["Feature", "Source", "Counts"], rows)
        };
        let read =
            row.synced_at.map(|at| view! { <p class="muted">"Read from Stripe " {time(at, context.now)} "."</p> });
        let faults =
            row.faults.iter().chain(&row.read_error).map(|fault| view! { <li>{fault.clone()}</li> }.into_any());
        let faults: Vec<AnyView> = faults.collect();
        let faults = (!faults.is_empty()).then(|| {
            view! { <div class="banner" data-tone="warn"><p>"Some of it does not work:"</p><ul>{faults}</ul></div> }
        });
        let body = view! {
            <div class="pad stack">
                {faults}
                {list}
                <p>"What is set here comes on top. Where several name a feature, the number set here counts, then metadata, then product features."</p>
                {read}
            </div>
        };
        card("What Stripe says", (), body)
    }

    fn form(&self, context: &Context) -> AnyView {
        if self.features.is_empty() {
            let words = view! { <p>"A price gives features, and there is none yet."</p><p><a class="btn primary" href="/admin/features">"Create a feature"</a></p> };
            return empty("No feature to give", words);
        }
        let choices = self.features.iter().map(|feature| {
            let given = self.row.grants.iter().find(|grant| grant.feature == feature.key && grant.source.is_manual());
            // What a subscription gives lasts as long as it does: only what can be bought once has a term of its own.
            let bought_once =
                self.row.interval.is_none() || given.is_some_and(|g| g.duration.is_some() || g.credits.is_some());
            let purchase = bought_once.then(|| purchase_fields(context, feature, given));
            view! { {feature_choice(context, feature, given.map(|grant| grant.value), "")} {purchase} }.into_any()
        });
        let hint = "Who pays for it has these features. Unticking takes a feature away from them.";
        let form = view! {
            <form method="post" action=self.row.href.clone() class="form pad">
                {csrf(context)}
                {feature_group(context, hint, choices.collect())}
                {confirmation(context)}
                <div class="actions">{submit(context, "Save", "btn primary", Role::Admin)}</div>
            </form>
        };
        card("What is set here", (), form)
    }
}

fn said_row(all: &[FeatureGrant], grant: &FeatureGrant) -> AnyView {
    let stronger = counting(all).find(|counting| counting.feature == grant.feature).filter(|found| *found != grant);
    let counts = match stronger {
        None => chip(Tone::Ok, "Yes"),
        Some(stronger) => chip(Tone::Neutral, format!("{} instead", source_words(stronger.source))),
    };
    view! {
        <tr>
            <th scope="row">{with_value(&grant.feature, grant.value)}</th>
            <td>{source_words(grant.source)}</td>
            <td>{counts}</td>
        </tr>
    }
    .into_any()
}

impl Features {
    pub(super) fn title(&self) -> String {
        "Features".into()
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let list = if self.rows.is_empty() {
            empty(
                "No feature yet",
                view! { <p>"A feature is what your application asks for by its key, such as pro or seats."</p> },
            )
        } else {
            let rows = self.rows.iter().map(|row| feature_row(context, row)).collect();
            card(
                "All features",
                (),
                table("Features", &["Feature", "Name", "Type", "Given by", "Policy", "Delete"], rows),
            )
        };
        view! {
            {page_head("Features", view! { <a class="btn" href="/admin/catalog">"Catalog"</a> })}
            {error_summary(context)}
            {list}
            {feature_form(context)}
        }
        .into_any()
    }
}

fn feature_form(context: &Context) -> AnyView {
    let kinds: Vec<(String, String)> = FeatureType::ALL
        .into_iter()
        .map(|kind| {
            let words = match kind {
                FeatureType::Switch => "switch: on or off",
                FeatureType::Limit => "limit: a number at once, such as seats",
                FeatureType::Metered => "metered: a number that is used up",
            };
            (kind.as_str().to_owned(), words.to_owned())
        })
        .collect();
    let form = view! {
        <form method="post" action="/admin/features" class="form pad">
            {csrf(context)}
            {hidden("return_to", "/admin/features".to_owned())}
            {field(context, "key", "Key", "text", "", "What your application asks with: letters, digits, and _ - . :", true)}
            {field(context, "name", "Name", "text", "", "For people; may stay empty.", false)}
            {select_field(context, "type", "Type", &kinds, FeatureType::Switch.as_str())}
            <div class="actions">{submit(context, "Save feature", "btn primary", Role::Admin)}</div>
        </form>
    };
    card("Create or change a feature", (), form)
}

fn feature_row(context: &Context, row: &FeatureRow) -> AnyView {
    let given: Vec<AnyView> = row
        .given_by
        .iter()
        .map(|(name, href, value)| view! { <a href=href.clone()>{with_value(name, *value)}</a> }.into_any())
        .collect();
    let given = if given.is_empty() {
        chip(Tone::Neutral, "Nothing").into_any()
    } else {
        view! { <div class="row">{given}</div> }.into_any()
    };
    let key = row.feature.key.clone();
    let href = format!("/admin/features/{key}/policy");
    let told = Some(policy::summary(&row.feature.policy)).filter(|told| !told.is_empty());
    let told = told.unwrap_or_else(|| "Installation's".into());
    let delete = asking_link(context, &format!("/admin/features/{key}/delete"), "Delete", &key, Role::Admin);
    view! {
        <tr>
            <th scope="row"><a class="mono" href=format!("/admin/features/{key}")>{key.clone()}</a></th>
            <td>{row.feature.name.clone()}</td>
            <td>{row.feature.kind.as_str()}</td>
            <td class="wide">{given}</td>
            <td><a href=href>{told}<span class="vh">" for " {row.feature.key.clone()}</span></a></td>
            <td>{delete}</td>
        </tr>
    }
    .into_any()
}
