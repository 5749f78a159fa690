//! The list of subscriptions.

use std::collections::HashMap;

use app::pages::Page;
use app::pages::subscriptions::{Item, Listed, Row, STATUSES, View};
use domain::stripe::Subscription;
use store::records::{Place, SubscriptionFilter, SubscriptionRecord, SyncState, TargetKind};

use super::catalog::path;
use super::list::{around, export};
use super::{Ask, Loaded, ROWS};
use crate::admin::customers::{self, encoded};

/// `/admin/subscriptions`
pub(super) async fn subscriptions(ask: &Ask<'_>) -> Loaded {
    let store = &ask.state.store;
    let Place { after, before, .. } = ask.place();
    let status = ask.param("status").map(str::to_owned);
    let filter = SubscriptionFilter { status: status.clone(), after, before, limit: ROWS };
    let page = store.list_subscriptions(ask.livemode, &filter).await?;
    let mut counts = Vec::with_capacity(STATUSES.len() + 1);
    for word in STATUSES {
        counts.push(store.count_subscriptions(ask.livemode, Some(word)).await?);
    }
    counts.push(store.count_subscriptions(ask.livemode, None).await?);
    let fields = [("status", status.as_deref().unwrap_or_default())];
    let mut pages = around(ask, "/admin/subscriptions", &fields, &page, key);
    if !page.data.is_empty() {
        let known = STATUSES.iter().position(|word| Some(*word) == status.as_deref());
        pages.count = match (&status, known) {
            (None, _) => counts.last().copied(),
            (Some(_), Some(n)) => counts.get(n).copied(),
            (Some(word), None) => Some(store.count_subscriptions(ask.livemode, Some(word)).await?),
        };
        pages.export = Some(export(ask, "subscriptions", &fields));
    }
    let listed: Vec<&Subscription> = page.data.iter().map(|record| &record.subscription).collect();
    let names = price_names(ask, &listed).await?;
    let customers: Vec<String> = page.data.iter().map(|record| record.subscription.customer_id.clone()).collect();
    let states = store.sync_states(ask.livemode, &customers).await?;
    let rows = page.data.into_iter().map(|record| {
        let state = states.get(&record.subscription.customer_id).copied().unwrap_or_default();
        Listed { in_sync: in_sync(&state), synced_at: state.synced_at, row: row(record, &names) }
    });
    Ok(Some(Page::Subscriptions(View { status, rows: rows.collect(), counts, pages })))
}

/// What the list is sorted by.
pub(crate) fn key(record: &SubscriptionRecord) -> String {
    format!("{}:{}", record.updated_at.millis(), record.subscription.id)
}

/// Whether what is known is what Stripe says; none: nobody looked, or somebody is about to.
pub(crate) fn in_sync(state: &SyncState) -> Option<bool> {
    if state.differs {
        return Some(false);
    }
    (state.synced_at.is_some() && !state.is_doubted).then_some(true)
}

/// Names for people by price id, of prices that have one.
pub(crate) async fn price_names(
    ask: &Ask<'_>,
    subscriptions: &[&Subscription],
) -> store::Result<HashMap<String, String>> {
    let store = &ask.state.store;
    let mut names: HashMap<String, String> = HashMap::new();
    for item in subscriptions.iter().flat_map(|subscription| subscription.items.as_slice()).collect::<Vec<_>>() {
        if names.contains_key(&item.price_id) {
            continue;
        }
        let nickname = store.price(ask.livemode, &item.price_id).await?.and_then(|price| price.price.nickname);
        let name = match (nickname, &item.product_id) {
            (Some(nickname), _) => Some(nickname),
            (None, Some(product)) => {
                store.product(ask.livemode, product).await?.and_then(|product| product.product.name)
            }
            (None, None) => None,
        };
        names.insert(item.price_id.clone(), name.unwrap_or_else(|| item.price_id.clone()));
    }
    Ok(names)
}

/// A subscription in a list.
pub(super) fn row(record: SubscriptionRecord, names: &HashMap<String, String>) -> Row {
    let SubscriptionRecord { subscription, user_id, past_due_since, evidence_at, evidence_event_id, updated_at } =
        record;
    let items = subscription
        .items
        .iter()
        .map(|item| Item {
            price_id: item.price_id.clone(),
            name: names.get(&item.price_id).unwrap_or(&item.price_id).clone(),
            href: path(TargetKind::Price, &item.price_id),
            quantity: item.quantity,
            period_end: item.current_period_end,
        })
        .collect();
    Row {
        href: format!("/admin/subscriptions/{}", encoded(&subscription.id)),
        customer_href: customers::path(user_id.as_deref().unwrap_or(&subscription.customer_id)),
        resync_action: format!("{}/resync", customers::path(&subscription.customer_id)),
        user_id,
        items,
        past_due_since,
        evidence_at,
        evidence_event: evidence_event_id.map(|event| {
            let href = format!("/admin/events/{}", encoded(&event));
            (event, href)
        }),
        updated_at,
        subscription,
    }
}
