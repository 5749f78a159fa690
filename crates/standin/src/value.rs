//! Small helpers over `serde_json::Value`.

use serde_json::{Map, Value};

/// The text under `key`, or "".
pub(crate) fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The integer under `key`, or 0.
pub(crate) fn int(object: &Value, key: &str) -> i64 {
    object.get(key).and_then(Value::as_i64).unwrap_or_default()
}

/// The id of an expandable field: a string, or an object with an `id`.
pub(crate) fn id_of(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value.get("id").and_then(Value::as_str))
}

/// The elements of an array or of a Stripe list object under `key`.
pub(crate) fn elements<'a>(object: &'a Value, key: &str) -> &'a [Value] {
    let field = object.get(key);
    let list = field.and_then(Value::as_array).or_else(|| field?.get("data")?.as_array());
    list.map_or(&[], Vec::as_slice)
}

/// Lays `patch` over `target`: objects are merged, everything else replaces. Inside `metadata` a null or an empty text
/// removes the key, as Stripe does.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let (Value::Object(fields), Value::Object(changes)) = (&mut *target, patch) else {
        *target = patch.clone();
        return;
    };
    for (key, change) in changes {
        match fields.get_mut(key) {
            Some(field) if key == "metadata" => merge_metadata(field, change),
            Some(field) if field.is_object() && change.is_object() => merge(field, change),
            _ => {
                fields.insert(key.clone(), change.clone());
            }
        }
    }
}

/// Metadata as Stripe changes it: single keys, removed by an empty text; an empty text for all removes all.
pub(crate) fn merge_metadata(target: &mut Value, change: &Value) {
    let Some(changes) = change.as_object() else {
        *target = Value::Object(Map::new());
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    if let Some(fields) = target.as_object_mut() {
        for (key, value) in changes {
            if value.is_null() || value.as_str() == Some("") {
                fields.remove(key);
            } else {
                fields.insert(key.clone(), value.clone());
            }
        }
    }
}

/// `previous_attributes`: the earlier value of everything that differs. Hashes go down to the key that differs, arrays
/// are given whole, and a key that was added has the earlier value null.
pub(crate) fn difference(before: &Value, after: &Value) -> Map<String, Value> {
    let empty = Map::new();
    let before = before.as_object().unwrap_or(&empty);
    let after = after.as_object().unwrap_or(&empty);
    let mut changed = Map::new();
    for (key, old) in before {
        match after.get(key) {
            Some(new) if new == old => {}
            Some(new) if new.is_object() && old.is_object() => {
                changed.insert(key.clone(), Value::Object(difference(old, new)));
            }
            _ => {
                changed.insert(key.clone(), old.clone());
            }
        }
    }
    for key in after.keys().filter(|key| !before.contains_key(*key)) {
        changed.insert(key.clone(), Value::Null);
    }
    changed
}
