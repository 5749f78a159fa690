//! A SQLite database as a file: a copy taken while it is used, a look into one, and what makes one file of a database and its log.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;

use domain::Timestamp;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

use crate::{Error, Result};

/// SQLite's codes (sqlite.org/rescode.html), without what they say beyond.
const BUSY: i64 = 5;
const CORRUPT: i64 = 11;
const NOT_A_DATABASE: i64 = 26;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contents {
    /// The last migration it has.
    pub schema: i64,
    /// When the newest of what is in it came to be; none: nothing is.
    pub newest_at: Option<Timestamp>,
    /// Its size.
    pub bytes: u64,
}

/// What became of a database and its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Folded {
    /// The file alone is all of it.
    Whole,
    /// It cannot be read, for this reason: both are as they were.
    Damaged(String),
}

/// The file that a URL names.
///
/// # Errors
/// When it is not the URL of a SQLite file.
pub fn path_of(url: &str) -> Result<PathBuf> {
    Ok(SqliteConnectOptions::from_str(url)?.get_filename().to_owned())
}

/// The URL that names a file.
///
/// # Errors
/// When its name is not UTF-8.
pub fn url_of(file: &Path) -> Result<String> {
    Ok(format!("sqlite://{}", text(file)?.replace('%', "%25").replace('?', "%3F")))
}

fn text(file: &Path) -> Result<&str> {
    file.to_str().ok_or_else(|| Error::Refused(format!("the name of {} is not UTF-8", file.display())))
}

/// Copies the database into a file that is not there, or empty, as it is at one moment. Whoever reads or writes the database meanwhile does
/// not wait for it: it reads a snapshot, on a connection of its own. The file is not flushed to the disk yet.
///
/// # Errors
/// When there is no database, it cannot be read, or the file cannot be written or does not hold it whole.
pub async fn back_up(url: &str, into: &Path) -> Result<Contents> {
    let file = path_of(url)?;
    if !file.exists() {
        return Err(Error::Refused(format!("there is no database at {}", file.display())));
    }
    let options = SqliteConnectOptions::from_str(url)?
        .create_if_missing(false)
        .busy_timeout(Duration::from_secs(30))
        .disable_statement_logging();
    let mut conn = options.connect().await?;
    let copied = sqlx::query("vacuum into $1").bind(text(into)?).execute(&mut conn).await;
    // A connection that fails to close has nothing to lose.
    let _ = conn.close().await;
    copied?;
    look(into, false).await
}

/// Looks whether a file is a whole database of ours, and at what is in it. Thoroughly is every page and every index, otherwise every page.
/// Nothing is written, and a log beside the file is not looked at.
///
/// # Errors
/// [`Error::Refused`] says what is wrong with it.
pub async fn look(file: &Path, thoroughly: bool) -> Result<Contents> {
    let unfit = |why: String| Error::Refused(format!("{} {why}", file.display()));
    let bytes = std::fs::metadata(file).map_err(|error| unfit(format!("cannot be read: {error}")))?.len();
    let options =
        SqliteConnectOptions::new().filename(file).read_only(true).immutable(true).disable_statement_logging();
    let looked = async {
        let mut conn = options.connect().await?;
        let contents = examine(&mut conn, thoroughly).await;
        let _ = conn.close().await;
        contents
    };
    match looked.await {
        Ok(Ok((schema, newest_at))) => Ok(Contents { schema, newest_at, bytes }),
        Ok(Err(why)) => Err(unfit(why)),
        Err(error) => match code(&error) {
            Some(NOT_A_DATABASE) => Err(unfit("is not a SQLite database".to_owned())),
            Some(CORRUPT) => Err(unfit("is damaged".to_owned())),
            _ => Err(error.into()),
        },
    }
}

async fn examine(
    conn: &mut SqliteConnection,
    thoroughly: bool,
) -> sqlx::Result<Result<(i64, Option<Timestamp>), String>> {
    let look = if thoroughly { "pragma integrity_check(3)" } else { "pragma quick_check(3)" };
    let faults: Vec<String> = sqlx::query_scalar(look).fetch_all(&mut *conn).await?;
    if faults != ["ok"] {
        return Ok(Err(format!("is damaged: {}", faults.join("; "))));
    }
    let ours: i64 = sqlx::query_scalar(
        "select count(*) from sqlite_schema where type = 'table' and name in ('_sqlx_migrations', 'event', 'audit', 'access_change')",
    )
    .fetch_one(&mut *conn)
    .await?;
    if ours < 4 {
        return Ok(Err("is not a database of Tollkeeper's".to_owned()));
    }
    let schema: Option<i64> =
        sqlx::query_scalar("select max(version) from _sqlx_migrations where success").fetch_one(&mut *conn).await?;
    let newest: Option<i64> = sqlx::query_scalar(
        "select max(at) from (
             select received_at as at from event where seq = (select max(seq) from event)
             union all select at from audit where audit_id = (select max(audit_id) from audit)
             union all select at from access_change where seq = (select max(seq) from access_change))",
    )
    .fetch_one(conn)
    .await?;
    Ok(Ok((schema.unwrap_or(0), newest.map(Timestamp::from_millis))))
}

/// Writes what is in the log into the database's file and removes the log, so that the file alone is the database. Nobody else may have it
/// open.
///
/// # Errors
/// [`Error::InUse`] when somebody has, or when it cannot be written.
pub async fn fold_log(file: &Path) -> Result<Folded> {
    let options = SqliteConnectOptions::new().filename(file).busy_timeout(Duration::from_secs(1));
    let folded = async {
        let mut conn = options.connect().await?;
        let folded = sqlx::query_scalar::<_, String>("pragma journal_mode = delete").fetch_one(&mut conn).await;
        let _ = conn.close().await;
        folded
    };
    match folded.await {
        Ok(mode) if mode == "delete" => Ok(Folded::Whole),
        Ok(_) => Err(Error::InUse),
        Err(error) => match code(&error) {
            Some(BUSY) => Err(Error::InUse),
            Some(CORRUPT | NOT_A_DATABASE) => Ok(Folded::Damaged(error.to_string())),
            _ => Err(error.into()),
        },
    }
}

fn code(error: &sqlx::Error) -> Option<i64> {
    let code: i64 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}
