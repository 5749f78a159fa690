//! Subscriptions: making, showing and ending them.

use serde_json::{Value, json};

use crate::error::Problem;
use crate::objects::billing::later;
use crate::objects::catalog::plan_of;
use crate::objects::customer::is_over;
use crate::objects::discount::discounted;
use crate::objects::invoice::Paid;
use crate::params::{Kind, Params};
use crate::value::{elements, id_of, int, text};
use crate::world::{Reply, World};

pub(crate) const FIELDS: &[(&str, Kind)] = &[
    ("description", Kind::Text),
    ("collection_method", Kind::Text),
    ("days_until_due", Kind::Int),
    ("pause_collection", Kind::Hash),
    ("payment_settings", Kind::Hash),
    ("trial_settings", Kind::Hash),
];

impl World {
    /// An active subscription without items, not yet stored.
    pub(crate) fn blank_subscription(&mut self, id: Option<&str>, customer: &str) -> Value {
        let id = id.map_or_else(|| self.id("sub"), str::to_owned);
        let now = self.now();
        json!({
            "id": id, "object": "subscription", "application": null, "application_fee_percent": null,
            "automatic_tax": { "disabled_reason": null, "enabled": false, "liability": null },
            "billing_cycle_anchor": now, "billing_cycle_anchor_config": null,
            "billing_mode": { "flexible": null, "type": "classic" }, "billing_schedules": [],
            "billing_thresholds": null, "cancel_at": null, "cancel_at_period_end": false, "canceled_at": null,
            "cancellation_details": { "comment": null, "feedback": null, "reason": null },
            "collection_method": "charge_automatically", "created": now, "currency": "usd", "customer": customer,
            "customer_account": null, "days_until_due": null, "default_payment_method": null,
            "default_source": null, "default_tax_rates": [], "description": null, "discounts": [], "ended_at": null,
            "invoice_settings": { "account_tax_ids": null, "issuer": { "type": "self" } },
            "items": {
                "object": "list", "data": [], "has_more": false, "total_count": 0,
                "url": format!("/v1/subscription_items?subscription={id}"),
            },
            "latest_invoice": null, "livemode": self.livemode, "managed_payments": null, "metadata": {},
            "next_pending_invoice_item_invoice": null, "on_behalf_of": null, "pause_collection": null,
            "payment_settings": {
                "payment_method_options": null, "payment_method_types": null, "save_default_payment_method": "off"
            },
            "pending_invoice_item_interval": null, "pending_setup_intent": null, "pending_update": null,
            "schedule": null, "start_date": now, "status": "active", "test_clock": null, "transfer_data": null,
            "trial_end": null,
            "trial_settings": { "end_behavior": { "missing_payment_method": "create_invoice" } },
            "trial_start": null,
        })
    }

    /// An item of a subscription for `price`, with its own billing period.
    pub(crate) fn blank_item(&mut self, subscription: &str, price: &Value, quantity: i64, period: (i64, i64)) -> Value {
        json!({
            "id": self.id("si"), "object": "subscription_item", "billing_thresholds": null, "created": self.now(),
            "current_period_end": period.1, "current_period_start": period.0, "discounts": [], "metadata": {},
            "plan": plan_of(price), "price": price, "quantity": quantity, "subscription": subscription,
            "tax_rates": [],
        })
    }

    /// `POST /v1/subscriptions`.
    pub(crate) fn create_subscription(&mut self, params: &Params) -> Reply {
        let customer = params.required("customer")?.to_owned();
        let owner = self.referred("customer", &customer, "customer")?;
        self.in_time_of(&owner, |world| world.create_subscription_of(&owner, params))
    }

    fn create_subscription_of(&mut self, owner: &Value, params: &Params) -> Reply {
        let customer = text(owner, "id").to_owned();
        if params.list("items").is_empty() {
            return Err(Problem::required("items"));
        }
        let now = self.now();
        let mut subscription = self.blank_subscription(params.text("id"), &customer);
        subscription["test_clock"] = owner["test_clock"].clone();
        params.apply(&mut subscription, FIELDS)?;
        let id = text(&subscription, "id").to_owned();
        let trial_end = match (params.int_or_now("trial_end", now)?, params.int("trial_period_days")?) {
            (Some(end), _) => Some(end),
            (None, Some(days)) => Some(now + days * 86_400),
            (None, None) => None,
        }
        .filter(|end| *end > now);
        for (at, item) in params.list("items").iter().enumerate() {
            let param = format!("items[{at}][price]");
            let price = self.price_of(item, &param)?;
            if price["type"] != "recurring" {
                return Err(Problem::invalid(
                    "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.",
                )
                .param(&param));
            }
            let period = (now, trial_end.unwrap_or_else(|| later(now, &price["recurring"])));
            let item = self.blank_item(&id, &price, item.int("quantity")?.unwrap_or(1), period);
            subscription["currency"] = price["currency"].clone();
            push_item(&mut subscription, item);
        }
        if let Some(token) = params.text("default_payment_method") {
            subscription["default_payment_method"] = self.payment_method(token)?["id"].clone();
        }
        set_cancel(&mut subscription, params, now)?;
        if let Some(end) = trial_end {
            subscription["status"] = json!("trialing");
            subscription["trial_start"] = json!(now);
            subscription["trial_end"] = json!(end);
            subscription["billing_cycle_anchor"] = json!(end);
        }
        self.start_subscription(subscription, params.text("payment_behavior").unwrap_or("allow_incomplete"))
    }

    /// Collects the first invoice and emits the events that Stripe sends for a new subscription.
    pub(crate) fn start_subscription(&mut self, mut subscription: Value, behavior: &str) -> Reply {
        let id = text(&subscription, "id").to_owned();
        let trial = subscription["status"] == "trialing";
        let due = if trial { 0 } else { discounted(price_sum(&subscription), &subscription["_coupon"]) };
        let automatic = subscription["collection_method"] == "charge_automatically";
        let method = self.method_of(&subscription);
        if automatic && due > 0 && method.is_none() && behavior != "default_incomplete" {
            return Err(Problem::invalid(
                "This customer has no attached payment source or default payment method. Please consider adding a \
                 default payment method. For more information, visit \
                 https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.",
            )
            .code("resource_missing"));
        }
        let waits = automatic && due > 0;
        if waits {
            subscription["status"] = json!("incomplete");
        }
        let invoice = self.subscription_invoice(&subscription, "subscription_create", due);
        subscription["latest_invoice"] = invoice["id"].clone();
        if behavior == "error_if_incomplete"
            && method.as_deref().is_some_and(|method| self.outcome(method) == crate::objects::method::Outcome::Declines)
        {
            return Err(Problem::declined(Value::Null));
        }
        let invoice_id = text(&invoice, "id").to_owned();
        self.put(subscription.clone());
        self.store_new("customer.subscription.created", subscription.clone());
        self.store_new("invoice.created", invoice);
        self.finalize_invoice(&invoice_id)?;
        if waits && behavior != "default_incomplete" {
            let (paid, _) = self.attempt_invoice(&invoice_id, method)?;
            self.after_payment(&invoice_id, paid)?;
        } else if waits {
            self.invoice_intent(&invoice_id)?;
        }
        if let Some(end) = subscription["trial_end"].as_i64()
            && trial
            && end - self.now() <= 3 * 86_400
        {
            self.emit("customer.subscription.trial_will_end", &subscription, None);
        }
        self.retrieve("subscription", &id)
    }

    /// The method that pays for a subscription: its own default before the customer's.
    pub(crate) fn method_of(&self, subscription: &Value) -> Option<String> {
        id_of(&subscription["default_payment_method"])
            .map(str::to_owned)
            .or_else(|| self.default_method(id_of(&subscription["customer"]).unwrap_or_default()))
    }

    /// What the end of an attempt to collect does to the subscription of the invoice.
    pub(crate) fn after_payment(&mut self, invoice: &str, paid: Paid) -> Result<(), Problem> {
        let invoice = self.retrieve("invoice", invoice)?;
        let Some(id) = invoice.pointer("/parent/subscription_details/subscription").and_then(Value::as_str) else {
            return Ok(());
        };
        let before = self.retrieve("subscription", id)?;
        if is_over(&before) {
            return Ok(());
        }
        let first = invoice["billing_reason"] == "subscription_create";
        let delayed = paid == Paid::Pending && first && self.delayed(&before);
        let status = match paid {
            Paid::Yes => "active",
            _ if delayed => "active",
            Paid::Pending | Paid::No if first => "incomplete",
            Paid::Pending | Paid::No => "past_due",
        };
        let mut after = before.clone();
        if after["status"] != "trialing" || paid != Paid::Yes {
            after["status"] = json!(status);
        }
        self.store_update("customer.subscription.updated", &before, after);
        Ok(())
    }

    /// A delayed method makes a subscription active before its money came (docs.stripe.com/billing/subscriptions/overview).
    fn delayed(&self, subscription: &Value) -> bool {
        self.method_of(subscription)
            .is_some_and(|method| matches!(self.outcome(&method), crate::objects::method::Outcome::Delayed { .. }))
    }

    /// `DELETE /v1/subscriptions/:id`.
    pub(crate) fn cancel_subscription(&mut self, id: &str, params: &Params) -> Reply {
        let subscription = self.retrieve("subscription", id)?;
        if is_over(&subscription) {
            return Err(Problem::missing("subscription", id, "id"));
        }
        let mut noted = subscription;
        for field in ["comment", "feedback"] {
            if let Some(given) = params.text(&format!("cancellation_details.{field}")) {
                noted["cancellation_details"][field] = json!(given);
            }
        }
        self.put(noted);
        self.end_subscription(id, "cancellation_requested")
    }

    /// Ends it now, with `customer.subscription.deleted`.
    pub(crate) fn end_subscription(&mut self, id: &str, reason: &str) -> Reply {
        let mut ended = self.retrieve("subscription", id)?;
        let now = self.now();
        ended["status"] = json!("canceled");
        ended["ended_at"] = json!(now);
        if ended["canceled_at"].is_null() {
            ended["canceled_at"] = json!(now);
        }
        ended["cancellation_details"]["reason"] = json!(reason);
        let ended = self.store_new("customer.subscription.deleted", ended);
        Ok(ended)
    }
}

/// Adds an item to the embedded list.
pub(crate) fn push_item(subscription: &mut Value, item: Value) {
    if let Some(items) = subscription.pointer_mut("/items/data").and_then(Value::as_array_mut) {
        items.push(item);
        let count = items.len();
        subscription["items"]["total_count"] = json!(count);
    }
}

/// What one period costs, in the currency's smallest unit.
pub(crate) fn price_sum(subscription: &Value) -> i64 {
    elements(subscription, "items").iter().map(|item| int(&item["price"], "unit_amount") * int(item, "quantity")).sum()
}

/// The latest end of the items' periods.
pub(crate) fn period_end(subscription: &Value) -> Option<i64> {
    elements(subscription, "items").iter().map(|item| int(item, "current_period_end")).max()
}

/// Takes over `cancel_at_period_end` and `cancel_at`; `canceled_at` is when the wish was said.
pub(crate) fn set_cancel(subscription: &mut Value, params: &Params, now: i64) -> Result<(), Problem> {
    let wish = match params.flag("cancel_at_period_end") {
        Some(true) => Some((true, period_end(subscription))),
        Some(false) => Some((false, None)),
        None if params.has("cancel_at") => Some((false, params.int("cancel_at")?)),
        None => None,
    };
    if let Some((at_period_end, at)) = wish {
        subscription["cancel_at_period_end"] = json!(at_period_end);
        subscription["cancel_at"] = json!(at);
        subscription["canceled_at"] = if at.is_some() { json!(now) } else { Value::Null };
        subscription["cancellation_details"]["reason"] =
            if at.is_some() { json!("cancellation_requested") } else { Value::Null };
    }
    Ok(())
}
