//! What PostgreSQL needs said its own way.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::sync::Mutex;

use super::shared::{Pools, Turn};
use crate::Error;

/// How often one looks what other instances committed without being told.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The database of this backend.
pub(crate) type Db = sqlx::Postgres;
/// A connection of this backend.
pub(crate) type Conn = sqlx::PgConnection;
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
    (28, "instances", include_str!("../../../../migrations/postgres/0028_instances.sql")),
];

/// One connection, for what is done to a database that nobody uses.
pub(crate) async fn connect(url: &str) -> Result<Conn, Error> {
    // Statements over whole tables take their time, which is nothing to log.
    Ok(options(url)?.disable_statement_logging().connect().await?)
}

/// Starts a transaction. What changes state waits for its turn among all instances: they change it one after the other, as on SQLite
/// (`docs/decisions/0008-one-writer-at-a-time.md`). The turn ends with the transaction, and with the connection of who is killed.
pub(crate) async fn begin(conn: &mut Conn, turn: Turn) -> Result<(), sqlx::Error> {
    let statements = match turn {
        Turn::Taken => "begin; select pg_advisory_xact_lock(8318822983)",
        Turn::NotNeeded => "begin",
    };
    sqlx::raw_sql(statements).execute(conn).await.map(drop)
}

/// Ends it, and tells other instances when access changed.
pub(crate) async fn commit(conn: &mut Conn, has_changes: bool) -> Result<(), sqlx::Error> {
    let statements = if has_changes { "notify tollkeeper_access; commit" } else { "commit" };
    sqlx::raw_sql(statements).execute(conn).await.map(drop)
}

/// What says that another instance changed something.
pub(crate) struct News {
    url: String,
    listener: Mutex<Listener>,
}

/// The connection that hears of it.
enum Listener {
    /// It is made, which may take longer than it is waited for at once.
    Connecting(Pin<Box<dyn Future<Output = Result<PgListener, sqlx::Error>> + Send>>),
    Listening(PgListener),
}

impl Listener {
    fn connecting(url: &str) -> Self {
        let url = url.to_owned();
        Self::Connecting(Box::pin(async move {
            let mut listener = PgListener::connect(&url).await?;
            listener.listen("tollkeeper_access").await?;
            Ok(listener)
        }))
    }
}

impl News {
    pub(crate) fn of(url: &str) -> Self {
        Self { url: url.to_owned(), listener: Mutex::new(Listener::connecting(url)) }
    }

    /// Waits until somebody says so, or it is time to look all the same: a notification may get lost with its connection.
    pub(crate) async fn next(&self) {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = self.told() => {}
        }
    }

    async fn told(&self) {
        let mut listener = self.listener.lock().await;
        let heard = match &mut *listener {
            // Whoever begins to listen has missed what was said before.
            Listener::Connecting(connection) => {
                connection.await.map(|listening| *listener = Listener::Listening(listening))
            }
            Listener::Listening(listening) => {
                let heard = listening.recv().await.map(drop);
                while heard.is_ok() && listening.next_buffered().is_some() {}
                heard
            }
        };
        if heard.is_err() {
            // Without it one looks more seldom, and whoever looks says what is wrong with the database.
            *listener = Listener::connecting(&self.url);
            std::future::pending::<()>().await;
        }
    }
}

/// How the server is spoken to. It notes what is there already, which is no news.
fn options(url: &str) -> Result<PgConnectOptions, Error> {
    Ok(url.parse::<PgConnectOptions>()?.options([("client_min_messages", "warning")]))
}

/// Opens the database. One writer per instance keeps what is published to memory in the order of the commits; deliveries have a connection of
/// their own, so that none waits for another instance's turn.
pub(crate) async fn pools(url: &str) -> Result<Pools<Db>, Error> {
    // An instance that stands still in the middle of a transaction, or is cut off from the network, holds up the others no longer than this.
    let options = options(url)?;
    let writer = options.clone().options([
        ("idle_in_transaction_session_timeout", "30s"),
        ("tcp_keepalives_idle", "10"),
        ("tcp_keepalives_interval", "5"),
        ("tcp_keepalives_count", "3"),
    ]);
    // A write tells by its beginning whether its connection is still there; a read would fail by it.
    let one = || PgPoolOptions::new().max_connections(1).test_before_acquire(false);
    let write = one().connect_with(writer.clone()).await?;
    let intake = one().connect_with(writer).await?;
    let read = PgPoolOptions::new().max_connections(8).connect_with(options).await?;
    Ok(Pools { write, intake, read })
}

/// What is to be done once the schema is as it should be: PostgreSQL takes its statistics by itself.
pub(crate) async fn migrated(_: &sqlx::Pool<Db>) -> Result<(), Error> {
    Ok(())
}

/// Before a column that is compared and not to be looked up by: statistics tell PostgreSQL by which index to look.
pub(crate) const BESIDE: &str = "";
/// Compares texts byte by byte, as ranges of what begins alike need it.
pub(crate) const BY_BYTES: &str = " collate \"C\"";
/// Whether several machines may work on it.
pub(crate) const IS_SHARED: bool = true;
/// Its clock, in milliseconds.
pub(crate) const CLOCK: &str = "cast(extract(epoch from clock_timestamp()) * 1000 as bigint)";
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
