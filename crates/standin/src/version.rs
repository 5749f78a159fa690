//! What moved between Stripe's API versions, for the objects we speak about.
//!
//! Objects are kept in the newer shape; the older is made from it when it is asked for. Fields that begin with `_` are
//! the stand-in's own notes and never leave it.

use serde_json::{Value, json};

use crate::value::{elements, int};

/// An API version such as `2025-09-30.clover`; its date decides.
#[derive(Clone, Debug)]
pub(crate) struct Version(String);

impl Version {
    pub(crate) fn new(version: &str) -> Self {
        Self(version.to_owned())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Before 2025-03-31.basil: periods on the subscription, payments and subscription on the invoice.
    fn before_basil(&self) -> bool {
        self.0.get(..10).is_some_and(|date| date < "2025-03-31")
    }

    /// `object` as this version shows it.
    pub(crate) fn render(&self, object: &Value) -> Value {
        self.show(object.clone())
    }

    /// The same for an object that nobody else needs.
    pub(crate) fn show(&self, mut object: Value) -> Value {
        if self.before_basil() {
            match object["object"].as_str() {
                Some("subscription") => old_subscription(&mut object),
                Some("invoice") => {
                    let kept = object.clone();
                    old_invoice(&kept, &mut object);
                }
                Some("charge" | "payment_intent") => object["invoice"] = object["_invoice"].clone(),
                _ => {}
            }
        }
        strip_notes(&mut object);
        object
    }
}

fn strip_notes(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if fields.keys().any(|name| name.starts_with('_')) {
                fields.retain(|name, _| !name.starts_with('_'));
            }
            fields.iter_mut().filter(|(name, _)| *name != "metadata").for_each(|(_, field)| strip_notes(field));
        }
        Value::Array(elements) => elements.iter_mut().for_each(strip_notes),
        _ => {}
    }
}

fn old_subscription(shown: &mut Value) {
    let items = elements(shown, "items");
    let start = items.iter().map(|item| int(item, "current_period_start")).min();
    let end = items.iter().map(|item| int(item, "current_period_end")).max();
    let (plan, quantity) = match items {
        [only] => (only["plan"].clone(), only["quantity"].clone()),
        _ => (Value::Null, Value::Null),
    };
    let fields = [
        ("current_period_start", json!(start)),
        ("current_period_end", json!(end)),
        ("plan", plan),
        ("quantity", quantity),
        ("discount", Value::Null),
    ];
    for (name, value) in fields {
        if shown.get(name).is_none() {
            shown[name] = value;
        }
    }
    if let Some(items) = shown.pointer_mut("/items/data").and_then(Value::as_array_mut) {
        for item in items.iter_mut().filter_map(Value::as_object_mut) {
            item.remove("current_period_start");
            item.remove("current_period_end");
        }
    }
    for newer in ["billing_mode", "billing_schedules", "customer_account", "managed_payments"] {
        if let Some(fields) = shown.as_object_mut() {
            fields.remove(newer);
        }
    }
}

fn old_invoice(object: &Value, shown: &mut Value) {
    shown["subscription"] = object.pointer("/parent/subscription_details/subscription").cloned().unwrap_or(Value::Null);
    shown["paid"] = json!(object["status"] == "paid");
    shown["payment_intent"] = object["_payment_intent"].clone();
    shown["charge"] = object["_charge"].clone();
    shown["paid_out_of_band"] = json!(false);
    shown["discount"] = Value::Null;
    if let Some(fields) = shown.as_object_mut() {
        fields.remove("parent");
    }
    let prices: Vec<Value> = elements(object, "lines").iter().map(|line| line["_price"].clone()).collect();
    if let Some(lines) = shown.pointer_mut("/lines/data").and_then(Value::as_array_mut) {
        for (line, price) in lines.iter_mut().zip(prices) {
            line["price"] = price;
            if let Some(fields) = line.as_object_mut() {
                fields.remove("pricing");
                fields.remove("parent");
            }
        }
    }
}
