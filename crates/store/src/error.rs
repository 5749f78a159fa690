//! How the database can fail.

use sqlx::migrate::MigrateError;

/// "Not found" is no error: look-ups answer `Option`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be reached, is locked, full or read-only.
    #[error("the database is unavailable: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A unique or foreign key forbids it.
    #[error("this contradicts what is stored: {0}")]
    Conflict(String),
    /// The body of an event is not kept any more.
    #[error("the payload of {id} was removed on {at}, so it cannot be processed again; resync its customer instead")]
    Removed {
        /// The event.
        id: String,
        /// Since when.
        at: domain::Timestamp,
    },
    /// A row holds what this program cannot read.
    #[error("{table}.{column} of {id} cannot be read: {message}")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's key.
        id: String,
        /// What was wrong.
        message: String,
    },
    /// The schema is none that this program can work with; the sentence says what to do.
    #[error("{0}")]
    Schema(String),
    /// A file, or a database, does not do for what is to be done with it; the sentence says why.
    #[error("{0}")]
    Unfit(String),
    /// Another program has the database open.
    #[error("another program has the database open")]
    InUse,
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database)
                if database.is_unique_violation() || database.is_foreign_key_violation() =>
            {
                Self::Conflict(database.message().to_owned())
            }
            _ => Self::Unavailable(Box::new(error)),
        }
    }
}

impl From<sqlx::migrate::MigrateError> for Error {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        match error {
            MigrateError::VersionMissing(number) => Self::Schema(format!(
                "it has migration {number}, which this program does not know: a newer Tollkeeper has been at it. Start that version again, \
                 or restore a backup from before the upgrade with `tollkeeper restore FILE`"
            )),
            MigrateError::VersionMismatch(number) => Self::Schema(format!(
                "its migration {number} is another one than this program's: it was made by another build, not by a release. Start the \
                 program that made it, or restore a backup of a release with `tollkeeper restore FILE`"
            )),
            MigrateError::ExecuteMigration(source, number) => Self::Schema(format!(
                "migration {number} cannot be made ({source}). The database is as it was before that one: mend the cause and start again, \
                 or start the version from before the upgrade"
            )),
            error => Self::Unavailable(Box::new(error)),
        }
    }
}

/// Shorthand.
pub type Result<T, E = Error> = std::result::Result<T, E>;
