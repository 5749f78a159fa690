//! Accessors over raw JSON that remember the path, so that a missing field can be named.

use std::borrow::Cow;

use serde_json::Value;

use crate::Timestamp;

/// A field that is needed and is not there, or is of another type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path} is missing: expected {expected}")]
pub struct Missing {
    /// Dotted path from the root of the JSON that was read.
    pub path: String,
    /// What should stand there, in words.
    pub expected: &'static str,
}

/// JSON without the character NUL in its texts, which PostgreSQL cannot keep: the replacement character stands in its place. One such name
/// would otherwise hold up everything that is stored with it.
#[must_use]
pub fn without_nul(text: &str) -> Cow<'_, str> {
    const ESCAPED: &str = "\\u0000";
    if text.contains(ESCAPED) { text.replace(ESCAPED, "\\ufffd").into() } else { text.into() }
}

/// A JSON object with the path by which it was reached.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    value: &'a Value,
    path: String,
}

impl<'a> Reader<'a> {
    /// Starts at the root.
    #[must_use]
    pub const fn new(value: &'a Value) -> Self {
        Self { value, path: String::new() }
    }

    /// The JSON here.
    #[must_use]
    pub const fn value(&self) -> &'a Value {
        self.value
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The error for a field of this object.
    #[must_use]
    pub fn wrong(&self, key: &str, expected: &'static str) -> Missing {
        Missing { path: self.path_of(key), expected }
    }

    /// The object at `key`, unless it is absent, null or no object.
    #[must_use]
    pub fn at(&self, key: &str) -> Option<Self> {
        let value = self.value.get(key).filter(|value| value.is_object())?;
        Some(Self { value, path: self.path_of(key) })
    }

    /// The elements of the array at `key`; none when it is absent.
    #[must_use]
    pub fn each(&self, key: &str) -> Vec<Self> {
        let elements = self.value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        elements
            .iter()
            .enumerate()
            .map(|(n, value)| Self { value, path: self.path_of(&format!("{key}[{n}]")) })
            .collect()
    }

    /// A list inside of an object: what of it is here, and whether Stripe cut it. One that does not say so is whole.
    ///
    /// # Errors
    /// When there is no list at `key`.
    pub fn list(&self, key: &str) -> Result<(Vec<Self>, bool), Missing> {
        let list = self.at(key).ok_or_else(|| self.wrong(key, "a list"))?;
        if !list.value.get("data").is_some_and(Value::is_array) {
            return Err(list.wrong("data", "the elements of a list"));
        }
        let is_cut = list.optional("has_more", "true or false", |list, key| list.boolean(key).ok())?;
        Ok((list.each("data"), is_cut.unwrap_or(false)))
    }

    /// What `read` finds at `key`, where Stripe always has something or null: only null is none.
    ///
    /// # Errors
    /// When the key is absent, or holds what `read` cannot take.
    pub fn nullable<T>(
        &self,
        key: &str,
        expected: &'static str,
        read: impl FnOnce(&Self, &str) -> Option<T>,
    ) -> Result<Option<T>, Missing> {
        match self.value.get(key) {
            Some(Value::Null) => Ok(None),
            Some(_) => read(self, key).map(Some).ok_or_else(|| self.wrong(key, expected)),
            None => Err(self.wrong(key, expected)),
        }
    }

    /// What `read` finds at `key`, where absent means the same as null.
    ///
    /// # Errors
    /// When the key holds what `read` cannot take: a value of another type is not for that none.
    pub fn optional<T>(
        &self,
        key: &str,
        expected: &'static str,
        read: impl FnOnce(&Self, &str) -> Option<T>,
    ) -> Result<Option<T>, Missing> {
        if self.value.get(key).is_none() { Ok(None) } else { self.nullable(key, expected, read) }
    }

    /// # Errors
    /// When there is something else than Unix seconds at `key`.
    pub fn optional_secs(&self, key: &str) -> Result<Option<Timestamp>, Missing> {
        self.optional(key, "Unix seconds or null", Self::opt_secs)
    }

    /// # Errors
    /// When there is neither an id, an expanded object nor null at `key`.
    pub fn nullable_reference(&self, key: &str) -> Result<Option<String>, Missing> {
        self.nullable(key, "an id, an expanded object or null", Self::opt_reference)
    }

    /// The string at `key`; `None` when absent, null or empty.
    #[must_use]
    pub fn opt_string(&self, key: &str) -> Option<String> {
        self.value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// # Errors
    /// When there is no string at `key`.
    pub fn string(&self, key: &str) -> Result<String, Missing> {
        self.opt_string(key).ok_or_else(|| self.wrong(key, "a string"))
    }

    /// # Errors
    /// When there is no boolean at `key`.
    pub fn boolean(&self, key: &str) -> Result<bool, Missing> {
        self.value.get(key).and_then(Value::as_bool).ok_or_else(|| self.wrong(key, "true or false"))
    }

    /// The boolean at `key`, false when absent.
    #[must_use]
    pub fn flag(&self, key: &str) -> bool {
        self.value.get(key).and_then(Value::as_bool).unwrap_or(false)
    }

    /// The whole number at `key`.
    #[must_use]
    pub fn opt_int(&self, key: &str) -> Option<i64> {
        self.value.get(key).and_then(Value::as_i64)
    }

    /// # Errors
    /// When there is no whole number at `key`.
    pub fn int(&self, key: &str) -> Result<i64, Missing> {
        self.opt_int(key).ok_or_else(|| self.wrong(key, "a whole number"))
    }

    /// Stripe's Unix seconds at `key`; a number that is no time of years 1 to 9999 is none, for it could not be written down.
    #[must_use]
    pub fn opt_secs(&self, key: &str) -> Option<Timestamp> {
        self.opt_int(key).map(Timestamp::from_secs).filter(|at| at.is_in_calendar())
    }

    /// # Errors
    /// When there are no Unix seconds at `key`.
    pub fn secs(&self, key: &str) -> Result<Timestamp, Missing> {
        self.opt_secs(key).ok_or_else(|| self.wrong(key, "Unix seconds"))
    }

    /// The id behind an expandable field: a string, or an object with an `id` (a deleted customer too).
    #[must_use]
    pub fn opt_reference(&self, key: &str) -> Option<String> {
        self.opt_string(key).or_else(|| self.at(key).and_then(|object| object.opt_string("id")))
    }

    /// # Errors
    /// When there is neither an id nor an expanded object at `key`.
    pub fn reference(&self, key: &str) -> Result<String, Missing> {
        self.opt_reference(key).ok_or_else(|| self.wrong(key, "an id or an expanded object"))
    }

    /// The value of the first of `keys` in this object's metadata; numbers count as text, blanks as absent.
    #[must_use]
    pub fn metadata(&self, keys: &[String]) -> Option<String> {
        let metadata = self.value.get("metadata")?;
        keys.iter().find_map(|key| match metadata.get(key)? {
            Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
    }
}
