//! What is bought once, and what becomes of the money: delayed payments, unpaid invoices, refunds, disputes.

use serde_json::{Value, json};

use crate::catalog::{DAY, Price};
use crate::changes::Way;
use crate::events::difference;
use crate::model::{Customer, Dispute, Payment, Purchase, Refund, Session, State, Step};
use crate::payload::{Version, purchase as payload};
use crate::stripe::Stripe;

/// A customer and one of its purchases.
type At = (usize, usize);

/// The next thing that time does to this purchase.
pub(crate) fn next_step(purchase: &Purchase) -> Option<(i64, usize)> {
    purchase.due.iter().enumerate().map(|(n, (at, _))| (*at, n)).min()
}

impl Stripe {
    /// Somebody without an account buys something: Stripe makes no customer, the session stands in for it.
    pub(crate) fn create_guest(&mut self, user: &str, way: Way) -> usize {
        let session = Session { status: "complete", ..self.session(user, way) };
        let customer = Customer {
            id: session.id.clone(),
            renamed: 0,
            claim: None,
            deleted: false,
            created: self.secs(),
            subscriptions: vec![],
            sessions: vec![],
            purchases: vec![],
        };
        self.note(format!("{} is a guest, of {user} by {way:?}", customer.id));
        self.customers.push(customer);
        self.check_out(self.customers.len() - 1, session);
        self.customers.len() - 1
    }

    /// A customer buys something, or something becomes of what it bought.
    pub(crate) fn trade(&mut self, customer: usize, user: &str, way: Way) {
        let bought = self.customers[customer].purchases.len();
        let is_guest = self.customers[customer].is_guest();
        if bought > 0 && (is_guest || bought > 2 || self.chance(65)) {
            let at = (customer, self.rng.usize(..bought));
            return if self.chance(60) { self.refund(at) } else { self.dispute(at) };
        }
        if self.chance(50) {
            let session = Session { status: "complete", ..self.session(user, way) };
            self.check_out(customer, session);
        } else {
            self.invoice(customer);
        }
    }

    fn purchase(&mut self) -> Purchase {
        let count = match self.rng.u32(..100) {
            0..75 => 1,
            75..98 => 2,
            _ if self.scope.long_lists => self.rng.usize(11..14),
            _ => 3,
        };
        let prices = Price::at_interval("once");
        let lines = (0..count)
            .map(|_| (prices[self.rng.usize(..prices.len())], if self.chance(70) { 1 } else { self.rng.i64(2..5) }))
            .collect();
        Purchase {
            session: None,
            invoice: None,
            lines,
            created: self.secs(),
            state: State::Paid,
            paid_at: Some(self.secs()),
            payment: None,
            due: vec![],
        }
    }

    fn payment(&mut self, amount: i64, status: &'static str) -> Option<Payment> {
        (amount > 0).then(|| Payment {
            id: self.id("pi"),
            charge: self.id("ch"),
            refused: None,
            status,
            created: self.secs(),
            amount,
            counted: 0,
            keeps_counting: self.chance(50),
            refunds: vec![],
            disputes: vec![],
        })
    }

    /// Soon, or after days.
    fn some_time(&mut self) -> i64 {
        self.secs() + [0, 1, 2, 5, 3600, DAY, 4 * DAY][self.rng.usize(..7)]
    }

    /// A Checkout in mode `payment` is gone through; with a delayed payment method the money comes later, or not.
    fn check_out(&mut self, customer: usize, session: Session) {
        let mut purchase = self.purchase();
        let amount = purchase.amount();
        let knows_lines = self.scope.line_items;
        let is_delayed = knows_lines && amount > 0 && self.chance(40);
        if !self.customers[customer].is_guest() && !is_delayed && (!knows_lines || self.chance(25)) {
            purchase.invoice = Some(self.id("in"));
        }
        purchase.session = Some(session);
        purchase.payment = self.payment(amount, if is_delayed { "pending" } else { "succeeded" });
        if is_delayed {
            (purchase.state, purchase.paid_at) = (State::Pending, None);
            let settled = (self.some_time(), Step::Settle(self.chance(60)));
            purchase.due.extend(self.chance(80).then_some(settled));
        } else if self.chance(20) {
            let refused = self.id("ch");
            purchase.payment.iter_mut().for_each(|payment| payment.refused = Some(refused.clone()));
        }
        let at = (customer, self.customers[customer].purchases.len());
        self.customers[customer].purchases.push(purchase);
        self.tell_checkout(at, "completed");
        if !is_delayed {
            self.tell_payment(at, "payment_intent.succeeded");
            self.tell_paid_invoice(at);
        }
    }

    /// An invoice of no subscription: paid at once, or its payment fails.
    fn invoice(&mut self, customer: usize) {
        let mut purchase = self.purchase();
        purchase.invoice = Some(self.id("in"));
        let fails = purchase.amount() > 0 && self.chance(35);
        if !self.chance(10) {
            purchase.payment = self.payment(purchase.amount(), if fails { "failed" } else { "succeeded" });
        }
        let at = (customer, self.customers[customer].purchases.len());
        if fails {
            (purchase.state, purchase.paid_at) = (State::Open, None);
            let next = [State::Paid, State::Paid, State::Void, State::Uncollectible][self.rng.usize(..4)];
            let next = (self.some_time(), Step::Invoice(next));
            purchase.due.extend(self.chance(80).then_some(next));
            self.customers[customer].purchases.push(purchase);
            self.tell_invoice(at, "payment_failed");
            self.tell_payment(at, "payment_intent.payment_failed");
        } else {
            self.customers[customer].purchases.push(purchase);
            self.tell_payment(at, "payment_intent.succeeded");
            self.tell_paid_invoice(at);
        }
    }

    /// What was due of a purchase is done.
    pub(crate) fn take_step(&mut self, at: At, step: usize) {
        let now = self.secs();
        let (_, step) = self.customers[at.0].purchases[at.1].due.remove(step);
        match step {
            Step::Settle(comes) => {
                let purchase = &mut self.customers[at.0].purchases[at.1];
                purchase.state = if comes { State::Paid } else { State::Failed };
                purchase.paid_at = comes.then_some(now);
                if let Some(payment) = &mut purchase.payment {
                    payment.status = if comes { "succeeded" } else { "failed" };
                }
                self.tell_checkout(at, if comes { "async_payment_succeeded" } else { "async_payment_failed" });
                self.tell_payment(at, if comes { "payment_intent.succeeded" } else { "payment_intent.payment_failed" });
            }
            Step::Invoice(State::Paid) => {
                let charge = self.id("ch");
                let purchase = &mut self.customers[at.0].purchases[at.1];
                (purchase.state, purchase.paid_at) = (State::Paid, Some(now));
                if let Some(payment) = &mut purchase.payment {
                    payment.refused = Some(std::mem::replace(&mut payment.charge, charge));
                    payment.status = "succeeded";
                }
                self.tell_payment(at, "payment_intent.succeeded");
                self.tell_paid_invoice(at);
            }
            Step::Invoice(state) => {
                let paid_yet = (self.some_time(), Step::Invoice(State::Paid));
                let is_given_up = state == State::Void || self.chance(50);
                let purchase = &mut self.customers[at.0].purchases[at.1];
                purchase.state = state;
                purchase.due.extend((!is_given_up).then_some(paid_yet));
                self.tell_invoice(at, if state == State::Void { "voided" } else { "marked_uncollectible" });
            }
            Step::Refund(n, status) => self.settle_refund(at, n, status),
            Step::Dispute(n, status) => self.settle_dispute(at, n, status),
        }
    }

    /// All or some of the money goes back.
    fn refund(&mut self, at: At) {
        let Some(payment) = self.paid(at) else { return };
        let (left, charge) = (payment.amount - payment.counted, payment.charge.clone());
        if left == 0 {
            return;
        }
        let amount = if self.chance(50) { left } else { self.rng.i64(1..=left) };
        let status = if self.chance(70) { "succeeded" } else { "pending" };
        let refund = Refund { id: self.id("re"), amount, status, created: self.secs() };
        self.note(format!("{charge}: {amount} of {left} refunded by {}", refund.id));
        let before = self.charge(at);
        let next = match status {
            "pending" => Some(["succeeded", "failed", "canceled"][self.rng.usize(..3)]),
            _ => self.chance(25).then_some("failed"),
        };
        let when = self.some_time();
        let purchase = &mut self.customers[at.0].purchases[at.1];
        if let Some(payment) = &mut purchase.payment {
            payment.counted += amount;
            purchase.due.extend(next.map(|next| (when, Step::Refund(payment.refunds.len(), next))));
            payment.refunds.push(refund);
        }
        self.remember(at.0);
        self.tell_refund(at, None, "refund.created");
        let (after, tells) = (self.charge(at), self.chance(50));
        let previous = tells.then(|| difference(&before, &after));
        self.emit("charge.refunded", at.0, false, after, previous);
    }

    fn settle_refund(&mut self, at: At, n: usize, status: &'static str) {
        let Some(payment) = &mut self.customers[at.0].purchases[at.1].payment else { return };
        if !payment.refunds[n].stands() {
            return;
        }
        let was = std::mem::replace(&mut payment.refunds[n].status, status);
        if !payment.refunds[n].stands() && !payment.keeps_counting {
            payment.counted -= payment.refunds[n].amount;
        }
        let fails_later = status == "succeeded" && self.chance(20);
        let when = self.some_time();
        self.customers[at.0].purchases[at.1].due.extend(fails_later.then_some((when, Step::Refund(n, "failed"))));
        self.remember(at.0);
        let previous = Some(json!({"status": was}));
        match status {
            "failed" => {
                self.tell_refund(at, Some((n, None)), "refund.failed");
                if self.chance(50) {
                    self.tell_refund(at, Some((n, previous)), "refund.updated");
                }
            }
            _ => {
                let kind = if self.chance(50) { "refund.updated" } else { "charge.refund.updated" };
                self.tell_refund(at, Some((n, previous)), kind);
            }
        }
    }

    /// The bank asks, or takes the money back.
    fn dispute(&mut self, at: At) {
        let Some(payment) = self.paid(at).filter(|payment| payment.disputes.iter().all(Dispute::is_over)) else {
            return;
        };
        let (n, amount) = (payment.disputes.len(), payment.amount);
        let is_inquiry = self.chance(25);
        let status = if is_inquiry { "warning_needs_response" } else { "needs_response" };
        let dispute = Dispute { id: self.id("du"), amount, status, created: self.secs() };
        self.note(format!("{} is opened: {status}", dispute.id));
        if let Some(payment) = &mut self.customers[at.0].purchases[at.1].payment {
            payment.disputes.push(dispute);
        }
        self.plan_dispute(at, n);
        self.remember(at.0);
        self.tell_dispute(at, n, "created", None);
        if !is_inquiry && self.chance(50) {
            self.tell_dispute(at, n, "funds_withdrawn", None);
        }
    }

    fn plan_dispute(&mut self, at: At, n: usize) {
        let Some(payment) = &self.customers[at.0].purchases[at.1].payment else { return };
        let next: &[&'static str] = match payment.disputes[n].status {
            "warning_needs_response" => &["warning_under_review", "warning_closed", "needs_response"],
            "warning_under_review" => &["warning_closed", "needs_response"],
            "needs_response" => &["under_review", "won", "lost"],
            "under_review" => &["won", "lost"],
            _ => return,
        };
        let next = next[self.rng.usize(..next.len())];
        let when = self.some_time();
        let comes = self.chance(70);
        self.customers[at.0].purchases[at.1].due.extend(comes.then_some((when, Step::Dispute(n, next))));
    }

    fn settle_dispute(&mut self, at: At, n: usize, status: &'static str) {
        let Some(payment) = &mut self.customers[at.0].purchases[at.1].payment else { return };
        let was = std::mem::replace(&mut payment.disputes[n].status, status);
        let is_over = payment.disputes[n].is_over();
        self.plan_dispute(at, n);
        self.remember(at.0);
        let tells = !is_over || self.chance(50);
        let previous = tells.then(|| json!({"status": was}));
        self.tell_dispute(at, n, if is_over { "closed" } else { "updated" }, previous);
        if status == "won" && self.chance(50) {
            self.tell_dispute(at, n, "funds_reinstated", None);
        }
    }

    /// Its payment, when the money has come.
    fn paid(&self, at: At) -> Option<&Payment> {
        self.customers[at.0].purchases[at.1].payment.as_ref().filter(|payment| payment.status == "succeeded")
    }

    fn charge(&self, at: At) -> Value {
        let customer = &self.customers[at.0];
        let purchase = &customer.purchases[at.1];
        let invoice = purchase.invoice.as_deref().filter(|_| self.version == Version::Acacia);
        purchase.payment.as_ref().map_or(Value::Null, |payment| payload::charge(payment, customer, invoice, false))
    }

    fn tell_checkout(&mut self, at: At, verb: &str) {
        let customer = &self.customers[at.0];
        let purchase = &customer.purchases[at.1];
        let (Some(session), Some(object)) = (&purchase.session, payload::checkout(purchase, customer, false)) else {
            return;
        };
        let claims = session.reference.is_some() || session.claim.is_some();
        let lines: Vec<String> =
            purchase.lines.iter().map(|(price, quantity)| format!("{} × {quantity}", price.id)).collect();
        self.note(format!("{}: {verb} for {}", object["id"], lines.join(", ")));
        self.remember(at.0);
        self.emit(&format!("checkout.session.{verb}"), at.0, claims, object, None);
    }

    fn tell_invoice(&mut self, at: At, verb: &str) {
        let customer = &self.customers[at.0];
        let Some(object) = payload::invoice(&customer.purchases[at.1], customer, self.version, false) else { return };
        self.note(format!("{}: {verb}", object["id"]));
        self.remember(at.0);
        self.emit(&format!("invoice.{verb}"), at.0, false, object, None);
    }

    /// Several events tell that an invoice is paid, and since 2025-03-31.basil one of its own tells by which payment.
    fn tell_paid_invoice(&mut self, at: At) {
        self.tell_invoice(at, "paid");
        if self.chance(50) {
            self.tell_invoice(at, "payment_succeeded");
        }
        let payment = payload::invoice_payment(&self.customers[at.0].purchases[at.1]);
        if let Some(object) = payment.filter(|_| self.version != Version::Acacia) {
            self.emit("invoice_payment.paid", at.0, false, object, None);
        }
    }

    /// What the payment intent says; a success says nothing that others do not.
    fn tell_payment(&mut self, at: At, kind: &str) {
        let customer = &self.customers[at.0];
        let Some(payment) = &customer.purchases[at.1].payment else { return };
        let object = json!({
            "id": payment.id, "object": "payment_intent", "amount": payment.amount, "amount_received": 0, "created": payment.created,
            "currency": "eur", "customer": customer.named(), "latest_charge": payment.charge, "livemode": false, "metadata": {},
            "status": if payment.status == "succeeded" { "succeeded" } else { "requires_payment_method" },
        });
        if self.chance(20) {
            self.remember(at.0);
            self.emit(kind, at.0, false, object, None);
        }
    }

    /// The newest refund, or another one with what changed.
    fn tell_refund(&mut self, at: At, which: Option<(usize, Option<Value>)>, kind: &str) {
        let Some(payment) = &self.customers[at.0].purchases[at.1].payment else { return };
        let (n, previous) = which.unwrap_or((payment.refunds.len() - 1, None));
        let object = payload::refund(&payment.refunds[n], payment);
        self.note(format!("{}: {}", object["id"], object["status"]));
        self.emit(kind, at.0, false, object, previous);
    }

    fn tell_dispute(&mut self, at: At, n: usize, verb: &str, previous: Option<Value>) {
        let Some(payment) = &self.customers[at.0].purchases[at.1].payment else { return };
        let object = payload::dispute(&payment.disputes[n], payment);
        self.emit(&format!("charge.dispute.{verb}"), at.0, false, object, previous);
    }
}
