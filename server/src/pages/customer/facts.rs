//! What is stored about each link of the chain: the evidence behind its one sentence.

use app::pages::customer::{CustomerLine, Fact};
use domain::access::{PaymentState, PurchaseFacts};
use domain::diagnosis::LinkName;
use domain::event::EventStatus;
use store::records::TargetKind;

use super::Found;
use crate::admin::customers::{encoded, path};
use crate::pages::{Ask, catalog};

/// Events that are named.
const EVENTS: usize = 10;

pub(super) async fn of(
    ask: &Ask<'_>,
    found: &Found<'_>,
    customers: &[CustomerLine],
    link: LinkName,
) -> anyhow::Result<Vec<Fact>> {
    match link {
        LinkName::Checkout => checkouts(ask, found).await,
        LinkName::Webhook => Ok(events(found)),
        LinkName::Mapping => mappings(ask, found, customers).await,
        LinkName::Subscription => Ok([subscriptions(found), purchases(ask, found)].concat()),
        LinkName::Entitlement => Ok(entitlements(ask, found)),
    }
}

async fn checkouts(ask: &Ask<'_>, found: &Found<'_>) -> anyhow::Result<Vec<Fact>> {
    let sessions = ask.state.store.checkout_sessions_of(ask.livemode, found.customers, found.user_id).await?;
    let fact = |row: store::records::CheckoutRecord| {
        let session = row.session;
        let status = session.status.unwrap_or_else(|| "unknown".into());
        let states = format!("{status}, {}", session.payment_status.replace('_', " "));
        let named = session.client_reference_id.or(session.claimed_user);
        let named = named.map_or_else(|| "names no user".to_owned(), |user| format!("names {user}"));
        Fact { what: session.id, href: None, value: format!("{states}; {named}"), at: Some(row.evidence_at) }
    };
    Ok(sessions.into_iter().map(fact).collect())
}

/// The ones that failed or wait first: they are what one looks for.
fn events(found: &Found<'_>) -> Vec<Fact> {
    let mut events: Vec<_> = found.events.data.iter().collect();
    events.sort_by_key(|event| matches!(event.status, EventStatus::Processed | EventStatus::Ignored));
    let fact = |event: &&store::records::EventRecord| Fact {
        what: event.kind.clone(),
        href: Some(format!("/admin/events/{}", encoded(&event.event_id))),
        value: match &event.error {
            Some(error) => format!("{}: {error}", event.status.as_str()),
            None => event.status.as_str().to_owned(),
        },
        at: Some(event.received_at),
    };
    events.iter().take(EVENTS).map(fact).collect()
}

async fn mappings(ask: &Ask<'_>, found: &Found<'_>, customers: &[CustomerLine]) -> anyhow::Result<Vec<Fact>> {
    let linked = customers.iter().map(|customer| {
        let (value, at) = match (&customer.mapped, found.user_id) {
            (Some((source, since)), Some(user)) => {
                (format!("linked to {user} by {}", source.replace('_', " ")), Some(*since))
            }
            _ => ("linked to no user".to_owned(), None),
        };
        let href = format!("/admin/mappings?q={}", encoded(&customer.id));
        Fact { what: customer.id.clone(), href: Some(href), value, at }
    });
    let mut facts: Vec<Fact> = linked.collect();
    for conflict in ask.state.store.open_conflicts(ask.livemode, None).await? {
        let ours = [&conflict.mapped_user_id, &conflict.claimed_user_id];
        if ours.iter().any(|user| found.user_id == Some(user.as_str())) {
            facts.push(Fact {
                what: conflict.customer_id,
                href: Some("/admin/mappings".into()),
                value: format!(
                    "linked to {}, but {} names {}",
                    conflict.mapped_user_id, conflict.evidence, conflict.claimed_user_id
                ),
                at: Some(conflict.since),
            });
        }
    }
    Ok(facts)
}

fn subscriptions(found: &Found<'_>) -> Vec<Fact> {
    let fact = |record: &store::records::SubscriptionRecord| {
        let subscription = &record.subscription;
        let day = |at: domain::Timestamp| at.to_string()[..10].to_owned();
        let paid = subscription.current_period_end().map(|end| format!("paid until {}", day(end)));
        let due = record.past_due_since.map(|since| format!("past due since {}", day(since)));
        let ends = subscription.ends_at().map(|end| format!("ends {}", day(end)));
        let status = Some(subscription.status.as_str().replace('_', " "));
        Fact {
            what: subscription.id.clone(),
            href: Some(format!("/admin/subscriptions/{}", encoded(&subscription.id))),
            value: [status, paid, due, ends].into_iter().flatten().collect::<Vec<_>>().join(", "),
            at: Some(record.evidence_at),
        }
    };
    found.subscriptions.iter().map(fact).collect()
}

/// One-time purchases, and what came of their money.
fn purchases(ask: &Ask<'_>, found: &Found<'_>) -> Vec<Fact> {
    let facts = found.user_id.and_then(|user| ask.state.store.index().facts(ask.livemode, user));
    let fact = |purchase: &PurchaseFacts| {
        let (state, at) = match purchase.state {
            PaymentState::Paid { at } => ("paid once", Some(at)),
            PaymentState::Pending => ("payment pending", None),
            PaymentState::Failed => ("payment failed", None),
        };
        let refunded = (purchase.payment.refunded() > 0).then(|| {
            let part = if purchase.is_refunded() { "" } else { " in part" };
            format!("refunded{part}")
        });
        let dispute = purchase
            .payment
            .dispute()
            .map(|(dispute, _)| format!("{}: {}", dispute.id, dispute.status.replace('_', " ")));
        let said = [Some(state.to_owned()), refunded, dispute];
        let value = said.into_iter().flatten().collect::<Vec<_>>().join(", ");
        Fact { what: purchase.id.clone(), href: None, value, at }
    };
    facts.iter().flat_map(|facts| &facts.purchases).map(fact).collect()
}

/// What each price gives, and what was given or taken by hand.
fn entitlements(ask: &Ask<'_>, found: &Found<'_>) -> Vec<Fact> {
    let catalog = ask.state.store.index().catalog(ask.livemode);
    let items = found.subscriptions.iter().flat_map(|record| &record.subscription.items);
    let prices = items.map(|item| {
        let keys: Vec<&str> =
            catalog.grants(&item.price_id, item.product_id.as_deref()).map(|grant| grant.feature.as_str()).collect();
        let gives = if keys.is_empty() { "gives no feature".to_owned() } else { format!("gives {}", keys.join(", ")) };
        Fact {
            what: item.price_id.clone(),
            href: Some(catalog::path(TargetKind::Price, &item.price_id)),
            value: gives,
            at: None,
        }
    });
    let active = found.overrides.iter().filter(|row| row.revoked_at.is_none());
    let overrides = active.map(|row| Fact {
        what: format!("{} of {} by hand", row.effect.as_str(), row.feature),
        href: Some(format!("{}?tab=overrides#tab", path(&row.user_id))),
        value: format!("{}, by {}", row.reason, row.created_by),
        at: Some(row.created_at),
    });
    prices.chain(overrides).collect()
}
