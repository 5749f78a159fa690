//! What is given, and who has it: features by what gives them, the users of a feature, and who loses one soon.

use domain::catalog::{FeatureGrant, counting};
use store::records::Place;

use super::super::cell::Cell;
use super::Rows;
use crate::pages::{Ask, catalog as all, ending as losses, feature as one};

/// Rows of a list in memory that are made at once: it is gone through from its beginning for each of these.
const AT_ONCE: i64 = 10_000;

/// Who has a feature.
pub(super) async fn holders(ask: &Ask<'_>, after: Option<String>, _limit: i64) -> anyhow::Result<Rows> {
    let key = ask.param("feature").unwrap_or_default();
    let page = one::holders(ask, key, &Place::behind(after, AT_ONCE));
    Ok(Rows::of(page, one::by_user, |holder| {
        let source = holder.decision.sources.first().map(|source| source.id.clone());
        vec![
            holder.user_id.into(),
            key.into(),
            holder.decision.reason.as_str().into(),
            holder.decision.value.into(),
            holder.decision.until.into(),
            source.into(),
        ]
    }))
}

/// Who is known to lose a feature soon.
pub(super) async fn ending(ask: &Ask<'_>, after: Option<String>, _limit: i64) -> anyhow::Result<Rows> {
    let page = losses::page(ask, &Place::behind(after, AT_ONCE));
    Ok(Rows::of(page, losses::key, |(user, loss)| {
        let source = loss.last.sources.first().map(|source| source.id.clone());
        let why = losses::why(&loss);
        vec![loss.at.into(), user.into(), loss.feature.into(), why.into(), source.into()]
    }))
}

/// Prices and products; all at once, since a catalog is short.
pub(super) async fn catalog(ask: &Ask<'_>, _after: Option<String>, _limit: i64) -> anyhow::Result<Rows> {
    let given = |grants: &[FeatureGrant]| {
        let words = |grant: &FeatureGrant| match grant.value {
            Some(value) => format!("{}: {value}", grant.feature),
            None => grant.feature.clone(),
        };
        counting(grants).map(words).collect::<Vec<_>>().join(", ")
    };
    let rows = all::found(ask).await?.into_iter().map(|row| {
        let state = match (row.known, row.active) {
            (false, _) => "not seen from Stripe",
            (true, false) => "archived",
            (true, true) => "active",
        };
        vec![
            row.id.into(),
            if row.is_product { "product" } else { "price" }.into(),
            row.name.into(),
            row.amount.into(),
            row.currency.into(),
            row.interval.into(),
            state.into(),
            given(&row.grants).into(),
            given(&row.from_product).into(),
            row.customers.into(),
        ]
    });
    Ok(Rows { rows: rows.collect(), next: None })
}

/// Features with what gives them; all at once, since a catalog is short.
pub(super) async fn features(ask: &Ask<'_>, _after: Option<String>, _limit: i64) -> anyhow::Result<Rows> {
    let catalog = ask.state.store.index().catalog(ask.livemode);
    let targets = ask.state.store.list_catalog(ask.livemode).await?;
    let mut rows = Vec::new();
    for feature in all::searched(ask, &catalog) {
        let of = |grant: &&FeatureGrant| grant.feature == feature.key;
        let given: Vec<_> = targets.iter().filter_map(|row| Some((row, row.grants.iter().find(of)?))).collect();
        let cells = |by: Cell, kind: Cell, value: Cell| {
            vec![feature.key.clone().into(), feature.name.clone().into(), feature.kind.as_str().into(), by, kind, value]
        };
        if given.is_empty() {
            rows.push(cells(Cell::Empty, Cell::Empty, Cell::Empty));
        }
        for (target, grant) in given {
            rows.push(cells(target.id.clone().into(), target.kind.as_str().into(), grant.value.into()));
        }
    }
    Ok(Rows { rows, next: None })
}
