//! What PostgreSQL needs said its own way.

use sqlx::Connection as _;
use sqlx::postgres::PgPoolOptions;

use crate::Error;

/// The database of this backend.
pub(crate) type Db = sqlx::Postgres;
/// A connection of this backend.
pub(crate) type Conn = sqlx::PgConnection;
/// Starts a transaction.
pub(crate) const BEGIN: &str = "begin";
/// Suffix that keeps other instances away from claimed rows.
pub(crate) const SKIP_LOCKED: &str = " for update skip locked";

/// The migrations of this backend: number, name, SQL. (`sqlx::migrate!` would build both drivers once more for the compiler.)
pub(crate) const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "init", include_str!("../../../../migrations/postgres/0001_init.sql")),
    (2, "indexes", include_str!("../../../../migrations/postgres/0002_indexes.sql")),
    (3, "purchases", include_str!("../../../../migrations/postgres/0003_purchases.sql")),
    (4, "policies", include_str!("../../../../migrations/postgres/0004_policies.sql")),
    (5, "history", include_str!("../../../../migrations/postgres/0005_history.sql")),
    (6, "catalog_sources", include_str!("../../../../migrations/postgres/0006_catalog_sources.sql")),
    (7, "lookups", include_str!("../../../../migrations/postgres/0007_lookups.sql")),
    (8, "policies_in_history", include_str!("../../../../migrations/postgres/0008_policies_in_history.sql")),
    (9, "overdue", include_str!("../../../../migrations/postgres/0009_overdue.sql")),
    (10, "product_reads", include_str!("../../../../migrations/postgres/0010_product_reads.sql")),
    (11, "stripe_usage", include_str!("../../../../migrations/postgres/0011_stripe_usage.sql")),
    (12, "resyncs", include_str!("../../../../migrations/postgres/0012_resyncs.sql")),
    (13, "catch_up", include_str!("../../../../migrations/postgres/0013_catch_up.sql")),
    (14, "preferences", include_str!("../../../../migrations/postgres/0014_preferences.sql")),
    (15, "replays", include_str!("../../../../migrations/postgres/0015_replays.sql")),
    (16, "lists", include_str!("../../../../migrations/postgres/0016_lists.sql")),
    (17, "checks_and_audit", include_str!("../../../../migrations/postgres/0017_checks_and_audit.sql")),
    (18, "admin_changes", include_str!("../../../../migrations/postgres/0018_admin_changes.sql")),
    (19, "pages", include_str!("../../../../migrations/postgres/0019_pages.sql")),
    (21, "audit_chain", include_str!("../../../../migrations/postgres/0021_audit_chain.sql")),
    (22, "staff_links", include_str!("../../../../migrations/postgres/0022_staff_links.sql")),
    (23, "second_factor", include_str!("../../../../migrations/postgres/0023_second_factor.sql")),
    (24, "api_key_terms", include_str!("../../../../migrations/postgres/0024_api_key_terms.sql")),
    (25, "personal_data", include_str!("../../../../migrations/postgres/0025_personal_data.sql")),
    (26, "passkeys", include_str!("../../../../migrations/postgres/0026_passkeys.sql")),
];

/// One connection, for what is done to a database that nobody uses.
pub(crate) async fn connect(url: &str) -> Result<Conn, Error> {
    Ok(Conn::connect(url).await?)
}

/// Opens the database. One writer per instance keeps what is published to memory in the order of the commits.
pub(crate) async fn pools(url: &str) -> Result<(sqlx::Pool<Db>, sqlx::Pool<Db>), Error> {
    let write = PgPoolOptions::new().max_connections(1).test_before_acquire(false).connect(url).await?;
    let read = PgPoolOptions::new().max_connections(8).test_before_acquire(false).connect(url).await?;
    Ok((write, read))
}

/// What is to be done once the schema is as it should be: PostgreSQL takes its statistics by itself.
pub(crate) async fn migrated(_: &sqlx::Pool<Db>) -> Result<(), Error> {
    Ok(())
}

/// Before a column that is compared and not to be looked up by: statistics tell PostgreSQL by which index to look.
pub(crate) const BESIDE: &str = "";
/// Compares texts byte by byte, as ranges of what begins alike need it.
pub(crate) const BY_BYTES: &str = " collate \"C\"";
/// Asks the engine for its version.
pub(crate) const VERSION: &str = "show server_version";
/// The setting that decides what outlives a crash, how to ask for it, and the value that does.
pub(crate) const DURABILITY: (&str, &str, &str) = ("fsync", "show fsync", "on");
/// The file the database is in: a server's own business.
pub(crate) const FILE: &str = "select cast(null as text)";
/// Bytes of the database.
pub(crate) const SIZE: &str = "select pg_database_size(current_database())";
/// What gives the room of removed rows free for new ones. `vacuum full`, which writes the files anew, locks each table: that is the owner's
/// to choose.
pub(crate) const REWRITE: &[&str] = &["vacuum"];
/// The log is the server's own.
pub(crate) const EMPTY_LOG: &[&str] = &[];
