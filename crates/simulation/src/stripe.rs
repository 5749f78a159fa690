//! Stripe with its own clock: holds the customers, turns every change of them into events, and remembers how each one was when.

use fastrand::Rng;
use serde_json::Value;

use crate::events::{Event, body, difference};
use crate::model::{Customer, Session, Subscription};
use crate::payload::{self, Version};

/// Where histories begin: 2026-09-01T00:00:00Z, in milliseconds.
pub const START: i64 = 1_788_220_800_000;

/// What a history may contain.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// Subscriptions with more items than a payload embeds: only a read tells what they give.
    pub long_lists: bool,
    /// Two Events for one change (docs.stripe.com/webhooks).
    pub twins: bool,
    /// Checkouts in mode `payment` that make no invoice: only a read tells what they sell.
    pub line_items: bool,
}

/// One history's Stripe.
#[derive(Debug)]
pub struct Stripe {
    pub(crate) rng: Rng,
    pub(crate) scope: Scope,
    /// Prefix of every id, so that many histories share a store.
    pub(crate) prefix: String,
    /// Milliseconds.
    pub(crate) now: i64,
    pub(crate) version: Version,
    pub(crate) customers: Vec<Customer>,
    /// All events so far, in the order they happened.
    pub events: Vec<Event>,
    /// Each customer as it was since when.
    pub versions: Vec<Vec<(i64, Customer)>>,
    /// What happened, in words.
    pub steps: Vec<(i64, String)>,
    made: u32,
}

impl Stripe {
    /// An empty account.
    #[must_use]
    pub fn new(mut rng: Rng, prefix: String, scope: Scope) -> Self {
        let version = [Version::Acacia, Version::Basil, Version::Clover][rng.usize(..3)];
        Self {
            rng,
            scope,
            prefix,
            now: START,
            version,
            customers: vec![],
            events: vec![],
            versions: vec![],
            steps: vec![],
            made: 0,
        }
    }

    /// Whole seconds of the clock.
    pub(crate) const fn secs(&self) -> i64 {
        self.now.div_euclid(1000)
    }

    /// True in `percent` of cases.
    pub(crate) fn chance(&mut self, percent: u32) -> bool {
        self.rng.u32(..100) < percent
    }

    /// A new id.
    pub(crate) fn id(&mut self, kind: &str) -> String {
        self.made += 1;
        format!("{kind}_{}n{}", self.prefix, self.made)
    }

    pub(crate) fn note(&mut self, step: impl Into<String>) {
        self.steps.push((self.now, step.into()));
    }

    pub(crate) fn sub(&self, at: (usize, usize)) -> &Subscription {
        &self.customers[at.0].subscriptions[at.1]
    }

    /// The customer's newest state becomes part of what reads may answer.
    pub(crate) fn remember(&mut self, customer: usize) {
        let state = (self.now, self.customers[customer].clone());
        if customer == self.versions.len() {
            self.versions.push(vec![state]);
        } else {
            self.versions[customer].push(state);
        }
    }

    pub(crate) fn emit(&mut self, kind: &str, customer: usize, claims: bool, object: Value, previous: Option<Value>) {
        let copies = if self.scope.twins && self.chance(2) { 2 } else { 1 };
        for _ in 0..copies {
            // Ids in no order of time: who settles a tie by them is found out.
            let id = format!("evt_{}r{:08x}", self.prefix, self.rng.u32(..));
            let (envelope, payload) = body(&id, kind, self.now, self.version, &object, previous.as_ref());
            let (at, kind, previous) = (self.now, kind.to_owned(), previous.clone());
            self.events.push(Event { id, kind, at, customer, claims, envelope, payload, previous });
        }
    }

    fn shown(&self, at: (usize, usize)) -> Value {
        payload::subscription(self.sub(at), &self.customers[at.0].id, self.version, false)
    }

    /// Changes a subscription, with `customer.subscription.updated` when anything of it shows.
    pub(crate) fn update(&mut self, at: (usize, usize), step: &str, change: impl FnOnce(&mut Subscription)) {
        let before = self.shown(at);
        let now = self.secs();
        let sub = &mut self.customers[at.0].subscriptions[at.1];
        change(sub);
        sub.touched = now;
        // What is set to end with the period follows the period.
        let period_end = sub.period_end();
        if let Some(ending) = sub.ending.as_mut().filter(|ending| ending.with_period) {
            ending.at = period_end;
        }
        let after = self.shown(at);
        let id = &self.sub(at).id;
        self.steps.push((self.now, format!("{id}: {step}")));
        self.remember(at.0);
        if before != after {
            let previous = difference(&before, &after);
            let claims = self.sub(at).claim.is_some();
            self.emit("customer.subscription.updated", at.0, claims, after, Some(previous));
        }
    }

    /// An event about a subscription that carries its state as it is.
    pub(crate) fn tell(&mut self, at: (usize, usize), verb: &str) {
        let (object, claims) = (self.shown(at), self.sub(at).claim.is_some());
        self.note(format!("{}: {verb}", self.sub(at).id));
        self.remember(at.0);
        self.emit(&format!("customer.subscription.{verb}"), at.0, claims, object, None);
    }

    /// Changes a customer, with `customer.updated`.
    pub(crate) fn update_customer(&mut self, customer: usize, step: &str, change: impl FnOnce(&mut Customer)) {
        let before = payload::customer(&self.customers[customer]);
        change(&mut self.customers[customer]);
        let after = payload::customer(&self.customers[customer]);
        self.note(format!("{}: {step}", self.customers[customer].id));
        self.remember(customer);
        let (previous, claims) = (difference(&before, &after), self.customers[customer].claim.is_some());
        self.emit("customer.updated", customer, claims, after, Some(previous));
    }

    /// An event about a Checkout Session; an expired one names nobody who bought anything.
    pub(crate) fn tell_session(&mut self, customer: usize, session: &Session, verb: &str) {
        let object = payload::session(session, &self.customers[customer].id);
        let claims = session.status == "complete" && (session.reference.is_some() || session.claim.is_some());
        self.note(format!("{}: {verb}", session.id));
        self.remember(customer);
        self.emit(&format!("checkout.session.{verb}"), customer, claims, object, None);
    }
}
