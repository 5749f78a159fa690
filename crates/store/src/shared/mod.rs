//! The SQL, once. This folder is compiled by each backend beside its `dialect`.

mod accounts;
mod audit;
mod catalog;
mod catch_up;
mod checks;
mod clock;
mod compare;
mod copying;
mod customer_lists;
mod customers;
mod dismissals;
mod entitlements;
mod erasure;
mod events;
mod facts;
mod figures;
mod gauges;
mod health;
mod history;
mod instances;
mod intake;
mod jobs;
mod keys;
mod lists;
mod mapping_lists;
mod mappings;
mod migrating;
mod names;
mod objects;
mod overdue;
mod override_desk;
mod overrides;
mod paging;
mod passkeys;
mod payments;
mod person;
mod preferences;
mod processing;
mod product_reads;
mod products;
mod purchases;
mod reads;
mod replaying;
mod replays;
mod restored;
mod resyncs;
mod retention;
mod rows;
mod second_factor;
mod staff_access;
mod thin;
mod undo;
mod usage;
mod watch;
mod write;

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::{Livemode, Timestamp};
use sqlx::Connection as _;

pub(crate) use self::copying::Side;
use self::objects::{Evidence, Origin};
use self::write::Write;
use super::dialect::{self, Conn, Db};
use super::schema;
use crate::records::{DatabaseState, Effects, FieldChange};
use crate::{Index, Options, Result, Store};

/// The database and the memory that follows it.
pub struct Backend {
    /// Readers.
    read: sqlx::Pool<Db>,
    /// The one writer.
    write: sqlx::Pool<Db>,
    /// What stores deliveries: the writer, or one beside it.
    intake: sqlx::Pool<Db>,
    news: dialect::News,
    index: Arc<Index>,
    options: Options,
    /// Newest change of [`Index`] facts this process has seen, its own included.
    seen_change: AtomicI64,
    /// Milliseconds our clock is ahead of Stripe's, in test and live mode.
    skews: [AtomicI64; 2],
}

/// The connections of a backend.
pub(super) struct Pools<Db: sqlx::Database> {
    pub(super) write: sqlx::Pool<Db>,
    pub(super) intake: sqlx::Pool<Db>,
    pub(super) read: sqlx::Pool<Db>,
}

/// Whether a transaction has to be the only one of all processes.
#[derive(Clone, Copy)]
pub(super) enum Turn {
    /// It changes what was read before it is written.
    Taken,
    /// It only adds.
    NotNeeded,
}

impl Turn {
    /// How long its beginning may take: another instance that stands still in its turn holds it for half a minute.
    const fn patience(self) -> Duration {
        match self {
            Self::Taken => Duration::from_secs(60),
            Self::NotNeeded => Duration::from_secs(10),
        }
    }
}

impl Backend {
    /// Opens, migrates and fills the memory.
    ///
    /// # Errors
    /// When the database cannot be opened, migrated or read.
    pub async fn open(url: &str, options: Options) -> Result<Self> {
        let Pools { write, intake, read } = dialect::pools(url).await?;
        migrating::prepare(&mut *write.acquire().await?).await?;
        dialect::migrated(&write).await?;
        let backend = Self {
            read,
            write,
            intake,
            news: dialect::News::of(url),
            index: Arc::default(),
            options,
            seen_change: AtomicI64::new(0),
            skews: Default::default(),
        };
        backend.fill_index(&mut *backend.write.acquire().await?).await?;
        Ok(backend)
    }

    /// What Stripe answers to a read that began at `started_at` of our clock.
    fn read_evidence(&self, livemode: Livemode, started_at: Timestamp) -> Evidence<'static> {
        let skew = self.skews[usize::from(livemode.is_live())].load(Ordering::Relaxed);
        Evidence { livemode, at: started_at.plus_millis(-skew), known_at: started_at, origin: Origin::Read }
    }

    /// Starts a write. Nobody else, of no process, changes state until it is committed or dropped, and memory is what the last of them left.
    async fn begin(&self) -> Result<Write<'_>> {
        let mut write = self.begin_on(&self.write, Turn::Taken).await?;
        self.follow(write.conn()).await?;
        Ok(write)
    }

    /// Starts a write that only adds what is worked on later: it waits for nobody's turn.
    async fn begin_intake(&self) -> Result<Write<'_>> {
        self.begin_on(&self.intake, Turn::NotNeeded).await
    }

    async fn begin_on(&self, pool: &sqlx::Pool<Db>, turn: Turn) -> Result<Write<'_>> {
        let mut is_first = true;
        loop {
            let conn = pool.acquire().await?;
            // The connection is the write's before the transaction begins: who is cancelled in between leaves none open in the pool.
            let mut write = Write::new(self, conn);
            // Nothing comes back over a connection that a firewall has forgotten: the system would wait a quarter of an hour.
            let begun = tokio::time::timeout(turn.patience(), dialect::begin(write.conn(), turn)).await;
            match begun.unwrap_or_else(|_| Err(sqlx::Error::Io(ErrorKind::TimedOut.into()))) {
                Ok(()) => return Ok(write),
                // It may have gone while it lay idle: that is no failure of what begins now.
                Err(error) if is_first && is_cut(&error) => is_first = false,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Whether it is the connection that failed.
fn is_cut(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => true,
        // Closed for standing still within a transaction, or by a server that stops (postgresql.org/docs/current/errcodes-appendix.html).
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| ["25P03", "57P01", "57P02", "57P03", "57P05"].contains(&&*code))
        }
        _ => false,
    }
}

/// Adds a field to the effects when it differs.
fn note_field(effects: &mut Effects, object: &str, field: &str, before: Option<String>, after: Option<String>) {
    if before != after {
        effects.fields.push(FieldChange { object: object.to_owned(), field: field.to_owned(), before, after });
    }
}

#[async_trait]
impl Store for Backend {
    fn index(&self) -> &Arc<Index> {
        &self.index
    }

    fn options(&self) -> &Options {
        &self.options
    }

    fn set_clock_skew(&self, livemode: Livemode, ahead_ms: i64) {
        self.skews[usize::from(livemode.is_live())].store(ahead_ms, Ordering::Relaxed);
    }

    async fn ping(&self) -> Result<()> {
        Ok(self.read.acquire().await?.ping().await?)
    }

    async fn refresh_index(&self) -> Result<()> {
        self.follow_changes().await
    }

    async fn engine_version(&self) -> Result<String> {
        Ok(sqlx::query_scalar(dialect::VERSION).fetch_one(&self.read).await?)
    }

    async fn database(&self) -> Result<DatabaseState> {
        self.look_at_database().await
    }

    async fn close(&self) {
        self.read.close().await;
        self.intake.close().await;
        self.write.close().await;
    }
}
