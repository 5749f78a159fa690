//! What a copy asks PostgreSQL about its tables.

use super::dialect::Conn;
use crate::Result;
use crate::copy::Numbered;

/// The names of all tables there are.
pub(crate) const TABLES: &str =
    "select cast(table_name as text) from information_schema.tables where table_schema = current_schema()";
/// Whether there is half a copy of another database.
pub(crate) const HAS_PROGRESS: &str = "select count(*) from information_schema.tables where table_schema = current_schema() and table_name = 'copy_progress'";
/// Begins to read what is there now, whatever is written meanwhile.
pub(crate) const SNAPSHOT: &str = "begin isolation level repeatable read, read only";
/// How many others are connected.
pub(crate) const OTHERS: &str = "
    select count(*) from pg_stat_activity
    where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()";
/// Every column of our tables: its table, name, type, and place in the primary key from 1.
pub(crate) const COLUMNS: &str = "
    select c.table_name::text as of_table, c.column_name::text as name, c.data_type::text as kind,
        coalesce((
            select k.ordinal_position from information_schema.table_constraints p
            join information_schema.key_column_usage k
                on k.constraint_schema = p.constraint_schema and k.constraint_name = p.constraint_name and k.table_name = p.table_name
            where p.constraint_type = 'PRIMARY KEY' and p.table_schema = c.table_schema and p.table_name = c.table_name
                and k.column_name = c.column_name), 0)::bigint as place
    from information_schema.columns c
    join information_schema.tables t on t.table_schema = c.table_schema and t.table_name = c.table_name
    where c.table_schema = current_schema() and t.table_type = 'BASE TABLE' and left(c.table_name, 5) <> '_sqlx'
        and c.table_name <> 'copy_progress'
    order by c.table_name, c.ordinal_position";
/// Which table refers to which other.
pub(crate) const REFERENCES: &str = "
    select distinct o.relname::text as of_table, r.relname::text as other
    from pg_constraint c join pg_class o on o.oid = c.conrelid join pg_class r on r.oid = c.confrelid where c.contype = 'f'";
/// Lets a row keep its number.
pub(crate) const OVERRIDING: &str = "overriding system value ";

/// Columns that the database numbers.
const IDENTITIES: &str = "
    select table_name::text, column_name::text from information_schema.columns
    where table_schema = current_schema() and is_identity = 'YES'";

/// The last number the database gave in each table that it numbers.
pub(crate) async fn numbers(conn: &mut Conn) -> Result<Vec<Numbered>> {
    let mut all = vec![];
    for (table, column) in sqlx::query_as::<_, (String, String)>(IDENTITIES).fetch_all(&mut *conn).await? {
        let last: Option<i64> =
            sqlx::query_scalar("select pg_sequence_last_value(pg_get_serial_sequence($1, $2)::regclass)")
                .bind(&table)
                .bind(&column)
                .fetch_one(&mut *conn)
                .await?;
        all.extend(last.map(|last| Numbered { table, last }));
    }
    Ok(all)
}

/// Goes on behind these numbers.
pub(crate) async fn number_from(conn: &mut Conn, numbers: &[Numbered]) -> Result<()> {
    for (table, column) in sqlx::query_as::<_, (String, String)>(IDENTITIES).fetch_all(&mut *conn).await? {
        if let Some(number) = numbers.iter().find(|number| number.table == table && number.last > 0) {
            sqlx::query("select setval(pg_get_serial_sequence($1, $2), $3)")
                .bind(&table)
                .bind(&column)
                .bind(number.last)
                .execute(&mut *conn)
                .await?;
        }
    }
    Ok(())
}
