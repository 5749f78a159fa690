//! Which page of a list, by the key of a row beside it.

use super::Page;

/// Which page of a list: its first rows, those behind a row, or those just before one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place<K = String> {
    /// Rows behind the one of this key.
    pub after: Option<K>,
    /// The rows just before the one of this key, instead.
    pub before: Option<K>,
    /// Rows per page.
    pub limit: i64,
}

impl<K> Place<K> {
    /// The first rows.
    #[must_use]
    pub const fn first(limit: i64) -> Self {
        Self { after: None, before: None, limit }
    }

    /// The rows behind a key; the first ones where there is none.
    #[must_use]
    pub const fn behind(after: Option<K>, limit: i64) -> Self {
        Self { after, before: None, limit }
    }

    /// The key that the page is beside.
    #[must_use]
    pub const fn key(&self) -> Option<&K> {
        match &self.before {
            Some(before) => Some(before),
            None => self.after.as_ref(),
        }
    }

    /// Whether rows are read against the list's order.
    #[must_use]
    pub const fn is_backwards(&self) -> bool {
        self.before.is_some()
    }

    /// The page of rows that were read in this direction, with a limit of one more than the page's.
    #[must_use]
    pub fn page<T>(&self, rows: Vec<T>) -> Page<T> {
        if self.is_backwards() {
            Page::from_rows_backwards(rows, self.limit)
        } else {
            Page::from_rows(rows, self.limit)
        }
    }
}
