//! `/admin/customers`

use app::pages::{Page, customers};
use store::records::{CustomerFilter, CustomerRow};

use super::{Ask, Loaded, ROWS};
use crate::admin::customers::{encoded, path};

pub(super) async fn customers(ask: &Ask<'_>) -> Loaded {
    let store = &ask.state.store;
    let query = ask.param("q").unwrap_or_default().to_owned();
    let filter = CustomerFilter {
        query: ask.param("q").map(str::to_owned),
        after: ask.param("after").map(str::to_owned),
        limit: ROWS,
    };
    let page = store.list_customers(ask.livemode, &filter).await?;
    let next = page.has_more.then(|| page.data.last()).flatten().map(|row| {
        let at = row.customer.last_event_at.map_or(0, domain::Timestamp::millis);
        format!("/admin/customers?q={}&after={at}:{}", encoded(&query), row.customer.customer_id)
    });
    let mut rows: Vec<_> = page.data.into_iter().map(|row| from_stripe(ask, row)).collect();
    if filter.after.is_none() {
        let users = store.users(ask.livemode, ask.param("q"), ROWS).await?;
        rows.extend(users.into_iter().map(|user| customers::Row {
            href: path(&user.user_id),
            label: user.name.or(user.email).unwrap_or_else(|| user.user_id.clone()),
            features: Some(granted(ask, &user.user_id)),
            user_id: Some(user.user_id),
            customer_id: None,
            subscription: None,
            deleted: false,
            last_event_at: None,
        }));
    }
    Ok(Some(Page::Customers(customers::View { query, rows, next })))
}

fn from_stripe(ask: &Ask<'_>, row: CustomerRow) -> customers::Row {
    let best = row.subscriptions.iter().min_by_key(|subscription| rank(subscription.status.as_str()));
    customers::Row {
        href: path(row.user_id.as_deref().unwrap_or(&row.customer.customer_id)),
        label: row
            .customer
            .name
            .clone()
            .or(row.customer.email.clone())
            .unwrap_or_else(|| row.customer.customer_id.clone()),
        features: row.user_id.as_deref().map(|user| granted(ask, user)),
        subscription: best.map(|subscription| (subscription.status.clone(), subscription.ends_at().is_some())),
        user_id: row.user_id,
        deleted: row.customer.deleted,
        last_event_at: row.customer.last_event_at,
        customer_id: Some(row.customer.customer_id),
    }
}

/// How many features of the catalog a user has, of how many.
fn granted(ask: &Ask<'_>, user_id: &str) -> (usize, usize) {
    let store = &ask.state.store;
    let answers = store.index().entitlements(ask.livemode, user_id, &store.options().policy, ask.now);
    (answers.iter().filter(|(_, decision)| decision.allowed).count(), answers.len())
}

/// The best first, as the diagnosis has it.
pub(super) fn rank(status: &str) -> usize {
    const ORDER: [&str; 8] =
        ["active", "trialing", "past_due", "paused", "unpaid", "incomplete", "canceled", "incomplete_expired"];
    ORDER.iter().position(|known| *known == status).unwrap_or(ORDER.len())
}
