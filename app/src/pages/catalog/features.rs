//! Every feature, what gives it, and the form that makes one or changes it.

use domain::catalog::{Feature, FeatureType};
use domain::role::Role;
use leptos::prelude::*;

use super::with_value;
use crate::components::{
    Pages, Tone, active_filters, asking_link, card, chip, csrf, empty, error_summary, field, hidden, page_head,
    select_field, submit, table,
};
use crate::context::Context;
use crate::pages::catalog_filter::Filter;
use crate::pages::policy;

/// `/admin/features`
#[derive(Clone, Debug)]
pub struct Features {
    /// Features, by key.
    pub rows: Vec<FeatureRow>,
    /// What their keys or names are searched for.
    pub query: String,
    /// Whether there is any.
    pub ever: bool,
    /// The pages around this one.
    pub pages: Pages,
}

/// A feature with what gives it.
#[derive(Clone, Debug)]
pub struct FeatureRow {
    /// The feature.
    pub feature: Feature,
    /// Some of the prices and products that do: name, page, value.
    pub given_by: Vec<(String, String, Option<i64>)>,
    /// How many more there are.
    pub more: usize,
}

impl Features {
    pub(in crate::pages) fn title(&self) -> String {
        "Features".into()
    }

    pub(in crate::pages) fn body(&self, context: &Context) -> AnyView {
        let list = if self.rows.is_empty() && self.ever {
            empty("No feature matches", view! { <p><a class="btn" href="/admin/features">"Show all"</a></p> })
        } else if self.rows.is_empty() {
            empty(
                "No feature yet",
                view! { <p>"A feature is what your application asks for by its key, such as pro or seats."</p> },
            )
        } else {
            let rows = self.rows.iter().map(|row| feature_row(context, row)).collect();
            card(
                "All features",
                (),
                table(
                    "Features",
                    &[("Feature", 14), ("Name", 12), ("Type", 6), ("Given by", 13), ("Policy", 10), ("Delete", 6)],
                    rows,
                ),
            )
        };
        view! {
            {page_head("Features", view! { <a class="btn" href="/admin/catalog">"Catalog"</a> })}
            {error_summary(context)}
            {self.ever.then(|| self.search())}
            {list}
            {self.pages.view(("feature", "features"))}
            {feature_form(context)}
        }
        .into_any()
    }

    fn search(&self) -> AnyView {
        let searched =
            (!self.query.is_empty()).then(|| (format!("Holds “{}”", self.query), "/admin/features".to_owned()));
        view! {
            <form class="filters" action="/admin/features">
                <div class="field grow">
                    <label for="find">"Key or name holds"</label>
                    <input id="find" name="q" type="search" value=self.query.clone() autocomplete="off" />
                </div>
                <button type="submit" class="btn">"Find"</button>
            </form>
            {active_filters(searched.into_iter().collect(), "/admin/features")}
        }
        .into_any()
    }
}

/// The form of one feature: a key that is there already is changed.
pub(super) fn feature_form(context: &Context) -> AnyView {
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
        let more = (row.more > 0).then(|| {
            let all = Filter { gives: row.feature.key.clone(), ..Filter::default() };
            view! { <a href=all.href()>{format!("and {} more", row.more)}<span class="vh">" that give " {row.feature.key.clone()}</span></a> }
        });
        view! { <div class="row">{given} {more}</div> }.into_any()
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
