//! Works through replays: takes the next step of whichever is due, wakes the worker for what it put in line, and rests until the next.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use domain::Timestamp;
use store::Store;
use store::records::{ReplayOutcome, ReplayRecord, ReplayStep};
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::worker::Worker;

/// How long it sleeps when there is nothing to do: another process may have begun something.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);
/// And how long at least, so that a clock that stands still starves nobody.
const SHORTEST_SLEEP: Duration = Duration::from_millis(5);

/// Works through replays; cheap to clone.
#[derive(Clone)]
pub struct Replays(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    worker: Worker,
    started_at: Timestamp,
    work: Notify,
}

impl Replays {
    /// For one process; `worker` processes what is put in line.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, worker: Worker) -> Self {
        let started_at = clock.now();
        Self(Arc::new(Inner { store, clock, worker, started_at, work: Notify::new() }))
    }

    /// When this process began: what failed since then failed with this version and these settings.
    #[must_use]
    pub fn started_at(&self) -> Timestamp {
        self.0.started_at
    }

    /// One was begun, or goes on.
    pub fn wake(&self) {
        self.0.work.notify_one();
    }

    /// Works until `shutdown`. Nothing has to be given back: a step is done or not begun.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        tokio::pin!(shutdown);
        loop {
            let work = async {
                match self.step(None).await {
                    Ok(Some(_)) => {}
                    Ok(None) => self.idle().await,
                    Err(error) => {
                        tracing::error!(%error, "a replay stopped; it goes on in a moment");
                        tokio::time::sleep(LONGEST_SLEEP).await;
                    }
                }
            };
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                () = work => {}
            }
        }
    }

    async fn idle(&self) {
        tokio::select! {
            () = self.0.work.notified() => {}
            () = tokio::time::sleep(self.rest().await) => {}
        }
    }

    /// How long until a step is due; a second at most.
    async fn rest(&self) -> Duration {
        let Ok(Some(due)) = self.0.store.next_replay_step().await else { return LONGEST_SLEEP };
        let millis = u64::try_from(due.millis() - self.0.clock.now().millis()).unwrap_or(0);
        Duration::from_millis(millis).clamp(SHORTEST_SLEEP, LONGEST_SLEEP)
    }

    /// Takes a step of the replay named, or of whichever is due; nothing when none is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn step(&self, named: Option<&str>) -> Result<Option<ReplayStep>, store::Error> {
        let Some(step) = self.0.store.step_replay(named, self.0.clock.now()).await? else { return Ok(None) };
        if step.queued > 0 {
            self.0.worker.wake();
        }
        for outcome in ReplayOutcome::ALL {
            crate::metrics::count_replayed(outcome.as_str(), step.settled.of(outcome));
        }
        Ok(Some(step))
    }

    /// Stays with a replay until it is over or somebody paused it, and processes what it puts in line: for a command, which may be the only
    /// process there is. `told` hears how far it is after each step. None when there is no such replay.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn finish(
        &self,
        replay_id: &str,
        mut told: impl FnMut(&ReplayRecord),
    ) -> Result<Option<ReplayRecord>, store::Error> {
        loop {
            let stepped = self.step(Some(replay_id)).await?;
            let Some(replay) = self.0.store.replay(replay_id).await? else { return Ok(None) };
            if replay.next_at.is_none() {
                return Ok(Some(replay));
            }
            told(&replay);
            self.0.worker.run_once().await?;
            if stepped.is_none() {
                self.idle().await;
            }
        }
    }
}
