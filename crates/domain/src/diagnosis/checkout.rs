//! Link 1: did they go through Stripe's Checkout?

use super::chain::CheckoutRecord;
use super::view::{Finding, View};
use super::words::{day, span};
use super::{Link, LinkName, LinkState, fixes};
use crate::Livemode;
use crate::access::Reason;

/// Paid in the other mode, which this question is not about.
pub(super) fn other_mode(view: &View<'_>) -> Option<Finding> {
    let chain = view.chain;
    if !chain.other_mode || view.has_customer() || !chain.checkouts.is_empty() {
        return None;
    }
    let other = if chain.mode == Livemode::Live { Livemode::Test } else { Livemode::Live };
    Some(Finding {
        code: "mode_mismatch",
        link: LinkName::Checkout,
        state: LinkState::Broken,
        why: format!("{} is known in {other} mode, and this is the answer for {} mode.", chain.user_id, chain.mode),
        fact: format!("Known in {other} mode only"),
        at: None,
        evidence: None,
        fixes: vec![fixes::validator("Check the keys of both modes"), fixes::grant(view)],
    })
}

/// C1 to C4: never began, not finished, given up, or not paid yet.
pub(super) fn find(view: &View<'_>) -> Option<Finding> {
    let pending = view.decision.reason == Reason::PaymentPending;
    let Some(newest) = newest(view) else {
        let nothing =
            !view.has_customer() && !pending && view.subscriptions().is_empty() && view.expired_grant().is_none();
        return if nothing { Some(never_began(view)) } else { pending.then(|| clearing(view, None)) };
    };
    let later_than_subscriptions =
        view.subscriptions().iter().all(|s| s.subscription.created <= newest.session.created);
    if pending {
        let session = view.chain.checkouts.iter().filter(|record| record.session.is_payment_pending());
        return Some(clearing(view, session.max_by_key(|record| record.at)));
    }
    let bought_other = matches!(view.decision.reason, Reason::PriceNotInCatalog | Reason::NotInPlan);
    if view.has_live_subscription() || !later_than_subscriptions || (bought_other && view.purchase().is_some()) {
        return None;
    }
    if newest.session.is_payment_pending() {
        return Some(clearing(view, Some(newest)));
    }
    let over = newest.session.expires_at.is_some_and(|end| end <= view.chain.now);
    match newest.session.status.as_deref() {
        Some("open") if !over => Some(open(view, newest)),
        Some("open" | "expired") if view.subscriptions().is_empty() && view.purchase().is_none() => {
            Some(expired(view, newest))
        }
        _ => None,
    }
}

fn newest<'a>(view: &View<'a>) -> Option<&'a CheckoutRecord> {
    view.chain.checkouts.iter().max_by_key(|record| (record.session.created, record.at))
}

/// Also the last word when no other row applies to somebody without customer.
pub(super) fn never_began(view: &View<'_>) -> Finding {
    Finding {
        code: "no_checkout",
        link: LinkName::Checkout,
        state: LinkState::Broken,
        why: format!("{} never started Checkout: no session and no Stripe customer is known.", view.chain.user_id),
        fact: "No Checkout session".to_owned(),
        at: None,
        evidence: None,
        fixes: vec![fixes::find_customer(view), fixes::grant(view)],
    }
}

fn open(view: &View<'_>, record: &CheckoutRecord) -> Finding {
    let session = &record.session;
    let left = session.expires_at.map(|end| format!(" (expires in {})", span(view.chain.now, end))).unwrap_or_default();
    let link = session.url.as_deref().and_then(|url| fixes::checkout_link(&session.id, url));
    Finding {
        code: "checkout_open",
        link: LinkName::Checkout,
        state: LinkState::Waiting,
        why: format!("Checkout {} is not finished{left}.", session.id),
        fact: format!("{} is open", session.id),
        at: Some(record.at),
        evidence: Some(session.id.clone()),
        fixes: link.into_iter().chain([fixes::grant(view)]).collect(),
    }
}

fn expired(view: &View<'_>, record: &CheckoutRecord) -> Finding {
    let session = &record.session;
    let when = session.expires_at.filter(|end| *end <= view.chain.now).map(|end| format!(" on {}", day(end)));
    Finding {
        code: "checkout_expired",
        link: LinkName::Checkout,
        state: LinkState::Broken,
        why: format!(
            "Checkout {} expired{} before payment; they have to start again.",
            session.id,
            when.unwrap_or_default()
        ),
        fact: format!("{} expired", session.id),
        at: session.expires_at.or(Some(record.at)),
        evidence: Some(session.id.clone()),
        fixes: vec![fixes::grant(view)],
    }
}

fn clearing(view: &View<'_>, record: Option<&CheckoutRecord>) -> Finding {
    let id = record.map(|record| record.session.id.clone());
    let which = id.as_ref().map(|id| format!(" of {id}")).unwrap_or_default();
    Finding {
        code: "checkout_payment_pending",
        link: LinkName::Checkout,
        state: LinkState::Waiting,
        why: format!("The payment{which} is still clearing; access comes by itself when Stripe reports it."),
        fact: format!("Payment{which} is clearing"),
        at: record.map(|record| record.at),
        evidence: id,
        fixes: vec![fixes::resync(view), fixes::grant(view)],
    }
}

/// The link as it stands, whatever else is broken.
pub(super) fn link(view: &View<'_>) -> Link {
    let complete = view.chain.checkouts.iter().filter(|record| record.session.status.as_deref() == Some("complete"));
    let shown = complete.max_by_key(|record| record.at).or_else(|| newest(view));
    let (state, fact, at, evidence) = match (shown, view.subscription()) {
        (Some(record), _) if record.session.is_payment_pending() => (
            LinkState::Waiting,
            format!("{} complete, payment clearing", record.session.id),
            Some(record.at),
            Some(&record.session.id),
        ),
        (Some(record), _) if record.session.status.as_deref() == Some("complete") => {
            let fact = format!("{} complete, {}", record.session.id, record.session.payment_status.replace('_', " "));
            (LinkState::Ok, fact, Some(record.at), Some(&record.session.id))
        }
        (_, Some(facts)) => {
            let sub = &facts.subscription;
            (
                LinkState::Ok,
                format!("{} exists; no finished Checkout session is stored", sub.id),
                sub.created,
                Some(&sub.id),
            )
        }
        (Some(record), None) => {
            let status = record.session.status.as_deref().unwrap_or("in an unknown state");
            (
                LinkState::Unknown,
                format!("{} is {status}", record.session.id),
                Some(record.at),
                Some(&record.session.id),
            )
        }
        (None, None) => (LinkState::NotReached, "No Checkout session is stored".to_owned(), None, None),
    };
    Link { name: LinkName::Checkout, state, fact, at, evidence: evidence.cloned() }
}
