//! One feature: what gives it, and who has it through what.

use domain::access::Decision;
use domain::catalog::Feature;
use domain::role::Role;
use leptos::prelude::*;

use super::catalog_filter::Filter;
use super::events::segment;
use super::policy;
use crate::components::{
    Column, Pages, Tone, address, asking_link, card, chip, crumbs, empty, filter_chips, id, number, page_head,
    shortened, status_word, table, until, verdict_chip,
};
use crate::context::Context;

/// `/admin/features/{key}`
#[derive(Clone, Debug)]
pub struct View {
    /// The feature.
    pub feature: Feature,
    /// Prices and products that give it.
    pub given_by: Vec<GivenBy>,
    /// How many more there are.
    pub more: usize,
    /// How many users have it in each way, counted to the cap and one.
    pub counts: Vec<(Way, i64)>,
    /// The way that is shown; none: all.
    pub way: Option<Way>,
    /// Who has it, by user id.
    pub holders: Vec<Holder>,
    /// The pages around this one.
    pub pages: Pages,
}

/// How somebody has a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By what was paid for.
    Paid,
    /// In a grace period.
    AtRisk,
    /// By hand.
    Override,
}

/// A price or product that gives it.
#[derive(Clone, Debug)]
pub struct GivenBy {
    /// Its name, else its id.
    pub name: String,
    /// `price_…`, `prod_…`
    pub id: String,
    /// Its page.
    pub href: String,
    /// The number it gives.
    pub value: Option<i64>,
}

/// Who has it.
#[derive(Clone, Debug)]
pub struct Holder {
    /// The user.
    pub user_id: String,
    /// The answer.
    pub decision: Decision,
}

impl Way {
    /// Each, in the order of the filter.
    pub const ALL: [Self; 3] = [Self::Paid, Self::AtRisk, Self::Override];

    /// The word in the address.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::AtRisk => "at_risk",
            Self::Override => "override",
        }
    }

    /// From the word of the address.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.as_str() == word)
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Paid => "Paid for",
            Self::AtRisk => "At risk",
            Self::Override => "By hand",
        }
    }
}

impl View {
    fn path(&self) -> String {
        format!("/admin/features/{}", segment(&self.feature.key))
    }

    /// How many have it in all; what was counted to the cap alone makes this so as well.
    fn all(&self) -> String {
        number(self.counts.iter().map(|(_, count)| count).sum())
    }

    pub(super) fn title(&self) -> String {
        format!("{} have it · {} · Features", self.all(), self.feature.key)
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let key = &self.feature.key;
        let delete = asking_link(context, &format!("{}/delete", self.path()), "Delete", key, Role::Admin);
        view! {
            {crumbs(&[("Features", "/admin/features".into())], key)}
            {page_head(self.feature.name.clone().unwrap_or_else(|| key.clone()), delete)}
            <p class="row">{id(key, "feature key")}<span class="muted">{self.feature.kind.as_str()}</span></p>
            {self.given_by_card()}
            {self.holders_card(context)}
            {self.pages.view(("user", "users"))}
        }
        .into_any()
    }

    fn given_by_card(&self) -> AnyView {
        let told = Some(policy::summary(&self.feature.policy)).filter(|told| !told.is_empty());
        let told = told.unwrap_or_else(|| "the installation's".into());
        let policy = view! { <a class="btn sm" href=format!("{}/policy", self.path())>{format!("Policy: {told}")}</a> };
        if self.given_by.is_empty() {
            let body = view! { <p class="pad">"No price and no product gives it. "<a href="/admin/catalog">"Give it to a price"</a></p> };
            return card("Given by", policy, body);
        }
        let numbers = self.given_by.iter().any(|given| given.value.is_some());
        let columns = [Column::new("Price or product", 20), Column::new("Id", 20), Column::of_numbers("Number", 6)];
        let columns = if numbers { &columns[..] } else { &columns[..2] };
        let rows = self.given_by.iter().map(|given| {
            view! {
                <tr>
                    <th scope="row"><a href=given.href.clone()>{given.name.clone()}</a></th>
                    <td class="mono">{given.id.clone()}</td>
                    {numbers.then(|| view! { <td class="num">{given.value}</td> })}
                </tr>
            }
            .into_any()
        });
        let more = (self.more > 0).then(|| {
            let all = Filter { gives: self.feature.key.clone(), ..Filter::default() };
            view! { <p class="pad"><a href=all.href()>{format!("And {} more: all that give it", self.more)}</a></p> }
        });
        card("Given by", policy, view! { {table("Given by", columns, rows.collect())}{more} })
    }

    fn holders_card(&self, context: &Context) -> AnyView {
        let path = self.path();
        let all = (format!("All {}", self.all()), path.clone(), self.way.is_none());
        let ways = self.counts.iter().map(|(way, count)| {
            (
                format!("{} {}", way.words(), number(*count)),
                address(&path, &[("way", way.as_str())]),
                self.way == Some(*way),
            )
        });
        let chips = filter_chips("How they have it", [all].into_iter().chain(ways).collect());
        if self.holders.is_empty() {
            let words = if self.way.is_some() { "Nobody has it in this way." } else { "Nobody has it." };
            return view! { {chips}{empty("Nobody", view! { <p>{words}</p> })} }.into_any();
        }
        let rows = self.holders.iter().map(|holder| {
            let decision = &holder.decision;
            let user =
                address(&format!("/admin/customers/{}", segment(&holder.user_id)), &[("feature", &self.feature.key)]);
            let sources: Vec<_> =
                decision.sources.iter().map(|source| source_link(&holder.user_id, &source.id)).collect();
            let value = decision.value.map(|value| chip(Tone::Neutral, format!("up to {value}")));
            view! {
                <tr>
                    <th scope="row"><a href=user>{holder.user_id.clone()}</a></th>
                    <td>{verdict_chip(decision)}{value}</td>
                    <td>{status_word(decision.reason.as_str())}</td>
                    <td>{sources}</td>
                    <td class="nowrap">{until(decision.until, context.now)}</td>
                </tr>
            }
            .into_any()
        });
        let columns = [("User", 14), ("Answer", 12), ("Because", 12), ("Through", 16), ("Until", 7)];
        view! { {chips}{card("Who has it", (), table("Who has it", &columns, rows.collect()))} }.into_any()
    }
}

/// Where that which gives it stands.
fn source_link(user_id: &str, id: &str) -> AnyView {
    let href = match id.split_once('_') {
        Some(("sub", _)) => format!("/admin/subscriptions/{}", segment(id)),
        Some(("ovr", _)) => format!("/admin/customers/{}?tab=overrides#tab", segment(user_id)),
        _ => format!("/admin/customers/{}?link=subscription#link", segment(user_id)),
    };
    view! { <a class="mono" href=href title=id.to_owned()>{shortened(id)}</a>" " }.into_any()
}
