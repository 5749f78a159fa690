//! What a source that gives access should be seen for all the same: money that did not stay, and what is about to change.

use super::view::View;
use super::words::day;
use crate::access::{PaymentFacts, PurchaseFlag, PurchaseStanding, Source, SubscriptionFacts};
use crate::stripe::DisputeStanding;

/// The end of a sentence.
pub(super) struct Flag {
    pub(super) words: String,
    /// Whether access is at risk.
    pub(super) at_risk: bool,
}

impl Flag {
    const fn risk(words: String) -> Self {
        Self { words, at_risk: true }
    }

    const fn note(words: String) -> Self {
        Self { words, at_risk: false }
    }
}

/// The flag of a source that weighs most.
pub(super) fn of(view: &View<'_>, source: &Source) -> Option<Flag> {
    if source.kind == "subscription" {
        let facts = view.subscriptions().iter().find(|facts| facts.subscription.id == source.id)?;
        return of_money(view, facts).or_else(|| of_changes(facts));
    }
    let purchase = view.purchases().iter().find(|purchase| purchase.id == source.id)?;
    match purchase.standing(&view.chain.policy.payments) {
        PurchaseStanding::Good { flag: Some(PurchaseFlag::Disputed(dispute)), .. } => {
            let status = dispute.status.replace('_', " ");
            Some(Flag::risk(format!("the payment of {} is disputed ({} is {status})", source.id, dispute.id)))
        }
        PurchaseStanding::Good { flag: Some(PurchaseFlag::Refunded { .. }), .. } => {
            let part = if purchase.is_refunded() { "" } else { " in part" };
            Some(Flag::note(format!("the payment of {} was refunded{part}", source.id)))
        }
        _ => None,
    }
}

/// Money of a subscription that did not come, or did not stay: Stripe changes no status for it
/// (docs.stripe.com/billing/subscriptions/overview, docs.stripe.com/refunds), so it is shown.
fn of_money(view: &View<'_>, facts: &SubscriptionFacts) -> Option<Flag> {
    let sub = &facts.subscription;
    if let Some(debit) = facts.failed_debit.as_ref().filter(|_| sub.status.as_str() == "active") {
        let (invoice, when) = (&debit.invoice_id, day(debit.at));
        return Some(Flag::risk(format!(
            "the debit of {invoice} failed on {when}, and Stripe keeps {} active",
            sub.id
        )));
    }
    let invoice = sub.latest_invoice.as_ref()?;
    let payment = view.chain.invoice_payments.get(invoice)?;
    if let Some((dispute, standing)) = payment.dispute() {
        let status = dispute.status.replace('_', " ");
        let words = format!("the payment of {invoice} for {} is disputed ({} is {status})", sub.id, dispute.id);
        let at_risk = standing != DisputeStanding::Inquiry;
        return Some(Flag { words, at_risk });
    }
    let when = payment.refunded_at().map(|at| format!(" on {}", day(at))).unwrap_or_default();
    refunded(payment).map(|part| {
        Flag::note(format!(
            "the payment of {invoice} for {} was refunded{part}{when}, and Stripe lets it go on",
            sub.id
        ))
    })
}

/// How much of it went back; none when nothing did.
fn refunded(payment: &PaymentFacts) -> Option<&'static str> {
    let refunded = payment.refunded();
    let is_part = payment.amount().is_some_and(|amount| refunded < amount);
    (refunded > 0).then_some(if is_part { " in part" } else { "" })
}

/// What Stripe was told to do with the subscription, and has not done yet.
fn of_changes(facts: &SubscriptionFacts) -> Option<Flag> {
    let sub = &facts.subscription;
    if let Some(behavior) = &sub.pause_behavior {
        let behavior = behavior.replace('_', " ");
        return Some(Flag::note(format!("its collection is paused ({behavior}), which leaves access as it is")));
    }
    if let Some(until) = sub.pending_update_until {
        let until = day(until);
        return Some(Flag::note(format!("a change of it waits for its payment until {until} and gives nothing yet")));
    }
    sub.schedule_id.as_ref().map(|schedule| Flag::note(format!("schedule {schedule} is going to change it")))
}
