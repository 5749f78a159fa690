//! Stripe's objects as JSON, in the full documented shape of an older and of a newer API version.

pub mod purchase;

use serde_json::{Value, json};

use crate::catalog::{DAY, Price};
use crate::model::{Customer, Item, Session, Subscription};

/// The API version a payload is rendered at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Periods on the subscription.
    Acacia,
    /// Periods on the items.
    Basil,
    /// Flexible billing.
    Clover,
}

impl Version {
    /// Stripe's name of it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Acacia => "2024-12-18.acacia",
            Self::Basil => "2025-03-31.basil",
            Self::Clover => "2025-09-30.clover",
        }
    }
}

/// Embedded lists are cut after this many.
pub const EMBEDDED: usize = 10;

/// A subscription; `whole` gives all of its items, as paging through them does.
#[must_use]
pub fn subscription(sub: &Subscription, customer: &str, version: Version, whole: bool) -> Value {
    let shown = if whole { sub.items.len() } else { sub.items.len().min(EMBEDDED) };
    let items: Vec<Value> = sub.items[..shown].iter().map(|item| subscription_item(item, &sub.id, version)).collect();
    let mut metadata = json!({});
    if let Some(user) = &sub.claim {
        metadata["user_id"] = json!(user);
    }
    if sub.note > 0 {
        metadata["note"] = json!(sub.note.to_string());
    }
    let mut object = json!({
        "id": sub.id, "object": "subscription", "application": null, "application_fee_percent": null,
        "automatic_tax": {"disabled_reason": null, "enabled": false, "liability": null},
        "billing_cycle_anchor": sub.trial.map_or(sub.created, |trial| trial.1), "billing_cycle_anchor_config": null,
        "billing_thresholds": null, "cancel_at": sub.ending.map(|ending| ending.at),
        "cancel_at_period_end": sub.ending.is_some_and(|ending| ending.with_period), "canceled_at": sub.canceled_at,
        "cancellation_details": {"comment": null, "feedback": null, "reason": sub.reason},
        "collection_method": "charge_automatically", "created": sub.created, "currency": "eur", "customer": customer,
        "days_until_due": null, "default_payment_method": sub.has_method.then(|| format!("pm_{}", &sub.id[4..])),
        "default_source": null, "default_tax_rates": [], "description": null, "discounts": [], "ended_at": sub.ended_at,
        "invoice_settings": {"account_tax_ids": null, "issuer": {"type": "self"}},
        "items": {
            "object": "list", "data": items, "has_more": shown < sub.items.len(), "total_count": sub.items.len(),
            "url": format!("/v1/subscription_items?subscription={}", sub.id),
        },
        "latest_invoice": format!("in_{}_{}", &sub.id[4..], sub.invoices), "livemode": false, "metadata": metadata,
        "next_pending_invoice_item_invoice": null, "on_behalf_of": null,
        "pause_collection": sub.collection_paused.map(|behavior| json!({"behavior": behavior, "resumes_at": null})),
        "payment_settings": {
            "payment_method_options": null, "payment_method_types": null, "save_default_payment_method": "off",
        },
        "pending_invoice_item_interval": null, "pending_setup_intent": null, "pending_update": null, "schedule": null,
        "start_date": sub.created, "status": sub.status.word(), "test_clock": null, "transfer_data": null,
        "trial_end": sub.trial.map(|trial| trial.1),
        "trial_settings": {"end_behavior": {"missing_payment_method": sub.without_method}},
        "trial_start": sub.trial.map(|trial| trial.0),
    });
    match version {
        Version::Acacia => {
            object["current_period_start"] = json!(sub.period_start());
            object["current_period_end"] = json!(sub.period_end());
            object["discount"] = Value::Null;
            let only = (sub.items.len() == 1).then(|| &sub.items[0]);
            object["plan"] = only.map_or(Value::Null, |item| plan(item.price));
            object["quantity"] = only.map_or(Value::Null, |item| json!(item.quantity));
            // Before flexible billing an end with the period was said by the flag; the date beside it came later.
            if sub.ending.is_some_and(|ending| ending.with_period) {
                object["cancel_at"] = Value::Null;
            }
        }
        Version::Basil => object["billing_mode"] = json!({"type": "classic"}),
        Version::Clover => {
            object["billing_mode"] =
                json!({"flexible": null, "type": if sub.flexible { "flexible" } else { "classic" }});
            object["customer_account"] = Value::Null;
        }
    }
    object
}

fn subscription_item(item: &Item, subscription: &str, version: Version) -> Value {
    let mut object = json!({
        "id": item.id, "object": "subscription_item", "billing_thresholds": null, "created": 1_700_000_000, "discounts": [],
        "metadata": {}, "plan": plan(item.price), "price": price(item.price), "quantity": item.quantity,
        "subscription": subscription, "tax_rates": [],
    });
    if version != Version::Acacia {
        object["current_period_start"] = json!(item.period.0);
        object["current_period_end"] = json!(item.period.1);
    }
    object
}

fn price(price: &Price) -> Value {
    let recurring = json!({
        "interval": price.interval, "interval_count": 1, "meter": null, "trial_period_days": null, "usage_type": "licensed",
    });
    let is_once = price.interval == "once";
    json!({
        "id": price.id, "object": "price", "active": true, "billing_scheme": "per_unit", "created": 1_700_000_000,
        "currency": "eur", "custom_unit_amount": null, "livemode": false, "lookup_key": null, "metadata": {}, "nickname": null,
        "product": price.product,
        "recurring": if is_once { Value::Null } else { recurring },
        "tax_behavior": "unspecified", "tiers_mode": null, "transform_quantity": null, "type": if is_once { "one_time" } else { "recurring" },
        "unit_amount": price.amount, "unit_amount_decimal": price.amount.to_string(),
    })
}

fn plan(price: &Price) -> Value {
    json!({
        "id": price.id, "object": "plan", "active": true, "amount": price.amount, "amount_decimal": price.amount.to_string(),
        "billing_scheme": "per_unit", "created": 1_700_000_000, "currency": "eur", "interval": price.interval,
        "interval_count": 1, "livemode": false, "metadata": {}, "meter": null, "nickname": null, "product": price.product,
        "tiers_mode": null, "transform_usage": null, "trial_period_days": null, "usage_type": "licensed",
    })
}

/// A customer as events have it.
#[must_use]
pub fn customer(customer: &Customer) -> Value {
    let metadata = customer.claim.as_ref().map_or(json!({}), |user| json!({"user_id": user}));
    json!({
        "id": customer.id, "object": "customer", "address": null, "balance": 0, "created": customer.created, "currency": null,
        "default_source": null, "delinquent": false, "description": null, "discount": null,
        "email": format!("{}@example.com", customer.id), "invoice_prefix": "ABCDEF12",
        "invoice_settings": {
            "custom_fields": null, "default_payment_method": null, "footer": null, "rendering_options": null,
        },
        "livemode": false, "metadata": metadata, "name": format!("Name {}", customer.renamed), "next_invoice_sequence": 1,
        "phone": null, "preferred_locales": [], "shipping": null, "tax_exempt": "none", "test_clock": null,
    })
}

/// What a read gives of a deleted customer.
#[must_use]
pub fn tombstone(customer: &Customer) -> Value {
    json!({"id": customer.id, "object": "customer", "deleted": true})
}

/// A Checkout Session in mode `subscription`.
#[must_use]
pub fn session(session: &Session, customer: &str) -> Value {
    let metadata = session.claim.as_ref().map_or(json!({}), |user| json!({"user_id": user}));
    let is_open = session.status == "open";
    json!({
        "id": session.id, "object": "checkout.session", "adaptive_pricing": {"enabled": false}, "after_expiration": null,
        "allow_promotion_codes": null, "amount_subtotal": 2900, "amount_total": 2900,
        "automatic_tax": {"enabled": false, "liability": null, "status": null}, "billing_address_collection": null,
        "cancel_url": null, "client_reference_id": session.reference, "client_secret": null, "consent": null,
        "consent_collection": null, "created": session.created, "currency": "eur", "custom_fields": [],
        "customer": customer, "customer_creation": null,
        "customer_details": {"address": null, "email": format!("{customer}@example.com"), "name": null, "phone": null},
        "customer_email": null, "discounts": [], "expires_at": session.created + DAY, "invoice": null,
        "invoice_creation": null, "livemode": false, "locale": null, "metadata": metadata, "mode": "subscription",
        "payment_intent": null, "payment_link": null, "payment_method_collection": "always",
        "payment_method_options": {}, "payment_method_types": ["card"],
        "payment_status": if session.status == "complete" { "paid" } else { "unpaid" },
        "phone_number_collection": {"enabled": false}, "recovered_from": null, "setup_intent": null,
        "shipping_address_collection": null, "shipping_cost": null, "shipping_options": [], "status": session.status,
        "submit_type": null, "subscription": session.subscription, "success_url": "https://app.example/thanks",
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0}, "ui_mode": "hosted",
        "url": is_open.then(|| format!("https://checkout.stripe.com/c/pay/{}", session.id)),
    })
}
