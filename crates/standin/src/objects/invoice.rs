//! Invoices, their items, and paying them.

use serde_json::{Value, json};

use crate::error::Problem;
use crate::objects::payment::Payment;
use crate::params::{Kind, Params};
use crate::value::{elements, id_of, int, text};
use crate::world::{Reply, World};

const INVOICE: &[(&str, Kind)] = &[
    ("description", Kind::Text),
    ("footer", Kind::Text),
    ("auto_advance", Kind::Bool),
    ("collection_method", Kind::Text),
    ("due_date", Kind::Int),
    ("default_payment_method", Kind::Text),
];

/// How paying an invoice ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paid {
    Yes,
    /// The customer has to act, or a delayed payment is under way.
    Pending,
    No,
}

impl World {
    pub(crate) fn create_invoice_item(&mut self, params: &Params) -> Reply {
        let customer = params.required("customer")?;
        self.referred("customer", customer, "customer")?;
        let quantity = params.int("quantity")?.unwrap_or(1);
        let price = match params.text("price").or_else(|| params.text("pricing.price")) {
            Some(price) => self.referred("price", price, "price")?,
            None => Value::Null,
        };
        let (amount, currency) = if price.is_null() {
            let amount = params.int("amount")?.ok_or_else(|| Problem::required("amount"))?;
            (amount, params.text("currency").unwrap_or("usd").to_owned())
        } else {
            (int(&price, "unit_amount") * quantity, text(&price, "currency").to_owned())
        };
        let now = self.now();
        let item = json!({
            "id": self.id("ii"), "object": "invoiceitem", "amount": amount, "currency": currency,
            "customer": customer, "customer_account": null, "date": now, "description": params.text("description"),
            "discountable": true, "discounts": [], "invoice": params.text("invoice"), "livemode": self.livemode,
            "metadata": params.metadata("metadata"), "net_amount": amount, "parent": null,
            "period": { "start": now, "end": now }, "pricing": pricing(&price), "proration": false, "quantity": quantity,
            "quantity_decimal": quantity.to_string(), "tax_rates": [], "test_clock": null, "_price": price,
        });
        Ok(self.store_new("invoiceitem.created", item))
    }

    pub(crate) fn create_invoice(&mut self, params: &Params) -> Reply {
        let customer = params.required("customer")?;
        self.referred("customer", customer, "customer")?;
        let mut invoice = self.blank_invoice(customer, "manual");
        params.apply(&mut invoice, INVOICE)?;
        let id = text(&invoice, "id").to_owned();
        if params.text("pending_invoice_items_behavior") != Some("exclude") {
            let mut pending: Vec<Value> = self
                .all("invoiceitem")
                .into_iter()
                .filter(|item| item["invoice"].is_null() && item["customer"] == customer)
                .cloned()
                .collect();
            pending.reverse();
            for mut item in pending {
                item["invoice"] = json!(id);
                let mut line = self.blank_line(&id, int(&item, "amount"), text(&item, "description"));
                for field in ["pricing", "quantity", "quantity_decimal", "_price"] {
                    line[field] = item[field].clone();
                }
                line["parent"] = json!({
                    "type": "invoice_item_details", "subscription_item_details": null,
                    "invoice_item_details": { "invoice_item": item["id"], "proration": false, "subscription": null },
                });
                self.put(item);
                add_line(&mut invoice, line);
            }
        }
        Ok(self.store_new("invoice.created", invoice))
    }

    pub(crate) fn update_invoice(&mut self, id: &str, params: &Params) -> Reply {
        let before = self.retrieve("invoice", id)?;
        let mut after = before.clone();
        params.apply(&mut after, INVOICE)?;
        Ok(self.store_update("invoice.updated", &before, after))
    }

    pub(crate) fn blank_invoice(&mut self, customer: &str, reason: &str) -> Value {
        let id = self.id("in");
        let now = self.now();
        let owner = self.find("customer", customer).cloned().unwrap_or_default();
        json!({
            "id": id, "object": "invoice", "account_country": "US", "account_name": "Stand-in",
            "account_tax_ids": null, "amount_due": 0, "amount_overpaid": 0, "amount_paid": 0, "amount_remaining": 0,
            "amount_shipping": 0, "application": null, "attempt_count": 0, "attempted": false, "auto_advance": false,
            "automatic_tax": { "disabled_reason": null, "enabled": false, "liability": null, "provider": null, "status": null },
            "automatically_finalizes_at": null, "billing_reason": reason,
            "collection_method": "charge_automatically", "created": now, "currency": "usd", "custom_fields": null,
            "customer": customer, "customer_account": null, "customer_address": owner["address"],
            "customer_email": owner["email"], "customer_name": owner["name"], "customer_phone": owner["phone"],
            "customer_shipping": null, "customer_tax_exempt": "none", "customer_tax_ids": [],
            "default_payment_method": null, "default_source": null, "default_tax_rates": [], "description": null,
            "discounts": [], "due_date": null, "effective_at": null, "ending_balance": null, "footer": null,
            "from_invoice": null, "hosted_invoice_url": null, "invoice_pdf": null, "issuer": { "type": "self" },
            "last_finalization_error": null, "latest_revision": null,
            "lines": { "object": "list", "data": [], "has_more": false, "url": format!("/v1/invoices/{id}/lines") },
            "livemode": self.livemode, "metadata": {}, "next_payment_attempt": null, "number": null,
            "on_behalf_of": null, "parent": null,
            "payment_settings": { "default_mandate": null, "payment_method_options": null, "payment_method_types": null },
            "period_end": now, "period_start": now, "post_payment_credit_notes_amount": 0,
            "pre_payment_credit_notes_amount": 0, "receipt_number": null, "rendering": null, "shipping_cost": null,
            "shipping_details": null, "starting_balance": 0, "statement_descriptor": null, "status": "draft",
            "status_transitions": {
                "finalized_at": null, "marked_uncollectible_at": null, "paid_at": null, "voided_at": null
            },
            "subtotal": 0, "subtotal_excluding_tax": 0, "test_clock": null, "total": 0,
            "total_discount_amounts": [], "total_excluding_tax": 0, "total_pretax_credit_amounts": [],
            "total_taxes": [], "webhooks_delivered_at": null,
        })
    }

    /// A line that is for nothing in particular; the caller adds the price and the subscription.
    pub(crate) fn blank_line(&mut self, invoice: &str, amount: i64, description: &str) -> Value {
        let now = self.now();
        json!({
            "id": self.id("il"), "object": "line_item", "amount": amount, "currency": "usd",
            "description": description, "discount_amounts": [], "discountable": true, "discounts": [],
            "invoice": invoice, "livemode": self.livemode, "metadata": {}, "parent": null,
            "period": { "start": now, "end": now }, "pretax_credit_amounts": [], "pricing": null, "quantity": 1,
            "quantity_decimal": "1", "subscription": null, "subtotal": amount, "taxes": [],
        })
    }

    /// From draft to open; nothing owed means paid (docs.stripe.com/invoicing/overview).
    pub(crate) fn finalize_invoice(&mut self, id: &str) -> Reply {
        let before = self.retrieve("invoice", id)?;
        if before["status"] != "draft" {
            return Err(Problem::invalid(
                "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
            )
            .code("invoice_not_editable"));
        }
        let mut open = before;
        open["status"] = json!("open");
        open["status_transitions"]["finalized_at"] = json!(self.now());
        open["effective_at"] = json!(self.now());
        open["number"] = json!(format!("{}-{:04}", self.random.letters(8).to_uppercase(), 1));
        open["hosted_invoice_url"] = json!(format!("https://invoice.stripe.com/i/acct_standin/{id}"));
        open["invoice_pdf"] = json!(format!("https://pay.stripe.com/invoice/acct_standin/{id}/pdf"));
        let open = self.store_new("invoice.finalized", open);
        if int(&open, "amount_due") == 0 {
            return Ok(self.mark_paid(open, None));
        }
        Ok(open)
    }

    pub(crate) fn void_invoice(&mut self, id: &str, status: &str) -> Reply {
        let before = self.retrieve("invoice", id)?;
        if before["status"] != "open" && !(status == "void" && before["status"] == "uncollectible") {
            return Err(Problem::invalid(format!(
                "You can only pass in open invoices. This invoice is {}.",
                before["status"]
            )));
        }
        let mut after = before;
        after["status"] = json!(status);
        let (stamp, event) = if status == "void" {
            ("voided_at", "invoice.voided")
        } else {
            ("marked_uncollectible_at", "invoice.marked_uncollectible")
        };
        after["status_transitions"][stamp] = json!(self.now());
        Ok(self.store_new(event, after))
    }

    /// `POST /v1/invoices/:id/pay`: a refused card is 402, after the events about it.
    pub(crate) fn pay_invoice_by_request(&mut self, id: &str, params: &Params) -> Reply {
        let method = match params.text("payment_method") {
            Some(token) => Some(text(&self.payment_method(token)?, "id").to_owned()),
            None => None,
        };
        let invoice = self.retrieve("invoice", id)?;
        match text(&invoice, "status") {
            "draft" => {
                self.finalize_invoice(id)?;
            }
            "paid" => return Err(Problem::invalid("Invoice is already paid").code("invoice_already_paid")),
            "open" | "uncollectible" => {}
            status => return Err(Problem::invalid(format!("This invoice is {status} and can no longer be paid"))),
        }
        if params.flag("paid_out_of_band") == Some(true) {
            let invoice = self.retrieve("invoice", id)?;
            let paid = self.mark_paid(invoice, None);
            self.after_payment(id, Paid::Yes)?;
            return Ok(paid);
        }
        let (paid, problem) = self.attempt_invoice(id, method)?;
        self.after_payment(id, paid)?;
        match problem {
            Some(problem) => Err(problem),
            None => self.retrieve("invoice", id),
        }
    }

    /// Tries to collect an open invoice, with all the events of it; the subscription is the caller's business.
    pub(crate) fn attempt_invoice(
        &mut self,
        id: &str,
        method: Option<String>,
    ) -> Result<(Paid, Option<Problem>), Problem> {
        let mut invoice = self.retrieve("invoice", id)?;
        if invoice["status"] == "paid" {
            return Ok((Paid::Yes, None));
        }
        let customer = id_of(&invoice["customer"]).unwrap_or_default().to_owned();
        let method = method
            .or_else(|| id_of(&invoice["default_payment_method"]).map(str::to_owned))
            .or_else(|| self.default_method(&customer));
        let intent = self.invoice_intent(id)?;
        invoice["_payment_intent"] = json!(intent);
        let Some(method) = method else { return Ok((Paid::No, None)) };
        let mut with_method = self.retrieve("payment_intent", &intent)?;
        with_method["payment_method"] = json!(method);
        self.put(with_method);
        invoice["attempted"] = json!(true);
        invoice["attempt_count"] = json!(int(&invoice, "attempt_count") + 1);
        match self.charge_intent(&intent) {
            Ok(charged) if charged["status"] == "succeeded" => {
                self.mark_paid(invoice, Some(&charged));
                Ok((Paid::Yes, None))
            }
            Ok(charged) => {
                let waiting = charged["status"] == "requires_action";
                self.put(invoice.clone());
                if waiting {
                    self.emit("invoice.payment_action_required", &invoice, None);
                }
                Ok((Paid::Pending, None))
            }
            Err(problem) => {
                invoice["next_payment_attempt"] = json!(self.now() + 3 * 86_400);
                self.store_new("invoice.payment_failed", invoice);
                Ok((Paid::No, Some(problem)))
            }
        }
    }

    /// The payment intent of an open invoice, made when there is none yet.
    pub(crate) fn invoice_intent(&mut self, id: &str) -> Result<String, Problem> {
        let mut invoice = self.retrieve("invoice", id)?;
        if let Some(known) = id_of(&invoice["_payment_intent"]) {
            return Ok(known.to_owned());
        }
        let intent = self.blank_intent(&Payment {
            amount: int(&invoice, "amount_due"),
            currency: text(&invoice, "currency").to_owned(),
            customer: id_of(&invoice["customer"]).map(str::to_owned),
            method: None,
            invoice: Some(id.to_owned()),
            description: Some("Payment for Invoice".to_owned()),
        });
        let intent = self.store_new("payment_intent.created", intent);
        invoice["_payment_intent"] = intent["id"].clone();
        self.put(invoice);
        Ok(text(&intent, "id").to_owned())
    }

    /// Marks it paid, with the events `invoice.paid` and `invoice.payment_succeeded`.
    pub(crate) fn mark_paid(&mut self, mut invoice: Value, intent: Option<&Value>) -> Value {
        invoice["status"] = json!("paid");
        invoice["amount_paid"] = invoice["amount_due"].clone();
        invoice["amount_remaining"] = json!(0);
        invoice["attempted"] = json!(true);
        invoice["next_payment_attempt"] = Value::Null;
        invoice["status_transitions"]["paid_at"] = json!(self.now());
        if let Some(intent) = intent {
            invoice["_charge"] = intent["latest_charge"].clone();
            let payment = json!({
                "id": self.id("inpay"), "object": "invoice_payment", "amount_paid": invoice["amount_due"],
                "amount_requested": invoice["amount_due"], "created": self.now(), "currency": invoice["currency"],
                "invoice": invoice["id"], "is_default": true, "livemode": self.livemode,
                "payment": { "type": "payment_intent", "payment_intent": intent["id"] }, "status": "paid",
                "status_transitions": { "canceled_at": null, "paid_at": self.now() },
            });
            self.store_new("invoice_payment.paid", payment);
        }
        let paid = self.store_new("invoice.paid", invoice);
        self.emit("invoice.payment_succeeded", &paid, None);
        paid
    }
}

/// Where a line names its price since 2025-03-31.basil.
pub(crate) fn pricing(price: &Value) -> Value {
    if price.is_null() {
        return Value::Null;
    }
    json!({
        "type": "price_details", "price_details": { "price": price["id"], "product": price["product"] },
        "unit_amount_decimal": int(price, "unit_amount").to_string(),
    })
}

/// Adds a line and its amount to a draft.
pub(crate) fn add_line(invoice: &mut Value, line: Value) {
    let total = elements(invoice, "lines").iter().map(|line| int(line, "amount")).sum::<i64>() + int(&line, "amount");
    invoice["currency"] = line["currency"].clone();
    if let Some(lines) = invoice.pointer_mut("/lines/data").and_then(Value::as_array_mut) {
        lines.push(line);
    }
    for field in
        ["subtotal", "subtotal_excluding_tax", "total", "total_excluding_tax", "amount_due", "amount_remaining"]
    {
        invoice[field] = json!(total);
    }
}
