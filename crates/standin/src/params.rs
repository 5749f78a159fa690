//! Request parameters: `a[b][c]=v` pairs as a tree, and typed looks into it.

use serde_json::{Map, Value, json};

use crate::error::Problem;
use crate::value::{merge, merge_metadata};

/// The parameters of one request. Leaves are texts, as they came.
#[derive(Clone, Debug)]
pub(crate) struct Params(Value);

/// How a parameter becomes a field.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Text,
    Int,
    Bool,
    /// A hash of texts that is merged into the field.
    Hash,
}

impl Params {
    /// From a query or a form body.
    pub(crate) fn parse(encoded: &[u8]) -> Result<Self, Problem> {
        let pairs: Vec<(String, String)> = serde_html_form::from_bytes(encoded)
            .map_err(|error| Problem::invalid(format!("Invalid request body: {error}")))?;
        let mut root = Value::Object(Map::new());
        for (key, value) in pairs {
            insert(&mut root, &split(&key), value);
        }
        arrays(&mut root);
        Ok(Self(root))
    }

    /// From ready JSON, for calls from inside.
    pub(crate) fn from_json(value: Value) -> Self {
        Self(value)
    }

    /// The raw value at a dotted path.
    pub(crate) fn get(&self, path: &str) -> Option<&Value> {
        path.split('.').try_fold(&self.0, |value, key| value.get(key))
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.get(path).is_some()
    }

    /// A text that is not empty.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.get(path).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// A text that must be there.
    pub(crate) fn required(&self, path: &str) -> Result<&str, Problem> {
        self.text(path).ok_or_else(|| Problem::required(path))
    }

    /// An integer; a wrong one is 400.
    pub(crate) fn int(&self, path: &str) -> Result<Option<i64>, Problem> {
        match self.get(path) {
            Some(Value::Number(number)) => Ok(number.as_i64()),
            _ => self.text(path).map(|text| text.parse().map_err(|_| Problem::not_an_integer(path, text))).transpose(),
        }
    }

    /// An integer, or the word `now`.
    pub(crate) fn int_or_now(&self, path: &str, now: i64) -> Result<Option<i64>, Problem> {
        if self.text(path) == Some("now") { Ok(Some(now)) } else { self.int(path) }
    }

    pub(crate) fn flag(&self, path: &str) -> Option<bool> {
        match self.get(path) {
            Some(Value::Bool(flag)) => Some(*flag),
            _ => self.text(path).map(|text| text == "true"),
        }
    }

    /// The elements of an array parameter.
    pub(crate) fn list(&self, path: &str) -> Vec<Self> {
        let elements = self.get(path).and_then(Value::as_array).cloned().unwrap_or_default();
        elements.into_iter().map(Self).collect()
    }

    /// The texts of an array parameter, or a single text given for an array.
    pub(crate) fn texts(&self, path: &str) -> Vec<String> {
        match self.get(path) {
            Some(Value::Array(elements)) => elements.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            Some(Value::String(text)) => vec![text.clone()],
            _ => Vec::new(),
        }
    }

    /// A hash, empty when it is not given.
    pub(crate) fn metadata(&self, path: &str) -> Value {
        let mut metadata = json!({});
        if let Some(given) = self.get(path) {
            merge_metadata(&mut metadata, given);
        }
        metadata
    }

    /// Lays the given parameters over the fields of `object`, and `metadata` in any case.
    pub(crate) fn apply(&self, object: &mut Value, fields: &[(&str, Kind)]) -> Result<(), Problem> {
        for (name, kind) in fields {
            let Some(given) = self.get(name) else { continue };
            match kind {
                _ if given.as_str() == Some("") => object[*name] = Value::Null,
                Kind::Text => object[*name] = given.clone(),
                Kind::Int => object[*name] = json!(self.int(name)?),
                Kind::Bool => object[*name] = json!(self.flag(name)),
                Kind::Hash if object[*name].is_object() => merge(&mut object[*name], given),
                Kind::Hash => object[*name] = given.clone(),
            }
        }
        if let Some(given) = self.get("metadata") {
            merge_metadata(&mut object["metadata"], given);
        }
        Ok(())
    }
}

fn split(key: &str) -> Vec<&str> {
    let mut parts = key.split('[');
    let first = parts.next().unwrap_or_default();
    std::iter::once(first).chain(parts.map(|part| part.strip_suffix(']').unwrap_or(part))).collect()
}

/// Puts a leaf into the tree. Arrays are kept as hashes with numbers for keys until all pairs are in; `[]` takes the
/// next number, or the last element while that has no such key yet.
fn insert(node: &mut Value, path: &[&str], value: String) {
    let Some((key, rest)) = path.split_first() else {
        *node = Value::String(value);
        return;
    };
    if !node.is_object() {
        *node = Value::Object(Map::new());
    }
    let Some(fields) = node.as_object_mut() else { return };
    let name = if key.is_empty() {
        let last = fields.len().saturating_sub(1).to_string();
        let open = rest.first().is_some_and(|next| {
            fields.get(&last).is_some_and(|element| element.is_object() && element.get(next).is_none())
        });
        if open { last } else { fields.len().to_string() }
    } else {
        (*key).to_owned()
    };
    insert(fields.entry(name).or_insert(Value::Null), rest, value);
}

/// Turns hashes with the keys 0, 1, 2 … into arrays, but never `metadata`, whose keys are the caller's.
fn arrays(node: &mut Value) {
    let Some(fields) = node.as_object_mut() else { return };
    for (_, field) in fields.iter_mut().filter(|(name, _)| *name != "metadata") {
        arrays(field);
    }
    if !fields.is_empty() && fields.keys().all(|key| key.parse::<usize>().is_ok()) {
        let mut elements: Vec<(usize, Value)> =
            std::mem::take(fields).into_iter().filter_map(|(key, value)| Some((key.parse().ok()?, value))).collect();
        elements.sort_by_key(|(at, _)| *at);
        *node = Value::Array(elements.into_iter().map(|(_, value)| value).collect());
    }
}
