//! How one item of one subscription stands at a moment: the rules per status.
//!
//! Source of the statuses' meaning: docs.stripe.com/billing/subscriptions/overview; of the leeway after a period:
//! docs.stripe.com/billing/subscriptions/webhooks.

use super::{CollectionPause, FailedDebit, FailedDebitPolicy, Policy, Reason, SubscriptionFacts, Treatment};
use crate::Timestamp;
use crate::stripe::{Subscription, SubscriptionItem, SubscriptionStatus};

/// Stripe ends a trial and cancels in one go, though not always in the same second.
const SAME_MOMENT: i64 = 60_000;

/// How an item stands at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// What it gives is given, until a moment if it has one.
    Good { reason: Reason, until: Option<Timestamp> },
    /// What it would give is not given, since a moment if that is known.
    Bad { reason: Reason, since: Option<Timestamp> },
}

impl Standing {
    const fn bad(reason: Reason) -> Self {
        Self::Bad { reason, since: None }
    }
}

/// Judges an item; `item` is none for a subscription whose payload holds no item.
pub(crate) fn standing(
    facts: &SubscriptionFacts,
    item: Option<&SubscriptionItem>,
    policy: &Policy,
    now: Timestamp,
) -> Standing {
    let sub = &facts.subscription;
    let period_end = item.and_then(|item| item.current_period_end);
    let is_running =
        matches!(sub.status, SubscriptionStatus::Active | SubscriptionStatus::Trialing | SubscriptionStatus::PastDue);
    if is_running && collection(sub, policy) == CollectionPause::Deny {
        return Standing::bad(Reason::SubscriptionPaused);
    }
    if let Some(debit) = refused_debit(facts, policy) {
        return Standing::Bad { reason: Reason::SubscriptionUnpaid, since: Some(debit.at) };
    }
    match &sub.status {
        SubscriptionStatus::Active => Span {
            paid_until: period_end,
            leeway: policy.period_leeway,
            during: Reason::SubscriptionActive,
            after: Reason::GracePeriodOver,
        }
        .judge(final_end(sub, period_end, policy), now),
        SubscriptionStatus::Trialing => Span {
            paid_until: sub.trial_end.or(period_end),
            leeway: policy.period_leeway,
            during: Reason::SubscriptionTrialing,
            after: Reason::TrialEnded,
        }
        .judge(final_end(sub, sub.trial_end.or(period_end), policy), now),
        SubscriptionStatus::PastDue => {
            let start = item.and_then(|item| item.current_period_start).or(sub.current_period_start()).or(sub.created);
            let Some(since) = facts.past_due_since.or(start) else { return Standing::bad(Reason::GracePeriodOver) };
            Span {
                paid_until: Some(since),
                leeway: policy.past_due_grace,
                during: Reason::GracePeriod,
                after: Reason::GracePeriodOver,
            }
            .judge(final_end(sub, period_end, policy), now)
        }
        SubscriptionStatus::Unpaid => Standing::bad(Reason::SubscriptionUnpaid),
        SubscriptionStatus::Incomplete => Standing::bad(Reason::SubscriptionIncomplete),
        SubscriptionStatus::IncompleteExpired => {
            Standing::Bad { reason: Reason::SubscriptionIncompleteExpired, since: sub.ended_at }
        }
        SubscriptionStatus::Canceled => {
            let reason = if ended_with_trial(sub) { Reason::TrialEnded } else { Reason::SubscriptionCanceled };
            Standing::Bad { reason, since: sub.ended_at.or(sub.ends_at()).or(sub.canceled_at) }
        }
        SubscriptionStatus::Paused => match sub.trial_end {
            Some(end) if paused_by_trial(sub, end, now) => {
                Standing::Bad { reason: Reason::TrialEnded, since: Some(end) }
            }
            _ if policy.paused == Treatment::Allow => {
                Standing::Good { reason: Reason::SubscriptionActive, until: None }
            }
            _ => Standing::bad(Reason::SubscriptionPaused),
        },
        SubscriptionStatus::Unknown(_) => Standing::bad(Reason::NoPayment),
    }
}

/// A failed debit that the policy does not let pass.
fn refused_debit<'a>(facts: &'a SubscriptionFacts, policy: &Policy) -> Option<&'a FailedDebit> {
    let is_active = facts.subscription.status == SubscriptionStatus::Active;
    facts.failed_debit.as_ref().filter(|_| is_active && policy.payments.failed_debit == FailedDebitPolicy::Revoke)
}

/// A time that is paid for (or free), and how long after it Stripe's silence is forgiven.
struct Span {
    paid_until: Option<Timestamp>,
    leeway: i64,
    during: Reason,
    after: Reason,
}

impl Span {
    /// A final end is kept to the moment: leeway is for renewals that are late, and after a final end there is none.
    fn judge(&self, final_end: Option<(Timestamp, Reason)>, now: Timestamp) -> Standing {
        if let Some((end, reason)) = final_end.filter(|(end, _)| *end <= now) {
            return Standing::Bad { reason, since: Some(end) };
        }
        let capped = |end: Timestamp| Some(final_end.map_or(end, |(last, _)| last.min(end)));
        let Some(paid_until) = self.paid_until else {
            return Standing::Good { reason: self.during, until: final_end.map(|(end, _)| end) };
        };
        let last = paid_until.plus_millis(self.leeway);
        if now < paid_until {
            Standing::Good { reason: self.during, until: capped(paid_until) }
        } else if now < last {
            Standing::Good { reason: Reason::GracePeriod, until: capped(last) }
        } else {
            Standing::Bad { reason: self.after, since: Some(last) }
        }
    }
}

/// What its paused collection means for access.
fn collection(sub: &Subscription, policy: &Policy) -> CollectionPause {
    sub.pause_behavior.as_deref().map_or(CollectionPause::Keep, |behavior| policy.pause_collection.of(behavior))
}

/// When it ends for good, and as what: cancelled (at a time or with the period), ended, or, when nobody will pay for more, with what is
/// paid.
fn final_end(sub: &Subscription, paid_until: Option<Timestamp>, policy: &Policy) -> Option<(Timestamp, Reason)> {
    let canceled = match (sub.ends_at(), sub.ended_at) {
        (Some(planned), Some(ended)) => Some(planned.min(ended)),
        (planned, ended) => planned.or(ended),
    };
    let paused = paid_until.filter(|_| collection(sub, policy) == CollectionPause::UntilPeriodEnd);
    match (canceled, paused) {
        (Some(canceled), Some(paused)) if paused < canceled => Some((paused, Reason::SubscriptionPaused)),
        (None, Some(paused)) => Some((paused, Reason::SubscriptionPaused)),
        (canceled, _) => canceled.map(|end| (end, Reason::SubscriptionCanceled)),
    }
}

/// Cancelled because the trial ended without a payment method, and not because somebody asked for it.
fn ended_with_trial(sub: &Subscription) -> bool {
    let (Some(trial_end), Some(ended_at)) = (sub.trial_end, sub.ended_at) else { return false };
    let apart = trial_end.millis().abs_diff(ended_at.millis());
    apart <= SAME_MOMENT.unsigned_abs() && sub.cancellation_reason.as_deref() != Some("cancellation_requested")
}

/// Paused since its trial ended; a subscription that went on to a later period was paused by somebody.
fn paused_by_trial(sub: &Subscription, trial_end: Timestamp, now: Timestamp) -> bool {
    let went_on = sub.current_period_start().is_some_and(|start| start > trial_end.plus_millis(SAME_MOMENT));
    trial_end <= now && sub.pause_behavior.is_none() && !went_on
}

/// The order of subscriptions that do not give access, the nearest to doing so first.
pub(crate) fn rank(sub: &Subscription, reason: Reason) -> u8 {
    match (&sub.status, reason) {
        (SubscriptionStatus::Canceled, _) | (_, Reason::SubscriptionCanceled) => 7,
        (SubscriptionStatus::Active, _) => 0,
        (SubscriptionStatus::Trialing, _) => 1,
        (SubscriptionStatus::Paused, _) => 3,
        (SubscriptionStatus::PastDue, _) => 4,
        (SubscriptionStatus::Unpaid, _) => 5,
        (SubscriptionStatus::Incomplete, _) => 6,
        (SubscriptionStatus::IncompleteExpired, _) => 8,
        (SubscriptionStatus::Unknown(_), _) => 9,
    }
}
