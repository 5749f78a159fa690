//! The page of one feature.

use app::components::address;
use app::pages::Page;
use app::pages::feature::{GivenBy, Holder, View, Way};
use domain::access::{Decision, Reason, UserFacts, decide};
use domain::catalog::{Catalog, FeatureGrant, counting};
use store::records::TargetKind;

use super::catalog::path;
use super::{Ask, Loaded, ROWS};
use crate::admin::customers::encoded;

/// `/admin/features/{key}`
pub(super) async fn feature(ask: &Ask<'_>, key: &str) -> Loaded {
    let store = &ask.state.store;
    let (catalog, policy) = (store.index().catalog(ask.livemode), store.options().policy);
    let Some(feature) = catalog.features.get(key).cloned() else { return Ok(None) };
    let answer = |facts: &UserFacts| decide(Some(facts), &catalog, &policy, key, ask.now);
    let mut holders: Vec<Holder> = store
        .index()
        .users_where(ask.livemode, |facts| answer(facts).allowed)
        .into_iter()
        .map(|(user_id, facts)| Holder { user_id, decision: answer(&facts) })
        .collect();
    let number = |way| (way, holders.iter().filter(|holder| way_of(&holder.decision) == way).count());
    let counts = Way::ALL.map(number).to_vec();

    let chosen = ask.param("way").and_then(Way::parse);
    let after = ask.param("after");
    holders.retain(|holder| chosen.is_none_or(|way| way_of(&holder.decision) == way));
    holders.retain(|holder| after.is_none_or(|after| holder.user_id.as_str() > after));
    holders.sort_unstable_by(|one, other| one.user_id.cmp(&other.user_id));
    let rows = usize::try_from(ROWS).unwrap_or(usize::MAX);
    let more = holders.len() > rows;
    holders.truncate(rows);

    let here = format!("/admin/features/{}", encoded(key));
    let way = chosen.map(Way::as_str).unwrap_or_default();
    let at = |after: &str| address(&here, &[("way", way), ("after", after)]);
    let next = holders.last().filter(|_| more).map(|last| at(&last.user_id));
    let first = after.is_some().then(|| at(""));
    let given_by = given_by(ask, &catalog, key).await?;
    Ok(Some(Page::Feature(View { feature, given_by, counts, way: chosen, holders, first, next })))
}

fn way_of(decision: &Decision) -> Way {
    match decision.reason {
        Reason::OverrideGrant => Way::Override,
        Reason::GracePeriod => Way::AtRisk,
        _ => Way::Paid,
    }
}

/// Prices and products that give a feature, by name.
async fn given_by(ask: &Ask<'_>, catalog: &Catalog, key: &str) -> anyhow::Result<Vec<GivenBy>> {
    let store = &ask.state.store;
    let value = |grants: &[FeatureGrant]| counting(grants).find(|grant| grant.feature == key).map(|grant| grant.value);
    let mut given = vec![];
    for (id, grants) in &catalog.prices {
        let Some(value) = value(grants) else { continue };
        let name = store.price(ask.livemode, id).await?.and_then(|price| price.price.nickname);
        given.push(line(TargetKind::Price, id, name, value));
    }
    for (id, grants) in &catalog.products {
        let Some(value) = value(grants) else { continue };
        let name = store.product(ask.livemode, id).await?.and_then(|product| product.product.name);
        given.push(line(TargetKind::Product, id, name, value));
    }
    given.sort_unstable_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
    Ok(given)
}

fn line(kind: TargetKind, id: &str, name: Option<String>, value: Option<i64>) -> GivenBy {
    GivenBy { name: name.unwrap_or_else(|| id.to_owned()), href: path(kind, id), id: id.to_owned(), value }
}
