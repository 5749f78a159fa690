//! Payment methods, with Stripe's test tokens (docs.stripe.com/testing).

use serde_json::{Value, json};

use crate::error::Problem;
use crate::params::Params;
use crate::value::{id_of, text};
use crate::world::{Reply, World};

/// What happens when a payment method is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Succeeds,
    Declines,
    /// The customer has to authenticate.
    NeedsAction,
    /// Succeeds, and is disputed at once with a dispute of this status.
    Disputed(&'static str),
    /// A delayed method: pending first, then paid or not.
    Delayed {
        paid: bool,
    },
}

impl World {
    /// The payment method with this id, or a new one from a test token such as `pm_card_visa`.
    pub(crate) fn payment_method(&mut self, token: &str) -> Reply {
        if let Some(known) = self.find("payment_method", token) {
            return Ok(known.clone());
        }
        let name = token
            .strip_prefix("pm_card_")
            .or_else(|| token.strip_prefix("tok_"))
            .ok_or_else(|| Problem::missing_in_param("PaymentMethod", token, "payment_method"))?;
        let method = self.blank_method("card", name);
        self.put(method.clone());
        Ok(method)
    }

    fn blank_method(&mut self, kind: &str, token: &str) -> Value {
        let mut method = json!({
            "id": self.id("pm"), "object": "payment_method", "allow_redisplay": "unspecified",
            "billing_details": { "address": null, "email": null, "name": null, "phone": null, "tax_id": null },
            "created": self.now(), "customer": null, "customer_account": null, "livemode": self.livemode,
            "metadata": {}, "type": kind, "_token": token,
        });
        method[kind] = if kind == "card" { card(token) } else { json!({ "last4": "3456" }) };
        method
    }

    pub(crate) fn create_payment_method(&mut self, params: &Params) -> Reply {
        let kind = params.required("type")?;
        let token = match kind {
            "card" => params.text("card.token").map_or("visa", |token| token.strip_prefix("tok_").unwrap_or(token)),
            // Stripe's test IBANs: this one fails, others succeed after a while.
            _ if params.text(&format!("{kind}.iban")).is_some_and(|iban| iban.ends_with("01000000123456")) => {
                "delayed_fails"
            }
            _ => "delayed",
        };
        let mut method = self.blank_method(kind, token);
        if let Some(details) = params.get("billing_details") {
            crate::value::merge(&mut method["billing_details"], details);
        }
        method["metadata"] = params.metadata("metadata");
        self.put(method.clone());
        Ok(method)
    }

    /// Attaches, and emits `payment_method.attached`. A token makes a new payment method each time, as with Stripe,
    /// unless the customer's default was just made from it.
    pub(crate) fn attach_payment_method(&mut self, token: &str, customer: &str) -> Reply {
        let owner = self.referred("customer", customer, "customer")?;
        let default = id_of(&owner["invoice_settings"]["default_payment_method"])
            .and_then(|id| self.find("payment_method", id))
            .filter(|method| method["customer"].is_null() && token.ends_with(text(method, "_token")))
            .cloned();
        let mut method = match default {
            Some(method) => method,
            None => self.payment_method(token)?,
        };
        if text(&method, "_token") == "chargeDeclined" {
            return Err(Problem::declined(Value::Null));
        }
        method["customer"] = json!(customer);
        Ok(self.store_new("payment_method.attached", method))
    }

    pub(crate) fn detach_payment_method(&mut self, id: &str) -> Reply {
        let before = self.retrieve("payment_method", id)?;
        let mut after = before.clone();
        after["customer"] = Value::Null;
        self.put(after.clone());
        self.emit("payment_method.detached", &after, Some(json!({ "customer": before["customer"] })));
        Ok(after)
    }

    /// The customer's default method. One that is merely attached does not pay by itself (docs.stripe.com/api/subscriptions,
    /// `default_payment_method`).
    pub(crate) fn default_method(&self, customer: &str) -> Option<String> {
        let owner = self.find("customer", customer)?;
        id_of(&owner["invoice_settings"]["default_payment_method"]).map(str::to_owned)
    }

    /// What happens when it is charged.
    pub(crate) fn outcome(&self, method: &str) -> Outcome {
        match self.find("payment_method", method).map_or("", |method| text(method, "_token")) {
            "chargeCustomerFail" | "chargeDeclined" | "visa_chargeDeclined" => Outcome::Declines,
            token if token.starts_with("chargeDeclined") => Outcome::Declines,
            token if token.starts_with("authenticationRequired") || token.starts_with("threeDSecure") => {
                Outcome::NeedsAction
            }
            "createDisputeInquiry" => Outcome::Disputed("warning_needs_response"),
            "createDispute" | "createDisputeProductNotReceived" => Outcome::Disputed("needs_response"),
            "delayed_fails" => Outcome::Delayed { paid: false },
            "delayed" => Outcome::Delayed { paid: true },
            _ => Outcome::Succeeds,
        }
    }
}

fn card(token: &str) -> Value {
    let (brand, last4) = match token {
        "mastercard" => ("mastercard", "4444"),
        "amex" => ("amex", "8431"),
        "chargeCustomerFail" => ("visa", "0341"),
        _ => ("visa", "4242"),
    };
    json!({
        "brand": brand,
        "checks": { "address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass" },
        "country": "US", "display_brand": brand, "exp_month": 8, "exp_year": 2035,
        "fingerprint": "AOB934RVNwzk6xtn", "funding": "credit", "generated_from": null, "last4": last4,
        "networks": { "available": [brand], "preferred": null }, "regulated_status": null,
        "three_d_secure_usage": { "supported": true }, "wallet": null,
    })
}
