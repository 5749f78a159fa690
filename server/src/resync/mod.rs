//! Works through resyncs: reads Stripe, compares, shows or mends. Everything found waits in the store, so that a restart goes on where the
//! last one was, and a resync that was paused, ended or taken over by another process stops at its next step.

pub mod drift;
mod lists;
mod plan;
mod schedule;

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use domain::evidence::retry_delay_ms;
use domain::{Livemode, Timestamp};
use gateway::Gateway;
use store::Store;
use store::records::{Author, Compared, Purpose, ResyncRecord, ResyncStatus, SyncReport};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::worker::SyncError;

pub use schedule::{Reconcile, Schedule};

/// Customers compared in one transaction: few enough that deliveries do not wait for it.
const COMPARED_AT_ONCE: i64 = 20;
/// Customers read one by one at the same time.
const READ_AT_ONCE: usize = 8;
/// How long it sleeps when there is nothing to do: another process may have begun something.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);
/// A resync that keeps failing is still tried this often.
const SLOWEST_RETRY_MS: i64 = 3_600_000;

/// What stops a resync for a while.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    /// It was paused, ended, or taken over.
    #[error("it is not ours any more")]
    NotOurs,
    /// Stripe could not be asked.
    #[error(transparent)]
    Ask(#[from] SyncError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// Works through resyncs; cheap to clone.
#[derive(Clone)]
pub struct Resyncs(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    gateways: Arc<HashMap<Livemode, Arc<dyn Gateway>>>,
    clock: Arc<dyn Clock>,
    owner: String,
    schedule: Schedule,
    work: Notify,
}

impl Resyncs {
    /// `owner` names this process in leases: unique among all that share the database.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        gateways: Arc<HashMap<Livemode, Arc<dyn Gateway>>>,
        clock: Arc<dyn Clock>,
        owner: String,
        schedule: Schedule,
    ) -> Self {
        Self(Arc::new(Inner { store, gateways, clock, owner, schedule, work: Notify::new() }))
    }

    /// One was begun, or goes on.
    pub fn wake(&self) {
        self.0.work.notify_one();
    }

    /// Works until `shutdown`. A step in hand is broken off: its lease is given back, and the next start goes on.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        tokio::pin!(shutdown);
        loop {
            let work = async {
                if let Err(error) = self.reconcile_when_due().await {
                    tracing::error!(%error, "a reconcile could not be begun");
                }
                match self.work(None).await {
                    Ok(Some(_)) => {}
                    Ok(None) => self.idle().await,
                    Err(error) => {
                        tracing::error!(%error, "a resync stopped; it goes on in a moment");
                        self.idle().await;
                    }
                }
            };
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                () = work => {}
            }
        }
        if let Err(error) = self.0.store.release_resyncs(&self.0.owner, self.0.clock.now()).await {
            tracing::warn!(%error, "the lease of a resync ends by itself");
        }
    }

    async fn idle(&self) {
        tokio::select! {
            () = self.0.work.notified() => {}
            () = tokio::time::sleep(LONGEST_SLEEP) => {}
        }
    }

    /// Takes up the resync named, or whichever is due, and works on it until it rests: over, ready, paused, or stopped by an error that it
    /// notes. The answer is what was taken up.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn work(&self, named: Option<&str>) -> Result<Option<ResyncRecord>, store::Error> {
        let (store, owner) = (&self.0.store, &self.0.owner);
        let Some(resync) = store.claim_resync(named, owner, self.0.clock.now()).await? else { return Ok(None) };
        let id = &resync.resync_id;
        match self.go_on(&resync).await {
            Ok(status) => {
                tracing::info!(resync = id, status = status.as_str(), "a resync rests");
                store.release_resync(id, owner, None, self.0.clock.now()).await?;
                if (resync.new.purpose, status) == (Purpose::Reconcile, ResyncStatus::Done) {
                    self.count(id).await?;
                }
            }
            Err(Stopped::NotOurs) => {}
            Err(Stopped::Store(error)) => return Err(error),
            Err(Stopped::Ask(SyncError::Store(error))) => return Err(error),
            Err(Stopped::Ask(error)) => {
                let now = self.0.clock.now();
                let next_at = Self::retry_at(&resync, &error, now);
                tracing::warn!(resync = id, %error, "a resync waits");
                store.release_resync(id, owner, Some((&error.to_string(), next_at)), now).await?;
            }
        }
        Ok(Some(resync))
    }

    async fn count(&self, resync_id: &str) -> Result<(), store::Error> {
        if let Some((_, counts)) = self.0.store.resync(resync_id).await? {
            for (result, number) in [("same", counts.same), ("differs", counts.differs), ("mended", counts.applied)] {
                crate::metrics::count_compared(result, number);
            }
        }
        Ok(())
    }

    fn retry_at(resync: &ResyncRecord, error: &SyncError, now: Timestamp) -> Timestamp {
        if let SyncError::Stripe(gateway::Error::AllowanceUsed { until, .. }) = error {
            return *until;
        }
        let delay = retry_delay_ms(resync.attempts + 1, &resync.resync_id).unwrap_or(SLOWEST_RETRY_MS);
        now.plus_millis(delay.min(SLOWEST_RETRY_MS))
    }

    async fn go_on(&self, resync: &ResyncRecord) -> Result<ResyncStatus, Stopped> {
        let livemode = resync.new.livemode;
        let gateway = &self.gateway(livemode)?.background();
        let (store, owner, id) = (&self.0.store, &self.0.owner, &resync.resync_id);
        if resync.status == ResyncStatus::Reading {
            self.read_lists(gateway, resync).await?;
        }
        loop {
            store.set_clock_skew(livemode, gateway.clock_skew().unwrap_or(0));
            match store.compare_staged(id, owner, COMPARED_AT_ONCE, self.0.clock.now()).await? {
                // Deliveries wait for the same writer.
                Compared::Customers(_) => tokio::task::yield_now().await,
                Compared::Unread(customers) => self.read_customers(gateway, resync, customers).await?,
                Compared::All(ResyncStatus::Applying) => self.apply(resync).await?,
                Compared::All(status) => return Ok(status),
                Compared::NotOurs => return Err(Stopped::NotOurs),
            }
        }
    }

    async fn read_customers(
        &self,
        gateway: &Arc<dyn Gateway>,
        resync: &ResyncRecord,
        customers: Vec<String>,
    ) -> Result<(), Stopped> {
        let (store, owner, clock) = (&self.0.store, &self.0.owner, &self.0.clock);
        let mut reads = JoinSet::new();
        let mut customers = customers.into_iter();
        let (mut answered, mut failed) = (0, vec![]);
        loop {
            while reads.len() < READ_AT_ONCE
                && let Some(customer_id) = customers.next()
            {
                let (gateway, started_at) = (Arc::clone(gateway), clock.now());
                reads.spawn(async move {
                    let answer = crate::reading::payer(gateway.as_ref(), &customer_id).await;
                    (customer_id, started_at, answer)
                });
            }
            let Some(read) = reads.join_next().await else { break };
            let Ok((customer_id, started_at, answer)) = read else { return Err(Stopped::NotOurs) };
            let found = match answer {
                Ok(snapshot) => {
                    answered += 1;
                    Ok(snapshot)
                }
                // Of one that was deleted Stripe still says so; one that it does not know loses nobody's access.
                Err(gateway::Error::NotFound { .. }) => Err(SyncError::NotFound(customer_id.clone()).to_string()),
                Err(error @ (gateway::Error::Unreadable { .. } | gateway::Error::Refused { .. })) => {
                    Err(error.to_string())
                }
                Err(error) => {
                    failed.push((customer_id, started_at, error));
                    continue;
                }
            };
            let answer = found.as_ref().map_err(String::as_str);
            if !store.stage_customer(&resync.resync_id, owner, &customer_id, answer, started_at, clock.now()).await? {
                return Err(Stopped::NotOurs);
            }
        }
        // Where most others are answered it is that customer's fault, and must not stop the rest for ever.
        let is_outage = failed.len() > answered;
        for (customer_id, started_at, error) in failed {
            if is_outage || !matches!(error, gateway::Error::Unavailable { .. } | gateway::Error::Forbidden { .. }) {
                return Err(SyncError::Stripe(error).into());
            }
            let answer = Err(error.to_string());
            let answer = answer.as_ref().map_err(String::as_str);
            if !store.stage_customer(&resync.resync_id, owner, &customer_id, answer, started_at, clock.now()).await? {
                return Err(Stopped::NotOurs);
            }
        }
        Ok(())
    }

    fn gateway(&self, livemode: Livemode) -> Result<&Arc<dyn Gateway>, SyncError> {
        self.0.gateways.get(&livemode).ok_or(SyncError::NoKey(livemode))
    }

    /// Mends some of what differs.
    async fn apply(&self, resync: &ResyncRecord) -> Result<(), Stopped> {
        let (store, owner, id) = (&self.0.store, &self.0.owner, &resync.resync_id);
        for (customer_id, snapshot, read_at) in store.staged_differences(id, COMPARED_AT_ONCE).await? {
            let now = self.0.clock.now();
            let author = Author::new(&resync.created_by, now).because(resync.reason.as_deref());
            let livemode = resync.new.livemode;
            let applied = match store.lease_customer(livemode, &customer_id, owner, now).await? {
                None => Ok(None),
                Some(claim) => match store.apply_snapshot(&claim, &snapshot, read_at, &author).await {
                    Ok(report) => Ok(Some(report).filter(|report| !report.lease_lost)),
                    Err(error @ store::Error::Inconsistent { .. }) => {
                        store.fail_read(&claim, &error.to_string(), now).await?;
                        Err(error.to_string())
                    }
                    Err(error) => return Err(error.into()),
                },
            };
            if matches!(applied, Ok(None)) {
                // Somebody else reads it, or broke off while it did: it is read anew, and whatever differs is mended by that.
                store.request_read(livemode, &customer_id, now).await?;
            }
            let effects = |report: &'_ Option<SyncReport>| report.as_ref().map(|report| report.effects.clone());
            let applied = applied.as_ref().map(effects);
            let applied = applied.as_ref().map(Option::as_ref).map_err(|error| error.as_str());
            if !store.note_applied(id, owner, &customer_id, applied, self.0.clock.now()).await? {
                return Err(Stopped::NotOurs);
            }
        }
        Ok(())
    }

    /// What reading a customer now would change; nothing is stored.
    ///
    /// # Errors
    /// See [`SyncError`].
    pub async fn preview(&self, livemode: Livemode, customer_id: &str) -> Result<SyncReport, SyncError> {
        let gateway = self.gateway(livemode)?;
        let started_at = self.0.clock.now();
        let snapshot = match crate::reading::payer(gateway.as_ref(), customer_id).await {
            Ok(snapshot) => snapshot,
            Err(gateway::Error::NotFound { .. }) => return Err(SyncError::NotFound(customer_id.to_owned())),
            Err(error) => return Err(error.into()),
        };
        let store = &self.0.store;
        store.set_clock_skew(livemode, gateway.clock_skew().unwrap_or(0));
        Ok(store.preview_snapshot(livemode, customer_id, &snapshot, started_at, self.0.clock.now()).await?)
    }
}
