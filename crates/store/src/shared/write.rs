//! A write transaction: what it touched, and what it still has to write when it commits.
//!
//! Each statement costs a trip to the database's thread, or over the network. What nothing inside the transaction reads back (attempts,
//! changes of answers, the marks for other processes) is therefore collected and written at once, when it commits.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use domain::access::UserFacts;
use domain::catalog::Catalog;
use domain::event::EventStatus;
use domain::stripe::Price;
use domain::{Livemode, Timestamp};
use sqlx::pool::PoolConnection;
use sqlx::{Executor as _, QueryBuilder};

use super::rows::{Columns as _, to_json};
use super::{Backend, Conn, Db, dialect, facts};
use crate::records::VerdictChange;
use crate::{Changes, Result};

/// Rows of one statement: PostgreSQL takes at most 65,535 values.
const ROWS_AT_ONCE: usize = 1000;

/// A write transaction that remembers whose facts it touches, and makes them visible in memory when it commits.
pub(super) struct Write<'a> {
    pub(super) backend: &'a Backend,
    conn: Option<PoolConnection<Db>>,
    /// Facts as this transaction has them; the first touch of a user keeps what was true before.
    users: HashMap<(Livemode, String), Touched>,
    catalogs: HashMap<Livemode, Arc<Catalog>>,
    /// Users of customers, as far as this transaction has asked or told.
    pub(super) mapped: HashMap<(Livemode, String), Option<String>>,
    /// Whether personal data of customers was erased, as far as this transaction has asked.
    pub(super) erased: HashMap<(Livemode, String), bool>,
    /// Users who go by another name from now on, or by none: they are shown so in memory, and written nowhere.
    pub(super) moved: HashMap<(Livemode, String), Option<Arc<UserFacts>>>,
    /// Prices as this transaction has taken them in.
    pub(super) noted_prices: HashMap<(Livemode, String), Price>,
    attempts: Vec<Attempt>,
    verdicts: Vec<Verdict>,
}

/// A user's facts before and after (so far).
struct Touched {
    before: Option<Arc<UserFacts>>,
    after: Option<Arc<UserFacts>>,
    true_at: Timestamp,
}

/// Why facts changed.
#[derive(Clone, Copy)]
pub(super) struct Cause<'a> {
    /// `event`, `read`, `mapping`, `override`, `catalog`, `policy`, `user`.
    pub(super) kind: &'a str,
    /// The event's id, the customer's, the override's, the target's.
    pub(super) id: &'a str,
    /// When it was so: for an event its time on Stripe's clock, for a read its start, for a person's word the moment it was given.
    pub(super) true_at: Timestamp,
}

/// One run of the processor over one event.
pub(super) struct Attempt {
    pub(super) livemode: Livemode,
    pub(super) event_id: String,
    pub(super) cause: &'static str,
    pub(super) actor: Option<String>,
    pub(super) outcome: EventStatus,
    pub(super) error: Option<String>,
}

impl<'a> Cause<'a> {
    pub(super) const fn new(kind: &'a str, id: &'a str, true_at: Timestamp) -> Self {
        Self { kind, id, true_at }
    }
}

/// A change of an answer with its cause.
struct Verdict {
    livemode: Livemode,
    change: VerdictChange,
    cause_kind: String,
    cause_id: String,
    true_at: Timestamp,
}

/// A row of `access_change`.
struct AccessChange {
    livemode: Livemode,
    /// None: nothing was so from then on, other processes are to read everything again.
    true_at: Option<Timestamp>,
    user_id: Option<String>,
    facts: Option<String>,
    catalog: Option<String>,
}

impl<'a> Write<'a> {
    /// A transaction that has begun on this connection.
    pub(super) fn new(backend: &'a Backend, conn: PoolConnection<Db>) -> Self {
        Self {
            backend,
            conn: Some(conn),
            users: HashMap::new(),
            catalogs: HashMap::new(),
            mapped: HashMap::new(),
            erased: HashMap::new(),
            moved: HashMap::new(),
            noted_prices: HashMap::new(),
            attempts: vec![],
            verdicts: vec![],
        }
    }

    /// The connection inside the transaction.
    pub(super) fn conn(&mut self) -> &mut Conn {
        // Only `commit` and `drop` take it, and both consume the write.
        self.conn.as_mut().expect("a write has its connection until it ends")
    }

    /// Keeps an attempt; its time is the commit's.
    pub(super) fn attempt(&mut self, attempt: Attempt) {
        self.attempts.push(attempt);
    }

    /// Reads a user's facts again, notes the answers that changed with their cause, and returns those changes.
    pub(super) async fn touch_user(
        &mut self,
        livemode: Livemode,
        user_id: &str,
        cause: Cause<'_>,
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
        let (old, new) = ((before.as_deref(), &*catalog, &policy), (after.as_deref(), &*catalog, &policy));
        let changes = facts::verdict_changes(user_id, old, new, now);
        self.note_verdicts(livemode, &changes, cause);
        self.users
            .entry(key)
            .and_modify(|touched| {
                touched.after.clone_from(&after);
                touched.true_at = touched.true_at.max(cause.true_at);
            })
            .or_insert(Touched { before, after, true_at: cause.true_at });
        Ok(changes)
    }

    /// The catalog as this transaction has it.
    pub(super) fn catalog(&self, livemode: Livemode) -> Arc<Catalog> {
        self.catalogs.get(&livemode).cloned().unwrap_or_else(|| self.backend.index.catalog(livemode))
    }

    /// Reads the catalog again and notes the answers that changed for everyone who pays for, or was given, what it touches.
    pub(super) async fn touch_catalog(&mut self, livemode: Livemode, cause: Cause<'_>, now: Timestamp) -> Result<()> {
        let before = self.catalog(livemode);
        let after = Arc::new(facts::catalog(self.conn(), livemode).await?);
        let policy = self.backend.options.policy;
        let users = self.backend.index.users_where(livemode, |facts| {
            !facts.subscriptions.is_empty()
                || !facts.purchases.is_empty()
                || !facts.overrides.is_empty()
                || !facts.entitlements.is_empty()
        });
        // What this transaction changed of them is not in memory yet.
        let own = self.users.iter().filter(|((of, _), _)| *of == livemode);
        let own = own.filter_map(|((_, user_id), touched)| Some((user_id.clone(), touched.after.clone()?)));
        let others = users.into_iter().filter(|(user_id, _)| !self.users.contains_key(&(livemode, user_id.clone())));
        let users: Vec<(String, Arc<UserFacts>)> = others.chain(own).collect();
        for (user_id, facts) in users {
            let (old, new) = ((Some(&*facts), &*before, &policy), (Some(&*facts), &*after, &policy));
            let changes = facts::verdict_changes(&user_id, old, new, now);
            self.note_verdicts(livemode, &changes, cause);
        }
        self.catalogs.insert(livemode, after);
        Ok(())
    }

    /// Keeps a user's facts as they are in memory.
    pub(super) fn keep_facts(
        &mut self,
        livemode: Livemode,
        user_id: String,
        facts: Arc<UserFacts>,
        true_at: Timestamp,
    ) {
        self.users.insert((livemode, user_id), Touched { before: None, after: Some(facts), true_at });
    }

    /// Keeps the catalog as it is in memory.
    pub(super) fn keep_catalog(&mut self, livemode: Livemode) {
        self.catalogs.insert(livemode, self.catalog(livemode));
    }

    /// Notes changes of answers with their cause.
    pub(super) fn note_verdicts(&mut self, livemode: Livemode, changes: &[VerdictChange], cause: Cause<'_>) {
        self.verdicts.extend(changes.iter().map(|change| Verdict {
            livemode,
            change: change.clone(),
            cause_kind: cause.kind.to_owned(),
            cause_id: cause.id.to_owned(),
            true_at: cause.true_at,
        }));
    }

    async fn write_attempts(&mut self, now: Timestamp) -> Result<()> {
        for chunk in std::mem::take(&mut self.attempts).chunks(ROWS_AT_ONCE) {
            let mut query = QueryBuilder::<Db>::new(
                "insert into attempt (livemode, event_id, cause, actor, started_at, took_ms, outcome, error) ",
            );
            query.push_values(chunk, |mut row, attempt| {
                row.push_bind(attempt.livemode.is_live())
                    .push_bind(attempt.event_id.as_str())
                    .push_bind(attempt.cause)
                    .push_bind(attempt.actor.as_deref())
                    .push_bind(now.millis())
                    .push("0")
                    .push_bind(attempt.outcome.as_str())
                    .push_bind(attempt.error.as_deref());
            });
            self.conn().execute(query.build()).await?;
        }
        Ok(())
    }

    async fn write_verdicts(&mut self, now: Timestamp) -> Result<()> {
        for chunk in std::mem::take(&mut self.verdicts).chunks(ROWS_AT_ONCE) {
            let mut query = QueryBuilder::<Db>::new(
                "insert into verdict_change
                    (livemode, user_id, feature_key, allowed_before, allowed_after, reason_before, reason_after, cause_kind, cause_id, at,
                     true_at) ",
            );
            query.push_values(chunk, |mut row, Verdict { livemode, change, cause_kind, cause_id, true_at }| {
                row.push_bind(livemode.is_live())
                    .push_bind(change.user_id.as_str())
                    .push_bind(change.feature.as_str())
                    .push_bind(change.allowed_before)
                    .push_bind(change.allowed_after)
                    .push_bind(change.reason_before.as_str())
                    .push_bind(change.reason_after.as_str())
                    .push_bind(cause_kind.as_str())
                    .push_bind(cause_id.as_str())
                    .push_bind(now.millis())
                    .push_bind(true_at.millis());
            });
            self.conn().execute(query.build()).await?;
        }
        Ok(())
    }

    /// Keeps what is true from now on, and so tells other processes whose facts changed. Answers with the numbers of these rows, first
    /// and last, when they have no gap.
    async fn write_access_changes(&mut self, now: Timestamp) -> Result<Option<(i64, i64)>> {
        let users = self.users.iter().filter(|(_, touched)| touched.before != touched.after);
        let users = users.map(|((livemode, user_id), touched)| AccessChange {
            livemode: *livemode,
            true_at: Some(touched.true_at),
            user_id: Some(user_id.clone()),
            facts: touched.after.as_deref().map(to_json),
            catalog: None,
        });
        let catalogs = self.catalogs.iter().map(|(livemode, catalog)| AccessChange {
            livemode: *livemode,
            true_at: Some(now),
            user_id: None,
            facts: None,
            catalog: Some(to_json(catalog.as_ref())),
        });
        // Who goes by another name is not named to other processes.
        let moved = self.moved.keys().next().map(|(livemode, _)| AccessChange {
            livemode: *livemode,
            true_at: None,
            user_id: None,
            facts: None,
            catalog: None,
        });
        let changes: Vec<AccessChange> = users.chain(catalogs).chain(moved).collect();
        let mut numbers = vec![];
        for chunk in changes.chunks(ROWS_AT_ONCE) {
            let mut query =
                QueryBuilder::<Db>::new("insert into access_change (livemode, user_id, at, true_at, facts, catalog) ");
            query.push_values(chunk, |mut row, change| {
                row.push_bind(change.livemode.is_live())
                    .push_bind(change.user_id.as_deref())
                    .push_bind(now.millis())
                    .push_bind(change.true_at.map(Timestamp::millis))
                    .push_bind(change.facts.as_deref())
                    .push_bind(change.catalog.as_deref());
            });
            query.push(" returning seq");
            for row in query.build().fetch_all(self.conn()).await? {
                numbers.push(row.int("seq")?);
            }
        }
        numbers.sort_unstable();
        let ends = numbers.first().copied().zip(numbers.last().copied());
        Ok(ends.filter(|(first, last)| usize::try_from(last - first + 1) == Ok(numbers.len())))
    }

    /// From here on what is done may be undone without ending the transaction.
    pub(super) async fn savepoint(&mut self) -> Result<()> {
        sqlx::query("savepoint trial").execute(self.conn()).await?;
        Ok(())
    }

    /// Undoes everything since [`Self::savepoint`], also what was to be written with the commit. Nothing else may have been done before it.
    pub(super) async fn roll_back_to_savepoint(&mut self) -> Result<()> {
        sqlx::query("rollback to savepoint trial").execute(self.conn()).await?;
        sqlx::query("release savepoint trial").execute(self.conn()).await?;
        self.users.clear();
        self.catalogs.clear();
        self.mapped.clear();
        self.noted_prices.clear();
        self.attempts.clear();
        self.verdicts.clear();
        Ok(())
    }

    /// Commits, then makes what changed visible while the writer is still held: memory follows the order of the commits.
    pub(super) async fn commit(mut self, now: Timestamp) -> Result<()> {
        self.write_attempts(now).await?;
        self.write_verdicts(now).await?;
        let seen = self.write_access_changes(now).await?;
        // The write keeps the connection until the commit is done: one that failed or was cancelled must not go back to the pool.
        let has_changes = !self.moved.is_empty() || !self.users.is_empty() || !self.catalogs.is_empty();
        dialect::commit(self.conn(), has_changes).await?;
        let conn = self.conn.take();
        let changes = Changes {
            users: self.users.drain().map(|(key, touched)| (key, touched.after)).chain(self.moved.drain()).collect(),
            catalogs: self.catalogs.drain().collect(),
        };
        self.backend.index.publish(changes);
        if let Some((first, last)) = seen {
            // A change of another process with a smaller number may be unseen: only a gapless step may skip the refresh.
            let _ = self.backend.seen_change.compare_exchange(first - 1, last, Ordering::SeqCst, Ordering::SeqCst);
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
