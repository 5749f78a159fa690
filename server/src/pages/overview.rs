//! `/admin`

use std::collections::HashSet;

use app::pages::{Page, overview};
use domain::event::EventStatus;
use store::records::{AuditFilter, EventFilter, Purpose, TargetKind};

use super::{Ask, Loaded, catalog, missed};

/// Failed events that are looked at.
const FAILED: i64 = 200;

pub(super) async fn overview(ask: &Ask<'_>) -> Loaded {
    let store = &ask.state.store;
    let (statuses, last_event_at) = store.event_stats(ask.livemode, ask.now).await?;
    let events = statuses.iter().filter_map(|(word, number)| Some((EventStatus::parse(word)?, *number))).collect();
    let counts = store.nav_counts(ask.livemode).await?;
    let row = |sentence: String, customers: i64, href: &str, label: &str| overview::Attention {
        sentence,
        customers,
        href: href.to_owned(),
        label: label.to_owned(),
    };
    let mut attention = vec![];
    let given = store.index().catalog(ask.livemode);
    for target in store
        .list_catalog(ask.livemode)
        .await?
        .into_iter()
        .filter(|target| target.kind == TargetKind::Price && target.customers > 0)
    {
        let product = target.price.as_ref().and_then(|record| record.price.product_id.as_deref());
        if given.grants(&target.id, product).next().is_none() {
            let href = catalog::path(TargetKind::Price, &target.id);
            let name =
                Some(catalog::name(&target)).filter(|name| !name.is_empty()).unwrap_or_else(|| target.id.clone());
            attention.push(row(
                format!("{name} is paid for and gives no feature"),
                target.customers,
                &href,
                "Give features",
            ));
        }
    }
    if counts.failed_events > 0 {
        attention.push(row(
            count(counts.failed_events, "event failed", "events failed"),
            customers_of_failed(ask).await?,
            "/admin/events?status=failed",
            "Look and process again",
        ));
    }
    let (missed, customers) = missed::count(ask).await?;
    if missed > 0 {
        let sentence = count(missed, "event was fetched, not delivered", "events were fetched, not delivered");
        attention.push(row(sentence, customers, "/admin/events?origin=fetched", "See why"));
    }
    if counts.unattributed > 0 {
        attention.push(row(
            count(counts.unattributed, "Stripe customer is nobody's", "Stripe customers are nobody's"),
            counts.unattributed,
            "/admin/unattributed",
            "Link",
        ));
    }
    if counts.conflicts > 0 {
        attention.push(row(
            count(counts.conflicts, "mapping is contradicted", "mappings are contradicted"),
            counts.conflicts,
            "/admin/mappings",
            "Settle",
        ));
    }
    if let Some(last) = store.resyncs(ask.livemode, Some(Purpose::Reconcile), None, 1).await?.data.pop() {
        let differ = store.resync(&last.resync_id).await?.map_or(0, |(_, counts)| counts.differs);
        if differ > 0 {
            let href = format!("/admin/resyncs/{}?state=differs", last.resync_id);
            let sentence = count(differ, "customer differs from Stripe", "customers differ from Stripe");
            attention.push(row(sentence, differ, &href, "Compare"));
        }
    }
    attention.sort_by_key(|row| std::cmp::Reverse(row.customers));
    let newest = AuditFilter { livemode: Some(ask.livemode), limit: 10, ..AuditFilter::default() };
    let actions = store.audit(&newest).await?.data;
    let actions = actions
        .into_iter()
        .map(|entry| overview::Action {
            at: entry.at,
            actor: entry.actor,
            action: entry.action,
            object: entry.object_id,
            reason: entry.reason,
        })
        .collect();
    let keys = store.api_keys().await?;
    let step = |done: bool, words: &str, href: &str| (done, words.to_owned(), href.to_owned());
    let mut steps = vec![
        step(!ask.state.config.webhook_secrets.is_empty(), "Set the webhook's signing secret", "/admin/validator"),
        step(ask.state.gateway(ask.livemode).is_some(), "Set a Stripe API key of this mode", "/admin/validator"),
        step(last_event_at.is_some(), "Receive the first event", "/admin/validator"),
        step(!given.features.is_empty(), "Create a feature", "/admin/features"),
        step(!(given.prices.is_empty() && given.products.is_empty()), "Give a price its features", "/admin/catalog"),
        step(
            keys.iter().any(|key| key.livemode == ask.livemode && key.revoked_at.is_none()),
            "Create an API key",
            "/admin/api-keys",
        ),
    ];
    if steps.iter().all(|(done, ..)| *done) {
        steps.clear();
    }
    Ok(Some(Page::Overview(overview::View { attention, events, last_event_at, actions, steps })))
}

/// How many customers the newest failed events are about.
async fn customers_of_failed(ask: &Ask<'_>) -> store::Result<i64> {
    let statuses = vec![EventStatus::Failed, EventStatus::Dead];
    let filter = EventFilter { statuses, limit: FAILED, ..EventFilter::default() };
    let events = ask.state.store.events(ask.livemode, &filter).await?.data;
    let customers: HashSet<String> = events.into_iter().filter_map(|event| event.customer_id).collect();
    Ok(i64::try_from(customers.len()).unwrap_or(i64::MAX))
}

fn count(number: i64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
