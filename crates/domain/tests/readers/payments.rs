//! What was bought and what came back: sessions with line items, invoices of old and new versions, charges, refunds, disputes.

use domain::Timestamp;
use domain::event::Envelope;
use domain::stripe::{Charge, CheckoutSession, Dispute, DisputeStanding, Invoice, InvoicePayment, LineItem, Refund};
use serde_json::{Value, json};

fn session() -> Value {
    json!({
        "id": "cs_1", "object": "checkout.session", "mode": "payment", "status": "complete", "payment_status": "paid",
        "customer": null, "client_reference_id": "user_1", "payment_intent": {"id": "pi_1"}, "amount_total": 4000,
        "line_items": {"object": "list", "has_more": false, "data": [
            {"id": "li_1", "quantity": 2, "price": {"id": "price_1", "product": "prod_1"}},
            {"id": "li_2", "quantity": 1, "price": null}
        ]}
    })
}

fn line(price: &str, product: Option<&str>, quantity: i64) -> LineItem {
    LineItem { price_id: price.to_owned(), product_id: product.map(str::to_owned), quantity }
}

#[test]
fn a_guests_session_with_its_line_items() {
    let read = |value: &Value| CheckoutSession::read(value, &[]).unwrap();
    let guest = read(&session());
    assert_eq!(guest.line_items, Some(vec![line("price_1", Some("prod_1"), 2)]));
    assert_eq!((guest.payment_intent_id.as_deref(), guest.amount_total), (Some("pi_1"), Some(4000)));
    assert_eq!((guest.payer_id(), guest.is_purchase(), guest.is_paid()), (Some("cs_1"), true, true));
    let mut changed = session();
    changed["line_items"]["has_more"] = json!(true);
    assert_eq!(read(&changed).line_items, None, "a part of them is not what was bought");
    changed["status"] = json!("expired");
    let expired = read(&changed);
    assert_eq!((expired.payer_id(), expired.is_purchase(), expired.is_paid()), (None, false, false));
    changed = session();
    changed["customer"] = json!({"id": "cus_1", "deleted": true});
    assert_eq!(read(&changed).payer_id(), Some("cus_1"));
    let stored = serde_json::to_value(&guest).unwrap();
    assert_eq!(serde_json::from_value::<CheckoutSession>(stored).unwrap(), guest);
}

#[test]
fn a_guests_session_is_its_own_payer_in_the_log() {
    let customer = |object: Value| {
        let kind = "checkout.session.completed";
        let event = json!({"id": "evt_1", "object": "event", "type": kind, "created": 5, "livemode": false, "data": {"object": object}});
        Envelope::read(&event).unwrap().customer_id
    };
    assert_eq!(customer(session()).as_deref(), Some("cs_1"));
    for (field, value) in [("mode", "subscription"), ("status", "expired")] {
        let mut other = session();
        other[field] = json!(value);
        assert_eq!(customer(other), None, "{field}");
    }
}

fn invoice(lines: &Value) -> Value {
    json!({
        "id": "in_1", "object": "invoice", "customer": "cus_1", "status": "paid", "billing_reason": "manual", "amount_paid": 900,
        "created": 100, "status_transitions": {"paid_at": 200}, "attempted": true,
        "lines": {"object": "list", "has_more": false, "data": lines}
    })
}

#[test]
fn an_invoice_of_a_version_before_basil() {
    let mut old = invoice(&json!([
        {"id": "il_1", "type": "invoiceitem", "amount": 900, "quantity": 3, "price": {"id": "price_1", "product": "prod_1"}},
        {"id": "il_2", "type": "invoiceitem", "amount": -300, "price": {"id": "price_2", "product": "prod_1"}},
        {"id": "il_3", "type": "invoiceitem", "amount": 100, "proration": true, "price": {"id": "price_3"}},
        {"id": "il_4", "type": "invoiceitem", "amount": 100, "plan": {"id": "gold", "product": "prod_2"}},
        {"id": "il_5", "type": "invoiceitem", "amount": 100, "price": null}
    ]));
    old["subscription"] = Value::Null;
    old["payment_intent"] = json!("pi_1");
    let read = Invoice::read(&old).unwrap();
    assert_eq!(read.lines, [line("price_1", Some("prod_1"), 3), line("gold", Some("prod_2"), 1)]);
    assert_eq!((read.payment_ids.as_slice(), read.payments_known), (&["pi_1".to_owned()][..], true));
    assert_eq!((read.paid_at, read.is_purchase()), (Some(Timestamp::from_secs(200)), true));
    old["subscription"] = json!({"id": "sub_1"});
    let bill = Invoice::read(&old).unwrap();
    assert_eq!((bill.subscription_id.as_deref(), bill.is_purchase()), (Some("sub_1"), false));
}

#[test]
fn an_invoice_since_basil() {
    let mut new = invoice(&json!([
        {"id": "il_0", "amount": 900, "quantity": null, "quantity_decimal": "4.0", "pricing": {"type": "price_details", "price_details": {"price": {"id": "price_0", "product": "prod_0"}}}},
        {"id": "il_1", "amount": 900, "quantity": 3, "pricing": {"type": "price_details", "price_details": {"price": "price_1", "product": "prod_1"}}},
        {"id": "il_2", "amount": 50, "pricing": {"type": "price_details", "price_details": {"price": "price_2", "product": "prod_1"}},
         "parent": {"type": "invoice_item_details", "invoice_item_details": {"proration": true}}},
        {"id": "il_3", "amount": 50, "pricing": null}
    ]));
    assert_eq!(Invoice::read(&new).unwrap_err().path, "subscription", "neither of the places that say what it bills");
    new["parent"] = Value::Null;
    let read = Invoice::read(&new).unwrap();
    assert_eq!(read.lines, [line("price_0", Some("prod_0"), 4), line("price_1", Some("prod_1"), 3)]);
    assert_eq!((read.payment_ids.len(), read.payments_known, read.is_purchase()), (0, false, true));
    new["payments"] = json!({"object": "list", "data": [
        {"id": "inpay_1", "payment": {"type": "payment_intent", "payment_intent": "pi_1"}},
        {"id": "inpay_2", "payment": {"type": "charge", "charge": {"id": "ch_2"}}}
    ]});
    let read = Invoice::read(&new).unwrap();
    assert_eq!((read.payment_ids, read.payments_known), (vec!["ch_2".to_owned(), "pi_1".to_owned()], true));
    new["parent"] = json!({"type": "subscription_details", "subscription_details": {"subscription": "sub_1"}});
    assert_eq!(Invoice::read(&new).unwrap().subscription_id.as_deref(), Some("sub_1"));
    new["parent"] = Value::Null;
    new["billing_reason"] = json!("subscription_cycle");
    assert!(!Invoice::read(&new).unwrap().is_purchase(), "of a subscription, whichever it is");
    new["lines"] = Value::Null;
    assert_eq!(Invoice::read(&new).unwrap_err().path, "lines");
    let payment = json!({"id": "inpay_1", "invoice": "in_1", "payment": {"type": "out_of_band"}});
    assert_eq!(InvoicePayment::read(&payment).unwrap().payment_id, None);
    let lost = json!({"id": "inpay_1", "invoice": "in_1", "payment": {"type": "payment_intent"}});
    assert_eq!(InvoicePayment::read(&lost).unwrap_err().path, "payment.payment_intent");
}

#[test]
fn charges_refunds_and_disputes() {
    let charge = json!({"id": "ch_1", "amount": 2000, "amount_captured": 1500, "amount_refunded": 0, "payment_intent": "pi_1",
        "customer": null, "status": "succeeded", "created": 5});
    let read = Charge::read(&charge).unwrap();
    assert_eq!((read.amount, read.payment_id()), (1500, "pi_1"), "what was captured can be refunded");
    let bare = json!({"id": "py_1", "amount": 2000, "amount_refunded": 0, "payment_intent": null});
    assert_eq!(Charge::read(&bare).unwrap().payment_id(), "py_1");
    assert_eq!(
        Charge::read(&json!({"id": "ch_1", "amount": 1, "payment_intent": null})).unwrap_err().path,
        "amount_refunded"
    );
    assert_eq!(Charge::read(&json!({"id": "ch_1", "amount": 1})).unwrap_err().path, "payment_intent");

    let refund =
        |status: &str| json!({"id": "re_1", "amount": 5, "charge": "ch_1", "payment_intent": null, "status": status});
    for (status, void) in
        [("succeeded", false), ("pending", false), ("requires_action", false), ("failed", true), ("canceled", true)]
    {
        let read = Refund::read(&refund(status)).unwrap();
        assert_eq!((read.is_void(), read.payment_id()), (void, Some("ch_1")), "{status}");
    }
    assert_eq!(Refund::read(&refund("")).unwrap_err().path, "status");
    let before_2016 = json!({"id": "re_1", "amount": 5, "charge": "ch_1", "status": null});
    assert_eq!(Refund::read(&before_2016).unwrap().status, "succeeded");
    let nobodys = json!({"id": "re_1", "amount": 5, "status": "succeeded"});
    assert_eq!(Refund::read(&nobodys).unwrap_err().path, "payment_intent");

    let standing = |status: &str| {
        Dispute::read(&json!({"id": "du_1", "amount": 5, "payment_intent": "pi_1", "status": status}))
            .unwrap()
            .standing()
    };
    assert_eq!(standing("warning_under_review"), DisputeStanding::Inquiry);
    assert_eq!(standing("under_review"), DisputeStanding::Open);
    assert_eq!(standing("a_new_word"), DisputeStanding::Open);
    assert_eq!(standing("lost"), DisputeStanding::Lost);
    for settled in ["won", "warning_closed", "prevented"] {
        assert_eq!(standing(settled), DisputeStanding::Settled, "{settled}");
    }
}
