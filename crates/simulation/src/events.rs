//! Events: each change leaves one, rendered once and never changed (docs.stripe.com/api/events).

use domain::event::Envelope;
use serde_json::{Map, Value, json};

use crate::payload::Version;

/// An event with what only the model knows of it.
#[derive(Clone, Debug)]
pub struct Event {
    /// `evt_…`: its order says nothing about time.
    pub id: String,
    /// Stripe's type.
    pub kind: String,
    /// When it really happened, in milliseconds; the payload has whole seconds.
    pub at: i64,
    /// The customer concerned, by its place in the history.
    pub customer: usize,
    /// Whether it names the customer's user in a way that counts.
    pub claims: bool,
    /// What is read of it before it is stored.
    pub envelope: Envelope,
    /// As it is sent.
    pub payload: String,
    /// `data.previous_attributes`, for the trace.
    pub previous: Option<Value>,
}

/// The event around an object.
///
/// # Panics
/// When the body has no envelope, which is a fault of the model.
#[must_use]
pub fn body(
    id: &str,
    kind: &str,
    at: i64,
    version: Version,
    object: &Value,
    previous: Option<&Value>,
) -> (Envelope, String) {
    let mut data = json!({"object": object});
    if let Some(previous) = previous {
        data["previous_attributes"] = previous.clone();
    }
    let body = json!({
        "id": id, "object": "event", "api_version": version.as_str(), "created": at.div_euclid(1000), "data": data,
        "livemode": false, "pending_webhooks": 1, "request": {"id": null, "idempotency_key": null}, "type": kind,
    });
    (Envelope::read(&body).expect("the model's events have an envelope"), body.to_string())
}

/// `previous_attributes`: the earlier value of all that differs. Hashes go down to the key that differs, lists are given whole,
/// and of a key that was added the earlier value is null.
#[must_use]
pub fn difference(before: &Value, after: &Value) -> Value {
    let (Value::Object(before), Value::Object(after)) = (before, after) else { return before.clone() };
    let mut changed = Map::new();
    for (key, old) in before {
        match after.get(key) {
            Some(new) if new == old => {}
            Some(new) if new.is_object() && old.is_object() => {
                changed.insert(key.clone(), difference(old, new));
            }
            _ => {
                changed.insert(key.clone(), old.clone());
            }
        }
    }
    for key in after.keys().filter(|key| !before.contains_key(*key)) {
        changed.insert(key.clone(), Value::Null);
    }
    Value::Object(changed)
}
