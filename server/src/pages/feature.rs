//! The page of one feature.

use std::sync::Arc;

use app::pages::Page;
use app::pages::feature::{GivenBy, Holder, View, Way};
use domain::access::{Decision, Policy, Reason, UserFacts, decide};
use domain::catalog::{Catalog, FeatureGrant, counting};
use domain::stripe::SubscriptionStatus;
use domain::{Livemode, Timestamp};
use store::Index;
use store::records::{COUNTED, Page as Rows, Place, TargetKind};

use super::catalog::path;
use super::list::{around, export};
use super::{Ask, Loaded};
use crate::admin::customers::encoded;

/// `/admin/features/{key}`
pub(super) async fn feature(ask: &Ask<'_>, key: &str) -> Loaded {
    let catalog = ask.state.store.index().catalog(ask.livemode);
    let Some(feature) = catalog.features.get(key).cloned() else { return Ok(None) };
    let search = Search::new(ask, &catalog, key);
    let counts = search.counts();
    let chosen = chosen(ask);
    let page = search.page(chosen, &ask.place());
    let (here, way) = (format!("/admin/features/{}", encoded(key)), chosen.map(Way::as_str).unwrap_or_default());
    let mut pages = around(ask, &here, &[("way", way)], &page, by_user);
    if !page.data.is_empty() {
        let of = |(of, count): &(Way, i64)| chosen.is_none_or(|way| way == *of).then_some(*count);
        pages.count = Some(counts.iter().filter_map(of).sum());
        pages.export = Some(export(ask, "holders", &[("feature", key), ("way", way)]));
    }
    let (given_by, more) = given_by(ask, &catalog, key).await?;
    Ok(Some(Page::Feature(View { feature, given_by, more, counts, way: chosen, holders: page.data, pages })))
}

fn chosen(ask: &Ask<'_>) -> Option<Way> {
    ask.param("way").and_then(Way::parse)
}

/// What the list is sorted by.
pub(crate) fn by_user(holder: &Holder) -> String {
    holder.user_id.clone()
}

/// Who has a feature in the way that is asked for.
pub(crate) fn holders(ask: &Ask<'_>, key: &str, place: &Place) -> Rows<Holder> {
    let catalog = ask.state.store.index().catalog(ask.livemode);
    Search::new(ask, &catalog, key).page(chosen(ask), place)
}

/// Who has a feature now. Nobody keeps a list of that: users are gone through by id, and only those are decided about whom the answer needs.
struct Search<'a> {
    index: &'a Index,
    livemode: Livemode,
    catalog: &'a Catalog,
    policy: &'a Policy,
    key: &'a str,
    now: Timestamp,
}

impl<'a> Search<'a> {
    fn new(ask: &'a Ask<'_>, catalog: &'a Catalog, key: &'a str) -> Self {
        let store = &ask.state.store;
        let policy = &store.options().policy;
        Self { index: store.index(), livemode: ask.livemode, catalog, policy, key, now: ask.now }
    }

    /// Those at this place of the list who have it in this way, by id.
    fn page(&self, chosen: Option<Way>, place: &Place) -> Rows<Holder> {
        let rows = usize::try_from(place.limit).unwrap_or(0);
        let has_it = |(user_id, facts): (Arc<str>, Arc<UserFacts>)| self.holder(chosen, &user_id, &facts);
        let mut found: Vec<Holder> = match (&place.before, &place.after) {
            (Some(before), _) => {
                self.index.walk_back(self.livemode, before).filter_map(has_it).take(rows + 1).collect()
            }
            (None, after) => {
                self.index.walk(self.livemode, after.as_deref()).filter_map(has_it).take(rows + 1).collect()
            }
        };
        let has_more = found.len() > rows;
        found.truncate(rows);
        if place.is_backwards() {
            found.reverse();
        }
        Rows { data: found, has_more }
    }

    fn holder(&self, chosen: Option<Way>, user_id: &Arc<str>, facts: &UserFacts) -> Option<Holder> {
        if !self.may_have(facts) || !self.may_be(facts, chosen) {
            return None;
        }
        let decision = self.decision(facts);
        let is_it = decision.allowed && chosen.is_none_or(|way| way_of(&decision) == way);
        is_it.then(|| Holder { user_id: user_id.to_string(), decision })
    }

    /// How many have it in each way, each counted to the cap and one.
    fn counts(&self) -> Vec<(Way, i64)> {
        let mut counts = Way::ALL.map(|way| (way, 0));
        let users = self.index.walk(self.livemode, None).map(|(_, facts)| facts);
        for facts in users.filter(|facts| self.may_have(facts)) {
            let is_open = |(way, count): &(Way, i64)| *count <= COUNTED && self.may_be(&facts, Some(*way));
            if !counts.iter().any(is_open) {
                continue;
            }
            let decision = self.decision(&facts);
            let way = way_of(&decision);
            if let Some((_, count)) = counts.iter_mut().find(|(of, _)| decision.allowed && *of == way) {
                *count = (*count + 1).min(COUNTED + 1);
            }
        }
        counts.to_vec()
    }

    fn decision(&self, facts: &UserFacts) -> Decision {
        decide(Some(facts), self.catalog, self.policy, self.key, self.now)
    }

    /// Whether anything of theirs can give it, which is found faster than whether it does.
    fn may_have(&self, facts: &UserFacts) -> bool {
        let gives = |price: &str, product: Option<&str>| {
            self.catalog.grants(price, product).any(|grant| grant.feature == self.key)
        };
        let running = facts.subscriptions.iter().filter(|facts| !facts.subscription.status.is_terminal());
        let mut items = running.flat_map(|facts| &facts.subscription.items);
        let mut bought = facts.purchases.iter().flat_map(|facts| facts.items.iter().flatten());
        items.any(|item| gives(&item.price_id, item.product_id.as_deref()))
            || bought.any(|item| gives(&item.price_id, item.product_id.as_deref()))
            || facts.entitlements.iter().any(|listed| listed.lists(Some(self.key)))
            || self.is_given_by_hand(facts)
    }

    fn is_given_by_hand(&self, facts: &UserFacts) -> bool {
        facts.overrides.iter().any(|given| given.feature == self.key)
    }

    /// Whether they can have it in this way: hardly anybody's payment is late, and hardly anybody was given something by hand.
    fn may_be(&self, facts: &UserFacts, way: Option<Way>) -> bool {
        match way {
            Some(Way::Override) => self.is_given_by_hand(facts),
            Some(Way::AtRisk) => facts.subscriptions.iter().any(|facts| {
                let subscription = &facts.subscription;
                let passed = |end: Option<Timestamp>| end.is_some_and(|end| end <= self.now);
                subscription.status == SubscriptionStatus::PastDue
                    || passed(subscription.trial_end)
                    || subscription.items.iter().any(|item| passed(item.current_period_end))
            }),
            Some(Way::Paid) | None => true,
        }
    }
}

fn way_of(decision: &Decision) -> Way {
    match decision.reason {
        Reason::OverrideGrant => Way::Override,
        Reason::GracePeriod => Way::AtRisk,
        _ => Way::Paid,
    }
}

/// What gives a feature, on its page; the catalog lists all of it.
const NAMED: usize = 20;

/// Prices and products that give a feature, and how many more there are.
async fn given_by(ask: &Ask<'_>, catalog: &Catalog, key: &str) -> anyhow::Result<(Vec<GivenBy>, usize)> {
    let store = &ask.state.store;
    let value = |grants: &[FeatureGrant]| counting(grants).find(|grant| grant.feature == key).map(|grant| grant.value);
    let prices = catalog.prices.iter().map(|(id, grants)| (TargetKind::Price, id, grants));
    let products = catalog.products.iter().map(|(id, grants)| (TargetKind::Product, id, grants));
    let giving = prices.chain(products).filter_map(|(kind, id, grants)| Some((kind, id, value(grants)?)));
    let mut giving: Vec<_> = giving.collect();
    giving.sort_unstable_by_key(|(_, id, _)| *id);
    let more = giving.len().saturating_sub(NAMED);
    let mut given = vec![];
    for (kind, id, value) in giving.into_iter().take(NAMED) {
        let name = match kind {
            TargetKind::Price => store.price(ask.livemode, id).await?.and_then(|price| price.price.nickname),
            TargetKind::Product => store.product(ask.livemode, id).await?.and_then(|product| product.product.name),
        };
        given.push(line(kind, id, name, value));
    }
    given.sort_unstable_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
    Ok((given, more))
}

fn line(kind: TargetKind, id: &str, name: Option<String>, value: Option<i64>) -> GivenBy {
    GivenBy { name: name.unwrap_or_else(|| id.to_owned()), href: path(kind, id), id: id.to_owned(), value }
}
