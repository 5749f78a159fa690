//! What a copy asks SQLite about its tables.

use super::dialect::Conn;
use crate::Result;
use crate::copy::Numbered;

/// The names of all tables there are.
pub(crate) const TABLES: &str =
    "select name from sqlite_schema where type = 'table' and name not like 'sqlite\\_%' escape '\\'";
/// Whether there is half a copy of another database.
pub(crate) const HAS_PROGRESS: &str = "select count(*) from sqlite_schema where name = 'copy_progress'";
/// Begins to read what is there now, whatever is written meanwhile.
pub(crate) const SNAPSHOT: &str = "begin";
/// How many others are connected. SQLite does not tell; a lock beside the file does.
pub(crate) const OTHERS: &str = "select cast(0 as bigint)";
/// Every column of our tables: its table, name, type, and place in the primary key from 1.
pub(crate) const COLUMNS: &str = "
    select t.name as of_table, c.name as name, lower(c.type) as kind, c.pk as place
    from sqlite_schema t join pragma_table_info(t.name) c
    where t.type = 'table' and t.name not like 'sqlite_%' and substr(t.name, 1, 5) <> '_sqlx' and t.name <> 'copy_progress'
    order by t.name, c.cid";
/// Which table refers to which other.
pub(crate) const REFERENCES: &str = "
    select distinct t.name as of_table, f.\"table\" as other
    from sqlite_schema t join pragma_foreign_key_list(t.name) f where t.type = 'table'";
/// Lets a row keep its number.
pub(crate) const OVERRIDING: &str = "";

/// The last number the database gave in each table that it numbers.
pub(crate) async fn numbers(conn: &mut Conn) -> Result<Vec<Numbered>> {
    let rows: Vec<(String, i64)> = sqlx::query_as("select name, seq from sqlite_sequence").fetch_all(conn).await?;
    Ok(rows.into_iter().map(|(table, last)| Numbered { table, last }).collect())
}

/// Goes on behind these numbers.
pub(crate) async fn number_from(conn: &mut Conn, numbers: &[Numbered]) -> Result<()> {
    for Numbered { table, last } in numbers {
        let known = sqlx::query("update sqlite_sequence set seq = max(seq, $2) where name = $1")
            .bind(table)
            .bind(last)
            .execute(&mut *conn)
            .await?;
        if known.rows_affected() == 0 {
            sqlx::query("insert into sqlite_sequence (name, seq) values ($1, $2)")
                .bind(table)
                .bind(last)
                .execute(&mut *conn)
                .await?;
        }
    }
    Ok(())
}
