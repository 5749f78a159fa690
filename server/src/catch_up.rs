//! What Stripe never delivered is fetched: its list of events is read at the start, every hour, and when somebody asks.
//!
//! The store keeps how far the list is read and gives one reader at a time the lease ([`store::CatchUps`]); this is the loop around it.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use domain::delivery::{Endpoint, Endpoints, Sent, Undelivered};
use domain::event::{Envelope, USED_TYPES};
use domain::{Livemode, Timestamp};
use gateway::Gateway;
use serde_json::Value;
use store::Store;
use store::records::{Author, CatchUpClaim, CatchUpPage, Delivery, Fetched};
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::worker::Worker;

/// How often it is looked whether another process was asked.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Fetches what was never delivered; cheap to clone.
#[derive(Clone)]
pub struct CatchUp(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    gateways: Arc<HashMap<Livemode, Arc<dyn Gateway>>>,
    clock: Arc<dyn Clock>,
    worker: Worker,
    owner: String,
    /// The address that Stripe delivers to, as it is registered there.
    address: String,
    asked: Notify,
}

impl CatchUp {
    /// `owner` names this process in leases; `address` is the URL of our webhook.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        gateways: Arc<HashMap<Livemode, Arc<dyn Gateway>>>,
        clock: Arc<dyn Clock>,
        worker: Worker,
        owner: String,
        address: String,
    ) -> Self {
        Self(Arc::new(Inner { store, gateways, clock, worker, owner, address, asked: Notify::new() }))
    }

    /// Asks for the list to be read now, back to what is known or to `since`; with an author it is audited.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ask(
        &self,
        livemode: Livemode,
        since: Option<Timestamp>,
        author: Option<&Author>,
    ) -> store::Result<()> {
        self.0.store.request_catch_up(livemode, since, author, self.0.clock.now()).await?;
        self.0.asked.notify_one();
        Ok(())
    }

    /// Reads what is due now in every mode there is a key for, to the end or to the first failure.
    ///
    /// # Errors
    /// When the database fails. What was not read stays due.
    pub async fn run_once(&self) -> store::Result<()> {
        for livemode in self.0.gateways.keys() {
            while self.page(*livemode).await? {}
        }
        Ok(())
    }

    /// Reads at the start and whenever it is due, until `shutdown`. What is in hand then is read by whoever comes next.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        tokio::select! {
            biased;
            () = shutdown => {}
            () = self.go_on() => {}
        }
    }

    async fn go_on(&self) {
        let modes: Vec<Livemode> = self.0.gateways.keys().copied().collect();
        for livemode in &modes {
            if let Err(error) = self.ask(*livemode, None, None).await {
                tracing::error!(%error, "missed events could not be asked for");
            }
        }
        loop {
            let mut more = false;
            for livemode in &modes {
                more |= self.page(*livemode).await.unwrap_or_else(|error| {
                    tracing::error!(%error, "missed events could not be stored; they are fetched again in a moment");
                    false
                });
            }
            if !more {
                let _ = tokio::time::timeout(LOOK_EVERY, self.0.asked.notified()).await;
            }
        }
    }

    /// Reads the next page, if one is due; whether there was one. What Stripe refuses is noted and tried again later.
    async fn page(&self, livemode: Livemode) -> store::Result<bool> {
        let Some(gateway) = self.0.gateways.get(&livemode) else { return Ok(false) };
        let store = &self.0.store;
        let Some(claim) = store.claim_catch_up(livemode, &self.0.owner, self.0.clock.now()).await? else {
            return Ok(false);
        };
        let failed = match self.read(gateway.as_ref(), &claim).await {
            Ok(page) => {
                let taken = store.take_fetched(&claim, &page, self.0.clock.now()).await?;
                for reason in &taken {
                    crate::metrics::count_fetched(reason.as_str());
                }
                if !taken.is_empty() {
                    tracing::info!(mode = %livemode, events = taken.len(), "fetched events that were never delivered");
                    self.0.worker.wake();
                }
                return Ok(true);
            }
            Err(ReadError::Store(error)) => return Err(error),
            Err(ReadError::Stripe(error)) => error,
        };
        tracing::warn!(mode = %livemode, error = %failed, "Stripe's list of events could not be read");
        // The place is an event of Stripe's list, and the list forgets.
        let place_is_gone = matches!(&failed, gateway::Error::NotFound { .. } | gateway::Error::Refused { .. });
        let restart = claim.after.is_some() && place_is_gone;
        store.fail_catch_up(&claim, &failed.to_string(), restart, self.0.clock.now()).await?;
        Ok(false)
    }

    async fn read(&self, gateway: &dyn Gateway, claim: &CatchUpClaim) -> Result<CatchUpPage, ReadError> {
        let store = &self.0.store;
        let listed = gateway.list_events(claim.since, claim.after.as_deref()).await?;
        let last = listed.events.last().and_then(|event| event["id"].as_str()).map(str::to_owned);
        let mut page = CatchUpPage { next: last.filter(|_| listed.has_more), ..CatchUpPage::default() };
        page.newest =
            listed.events.iter().filter_map(|event| event["created"].as_i64()).max().map(Timestamp::from_secs);
        // What no rule uses is not missed; a log of it would only hide what is.
        let used =
            listed.events.iter().filter(|event| event["type"].as_str().is_some_and(|kind| USED_TYPES.contains(&kind)));
        let events: Vec<(Envelope, &Value)> = used.filter_map(|event| Some((envelope(event)?, event))).collect();
        page.listed = i64::try_from(events.len()).unwrap_or(i64::MAX);
        let ids: Vec<String> = events.iter().map(|(envelope, _)| envelope.id.clone()).collect();
        let missing = store.missing_events(claim.livemode, &ids).await?;
        if missing.is_empty() && claim.after.is_some() {
            return Ok(page);
        }
        let all = endpoints(gateway).await?;
        let endpoints = Endpoints { all: all.as_deref(), ours: &self.0.address };
        page.endpoint = endpoints.registration();
        let mut missing: Vec<(Envelope, &Value)> =
            events.into_iter().filter(|(envelope, _)| missing.contains(&envelope.id)).collect();
        missing.reverse();
        let now = self.0.clock.now();
        let why = |envelope: &Envelope, event: &Value, failed: bool| {
            let pending = event["pending_webhooks"].as_u64().unwrap_or(0);
            endpoints.why(&Sent { kind: &envelope.kind, created: envelope.created, pending }, failed, now)
        };
        let untold = missing.iter().filter(|(envelope, event)| why(envelope, event, false) == Undelivered::Untold);
        let times: Vec<Timestamp> = untold.map(|(envelope, _)| envelope.created).collect();
        let failed: HashSet<String> = match (times.iter().min(), times.iter().max()) {
            (Some(from), Some(until)) => gateway.undelivered_events(*from, *until).await?.into_iter().collect(),
            _ => HashSet::new(),
        };
        let fetched = missing.into_iter().map(|(envelope, event)| Fetched {
            reason: why(&envelope, event, failed.contains(&envelope.id)),
            delivery: Delivery { envelope, payload: event.to_string(), received_at: now, secret_name: None },
        });
        page.missing = fetched.collect();
        Ok(page)
    }
}

#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error(transparent)]
    Stripe(#[from] gateway::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
}

fn envelope(event: &Value) -> Option<Envelope> {
    let read = Envelope::read(event);
    read.inspect_err(
        |missing| tracing::warn!(event_id = %event["id"], %missing, "an event of Stripe's list cannot be read"),
    )
    .ok()
}

/// The account's webhook endpoints; none when the key may not see them, which keeps no event away.
async fn endpoints(gateway: &dyn Gateway) -> Result<Option<Vec<Endpoint>>, gateway::Error> {
    match gateway.webhook_endpoints().await {
        Ok(all) => Ok(Some(all.iter().filter_map(|endpoint| Endpoint::read(endpoint).ok()).collect())),
        Err(gateway::Error::Forbidden { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
