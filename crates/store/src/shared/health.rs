//! How the database is: whether it can be written, how safely, how large it is, and which migrations it has.

use super::super::dialect;
use super::Backend;
use crate::Result;
use crate::records::DatabaseState;

impl Backend {
    pub(super) async fn look_at_database(&self) -> Result<DatabaseState> {
        let (setting, sql, safe) = dialect::DURABILITY;
        let durability: String = sqlx::query_scalar(sql).fetch_one(&self.read).await?;
        let file: Option<String> = sqlx::query_scalar(dialect::FILE).fetch_one(&self.read).await?;
        Ok(DatabaseState {
            write_error: self.try_write().await.err().map(|error| error.to_string()),
            is_durable: durability == safe,
            durability: format!("{setting} is {durability}"),
            file: file.filter(|file| !file.is_empty()).map(Into::into),
            bytes: sqlx::query_scalar(dialect::SIZE).fetch_one(&self.read).await?,
            schema: sqlx::query_scalar("select max(version) from _sqlx_migrations where success")
                .fetch_one(&self.read)
                .await?,
            newest_schema: dialect::MIGRATIONS.last().map_or(0, |(number, ..)| *number),
        })
    }

    /// A write that changes nothing: a database that may only be read refuses it all the same.
    async fn try_write(&self) -> Result<()> {
        let mut write = self.begin().await?;
        sqlx::query("update audit set at = at where audit_id = 0").execute(write.conn()).await?;
        write.commit(domain::Timestamp::default()).await
    }
}
