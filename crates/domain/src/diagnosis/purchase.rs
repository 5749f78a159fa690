//! One-time purchases along the chain: link 4 says whether their money stayed, link 5 what they give.

use super::view::{Finding, View};
use super::words::day;
use super::{Fix, Link, LinkName, LinkState, fixes};
use crate::Timestamp;
use crate::access::{PaymentState, PurchaseFacts, PurchaseStanding, Reason, Source};

/// W6 for a purchase: paid, but what it sells was not read yet.
pub(super) fn unread(view: &View<'_>) -> Option<Finding> {
    let purchase = view.purchase().filter(|purchase| purchase.items.is_none())?;
    if view.decision.reason != Reason::PaymentPending || !matches!(purchase.state, PaymentState::Paid { .. }) {
        return None;
    }
    let id = &purchase.id;
    let (what, fixes) = if view.chain.has_stripe_key {
        ("is still to be read from Stripe".to_owned(), vec![fixes::resync(view), fixes::grant(view)])
    } else {
        let mode = view.chain.mode;
        let check = fixes::validator("Check the Stripe key");
        (format!("can only be read from Stripe, and no key for {mode} mode is set"), vec![check, fixes::grant(view)])
    };
    Some(Finding {
        code: "webhook_pending",
        link: LinkName::Webhook,
        state: LinkState::Waiting,
        why: format!("{id} is paid; what it sells {what}."),
        fact: format!("{id} waits to be read"),
        at: None,
        evidence: Some(id.clone()),
        fixes,
    })
}

/// S9 and its kin: refunded, disputed, over, never paid, or paid for something else.
pub(super) fn find(view: &View<'_>) -> Option<Finding> {
    let purchase = view.purchase()?;
    let id = &purchase.id;
    let since = match purchase.standing(&view.chain.policy.payments) {
        PurchaseStanding::Bad { since, .. } => since,
        PurchaseStanding::Good { .. } => None,
    };
    let on = since.map(|at| format!(" on {}", day(at))).unwrap_or_default();
    let grant = vec![fixes::grant(view)];
    match view.decision.reason {
        Reason::Refunded => {
            let part = if purchase.is_refunded() { "" } else { " in part" };
            let why = format!("The payment of {id} was refunded{part}{on}.");
            Some(broken("refunded", why, format!("{id} was refunded{part}{on}"), since, id, grant))
        }
        Reason::Disputed => {
            let (dispute, _) = purchase.payment.dispute()?;
            let status = dispute.status.replace('_', " ");
            let why = format!("The payment of {id} was disputed{on}: {} is {status}.", dispute.id);
            Some(broken("refunded", why, format!("{id} is disputed ({status})"), since, id, grant))
        }
        Reason::PurchaseExpired => {
            let end = source(view)?.until;
            let ended = end.map(|at| format!(" ended on {}", day(at))).unwrap_or_else(|| " is over".to_owned());
            let paid = match purchase.state {
                PaymentState::Paid { at } => format!("; it was paid on {}", day(at)),
                _ => String::new(),
            };
            let why = format!("What {id} gave{ended}{paid}.");
            Some(broken("purchase_expired", why, format!("{id}{ended}"), end, id, grant))
        }
        Reason::NoPayment if purchase.state == PaymentState::Failed => {
            let why = format!("The delayed payment of {id} failed; they have to pay again.");
            let found = broken("checkout_payment_failed", why, format!("Payment of {id} failed"), None, id, grant);
            Some(Finding { link: LinkName::Checkout, ..found })
        }
        Reason::PriceNotInCatalog | Reason::NotInPlan => not_given(view, purchase),
        _ => None,
    }
}

/// E5 and E6 for a purchase.
fn not_given(view: &View<'_>, purchase: &PurchaseFacts) -> Option<Finding> {
    let id = &purchase.id;
    let prices: Vec<&String> = purchase.items.iter().flatten().map(|item| &item.price_id).collect();
    let price = prices.first().copied();
    let named = prices.iter().map(|id| view.price(id)).collect::<Vec<_>>().join(", ");
    let named = if named.is_empty() { "nothing".to_owned() } else { named };
    let (code, why, fact, fixes) = match view.decision.reason {
        Reason::PriceNotInCatalog => (
            "price_not_in_catalog",
            format!("{id} is paid and bought {named}, which gives no feature."),
            format!("{named} gives no feature"),
            price.map(|id| fixes::add_price(id)).into_iter().chain([fixes::grant(view)]).collect(),
        ),
        _ if view.expired_grant().is_none() => (
            "not_in_plan",
            format!("What they bought does not include it: {id} is for {named}."),
            format!("{named} does not give {}", view.chain.feature.as_deref().unwrap_or("it")),
            [fixes::grant(view)].into_iter().chain(price.map(|id| fixes::edit_price(id))).collect(),
        ),
        _ => return None,
    };
    let evidence = price.cloned();
    Some(Finding { code, link: LinkName::Entitlement, state: LinkState::Broken, why, fact, at: None, evidence, fixes })
}

fn source<'a>(view: &View<'a>) -> Option<&'a Source> {
    view.decision.sources.iter().find(|source| source.kind == "purchase")
}

fn broken(
    code: &'static str,
    why: String,
    fact: String,
    at: Option<Timestamp>,
    evidence: &str,
    fixes: Vec<Fix>,
) -> Finding {
    let evidence = Some(evidence.to_owned());
    Finding { code, link: LinkName::Subscription, state: LinkState::Broken, why, fact, at, evidence, fixes }
}

/// Link 4 as it stands, when the decision rests on a purchase.
pub(super) fn link(view: &View<'_>) -> Option<Link> {
    let (purchase, source) = (view.purchase()?, source(view)?);
    let status = source.status.replace('_', " ");
    let (state, at) = match purchase.standing(&view.chain.policy.payments) {
        PurchaseStanding::Good { paid_at, .. } => (LinkState::Ok, Some(paid_at)),
        PurchaseStanding::Bad { reason: Reason::PaymentPending, .. } => (LinkState::Waiting, None),
        PurchaseStanding::Bad { since, .. } => (LinkState::Unknown, since),
    };
    let fact = format!("{} is {status}", purchase.id);
    Some(Link { name: LinkName::Subscription, state, fact, at, evidence: Some(purchase.id.clone()) })
}

/// Link 5 as it stands, when the decision rests on a purchase.
pub(super) fn entitlement(view: &View<'_>) -> Option<Link> {
    let items = view.purchase()?.items.as_ref()?;
    let gives = |item: &&crate::stripe::LineItem| {
        let mut grants = view.chain.catalog.grants(&item.price_id, item.product_id.as_deref());
        grants.any(|grant| view.chain.feature.as_ref().is_none_or(|feature| grant.feature == *feature))
    };
    let what = view.chain.feature.as_deref().unwrap_or("features");
    let giving = items.iter().find(gives);
    let item = giving.or(items.first())?;
    let price = view.price(&item.price_id);
    let (state, fact) = match giving {
        Some(_) => (LinkState::Ok, format!("{price} gives {what}")),
        None => (LinkState::Unknown, format!("{price} does not give {what}")),
    };
    Some(Link { name: LinkName::Entitlement, state, fact, at: None, evidence: Some(item.price_id.clone()) })
}
