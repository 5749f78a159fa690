//! Customers that pay and that no user is known for.

use std::collections::HashSet;

use app::pages::Page;
use app::pages::unattributed::{self as page, Confidence};
use domain::stripe::Subscription;
use store::records::{Among, CustomerFilter, CustomerRecord, CustomerRow, IgnoredCustomer, Place};

use super::list::{around, export};
use super::{Ask, Loaded};

/// How many users an e-mail address may suggest.
const MOST_GUESSES: i64 = 20;

const PAGE: &str = "/admin/unattributed";

/// The list.
pub(super) async fn unattributed(ask: &Ask<'_>) -> Loaded {
    if ask.param("list") == Some("ignored") {
        return ignored(ask).await;
    }
    let (store, Place { after, before, limit }) = (&ask.state.store, ask.place());
    let filter = CustomerFilter { among: Among::Unattributed, after, before, limit, ..CustomerFilter::default() };
    let found = store.list_customers(ask.livemode, &filter).await?;
    let counts = counts(ask).await?;
    let mut pages = around(ask, PAGE, &[], &found, key);
    if !found.data.is_empty() {
        pages.count = Some(counts.0);
        pages.export = Some(export(ask, "unattributed", &[]));
    }
    let ids: Vec<String> = found.data.iter().map(|row| row.customer.customer_id.clone()).collect();
    let sessions = store.checkout_sessions_of(ask.livemode, &ids, None).await?;
    let nameless =
        sessions.iter().map(|record| &record.session).filter(|session| session.client_reference_id.is_none());
    let nameless: HashSet<&str> = nameless.filter_map(|session| session.customer_id.as_deref()).collect();
    let nameless = nameless.len();
    let mut rows = Vec::with_capacity(found.data.len());
    for customer in found.data {
        let guess = guesses(ask, &customer.customer).await?.into_iter().next();
        let pays = payments(ask, &customer.subscriptions).await?;
        rows.push(row(customer.customer, Some(customer.events), pays, guess));
    }
    Ok(Some(Page::Unattributed(page::View { rows, ignored: false, nameless, counts, pages })))
}

/// Those that nobody is to be found for.
async fn ignored(ask: &Ask<'_>) -> Loaded {
    let found = ask.state.store.ignored_customers(ask.livemode, &ask.place()).await?;
    let counts = counts(ask).await?;
    let mut pages = around(ask, PAGE, &[("list", "ignored")], &found, |(ignored, _)| ignored_key(ignored));
    if !found.data.is_empty() {
        pages.count = Some(counts.1);
        pages.export = Some(export(ask, "ignored", &[]));
    }
    let mut rows = Vec::with_capacity(found.data.len());
    for (ignored, customer) in found.data {
        let pays = payments(ask, &customer.subscriptions).await?;
        let row = row(customer.customer, Some(customer.events), pays, None);
        rows.push(page::Row { ignored: Some(told(ignored)), ..row });
    }
    Ok(Some(Page::Unattributed(page::View { rows, ignored: true, nameless: 0, counts, pages })))
}

/// How many are to be found, and how many are ignored.
async fn counts(ask: &Ask<'_>) -> store::Result<(i64, i64)> {
    let to_find = CustomerFilter { among: Among::Unattributed, ..CustomerFilter::default() };
    let store = &ask.state.store;
    Ok((store.count_customers(ask.livemode, &to_find).await?, store.count_ignored(ask.livemode).await?))
}

/// What the list is sorted by.
pub(crate) fn key(row: &CustomerRow) -> String {
    let at = row.customer.last_event_at.map_or(0, domain::Timestamp::millis);
    format!("{at}:{}", row.customer.customer_id)
}

/// What those that are ignored are sorted by.
pub(crate) fn ignored_key(ignored: &IgnoredCustomer) -> String {
    format!("{}:{}", ignored.at.millis(), ignored.customer_id)
}

fn told(ignored: IgnoredCustomer) -> page::Ignored {
    page::Ignored { reason: ignored.reason, actor: ignored.actor, at: ignored.at }
}

/// One of them, to be linked.
pub(super) async fn link(ask: &Ask<'_>, id: &str) -> Loaded {
    let store = &ask.state.store;
    let Some(customer) = store.customer(ask.livemode, id).await? else { return Ok(None) };
    let user_id = store.mapping(ask.livemode, id).await?.map(|mapping| mapping.user_id);
    let subscriptions = store.subscriptions_of(ask.livemode, id).await?;
    let subscriptions: Vec<Subscription> = subscriptions.into_iter().map(|record| record.subscription).collect();
    let pays = payments(ask, &subscriptions).await?;
    let guesses = guesses(ask, &customer).await?;
    let ignored = store.ignored_customer(ask.livemode, id).await?.map(told);
    let row = page::Row { ignored, ..row(customer, None, pays, guesses.first().cloned()) };
    Ok(Some(Page::Link(page::Link { row, guesses, user_id })))
}

fn row(
    customer: CustomerRecord,
    events: Option<i64>,
    pays: Vec<page::Payment>,
    guess: Option<page::Guess>,
) -> page::Row {
    page::Row {
        customer_id: customer.customer_id,
        email: customer.email,
        name: customer.name,
        events,
        pays,
        first_seen_at: customer.first_seen_at,
        guess,
        ignored: None,
    }
}

/// The prices of subscriptions that have not ended.
async fn payments(ask: &Ask<'_>, subscriptions: &[Subscription]) -> anyhow::Result<Vec<page::Payment>> {
    let store = &ask.state.store;
    let mut payments = Vec::new();
    for subscription in subscriptions.iter().filter(|subscription| !subscription.status.is_terminal()) {
        for item in &subscription.items {
            let price = store.price(ask.livemode, &item.price_id).await?.map(|record| record.price);
            let product = match &item.product_id {
                Some(product) => store.product(ask.livemode, product).await?.and_then(|record| record.product.name),
                None => None,
            };
            payments.push(page::Payment {
                price_id: item.price_id.clone(),
                product,
                amount: price.as_ref().and_then(|price| price.unit_amount),
                currency: price.as_ref().and_then(|price| price.currency.clone()),
                interval: price.and_then(|price| price.interval),
                quantity: item.quantity,
                status: subscription.status.clone(),
                ends: subscription.cancel_at_period_end || subscription.cancel_at.is_some(),
            });
        }
    }
    Ok(payments)
}

/// Who a customer may be: whom its own metadata names, then who has the same e-mail address.
pub(super) async fn guesses(ask: &Ask<'_>, customer: &CustomerRecord) -> anyhow::Result<Vec<page::Guess>> {
    let store = &ask.state.store;
    let mut guesses: Vec<page::Guess> = Vec::new();
    let mut add = |user_id: String, why: String, confidence: Confidence| {
        if !guesses.iter().any(|guess| guess.user_id == user_id) {
            guesses.push(page::Guess { user_id, why, confidence });
        }
    };
    if let Some(user) = &customer.claimed_user {
        add(user.clone(), "its metadata names this user".into(), Confidence::Exact);
    }
    if let Some(email) = &customer.email {
        let users = store.users(ask.livemode, Some(email), MOST_GUESSES).await?;
        let same: Vec<_> = users
            .into_iter()
            .filter(|user| user.email.as_ref().is_some_and(|theirs| theirs.eq_ignore_ascii_case(email)))
            .collect();
        let confidence = if same.len() == 1 { Confidence::Likely } else { Confidence::Possible };
        for user in same {
            add(user.user_id, "same e-mail address in your application".into(), confidence);
        }
        for other in store.customers_by_email(ask.livemode, email).await? {
            if let Some(mapping) = store.mapping(ask.livemode, &other.customer_id).await? {
                let why = format!("same e-mail address as {}, who is linked to this user", other.customer_id);
                add(mapping.user_id, why, Confidence::Possible);
            }
        }
    }
    Ok(guesses)
}
