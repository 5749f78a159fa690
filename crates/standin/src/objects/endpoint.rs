//! Webhook endpoints, portal sessions and the account itself.

use serde_json::{Value, json};

use crate::error::Problem;
use crate::params::{Kind, Params};
use crate::world::{Reply, World};

/// How many endpoints an account may have (docs.stripe.com/webhooks).
const ENDPOINTS: usize = 16;

impl World {
    /// The secret is shown in this answer and never again.
    pub(crate) fn create_endpoint(&mut self, params: &Params) -> Reply {
        let url = params.required("url")?;
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(Problem::invalid("Invalid URL: An explicit scheme (such as https) must be provided.")
                .code("url_invalid")
                .param("url"));
        }
        let events = params.texts("enabled_events");
        if events.is_empty() {
            return Err(Problem::required("enabled_events"));
        }
        if self.all("webhook_endpoint").len() >= ENDPOINTS {
            return Err(Problem::invalid("You have reached the maximum of 16 webhook endpoints."));
        }
        let secret = format!("whsec_{}", self.random.letters(32));
        let endpoint = json!({
            "id": self.id("we"), "object": "webhook_endpoint", "api_version": params.text("api_version"),
            "application": null, "created": self.now(), "description": params.text("description"),
            "enabled_events": events, "livemode": self.livemode, "metadata": params.metadata("metadata"),
            "status": "enabled", "url": url, "_secret": secret,
        });
        self.put(endpoint.clone());
        let mut shown = endpoint;
        shown["secret"] = json!(secret);
        Ok(shown)
    }

    pub(crate) fn update_endpoint(&mut self, id: &str, params: &Params) -> Reply {
        let mut endpoint = self.retrieve("webhook_endpoint", id)?;
        params.apply(&mut endpoint, &[("url", Kind::Text), ("description", Kind::Text)])?;
        if params.has("enabled_events") {
            endpoint["enabled_events"] = json!(params.texts("enabled_events"));
        }
        if let Some(disabled) = params.flag("disabled") {
            endpoint["status"] = json!(if disabled { "disabled" } else { "enabled" });
        }
        self.put(endpoint.clone());
        Ok(endpoint)
    }

    pub(crate) fn delete_endpoint(&mut self, id: &str) -> Reply {
        self.retrieve("webhook_endpoint", id)?;
        self.forget(id);
        Ok(json!({ "id": id, "object": "webhook_endpoint", "deleted": true }))
    }

    pub(crate) fn account(&self) -> Value {
        json!({
            "id": "acct_1StandinStandin0", "object": "account", "business_profile": { "name": "Stand-in" },
            "business_type": "company", "capabilities": { "card_payments": "active", "transfers": "active" },
            "charges_enabled": true, "controller": { "type": "account" }, "country": "US", "created": 1_700_000_000,
            "default_currency": "usd", "details_submitted": true, "email": "owner@example.com",
            "external_accounts": { "object": "list", "data": [], "has_more": false, "url": "/v1/accounts/acct_1StandinStandin0/external_accounts" },
            "metadata": {}, "payouts_enabled": true,
            "settings": { "dashboard": { "display_name": "Stand-in", "timezone": "Etc/UTC" } }, "type": "standard",
        })
    }

    pub(crate) fn balance(&self) -> Value {
        let nothing = json!([{ "amount": 0, "currency": "usd", "source_types": { "card": 0 } }]);
        json!({ "object": "balance", "available": nothing, "livemode": self.livemode, "pending": nothing })
    }
}
