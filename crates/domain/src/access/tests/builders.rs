//! Short ways to write facts down.

use crate::Timestamp;
use crate::access::{OverrideEffect, OverrideFacts, SubscriptionFacts, UserFacts};
use crate::catalog::{Catalog, Feature, FeatureGrant, FeatureType};
use crate::stripe::{Subscription, SubscriptionItem, SubscriptionStatus};

/// A day in milliseconds.
pub(crate) const DAY: i64 = 86_400_000;
/// "Now" of the tests.
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);

/// So many days after now.
pub(crate) fn day(n: i64) -> Timestamp {
    NOW.plus_millis(n * DAY)
}

/// `pro` by `price_pro` and `prod_pro`, `seats` with a number by two prices, `basic` by `price_basic`.
pub(crate) fn catalog() -> Catalog {
    let feature = |key: &str, kind| (key.to_owned(), Feature::new(key, kind));
    let gives = |id: &str, grants: &[(&str, Option<i64>)]| {
        let grants = grants.iter().map(|(key, value)| FeatureGrant { feature: (*key).to_owned(), value: *value });
        (id.to_owned(), grants.collect())
    };
    Catalog {
        features: [
            feature("pro", FeatureType::Switch),
            feature("basic", FeatureType::Switch),
            feature("seats", FeatureType::Limit),
        ]
        .into(),
        prices: [
            gives("price_pro", &[("pro", None), ("seats", Some(10))]),
            gives("price_team", &[("seats", Some(50))]),
            gives("price_basic", &[("basic", None)]),
        ]
        .into(),
        products: [gives("prod_pro", &[("pro", None)])].into(),
        ..Catalog::default()
    }
}

/// An item whose period began 10 days ago and ends in 20.
pub(crate) fn item(price: &str) -> SubscriptionItem {
    SubscriptionItem {
        id: format!("si_{price}"),
        price_id: price.to_owned(),
        product_id: None,
        quantity: 1,
        current_period_start: Some(day(-10)),
        current_period_end: Some(day(20)),
    }
}

/// A subscription to one price.
pub(crate) fn subscription(status: &str, price: &str) -> SubscriptionFacts {
    SubscriptionFacts {
        subscription: Subscription {
            id: "sub_1".to_owned(),
            customer_id: "cus_1".to_owned(),
            status: SubscriptionStatus::from(status.to_owned()),
            created: Some(day(-40)),
            items: vec![item(price)],
            items_truncated: false,
            trial_end: None,
            cancel_at: None,
            cancel_at_period_end: false,
            canceled_at: None,
            ended_at: None,
            cancellation_reason: None,
            pause_behavior: None,
            latest_invoice: None,
            claimed_user: None,
        },
        past_due_since: None,
    }
}

/// The subscription, changed.
pub(crate) fn with(mut facts: SubscriptionFacts, change: impl FnOnce(&mut Subscription)) -> SubscriptionFacts {
    change(&mut facts.subscription);
    facts
}

/// The subscription with another id.
pub(crate) fn named(id: &str, facts: SubscriptionFacts) -> SubscriptionFacts {
    with(facts, |sub| sub.id = id.to_owned())
}

/// The subscription with the period of all its items ending then.
pub(crate) fn ending(end: Timestamp, facts: SubscriptionFacts) -> SubscriptionFacts {
    with(facts, |sub| sub.items.iter_mut().for_each(|item| item.current_period_end = Some(end)))
}

/// A known user with one customer and these subscriptions.
pub(crate) fn user(subscriptions: Vec<SubscriptionFacts>) -> UserFacts {
    UserFacts {
        known: true,
        customers: vec!["cus_1".to_owned()],
        subscriptions,
        payment_pending: false,
        overrides: vec![],
    }
}

/// An override of a feature.
pub(crate) fn override_of(feature: &str, effect: OverrideEffect, expires_at: Option<Timestamp>) -> OverrideFacts {
    OverrideFacts {
        id: format!("ovr_{}", effect.as_str()),
        feature: feature.to_owned(),
        effect,
        value: None,
        expires_at,
        created_at: day(-3),
    }
}
