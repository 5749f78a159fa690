//! Backups of a SQLite database: taken by the clock and on request while the server works, and put back.
//!
//! A backup is a file that SQLite writes from a snapshot, on a connection of its own, so that deliveries and access checks go on beside it.
//! Which there are is told by the folder alone: whoever copies or removes one by hand has said all there is to say.

pub mod files;
pub mod lock;
pub mod restore;

use std::fs::{File, TryLockError};
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use domain::Timestamp;

pub use self::files::Backup;
use crate::clock::Clock;

/// How often it is looked whether one is due: the clock is not only the machine's.
const TICK: Duration = Duration::from_secs(60);
/// After a failure it is tried again in so many milliseconds.
const RETRY_MS: i64 = 15 * 60_000;
/// In the folder: who holds it makes a backup.
const LOCK: &str = ".lock";

/// Where backups of which database are, how often one is made, and how many are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Where they are.
    pub folder: PathBuf,
    /// How often, in milliseconds; none: only on request.
    pub every_ms: Option<i64>,
    /// How many are kept.
    pub keep: usize,
}

/// A size in the unit people read it in.
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut tenths = bytes.saturating_mul(10) / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// Makes backups; cheap to clone.
#[derive(Clone)]
pub struct Backups(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    /// The database, and what its file is called without its ending.
    url: String,
    stem: String,
    plan: Option<Plan>,
    failed: Mutex<Option<(Timestamp, String)>>,
}

impl Backups {
    /// Of the database of this URL; without a plan (PostgreSQL) there are none.
    #[must_use]
    pub fn new(url: &str, plan: Option<Plan>, clock: Arc<dyn Clock>) -> Self {
        let file = store::sqlite::path_of(url).unwrap_or_default();
        let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Self(Arc::new(Inner { clock, url: url.to_owned(), stem, plan, failed: Mutex::new(None) }))
    }

    /// What is planned; none with PostgreSQL, which has programs of its own for it.
    #[must_use]
    pub fn plan(&self) -> Option<&Plan> {
        self.0.plan.as_ref()
    }

    /// Those that are there, the newest first.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn list(&self) -> std::io::Result<Vec<Backup>> {
        self.plan().map_or(Ok(vec![]), |plan| files::list(&plan.folder, &self.0.stem))
    }

    /// The newest that is not of a time to come.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn newest(&self) -> std::io::Result<Option<Backup>> {
        let now = self.0.clock.now();
        Ok(self.list()?.into_iter().find(|backup| backup.at <= now))
    }

    /// When this process last failed to make one, and why; none once one was made.
    #[must_use]
    pub fn failure(&self) -> Option<(Timestamp, String)> {
        self.0.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// When the next one is made by the clock, if it is: now or before says that it is due.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn next_at(&self) -> std::io::Result<Option<Timestamp>> {
        let Some(every) = self.plan().and_then(|plan| plan.every_ms) else { return Ok(None) };
        let due = self.newest()?.map_or(self.0.clock.now(), |newest| newest.at.plus_millis(every));
        Ok(Some(match self.failure() {
            Some((at, _)) => due.max(at.plus_millis(RETRY_MS)),
            None => due,
        }))
    }

    /// Makes one now, and removes those that are more than are kept.
    ///
    /// # Errors
    /// When somebody else makes one, or it cannot be made; the sentence says what to do.
    pub async fn make(&self) -> anyhow::Result<Backup> {
        let Some(plan) = self.plan() else {
            bail!("the database is PostgreSQL, which has `pg_dump` for it");
        };
        let (made, failure) = match self.make_in(plan).await {
            Ok((backup, failure)) => (Ok(backup), failure),
            Err(error) => {
                let failure = format!("{error:#}");
                (Err(error), Some(failure))
            }
        };
        let failed = failure.map(|why| (self.0.clock.now(), why));
        *self.0.failed.lock().unwrap_or_else(PoisonError::into_inner) = failed;
        made
    }

    /// The backup, and what went wrong although it was made.
    async fn make_in(&self, plan: &Plan) -> anyhow::Result<(Backup, Option<String>)> {
        let folder = &plan.folder;
        let making = || format!("while making a backup in {}", folder.display());
        files::make_folder(folder).with_context(making)?;
        // Held to the end, also against other servers on the same database.
        let lock = File::create(folder.join(LOCK)).with_context(making)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!("a backup is being made in {} already", folder.display()),
            // A file system without locks holds backups all the same; who else makes one gives it another name.
            Err(TryLockError::Error(error)) => {
                tracing::warn!(%error, folder = %folder.display(), "the folder cannot be locked")
            }
        }
        let now = self.0.clock.now();
        let name = files::name(&self.0.stem, now);
        let contents = files::write(&self.0.url, &folder.join(&name)).await.with_context(making)?;
        tracing::info!(file = name, bytes = contents.bytes, "a backup was made");
        let failure = files::prune(folder, &self.0.stem, plan.keep, now).err().map(|error| {
            let failure =
                format!("a backup was made, but old ones in {} could not be removed: {error}", folder.display());
            tracing::error!("{failure}");
            failure
        });
        Ok((Backup { name, at: Timestamp::from_secs(now.secs()), bytes: contents.bytes }, failure))
    }

    /// Makes one when it is due.
    pub async fn make_when_due(&self) {
        let now = self.0.clock.now();
        match self.next_at() {
            Ok(Some(due)) if due <= now => {}
            Ok(_) => return,
            Err(error) => {
                *self.0.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, error.to_string()));
                return;
            }
        }
        if let Err(error) = self.make().await {
            tracing::error!("no backup could be made, and the next try is in 15 minutes: {error:#}");
        }
    }

    /// Makes them by the clock until `shutdown`. One in the making then is given up, and leaves nothing that counts.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        tokio::pin!(shutdown);
        loop {
            let work = async {
                // Not in the first moment: a server that has just started has better things to do.
                tokio::time::sleep(TICK).await;
                self.make_when_due().await;
            };
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                () = work => {}
            }
        }
    }
}
