//! What the passing of time does to subscriptions: trials end, periods are renewed, charges fail, retries end.

use crate::catalog::DAY;
use crate::model::{Status, Subscription};
use crate::purchases::next_step;
use crate::stripe::Stripe;

/// How long a first payment may be outstanding (docs.stripe.com/billing/subscriptions/overview).
const INCOMPLETE: i64 = 23 * 3600;
/// From a renewal to its charge: Stripe leaves an hour for changes of the draft.
const DRAFT: i64 = 3600;

/// What is due of a subscription.
#[derive(Clone, Copy, Debug)]
enum Due {
    Expire,
    End,
    TrialEnd,
    ChargeFails,
    DunningEnds(Status),
    Renew,
}

/// The next thing that time does to this subscription.
fn next_due(sub: &Subscription) -> Option<(i64, Due)> {
    if sub.status.is_over() {
        return None;
    }
    let period = sub.items.iter().map(|item| item.period.1).min();
    let runs = matches!(sub.status, Status::Active | Status::PastDue | Status::Unpaid);
    [
        (sub.status == Status::Incomplete).then_some((sub.created + INCOMPLETE, Due::Expire)),
        sub.ending.map(|ending| (ending.at, Due::End)),
        sub.trial.filter(|_| sub.status == Status::Trialing).map(|trial| (trial.1, Due::TrialEnd)),
        sub.charge_fails_at.filter(|_| sub.status == Status::Active).map(|at| (at, Due::ChargeFails)),
        sub.dunning_ends.filter(|_| sub.status == Status::PastDue).map(|(at, to)| (at, Due::DunningEnds(to))),
        period.filter(|_| runs).map(|end| (end, Due::Renew)),
    ]
    .into_iter()
    .flatten()
    .min_by_key(|(at, _)| *at)
}

impl Stripe {
    /// Lets the clock run to `until` (milliseconds), doing on the way all that falls due.
    pub(crate) fn run_to(&mut self, until: i64) {
        loop {
            let all = self.customers.iter().enumerate().flat_map(|(c, customer)| {
                customer.subscriptions.iter().enumerate().map(move |(s, sub)| ((c, s), next_due(sub)))
            });
            let next = all.filter_map(|(at, due)| Some((at, due?))).min_by_key(|(_, (time, _))| *time);
            let bought = self.customers.iter().enumerate().flat_map(|(c, customer)| {
                customer.purchases.iter().enumerate().map(move |(p, purchase)| ((c, p), next_step(purchase)))
            });
            let step = bought.filter_map(|(at, step)| Some((at, step?))).min_by_key(|(_, (time, _))| *time);
            let first = |other: Option<i64>, time: i64| time * 1000 <= until && other.is_none_or(|other| time <= other);
            match (next, step) {
                (Some((at, (time, due))), step) if first(step.map(|step| step.1.0), time) => {
                    self.now = self.now.max(time * 1000);
                    self.fall_due(at, due);
                }
                (next, Some((at, (time, step)))) if first(next.map(|next| next.1.0), time) => {
                    self.now = self.now.max(time * 1000);
                    self.take_step(at, step);
                }
                _ => break,
            }
        }
        self.now = self.now.max(until);
    }

    fn fall_due(&mut self, at: (usize, usize), due: Due) {
        let now = self.secs();
        match due {
            Due::Expire => self.update(at, "first payment never came", |sub| {
                sub.status = Status::IncompleteExpired;
                sub.ended_at = Some(now);
            }),
            Due::End => self.end(at, "its end was due", None),
            Due::TrialEnd => self.end_trial(at),
            Due::ChargeFails => self.fail_charge(at),
            Due::DunningEnds(Status::Canceled) => self.end(at, "retries ended", Some("payment_failed")),
            Due::DunningEnds(to) => self.update(at, "retries ended", |sub| {
                sub.status = to;
                sub.dunning_ends = None;
            }),
            Due::Renew => self.renew(at),
        }
    }

    /// Begins the next period of the items whose period is over. The charge follows, at once or in an hour.
    fn renew(&mut self, at: (usize, usize)) {
        let now = self.secs();
        self.update(at, "renewed", |sub| {
            sub.invoices += 1;
            for item in sub.items.iter_mut().filter(|item| item.period.1 <= now) {
                item.period = (item.period.1, item.period.1 + item.price.period());
            }
        });
        if self.sub(at).status != Status::Active || self.sub(at).collection_paused.is_some() {
            return;
        }
        if !self.sub(at).has_method || self.chance(30) {
            if self.chance(50) {
                self.fail_charge(at);
            } else {
                self.customers[at.0].subscriptions[at.1].charge_fails_at = Some(now + DRAFT);
            }
        }
    }

    /// A charge is refused: retries begin, and how they end is a setting of the account. Not in the second of a payment, see the crate.
    pub(crate) fn fail_charge(&mut self, at: (usize, usize)) {
        let now = self.secs();
        if self.sub(at).paid_at == Some(now) {
            return;
        }
        let days = [3, 5, 12][self.rng.usize(..3)];
        let ends = [Some(Status::Canceled), Some(Status::Unpaid), None][self.rng.usize(..3)];
        self.update(at, "charge failed", |sub| {
            sub.status = Status::PastDue;
            sub.charge_fails_at = None;
            sub.dunning_ends = ends.map(|to| (now + days * DAY, to));
            sub.past_due_since = Some(now);
        });
    }

    /// Ends the trial now: into the first paid period, or as the subscription says for want of a payment method.
    pub(crate) fn end_trial(&mut self, at: (usize, usize)) {
        let now = self.secs();
        let to_paid = self.sub(at).has_method || self.sub(at).without_method == "create_invoice";
        match self.sub(at).without_method {
            _ if to_paid => {
                self.update(at, "trial over, first period", |sub| {
                    sub.status = Status::Active;
                    sub.invoices += 1;
                    sub.trial = sub.trial.map(|trial| (trial.0, now.min(trial.1)));
                    for item in &mut sub.items {
                        item.period = (now, now + item.price.period());
                    }
                });
                if !self.sub(at).has_method {
                    self.fail_charge(at);
                }
            }
            "pause" => {
                self.update(at, "trial over, paused", |sub| {
                    sub.status = Status::Paused;
                    sub.trial = sub.trial.map(|trial| (trial.0, now.min(trial.1)));
                });
                self.tell(at, "paused");
            }
            _ => {
                let sub = &mut self.customers[at.0].subscriptions[at.1];
                sub.trial = sub.trial.map(|trial| (trial.0, now.min(trial.1)));
                self.end(at, "trial over, canceled", None);
            }
        }
    }

    /// Ends a subscription for good.
    pub(crate) fn end(&mut self, at: (usize, usize), step: &str, reason: Option<&'static str>) {
        let now = self.secs();
        self.note(format!("{}: {step}", self.sub(at).id));
        let sub = &mut self.customers[at.0].subscriptions[at.1];
        sub.status = Status::Canceled;
        sub.ended_at = Some(now);
        sub.canceled_at = sub.canceled_at.or(Some(now));
        sub.reason = reason.or(sub.reason);
        self.tell(at, "deleted");
    }
}
