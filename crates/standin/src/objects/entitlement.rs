//! Entitlements: features, products that carry them, and what a customer has (docs.stripe.com/billing/entitlements).

use serde_json::{Value, json};

use crate::error::Problem;
use crate::params::{Kind, Params};
use crate::value::{elements, id_of, text};
use crate::world::{Reply, World};

/// How many entitlements a summary event carries at most.
const SUMMARY: usize = 10;

impl World {
    pub(crate) fn create_feature(&mut self, params: &Params) -> Reply {
        let key = params.required("lookup_key")?;
        if self.all("entitlements.feature").iter().any(|feature| feature["lookup_key"] == key) {
            return Err(
                Problem::invalid(format!("A feature with lookup_key {key} already exists.")).param("lookup_key")
            );
        }
        let feature = json!({
            "id": self.id("feat"), "object": "entitlements.feature", "active": true, "livemode": self.livemode,
            "lookup_key": key, "metadata": params.metadata("metadata"), "name": params.required("name")?,
        });
        self.put(feature.clone());
        Ok(feature)
    }

    pub(crate) fn update_feature(&mut self, id: &str, params: &Params) -> Reply {
        let mut feature = self.retrieve("entitlements.feature", id)?;
        params.apply(&mut feature, &[("name", Kind::Text), ("active", Kind::Bool)])?;
        self.put(feature.clone());
        Ok(feature)
    }

    /// `POST /v1/products/:id/features`.
    pub(crate) fn attach_feature(&mut self, product: &str, params: &Params) -> Reply {
        self.retrieve("product", product)?;
        let feature =
            self.referred("entitlements.feature", params.required("entitlement_feature")?, "entitlement_feature")?;
        let joined = json!({
            "id": self.id("prodft"), "object": "product_feature", "entitlement_feature": feature,
            "livemode": self.livemode, "_product": product,
        });
        self.put(joined.clone());
        Ok(joined)
    }

    pub(crate) fn detach_feature(&mut self, id: &str) -> Reply {
        self.retrieve("product_feature", id)?;
        self.forget(id);
        Ok(json!({ "id": id, "object": "product_feature", "deleted": true }))
    }

    /// What the customer's running subscriptions entitle them to, by feature.
    pub(crate) fn entitlements(&self, customer: &str) -> Vec<Value> {
        let mut found: Vec<Value> = Vec::new();
        let running = self
            .of("subscription", customer)
            .filter(|subscription| matches!(text(subscription, "status"), "active" | "trialing" | "past_due"));
        let products: Vec<&str> = running
            .flat_map(|subscription| elements(subscription, "items"))
            .filter_map(|item| id_of(&item["price"]["product"]))
            .collect();
        let mut joined = self.all("product_feature");
        joined.reverse();
        for join in joined.into_iter().filter(|join| products.contains(&text(join, "_product"))) {
            let feature = &join["entitlement_feature"];
            if found.iter().any(|known| known["feature"] == feature["id"]) {
                continue;
            }
            // The id is a fixed function of customer and feature, so that paging over a computed list works.
            let id = format!("ent_{}_{}", tail(customer), tail(text(feature, "id")));
            found.push(json!({
                "id": id, "object": "entitlements.active_entitlement", "feature": feature["id"],
                "livemode": self.livemode, "lookup_key": feature["lookup_key"],
            }));
        }
        found
    }

    /// Emits the summary event when the customer's entitlements became others.
    pub(crate) fn refresh_entitlements(&mut self, customer: &str) {
        if customer.is_empty() {
            return;
        }
        let note = format!("_entitlements_{customer}");
        let now = self.entitlements(customer);
        let before = self.get(&note).map(|known| elements(known, "data").to_vec()).unwrap_or_default();
        if now == before {
            return;
        }
        self.put(json!({ "id": note, "object": "_entitlements", "data": now }));
        let summary = json!({
            "object": "entitlements.active_entitlement_summary", "customer": customer, "livemode": self.livemode,
            "entitlements": summary_list(customer, &now),
        });
        let previous = json!({ "entitlements": summary_list(customer, &before) });
        self.emit("entitlements.active_entitlement_summary.updated", &summary, Some(previous));
    }
}

fn summary_list(customer: &str, all: &[Value]) -> Value {
    json!({
        "object": "list", "data": all.iter().take(SUMMARY).collect::<Vec<_>>(), "has_more": all.len() > SUMMARY,
        "url": format!("/v1/customer/{customer}/entitlements"),
    })
}

fn tail(id: &str) -> &str {
    id.split_once('_').map_or(id, |(_, tail)| tail)
}
