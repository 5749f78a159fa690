//! `/admin`

use app::pages::{Page, overview};
use domain::event::EventStatus;
use store::records::{AuditFilter, TargetKind};

use super::{Ask, Loaded};

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
    let catalog = store.index().catalog(ask.livemode);
    for target in store
        .list_catalog(ask.livemode)
        .await?
        .into_iter()
        .filter(|target| target.kind == TargetKind::Price && target.customers > 0)
    {
        let product = target.price.as_ref().and_then(|record| record.price.product_id.as_deref());
        if catalog.grants(&target.id, product).next().is_none() {
            let href = format!("/admin/catalog/prices/{}", target.id);
            attention.push(row(
                format!("{} is paid for and gives no feature", target.id),
                target.customers,
                &href,
                "Give features",
            ));
        }
    }
    if counts.failed_events > 0 {
        attention.push(row(
            count(counts.failed_events, "event failed", "events failed"),
            counts.failed_events,
            "/admin/events?status=failed",
            "Look and process again",
        ));
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
    attention.sort_by_key(|row| std::cmp::Reverse(row.customers));
    let audit = store.audit(&AuditFilter { limit: 10, ..AuditFilter::default() }).await?.data;
    let actions = audit
        .into_iter()
        .filter(|entry| entry.livemode.is_none_or(|livemode| livemode == ask.livemode))
        .map(|entry| overview::Action {
            at: entry.at,
            actor: entry.actor,
            action: entry.action,
            object: format!("{} {}", entry.object_kind, entry.object_id),
            reason: entry.reason,
        })
        .collect();
    let keys = store.api_keys().await?;
    let step = |done: bool, words: &str, href: &str| (done, words.to_owned(), href.to_owned());
    let mut steps = vec![
        step(!ask.state.config.webhook_secrets.is_empty(), "Set the webhook's signing secret", "/admin/validator"),
        step(ask.state.gateway(ask.livemode).is_some(), "Set a Stripe API key of this mode", "/admin/validator"),
        step(last_event_at.is_some(), "Receive the first event", "/admin/validator"),
        step(!catalog.features.is_empty(), "Create a feature", "/admin/features"),
        step(
            !(catalog.prices.is_empty() && catalog.products.is_empty()),
            "Give a price its features",
            "/admin/catalog",
        ),
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

fn count(number: i64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
