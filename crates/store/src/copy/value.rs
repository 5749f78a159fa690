//! What stands in a column, alike in both databases.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{Error, Result};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Flag,
    Number,
    Text,
}

impl Kind {
    /// From the name of the type in either database.
    pub(crate) fn parse(name: &str) -> Result<Self> {
        match name {
            "boolean" => Ok(Self::Flag),
            "integer" | "bigint" => Ok(Self::Number),
            "text" => Ok(Self::Text),
            other => Err(Error::Refused(format!("a column is of the type {other}, which cannot be copied"))),
        }
    }
}

/// What stands in one column of one row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Value {
    Flag(Option<bool>),
    Number(Option<i64>),
    Text(Option<String>),
}

impl Value {
    /// A text as both databases can hold it: PostgreSQL takes no NUL, which then stands as the sign for what cannot be shown.
    pub(crate) fn text(text: Option<String>) -> Self {
        Self::Text(text.map(|text| if text.contains('\0') { text.replace('\0', "\u{FFFD}") } else { text }))
    }
}

/// What tells a row from every other.
pub(super) fn digest(row: &[Value]) -> u128 {
    let mut hash = Sha256::new();
    for value in row {
        match value {
            Value::Flag(None) | Value::Number(None) | Value::Text(None) => hash.update([0]),
            Value::Flag(Some(flag)) => hash.update([1, u8::from(*flag)]),
            Value::Number(Some(number)) => {
                hash.update([2]);
                hash.update(number.to_be_bytes());
            }
            Value::Text(Some(text)) => {
                hash.update([3]);
                // With its length, so that no two texts pass for two others.
                hash.update((text.len() as u64).to_be_bytes());
                hash.update(text);
            }
        }
    }
    let bytes: [u8; 32] = hash.finalize().into();
    let mut first = [0; 16];
    first.copy_from_slice(&bytes[..16]);
    u128::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::text(Some(text.to_owned()))
    }

    #[test]
    fn rows_that_differ_in_anything_have_other_digests() {
        let rows = [
            vec![text("ab"), text("c")],
            vec![text("a"), text("bc")],
            vec![text(""), Value::Text(None)],
            vec![Value::Text(None), text("")],
            vec![Value::Number(Some(0)), Value::Number(Some(1))],
            vec![Value::Number(Some(1)), Value::Number(Some(0))],
            vec![Value::Flag(Some(false)), Value::Flag(None)],
            vec![Value::Flag(Some(true)), Value::Flag(None)],
        ];
        let mut digests: Vec<u128> = rows.iter().map(|row| digest(row)).collect();
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), rows.len());
        assert_eq!(digest(&[text("a\0b")]), digest(&[text("a\u{FFFD}b")]));
    }
}
