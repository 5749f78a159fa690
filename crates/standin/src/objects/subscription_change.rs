//! Changes of a running subscription: prices, trial, cancel dates, single items.

use serde_json::{Value, json};

use crate::error::Problem;
use crate::objects::billing::later;
use crate::objects::customer::is_over;
use crate::objects::subscription::{FIELDS, period_end, price_sum, push_item, set_cancel};
use crate::params::Params;
use crate::value::{elements, int, text};
use crate::world::{Reply, World};

impl World {
    /// `POST /v1/subscriptions/:id`.
    pub(crate) fn update_subscription(&mut self, id: &str, params: &Params) -> Reply {
        let before = self.retrieve("subscription", id)?;
        if is_over(&before) && !(params.has("metadata") || params.has("cancellation_details")) {
            return Err(Problem::invalid(
                "A canceled subscription can only update its cancellation_details and metadata.",
            ));
        }
        let now = self.now();
        let mut after = before.clone();
        params.apply(&mut after, FIELDS)?;
        set_cancel(&mut after, params, now)?;
        if let Some(token) = params.text("default_payment_method") {
            after["default_payment_method"] = self.payment_method(token)?["id"].clone();
        }
        let interval_changed = self.change_items(&mut after, params)?;
        match params.text("trial_end") {
            Some("now") => return self.end_trial(&before, after),
            Some(_) => {
                let end = params.int("trial_end")?;
                after["trial_end"] = json!(end);
                after["status"] = json!("trialing");
                set_period(&mut after, None, end.unwrap_or(now));
            }
            None => {}
        }
        let bill = params.text("proration_behavior") == Some("always_invoice")
            || params.text("billing_cycle_anchor") == Some("now")
            || interval_changed;
        let due = price_sum(&after) - if interval_changed { 0 } else { price_sum(&before) };
        let after = self.store_update("customer.subscription.updated", &before, after);
        if bill && due > 0 && after["status"] != "trialing" {
            self.bill_subscription(id, "subscription_update", due)?;
        }
        self.retrieve("subscription", id)
    }

    /// Applies `items[…]`; answers whether the billing interval became another, which starts a new period.
    fn change_items(&mut self, subscription: &mut Value, params: &Params) -> Result<bool, Problem> {
        let id = text(subscription, "id").to_owned();
        let now = self.now();
        let mut changed = false;
        for (at, given) in params.list("items").iter().enumerate() {
            let param = format!("items[{at}]");
            let known = given
                .text("id")
                .map(|item| {
                    position(subscription, item)
                        .ok_or_else(|| Problem::missing_in_param("subscription_item", item, &format!("{param}[id]")))
                })
                .transpose()?;
            let Some(at) = known else {
                let price = self.price_of(given, &format!("{param}[price]"))?;
                let end = period_end(subscription).unwrap_or_else(|| later(now, &price["recurring"]));
                let item = self.blank_item(&id, &price, given.int("quantity")?.unwrap_or(1), (now, end));
                push_item(subscription, item);
                continue;
            };
            if given.flag("deleted") == Some(true) {
                remove_item(subscription, at);
                continue;
            }
            let mut item = subscription["items"]["data"][at].clone();
            if given.has("price") || given.has("price_data") || given.has("plan") {
                let price = self.price_of(given, &format!("{param}[price]"))?;
                if price["recurring"]["interval"] != item["price"]["recurring"]["interval"] {
                    changed = true;
                    item["current_period_start"] = json!(now);
                    item["current_period_end"] = json!(later(now, &price["recurring"]));
                }
                item["plan"] = crate::objects::catalog::plan_of(&price);
                item["price"] = price;
            }
            if let Some(quantity) = given.int("quantity")? {
                item["quantity"] = json!(quantity);
            }
            given.apply(&mut item, &[])?;
            subscription["items"]["data"][at] = item;
        }
        Ok(changed)
    }

    /// `trial_end=now`: pays the first period, or pauses or cancels when there is nothing to pay with.
    fn end_trial(&mut self, before: &Value, mut after: Value) -> Reply {
        let id = text(before, "id").to_owned();
        let now = self.now();
        after["trial_end"] = json!(now);
        let missing = text(&after["trial_settings"]["end_behavior"], "missing_payment_method").to_owned();
        if self.method_of(&after).is_none() && missing == "pause" {
            after["status"] = json!("paused");
            let after = self.store_update("customer.subscription.updated", before, after);
            self.emit("customer.subscription.paused", &after, None);
            return Ok(after);
        }
        if self.method_of(&after).is_none() && missing == "cancel" {
            self.put(after);
            return self.end_subscription(&id, "cancellation_requested");
        }
        after["status"] = json!("active");
        start_period(&mut after, now);
        self.store_update("customer.subscription.updated", before, after.clone());
        self.bill_subscription(&id, "subscription_cycle", price_sum(&after))
    }

    /// `POST /v1/subscription_items`, `…/:id` and `DELETE`: each is an update of the subscription.
    pub(crate) fn write_item(&mut self, id: Option<&str>, params: &Params, delete: bool) -> Reply {
        let subscription = match id {
            Some(item) => self.subscription_with(item)?,
            None => {
                text(&self.referred("subscription", params.required("subscription")?, "subscription")?, "id").to_owned()
            }
        };
        let mut item = json!({});
        for field in ["price", "quantity", "price_data", "metadata"] {
            if let Some(given) = params.get(field) {
                item[field] = given.clone();
            }
        }
        if let Some(id) = id {
            item["id"] = json!(id);
        }
        if delete {
            item["deleted"] = json!(true);
        }
        let mut update = json!({ "items": [item] });
        if let Some(behavior) = params.get("proration_behavior") {
            update["proration_behavior"] = behavior.clone();
        }
        let changed = self.update_subscription(&subscription, &Params::from_json(update))?;
        match id {
            Some(id) if delete => Ok(json!({ "id": id, "object": "subscription_item", "deleted": true })),
            Some(id) => self.item(id),
            None => elements(&changed, "items").last().cloned().ok_or_else(|| Problem::invalid("No item was added.")),
        }
    }

    /// The item with this id, wherever it is embedded.
    pub(crate) fn item(&self, id: &str) -> Reply {
        let subscription = self.retrieve("subscription", &self.subscription_with(id)?)?;
        elements(&subscription, "items")
            .iter()
            .find(|item| text(item, "id") == id)
            .cloned()
            .ok_or_else(|| Problem::missing("subscription_item", id, "item"))
    }

    fn subscription_with(&self, item: &str) -> Result<String, Problem> {
        self.all("subscription")
            .into_iter()
            .find(|subscription| position(subscription, item).is_some())
            .map(|subscription| text(subscription, "id").to_owned())
            .ok_or_else(|| Problem::missing("subscription_item", item, "item"))
    }
}

fn position(subscription: &Value, item: &str) -> Option<usize> {
    elements(subscription, "items").iter().position(|known| text(known, "id") == item)
}

fn remove_item(subscription: &mut Value, at: usize) {
    if let Some(items) = subscription.pointer_mut("/items/data").and_then(Value::as_array_mut) {
        items.remove(at);
        let count = items.len();
        subscription["items"]["total_count"] = json!(count);
    }
}

/// Sets the period of all items: the end, and the start unless it stays.
pub(crate) fn set_period(subscription: &mut Value, start: Option<i64>, end: i64) {
    if let Some(items) = subscription.pointer_mut("/items/data").and_then(Value::as_array_mut) {
        for item in items {
            if let Some(start) = start {
                item["current_period_start"] = json!(start);
            }
            item["current_period_end"] = json!(end);
        }
    }
}

/// Begins a new period of each item at `start`.
pub(crate) fn start_period(subscription: &mut Value, start: i64) {
    subscription["billing_cycle_anchor"] = json!(start);
    roll_items(subscription, start, |_| true);
}

/// Begins a new period at `start` for the items that `which` picks by the end of their period.
pub(crate) fn roll_items(subscription: &mut Value, start: i64, which: impl Fn(i64) -> bool) {
    if let Some(items) = subscription.pointer_mut("/items/data").and_then(Value::as_array_mut) {
        for item in items.iter_mut().filter(|item| which(int(item, "current_period_end"))) {
            item["current_period_start"] = json!(start);
            item["current_period_end"] = json!(later(start, &item["price"]["recurring"]));
        }
    }
}
