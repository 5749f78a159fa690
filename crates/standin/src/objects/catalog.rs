//! Products and prices.

use serde_json::{Value, json};

use crate::error::Problem;
use crate::params::{Kind, Params};
use crate::value::{id_of, text};
use crate::world::{Reply, World};

const PRODUCT: &[(&str, Kind)] = &[
    ("name", Kind::Text),
    ("active", Kind::Bool),
    ("description", Kind::Text),
    ("default_price", Kind::Text),
    ("unit_label", Kind::Text),
    ("statement_descriptor", Kind::Text),
    ("tax_code", Kind::Text),
    ("url", Kind::Text),
    ("shippable", Kind::Bool),
    ("images", Kind::Hash),
    ("marketing_features", Kind::Hash),
];
const PRICE: &[(&str, Kind)] =
    &[("active", Kind::Bool), ("nickname", Kind::Text), ("lookup_key", Kind::Text), ("tax_behavior", Kind::Text)];

impl World {
    pub(crate) fn create_product(&mut self, params: &Params) -> Reply {
        params.required("name")?;
        let id = params.text("id").map_or_else(|| self.id("prod"), str::to_owned);
        if self.get(&id).is_some_and(|known| known["deleted"] != true) {
            return Err(Problem::invalid("Product already exists.").code("resource_already_exists").param("id"));
        }
        let now = self.now();
        let mut product = json!({
            "id": id, "object": "product", "active": true, "created": now, "default_price": null,
            "description": null, "images": [], "livemode": self.livemode, "marketing_features": [], "metadata": {},
            "name": null, "package_dimensions": null, "shippable": null, "statement_descriptor": null,
            "tax_code": null, "type": "service", "unit_label": null, "updated": now, "url": null,
        });
        params.apply(&mut product, PRODUCT)?;
        let product = self.store_new("product.created", product);
        if params.has("default_price_data") {
            return self.create_default_price(&id, params);
        }
        Ok(product)
    }

    fn create_default_price(&mut self, product: &str, params: &Params) -> Reply {
        let mut data = params.get("default_price_data").cloned().unwrap_or_default();
        data["product"] = json!(product);
        let price = self.create_price(&Params::from_json(data))?;
        let mut with_price = self.retrieve("product", product)?;
        with_price["default_price"] = price["id"].clone();
        self.put(with_price.clone());
        Ok(with_price)
    }

    pub(crate) fn update_product(&mut self, id: &str, params: &Params) -> Reply {
        let before = self.retrieve("product", id)?;
        let mut after = before.clone();
        params.apply(&mut after, PRODUCT)?;
        if after != before {
            after["updated"] = json!(self.now());
        }
        Ok(self.store_update("product.updated", &before, after))
    }

    /// Products with prices cannot be deleted (docs.stripe.com/api/products/delete).
    pub(crate) fn delete_product(&mut self, id: &str) -> Reply {
        let product = self.retrieve("product", id)?;
        if self.all("price").iter().any(|price| id_of(&price["product"]) == Some(id)) {
            return Err(Problem::invalid(
                "This product cannot be deleted because it has one or more user-created prices.",
            ));
        }
        let tombstone = json!({ "id": id, "object": "product", "deleted": true });
        self.put(tombstone.clone());
        self.emit("product.deleted", &product, None);
        Ok(tombstone)
    }

    pub(crate) fn create_price(&mut self, params: &Params) -> Reply {
        let product = match params.text("product") {
            Some(id) => text(&self.referred("product", id, "product")?, "id").to_owned(),
            None => match params.get("product_data") {
                Some(data) => text(&self.create_product(&Params::from_json(data.clone()))?, "id").to_owned(),
                None => return Err(Problem::required("product")),
            },
        };
        let amount = params.int("unit_amount")?;
        if amount.is_none() && !params.has("unit_amount_decimal") && !params.has("custom_unit_amount") {
            return Err(Problem::required("unit_amount"));
        }
        let id = params.text("id").map_or_else(|| self.id("price"), str::to_owned);
        let mut price = blank_price(&id, &product, amount.unwrap_or(0), params.required("currency")?);
        price["created"] = json!(self.now());
        price["livemode"] = json!(self.livemode);
        if let Some(interval) = params.text("recurring.interval") {
            if !matches!(interval, "day" | "week" | "month" | "year") {
                return Err(Problem::invalid("Invalid recurring[interval]: must be one of month, year, week, or day")
                    .param("recurring[interval]"));
            }
            price["type"] = json!("recurring");
            price["recurring"] = recurring(interval, params.int("recurring.interval_count")?.unwrap_or(1));
        }
        params.apply(&mut price, PRICE)?;
        Ok(self.store_new("price.created", price))
    }

    pub(crate) fn update_price(&mut self, id: &str, params: &Params) -> Reply {
        let before = self.retrieve("price", id)?;
        let mut after = before.clone();
        params.apply(&mut after, PRICE)?;
        Ok(self.store_update("price.updated", &before, after))
    }

    /// The price of an item: by id, or made from `price_data`.
    pub(crate) fn price_of(&mut self, item: &Params, param: &str) -> Reply {
        if let Some(id) = item.text("price").or_else(|| item.text("plan")) {
            return self.referred("price", id, param);
        }
        match item.get("price_data") {
            Some(data) => self.create_price(&Params::from_json(data.clone())),
            None => Err(Problem::required(param)),
        }
    }
}

/// A one-time price.
pub(crate) fn blank_price(id: &str, product: &str, amount: i64, currency: &str) -> Value {
    json!({
        "id": id, "object": "price", "active": true, "billing_scheme": "per_unit", "created": 0,
        "currency": currency, "custom_unit_amount": null, "livemode": false, "lookup_key": null, "metadata": {},
        "nickname": null, "product": product, "recurring": null, "tax_behavior": "unspecified", "tiers_mode": null,
        "transform_quantity": null, "type": "one_time", "unit_amount": amount,
        "unit_amount_decimal": amount.to_string(),
    })
}

/// The `recurring` hash of a price.
pub(crate) fn recurring(interval: &str, count: i64) -> Value {
    json!({
        "interval": interval, "interval_count": count, "meter": null, "trial_period_days": null,
        "usage_type": "licensed",
    })
}

/// The legacy plan that Stripe shows beside a recurring price.
pub(crate) fn plan_of(price: &Value) -> Value {
    json!({
        "id": price["id"], "object": "plan", "active": price["active"], "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"], "billing_scheme": "per_unit", "created": price["created"],
        "currency": price["currency"], "interval": price["recurring"]["interval"],
        "interval_count": price["recurring"]["interval_count"], "livemode": price["livemode"],
        "metadata": price["metadata"], "meter": null, "nickname": price["nickname"], "product": price["product"],
        "tiers_mode": null, "transform_usage": null, "trial_period_days": null, "usage_type": "licensed",
    })
}
