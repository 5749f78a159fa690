//! Renewals as Stripe sends them, for many customers or for one again and again: a new period at once, the bill and its payment an hour
//! later (docs.stripe.com/billing/subscriptions/webhooks).

use domain::Timestamp;
use domain::event::Envelope;
use serde_json::{Value, json};
use store::records::Delivery;

/// A period, in seconds.
pub(crate) const PERIOD: i64 = 2_592_000;
/// How many events a renewal sends.
pub(crate) const EVENTS: usize = 9;

/// As it is taken in.
pub(crate) fn delivery(event: &Value, received_at: Timestamp) -> Delivery {
    let envelope = Envelope::read(event).expect("the events have an envelope");
    Delivery { envelope, payload: event.to_string(), received_at, secret_name: Some("bench".into()) }
}

fn event(id: &str, kind: &str, at: i64, object: &Value, previous: Option<Value>) -> Value {
    let mut data = json!({"object": object});
    if let Some(previous) = previous {
        data["previous_attributes"] = previous;
    }
    json!({
        "id": id, "object": "event", "api_version": "2025-09-30.clover", "created": at, "data": data, "livemode": false,
        "pending_webhooks": 1, "request": {"id": null, "idempotency_key": null}, "type": kind,
    })
}

/// The items of the subscription of customer `n` in the period that begins at `start`.
fn items(n: usize, start: i64) -> Value {
    json!({"object": "list", "has_more": false, "total_count": 1, "data": [{
        "id": format!("si_{n}"), "object": "subscription_item", "quantity": 1, "current_period_start": start,
        "current_period_end": start + PERIOD, "subscription": format!("sub_{n}"),
        "price": {"id": "price_pro", "object": "price", "active": true, "billing_scheme": "per_unit", "created": 1_600_000_000,
            "currency": "eur", "livemode": false, "lookup_key": null, "metadata": {}, "nickname": "Pro, monthly", "product": "prod_pro",
            "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}, "type": "recurring",
            "unit_amount": 2900, "unit_amount_decimal": "2900"},
    }]})
}

fn subscription(n: usize, start: i64) -> Value {
    json!({
        "id": format!("sub_{n}"), "object": "subscription", "customer": format!("cus_{n}"), "status": "active", "cancel_at": null,
        "cancel_at_period_end": false, "canceled_at": null, "created": 1_700_000_000, "collection_method": "charge_automatically",
        "items": items(n, start), "latest_invoice": format!("in_{n}_{start}"), "livemode": false,
        "metadata": {"user_id": format!("user_{n}")}, "pause_collection": null, "trial_end": null,
    })
}

/// The subscription of customer `n`, made at `at`; it names the user `user_n`.
pub(crate) fn begin(n: usize, at: i64) -> Value {
    event(&format!("evt_{n}_new"), "customer.subscription.created", at, &subscription(n, at), None)
}

/// The renewal of the subscription of customer `n` at `at`, in the order Stripe makes the events.
pub(crate) fn renew(n: usize, at: i64) -> Vec<Value> {
    let id = format!("in_{n}_{at}");
    let intent = format!("pi_{n}_{at}");
    let invoice = |status: &str| {
        json!({
            "id": id, "object": "invoice", "amount_due": 2900, "amount_paid": if status == "paid" { 2900 } else { 0 },
            "attempted": status == "paid", "billing_reason": "subscription_cycle", "created": at, "currency": "eur",
            "customer": format!("cus_{n}"), "livemode": false, "metadata": {}, "status": status,
            "lines": {"object": "list", "has_more": false, "data": [{
                "id": format!("il_{n}_{at}"), "object": "line_item", "amount": 2900, "quantity": 1,
                "pricing": {"type": "price_details", "price_details": {"price": "price_pro", "product": "prod_pro"}},
            }]},
            "parent": {"type": "subscription_details", "subscription_details": {"subscription": format!("sub_{n}"), "metadata": {}}},
            "status_transitions": {"paid_at": (status == "paid").then_some(at + 3600)},
        })
    };
    let charge = json!({
        "id": format!("ch_{n}_{at}"), "object": "charge", "amount": 2900, "amount_captured": 2900, "amount_refunded": 0,
        "created": at + 3600, "customer": format!("cus_{n}"), "livemode": false, "payment_intent": intent, "status": "succeeded",
    });
    let payment = json!({
        "id": intent, "object": "payment_intent", "amount": 2900, "created": at + 3600, "customer": format!("cus_{n}"),
        "livemode": false, "status": "succeeded",
    });
    let invoice_payment = json!({
        "id": format!("inpay_{n}_{at}"), "object": "invoice_payment", "amount_paid": 2900, "invoice": id, "livemode": false,
        "payment": {"type": "payment_intent", "payment_intent": intent}, "status": "paid",
    });
    let before = json!({
        "items": {"data": items(n, at - PERIOD)["data"]}, "latest_invoice": format!("in_{n}_{}", at - PERIOD),
    });
    let told = [
        ("invoice.created", 0, invoice("draft"), None),
        ("customer.subscription.updated", 0, subscription(n, at), Some(before)),
        ("invoice.finalized", 3600, invoice("open"), None),
        ("charge.succeeded", 3600, charge, None),
        ("payment_intent.succeeded", 3600, payment, None),
        ("invoice_payment.paid", 3600, invoice_payment, None),
        ("invoice.updated", 3600, invoice("paid"), Some(json!({"status": "open", "amount_paid": 0}))),
        ("invoice.paid", 3600, invoice("paid"), None),
        ("invoice.payment_succeeded", 3600, invoice("paid"), None),
    ];
    told.into_iter()
        .enumerate()
        // Ids in no order of time.
        .map(|(k, (kind, later, object, previous))| {
            event(&format!("evt_{n}_{at}_{}", EVENTS - k), kind, at + later, &object, previous)
        })
        .collect()
}
