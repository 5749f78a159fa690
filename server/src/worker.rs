//! Events become state, and customers are read from Stripe: the loop around the store's transactions.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use domain::Livemode;
use domain::stripe::checkout_session::is_guest;
use gateway::Gateway;
use store::Store;
use store::records::{Author, Lookup, ProductClaim, ProductSnapshot, ReadClaim, Snapshot, SyncReport};
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::webhook::Intake;

/// Events in one transaction: enough to share a commit, few enough that deliveries do not wait for it.
const EVENTS_AT_ONCE: i64 = 25;
/// How long processing gives way to deliveries between two rounds.
const LONGEST_WAY: Duration = Duration::from_millis(50);
/// Customers read from Stripe at the same time.
const READS_AT_ONCE: i64 = 4;
/// Subscriptions without news that are doubted in one round.
const OVERDUE_AT_ONCE: i64 = 100;
/// Products read in one round: they are few, and customers come first.
const PRODUCTS_AT_ONCE: i64 = 2;
/// The longest sleep: other processes put work in line too.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);
/// How far this process's memory may be behind what other processes committed.
const FOLLOW_EVERY: Duration = Duration::from_millis(100);
/// How long a person's resync waits for a read that is under way already.
const WAIT_FOR_LEASE: u32 = 100;

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

struct Inner {
    store: Arc<dyn Store>,
    gateways: Arc<HashMap<Livemode, Arc<dyn Gateway>>>,
    clock: Arc<dyn Clock>,
    owner: String,
    work: Notify,
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
        Self(Arc::new(Inner { store, gateways, clock, owner, work: Notify::new() }))
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
        while self.round().await? {}
        Ok(())
    }

    /// Some of what is due; whether there was anything.
    async fn round(&self) -> Result<bool, store::Error> {
        let round = self.0.store.process_due(self.0.clock.now(), EVENTS_AT_ONCE).await?;
        // What still waits in line may be the word that is missing.
        let overdue = match round.events {
            0 => self.0.store.doubt_overdue(self.0.clock.now(), OVERDUE_AT_ONCE).await?,
            _ => 0,
        };
        let lookups = self.look_up().await?;
        let claims = self.0.store.claim_reads(&self.0.owner, self.0.clock.now(), READS_AT_ONCE).await?;
        crate::metrics::count_events("failed", round.failed as u64);
        crate::metrics::count_events("taken", (round.events - round.failed) as u64);
        let products = self.0.store.claim_products(&self.0.owner, self.0.clock.now(), PRODUCTS_AT_ONCE).await?;
        let any = round.events > 0 || overdue > 0 || lookups > 0 || !claims.is_empty() || !products.is_empty();
        let reads: Vec<_> = claims
            .into_iter()
            .map(|claim| {
                let worker = self.clone();
                tokio::spawn(async move { worker.read(&claim, &Author::system(worker.0.clock.now())).await })
            })
            .collect();
        let products: Vec<_> = products
            .into_iter()
            .map(|claim| {
                let worker = self.clone();
                tokio::spawn(async move { worker.read_product(&claim).await })
            })
            .collect();
        for read in products {
            match read.await {
                Ok(read) => read?,
                Err(error) => tracing::error!(%error, "a read broke off; its lease ends by itself"),
            }
        }
        for read in reads {
            match read.await {
                Ok(Ok(_) | Err(SyncError::Stripe(_))) => {}
                Ok(Err(SyncError::Store(error))) => return Err(error),
                Ok(Err(error)) => tracing::warn!(%error, "a customer was not read"),
                Err(error) => tracing::error!(%error, "a read broke off; its lease ends by itself"),
            }
        }
        Ok(any)
    }

    /// Asks whose the objects of some thin events are; of how many.
    async fn look_up(&self) -> Result<usize, store::Error> {
        let lookups = self.0.store.claim_lookups(self.0.clock.now(), READS_AT_ONCE).await?;
        let asked: Vec<_> = lookups
            .into_iter()
            .map(|lookup| {
                let worker = self.clone();
                tokio::spawn(async move { worker.answer_lookup(&lookup).await })
            })
            .collect();
        let count = asked.len();
        for answer in asked {
            match answer.await {
                Ok(answered) => answered?,
                Err(error) => tracing::error!(%error, "a lookup broke off; its lease ends by itself"),
            }
        }
        Ok(count)
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

    /// Works until `shutdown`, then finishes the round in hand; the rest stays in line for the next start.
    pub async fn run(self, intake: Intake, shutdown: impl Future<Output = ()>) {
        let follower = tokio::spawn(follow(Arc::clone(&self.0.store)));
        tokio::pin!(shutdown);
        loop {
            let more = self.round().await.unwrap_or_else(|error| {
                tracing::error!(%error, "processing stopped; it goes on in a moment");
                false
            });
            let rest = async {
                if more {
                    give_way(&intake).await;
                } else {
                    self.idle().await;
                }
            };
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                () = rest => {}
            }
        }
        follower.abort();
    }

    /// Sleeps until something is due, or put in line.
    async fn idle(&self) {
        let mut sleep = LONGEST_SLEEP;
        if let Ok(Some(due)) = self.0.store.next_due().await {
            let millis = u64::try_from(due.millis() - self.0.clock.now().millis()).unwrap_or(0);
            sleep = sleep.min(Duration::from_millis(millis.max(5)));
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
        if !self.0.gateways.contains_key(&livemode) {
            return Err(SyncError::NoKey(livemode));
        }
        for _ in 0..WAIT_FOR_LEASE {
            if let Some(claim) =
                self.0.store.claim_read(livemode, customer_id, &self.0.owner, self.0.clock.now()).await?
            {
                let report = self.read(&claim, author).await?;
                self.wake();
                return Ok(report);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(SyncError::Busy(customer_id.to_owned()))
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

    /// Reads the customer of a Checkout Session, or a guest's session by itself: what a success page asks for, so that access does not wait for a webhook.
    ///
    /// # Errors
    /// See [`SyncError`]; `NotFound` also when the session has no customer (yet).
    pub async fn resync_checkout(
        &self,
        livemode: Livemode,
        session_id: &str,
        author: &Author,
    ) -> Result<SyncReport, SyncError> {
        let gateway = self.0.gateways.get(&livemode).ok_or(SyncError::NoKey(livemode))?;
        let session = gateway.checkout_session(session_id).await?;
        let session = crate::lookup::read_session(&session, &self.0.store.options().metadata_keys)?;
        let payer = session.payer_id().ok_or_else(|| SyncError::NotFound(format!("customer of {session_id}")))?;
        self.resync(livemode, payer, author).await
    }

    /// Reads a product and the features it carries. What Stripe refuses is noted and tried again later.
    async fn read_product(&self, claim: &ProductClaim) -> Result<(), store::Error> {
        let Some(gateway) = self.0.gateways.get(&claim.livemode) else { return Ok(()) };
        let started_at = self.0.clock.now();
        let failed = match read_product(gateway.as_ref(), &claim.product_id).await {
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
        let snapshot = match read_payer(gateway.as_ref(), &claim.customer_id).await {
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

/// Everything about a customer or, for a guest, about the Checkout Session that stands in for one.
async fn read_payer(gateway: &dyn Gateway, payer_id: &str) -> Result<Snapshot, gateway::Error> {
    if is_guest(payer_id) {
        let read = gateway.checkout(payer_id).await?;
        let checkout_sessions = vec![read.session];
        return Ok(Snapshot {
            checkout_sessions,
            charges: read.charges,
            disputes: read.disputes,
            ..Snapshot::default()
        });
    }
    let read = gateway.customer(payer_id).await?;
    Ok(Snapshot {
        customer: Some(read.customer),
        subscriptions: read.subscriptions,
        checkout_sessions: read.checkout_sessions,
        invoices: read.invoices,
        charges: read.charges,
        disputes: read.disputes,
        entitlements: read.entitlements,
    })
}

/// A product with its prices and the features it carries.
async fn read_product(gateway: &dyn Gateway, id: &str) -> Result<ProductSnapshot, gateway::Error> {
    match gateway.product(id).await {
        Ok(product) if product["deleted"] != true => {
            let (features, prices) = tokio::try_join!(gateway.product_features(id), gateway.product_prices(id))?;
            Ok(ProductSnapshot { product: Some(product), features, prices })
        }
        Ok(_) | Err(gateway::Error::NotFound { .. }) => Ok(ProductSnapshot::default()),
        Err(error) => Err(error),
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
    let mut ticks = tokio::time::interval(FOLLOW_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = store.refresh_index().await {
            tracing::warn!(%error, "changes of other processes could not be read");
        }
    }
}
