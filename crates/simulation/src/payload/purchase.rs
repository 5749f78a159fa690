//! What was bought once and the money behind it, as JSON: Checkout Sessions of mode `payment`, invoices, charges, refunds, disputes.

use serde_json::{Value, json};

use super::{EMBEDDED, Version, price};
use crate::model::{Customer, Dispute, Payment, Purchase, Refund, State};

/// A Checkout Session in mode `payment`; `whole` as a read with its line items and its payment gives it.
#[must_use]
pub fn checkout(purchase: &Purchase, customer: &Customer, whole: bool) -> Option<Value> {
    let mut object = super::session(purchase.session.as_ref()?, &customer.id);
    let payment = purchase.payment.as_ref();
    object["mode"] = json!("payment");
    object["customer"] = json!(customer.named());
    object["customer_creation"] = json!(if customer.is_guest() { "if_required" } else { "always" });
    object["amount_total"] = json!(purchase.amount());
    object["amount_subtotal"] = json!(purchase.amount());
    object["invoice"] = json!(purchase.invoice);
    object["invoice_creation"] = json!({"enabled": purchase.invoice.is_some(), "invoice_data": null});
    object["payment_intent"] = json!(payment.map(|payment| &payment.id));
    // Stripe goes on calling a session unpaid whose delayed payment failed.
    object["payment_status"] = match (purchase.state, payment) {
        (State::Paid, Some(_)) => json!("paid"),
        (State::Paid, None) => json!("no_payment_required"),
        _ => json!("unpaid"),
    };
    if whole {
        let lines = purchase.lines.iter().enumerate();
        let lines: Vec<Value> = lines
            .map(|(n, (what, quantity))| {
                json!({
                    "id": format!("li_{n}{}", &object["id"].as_str().unwrap_or_default()[3..]), "object": "item",
                    "amount_discount": 0, "amount_subtotal": what.amount * quantity, "amount_tax": 0,
                    "amount_total": what.amount * quantity, "currency": "eur", "description": what.product,
                    "price": price(what), "quantity": quantity,
                })
            })
            .collect();
        object["line_items"] = json!({
            "object": "list", "data": lines, "has_more": false,
            "url": format!("/v1/checkout/sessions/{}/line_items", object["id"].as_str().unwrap_or_default()),
        });
    }
    if let (true, true, Some(payment)) = (whole, customer.is_guest(), payment) {
        object["payment_intent"] = json!({
            "id": payment.id, "object": "payment_intent", "amount": payment.amount, "currency": "eur", "customer": null,
            "latest_charge": charge(payment, customer, None, true), "livemode": false,
        });
    }
    Some(object)
}

/// A charge, in older versions naming the invoice it pays; `whole` with its refunds.
#[must_use]
pub fn charge(payment: &Payment, customer: &Customer, invoice: Option<&str>, whole: bool) -> Value {
    let mut object = refused(payment, customer);
    let paid = payment.status == "succeeded";
    object["id"] = json!(payment.charge);
    object["amount_captured"] = json!(if paid { payment.amount } else { 0 });
    object["amount_refunded"] = json!(payment.counted);
    object["captured"] = json!(paid);
    object["disputed"] = json!(!payment.disputes.is_empty());
    object["paid"] = json!(payment.status != "failed");
    object["refunded"] = json!(payment.counted == payment.amount);
    object["status"] = json!(payment.status);
    object["failure_code"] = if payment.status == "failed" { json!("generic_decline") } else { Value::Null };
    if let Some(invoice) = invoice {
        object["invoice"] = json!(invoice);
    }
    if whole {
        let refunds: Vec<Value> = payment.refunds.iter().rev().map(|one| refund(one, payment)).collect();
        object["refunds"] = json!({
            "object": "list", "data": refunds, "has_more": false,
            "url": format!("/v1/charges/{}/refunds", payment.charge),
        });
    }
    object
}

/// The charge of the same payment that was refused before.
#[must_use]
pub fn refused(payment: &Payment, customer: &Customer) -> Value {
    json!({
        "id": payment.refused, "object": "charge", "amount": payment.amount, "amount_captured": 0, "amount_refunded": 0,
        "application": null, "balance_transaction": null,
        "billing_details": {"email": format!("{}@example.com", customer.id), "name": null}, "captured": false,
        "created": payment.created, "currency": "eur", "customer": customer.named(), "description": null, "disputed": false,
        "failure_code": "card_declined", "failure_message": null, "livemode": false, "metadata": {},
        "outcome": {"network_status": "approved_by_network", "type": "authorized"}, "paid": false,
        "payment_intent": payment.id, "payment_method": format!("pm_{}", &payment.id[3..]), "receipt_email": null,
        "refunded": false, "status": "failed",
    })
}

/// A refund.
#[must_use]
pub fn refund(refund: &Refund, payment: &Payment) -> Value {
    json!({
        "id": refund.id, "object": "refund", "amount": refund.amount, "balance_transaction": null, "charge": payment.charge,
        "created": refund.created, "currency": "eur", "destination_details": {"type": "card"}, "metadata": {},
        "failure_reason": (refund.status == "failed").then_some("lost_or_stolen_card"),
        "payment_intent": payment.id, "reason": "requested_by_customer", "receipt_number": null, "status": refund.status,
    })
}

/// A dispute.
#[must_use]
pub fn dispute(dispute: &Dispute, payment: &Payment) -> Value {
    json!({
        "id": dispute.id, "object": "dispute", "amount": dispute.amount, "balance_transactions": [], "charge": payment.charge,
        "created": dispute.created, "currency": "eur", "evidence": {}, "evidence_details": {"has_evidence": false},
        "is_charge_refundable": dispute.status.starts_with("warning"), "livemode": false, "metadata": {},
        "payment_intent": payment.id, "reason": "fraudulent", "status": dispute.status,
    })
}

/// An invoice of no subscription; `whole` with all of its lines and its payments, as a read gives it.
#[must_use]
pub fn invoice(purchase: &Purchase, customer: &Customer, version: Version, whole: bool) -> Option<Value> {
    let id = purchase.invoice.as_ref()?;
    let (paid, amount) = (purchase.state == State::Paid, purchase.amount());
    let shown = if whole { purchase.lines.len() } else { purchase.lines.len().min(EMBEDDED) };
    let lines: Vec<Value> = (0..shown).map(|n| line(purchase, n, version)).collect();
    let status = match purchase.state {
        State::Paid => "paid",
        State::Pending | State::Open | State::Failed => "open",
        State::Uncollectible => "uncollectible",
        State::Void => "void",
    };
    let mut object = json!({
        "id": id, "object": "invoice", "account_country": "DE", "amount_due": amount,
        "amount_paid": if paid { amount } else { 0 }, "amount_remaining": if paid { 0 } else { amount },
        "attempt_count": 1, "attempted": true, "auto_advance": false, "billing_reason": "manual",
        "collection_method": "charge_automatically", "created": purchase.created, "currency": "eur", "customer": customer.id,
        "customer_email": format!("{}@example.com", customer.id), "description": null, "discounts": [], "due_date": null,
        "hosted_invoice_url": "https://invoice.stripe.com/i/1", "lines": {
            "object": "list", "data": lines, "has_more": shown < purchase.lines.len(), "total_count": purchase.lines.len(),
            "url": format!("/v1/invoices/{id}/lines"),
        },
        "livemode": false, "metadata": {}, "number": "ABCDEF12-0001", "status": status,
        "status_transitions": {
            "finalized_at": purchase.created, "marked_uncollectible_at": null, "paid_at": purchase.paid_at, "voided_at": null,
        },
        "subtotal": amount, "total": amount,
    });
    if version == Version::Acacia {
        let payment = purchase.payment.as_ref();
        object["subscription"] = Value::Null;
        object["paid"] = json!(paid);
        object["payment_intent"] = json!(payment.map(|payment| &payment.id));
        object["charge"] = json!(payment.map(|payment| &payment.charge));
    } else {
        object["parent"] = Value::Null;
    }
    if whole {
        let payments: Vec<Value> = invoice_payment(purchase).into_iter().collect();
        object["payments"] = json!({"object": "list", "data": payments, "has_more": false});
    }
    Some(object)
}

fn line(purchase: &Purchase, n: usize, version: Version) -> Value {
    let (what, quantity) = purchase.lines[n];
    let mut line = json!({
        "id": format!("il_{n}{}", &purchase.invoice.as_deref().unwrap_or_default()[3..]), "object": "line_item",
        "amount": what.amount * quantity, "currency": "eur", "description": what.product, "discountable": true,
        "livemode": false, "metadata": {}, "period": {"end": purchase.created, "start": purchase.created},
        "quantity": quantity,
    });
    if version == Version::Acacia {
        line["type"] = json!("invoiceitem");
        line["proration"] = json!(false);
        line["plan"] = Value::Null;
        line["price"] = price(what);
        line["subscription"] = Value::Null;
    } else {
        line["parent"] = json!({
            "type": "invoice_item_details", "subscription_item_details": null,
            "invoice_item_details": {"invoice_item": format!("ii_{n}"), "proration": false, "subscription": null},
        });
        line["pricing"] = json!({
            "type": "price_details", "price_details": {"price": what.id, "product": what.product},
            "unit_amount_decimal": what.amount.to_string(),
        });
    }
    line
}

/// Which payment pays the invoice: an object of its own since 2025-03-31.basil.
#[must_use]
pub fn invoice_payment(purchase: &Purchase) -> Option<Value> {
    let (invoice, payment) = (purchase.invoice.as_ref()?, purchase.payment.as_ref()?);
    Some(json!({
        "id": format!("inpay_{}", &invoice[3..]), "object": "invoice_payment", "amount_paid": payment.amount,
        "amount_requested": payment.amount, "created": payment.created, "currency": "eur", "invoice": invoice,
        "is_default": true, "livemode": false, "payment": {"payment_intent": payment.id, "type": "payment_intent"},
        "status": if purchase.state == State::Paid { "paid" } else { "open" },
        "status_transitions": {"canceled_at": null, "paid_at": purchase.paid_at},
    }))
}
