//! Customers.

use serde_json::{Value, json};

use crate::error::Problem;
use crate::params::{Kind, Params};
use crate::value::text;
use crate::world::{Reply, World};

const FIELDS: &[(&str, Kind)] = &[
    ("email", Kind::Text),
    ("name", Kind::Text),
    ("description", Kind::Text),
    ("phone", Kind::Text),
    ("balance", Kind::Int),
    ("tax_exempt", Kind::Text),
    ("address", Kind::Hash),
    ("shipping", Kind::Hash),
    ("test_clock", Kind::Text),
];

impl World {
    /// A customer with nothing but defaults, not yet stored.
    pub(crate) fn blank_customer(&mut self, id: Option<&str>) -> Value {
        let id = id.map_or_else(|| self.id("cus"), str::to_owned);
        let prefix = self.random.letters(8).to_uppercase();
        json!({
            "id": id, "object": "customer", "address": null, "balance": 0, "created": self.now(),
            "currency": null, "customer_account": null, "default_source": null, "delinquent": false,
            "description": null, "discount": null, "email": null, "invoice_prefix": prefix,
            "invoice_settings": {
                "custom_fields": null, "default_payment_method": null, "footer": null, "rendering_options": null
            },
            "livemode": self.livemode, "metadata": {}, "name": null, "next_invoice_sequence": 1, "phone": null,
            "preferred_locales": [], "shipping": null, "tax_exempt": "none", "test_clock": null,
        })
    }

    pub(crate) fn create_customer(&mut self, params: &Params) -> Reply {
        let mut customer = self.blank_customer(params.text("id"));
        params.apply(&mut customer, FIELDS)?;
        let id = text(&customer, "id").to_owned();
        self.set_invoice_settings(&mut customer, params)?;
        let customer = self.store_new("customer.created", customer);
        if let Some(token) = params.text("payment_method") {
            self.attach_payment_method(token, &id)?;
        }
        Ok(customer)
    }

    pub(crate) fn update_customer(&mut self, id: &str, params: &Params) -> Reply {
        let before = self.retrieve("customer", id)?;
        if before["deleted"] == true {
            return Err(Problem::missing("customer", id, "id"));
        }
        let mut after = before.clone();
        params.apply(&mut after, FIELDS)?;
        self.set_invoice_settings(&mut after, params)?;
        Ok(self.store_update("customer.updated", &before, after))
    }

    /// Deletes for good: active subscriptions end at once, and a tombstone stays (docs.stripe.com/api/customers/delete).
    pub(crate) fn delete_customer(&mut self, id: &str) -> Reply {
        let customer = self.retrieve("customer", id)?;
        if customer["deleted"] == true {
            return Err(Problem::missing("customer", id, "id"));
        }
        let running: Vec<String> = self
            .of("subscription", id)
            .filter(|subscription| !is_over(subscription))
            .map(|subscription| text(subscription, "id").to_owned())
            .collect();
        for subscription in running {
            self.end_subscription(&subscription, "cancellation_requested")?;
        }
        let tombstone = json!({ "id": id, "object": "customer", "deleted": true });
        self.put(tombstone.clone());
        self.emit("customer.deleted", &customer, None);
        Ok(tombstone)
    }

    fn set_invoice_settings(&mut self, customer: &mut Value, params: &Params) -> Result<(), Problem> {
        let Some(token) = params.text("invoice_settings.default_payment_method") else { return Ok(()) };
        let method = self.payment_method(token)?;
        customer["invoice_settings"]["default_payment_method"] = method["id"].clone();
        Ok(())
    }
}

/// Whether a subscription has reached a status that it never leaves.
pub(crate) fn is_over(subscription: &Value) -> bool {
    matches!(text(subscription, "status"), "canceled" | "incomplete_expired")
}
