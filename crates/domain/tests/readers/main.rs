//! Stripe's JSON as it really looks, of several API versions, through the readers.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod catalog;
mod entitlements;
mod event;
mod objects;
mod payments;
mod subscription;
mod timestamp;

use serde_json::Value;

/// A fixture by its file name.
fn fixture(name: &str) -> Value {
    let path = format!("{}/tests/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The fixture without the value at a JSON pointer.
fn without(name: &str, pointer: &str) -> Value {
    let mut value = fixture(name);
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let removed = value.pointer_mut(parent).and_then(Value::as_object_mut).and_then(|object| object.remove(key));
    assert!(removed.is_some(), "{name} has {pointer}");
    value
}

/// The fixture with another value at a JSON pointer.
fn replaced(name: &str, pointer: &str, new: Value) -> Value {
    let mut value = fixture(name);
    *value.pointer_mut(pointer).unwrap() = new;
    value
}

/// The metadata keys that name a user by default.
fn keys() -> Vec<String> {
    vec!["user_id".to_owned(), "userId".to_owned()]
}
