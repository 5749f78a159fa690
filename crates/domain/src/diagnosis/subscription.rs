//! Link 4: is the subscription in a state that gives access?

use super::view::{Finding, View};
use super::words::day;
use super::{Link, LinkName, LinkState, checkout, fixes, purchase};
use crate::Timestamp;
use crate::access::{Reason, Standing, SubscriptionFacts};
use crate::stripe::SubscriptionStatus;

/// S10: our copy is not what Stripe says.
pub(super) fn drift(view: &View<'_>) -> Option<Finding> {
    let drift = view.chain.drift.first()?;
    let why =
        format!("Stripe says {} of {} is {}, our copy says {}.", drift.field, drift.object, drift.theirs, drift.ours);
    let fact = format!("{} differs from Stripe", drift.object);
    let mut found = broken("drift", why, fact, Some(drift.at), Some(&drift.object));
    found.fixes = vec![fixes::resync(view), fixes::open_subscription(&drift.object)];
    Some(found)
}

/// S1 to S8: none, or one that does not give access.
pub(super) fn find(view: &View<'_>) -> Option<Finding> {
    let reason = view.decision.reason;
    let Some(facts) = view.subscription() else {
        return (view.has_customer() && view.expired_grant().is_none()).then(|| none(view));
    };
    let sub = &facts.subscription;
    let id = &sub.id;
    let since = match view.standing(facts) {
        Standing::Bad { since, .. } => since,
        Standing::Good { .. } => None,
    };
    let on = since.map(|at| format!(" on {}", day(at))).unwrap_or_default();
    let grant = fixes::grant(view);
    let open = fixes::open_subscription(id);
    let (code, why, fixes) = match reason {
        Reason::SubscriptionIncomplete => {
            let why =
                format!("The first payment of {id} is not done: it may need the buyer's confirmation (3-D Secure).");
            ("sub_incomplete", why, vec![open, grant])
        }
        Reason::SubscriptionIncompleteExpired => {
            let why = format!(
                "The first payment of {id} failed for 23 hours, and Stripe closed it; they have to start again."
            );
            ("sub_incomplete_expired", why, vec![grant])
        }
        Reason::GracePeriodOver => grace_over(view, facts, since),
        Reason::SubscriptionUnpaid => {
            let debit = facts.failed_debit.as_ref().filter(|_| sub.status == SubscriptionStatus::Active);
            let why = match debit {
                Some(debit) => format!(
                    "The debit of {} failed on {}; Stripe keeps {id} active, the policy does not.",
                    debit.invoice_id,
                    day(debit.at)
                ),
                None => format!("All retries to collect for {id} failed; Stripe calls it unpaid."),
            };
            ("sub_unpaid", why, vec![open, grant])
        }
        Reason::SubscriptionPaused => ("sub_paused", paused(facts, &on), vec![open, grant]),
        Reason::SubscriptionCanceled => ("sub_canceled", canceled(view, facts, &on), vec![grant]),
        Reason::TrialEnded => {
            let feature = view.chain.feature.as_deref();
            let fix =
                feature.map_or(grant, |feature| fixes::extend(view, feature, &format!("Extend {feature} by hand")));
            ("trial_ended", format!("The trial of {id} ended{on}, and no payment followed."), vec![fix])
        }
        Reason::NoPayment => {
            let why = format!(
                "{id} is “{}”, a status this version does not know; it is not taken for paid.",
                sub.status.as_str()
            );
            ("sub_none", why, vec![fixes::resync(view), grant])
        }
        _ => return None,
    };
    let mut found = broken(code, why, format!("{id} is {}{on}", spoken(&sub.status)), since, Some(id));
    found.fixes = fixes;
    Some(found)
}

/// Also the last word when no other row applies to somebody with a customer.
pub(super) fn none(view: &View<'_>) -> Finding {
    let customer = view.chain.customers.first().map(|c| &c.id).or_else(|| view.chain.facts?.customers.first());
    let Some(customer) = customer else { return checkout::never_began(view) };
    let deleted = view.chain.customers.iter().find(|c| c.deleted && c.id == *customer);
    let why = match deleted {
        Some(_) => format!("{customer} has no subscription; it was deleted in Stripe."),
        None => format!("{customer} has no subscription."),
    };
    let mut found = broken("sub_none", why, "No subscription".to_owned(), None, Some(customer));
    found.fixes = vec![fixes::resync(view), fixes::grant(view)];
    found
}

fn grace_over(
    view: &View<'_>,
    facts: &SubscriptionFacts,
    end: Option<Timestamp>,
) -> (&'static str, String, Vec<super::Fix>) {
    let id = &facts.subscription.id;
    let ended = end.map(|at| format!(" ended {}", day(at))).unwrap_or_else(|| " is over".to_owned());
    let open = fixes::open_subscription(id);
    if facts.subscription.status == SubscriptionStatus::PastDue {
        let failed = facts.past_due_since.map(|at| format!(" on {}", day(at))).unwrap_or_default();
        let why = format!("The payment of {id} failed{failed}; the grace{ended}.");
        let feature = view.chain.feature.as_deref();
        let fix = feature
            .map_or_else(|| fixes::grant(view), |key| fixes::extend(view, key, &format!("Extend the grace of {key}")));
        return ("sub_past_due", why, vec![fix, open]);
    }
    let paid = view.item(facts).and_then(|item| item.current_period_end);
    let paid =
        paid.map(|at| format!(" was paid until {}", day(at))).unwrap_or_else(|| "'s paid time is over".to_owned());
    let why = format!("{id}{paid}, no renewal was heard of, and the grace{ended}.");
    ("sub_past_due", why, vec![fixes::resync(view), open, fixes::grant(view)])
}

fn canceled(view: &View<'_>, facts: &SubscriptionFacts, on: &str) -> String {
    let sub = &facts.subscription;
    let by = match sub.cancellation_reason.as_deref() {
        Some("cancellation_requested") => " (cancellation requested)",
        Some("payment_failed") => " (payment failed)",
        Some("payment_disputed") => " (payment disputed)",
        _ => "",
    };
    let deleted = view.chain.customers.iter().find(|c| c.deleted && c.id == sub.customer_id);
    let gone = deleted.map(|c| format!(" {} was deleted in Stripe.", c.id)).unwrap_or_default();
    format!("{} ended{on}{by}.{gone}", sub.id)
}

/// Paused by somebody, or still running while Stripe collects nothing and the policy gives nothing for that.
fn paused(facts: &SubscriptionFacts, on: &str) -> String {
    let sub = &facts.subscription;
    match sub.pause_behavior.as_deref().filter(|_| sub.status != SubscriptionStatus::Paused) {
        Some(behavior) => {
            let (behavior, ended) =
                (behavior.replace('_', " "), if on.is_empty() { " gives no access" } else { " ended access" });
            format!(
                "{} is {}, and its collection is paused ({behavior}): the policy{ended}{on}.",
                sub.id,
                spoken(&sub.status)
            )
        }
        None => format!("{} is paused{on}.", sub.id),
    }
}

fn spoken(status: &SubscriptionStatus) -> String {
    status.as_str().replace('_', " ")
}

fn broken(code: &'static str, why: String, fact: String, at: Option<Timestamp>, evidence: Option<&String>) -> Finding {
    let link = LinkName::Subscription;
    Finding { code, link, state: LinkState::Broken, why, fact, at, evidence: evidence.cloned(), fixes: vec![] }
}

/// The link as it stands, whatever else is broken.
pub(super) fn link(view: &View<'_>) -> Link {
    let make = |state, fact, at, evidence| Link { name: LinkName::Subscription, state, fact, at, evidence };
    if let Some(link) = purchase::link(view) {
        return link;
    }
    let Some(facts) = view.subscription() else {
        return make(LinkState::NotReached, "No subscription is known".to_owned(), None, None);
    };
    let sub = &facts.subscription;
    let is = format!("{} is {}", sub.id, spoken(&sub.status));
    match view.standing(facts) {
        Standing::Good { reason, until } => {
            let until = until.map(|at| format!(" until {}", day(at))).unwrap_or_default();
            let grace = if reason == Reason::GracePeriod { ", in grace" } else { "" };
            make(LinkState::Ok, format!("{is}{grace}{until}"), sub.created, Some(sub.id.clone()))
        }
        Standing::Bad { since, .. } => make(LinkState::Unknown, is, since, Some(sub.id.clone())),
    }
}
