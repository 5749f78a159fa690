//! How the database can fail.

use sqlx::migrate::MigrateError;

/// "Not found" is no error: look-ups answer `Option`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be reached, is locked, full or read-only.
    #[error("the database is unavailable: {0}{advice}", advice = advice(.0.as_ref()))]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A unique or foreign key forbids it.
    #[error("this contradicts what is stored: {0}")]
    Conflict(String),
    /// A value is none that this database keeps, such as a text with a NUL on PostgreSQL.
    #[error("the database cannot keep this: {0}")]
    Unfit(String),
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
    Refused(String),
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
            // Class 22, data exceptions: trying again would change nothing (postgresql.org/docs/current/errcodes-appendix.html).
            sqlx::Error::Database(database) if database.code().is_some_and(|code| is_data_exception(&code)) => {
                Self::Unfit(database.message().to_owned())
            }
            _ => Self::Unavailable(Box::new(error)),
        }
    }
}

/// What to do about it, for who runs the program: SQLite's codes (sqlite.org/rescode.html), of which the lowest byte is the kind.
fn advice(error: &(dyn std::error::Error + 'static)) -> &'static str {
    let database = error.downcast_ref::<sqlx::Error>().and_then(sqlx::Error::as_database_error);
    let code = database.and_then(|error| error.code()).filter(|code| code.len() < 5);
    match code.and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff) {
        Some(5 | 6) => "; another program holds it locked: look who else has the file open",
        Some(8) => {
            "; it cannot be written: look at the file's owner and rights, and whether its disk is mounted read-only"
        }
        Some(10) => "; its disk failed: look at the system's log",
        Some(11 | 26) => "; the file is damaged, or is no database: restore a backup",
        Some(13) => "; its disk is full: make room, and the program goes on by itself",
        Some(14) => "; the file cannot be opened: look at the owner and rights of it and of its folder",
        _ => "",
    }
}

/// Whether it is such a code of PostgreSQL's; SQLite's are shorter numbers.
fn is_data_exception(code: &str) -> bool {
    code.len() == 5 && code.starts_with("22")
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
