//! `/admin/customers`

use std::collections::HashMap;

use app::pages::{Page, customers};
use domain::access::{Decision, UserFacts, decide_any};
use domain::stripe::Subscription;
use store::Watch;
use store::records::{self, Among, COUNTED, CustomerFilter, CustomerRow, Place, UserRecord};

use super::list::{around, export};
use super::subscriptions::price_names;
use super::{Ask, Loaded, ROWS};
use crate::admin::customers::path;

/// The lists of users that are kept in memory, by their word in the address.
const WATCHED: [(&str, Watch); 5] = [
    ("denied", Watch::Denied),
    ("at_risk", Watch::AtRisk),
    ("past_due", Watch::PastDue),
    ("override", Watch::Override),
    ("no_customer", Watch::NoCustomer),
];

/// What a page of customers is made of.
pub(crate) struct Found {
    /// The word of the filter that counts, and what is searched for.
    pub(crate) filter: [(&'static str, String); 2],
    /// The rows.
    pub(crate) page: records::Page<Row>,
}

/// A row with what it is sorted by.
pub(crate) struct Row {
    pub(crate) key: String,
    pub(crate) who: Who,
}

/// Somebody in the list.
pub(crate) enum Who {
    /// A customer of Stripe's.
    Customer(Box<CustomerRow>),
    /// A user without one.
    User(UserRecord),
}

pub(super) async fn customers(ask: &Ask<'_>) -> Loaded {
    let Place { after, before, .. } = ask.place();
    let Found { filter, page } = rows(ask, after, before, ROWS).await?;
    let fields = filter.each_ref().map(|(name, value)| (*name, value.as_str()));
    let counts = counts(ask).await?;
    let mut pages = around(ask, "/admin/customers", &fields, &page, |row| row.key.clone());
    if !page.data.is_empty() {
        pages.export = Some(export(ask, "customers", &fields));
        pages.count = if fields[1].1.is_empty() {
            let chosen = customers::FILTERS.iter().position(|(key, ..)| *key == fields[0].1);
            counts.get(chosen.unwrap_or(customers::FILTERS.len())).copied()
        } else {
            Some(ask.state.store.count_customers(ask.livemode, &wanted(&filter)).await?)
        };
    }
    let mut people: Vec<Who> = page.data.into_iter().map(|row| row.who).collect();
    if fields[0].1.is_empty() && pages.next.is_none() {
        // The list ends with those whom no customer is linked to.
        people.extend(without_customer(ask, fields[1].1).await?.into_iter().map(Who::User));
    }
    let rows = shown(ask, people).await?;
    let [(_, chosen), (_, query)] = filter;
    Ok(Some(Page::Customers(customers::View { query, rows, filter: chosen, counts, pages })))
}

/// The part of the filter that the store knows.
fn wanted(filter: &[(&'static str, String); 2]) -> CustomerFilter {
    let among = match filter[0].1.as_str() {
        "unattributed" => Among::Unattributed,
        "differs" => Among::Differing,
        _ => Among::All,
    };
    let query = Some(filter[1].1.clone()).filter(|query| !query.is_empty());
    CustomerFilter { query, among, ..CustomerFilter::default() }
}

/// A page of the filter that is asked for: the newest event first, or users by id where the list is one of users.
pub(crate) async fn rows(
    ask: &Ask<'_>,
    after: Option<String>,
    before: Option<String>,
    limit: i64,
) -> anyhow::Result<Found> {
    let chosen = ask.param("filter").filter(|asked| customers::FILTERS.iter().any(|(key, ..)| key == asked));
    let query = ask.param("q").filter(|_| chosen.is_none());
    let filter = [("filter", chosen.unwrap_or_default().to_owned()), ("q", query.unwrap_or_default().to_owned())];
    let watched = WATCHED.iter().find(|(key, _)| Some(*key) == chosen);
    let page = match watched {
        Some((_, watch)) => watched_users(ask, *watch, after, before, limit).await?,
        None => {
            let store = &ask.state.store;
            let filter = CustomerFilter { after, before, limit, ..wanted(&filter) };
            let page = store.list_customers(ask.livemode, &filter).await?;
            let rows = page.data.into_iter().map(|row| {
                let at = row.customer.last_event_at.map_or(0, domain::Timestamp::millis);
                Row { key: format!("{at}:{}", row.customer.customer_id), who: Who::Customer(Box::new(row)) }
            });
            records::Page { data: rows.collect(), has_more: page.has_more }
        }
    };
    Ok(Found { filter, page })
}

/// Users whom memory keeps a list of, by id.
async fn watched_users(
    ask: &Ask<'_>,
    watch: Watch,
    after: Option<String>,
    before: Option<String>,
    limit: i64,
) -> anyhow::Result<records::Page<Row>> {
    let (store, wanted) = (&ask.state.store, usize::try_from(limit)?);
    let place = (after.as_deref(), before.as_deref());
    let mut users = store.index().watched((ask.livemode, watch), &store.options().policy, ask.now, place, wanted + 1);
    let has_more = users.len() > wanted;
    if has_more {
        // The one too many is at the far end of the direction.
        users.remove(if before.is_some() { 0 } else { wanted });
    }
    let mut data = Vec::with_capacity(users.len());
    for user_id in users {
        let facts = store.index().facts(ask.livemode, &user_id);
        data.push(Row { key: user_id.clone(), who: of_user(ask, user_id, facts.as_deref()).await? });
    }
    Ok(records::Page { data, has_more })
}

/// How many each chip finds, then how many there are in all.
async fn counts(ask: &Ask<'_>) -> anyhow::Result<Vec<i64>> {
    let store = &ask.state.store;
    let watched = store.index().watch_counts(ask.livemode, &store.options().policy, ask.now);
    let capped = |count: usize| i64::try_from(count).unwrap_or(i64::MAX).min(COUNTED + 1);
    let mut counts = Vec::with_capacity(customers::FILTERS.len() + 1);
    let keys: Vec<&str> = customers::FILTERS.iter().map(|(key, ..)| *key).chain([""]).collect();
    for key in keys {
        let in_memory = WATCHED.iter().find(|(word, _)| *word == key);
        let count = match in_memory {
            Some((_, watch)) => Watch::ALL.iter().position(|one| one == watch).map_or(0, |n| capped(watched[n])),
            None => {
                let filter = wanted(&[("filter", key.to_owned()), ("q", String::new())]);
                store.count_customers(ask.livemode, &filter).await?
            }
        };
        counts.push(count);
    }
    Ok(counts)
}

/// Users whom no customer is linked to, as many as a page has; the chip shows all.
async fn without_customer(ask: &Ask<'_>, query: &str) -> anyhow::Result<Vec<UserRecord>> {
    let store = &ask.state.store;
    if !query.is_empty() {
        return Ok(store.users(ask.livemode, Some(query), ROWS).await?);
    }
    let page = watched_users(ask, Watch::NoCustomer, None, None, ROWS).await?;
    let users = page.data.into_iter().filter_map(|row| match row.who {
        Who::User(user) => Some(user),
        Who::Customer(_) => None,
    });
    Ok(users.collect())
}

async fn of_user(ask: &Ask<'_>, user_id: String, facts: Option<&UserFacts>) -> anyhow::Result<Who> {
    let store = &ask.state.store;
    let customer = match facts.and_then(|facts| facts.customers.first()) {
        Some(id) => store.customer(ask.livemode, id).await?,
        None => None,
    };
    let Some(customer) = customer else {
        let told = store.user(ask.livemode, &user_id).await?;
        return Ok(Who::User(told.unwrap_or(UserRecord { user_id, email: None, name: None, created_at: ask.now })));
    };
    let subscriptions = facts.map(|facts| facts.subscriptions.as_slice()).unwrap_or_default();
    let subscriptions = subscriptions.iter().map(|facts| facts.subscription.clone()).collect();
    Ok(Who::Customer(Box::new(CustomerRow { customer, user_id: Some(user_id), subscriptions, events: 0 })))
}

/// The best of somebody's subscriptions.
fn best(subscriptions: &[Subscription]) -> Option<&Subscription> {
    subscriptions.iter().min_by_key(|subscription| rank(subscription.status.as_str()))
}

/// The rows as the page shows them.
pub(crate) async fn shown(ask: &Ask<'_>, people: Vec<Who>) -> anyhow::Result<Vec<customers::Row>> {
    let bought = people.iter().filter_map(|who| match who {
        Who::Customer(row) => best(&row.subscriptions),
        Who::User(_) => None,
    });
    let names = price_names(ask, &bought.collect::<Vec<_>>()).await?;
    Ok(people
        .into_iter()
        .map(|who| match who {
            Who::Customer(row) => from_stripe(ask, *row, &names),
            Who::User(user) => from_application(ask, user),
        })
        .collect())
}

fn from_application(ask: &Ask<'_>, user: UserRecord) -> customers::Row {
    let answer = answer(ask, &user.user_id);
    customers::Row {
        href: path(&user.user_id),
        label: user.name.or(user.email).unwrap_or_else(|| user.user_id.clone()),
        features: Some(granted(ask, &user.user_id)),
        because: Some(answer.reason),
        until: answer.until,
        plan: Vec::new(),
        user_id: Some(user.user_id),
        customer_id: None,
        subscription: None,
        deleted: false,
        last_event_at: None,
    }
}

fn from_stripe(ask: &Ask<'_>, row: CustomerRow, names: &HashMap<String, String>) -> customers::Row {
    let best = best(&row.subscriptions);
    let answer = row.user_id.as_deref().map(|user| answer(ask, user));
    let plan = best.into_iter().flat_map(|subscription| &subscription.items);
    customers::Row {
        href: path(row.user_id.as_deref().unwrap_or(&row.customer.customer_id)),
        label: row
            .customer
            .name
            .clone()
            .or(row.customer.email.clone())
            .unwrap_or_else(|| row.customer.customer_id.clone()),
        features: row.user_id.as_deref().map(|user| granted(ask, user)),
        because: answer.as_ref().map(|answer| answer.reason),
        until: answer.and_then(|answer| answer.until),
        plan: plan.map(|item| names.get(&item.price_id).unwrap_or(&item.price_id).clone()).collect(),
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

/// Whether a user has anything, why, and until when.
fn answer(ask: &Ask<'_>, user_id: &str) -> Decision {
    let store = &ask.state.store;
    let facts = store.index().facts(ask.livemode, user_id);
    decide_any(facts.as_deref(), &store.index().catalog(ask.livemode), &store.options().policy, ask.now)
}

/// The best first, as the diagnosis has it.
pub(super) fn rank(status: &str) -> usize {
    const ORDER: [&str; 8] =
        ["active", "trialing", "past_due", "paused", "unpaid", "incomplete", "canceled", "incomplete_expired"];
    ORDER.iter().position(|known| *known == status).unwrap_or(ORDER.len())
}
