//! The catalog's pages.

use std::collections::HashMap;

use app::pages::Page;
use app::pages::catalog::{FeatureRow, Features, Row, Target, View};
use app::pages::catalog_filter::Filter;
use domain::catalog::{Catalog, Feature, FeatureGrant, counting};
use store::records::{CatalogRow, Page as Rows, Place, TargetKind};

use super::list::{around, cut, export};
use super::{Ask, Loaded};
use crate::admin::customers::encoded;

/// What ids of prices and products begin with. Stripe may not have told us of one yet.
pub(super) const PREFIXES: [(&str, TargetKind); 3] =
    [("price_", TargetKind::Price), ("plan_", TargetKind::Price), ("prod_", TargetKind::Product)];

/// Rows of a note above the list; the list has all of them.
const NOTED: usize = 10;
/// What gives a feature, on its row; the catalog has all of it.
const NAMED: usize = 5;

/// `/admin/catalog`
pub(super) async fn catalog(ask: &Ask<'_>) -> Loaded {
    let all = rows(ask).await?;
    let has_features = !ask.state.store.index().catalog(ask.livemode).features.is_empty();
    let idle: Vec<&Row> = all.iter().filter(|row| row.is_paid_for_nothing()).collect();
    let faulty = all.iter().filter(|row| !row.faults.is_empty() || row.read_error.is_some());
    let (number, ever) = (i64::try_from(idle.len()).unwrap_or(i64::MAX), !all.is_empty());
    let noted = |rows: &mut dyn Iterator<Item = &Row>| rows.take(NOTED).cloned().collect();
    let (idle, faulty) = (noted(&mut idle.into_iter()), noted(&mut faulty.into_iter()));

    let filter = filter(ask);
    let found = narrowed(all, &filter);
    let count = i64::try_from(found.len()).unwrap_or(i64::MAX);
    let page = page(ask, found);
    let mut pages = around(ask, "/admin/catalog", &filter.fields(), &page, |row| row.id.clone());
    if !page.data.is_empty() {
        pages.count = Some(count);
        pages.export = Some(export(ask, "catalog", &filter.fields()));
    }
    let can_read = ask.state.gateways.contains_key(&ask.livemode);
    let rows = page.data;
    Ok(Some(Page::Catalog(View { rows, filter, idle, number, faulty, ever, pages, has_features, can_read })))
}

/// Every price and product: by name, products before their prices; then what nobody named.
async fn rows(ask: &Ask<'_>) -> anyhow::Result<Vec<Row>> {
    let catalog = ask.state.store.index().catalog(ask.livemode);
    let mut rows: Vec<Row> =
        ask.state.store.list_catalog(ask.livemode).await?.iter().map(|row| shown(row, &catalog)).collect();
    rows.sort_by_cached_key(order);
    Ok(rows)
}

/// What the list is sorted by.
fn order(row: &Row) -> (bool, String, bool, String) {
    (row.name.is_empty(), row.name.to_lowercase(), !row.is_product, row.id.clone())
}

/// A page of the list: an address knows a row by its id.
fn page(ask: &Ask<'_>, found: Vec<Row>) -> Rows<Row> {
    let at = |id: Option<String>| id.and_then(|id| found.iter().find(|row| row.id == id)).map(order);
    let Place { after, before, limit } = ask.place();
    let place = Place { after: at(after), before: at(before), limit };
    cut(found, &place, order)
}

/// What is asked for.
fn filter(ask: &Ask<'_>) -> Filter {
    let text = |name: &str| ask.param(name).unwrap_or_default().to_owned();
    Filter { query: text("q"), gives: text("gives"), is_idle: ask.param("only") == Some("idle") }
}

fn narrowed(mut rows: Vec<Row>, filter: &Filter) -> Vec<Row> {
    let text = filter.query.to_lowercase();
    rows.retain(|row| {
        let gives = |grants: &[FeatureGrant]| counting(grants).any(|grant| grant.feature == filter.gives);
        (text.is_empty() || row.name.to_lowercase().contains(&text) || row.id.to_lowercase().contains(&text))
            && (filter.gives.is_empty() || gives(&row.grants) || gives(&row.from_product))
            && (!filter.is_idle || row.is_paid_for_nothing())
    });
    rows
}

/// What the filter finds.
pub(crate) async fn found(ask: &Ask<'_>) -> anyhow::Result<Vec<Row>> {
    Ok(narrowed(rows(ask).await?, &filter(ask)))
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
    let query = ask.param("q").unwrap_or_default();
    let (found, ever) = (searched(ask, &catalog), !catalog.features.is_empty());
    let count = i64::try_from(found.len()).unwrap_or(i64::MAX);
    let key = |feature: &Feature| feature.key.clone();
    let page = cut(found, &ask.place(), key);
    let fields = [("q", query)];
    let mut pages = around(ask, "/admin/features", &fields, &page, key);
    if !page.data.is_empty() {
        pages.count = Some(count);
        pages.export = Some(export(ask, "features", &fields));
    }
    let targets = ask.state.store.list_catalog(ask.livemode).await?;
    let mut given: HashMap<&str, Vec<GivenBy>> = HashMap::new();
    for row in &targets {
        let name = Some(name(row)).filter(|name| !name.is_empty()).unwrap_or_else(|| row.id.clone());
        for grant in counting(&row.grants) {
            let by = (name.clone(), path(row.kind, &row.id), grant.value);
            given.entry(grant.feature.as_str()).or_default().push(by);
        }
    }
    let rows = page.data.into_iter().map(|feature| {
        let mut given_by = given.remove(feature.key.as_str()).unwrap_or_default();
        let more = given_by.len().saturating_sub(NAMED);
        given_by.truncate(NAMED);
        FeatureRow { given_by, more, feature }
    });
    Ok(Some(Page::Features(Features { rows: rows.collect(), query: query.to_owned(), ever, pages })))
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

/// Features whose key or name holds what is searched for.
pub(crate) fn searched(ask: &Ask<'_>, catalog: &Catalog) -> Vec<Feature> {
    let text = ask.param("q").unwrap_or_default().to_lowercase();
    let mut found = sorted(catalog);
    found.retain(|feature| {
        let name = feature.name.as_deref().unwrap_or_default();
        feature.key.to_lowercase().contains(&text) || name.to_lowercase().contains(&text)
    });
    found
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
