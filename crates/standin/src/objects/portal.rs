//! Sessions of the customer portal.

use serde_json::{Value, json};

use crate::error::Problem;
use crate::params::{Kind, Params};
use crate::world::{Reply, World};

impl World {
    /// `POST /v1/billing_portal/sessions`.
    pub(crate) fn create_portal_session(&mut self, params: &Params) -> Reply {
        let customer = params.required("customer")?;
        self.referred("customer", customer, "customer")?;
        if !self.portal_configured {
            let mode = if self.livemode { "live" } else { "test" };
            let path = if self.livemode { "" } else { "test/" };
            return Err(Problem::invalid(format!(
                "No configuration provided and your {mode} mode default configuration has not been created. Provide a \
                 configuration or create your default by saving your customer portal settings in {mode} mode at \
                 https://dashboard.stripe.com/{path}settings/billing/portal."
            )));
        }
        let flow = self.flow(params)?;
        let id = self.id("bps");
        let mut session = json!({
            "id": id, "object": "billing_portal.session", "configuration": "bpc_standin", "created": self.now(),
            "customer": customer, "customer_account": null, "flow": flow, "livemode": self.livemode, "locale": null,
            "on_behalf_of": null, "return_url": null, "url": format!("{}/p/session/{id}", self.base_url),
        });
        params.apply(&mut session, &[("return_url", Kind::Text), ("locale", Kind::Text)])?;
        Ok(self.store_new("billing_portal.session.created", session))
    }

    /// `flow` as it was asked for by `flow_data`.
    fn flow(&self, params: &Params) -> Reply {
        let Some(kind) = params.text("flow_data.type") else { return Ok(Value::Null) };
        let mut flow = json!({
            "after_completion": { "hosted_confirmation": null, "redirect": null, "type": "portal_homepage" },
            "subscription_cancel": null, "subscription_update": null, "subscription_update_confirm": null, "type": kind,
        });
        match kind {
            "payment_method_update" => {}
            "subscription_cancel" | "subscription_update" => {
                let subscription = params.required(&format!("flow_data.{kind}.subscription"))?;
                self.referred("subscription", subscription, &format!("flow_data[{kind}][subscription]"))?;
                flow[kind] = json!({ "subscription": subscription });
            }
            _ => return Err(Problem::invalid("Invalid flow_data[type]").param("flow_data[type]")),
        }
        Ok(flow)
    }
}
