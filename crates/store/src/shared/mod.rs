//! The SQL, once. This folder is compiled by each backend beside its `dialect`.

mod accounts;
mod audit;
mod catalog;
mod customers;
mod events;
mod facts;
mod intake;
mod lists;
mod mappings;
mod objects;
mod overrides;
mod processing;
mod reads;
mod rows;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use domain::access::UserFacts;
use domain::catalog::Catalog;
use domain::{Livemode, Timestamp};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::pool::PoolConnection;
use sqlx::{Connection as _, SqlSafeStr as _};

use super::dialect::{self, BEGIN, Conn, Db};
use crate::records::{Effects, FieldChange, VerdictChange};
use crate::{Changes, Index, Options, Result, Store};

/// The database and the memory that follows it.
pub struct Backend {
    /// Readers.
    read: sqlx::Pool<Db>,
    /// The one writer.
    write: sqlx::Pool<Db>,
    index: Arc<Index>,
    options: Options,
    /// Newest change of [`Index`] facts this process has seen, its own included.
    seen_change: AtomicI64,
}

impl Backend {
    /// Opens, migrates and fills the memory.
    ///
    /// # Errors
    /// When the database cannot be opened, migrated or read.
    pub async fn open(url: &str, options: Options) -> Result<Self> {
        let (write, read) = dialect::pools(url).await?;
        let migrations = dialect::MIGRATIONS.iter().map(|(number, name, sql)| {
            Migration::new(*number, (*name).into(), MigrationType::Simple, sql.into_sql_str(), false)
        });
        Migrator::with_migrations(migrations.collect()).run(&write).await?;
        let backend = Self { read, write, index: Arc::default(), options, seen_change: AtomicI64::new(0) };
        backend.fill_index().await?;
        Ok(backend)
    }

    /// Starts a write. Nobody else writes until it is committed or dropped.
    async fn begin(&self) -> Result<Write<'_>> {
        let mut conn = self.write.acquire().await?;
        sqlx::query(BEGIN).execute(&mut *conn).await?;
        Ok(Write { backend: self, conn: Some(conn), users: HashMap::new(), catalogs: HashMap::new() })
    }
}

/// A write transaction that remembers whose facts it touches, and makes them visible in memory when it commits.
struct Write<'a> {
    backend: &'a Backend,
    conn: Option<PoolConnection<Db>>,
    /// Facts as this transaction has them; the first touch of a user keeps what was true before.
    users: HashMap<(Livemode, String), Touched>,
    catalogs: HashMap<Livemode, Arc<Catalog>>,
}

/// A user's facts before and after (so far).
struct Touched {
    before: Option<Arc<UserFacts>>,
    after: Option<Arc<UserFacts>>,
}

impl Write<'_> {
    /// The connection inside the transaction.
    fn conn(&mut self) -> &mut Conn {
        // Only `commit` and `drop` take it, and both consume the write.
        self.conn.as_mut().expect("a write has its connection until it ends")
    }

    /// Reads a user's facts again, notes the answers that changed with their cause, and returns those changes.
    async fn touch_user(
        &mut self,
        livemode: Livemode,
        user_id: &str,
        cause: (&str, &str),
        now: Timestamp,
    ) -> Result<Vec<VerdictChange>> {
        let key = (livemode, user_id.to_owned());
        let before = match self.users.get(&key) {
            Some(touched) => touched.after.clone(),
            None => self.backend.index.facts(livemode, user_id),
        };
        let after = facts::user_facts(self.conn(), livemode, user_id).await?.map(Arc::new);
        let catalog = self.catalog(livemode);
        let policy = self.backend.options.policy;
        let changes =
            facts::verdict_changes(user_id, (before.as_deref(), &catalog), (after.as_deref(), &catalog), &policy, now);
        facts::record_verdict_changes(self.conn(), livemode, &changes, cause, now).await?;
        self.users
            .entry(key)
            .and_modify(|touched| touched.after.clone_from(&after))
            .or_insert(Touched { before, after });
        Ok(changes)
    }

    /// The catalog as this transaction has it.
    fn catalog(&self, livemode: Livemode) -> Arc<Catalog> {
        self.catalogs.get(&livemode).cloned().unwrap_or_else(|| self.backend.index.catalog(livemode))
    }

    /// Reads the catalog again and notes the answers that changed for everyone who pays for, or was given, what it touches.
    async fn touch_catalog(&mut self, livemode: Livemode, cause: (&str, &str), now: Timestamp) -> Result<()> {
        let before = self.catalog(livemode);
        let after = Arc::new(facts::catalog(self.conn(), livemode).await?);
        let policy = self.backend.options.policy;
        let users = self
            .backend
            .index
            .users_where(livemode, |facts| !facts.subscriptions.is_empty() || !facts.overrides.is_empty());
        for (user_id, facts) in users {
            let changes =
                facts::verdict_changes(&user_id, (Some(&facts), &before), (Some(&facts), &after), &policy, now);
            facts::record_verdict_changes(self.conn(), livemode, &changes, cause, now).await?;
        }
        self.catalogs.insert(livemode, after);
        Ok(())
    }

    /// Commits, then makes what changed visible while the writer is still held: memory follows the order of the commits.
    async fn commit(mut self, now: Timestamp) -> Result<()> {
        let users: Vec<_> = self
            .users
            .iter()
            .filter(|(_, touched)| touched.before != touched.after)
            .map(|(key, _)| key.clone())
            .collect();
        let modes: Vec<_> = self.catalogs.keys().copied().collect();
        let mut seen = None;
        for (livemode, user_id) in users
            .iter()
            .map(|(mode, user)| (*mode, Some(user.as_str())))
            .chain(modes.into_iter().map(|mode| (mode, None)))
        {
            let seq: i64 = sqlx::query_scalar(
                "insert into access_change (livemode, user_id, at) values ($1, $2, $3) returning seq",
            )
            .bind(livemode.is_live())
            .bind(user_id)
            .bind(now.millis())
            .fetch_one(self.conn())
            .await?;
            seen = Some(seq);
        }
        let mut conn = self.conn.take().expect("a write has its connection until it ends");
        if let Err(error) = sqlx::query("commit").execute(&mut *conn).await {
            // The transaction may still be open: the connection must not go back to the pool with it.
            conn.close_on_drop();
            return Err(error.into());
        }
        let changes = Changes {
            users: self.users.drain().map(|(key, touched)| (key, touched.after)).collect(),
            catalogs: self.catalogs.drain().collect(),
        };
        self.backend.index.publish(changes);
        if let Some(seen) = seen {
            // A change of another process with a smaller number may be unseen: only a gapless step may skip the refresh.
            let _ = self.backend.seen_change.compare_exchange(seen - 1, seen, Ordering::SeqCst, Ordering::SeqCst);
        }
        drop(conn);
        Ok(())
    }
}

impl Drop for Write<'_> {
    fn drop(&mut self) {
        // Not committed: closing the connection rolls back, also when the task was cancelled half-way through a statement.
        if let Some(mut conn) = self.conn.take() {
            conn.close_on_drop();
        }
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

    async fn ping(&self) -> Result<()> {
        Ok(self.read.acquire().await?.ping().await?)
    }

    async fn refresh_index(&self) -> Result<()> {
        self.follow_changes().await
    }

    async fn engine_version(&self) -> Result<String> {
        Ok(sqlx::query_scalar(dialect::VERSION).fetch_one(&self.read).await?)
    }

    async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}
