//! The catalog's pages.

use std::collections::HashMap;

use app::pages::Page;
use app::pages::catalog::{FeatureRow, Features, Row, Target, View};
use domain::catalog::{Catalog, Feature, FeatureGrant, counting};
use store::records::{CatalogRow, TargetKind};

use super::{Ask, Loaded};
use crate::admin::customers::encoded;

/// What ids of prices and products begin with. Stripe may not have told us of one yet.
pub(super) const PREFIXES: [(&str, TargetKind); 3] =
    [("price_", TargetKind::Price), ("plan_", TargetKind::Price), ("prod_", TargetKind::Product)];

/// `/admin/catalog`
pub(super) async fn catalog(ask: &Ask<'_>) -> Loaded {
    let catalog = ask.state.store.index().catalog(ask.livemode);
    let mut rows: Vec<Row> =
        ask.state.store.list_catalog(ask.livemode).await?.iter().map(|row| shown(row, &catalog)).collect();
    // Products first by name, each with its prices; then what nobody named.
    rows.sort_by_key(|row| (row.name.is_empty(), row.name.to_lowercase(), !row.is_product, row.id.clone()));
    let can_read = ask.state.gateways.contains_key(&ask.livemode);
    Ok(Some(Page::Catalog(View { rows, has_features: !catalog.features.is_empty(), can_read })))
}

/// `/admin/catalog/prices/{id}`, `/admin/catalog/products/{id}`
pub(super) async fn target(ask: &Ask<'_>, kind: &str, id: &str) -> Loaded {
    let kind = if kind == "products" { TargetKind::Product } else { TargetKind::Price };
    let catalog = ask.state.store.index().catalog(ask.livemode);
    let rows = ask.state.store.list_catalog(ask.livemode).await?;
    let known = rows.iter().find(|row| row.kind == kind && row.id == id);
    let row = match known {
        Some(row) => shown(row, &catalog),
        None if PREFIXES.iter().any(|(prefix, of)| *of == kind && id.starts_with(prefix)) => never_heard_of(kind, id),
        None => return Ok(None),
    };
    let product = known.filter(|_| kind == TargetKind::Price).and_then(product_id).map(|product| {
        let href = path(TargetKind::Product, product);
        (product.to_owned(), href)
    });
    let own = catalog.price_policies.get(id).copied().unwrap_or_default();
    let policy = (kind == TargetKind::Price).then_some(own);
    Ok(Some(Page::Target(Target { row, features: sorted(&catalog), product, policy })))
}

/// Name and path of a price or product, and the value it gives.
type GivenBy = (String, String, Option<i64>);

/// `/admin/features`
pub(super) async fn features(ask: &Ask<'_>) -> Loaded {
    let catalog = ask.state.store.index().catalog(ask.livemode);
    let rows = ask.state.store.list_catalog(ask.livemode).await?;
    let mut given: HashMap<&str, Vec<GivenBy>> = HashMap::new();
    for row in &rows {
        let name = Some(name(row)).filter(|name| !name.is_empty()).unwrap_or_else(|| row.id.clone());
        for grant in counting(&row.grants) {
            let by = (name.clone(), path(row.kind, &row.id), grant.value);
            given.entry(grant.feature.as_str()).or_default().push(by);
        }
    }
    let rows = sorted(&catalog)
        .into_iter()
        .map(|feature| FeatureRow { given_by: given.remove(feature.key.as_str()).unwrap_or_default(), feature })
        .collect();
    Ok(Some(Page::Features(Features { rows })))
}

/// The page of a price or product.
pub(super) fn path(kind: TargetKind, id: &str) -> String {
    format!("/admin/catalog/{}s/{}", kind.as_str(), encoded(id))
}

fn sorted(catalog: &Catalog) -> Vec<Feature> {
    let mut features: Vec<Feature> = catalog.features.values().cloned().collect();
    features.sort_by(|a, b| a.key.cmp(&b.key));
    features
}

fn product_id(row: &CatalogRow) -> Option<&str> {
    let of_price = row.price.as_ref().and_then(|price| price.price.product_id.as_deref());
    of_price.or_else(|| row.product.as_ref().map(|product| product.product.id.as_str()))
}

/// What people call a price or product; empty when Stripe never told.
pub(super) fn name(row: &CatalogRow) -> String {
    let product = row.product.as_ref().and_then(|product| product.product.name.clone());
    let nickname = row.price.as_ref().and_then(|price| price.price.nickname.clone());
    [product, nickname].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn shown(row: &CatalogRow, catalog: &Catalog) -> Row {
    let price = row.price.as_ref().map(|price| &price.price);
    let is_product = row.kind == TargetKind::Product;
    let from_product: Vec<FeatureGrant> = match product_id(row) {
        Some(product) if !is_product => catalog.products.get(product).cloned().unwrap_or_default(),
        _ => Vec::new(),
    };
    let active = if is_product {
        row.product.as_ref().is_some_and(|product| product.product.active && !product.deleted)
    } else {
        row.price.as_ref().is_some_and(|price| price.price.active && !price.deleted)
    };
    let product = row.product.as_ref().filter(|_| is_product);
    Row {
        id: row.id.clone(),
        is_product,
        name: name(row),
        href: path(row.kind, &row.id),
        amount: price.and_then(|price| price.unit_amount),
        currency: price.and_then(|price| price.currency.clone()),
        interval: price.and_then(|price| price.interval.clone()),
        known: if is_product { row.product.is_some() } else { row.price.is_some() },
        active,
        faults: faults(row),
        read_error: product.and_then(|product| product.read_error.clone()),
        synced_at: product.and_then(|product| product.synced_at),
        grants: row.grants.clone(),
        from_product,
        customers: row.customers,
    }
}

/// What the metadata's features say that cannot be read.
fn faults(row: &CatalogRow) -> Vec<String> {
    let text = match row.kind {
        TargetKind::Price => row.price.as_ref().and_then(|price| price.price.features.as_deref()),
        TargetKind::Product => row.product.as_ref().and_then(|product| product.product.features.as_deref()),
    };
    text.map(|text| domain::metadata::features(text).1).unwrap_or_default()
}

fn never_heard_of(kind: TargetKind, id: &str) -> Row {
    let row = CatalogRow { kind, id: id.to_owned(), price: None, product: None, grants: Vec::new(), customers: 0 };
    shown(&row, &Catalog::default())
}
