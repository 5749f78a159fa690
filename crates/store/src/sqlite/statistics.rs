//! What SQLite's planner is told about the tables.
//!
//! It was told nothing, so it took `livemode = ?` for as good as a customer's id, and read a whole mode to save sorting ten rows: with a
//! million events the customer page took two seconds. Figures that `analyze` takes fit the day they are taken and deceive on others: a table
//! that was empty then is read from end to end once it has grown. So the planner is always told of the same large database, as SQLite's
//! documentation of `analyze` recommends for plans that stay as they are, and tests see the plans that run.

use sqlx::Row as _;

use super::dialect::Conn;
use crate::Result;

/// Rows of a table, and of an index over a few of them.
const ROWS: u64 = 1_000_000;
const ROWS_OF_SOME: u64 = 10_000;
/// Rows that have a word in common, of those that had everything before it in common: a twentieth.
const WORDS: u64 = 20;
/// Rows that have an id or a time in common.
const FEW: u64 = 10;

/// Columns of words or ids that a great many rows share. `livemode` has two values.
const SHARED: &[&str] = &[
    "action",
    "actor",
    "api_version",
    "cause_kind",
    "created_by",
    "feature",
    "kind",
    "object_kind",
    "outcome",
    "price_id",
    "product_id",
    "reason",
    "replay_id",
    "resync_id",
    "status",
    "undelivered",
];

/// Writes the figures where they are not what they should be. Connections that are opened afterwards plan by them.
pub(super) async fn tell(conn: &mut Conn) -> Result<()> {
    let wanted = figures(conn).await?;
    let exists: i64 = sqlx::query_scalar("select count(*) from sqlite_schema where name = 'sqlite_stat1'")
        .fetch_one(&mut *conn)
        .await?;
    if exists > 0 {
        let known: Vec<(String, String, String)> =
            sqlx::query_as("select tbl, idx, stat from sqlite_stat1 order by tbl, idx").fetch_all(&mut *conn).await?;
        if known == wanted {
            return Ok(());
        }
    }
    // Makes the table, which `create table` may not, and takes the write lock with it.
    sqlx::query("begin immediate").execute(&mut *conn).await?;
    sqlx::query("analyze sqlite_schema").execute(&mut *conn).await?;
    sqlx::query("delete from sqlite_stat1").execute(&mut *conn).await?;
    for (table, index, figures) in &wanted {
        sqlx::query("insert into sqlite_stat1 (tbl, idx, stat) values ($1, $2, $3)")
            .bind(table)
            .bind(index)
            .bind(figures)
            .execute(&mut *conn)
            .await?;
    }
    sqlx::query("commit").execute(&mut *conn).await?;
    sqlx::query("analyze sqlite_schema").execute(conn).await?;
    Ok(())
}

/// Table, index, and what is said of it: how many rows, then how many of them have the first column in common, the first two, and so on.
async fn figures(conn: &mut Conn) -> Result<Vec<(String, String, String)>> {
    let rows = sqlx::query(
        "select t.name as of_table, i.name as of_index, i.\"unique\" as is_unique, i.partial as is_partial, c.name as of_column
         from sqlite_schema t join pragma_index_list(t.name) i join pragma_index_info(i.name) c
         where t.type = 'table' and t.name not like 'sqlite_%' order by t.name, i.name, c.seqno",
    )
    .fetch_all(conn)
    .await?;
    let mut all: Vec<(String, String, String)> = Vec::new();
    let mut common = 0;
    let mut rows = rows.iter().peekable();
    while let Some(row) = rows.next() {
        let (table, index): (String, String) = (row.try_get("of_table")?, row.try_get("of_index")?);
        if all.last().is_none_or(|(_, last, _)| *last != index) {
            common = if row.try_get("is_partial")? { ROWS_OF_SOME } else { ROWS };
            all.push((table, index.clone(), common.to_string()));
        }
        let is_last = match rows.peek() {
            Some(next) => next.try_get::<String, _>("of_index")? != index,
            None => true,
        };
        common = match row.try_get::<Option<String>, _>("of_column")?.as_deref() {
            _ if is_last && row.try_get("is_unique")? => 1,
            Some("livemode") => common / 2,
            Some(column) if SHARED.contains(&column) => (common / WORDS).max(1),
            // An expression has no name: those of ours are over ids and addresses.
            _ => common.min(FEW),
        };
        if let Some((.., figures)) = all.last_mut() {
            figures.push_str(&format!(" {common}"));
        }
    }
    Ok(all)
}
