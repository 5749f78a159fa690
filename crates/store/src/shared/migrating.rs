//! The schema is brought up to date when a database is opened. Each migration is one transaction: who is killed in the middle of one
//! leaves the schema as it was before it.

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

use super::{Conn, dialect, schema};
use crate::{Error, Result};

/// Brings the schema up to date.
pub(super) async fn migrate(conn: &mut Conn) -> Result<()> {
    let migrations = dialect::MIGRATIONS.iter().map(|(number, name, sql)| {
        Migration::new(*number, (*name).into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    // What `run` does with a connection; its own bounds are too narrow for the compiler when it is not at the top.
    Ok(Migrator::with_migrations(migrations.collect()).run_direct(None, conn, false).await?)
}

/// The same for a database that is going to be used: half a copy of another one is not.
pub(super) async fn prepare(conn: &mut Conn) -> Result<()> {
    if has_half_a_copy(conn).await? {
        return Err(Error::Schema(
            "it holds a copy of another database that was not finished. Run the same `tollkeeper copy` again, which goes on where it \
             stopped"
                .to_owned(),
        ));
    }
    migrate(conn).await
}

/// Whether a copy into this database was begun and not finished.
pub(super) async fn has_half_a_copy(conn: &mut Conn) -> Result<bool> {
    let found: i64 = sqlx::query_scalar(schema::HAS_PROGRESS).fetch_one(conn).await?;
    Ok(found > 0)
}
