//! How the store is set up: the catalog, and the policies of the installation, its features and prices.

use std::collections::BTreeMap;

use domain::access::{DisputePolicy, PaymentPolicy, Policy, PolicyExceptions, RefundPolicy, Treatment};
use domain::catalog::{Feature, FeatureGrant, FeatureType};
use domain::{Term, Timestamp};
use serde_json::json;
use store::records::{Author, Delivery, PolicyTarget, TargetKind};
use store::{Options, Result, Store};

use crate::Mode;
use crate::catalog::{DAY, EXCEPTIONS, FEATURES, GRANTS, LIMIT, METERED, Money, PRICES};
use crate::events::body;
use crate::payload::Version;
use crate::run::LIVEMODE;
use crate::stripe::START;

/// Begins the ids of events about the catalog, which are of no history.
pub(crate) const CATALOG_EVENT: &str = "evt_catalog";

/// The settings of an installation.
pub(crate) fn options(mode: Mode, money: Money) -> Options {
    let readable = if mode == Mode::WithKey { vec![LIVEMODE] } else { vec![] };
    let payments = PaymentPolicy {
        refund: RefundPolicy::parse(money.refund).unwrap_or_default(),
        dispute: DisputePolicy::parse(money.dispute).unwrap_or_default(),
        ..PaymentPolicy::default()
    };
    Options { readable, policy: Policy { payments, ..Policy::default() }, ..Options::default() }
}

/// Fills in the catalog.
pub(crate) async fn furnish(store: &dyn Store) -> Result<()> {
    let author = Author::system(Timestamp::from_millis(START));
    for key in FEATURES {
        let kind = match key {
            LIMIT => FeatureType::Limit,
            METERED => FeatureType::Metered,
            _ => FeatureType::Switch,
        };
        store.put_feature(LIVEMODE, &Feature::new(key, kind), &author).await?;
    }
    let mut targets: BTreeMap<&str, Vec<FeatureGrant>> = BTreeMap::new();
    for grant in &GRANTS {
        targets.entry(grant.target).or_default().push(FeatureGrant {
            value: grant.value,
            duration: grant.days.and_then(|days| Term::from_secs(days * DAY)),
            credits: grant.credits,
            ..FeatureGrant::of(grant.feature)
        });
    }
    for exception in &EXCEPTIONS {
        let target = match exception.target {
            id if id.starts_with("price_") => PolicyTarget::Price(id),
            key => PolicyTarget::Feature(key),
        };
        let policy = PolicyExceptions {
            past_due_grace: exception.grace.map(|days| days * DAY * 1000),
            trialing: exception.trials.map(|allowed| if allowed { Treatment::Allow } else { Treatment::Deny }),
            paused: None,
        };
        store.put_policy(LIVEMODE, target, &policy, &author).await?;
    }
    for (target, grants) in targets {
        let kind = if target.starts_with("price_") { TargetKind::Price } else { TargetKind::Product };
        store.put_grants(LIVEMODE, kind, target, &grants, &author).await?;
    }
    retire_products(store).await?;
    Ok(())
}

/// What is sold can be bought no more, and still gives what it gave: so no product has to be read, and a store that is quiet is at rest.
async fn retire_products(store: &dyn Store) -> Result<()> {
    let mut products: Vec<&str> = PRICES.iter().map(|price| price.product).collect();
    products.sort_unstable();
    products.dedup();
    let now = Timestamp::from_millis(START);
    let deliveries = products.into_iter().enumerate().map(|(n, product)| {
        let object = json!({"id": product, "object": "product", "active": false, "metadata": {}, "name": product});
        let id = format!("{CATALOG_EVENT}{n}");
        let (envelope, payload) = body(&id, "product.deleted", START, Version::Clover, &object, None);
        Delivery { envelope, payload, received_at: now, secret_name: Some("simulation".into()) }
    });
    store.record_deliveries(&deliveries.collect::<Vec<_>>()).await?;
    while store.process_due(now, 50).await?.events > 0 {}
    Ok(())
}
