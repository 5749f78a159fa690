//! Deliveries as requests, written out so that sending them costs little.

use serde_json::json;

use crate::load::SECRET;

/// Signed requests of about 2 KB, each a different event.
pub(crate) fn deliveries(number: usize, round: usize) -> Vec<Vec<u8>> {
    let now = now();
    (0..number)
        .map(|n| {
            let event = json!({
                "id": format!("evt_{round}_{n}"), "object": "event", "api_version": "2025-09-30.clover", "created": now, "livemode": false,
                "type": "customer.subscription.updated", "pending_webhooks": 1, "request": {"id": null, "idempotency_key": null},
                "data": {"object": {
                    "id": format!("sub_{n}"), "object": "subscription", "customer": format!("cus_{n}"), "status": "active", "created": now,
                    "cancel_at_period_end": false, "metadata": {"user_id": format!("user_{n}"), "note": "x".repeat(900)},
                    "items": {"object": "list", "has_more": false, "data": [{"id": format!("si_{n}"), "object": "subscription_item",
                        "quantity": 1, "current_period_start": now, "current_period_end": now + 2_592_000,
                        "price": {"id": "price_pro", "object": "price", "active": true, "currency": "eur", "unit_amount": 2900,
                            "product": "prod_pro", "recurring": {"interval": "month", "interval_count": 1}, "lookup_key": "y".repeat(300)}}]}
                }}
            });
            let body = event.to_string();
            request(&body, &standin::sign(body.as_bytes(), SECRET, now))
        })
        .collect()
}

/// A delivery with this signature, as it goes over the wire.
pub(crate) fn request(body: &str, signature: &str) -> Vec<u8> {
    format!(
        "POST /webhooks/stripe HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\nstripe-signature: {signature}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Unix seconds.
pub(crate) fn now() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |now| now.as_secs().cast_signed())
}
