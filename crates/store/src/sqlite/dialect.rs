//! What SQLite needs said its own way.

use std::fs::OpenOptions;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::shared::{Pools, Turn};
use super::statistics;
use crate::Error;

/// How far memory may be behind what other processes committed.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The database of this backend.
pub(crate) type Db = sqlx::Sqlite;
/// A connection of this backend.
pub(crate) type Conn = sqlx::SqliteConnection;
/// Suffix that keeps other instances away from claimed rows; SQLite's write lock does that already.
pub(crate) const SKIP_LOCKED: &str = "";

/// The migrations of this backend: number, name, SQL. (`sqlx::migrate!` would build both drivers once more for the compiler.)
pub(crate) const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "init", include_str!("../../../../migrations/sqlite/0001_init.sql")),
    (2, "indexes", include_str!("../../../../migrations/sqlite/0002_indexes.sql")),
    (3, "purchases", include_str!("../../../../migrations/sqlite/0003_purchases.sql")),
    (4, "policies", include_str!("../../../../migrations/sqlite/0004_policies.sql")),
    (5, "history", include_str!("../../../../migrations/sqlite/0005_history.sql")),
    (6, "catalog_sources", include_str!("../../../../migrations/sqlite/0006_catalog_sources.sql")),
    (7, "lookups", include_str!("../../../../migrations/sqlite/0007_lookups.sql")),
    (8, "policies_in_history", include_str!("../../../../migrations/sqlite/0008_policies_in_history.sql")),
    (9, "overdue", include_str!("../../../../migrations/sqlite/0009_overdue.sql")),
    (10, "product_reads", include_str!("../../../../migrations/sqlite/0010_product_reads.sql")),
    (11, "stripe_usage", include_str!("../../../../migrations/sqlite/0011_stripe_usage.sql")),
    (12, "resyncs", include_str!("../../../../migrations/sqlite/0012_resyncs.sql")),
    (13, "catch_up", include_str!("../../../../migrations/sqlite/0013_catch_up.sql")),
    (14, "preferences", include_str!("../../../../migrations/sqlite/0014_preferences.sql")),
    (15, "replays", include_str!("../../../../migrations/sqlite/0015_replays.sql")),
    (16, "lists", include_str!("../../../../migrations/sqlite/0016_lists.sql")),
    (17, "checks_and_audit", include_str!("../../../../migrations/sqlite/0017_checks_and_audit.sql")),
    (18, "admin_changes", include_str!("../../../../migrations/sqlite/0018_admin_changes.sql")),
    (19, "pages", include_str!("../../../../migrations/sqlite/0019_pages.sql")),
    (21, "audit_chain", include_str!("../../../../migrations/sqlite/0021_audit_chain.sql")),
    (22, "staff_links", include_str!("../../../../migrations/sqlite/0022_staff_links.sql")),
    (23, "second_factor", include_str!("../../../../migrations/sqlite/0023_second_factor.sql")),
    (24, "api_key_terms", include_str!("../../../../migrations/sqlite/0024_api_key_terms.sql")),
    (25, "personal_data", include_str!("../../../../migrations/sqlite/0025_personal_data.sql")),
    (26, "passkeys", include_str!("../../../../migrations/sqlite/0026_passkeys.sql")),
    (28, "instances", include_str!("../../../../migrations/sqlite/0028_instances.sql")),
];

/// Starts a transaction. It takes the write lock up front, so it has its turn already: one that upgrades later fails at once, whatever the
/// busy timeout.
pub(crate) async fn begin(conn: &mut Conn, _: Turn) -> Result<(), sqlx::Error> {
    sqlx::query("begin immediate").execute(conn).await.map(drop)
}

/// Ends it. Other processes look by themselves whether anything changed.
pub(crate) async fn commit(conn: &mut Conn, _has_changes: bool) -> Result<(), sqlx::Error> {
    sqlx::query("commit").execute(conn).await.map(drop)
}

/// What says that another process changed something: nothing, here.
pub(crate) struct News;

impl News {
    pub(crate) const fn of(_: &str) -> Self {
        Self
    }

    /// Waits until it is time to look.
    pub(crate) async fn next(&self) {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// How the database is opened, and created with its folder where there is none.
fn options(url: &str) -> Result<SqliteConnectOptions, Error> {
    let options = SqliteConnectOptions::from_str(url)
        .map_err(Error::from)?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // NORMAL loses acknowledged events with the power: measured at about half of them.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        // Rows with their payload are 2 to 4 KB: on pages of 4 KB a commit of 64 took 4.3 ms instead of 2.6. (A file keeps the size it
        // was made with.)
        .page_size(8192)
        // 16 MB of pages: the indexes' inner pages stay in memory. A checkpoint syncs the file, so it waits for 32 MB.
        .pragma("cache_size", "-16000")
        .pragma("wal_autocheckpoint", "4000")
        // What is removed is overwritten, not only forgotten.
        .pragma("secure_delete", "on")
        .statement_cache_capacity(200);
    if let Some(folder) = options.get_filename().parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|source| Error::Unavailable(Box::new(source)))?;
    }
    make_private(options.get_filename());
    Ok(options)
}

/// Makes the file for its owner alone where there is none: it holds personal data. Its log gets the same rights. What goes wrong is said
/// by who opens it next.
fn make_private(file: &Path) {
    // A database in memory has a name of this kind, and no file.
    if file.to_str().is_none_or(|name| name.starts_with("file:") || name == ":memory:") {
        return;
    }
    let mut made = OpenOptions::new();
    made.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut made, 0o600);
    let _ = made.open(file);
}

/// One connection, for what is done to a database that nobody uses.
pub(crate) async fn connect(url: &str) -> Result<Conn, Error> {
    // Statements over whole tables take their time, which is nothing to log.
    Ok(options(url)?.disable_statement_logging().connect().await?)
}

/// Opens the database: many readers, one writer.
pub(crate) async fn pools(url: &str) -> Result<Pools<Db>, Error> {
    let options = options(url)?;
    let write =
        SqlitePoolOptions::new().max_connections(1).test_before_acquire(false).connect_with(options.clone()).await?;
    // Readers come once the schema is as it should be: each plans by what it found when it came.
    let read = SqlitePoolOptions::new().max_connections(4).test_before_acquire(false).connect_lazy_with(options);
    Ok(Pools { intake: write.clone(), write, read })
}

/// What is to be done once the schema is as it should be.
pub(crate) async fn migrated(write: &sqlx::Pool<Db>) -> Result<(), Error> {
    statistics::tell(&mut *write.acquire().await?).await
}

/// Before a column that is compared and not to be looked up by: another index is the right one.
pub(crate) const BESIDE: &str = "+";
/// Compares texts byte by byte, as ranges of what begins alike need it.
pub(crate) const BY_BYTES: &str = "";
/// Whether several machines may work on it.
pub(crate) const IS_SHARED: bool = false;
/// Its clock, in milliseconds.
pub(crate) const CLOCK: &str = "cast(unixepoch('subsec') * 1000 as integer)";
/// Asks the engine for its version.
pub(crate) const VERSION: &str = "select sqlite_version()";
/// The setting that decides what outlives a crash, how to ask for it, and the value that does.
pub(crate) const DURABILITY: (&str, &str, &str) = ("journal_mode", "pragma journal_mode", "wal");
/// The file the database is in, with its folder.
pub(crate) const FILE: &str = "select file from pragma_database_list where name = 'main'";
/// Bytes of the database.
pub(crate) const SIZE: &str = "select page_count * page_size from pragma_page_count(), pragma_page_size()";
/// What overwrites every trace of what was removed, in this order: `vacuum` writes the file anew, without room for anything that is not
/// in a table, then the log is emptied.
pub(crate) const REWRITE: &[&str] = &["vacuum", "pragma wal_checkpoint(truncate)"];
/// What empties the log, where a copy of older pages may be.
pub(crate) const EMPTY_LOG: &[&str] = &["pragma wal_checkpoint(truncate)"];
