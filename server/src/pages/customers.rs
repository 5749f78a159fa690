//! `/admin/customers`

use app::components::address;
use app::pages::{Page, customers};
use domain::access::{Reason, UserFacts, decide_any};
use domain::stripe::SubscriptionStatus;
use store::records::{CustomerFilter, CustomerRow, UserRecord};

use super::{Ask, Loaded, ROWS};
use crate::admin::customers::path;

pub(super) async fn customers(ask: &Ask<'_>) -> Loaded {
    match ask.param("filter") {
        Some("unattributed") => unattributed(ask).await,
        Some("no_customer") => {
            let users = ask.state.store.users(ask.livemode, None, MOST_USERS).await?;
            let rows = users.into_iter().map(|user| from_application(ask, user)).collect();
            Ok(shown(ask, "no_customer", rows, None))
        }
        Some(filter) if customers::FILTERS.iter().any(|(key, ..)| *key == filter) => by_access(ask, filter).await,
        _ => all(ask).await,
    }
}

/// Users whom no Stripe customer is linked to; the rest is found by searching.
const MOST_USERS: i64 = 500;

fn shown(ask: &Ask<'_>, filter: &str, rows: Vec<customers::Row>, after: Option<String>) -> Option<Page> {
    let query = ask.param("q").filter(|_| filter.is_empty()).unwrap_or_default();
    let at = |after: &str| address("/admin/customers", &[("filter", filter), ("q", query), ("after", after)]);
    Some(Page::Customers(customers::View {
        first: ask.param("after").map(|_| at("")),
        next: after.map(|after| at(&after)),
        query: query.to_owned(),
        filter: filter.to_owned(),
        rows,
    }))
}

/// Everybody, the newest event first; then those whom no customer is linked to.
async fn all(ask: &Ask<'_>) -> Loaded {
    let store = &ask.state.store;
    let filter = CustomerFilter { query: ask.param("q").map(str::to_owned),
        after: ask.param("after").map(str::to_owned),
        limit: ROWS, ..CustomerFilter::default() };
    let page = store.list_customers(ask.livemode, &filter).await?;
    let next = page.data.last().filter(|_| page.has_more).map(cursor);
    let mut rows: Vec<_> = page.data.into_iter().map(|row| from_stripe(ask, row)).collect();
    if next.is_none() {
        let users = store.users(ask.livemode, ask.param("q"), ROWS).await?;
        rows.extend(users.into_iter().map(|user| from_application(ask, user)));
    }
    Ok(shown(ask, "", rows, next))
}

/// Customers that pay or have events and belong to no user.
async fn unattributed(ask: &Ask<'_>) -> Loaded {
    let page = ask.state.store.list_unattributed(ask.livemode, ask.param("after"), ROWS).await?;
    let next = page.data.last().filter(|_| page.has_more).map(cursor);
    let rows = page.data.into_iter().map(|row| from_stripe(ask, row)).collect();
    Ok(shown(ask, "unattributed", rows, next))
}

fn cursor(last: &CustomerRow) -> String {
    let at = last.customer.last_event_at.map_or(0, domain::Timestamp::millis);
    format!("{at}:{}", last.customer.customer_id)
}

/// Users whose facts in memory fit a filter, by id: what they have access to follows from the clock and stands in no table.
async fn by_access(ask: &Ask<'_>, filter: &str) -> Loaded {
    let store = &ask.state.store;
    let mut users = store.index().users_where(ask.livemode, |facts| fits(ask, filter, facts));
    users.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let after = ask.param("after").unwrap_or_default();
    let mut behind = users.into_iter().skip_while(|(user, _)| user.as_str() <= after).peekable();
    let mut rows: Vec<customers::Row> = Vec::new();
    let mut last = String::new();
    while rows.len() < usize::try_from(ROWS).unwrap_or(usize::MAX)
        && let Some((user_id, facts)) = behind.next()
    {
        last.clone_from(&user_id);
        rows.push(from_facts(ask, user_id, &facts).await?);
    }
    let next = behind.peek().map(|_| last);
    Ok(shown(ask, filter, rows, next))
}

fn fits(ask: &Ask<'_>, filter: &str, facts: &UserFacts) -> bool {
    let store = &ask.state.store;
    let has = |statuses: &[SubscriptionStatus]| {
        facts.subscriptions.iter().any(|facts| statuses.contains(&facts.subscription.status))
    };
    let answer = || decide_any(Some(facts), &store.index().catalog(ask.livemode), &store.options().policy, ask.now);
    match filter {
        "denied" => has(&[SubscriptionStatus::Active, SubscriptionStatus::Trialing]) && !answer().allowed,
        "at_risk" => answer().reason == Reason::GracePeriod,
        "past_due" => has(&[SubscriptionStatus::PastDue]),
        "override" => facts.overrides.iter().any(|facts| facts.is_active(ask.now)),
        _ => false,
    }
}

async fn from_facts(ask: &Ask<'_>, user_id: String, facts: &UserFacts) -> anyhow::Result<customers::Row> {
    let store = &ask.state.store;
    let customer = match facts.customers.first() {
        Some(id) => store.customer(ask.livemode, id).await?,
        None => None,
    };
    let Some(customer) = customer else {
        let told = store.user(ask.livemode, &user_id).await?;
        let user = told.unwrap_or(UserRecord { user_id, email: None, name: None, created_at: ask.now });
        return Ok(from_application(ask, user));
    };
    let subscriptions = facts.subscriptions.iter().map(|facts| facts.subscription.clone()).collect();
    Ok(from_stripe(ask, CustomerRow { customer, user_id: Some(user_id), subscriptions, events: 0 }))
}

fn from_application(ask: &Ask<'_>, user: UserRecord) -> customers::Row {
    customers::Row {
        href: path(&user.user_id),
        label: user.name.or(user.email).unwrap_or_else(|| user.user_id.clone()),
        features: Some(granted(ask, &user.user_id)),
        because: Some(because(ask, &user.user_id)),
        user_id: Some(user.user_id),
        customer_id: None,
        subscription: None,
        deleted: false,
        last_event_at: None,
    }
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
        because: row.user_id.as_deref().map(|user| because(ask, user)),
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

/// Why a user has anything or nothing.
fn because(ask: &Ask<'_>, user_id: &str) -> Reason {
    let store = &ask.state.store;
    let facts = store.index().facts(ask.livemode, user_id);
    decide_any(facts.as_deref(), &store.index().catalog(ask.livemode), &store.options().policy, ask.now).reason
}

/// The best first, as the diagnosis has it.
pub(super) fn rank(status: &str) -> usize {
    const ORDER: [&str; 8] =
        ["active", "trialing", "past_due", "paused", "unpaid", "incomplete", "canceled", "incomplete_expired"];
    ORDER.iter().position(|known| *known == status).unwrap_or(ORDER.len())
}
