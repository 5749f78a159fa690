//! Columns to types; what cannot be read has a name.

use domain::{Livemode, Timestamp};
use futures_util::TryStreamExt as _;
use serde::de::DeserializeOwned;
use sqlx::Row as _;

use super::{Conn, Db};
use crate::{Error, Result};

/// A row of this backend.
pub(super) type DbRow = <Db as sqlx::Database>::Row;

/// Shorthand for reading columns.
pub(super) trait Columns {
    fn text(&self, column: &str) -> Result<String>;
    fn opt_text(&self, column: &str) -> Result<Option<String>>;
    fn int(&self, column: &str) -> Result<i64>;
    fn opt_int(&self, column: &str) -> Result<Option<i64>>;
    fn flag(&self, column: &str) -> Result<bool>;

    fn time(&self, column: &str) -> Result<Timestamp> {
        self.int(column).map(Timestamp::from_millis)
    }

    fn opt_time(&self, column: &str) -> Result<Option<Timestamp>> {
        Ok(self.opt_int(column)?.map(Timestamp::from_millis))
    }

    fn livemode(&self) -> Result<Livemode> {
        self.flag("livemode").map(Livemode::from_bool)
    }
}

impl Columns for DbRow {
    fn text(&self, column: &str) -> Result<String> {
        Ok(self.try_get(column)?)
    }

    fn opt_text(&self, column: &str) -> Result<Option<String>> {
        Ok(self.try_get(column)?)
    }

    fn int(&self, column: &str) -> Result<i64> {
        Ok(self.try_get(column)?)
    }

    fn opt_int(&self, column: &str) -> Result<Option<i64>> {
        Ok(self.try_get(column)?)
    }

    fn flag(&self, column: &str) -> Result<bool> {
        Ok(self.try_get(column)?)
    }
}

/// Goes through the rows of a statement without having them all in memory at once.
pub(super) async fn each_row(
    conn: &mut Conn,
    sql: &'static str,
    mut take: impl FnMut(&DbRow) -> Result<()> + Send,
) -> Result<()> {
    let mut rows = sqlx::query(sql).fetch(conn);
    while let Some(row) = rows.try_next().await? {
        take(&row)?;
    }
    Ok(())
}

/// Reads JSON kept as text.
pub(super) fn json<T: DeserializeOwned>(table: &'static str, column: &'static str, id: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| Error::Inconsistent {
        table,
        column,
        id: id.to_owned(),
        message: error.to_string(),
    })
}

/// Reads a word of a closed set.
pub(super) fn word<T>(
    table: &'static str,
    column: &'static str,
    id: &str,
    text: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T> {
    parse(text).ok_or_else(|| Error::Inconsistent {
        table,
        column,
        id: id.to_owned(),
        message: format!("unknown word {text:?}"),
    })
}

/// JSON for a text column. Our own records always serialise.
pub(super) fn to_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| unreachable!("a record of ours did not serialise: {error}"))
}
