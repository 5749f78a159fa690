//! `/admin/customers/{id}`

mod checks;
mod facts;
mod past;
mod raw;
mod timeline;

use std::collections::HashMap;

use app::pages::{Page, customer};
use domain::diagnosis::LinkName;
use domain::role::Role;
use store::records::{EventFilter, EventRecord, OverrideFilter, OverrideRecord, Page as Rows, SubscriptionRecord};

use super::{Ask, Loaded, customers, events, overrides};
use crate::admin::customers::{encoded, path, user_of};
use crate::diagnose::{Subject, diagnose_subject};

/// How far back the timeline goes, in rows of each kind.
const TIMELINE: i64 = 100;

pub(super) async fn customer(ask: &Ask<'_>, id: &str) -> Loaded {
    let (store, livemode) = (&ask.state.store, ask.livemode);
    let user_id = user_of(ask.state, livemode, id).await?;
    let subject = match &user_id {
        Some(user) => Subject::User(user.clone()),
        None if store.customer(livemode, id).await?.is_some() => Subject::Customer(id.to_owned()),
        None => return Ok(None),
    };
    let customers = customer_lines(ask, user_id.as_deref(), id).await?;
    let ids: Vec<String> = customers.iter().map(|line| line.id.clone()).collect();
    let app_user = match &user_id {
        Some(user) => store.user(livemode, user).await?,
        None => None,
    };
    let named = match ids.first() {
        Some(first) => store.customer(livemode, first).await?.and_then(|customer| customer.name.or(customer.email)),
        None => None,
    };
    let heading = app_user.and_then(|user| user.name.or(user.email)).or(named).unwrap_or_else(|| id.to_owned());

    let policy = store.options().policy;
    let features =
        user_id.as_deref().map(|user| store.index().entitlements(livemode, user, &policy, ask.now)).unwrap_or_default();
    let feature = ask.param("feature").map(str::to_owned);
    let diagnosis = diagnose_subject(ask.state, livemode, &subject, feature.as_deref()).await?;
    let allowed = diagnosis.broken_link.is_none();

    let mut subscriptions = vec![];
    for id in &ids {
        subscriptions.extend(store.subscriptions_of(livemode, id).await?);
    }
    subscriptions
        .sort_by_key(|found| (customers::rank(found.subscription.status.as_str()), found.subscription.id.clone()));
    let overrides = match &user_id {
        Some(user) => {
            store
                .overrides(livemode, &OverrideFilter { user_id: Some(user.clone()), after: None, limit: TIMELINE })
                .await?
                .data
        }
        None => vec![],
    };
    let id = user_id.clone().unwrap_or_else(|| id.to_owned());
    let found = Found {
        user_id: user_id.as_deref(),
        customers: &ids,
        subscriptions,
        overrides,
        events: events_of(ask, &ids).await?,
    };
    let tab = ask.param("tab").unwrap_or("timeline").to_owned();
    let link = ask.param("link").and_then(link_name).or(diagnosis.broken_link);
    let raw = match tab == "raw" && ask.actor.role >= Role::Support {
        true => {
            super::note_reading(ask, ("customer", &id)).await?;
            Some(raw::raw(ask, &found, &customers).await?)
        }
        false => None,
    };
    let keys = features.iter().map(|(key, _)| key.clone()).collect();
    let past = match (&user_id, tab.as_str()) {
        (Some(user), "timeline") => Some(past::past(ask, user, keys).await?),
        _ => None,
    };
    let checks = match &user_id {
        Some(user) => checks::checks(ask, user, tab == "checks").await?,
        None => vec![],
    };
    let erased_at = store.erased_since(livemode, &ids).await?;
    let users: HashMap<String, Option<String>> = ids.iter().map(|id| (id.clone(), user_id.clone())).collect();
    let view = customer::View {
        heading,
        href: path(&id),
        facts: match link {
            Some(link) => facts::of(ask, &found, &customers, link).await?,
            None => Vec::new(),
        },
        link,
        timeline: match tab.as_str() {
            "timeline" => timeline::timeline(ask, &found).await?,
            _ => Vec::new(),
        },
        show: customer::Show::parse(ask.param("show").unwrap_or_default()),
        past,
        raw,
        checks,
        more_events: found.events.has_more,
        subscriptions: found.subscriptions.into_iter().map(subscription_line).collect(),
        overrides: found.overrides.into_iter().map(|record| overrides::row(ask, record)).collect(),
        events: found.events.data.into_iter().map(|event| events::row(event, &users)).collect(),
        id,
        user_id,
        customers,
        feature,
        diagnosis,
        allowed,
        features,
        tab,
        erased_at,
        can_read: ask.state.gateway(livemode).is_some(),
    };
    Ok(Some(Page::Customer(Box::new(view))))
}

/// What is stored about whom the page is about.
struct Found<'a> {
    user_id: Option<&'a str>,
    /// The Stripe customers' ids.
    customers: &'a [String],
    /// The best first.
    subscriptions: Vec<SubscriptionRecord>,
    /// Newest first.
    overrides: Vec<OverrideRecord>,
    /// Newest first.
    events: Rows<EventRecord>,
}

async fn events_of(ask: &Ask<'_>, customers: &[String]) -> anyhow::Result<Rows<EventRecord>> {
    // A filter without customers would mean everybody's.
    if customers.is_empty() {
        return Ok(Rows { data: Vec::new(), has_more: false });
    }
    let filter = EventFilter { customers: customers.to_vec(), limit: TIMELINE, ..EventFilter::default() };
    Ok(ask.state.store.events(ask.livemode, &filter).await?)
}

/// The link an address names.
fn link_name(word: &str) -> Option<LinkName> {
    match word {
        "checkout" => Some(LinkName::Checkout),
        "webhook" => Some(LinkName::Webhook),
        "mapping" => Some(LinkName::Mapping),
        "subscription" => Some(LinkName::Subscription),
        "entitlement" => Some(LinkName::Entitlement),
        _ => None,
    }
}

/// Stripe's page of a payer: the customer's, or the payment's of a guest, whose session has no page.
async fn stripe_page(ask: &Ask<'_>, id: &str) -> anyhow::Result<Option<String>> {
    let test = if ask.livemode.is_live() { "" } else { "test/" };
    if id.starts_with("cus_") {
        return Ok(Some(format!("https://dashboard.stripe.com/{test}customers/{}", encoded(id))));
    }
    let session = ask.state.store.checkout_session(ask.livemode, id).await?;
    let payment = session.and_then(|found| found.session.payment_intent_id);
    Ok(payment.map(|payment| format!("https://dashboard.stripe.com/{test}payments/{}", encoded(&payment))))
}

async fn customer_lines(ask: &Ask<'_>, user_id: Option<&str>, id: &str) -> anyhow::Result<Vec<customer::CustomerLine>> {
    let (store, livemode) = (&ask.state.store, ask.livemode);
    let mapped: Vec<_> = match user_id {
        Some(user) => store
            .mappings_of(livemode, user)
            .await?
            .into_iter()
            .map(|m| (m.customer_id, Some((m.source.as_str().to_owned(), m.since))))
            .collect(),
        None => vec![(id.to_owned(), None)],
    };
    let mut lines = vec![];
    for (customer_id, mapped) in mapped {
        let found = store.customer(livemode, &customer_id).await?;
        lines.push(customer::CustomerLine {
            stripe_page: stripe_page(ask, &customer_id).await?,
            id: customer_id,
            mapped,
            email: found.as_ref().and_then(|customer| customer.email.clone()),
            deleted: found.as_ref().is_some_and(|customer| customer.deleted),
            synced_at: found.as_ref().and_then(|customer| customer.synced_at),
            read_error: found.and_then(|customer| customer.read_error),
        });
    }
    Ok(lines)
}

fn subscription_line(found: SubscriptionRecord) -> customer::SubscriptionLine {
    let subscription = found.subscription;
    customer::SubscriptionLine {
        prices: subscription.items.iter().map(|item| item.price_id.as_str()).collect::<Vec<_>>().join(", "),
        period_end: subscription.current_period_end(),
        ends_at: subscription.ends_at(),
        evidence_at: found.evidence_at,
        id: subscription.id,
        status: subscription.status,
    }
}
