//! Short ways to write facts down.

use crate::access::{
    OverrideEffect, OverrideFacts, PaymentFacts, PaymentState, PurchaseFacts, SubscriptionFacts, UserFacts,
};
use crate::catalog::{Catalog, Feature, FeatureGrant, FeatureType};
use crate::stripe::{Charge, Dispute, LineItem, Refund, Subscription, SubscriptionItem, SubscriptionStatus};
use crate::{Term, Timestamp};

/// A day in milliseconds.
pub(crate) const DAY: i64 = 86_400_000;
/// "Now" of the tests.
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);

/// So many days after now.
pub(crate) fn day(n: i64) -> Timestamp {
    NOW.plus_millis(n * DAY)
}

/// `pro` by `price_pro` and `prod_pro`, for 30 days by `price_pass`, `seats` with a number by two prices, `basic` by `price_basic`.
pub(crate) fn catalog() -> Catalog {
    let feature = |key: &str, kind| (key.to_owned(), Feature::new(key, kind));
    let gives = |id: &str, grants: &[(&str, Option<i64>)]| {
        let grants = grants.iter().map(|(key, value)| FeatureGrant::of(*key).with_value(*value));
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
            ("price_pass".to_owned(), vec![FeatureGrant { duration: Term::parse("30d"), ..FeatureGrant::of("pro") }]),
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
            pending_update_until: None,
            schedule_id: None,
            latest_invoice: None,
            claimed_user: None,
        },
        past_due_since: None,
        failed_debit: None,
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
    UserFacts { known: true, customers: vec!["cus_1".to_owned()], subscriptions, ..UserFacts::default() }
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

/// A purchase of one price for 20.00, paid 10 days ago.
pub(crate) fn purchase(id: &str, price: &str) -> PurchaseFacts {
    PurchaseFacts {
        id: id.to_owned(),
        payer_id: "cus_1".to_owned(),
        state: PaymentState::Paid { at: day(-10) },
        items: Some(vec![LineItem { price_id: price.to_owned(), product_id: None, quantity: 1 }]),
        amount: Some(2000),
        payment: PaymentFacts::default(),
    }
}

/// The charge of that purchase, with so much of it refunded.
pub(crate) fn charge(amount_refunded: i64) -> Charge {
    Charge {
        id: "ch_1".to_owned(),
        payment_intent_id: Some("pi_1".to_owned()),
        customer_id: Some("cus_1".to_owned()),
        amount: 2000,
        amount_refunded,
        status: Some("succeeded".to_owned()),
        created: Some(day(-10)),
    }
}

/// A refund of that charge, asked for two days ago.
pub(crate) fn refund(id: &str, amount: i64, status: &str) -> Refund {
    Refund {
        id: id.to_owned(),
        payment_intent_id: Some("pi_1".to_owned()),
        charge_id: Some("ch_1".to_owned()),
        amount,
        status: status.to_owned(),
        created: Some(day(-2)),
    }
}

/// A dispute of that charge, opened two days ago.
pub(crate) fn dispute(id: &str, status: &str) -> Dispute {
    Dispute {
        id: id.to_owned(),
        payment_intent_id: Some("pi_1".to_owned()),
        charge_id: Some("ch_1".to_owned()),
        amount: 2000,
        status: status.to_owned(),
        created: Some(day(-2)),
    }
}
