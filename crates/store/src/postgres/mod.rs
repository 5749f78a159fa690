//! PostgreSQL: for several instances on one database.

mod dialect;
mod schema;
#[expect(clippy::duplicate_mod, reason = "compiling the SQL once per database is the design")]
#[path = "../shared/mod.rs"]
mod shared;

pub use shared::Backend;
pub(crate) use shared::Side;

/// Makes the database that a URL names, unless it is there: by the rights of the URL's user.
///
/// # Errors
/// When the server cannot be reached, or refuses.
pub async fn create(url: &str) -> crate::Result<()> {
    use sqlx::migrate::MigrateDatabase as _;
    if !sqlx::Postgres::database_exists(url).await? {
        sqlx::Postgres::create_database(url).await?;
    }
    Ok(())
}
