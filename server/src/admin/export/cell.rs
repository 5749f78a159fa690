//! What stands in a field of a file. Spreadsheets run a text that begins like a formula, and texts come from strangers: names, e-mail
//! addresses, error messages. (owasp.org/www-community/attacks/CSV_Injection)

use domain::Timestamp;

/// A field.
pub(super) enum Cell {
    /// A text of anybody's.
    Text(String),
    /// A number, which may be negative.
    Number(i64),
    /// Nothing.
    Empty,
}

impl Cell {
    /// The field's text; one that a spreadsheet would run begins with an apostrophe, which makes it a text there.
    pub(super) fn as_field(&self) -> String {
        match self {
            Self::Text(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) => format!("'{text}"),
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Empty => String::new(),
        }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<Timestamp> for Cell {
    fn from(at: Timestamp) -> Self {
        Self::Text(at.to_string())
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Empty, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_a_formula_and_numbers_stay_numbers() {
        for text in ["=1+1", "+1", "-1", "@sum(a1)", "\t=1", "\r=1", "\n=1"] {
            assert_eq!(Cell::from(text).as_field(), format!("'{text}"));
        }
        for text in ["Ada", "a=b", "’=1", "", "2026-11-22T00:00:00Z"] {
            assert_eq!(Cell::from(text).as_field(), text);
        }
        assert_eq!(Cell::from(-12).as_field(), "-12");
        assert_eq!(Cell::from(None::<&str>).as_field(), "");
    }
}
