//! `/admin/customers/{id}`

use app::pages::{Page, customer};
use domain::Livemode;
use store::records::{EventFilter, OverrideFilter, SubscriptionRecord};

use super::{Ask, Loaded, customers, overrides};
use crate::admin::customers::{path, user_of};
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
    let allowed = diagnosis.code.starts_with("ok");

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
    let view = customer::View {
        heading,
        href: path(&id),
        timeline: timeline(ask, user_id.as_deref(), &ids).await?,
        id,
        user_id,
        customers,
        feature,
        diagnosis,
        allowed,
        features,
        tab: ask.param("tab").unwrap_or("timeline").to_owned(),
        subscriptions: subscriptions.into_iter().map(subscription_line).collect(),
        overrides: overrides.into_iter().map(overrides::row).collect(),
        stripe_url: stripe_url(livemode),
        can_read: ask.state.gateway(livemode).is_some(),
    };
    Ok(Some(Page::Customer(Box::new(view))))
}

/// Where Stripe's dashboard shows a customer, the id to be appended.
const fn stripe_url(livemode: Livemode) -> &'static str {
    match livemode {
        Livemode::Live => "https://dashboard.stripe.com/customers/",
        Livemode::Test => "https://dashboard.stripe.com/test/customers/",
    }
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

/// Events of the customers and changes of the user's answers, merged, newest first.
async fn timeline(
    ask: &Ask<'_>,
    user_id: Option<&str>,
    customers: &[String],
) -> anyhow::Result<Vec<customer::TimelineRow>> {
    let (store, livemode) = (&ask.state.store, ask.livemode);
    let mut rows = vec![];
    if !customers.is_empty() {
        let filter = EventFilter { customers: customers.to_vec(), limit: TIMELINE, ..EventFilter::default() };
        for event in store.events(livemode, &filter).await?.data {
            let effect = event.effects.as_ref().map(|effects| {
                let signs = effects.verdicts.iter().filter(|change| change.allowed_before != change.allowed_after);
                let words: Vec<_> = signs
                    .map(|change| format!("{}{}", if change.allowed_after { "+" } else { "−" }, change.feature))
                    .collect();
                words.join(" ")
            });
            rows.push(customer::TimelineRow {
                at: event.received_at,
                href: Some(format!("/admin/events/{}", event.event_id)),
                what: event.kind,
                status: Some(event.status),
                effect: effect.filter(|effect| !effect.is_empty()).or(event.error).unwrap_or_else(|| "none".into()),
                by: "Stripe".into(),
            });
        }
    }
    if let Some(user) = user_id {
        for change in store.verdict_changes(livemode, user, TIMELINE).await? {
            // What an event changed stands on the event's own row.
            if change.cause_kind != "event" && change.change.allowed_before != change.change.allowed_after {
                let sign = if change.change.allowed_after { "+" } else { "−" };
                rows.push(customer::TimelineRow {
                    at: change.at,
                    what: format!("{} {}", change.cause_kind, change.cause_id),
                    href: None,
                    status: None,
                    effect: format!(
                        "{sign}{} ({})",
                        change.change.feature,
                        change.change.reason_after.replace('_', " ")
                    ),
                    by: change.cause_kind,
                });
            }
        }
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.at));
    Ok(rows)
}
