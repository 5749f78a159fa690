//! Events become state, and customers are read from Stripe: the loop around the store's transactions.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use domain::Livemode;
use gateway::Gateway;
use store::Store;
use store::records::{Author, Lookup, ProductClaim, ReadClaim, SyncReport};
use tokio::sync::Notify;
use tokio::task::{JoinError, JoinSet};

use crate::clock::Clock;
use crate::webhook::Intake;

/// Events in one transaction: enough to share a commit, few enough that deliveries do not wait for it.
const EVENTS_AT_ONCE: i64 = 25;
/// How long processing gives way to deliveries between two rounds.
const LONGEST_WAY: Duration = Duration::from_millis(50);
/// Customers, objects and products that Stripe is asked for at the same time.
const ASKED_AT_ONCE: usize = 8;
/// Subscriptions without news that are doubted in one round.
const OVERDUE_AT_ONCE: i64 = 100;
/// Products of which reads begin in one round: they are few, and customers come first.
const PRODUCTS_AT_ONCE: i64 = 2;
/// How long answers of Stripe's are waited for once the program was told to stop.
const LAST_ANSWERS: Duration = Duration::from_secs(10);
/// The longest sleep: other processes put work in line too.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);
/// How long a person's resync waits for a read that is under way already.
const WAIT_FOR_LEASE: Duration = Duration::from_secs(5);

/// Why a resync did not happen.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// There is no Stripe key for the mode.
    #[error("there is no Stripe API key for {0} mode: set STRIPE_SECRET_KEY")]
    NoKey(Livemode),
    /// Somebody else is reading this customer, and does not finish.
    #[error("{0} is being read from Stripe already; try again in a moment")]
    Busy(String),
    /// Neither Stripe nor we know it.
    #[error("Stripe knows no {0} in this mode")]
    NotFound(String),
    /// Stripe said no, or nothing.
    #[error(transparent)]
    Stripe(#[from] gateway::Error),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// Processes events and reads customers; cheap to clone.
#[derive(Clone)]
pub struct Worker(Arc<Inner>);

/// What Stripe is being asked.
#[derive(Default)]
struct Asking {
    reads: JoinSet<Result<(), store::Error>>,
    /// Whether an answer was taken in since somebody looked: it may have put something in line.
    answered: bool,
}

impl Asking {
    /// How many more may be asked; what was answered makes room.
    fn room(&mut self) -> Result<i64, store::Error> {
        while let Some(ended) = self.reads.try_join_next() {
            self.answered = true;
            Self::ended(ended)?;
        }
        Ok(i64::try_from(ASKED_AT_ONCE.saturating_sub(self.reads.len())).unwrap_or(0))
    }

    fn is_full(&self) -> bool {
        self.reads.len() >= ASKED_AT_ONCE
    }

    /// Waits for an answer to be taken in; `false` when nothing is asked.
    async fn next(&mut self) -> Result<bool, store::Error> {
        match self.reads.join_next().await {
            None => Ok(false),
            Some(ended) => Self::ended(ended).map(|()| true),
        }
    }

    /// Waits for an answer to be taken in, for ever when nothing is asked.
    async fn answered(&mut self) {
        match self.next().await {
            Ok(true) => {}
            Ok(false) => std::future::pending().await,
            Err(error) => tracing::error!(%error, "an answer could not be stored; Stripe is asked again"),
        }
    }

    fn ended(ended: Result<Result<(), store::Error>, JoinError>) -> Result<(), store::Error> {
        ended.unwrap_or_else(|error| {
            tracing::error!(%error, "a read broke off; its lease ends by itself");
            Ok(())
        })
    }
}

struct Inner {
    store: Arc<dyn Store>,
    gateways: Arc<HashMap<Livemode, Arc<dyn Gateway>>>,
    clock: Arc<dyn Clock>,
    owner: String,
    work: Notify,
    /// The clock when it was last looked at, in milliseconds.
    looked_at: AtomicI64,
}

impl Worker {
    /// `owner` names this process in leases: unique among all that share the database.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        gateways: Arc<HashMap<Livemode, Arc<dyn Gateway>>>,
        clock: Arc<dyn Clock>,
        owner: String,
    ) -> Self {
        Self(Arc::new(Inner {
            store,
            gateways,
            clock,
            owner,
            work: Notify::new(),
            looked_at: AtomicI64::new(i64::MAX),
        }))
    }

    /// Something was put in line.
    pub fn wake(&self) {
        self.0.work.notify_one();
    }

    /// Does all that is due now; returns when nothing is left.
    ///
    /// # Errors
    /// When the database fails. What was not done stays in line.
    pub async fn run_once(&self) -> Result<(), store::Error> {
        let mut asking = Asking::default();
        while self.round(&mut asking).await? || asking.next().await? {}
        Ok(())
    }

    /// Some of what is due; whether there was anything. Stripe is asked beside the rounds, so that a slow answer keeps no event waiting.
    async fn round(&self, asking: &mut Asking) -> Result<bool, store::Error> {
        let store = &self.0.store;
        // One thing for the watchdog: who waits for the database goes round as well.
        let round = async {
            self.look_at_the_clock().await?;
            store.process_due(self.0.clock.now(), EVENTS_AT_ONCE).await
        };
        let round = crate::serve::pulse::round(round).await?;
        crate::metrics::count_events("failed", round.failed as u64);
        crate::metrics::count_events("taken", (round.events - round.failed) as u64);
        // What still waits in line may be the word that is missing.
        let overdue = match round.events {
            0 => store.doubt_overdue(self.0.clock.now(), OVERDUE_AT_ONCE).await?,
            _ => 0,
        };
        Ok(self.ask(asking).await? || round.events > 0 || overdue > 0)
    }

    /// After a clock was set back, and once after the start, which may be after that.
    async fn look_at_the_clock(&self) -> Result<(), store::Error> {
        let now = self.0.clock.now();
        if now.millis() < self.0.looked_at.load(Ordering::Relaxed) {
            let moved = self.0.store.bring_forward(now).await?;
            if moved > 0 {
                tracing::warn!(moved, "the clock was set back: what was planned by it is done now");
            }
        }
        self.0.looked_at.store(now.millis(), Ordering::Relaxed);
        Ok(())
    }

    /// Begins to ask Stripe what has to be asked, as far as there is room; whether there was anything.
    async fn ask(&self, asking: &mut Asking) -> Result<bool, store::Error> {
        let (store, owner) = (&self.0.store, &self.0.owner);
        let mut begun = false;
        // Whose an event is comes before what a customer has, and both before the catalog.
        let room = asking.room()?;
        if room > 0 {
            for lookup in store.claim_lookups(self.0.clock.now(), room).await? {
                let worker = self.clone();
                asking.reads.spawn(async move { worker.answer_lookup(&lookup).await });
                begun = true;
            }
        }
        let room = asking.room()?;
        if room > 0 {
            for claim in store.claim_reads(owner, self.0.clock.now(), room).await? {
                let worker = self.clone();
                asking.reads.spawn(async move { worker.read_due(&claim).await });
                begun = true;
            }
        }
        let room = asking.room()?.min(PRODUCTS_AT_ONCE);
        if room > 0 {
            for claim in store.claim_products(owner, self.0.clock.now(), room).await? {
                let worker = self.clone();
                asking.reads.spawn(async move { worker.read_product(&claim).await });
                begun = true;
            }
        }
        Ok(begun || std::mem::take(&mut asking.answered))
    }

    /// A read that nobody waits for: what Stripe refuses is noted and tried again later.
    async fn read_due(&self, claim: &ReadClaim) -> Result<(), store::Error> {
        match self.read(claim, &Author::system(self.0.clock.now())).await {
            Ok(_) | Err(SyncError::Stripe(_)) => {}
            Err(SyncError::Store(error)) => return Err(error),
            Err(error) => tracing::warn!(%error, "a customer was not read"),
        }
        Ok(())
    }

    async fn answer_lookup(&self, lookup: &Lookup) -> Result<(), store::Error> {
        let store = &self.0.store;
        let Some(gateway) = self.0.gateways.get(&lookup.livemode) else {
            let error = SyncError::NoKey(lookup.livemode).to_string();
            return store.fail_lookup(lookup, &error, self.0.clock.now()).await;
        };
        let started_at = self.0.clock.now();
        match crate::lookup::find(gateway.as_ref(), &lookup.object, &store.options().metadata_keys).await {
            Ok(found) => match self
                .with_skew(gateway.as_ref())
                .apply_lookup(lookup, &found, started_at, self.0.clock.now())
                .await
            {
                Err(error @ store::Error::Inconsistent { .. }) => {
                    store.fail_lookup(lookup, &error.to_string(), self.0.clock.now()).await
                }
                applied => applied,
            },
            Err(error) => {
                tracing::warn!(object = lookup.object.id, %error, "Stripe could not be asked");
                store.fail_lookup(lookup, &error.to_string(), self.0.clock.now()).await
            }
        }
    }

    /// Works until `shutdown`, then finishes the round in hand and what Stripe is being asked; the rest stays in line for the next start.
    pub async fn run(self, intake: Intake, shutdown: impl Future<Output = ()>) {
        let follower = tokio::spawn(follow(Arc::clone(&self.0.store)));
        let mut asking = Asking::default();
        tokio::pin!(shutdown);
        loop {
            let more = self.round(&mut asking).await.unwrap_or_else(|error| {
                tracing::error!(%error, "processing stopped; it goes on in a moment");
                false
            });
            let rest = async {
                if more {
                    give_way(&intake).await;
                } else {
                    let full = asking.is_full();
                    tokio::select! {
                        () = self.idle(full) => {}
                        () = asking.answered() => {}
                    }
                }
            };
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                () = rest => {}
            }
        }
        let last = async { while !matches!(asking.next().await, Ok(false)) {} };
        if tokio::time::timeout(LAST_ANSWERS, last).await.is_err() {
            tracing::warn!("Stripe had not answered after {LAST_ANSWERS:?}; it is asked again after the next start");
        }
        follower.abort();
    }

    /// Sleeps until something is due, or put in line. What waits for Stripe is not due before an answer makes room.
    async fn idle(&self, full: bool) {
        let mut sleep = LONGEST_SLEEP;
        let shortest = if full { 250 } else { 5 };
        if let Ok(Some(due)) = self.0.store.next_due().await {
            let millis = u64::try_from(due.millis() - self.0.clock.now().millis()).unwrap_or(0);
            sleep = sleep.min(Duration::from_millis(millis.max(shortest)));
        }
        tokio::select! {
            () = self.0.work.notified() => {}
            () = tokio::time::sleep(sleep) => {}
        }
    }

    /// Reads one customer from Stripe now and makes the store agree.
    ///
    /// # Errors
    /// See [`SyncError`].
    pub async fn resync(
        &self,
        livemode: Livemode,
        customer_id: &str,
        author: &Author,
    ) -> Result<SyncReport, SyncError> {
        self.resync_within(livemode, customer_id, author, WAIT_FOR_LEASE).await
    }

    /// The same, waiting no longer than `patience` for a read that is under way already.
    ///
    /// # Errors
    /// See [`SyncError`].
    pub async fn resync_within(
        &self,
        livemode: Livemode,
        customer_id: &str,
        author: &Author,
        patience: Duration,
    ) -> Result<SyncReport, SyncError> {
        if !self.0.gateways.contains_key(&livemode) {
            return Err(SyncError::NoKey(livemode));
        }
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            if let Some(claim) =
                self.0.store.claim_read(livemode, customer_id, &self.0.owner, self.0.clock.now()).await?
            {
                let report = self.read(&claim, author).await?;
                self.wake();
                return Ok(report);
            }
            if tokio::time::Instant::now() >= deadline {
                return Err(SyncError::Busy(customer_id.to_owned()));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Reads every customer of a user.
    ///
    /// # Errors
    /// The first that failed; the ones before it are done.
    pub async fn resync_user(
        &self,
        livemode: Livemode,
        user_id: &str,
        author: &Author,
    ) -> Result<Vec<SyncReport>, SyncError> {
        let mut reports = vec![];
        for mapping in self.0.store.mappings_of(livemode, user_id).await? {
            reports.push(self.resync(livemode, &mapping.customer_id, author).await?);
        }
        Ok(reports)
    }

    /// Reads a product and the features it carries. What Stripe refuses is noted and tried again later.
    async fn read_product(&self, claim: &ProductClaim) -> Result<(), store::Error> {
        let Some(gateway) = self.0.gateways.get(&claim.livemode) else { return Ok(()) };
        let started_at = self.0.clock.now();
        let failed = match crate::reading::product(gateway.as_ref(), &claim.product_id).await {
            Ok(answer) => match self
                .with_skew(gateway.as_ref())
                .apply_product(claim, &answer, started_at, self.0.clock.now())
                .await
            {
                Ok(_) => return Ok(()),
                Err(error @ store::Error::Inconsistent { .. }) => error.to_string(),
                Err(error) => return Err(error),
            },
            Err(error) => error.to_string(),
        };
        tracing::warn!(product = claim.product_id, error = failed, "a product could not be read from Stripe");
        self.0.store.fail_product(claim, &failed, self.0.clock.now()).await
    }

    /// The store, which dates an answer by Stripe's clock.
    fn with_skew(&self, gateway: &dyn Gateway) -> &dyn Store {
        self.0.store.set_clock_skew(gateway.livemode(), gateway.clock_skew().unwrap_or(0));
        self.0.store.as_ref()
    }

    async fn read(&self, claim: &ReadClaim, author: &Author) -> Result<SyncReport, SyncError> {
        let Some(gateway) = self.0.gateways.get(&claim.livemode) else { return Err(SyncError::NoKey(claim.livemode)) };
        let started_at = self.0.clock.now();
        let snapshot = match crate::reading::payer(gateway.as_ref(), &claim.customer_id).await {
            Ok(read) => read,
            Err(error) => {
                if matches!(error, gateway::Error::NotFound { .. })
                    && self
                        .0
                        .store
                        .customer(claim.livemode, &claim.customer_id)
                        .await?
                        .is_none_or(|customer| customer.last_event_at.is_none() && customer.synced_at.is_none())
                {
                    // Nobody ever told us of it: a mistyped id must not be asked for again and again.
                    let error = SyncError::NotFound(claim.customer_id.clone());
                    self.0.store.forget_unknown_customer(claim.livemode, &claim.customer_id).await?;
                    return Err(error);
                }
                // Of a customer that was deleted Stripe still says so (docs.stripe.com/api/customers/retrieve). One that it does not
                // know is another account's, as after a change of the key: nobody loses access by that.
                tracing::warn!(customer = claim.customer_id, %error, "Stripe could not be read");
                self.0.store.fail_read(claim, &error.to_string(), self.0.clock.now()).await?;
                return Err(error.into());
            }
        };
        let author = Author { now: self.0.clock.now(), ..author.clone() };
        match self.with_skew(gateway.as_ref()).apply_snapshot(claim, &snapshot, started_at, &author).await {
            Ok(report) => Ok(report),
            // Stripe's answer cannot be read: like any failed read it is tried again, and shown.
            Err(error @ store::Error::Inconsistent { .. }) => {
                self.0.store.fail_read(claim, &error.to_string(), self.0.clock.now()).await?;
                Err(error.into())
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Deliveries go first, Stripe waits for their answer; but not for ever, or a flood of them would keep every one from taking effect.
async fn give_way(intake: &Intake) {
    let began = tokio::time::Instant::now();
    while intake.is_busy() && began.elapsed() < LONGEST_WAY {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Keeps the memory of access checks in step with what other processes commit.
async fn follow(store: Arc<dyn Store>) {
    loop {
        if let Err(error) = store.refresh_index().await {
            tracing::warn!(%error, "changes of other processes could not be read");
        }
        store.next_change().await;
    }
}
