//! What `POST` does.

use serde_json::Value;

use crate::params::Params;
use crate::world::{Reply, World};

/// The answer, or `None` for an address that does not exist.
pub(crate) fn route(world: &mut World, path: &[&str], params: &Params) -> Option<Reply> {
    Some(match path {
        ["customers"] => world.create_customer(params),
        ["customers", id] => world.update_customer(id, params),
        ["products"] => world.create_product(params),
        ["products", id] => world.update_product(id, params),
        ["products", id, "features"] => world.attach_feature(id, params),
        ["prices"] => world.create_price(params),
        ["prices", id] => world.update_price(id, params),
        ["subscriptions"] => world.create_subscription(params),
        ["subscriptions", id] => world.update_subscription(id, params),
        ["subscription_items"] => world.write_item(None, params, false),
        ["subscription_items", id] => world.write_item(Some(id), params, false),
        ["checkout", "sessions"] => world.create_session(params),
        ["checkout", "sessions", id] => world.update_session(id, params),
        ["checkout", "sessions", id, "expire"] => world.expire_session(id),
        ["payment_pages", id, "confirm"] => world.confirm_session(id, params),
        ["coupons"] => world.create_coupon(params),
        ["promotion_codes"] => world.create_promotion_code(params),
        ["payment_methods"] => world.create_payment_method(params),
        ["payment_methods", id, "attach"] => {
            params.required("customer").and_then(|customer| world.attach_payment_method(id, customer))
        }
        ["payment_methods", id, "detach"] => world.detach_payment_method(id),
        ["payment_intents"] => world.create_intent(params),
        ["payment_intents", id] => world.update_intent(id, params),
        ["payment_intents", id, "confirm"] => world.confirm_intent(id, params),
        ["payment_intents", id, "cancel"] => world.cancel_intent(id, params),
        ["refunds"] => world.create_refund(params),
        ["disputes", id, "close"] => world.close_dispute(id, "lost"),
        ["invoices"] => world.create_invoice(params),
        ["invoices", id] => world.update_invoice(id, params),
        ["invoices", id, "finalize"] => world.finalize_invoice(id),
        ["invoices", id, "pay"] => world.pay_invoice_by_request(id, params),
        ["invoices", id, "void"] => world.void_invoice(id, "void"),
        ["invoices", id, "mark_uncollectible"] => world.void_invoice(id, "uncollectible"),
        ["invoices", id, "send"] => world.retrieve("invoice", id).map(|invoice| sent(world, invoice)),
        ["invoiceitems"] => world.create_invoice_item(params),
        ["billing_portal", "sessions"] => world.create_portal_session(params),
        ["webhook_endpoints"] => world.create_endpoint(params),
        ["webhook_endpoints", id] => world.update_endpoint(id, params),
        ["test_helpers", "test_clocks"] => world.create_test_clock(params),
        ["test_helpers", "test_clocks", id, "advance"] => world.advance_test_clock(id, params),
        ["entitlements", "features"] => world.create_feature(params),
        ["entitlements", "features", id] => world.update_feature(id, params),
        _ => return None,
    })
}

fn sent(world: &mut World, invoice: Value) -> Value {
    world.emit("invoice.sent", &invoice, None);
    invoice
}
