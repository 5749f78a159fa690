//! Facts as they are not: what would be answered if a subscription stood otherwise, or more were paid for. Nothing is stored.

use super::{SubscriptionFacts, UserFacts};
use crate::Timestamp;
use crate::stripe::{Subscription, SubscriptionItem, SubscriptionStatus};

/// Length of a period that is made up, in milliseconds.
const PERIOD: i64 = 30 * 86_400_000;
/// Id of what is made up.
pub const MADE_UP: &str = "what_if";

/// Changes of facts. The default changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WhatIf {
    /// Every subscription has this status since the moment of the question.
    pub status: Option<SubscriptionStatus>,
    /// An active subscription to this price, and to its product when that is known, in addition.
    pub price: Option<(String, Option<String>)>,
    /// No override counts.
    pub without_overrides: bool,
}

impl WhatIf {
    /// Whether anything is changed.
    #[must_use]
    pub fn changes_something(&self) -> bool {
        *self != Self::default()
    }

    /// The facts with these changes, at the moment of the question.
    #[must_use]
    pub fn apply(&self, facts: Option<&UserFacts>, now: Timestamp) -> Option<UserFacts> {
        let mut facts = match facts {
            Some(facts) => facts.clone(),
            // Whoever pays is known.
            None if self.price.is_some() => UserFacts { known: true, ..UserFacts::default() },
            None => return None,
        };
        if self.without_overrides {
            facts.overrides.clear();
        }
        if let Some(status) = &self.status {
            facts.subscriptions.iter_mut().for_each(|subscription| restate(subscription, status, now));
        }
        if let Some((price, product)) = &self.price {
            if facts.customers.is_empty() {
                facts.customers.push(MADE_UP.to_owned());
            }
            facts.known = true;
            facts.subscriptions.push(subscription_to(price, product.as_deref(), &facts.customers[0], now));
        }
        Some(facts)
    }
}

/// What goes with a status in Stripe: a period that runs or has ended, an end, a failed payment that begins its grace.
fn restate(facts: &mut SubscriptionFacts, status: &SubscriptionStatus, now: Timestamp) {
    let sub = &mut facts.subscription;
    sub.status = status.clone();
    sub.pause_behavior = None;
    facts.failed_debit = None;
    facts.past_due_since = None;
    let is_over = matches!(status, SubscriptionStatus::Canceled | SubscriptionStatus::IncompleteExpired);
    sub.ended_at = is_over.then_some(now);
    sub.canceled_at = is_over.then_some(now);
    if !is_over {
        sub.cancel_at = None;
        sub.cancel_at_period_end = false;
    }
    match status {
        SubscriptionStatus::Active => run_on(sub, now),
        SubscriptionStatus::Trialing => {
            run_on(sub, now);
            sub.trial_end = sub.current_period_end().or(Some(now.plus_millis(PERIOD)));
        }
        SubscriptionStatus::PastDue => {
            run_on(sub, now);
            facts.past_due_since = Some(now);
        }
        SubscriptionStatus::Paused => sub.trial_end = None,
        _ => {}
    }
}

/// The period runs at this moment.
fn run_on(sub: &mut Subscription, now: Timestamp) {
    for item in &mut sub.items {
        if item.current_period_end.is_some_and(|end| end <= now) {
            item.current_period_start = Some(now);
            item.current_period_end = Some(now.plus_millis(PERIOD));
        }
    }
}

fn subscription_to(price: &str, product: Option<&str>, customer: &str, now: Timestamp) -> SubscriptionFacts {
    let item = SubscriptionItem {
        id: MADE_UP.to_owned(),
        price_id: price.to_owned(),
        product_id: product.map(str::to_owned),
        quantity: 1,
        current_period_start: Some(now),
        current_period_end: Some(now.plus_millis(PERIOD)),
    };
    let subscription = Subscription {
        id: MADE_UP.to_owned(),
        customer_id: customer.to_owned(),
        status: SubscriptionStatus::Active,
        created: Some(now),
        items: vec![item],
        items_truncated: false,
        trial_end: None,
        cancel_at: None,
        cancel_at_period_end: false,
        canceled_at: None,
        ended_at: None,
        cancellation_reason: None,
        pause_behavior: None,
        pending_update_until: None,
        schedule_id: None,
        latest_invoice: None,
        claimed_user: None,
    };
    SubscriptionFacts { subscription, past_due_since: None, failed_debit: None }
}
