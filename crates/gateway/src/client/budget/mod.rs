//! When a request may go: under Stripe's limits, those who wait for an answer before work in the background.
//!
//! Stripe counts requests per second, of each endpoint and of the whole account, and all ids of an operation together
//! (docs.stripe.com/rate-limits). The last second is remembered exactly, so that somebody's click after a quiet moment need not wait at
//! all, which a bucket that refills evenly and never allows more could not give. Work in the background goes evenly, leaves a place of
//! every second free, and stands aside while anybody else waits.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::Livemode;
use stripe_client_core::StripeMethod;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// Who waits for an answer of Stripe's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// People, the host application, and what a webhook told of.
    Live,
    /// Resync of many, reconcile: it has time.
    Background,
}

impl Lane {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Live, Self::Background];

    /// The word for storage and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Background => "background",
        }
    }
}

/// Requests a second that Stripe allows; it raises them on request. Each is at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of one endpoint: a method and a route, whatever the ids.
    pub endpoint: usize,
    /// Of the whole account in this mode.
    pub overall: usize,
}

impl Limits {
    /// What every account has. Source: docs.stripe.com/rate-limits.
    #[must_use]
    pub const fn of(livemode: Livemode) -> Self {
        Self { endpoint: 25, overall: if livemode.is_live() { 100 } else { 25 } }
    }
}

/// What the limits speak of.
const SECOND: Duration = Duration::from_secs(1);
/// Requests under way at once. Stripe limits these too and does not say to how many.
const IN_FLIGHT: usize = 64;
/// How many of them may be background's.
const IN_FLIGHT_IN_BACKGROUND: usize = 48;
/// Longest pause after a 429, whatever Stripe says.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// How long nobody asks after Stripe said 429, unless it says longer.
const PAUSE: Duration = SECOND;
/// After this long without another 429 the rate comes back by one step.
const STEP: Duration = Duration::from_secs(2);
/// A rate is halved by each 429, but not more often than this.
const MOST_HALVINGS: u32 = 3;
/// First segments that are no collections but the beginning of their names.
const NAMESPACES: [&str; 3] = ["billing_portal", "checkout", "entitlements"];

/// The rate budget of one account in one mode.
#[derive(Debug)]
pub(super) struct Budget {
    limits: Limits,
    /// How many programs share the account's limits.
    shared_by: AtomicUsize,
    gates: Mutex<Gates>,
    in_flight: Semaphore,
    in_flight_in_background: Semaphore,
    live_waiting: AtomicUsize,
    nobody_waits: Notify,
}

/// A request that is under way; dropping it says that it is over.
#[derive(Debug)]
pub(super) struct Permit<'a> {
    _in_flight: (Option<SemaphorePermit<'a>>, Option<SemaphorePermit<'a>>),
}

#[derive(Debug, Default)]
struct Gates {
    overall: Gate,
    endpoints: HashMap<String, Endpoint>,
}

#[derive(Debug, Default)]
struct Endpoint {
    gate: Gate,
    /// Who is first in each lane: tokio's mutex is handed on in the order of asking.
    lines: [Arc<tokio::sync::Mutex<()>>; 2],
}

impl Budget {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            shared_by: AtomicUsize::new(1),
            gates: Mutex::default(),
            in_flight: Semaphore::new(IN_FLIGHT),
            in_flight_in_background: Semaphore::new(IN_FLIGHT_IN_BACKGROUND),
            live_waiting: AtomicUsize::new(0),
            nobody_waits: Notify::new(),
        }
    }

    /// From now on this many programs ask with the same account; each takes its share.
    pub(super) fn share(&self, programs: usize) {
        self.shared_by.store(programs.max(1), Ordering::Relaxed);
    }

    fn limits(&self) -> Limits {
        let programs = self.shared_by.load(Ordering::Relaxed);
        Limits { endpoint: (self.limits.endpoint / programs).max(1), overall: (self.limits.overall / programs).max(1) }
    }

    /// Waits until a request to this endpoint may go.
    pub(super) async fn permit(&self, lane: Lane, endpoint: &str) -> Permit<'_> {
        let _waiting = (lane == Lane::Live).then(|| Waiting::new(self));
        let line = Arc::clone(&self.gates().endpoint(endpoint).lines[lane as usize]);
        let _first = line.lock().await;
        // Nobody closes these, which is their only error.
        let ours = match lane {
            Lane::Live => None,
            Lane::Background => self.in_flight_in_background.acquire().await.ok(),
        };
        let in_flight = self.in_flight.acquire().await.ok();
        loop {
            let nobody_waits = self.nobody_waits.notified();
            tokio::pin!(nobody_waits);
            nobody_waits.as_mut().enable();
            if lane == Lane::Background && self.live_waiting.load(Ordering::SeqCst) > 0 {
                nobody_waits.await;
                continue;
            }
            let pass = self.gates().pass(lane, endpoint, self.limits(), Instant::now());
            match pass {
                Ok(()) => return Permit { _in_flight: (ours, in_flight) },
                Err(at) => tokio::time::sleep_until(at).await,
            }
        }
    }

    /// Stripe said 429 to a request of this endpoint, with its `Stripe-Rate-Limited-Reason`. Without one it is about a lock on an object
    /// (docs.stripe.com/rate-limits#object-lock-timeouts), which going slower would not help.
    pub(super) fn limited(&self, endpoint: &str, reason: Option<&str>, asked: Option<Duration>) {
        let Some(reason) = reason.filter(|reason| reason.contains('-')) else { return };
        let mut gates = self.gates();
        let gate = if reason.starts_with("global") { &mut gates.overall } else { &mut gates.endpoint(endpoint).gate };
        // A word of hours is an error for who asked, and no reason to let everybody wait as long.
        gate.slow_down(Instant::now(), asked.unwrap_or_default().clamp(PAUSE, LONGEST_PAUSE));
    }

    fn gates(&self) -> MutexGuard<'_, Gates> {
        // Nothing in here can panic half-way.
        self.gates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gates {
    fn endpoint(&mut self, name: &str) -> &mut Endpoint {
        self.endpoints.entry(name.to_owned()).or_default()
    }

    /// Lets a request through both gates, or says when to ask again.
    fn pass(&mut self, lane: Lane, endpoint: &str, limits: Limits, now: Instant) -> Result<(), Instant> {
        let overall = self.overall.opens(lane, limits.overall, now);
        let gate = &mut self.endpoint(endpoint).gate;
        let at = gate.opens(lane, limits.endpoint, now).max(overall);
        if at > now {
            return Err(at);
        }
        gate.let_through(lane, limits.endpoint, now);
        self.overall.let_through(lane, limits.overall, now);
        Ok(())
    }
}

/// What goes by under one limit.
#[derive(Debug, Default)]
struct Gate {
    /// The newest requests, as many as the limit, oldest first.
    sent: VecDeque<Instant>,
    /// When the next of the background's goes, so that they go evenly.
    next_in_background: Option<Instant>,
    /// Until when nobody goes, and how often the rate is halved from then on.
    slowed: Option<(Instant, u32)>,
}

impl Gate {
    /// How many a second may go at this moment.
    fn allowed(&self, lane: Lane, limit: usize, now: Instant) -> usize {
        let limit = (limit >> self.halvings(now)).max(1);
        match lane {
            Lane::Live => limit,
            // One of 25 stays free for who comes unexpectedly.
            Lane::Background => (limit - limit.div_ceil(25)).max(1),
        }
    }

    fn halvings(&self, now: Instant) -> u32 {
        let Some((until, halvings)) = self.slowed else { return 0 };
        let steps = now.saturating_duration_since(until).as_millis() / STEP.as_millis();
        halvings.saturating_sub(u32::try_from(steps).unwrap_or(u32::MAX))
    }

    /// When a request may go: now, or a later time to ask again.
    fn opens(&self, lane: Lane, limit: usize, now: Instant) -> Instant {
        let paused = self.slowed.map(|(until, _)| until);
        let oldest = self.sent.len().checked_sub(self.allowed(lane, limit, now)).and_then(|at| self.sent.get(at));
        let next = self.next_in_background.filter(|_| lane == Lane::Background);
        [paused, oldest.map(|sent| *sent + SECOND), next].into_iter().flatten().fold(now, Instant::max)
    }

    fn let_through(&mut self, lane: Lane, limit: usize, now: Instant) {
        if lane == Lane::Background {
            let apart = SECOND / u32::try_from(self.allowed(lane, limit, now)).unwrap_or(u32::MAX);
            // Timers ring late: one that did may be made up for.
            let due = self.next_in_background.filter(|next| *next + apart > now).unwrap_or(now);
            self.next_in_background = Some(due + apart);
        }
        while self.sent.len() >= limit {
            self.sent.pop_front();
        }
        self.sent.push_back(now);
    }

    fn slow_down(&mut self, now: Instant, pause: Duration) {
        let until = now + pause;
        self.slowed = match self.slowed {
            // Several that were under way together are told the same.
            Some((paused, halvings)) if paused > now => Some((paused.max(until), halvings)),
            _ => Some((until, (self.halvings(now) + 1).min(MOST_HALVINGS))),
        };
    }
}

/// Somebody of the live lane waits, for as long as this is held.
struct Waiting<'a>(&'a Budget);

impl<'a> Waiting<'a> {
    fn new(budget: &'a Budget) -> Self {
        budget.live_waiting.fetch_add(1, Ordering::SeqCst);
        Self(budget)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.0.live_waiting.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.nobody_waits.notify_waiters();
        }
    }
}

/// What Stripe counts together: the method and the route with its ids taken out, such as `GET /customers/:id`.
pub(super) fn endpoint(method: StripeMethod, path: &str) -> String {
    let mut endpoint = match method {
        StripeMethod::Get => "GET ",
        StripeMethod::Post => "POST ",
        StripeMethod::Delete => "DELETE ",
    }
    .to_owned();
    // Collections and ids take turns; ids of products and old plans may be any text.
    let mut is_id = false;
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        endpoint.push('/');
        endpoint.push_str(if is_id { ":id" } else { segment });
        is_id = !is_id && !NAMESPACES.contains(&segment);
    }
    endpoint
}

#[cfg(test)]
mod tests;
