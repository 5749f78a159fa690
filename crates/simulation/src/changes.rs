//! What people and the application do: a random change of a random kind, wherever it is possible.

use crate::catalog::{DAY, Price};
use crate::model::{Customer, Ending, Item, Session, Status, Subscription};
use crate::stripe::Stripe;

/// How Stripe is told which user a customer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// `client_reference_id` of a Checkout Session.
    Reference,
    /// Metadata of a Checkout Session.
    Checkout,
    /// Metadata of subscriptions.
    Subscription,
    /// Metadata of the customer, from the start.
    Customer,
    /// Metadata of the customer, added later.
    CustomerLater,
    /// Stripe is not told: the application says it to us.
    Api,
    /// Nobody ever says.
    Never,
}

/// All ways.
pub const WAYS: [Way; 7] =
    [Way::Reference, Way::Checkout, Way::Subscription, Way::Customer, Way::CustomerLater, Way::Api, Way::Never];

/// The ways of somebody without a customer.
pub const GUEST_WAYS: [Way; 4] = [Way::Reference, Way::Checkout, Way::Api, Way::Never];

impl Stripe {
    /// A new customer.
    pub(crate) fn create_customer(&mut self, user: &str, way: Way) -> usize {
        let customer = Customer {
            id: self.id("cus"),
            renamed: 0,
            claim: (way == Way::Customer).then(|| user.to_owned()),
            deleted: false,
            created: self.secs(),
            subscriptions: vec![],
            sessions: vec![],
            purchases: vec![],
        };
        self.note(format!("{} created, of {user} by {way:?}", customer.id));
        let at = self.customers.len();
        let (object, claims) = (crate::payload::customer(&customer), customer.claim.is_some());
        self.customers.push(customer);
        self.remember(at);
        self.emit("customer.created", at, claims, object, None);
        at
    }

    /// One change of a customer or of something it has.
    pub(crate) fn change(&mut self, customer: usize, user: &str, way: Way) {
        if self.customers[customer].deleted {
            return;
        }
        if self.customers[customer].is_guest() || self.chance(30) {
            return self.trade(customer, user, way);
        }
        let open = self.customers[customer].sessions.iter().position(|session| session.status == "open");
        if let Some(n) = open
            && self.chance(50)
        {
            return self.expire_checkout(customer, n);
        }
        let running: Vec<usize> = (0..self.customers[customer].subscriptions.len())
            .filter(|n| !self.customers[customer].subscriptions[*n].status.is_over())
            .collect();
        if running.is_empty() || (running.len() < 3 && self.chance(12)) {
            if !running.is_empty() || self.chance(80) {
                self.subscribe(customer, user, way);
            } else {
                self.abandon_checkout(customer, user, way);
            }
            return;
        }
        match self.rng.u32(..100) {
            0..2 if self.is_deletable(customer) => self.delete_customer(customer),
            2..6 => self.update_customer(customer, "renamed", |customer| customer.renamed += 1),
            6..14 if way == Way::CustomerLater => {
                self.update_customer(customer, "names its user", |customer| customer.claim = Some(user.to_owned()));
            }
            _ => {
                let at = (customer, running[self.rng.usize(..running.len())]);
                self.change_subscription(at);
            }
        }
    }

    /// What it bought at Checkout could not be read any more, and nothing else tells it.
    fn is_deletable(&self, customer: usize) -> bool {
        self.customers[customer].purchases.iter().all(|purchase| purchase.invoice.is_some())
    }

    fn delete_customer(&mut self, customer: usize) {
        for n in 0..self.customers[customer].subscriptions.len() {
            if !self.sub((customer, n)).status.is_over() {
                self.end((customer, n), "its customer is deleted", Some("cancellation_requested"));
            }
        }
        self.note(format!("{}: deleted", self.customers[customer].id));
        let (object, claims) =
            (crate::payload::customer(&self.customers[customer]), self.customers[customer].claim.is_some());
        self.customers[customer].deleted = true;
        self.remember(customer);
        self.emit("customer.deleted", customer, claims, object, None);
    }

    pub(crate) fn session(&mut self, user: &str, way: Way) -> Session {
        Session {
            id: self.id("cs"),
            status: "open",
            reference: (way == Way::Reference).then(|| user.to_owned()),
            claim: (way == Way::Checkout).then(|| user.to_owned()),
            subscription: None,
            created: self.secs(),
        }
    }

    /// A Checkout that is opened, of which Stripe sends no event, and never finished.
    fn abandon_checkout(&mut self, customer: usize, user: &str, way: Way) {
        let session = self.session(user, way);
        self.note(format!("{}: opened", session.id));
        self.customers[customer].sessions.push(session);
        self.remember(customer);
    }

    /// What was opened and not finished expires.
    fn expire_checkout(&mut self, customer: usize, n: usize) {
        self.customers[customer].sessions[n].status = "expired";
        let session = self.customers[customer].sessions[n].clone();
        self.tell_session(customer, &session, "expired");
    }

    fn new_item(&mut self, price: &'static Price, period: (i64, i64)) -> Item {
        let quantity = if self.chance(70) { 1 } else { self.rng.i64(2..6) };
        Item { id: self.id("si"), price, quantity, period }
    }

    fn any_price(&mut self, interval: &str) -> &'static Price {
        let prices = Price::at_interval(interval);
        prices[self.rng.usize(..prices.len())]
    }

    fn subscribe(&mut self, customer: usize, user: &str, way: Way) {
        let now = self.secs();
        let interval = if self.chance(50) { "week" } else { "month" };
        let trial = self.chance(25).then(|| (now, now + [1, 7, 14][self.rng.usize(..3)] * DAY));
        let count = match self.rng.u32(..100) {
            0..70 => 1,
            70..98 => self.rng.usize(2..4),
            _ if self.scope.long_lists => self.rng.usize(11..14),
            _ => 2,
        };
        let mut items = vec![];
        for _ in 0..count {
            let price = self.any_price(interval);
            items.push(self.new_item(price, (now, trial.map_or(now + price.period(), |trial| trial.1))));
        }
        let first_payment_pending = trial.is_none() && self.chance(40);
        let status = match trial {
            Some(_) => Status::Trialing,
            None if first_payment_pending => Status::Incomplete,
            None => Status::Active,
        };
        let subscription = Subscription {
            id: self.id("sub"),
            status,
            created: now,
            items,
            trial,
            ending: None,
            canceled_at: None,
            ended_at: None,
            reason: None,
            collection_paused: None,
            claim: (way == Way::Subscription).then(|| user.to_owned()),
            note: 0,
            invoices: 1,
            has_method: trial.is_none() || self.chance(50),
            without_method: ["cancel", "create_invoice", "pause"][self.rng.usize(..3)],
            flexible: self.chance(50),
            charge_fails_at: None,
            dunning_ends: None,
            touched: now,
            paid_at: None,
            past_due_since: None,
        };
        let id = subscription.id.clone();
        let at = (customer, self.customers[customer].subscriptions.len());
        self.customers[customer].subscriptions.push(subscription);
        self.tell(at, "created");
        if first_payment_pending && self.chance(60) {
            self.pay(at);
        }
        if matches!(way, Way::Reference | Way::Checkout) {
            let session = Session { status: "complete", subscription: Some(id), ..self.session(user, way) };
            self.customers[customer].sessions.push(session.clone());
            self.tell_session(customer, &session, "completed");
        }
    }

    /// What is outstanding is paid.
    fn pay(&mut self, at: (usize, usize)) {
        let now = self.secs();
        if self.sub(at).status == Status::PastDue && self.sub(at).touched == now {
            // Not in a second in which it was said to be late, see the crate.
            return;
        }
        self.update(at, "paid", |sub| {
            sub.status = Status::Active;
            sub.paid_at = Some(now);
            sub.charge_fails_at = None;
            sub.dunning_ends = None;
            sub.past_due_since = None;
        });
    }

    fn change_subscription(&mut self, at: (usize, usize)) {
        let now = self.secs();
        let sub = self.sub(at).clone();
        if matches!(sub.status, Status::Incomplete | Status::PastDue | Status::Unpaid) && self.chance(50) {
            return self.pay(at);
        }
        if sub.status == Status::Paused && self.chance(50) {
            self.update(at, "resumed", |sub| {
                sub.status = Status::Active;
                sub.invoices += 1;
                for item in &mut sub.items {
                    item.period = (now, now + item.price.period());
                }
            });
            return self.tell(at, "resumed");
        }
        match self.rng.u32(..100) {
            0..20 => self.change_items(at),
            20..30 => self.update(at, "noted", |sub| sub.note = (sub.note + 1) % 3),
            30..40 => {
                let behavior = ["keep_as_draft", "mark_uncollectible", "void"][self.rng.usize(..3)];
                self.update(at, "collection paused or resumed", |sub| {
                    sub.collection_paused = if sub.collection_paused.is_some() { None } else { Some(behavior) };
                });
            }
            40..60 if sub.ending.is_some() => self.update(at, "cancel undone", |sub| {
                sub.ending = None;
                sub.canceled_at = None;
                sub.reason = None;
            }),
            40..60 => self.plan_end(at),
            60..66 => self.end(at, "canceled at once", Some("cancellation_requested")),
            66..72 => {
                self.update(at, "payment method", |sub| sub.has_method = !sub.has_method);
            }
            72..78 if sub.status == Status::Trialing => self.end_trial(at),
            78..84 if sub.status == Status::Active && sub.collection_paused.is_none() => self.fail_charge(at),
            84..86 if sub.status == Status::Trialing => self.tell(at, "trial_will_end"),
            _ => self.change_items(at),
        }
    }

    /// Sets an end: with the period, or by a date alone.
    fn plan_end(&mut self, at: (usize, usize)) {
        let now = self.secs();
        let with_period = !self.sub(at).flexible && self.chance(60);
        let days = self.rng.i64(1..20);
        self.update(at, "set to end", |sub| {
            let end = if with_period { sub.period_end() } else { now + days * DAY };
            sub.ending = Some(Ending { at: end, with_period });
            sub.canceled_at = Some(now);
            sub.reason = Some("cancellation_requested");
        });
    }

    /// Another plan, another quantity, one item more or less.
    fn change_items(&mut self, at: (usize, usize)) {
        let items = self.sub(at).items.len();
        let first = &self.sub(at).items[0];
        let (interval, period) = (first.price.interval, first.period);
        let price = self.any_price(interval);
        let n = self.rng.usize(..items);
        match self.rng.u32(..4) {
            0 if items < 3 => {
                let item = self.new_item(price, period);
                self.update(at, "item added", |sub| sub.items.push(item));
            }
            1 if items > 1 => self.update(at, "item removed", |sub| drop(sub.items.remove(n))),
            2 => self.update(at, "quantity changed", |sub| sub.items[n].quantity = sub.items[n].quantity % 3 + 1),
            _ => self.update(at, &format!("plan changed to {}", price.id), |sub| sub.items[n].price = price),
        }
    }
}
