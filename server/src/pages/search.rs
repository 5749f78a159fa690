//! `/admin/search`: an exact id leads to its page, in whichever mode; anything else to what begins with it. What is not here can be looked
//! for at Stripe. Unknown ids lead to what is called much alike.

use app::pages::Page;
use app::pages::search::{AtStripe, Hit, StripeCustomer, View};
use domain::Livemode;
use domain::diagnosis::distance;
use domain::role::Role;
use store::records::{CustomerFilter, CustomerRow, EventFilter, SubscriptionFilter, TargetKind, UserRecord};

use super::{Answer, Ask, go};
use crate::admin::customers::{encoded, path};
use crate::state::AppState;

/// Customers and users that are listed.
const MOST: i64 = 20;
/// Objects whose ids are compared with one that is unknown.
const COMPARED: i64 = 200;
/// How many of them are named.
const NEAREST: usize = 3;

/// The page, or the one an exact id leads to.
pub(super) async fn search(ask: &Ask<'_>) -> anyhow::Result<Answer> {
    let query = ask.param("q").unwrap_or_default().to_owned();
    if query.is_empty() {
        return Ok(Answer::page(Page::Search(View::default())));
    }
    if let Some(href) = go::locate(ask.state, ask.livemode, &query).await? {
        return Ok(Answer::Elsewhere(href));
    }
    let mut hits = beginning_with(ask, &query, MOST).await?;
    hits.extend(others_beginning_with(ask, &query).await?);
    let stripe = at_stripe(ask, &query).await?;
    Ok(Answer::page(Page::Search(View { query, hits, stripe })))
}

/// What Stripe has of it, once it was asked for; where it can be asked, that it can.
async fn at_stripe(ask: &Ask<'_>, query: &str) -> anyhow::Result<AtStripe> {
    let is_customer = query.starts_with("cus_");
    let Some(gateway) = ask.state.gateway(ask.livemode).filter(|_| is_customer || query.contains('@')) else {
        return Ok(AtStripe::NotAsked { href: None });
    };
    if ask.actor.role < Role::Support {
        return Ok(AtStripe::NotAsked { href: None });
    }
    if ask.param("at") != Some("stripe") {
        let href = format!("/admin/search?q={}&at=stripe", encoded(query));
        return Ok(AtStripe::NotAsked { href: Some(href) });
    }
    let answer = if is_customer {
        gateway.customer(query).await.map(|snapshot| vec![snapshot.customer])
    } else {
        gateway.search_customers_by_email(query).await
    };
    let customers = match answer {
        Ok(customers) => customers,
        Err(gateway::Error::NotFound { .. }) => vec![],
        Err(error) => return Ok(AtStripe::Failed(error.to_string())),
    };
    let mut found = vec![];
    for customer in customers.iter().take(NEAREST * 3) {
        let text = |name: &str| customer[name].as_str().map(str::to_owned);
        let Some(id) = text("id") else { continue };
        let is_here = ask.state.store.customer(ask.livemode, &id).await?.is_some();
        found.push(StripeCustomer { label: text("name").or(text("email")), href: path(&id), id, is_here });
    }
    Ok(AtStripe::Found(found))
}

/// Subscriptions and events whose ids begin with a text, among the newest; prices and products by id or name; features; staff.
async fn others_beginning_with(ask: &Ask<'_>, query: &str) -> anyhow::Result<Vec<Hit>> {
    let store = &ask.state.store;
    let begins = |text: &str| text.get(..query.len()).is_some_and(|start| start.eq_ignore_ascii_case(query));
    let mut hits = vec![];
    if query.starts_with("sub_") || query.starts_with("evt_") {
        hits.extend(newest_like(ask, query).await?.into_iter().filter(|hit| begins(&hit.id)));
    }
    for row in store.list_catalog(ask.livemode).await? {
        let (kind, folder) = match row.kind {
            TargetKind::Price => ("Price", "prices"),
            TargetKind::Product => ("Product", "products"),
        };
        let name = row.price.as_ref().and_then(|price| price.price.nickname.clone());
        let name = name.or(row.product.as_ref().and_then(|product| product.product.name.clone()));
        if begins(&row.id) || name.as_deref().is_some_and(begins) {
            let href = format!("/admin/catalog/{folder}/{}", encoded(&row.id));
            hits.push(Hit { kind, label: name.unwrap_or_else(|| row.id.clone()), id: row.id, href });
        }
    }
    let catalog = store.index().catalog(ask.livemode);
    let mut features: Vec<&String> = catalog.features.keys().filter(|key| begins(key)).collect();
    features.sort_unstable();
    let feature = |key: &String| Hit {
        kind: "Feature",
        label: key.clone(),
        id: key.clone(),
        href: format!("/admin/features/{}", encoded(key)),
    };
    hits.extend(features.into_iter().map(feature));
    // Who is on the staff is nobody's business below this role, as on its own page.
    if ask.actor.role >= Role::Admin {
        let found = store.staff().await?.into_iter().filter(|person| begins(&person.email) || begins(&person.name));
        hits.extend(found.map(|person| Hit {
            kind: "Staff",
            label: person.name,
            id: person.email,
            href: "/admin/staff".into(),
        }));
    }
    hits.truncate(usize::try_from(MOST).unwrap_or(usize::MAX));
    Ok(hits)
}

/// The newest objects of the kind that an id's beginning tells.
async fn newest_like(ask: &Ask<'_>, id: &str) -> anyhow::Result<Vec<Hit>> {
    let store = &ask.state.store;
    let hit = |kind, folder: &str, id: String| Hit {
        kind,
        label: id.clone(),
        href: format!("/admin/{folder}/{}", encoded(&id)),
        id,
    };
    Ok(if id.starts_with("evt_") {
        let filter = EventFilter { limit: COMPARED, ..EventFilter::default() };
        let events = store.events(ask.livemode, &filter).await?.data;
        events.into_iter().map(|event| hit("Event", "events", event.event_id)).collect()
    } else {
        let filter = SubscriptionFilter { limit: COMPARED, ..SubscriptionFilter::default() };
        let found = store.list_subscriptions(ask.livemode, &filter).await?.data;
        found.into_iter().map(|found| hit("Subscription", "subscriptions", found.subscription.id)).collect()
    })
}

/// Hits that the palette shows.
const OFFERED: i64 = 8;

/// The thing of an exact id, else what begins with a text.
pub(super) async fn found(ask: &Ask<'_>, typed: &str) -> anyhow::Result<Vec<Hit>> {
    if typed.is_empty() {
        return Ok(vec![]);
    }
    if let Some(href) = exact(ask.state, ask.livemode, typed).await? {
        let kind = match href.split('/').nth(2) {
            Some("events") => "Event",
            Some("subscriptions") => "Subscription",
            Some("catalog") => "Catalog",
            _ => "Customer",
        };
        return Ok(vec![Hit { kind, label: typed.to_owned(), id: typed.to_owned(), href }]);
    }
    let mut hits = beginning_with(ask, typed, OFFERED).await?;
    hits.truncate(usize::try_from(OFFERED).unwrap_or_default());
    Ok(hits)
}

/// Where the thing of this id stands in a mode.
pub(super) async fn exact(state: &AppState, livemode: Livemode, id: &str) -> anyhow::Result<Option<String>> {
    let store = &state.store;
    if store.event(livemode, id).await?.is_some() {
        return Ok(Some(format!("/admin/events/{}", encoded(id))));
    }
    if store.subscription(livemode, id).await?.is_some() {
        return Ok(Some(format!("/admin/subscriptions/{}", encoded(id))));
    }
    for (folder, known) in [
        ("prices", store.price(livemode, id).await?.is_some()),
        ("products", store.product(livemode, id).await?.is_some()),
    ] {
        if known {
            return Ok(Some(format!("/admin/catalog/{folder}/{}", encoded(id))));
        }
    }
    if let Some(found) = store.checkout_session(livemode, id).await?
        && let Some(customer) = found.session.customer_id.or(found.session.client_reference_id)
    {
        return Ok(Some(path(&customer)));
    }
    let known = store.customer(livemode, id).await?.is_some()
        || store.index().facts(livemode, id).is_some()
        || store.user(livemode, id).await?.is_some();
    Ok(known.then(|| path(id)))
}

/// Customers and users whose id, name or e-mail address begins with a text.
async fn beginning_with(ask: &Ask<'_>, query: &str, limit: i64) -> anyhow::Result<Vec<Hit>> {
    let store = &ask.state.store;
    let filter = CustomerFilter { query: Some(query.to_owned()), limit, ..CustomerFilter::default() };
    let customers = store.list_customers(ask.livemode, &filter).await?.data.into_iter().map(of_customer);
    let users = store.users(ask.livemode, Some(query), limit).await?.into_iter().map(of_user);
    Ok(customers.chain(users).collect())
}

fn of_customer(row: CustomerRow) -> Hit {
    let customer = row.customer;
    let id = row.user_id.unwrap_or_else(|| customer.customer_id.clone());
    let label = customer.name.or(customer.email).unwrap_or(customer.customer_id);
    Hit { kind: "Customer", label, href: path(&id), id }
}

fn of_user(user: UserRecord) -> Hit {
    let label = user.name.or(user.email).unwrap_or_else(|| user.user_id.clone());
    Hit { kind: "User", label, href: path(&user.user_id), id: user.user_id }
}

/// What is called much like an id that is unknown, the likest first.
pub(super) async fn nearest(ask: &Ask<'_>, id: &str) -> anyhow::Result<Vec<Hit>> {
    let store = &ask.state.store;
    let known: Vec<Hit> = if id.starts_with("evt_") || id.starts_with("sub_") {
        newest_like(ask, id).await?
    } else if id.starts_with("cus_") {
        let filter = CustomerFilter { query: Some("cus_".into()), limit: COMPARED, ..CustomerFilter::default() };
        let rows = store.list_customers(ask.livemode, &filter).await?.data;
        rows.into_iter().map(|row| Hit { id: row.customer.customer_id.clone(), ..of_customer(row) }).collect()
    } else {
        let begins: String = id.chars().take(3).collect();
        beginning_with(ask, &begins, COMPARED).await?
    };
    let reach = (id.chars().count() / 2).max(2);
    let mut known: Vec<(usize, Hit)> = known.into_iter().map(|hit| (distance(&hit.id, id), hit)).collect();
    known.retain(|(distance, _)| *distance <= reach);
    known.sort_by(|a, b| (a.0, &a.1.id).cmp(&(b.0, &b.1.id)));
    Ok(known.into_iter().map(|(_, hit)| hit).take(NEAREST).collect())
}
