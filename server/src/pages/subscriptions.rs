//! The list of subscriptions.

use std::collections::HashMap;

use app::components::address;
use app::pages::Page;
use app::pages::subscriptions::{Item, Row, View};
use store::records::{SubscriptionFilter, SubscriptionRecord, TargetKind};

use super::catalog::path;
use super::{Ask, Loaded, ROWS};
use crate::admin::customers::{self, encoded};

/// `/admin/subscriptions`
pub(super) async fn subscriptions(ask: &Ask<'_>) -> Loaded {
    let status = ask.param("status").map(str::to_owned);
    let filter =
        SubscriptionFilter { status: status.clone(), after: ask.param("after").map(str::to_owned), limit: ROWS };
    let page = ask.state.store.list_subscriptions(ask.livemode, &filter).await?;
    let word = status.as_deref().unwrap_or_default();
    let at = |after: &str| address("/admin/subscriptions", &[("status", word), ("after", after)]);
    let next = page.data.last().filter(|_| page.has_more);
    let next = next.map(|last| at(&format!("{}:{}", last.updated_at.millis(), last.subscription.id)));
    let first = filter.after.is_some().then(|| at(""));
    let names = price_names(ask, &page.data).await?;
    let rows = page.data.into_iter().map(|record| row(record, &names)).collect();
    Ok(Some(Page::Subscriptions(View { status, rows, first, next })))
}

/// Names for people by price id, of prices that have one.
pub(super) async fn price_names(
    ask: &Ask<'_>,
    records: &[SubscriptionRecord],
) -> store::Result<HashMap<String, String>> {
    let store = &ask.state.store;
    let mut names: HashMap<String, String> = HashMap::new();
    for item in records.iter().flat_map(|record| &record.subscription.items) {
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
