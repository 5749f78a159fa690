//! Restricted keys: which permission a request needs (docs.stripe.com/keys/restricted-api-keys).

/// Stripe's name of the permission that a request needs, such as `rak_subscription_read`.
pub(crate) fn needed(method: &str, path: &str) -> Option<String> {
    let mut segments = path.trim_start_matches("/v1").split('/').filter(|segment| !segment.is_empty());
    let resource = match (segments.next()?, segments.next()) {
        ("customers", _) => "customer",
        ("subscriptions" | "subscription_items", _) => "subscription",
        ("checkout", _) => "checkout_session",
        ("billing_portal", _) => "customer_portal",
        ("entitlements", _) => "entitlement",
        ("products", _) => "product",
        ("prices", _) => "plan",
        ("invoices" | "invoice_payments" | "invoiceitems", _) => "invoice",
        ("charges" | "refunds", _) => "charge",
        ("disputes", _) => "dispute",
        ("payment_intents", _) => "payment_intent",
        ("events", _) => "event",
        ("webhook_endpoints", _) => "webhook",
        _ => return None,
    };
    let deed = if method == "GET" { "read" } else { "write" };
    Some(format!("rak_{resource}_{deed}"))
}
