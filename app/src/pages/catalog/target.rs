//! One price or product: what it gives, who says so, and the form that sets it.

use domain::access::PolicyExceptions;
use domain::catalog::{Feature, FeatureGrant, GrantSource, counting};
use domain::role::Role;
use leptos::prelude::*;

use super::list::Row;
use super::{grant_chips, with_value};
use crate::components::{
    Tone, card, chip, crumbs, csrf, empty, error_summary, feature_choice, feature_group, guarded, id, page_head,
    purchase_fields, submit, table, time,
};
use crate::context::Context;
use crate::pages::policy;

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

impl Target {
    pub(in crate::pages) fn title(&self) -> String {
        format!("{} · Catalog", self.row.label())
    }

    pub(in crate::pages) fn body(&self, context: &Context) -> AnyView {
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
            <form method="post" action=self.row.href.clone() class="form pad" data-guarded=guarded(context)>
                {csrf(context)}
                {feature_group(context, hint, choices.collect())}
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

const fn source_words(source: GrantSource) -> &'static str {
    match source {
        GrantSource::Manual => "Set here",
        GrantSource::Metadata => "Metadata in Stripe",
        GrantSource::Stripe => "Product features in Stripe",
    }
}
