//! Stripe's JSON without anything about a person: what decisions need, and nothing that could name somebody.
//!
//! Texts are kept by a list of what may stay, so that a field which Stripe adds, or in which somebody types, goes by itself. Numbers and
//! switches stay, except inside of what is about a person or a card alone. What a price or product is, is the seller's, and stays whole.

use serde_json::{Map, Value};

/// Texts that stay: ids of Stripe's, and words of closed sets.
const WORDS: &[&str] = &[
    "api_version",
    "behavior",
    "billing_reason",
    "charge",
    "collection_method",
    // A time; thin events write it as text.
    "created",
    "currency",
    "customer",
    "customer_account",
    "id",
    "interval",
    "invoice",
    "latest_charge",
    "latest_invoice",
    "lookup_key",
    "mode",
    "object",
    "payment_intent",
    "payment_status",
    "price",
    "product",
    "proration_behavior",
    "quantity_decimal",
    "reason",
    "schedule",
    "snapshot_event",
    "status",
    "subscription",
    "subscription_item",
    "type",
    "usage_type",
];
/// What is about a person, or the means by which one pays.
const PERSONAL: &[&str] = &[
    "account_tax_ids",
    "address",
    "billing_details",
    "card",
    "collected_information",
    "custom_fields",
    "customer_address",
    "customer_details",
    "customer_shipping",
    "customer_tax_ids",
    "default_source",
    "evidence",
    "fraud_details",
    "invoice_settings",
    "level3",
    "metadata",
    "payment_method_details",
    "payment_method_options",
    "shipping",
    "shipping_details",
    "source",
    "sources",
    "subscription_details_metadata",
    "tax_ids",
];
/// Objects of the seller's.
const SELLERS: &[&str] = &["price", "plan", "product", "entitlements.active_entitlement", "entitlements.feature"];

/// Takes out everything that may be about a person. What it is done to twice stays as it was after the first time.
pub fn redact(value: &mut Value) {
    match value {
        Value::Object(fields) => redact_fields(fields),
        Value::Array(values) => values.iter_mut().for_each(redact),
        Value::String(_) => *value = Value::Null,
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn redact_fields(fields: &mut Map<String, Value>) {
    if fields.get("object").and_then(Value::as_str).is_some_and(|object| SELLERS.contains(&object)) {
        return;
    }
    for (name, value) in fields {
        if PERSONAL.contains(&name.as_str()) {
            *value = if value.is_object() { Value::Object(Map::new()) } else { Value::Null };
        } else if !(value.is_string() && WORDS.contains(&name.as_str())) {
            redact(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::event::Envelope;

    #[test]
    fn only_what_decides_is_left() {
        let mut event = json!({
            "id": "evt_1", "object": "event", "type": "customer.updated", "created": 7, "livemode": false,
            "request": {"id": "req_1", "idempotency_key": "ada@example.com"},
            "data": {
                "object": {
                    "id": "cus_1", "object": "customer", "email": "ada@example.com", "name": "Ada", "phone": "+49 1", "deleted": false,
                    "metadata": {"user_id": "ada"}, "address": {"line1": "Main St 1", "floor": 3}, "preferred_locales": ["de-DE"],
                    "a_field_of_tomorrow": "Ada", "sources": {"data": [{"id": "card_1", "last4": "4242", "exp_year": 2031}]},
                },
                "previous_attributes": {"email": "countess@example.com", "metadata": {"user_id": "old"}},
            },
        });
        redact(&mut event);
        let left = json!({
            "id": "evt_1", "object": "event", "type": "customer.updated", "created": 7, "livemode": false,
            "request": {"id": "req_1", "idempotency_key": null},
            "data": {
                "object": {
                    "id": "cus_1", "object": "customer", "email": null, "name": null, "phone": null, "deleted": false,
                    "metadata": {}, "address": {}, "preferred_locales": [null], "a_field_of_tomorrow": null, "sources": {},
                },
                "previous_attributes": {"email": null, "metadata": {}},
            },
        });
        assert_eq!(event, left);
        let once = event.clone();
        redact(&mut event);
        assert_eq!(event, once);
    }

    #[test]
    fn a_thin_event_is_one_afterwards() {
        let mut event = json!({
            "id": "evt_1", "object": "v2.core.event", "type": "v1.customer.updated", "created": "2026-11-23T06:00:00.123Z",
            "livemode": false, "reason": {"type": "request", "request": {"id": "req_1", "idempotency_key": "ada@example.com"}},
            "related_object": {"id": "cus_1", "type": "customer", "url": "/v1/customers/cus_1"},
        });
        let envelope = Envelope::read(&event).unwrap();
        redact(&mut event);
        assert_eq!(Envelope::read(&event).unwrap(), envelope);
        assert!(!event.to_string().contains("ada"), "{event}");
    }

    #[test]
    fn what_is_sold_stays() {
        let price = json!({"id": "price_1", "object": "price", "nickname": "Pro", "metadata": {"features": "pro"}});
        let mut item =
            json!({"id": "si_1", "object": "subscription_item", "metadata": {"seat": "Ada"}, "price": price});
        redact(&mut item);
        assert_eq!(item["price"], price);
        assert_eq!(item["metadata"], json!({}));
    }
}
