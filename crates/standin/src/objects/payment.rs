//! Payment intents and the charges they make.

use serde_json::{Value, json};

use crate::error::Problem;
use crate::objects::invoice::Paid;
use crate::objects::method::Outcome;
use crate::params::{Kind, Params};
use crate::value::{id_of, int, text};
use crate::world::{Reply, World};

const INTENT: &[(&str, Kind)] = &[
    ("amount", Kind::Int),
    ("currency", Kind::Text),
    ("description", Kind::Text),
    ("receipt_email", Kind::Text),
    ("setup_future_usage", Kind::Text),
    ("statement_descriptor", Kind::Text),
    ("shipping", Kind::Hash),
    ("capture_method", Kind::Text),
];

/// What a payment is for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Payment {
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) customer: Option<String>,
    pub(crate) method: Option<String>,
    pub(crate) invoice: Option<String>,
    pub(crate) description: Option<String>,
}

impl World {
    pub(crate) fn blank_intent(&mut self, payment: &Payment) -> Value {
        let id = self.id("pi");
        let secret = format!("{id}_secret_{}", self.random.letters(25));
        json!({
            "id": id, "object": "payment_intent", "amount": payment.amount, "amount_capturable": 0,
            "amount_details": { "tip": {} }, "amount_received": 0, "application": null,
            "application_fee_amount": null, "automatic_payment_methods": null, "canceled_at": null,
            "cancellation_reason": null, "capture_method": "automatic", "client_secret": secret,
            "confirmation_method": "automatic", "created": self.now(), "currency": payment.currency,
            "customer": payment.customer, "customer_account": null, "description": payment.description,
            "excluded_payment_method_types": null, "last_payment_error": null, "latest_charge": null,
            "livemode": self.livemode, "managed_payments": null, "metadata": {}, "next_action": null, "on_behalf_of": null,
            "payment_method": payment.method, "payment_method_configuration_details": null,
            "payment_method_options": {}, "payment_method_types": ["card"], "processing": null,
            "receipt_email": null, "review": null, "setup_future_usage": null, "shipping": null, "source": null,
            "statement_descriptor": null, "statement_descriptor_suffix": null, "transfer_data": null,
            "transfer_group": null, "_invoice": payment.invoice,
            "status": if payment.method.is_some() { "requires_confirmation" } else { "requires_payment_method" },
        })
    }

    pub(crate) fn create_intent(&mut self, params: &Params) -> Reply {
        let amount = params.int("amount")?.ok_or_else(|| Problem::required("amount"))?;
        let method = match params.text("payment_method") {
            Some(token) => Some(text(&self.payment_method(token)?, "id").to_owned()),
            None => None,
        };
        if let Some(customer) = params.text("customer") {
            self.referred("customer", customer, "customer")?;
        }
        let mut intent = self.blank_intent(&Payment {
            amount,
            currency: params.required("currency")?.to_owned(),
            customer: params.text("customer").map(str::to_owned),
            method,
            ..Payment::default()
        });
        params.apply(&mut intent, INTENT)?;
        let intent = self.store_new("payment_intent.created", intent);
        if params.flag("confirm") == Some(true) {
            return self.charge_intent(text(&intent, "id"));
        }
        Ok(intent)
    }

    pub(crate) fn update_intent(&mut self, id: &str, params: &Params) -> Reply {
        let mut intent = self.retrieve("payment_intent", id)?;
        params.apply(&mut intent, INTENT)?;
        self.put(intent.clone());
        Ok(intent)
    }

    pub(crate) fn confirm_intent(&mut self, id: &str, params: &Params) -> Reply {
        let mut intent = self.retrieve("payment_intent", id)?;
        if let Some(token) = params.text("payment_method") {
            intent["payment_method"] = self.payment_method(token)?["id"].clone();
            self.put(intent);
        }
        let intent = self.charge_intent(id)?;
        if intent["status"] == "succeeded"
            && let Some(invoice) = id_of(&intent["_invoice"]).map(str::to_owned)
        {
            let open = self.retrieve("invoice", &invoice)?;
            self.mark_paid(open, Some(&intent));
            self.after_payment(&invoice, Paid::Yes)?;
        }
        Ok(intent)
    }

    pub(crate) fn cancel_intent(&mut self, id: &str, params: &Params) -> Reply {
        let mut intent = self.retrieve("payment_intent", id)?;
        if intent["status"] == "succeeded" {
            let text = "You cannot cancel this PaymentIntent because it has a status of succeeded.";
            return Err(Problem::invalid(text).code("payment_intent_unexpected_state"));
        }
        intent["status"] = json!("canceled");
        intent["canceled_at"] = json!(self.now());
        intent["cancellation_reason"] = json!(params.text("cancellation_reason"));
        Ok(self.store_new("payment_intent.canceled", intent))
    }

    /// Charges the payment method of the intent: it succeeds, waits for the customer, or answers 402.
    pub(crate) fn charge_intent(&mut self, id: &str) -> Reply {
        let mut intent = self.retrieve("payment_intent", id)?;
        if matches!(text(&intent, "status"), "succeeded" | "canceled") {
            let text = format!(
                "You cannot confirm this PaymentIntent because it has already {} after being previously confirmed.",
                text(&intent, "status")
            );
            return Err(Problem::invalid(text).code("payment_intent_unexpected_state"));
        }
        let Some(method) = id_of(&intent["payment_method"]).map(str::to_owned) else {
            return Err(Problem::invalid(
                "You cannot confirm this PaymentIntent because it's missing a payment method.",
            )
            .code("payment_intent_unexpected_state"));
        };
        match self.outcome(&method) {
            Outcome::Declines => self.decline(intent),
            Outcome::NeedsAction => {
                intent["status"] = json!("requires_action");
                intent["next_action"] = json!({ "type": "use_stripe_sdk", "use_stripe_sdk": {} });
                Ok(self.store_new("payment_intent.requires_action", intent))
            }
            Outcome::Delayed { .. } => {
                intent["status"] = json!("processing");
                Ok(self.store_new("payment_intent.processing", intent))
            }
            Outcome::Succeeds => Ok(self.succeed(intent)),
            Outcome::Disputed(status) => {
                let paid = self.succeed(intent);
                self.dispute(text(&paid, "latest_charge"), status)?;
                Ok(paid)
            }
        }
    }

    /// The payment went through: also the end of a delayed one.
    pub(crate) fn succeed(&mut self, mut intent: Value) -> Value {
        let charge = self.blank_charge(&intent, "succeeded");
        let charge = self.store_new("charge.succeeded", charge);
        intent["status"] = json!("succeeded");
        intent["amount_received"] = intent["amount"].clone();
        intent["latest_charge"] = charge["id"].clone();
        intent["next_action"] = Value::Null;
        self.store_new("payment_intent.succeeded", intent)
    }

    /// The payment was refused: also the end of a delayed one.
    pub(crate) fn decline(&mut self, mut intent: Value) -> Reply {
        let charge = self.blank_charge(&intent, "failed");
        let charge = self.store_new("charge.failed", charge);
        intent["status"] = json!("requires_payment_method");
        intent["latest_charge"] = charge["id"].clone();
        intent["last_payment_error"] = json!({
            "type": "card_error", "code": "card_declined", "decline_code": "generic_decline",
            "message": "Your card was declined.", "charge": charge["id"],
        });
        intent["payment_method"] = Value::Null;
        let intent = self.store_new("payment_intent.payment_failed", intent);
        Err(Problem::declined(self.version.render(&intent)))
    }

    fn blank_charge(&mut self, intent: &Value, status: &str) -> Value {
        let id = self.id("ch");
        let paid = status == "succeeded";
        let amount = int(intent, "amount");
        let method = id_of(&intent["payment_method"]).and_then(|id| self.find("payment_method", id)).cloned();
        let method = method.unwrap_or_default();
        let kind = if method.is_object() { text(&method, "type") } else { "card" };
        let mut details = json!({ "type": kind });
        details[kind] = method[kind].clone();
        json!({
            "id": id, "object": "charge", "amount": amount, "amount_captured": if paid { amount } else { 0 },
            "amount_refunded": 0, "application": null, "application_fee": null, "application_fee_amount": null,
            "balance_transaction": if paid { json!(self.id("txn")) } else { Value::Null },
            "billing_details": method["billing_details"], "calculated_statement_descriptor": "STANDIN",
            "captured": paid, "created": self.now(), "currency": intent["currency"], "customer": intent["customer"],
            "description": intent["description"], "disputed": false, "failure_balance_transaction": null,
            "failure_code": if paid { Value::Null } else { json!("card_declined") },
            "failure_message": if paid { Value::Null } else { json!("Your card was declined.") },
            "fraud_details": {}, "livemode": self.livemode, "metadata": intent["metadata"], "on_behalf_of": null,
            "outcome": {
                "advice_code": null, "network_status": if paid { "approved_by_network" } else { "declined_by_network" },
                "reason": if paid { Value::Null } else { json!("generic_decline") }, "risk_level": "normal",
                "seller_message": if paid { "Payment complete." } else { "The bank did not return any further details." },
                "type": if paid { "authorized" } else { "issuer_declined" },
            },
            "paid": paid, "payment_intent": intent["id"], "payment_method": intent["payment_method"],
            "payment_method_details": details, "receipt_email": null, "receipt_number": null,
            "receipt_url": null, "refunded": false, "review": null, "shipping": intent["shipping"], "source": null,
            "source_transfer": null, "statement_descriptor": null, "statement_descriptor_suffix": null,
            "status": status, "transfer_data": null, "transfer_group": null, "_invoice": intent["_invoice"],
        })
    }
}
