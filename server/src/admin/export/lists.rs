//! Every list that can be had as a file: its columns, and one function that reads its rows behind a key. Another one needs no more than
//! that, and a link by `pages::list::export` on its page.

use std::pin::Pin;

use domain::catalog::FeatureGrant;
use store::records::{AuditFilter, CustomerFilter, OverrideFilter, Page, SubscriptionFilter};

use super::cell::Cell;
use crate::pages::{Ask, audit, customers, events, subscriptions};

/// Rows, and the key the next ones are behind, if there are any.
pub(super) struct Rows {
    pub(super) rows: Vec<Vec<Cell>>,
    pub(super) next: Option<String>,
}

type Reading<'a> = Pin<Box<dyn Future<Output = anyhow::Result<Rows>> + Send + 'a>>;

/// A list.
pub(super) struct List {
    /// Its name in the address.
    pub(super) name: &'static str,
    /// Its heading.
    pub(super) columns: &'static [&'static str],
    /// Reads at most so many rows behind a key.
    pub(super) read: for<'a> fn(&'a Ask<'a>, Option<String>, i64) -> Reading<'a>,
}

macro_rules! lists {
    ($($name:literal $read:ident $columns:expr;)*) => {
        &[$(List { name: $name, columns: &$columns, read: |ask, after, limit| Box::pin($read(ask, after, limit)) }),*]
    };
}

/// All of them.
static LISTS: &[List] = lists! {
    "audit" audit ["At", "Actor", "Action", "Mode", "Object kind", "Object", "Reason"];
    "customers" all_customers ["Customer", "Name or e-mail", "User", "Features", "Features in catalog", "Because", "Until", "Plan", "Subscription", "Last event"];
    "events" log ["Received", "Type", "Event", "Status", "Customer", "User", "Object", "Effect", "Attempts", "Next try", "Settled", "API version"];
    "features" features ["Feature", "Name", "Kind", "Given by", "Kind of source", "Value"];
    "mappings" mappings ["Customer", "User", "By", "Evidence", "Since"];
    "overrides" overrides ["Override", "User", "Feature", "Effect", "Value", "Reason", "By", "Made", "Until", "Revoked", "Revoked by"];
    "refused" refused ["Received", "Check", "What to do", "Tried secrets", "Size"];
    "subscriptions" all_subscriptions ["Subscription", "Customer", "User", "Status", "Prices", "Period end", "Cancel at", "Last word from Stripe", "Last sync", "In sync"];
    "unattributed" unattributed ["Customer", "E-mail", "Name", "Events", "First seen", "Last event", "Subscriptions"];
};

/// The list of this name.
pub(super) fn find(name: &str) -> Option<&'static List> {
    LISTS.iter().find(|list| list.name == name)
}

impl Rows {
    /// From a page of the store's; `key` is what a row is sorted by.
    fn of<T>(page: Page<T>, key: impl Fn(&T) -> String, cells: impl Fn(T) -> Vec<Cell>) -> Self {
        let next = page.data.last().filter(|_| page.has_more).map(key);
        Self { rows: page.data.into_iter().map(cells).collect(), next }
    }
}

async fn log(ask: &Ask<'_>, after: Option<String>, limit: i64) -> anyhow::Result<Rows> {
    let (_, mut filter) = events::filter(ask);
    filter.after = after.and_then(|after| after.parse().ok());
    filter.limit = limit;
    let page = ask.state.store.events(ask.livemode, &filter).await?;
    let users = events::users(ask, &page.data).await?;
    Ok(Rows::of(
        page,
        |event| event.seq.to_string(),
        |event| {
            let effect = events::effect(&event);
            let user = event.customer_id.as_ref().and_then(|customer| users.get(customer).cloned().flatten());
            vec![
                event.received_at.into(),
                event.kind.into(),
                event.event_id.into(),
                event.status.as_str().into(),
                event.customer_id.into(),
                user.into(),
                event.object_id.into(),
                effect.into(),
                event.attempts.into(),
                event.next_attempt_at.into(),
                event.processed_at.into(),
                event.api_version.into(),
            ]
        },
    ))
}

async fn refused(ask: &Ask<'_>, after: Option<String>, limit: i64) -> anyhow::Result<Rows> {
    let after = after.and_then(|after| after.parse().ok());
    let page = ask.state.store.rejected_deliveries(after, limit).await?;
    Ok(Rows::of(
        page,
        |refused| refused.id.to_string(),
        |refused| {
            vec![
                refused.received_at.into(),
                refused.failed_check.into(),
                refused.message.into(),
                refused.tried.join(", ").into(),
                refused.body_size.into(),
            ]
        },
    ))
}

async fn all_customers(ask: &Ask<'_>, after: Option<String>, limit: i64) -> anyhow::Result<Rows> {
    let found = customers::rows(ask, after, None, limit).await?;
    let next = found.page.data.last().filter(|_| found.page.has_more).map(|row| row.key.clone());
    let people = found.page.data.into_iter().map(|row| row.who).collect();
    let count = |number: usize| Cell::from(i64::try_from(number).unwrap_or(i64::MAX));
    let rows = customers::shown(ask, people).await?.into_iter().map(|row| {
        vec![
            row.customer_id.into(),
            row.label.into(),
            row.user_id.into(),
            row.features.map_or(Cell::Empty, |(granted, _)| count(granted)),
            row.features.map_or(Cell::Empty, |(_, all)| count(all)),
            row.because.map(|reason| reason.as_str()).into(),
            row.until.into(),
            row.plan.join(", ").into(),
            row.subscription.map(|(status, _)| status.as_str().to_owned()).into(),
            row.last_event_at.into(),
        ]
    });
    Ok(Rows { rows: rows.collect(), next })
}

async fn all_subscriptions(ask: &Ask<'_>, after: Option<String>, limit: i64) -> anyhow::Result<Rows> {
    let status = ask.param("status").map(str::to_owned);
    let filter = SubscriptionFilter { status, after, limit, ..SubscriptionFilter::default() };
    let page = ask.state.store.list_subscriptions(ask.livemode, &filter).await?;
    let customers: Vec<String> = page.data.iter().map(|record| record.subscription.customer_id.clone()).collect();
    let states = ask.state.store.sync_states(ask.livemode, &customers).await?;
    Ok(Rows::of(page, subscriptions::key, |record| {
        let state = states.get(&record.subscription.customer_id).copied().unwrap_or_default();
        let in_sync = subscriptions::in_sync(&state).map(|yes| if yes { "yes" } else { "no" });
        let prices: Vec<String> = record.subscription.items.iter().map(|item| item.price_id.clone()).collect();
        let period_end = record.subscription.items.iter().filter_map(|item| item.current_period_end).max();
        vec![
            record.subscription.id.clone().into(),
            record.subscription.customer_id.clone().into(),
            record.user_id.into(),
            record.subscription.status.as_str().into(),
            prices.join(", ").into(),
            period_end.into(),
            record.subscription.ends_at().into(),
            record.evidence_at.into(),
            state.synced_at.into(),
            in_sync.into(),
        ]
    }))
}

async fn mappings(ask: &Ask<'_>, after: Option<String>, limit: i64) -> anyhow::Result<Rows> {
    let query = ask.param("q").or_else(|| ask.param("customer"));
    let page = ask.state.store.list_mappings(ask.livemode, query, after.as_deref(), limit).await?;
    Ok(Rows::of(
        page,
        |mapping| format!("{}:{}", mapping.since.millis(), mapping.customer_id),
        |mapping| {
            vec![
                mapping.customer_id.into(),
                mapping.user_id.into(),
                mapping.source.as_str().into(),
                mapping.evidence.into(),
                mapping.since.into(),
            ]
        },
    ))
}

async fn unattributed(ask: &Ask<'_>, after: Option<String>, limit: i64) -> anyhow::Result<Rows> {
    let among = store::records::Among::Unattributed;
    let filter = CustomerFilter { among, after, limit, ..CustomerFilter::default() };
    let page = ask.state.store.list_customers(ask.livemode, &filter).await?;
    Ok(Rows::of(
        page,
        |row| {
            let at = row.customer.last_event_at.map_or(0, domain::Timestamp::millis);
            format!("{at}:{}", row.customer.customer_id)
        },
        |row| {
            let subscriptions: Vec<String> =
                row.subscriptions.into_iter().map(|subscription| subscription.id).collect();
            vec![
                row.customer.customer_id.into(),
                row.customer.email.into(),
                row.customer.name.into(),
                row.events.into(),
                row.customer.first_seen_at.into(),
                row.customer.last_event_at.into(),
                subscriptions.join(", ").into(),
            ]
        },
    ))
}

async fn overrides(ask: &Ask<'_>, after: Option<String>, limit: i64) -> anyhow::Result<Rows> {
    let filter = OverrideFilter { after, limit, ..OverrideFilter::default() };
    let page = ask.state.store.overrides(ask.livemode, &filter).await?;
    Ok(Rows::of(
        page,
        |record| record.override_id.clone(),
        |record| {
            vec![
                record.override_id.into(),
                record.user_id.into(),
                record.feature.into(),
                record.effect.as_str().into(),
                record.value.into(),
                record.reason.into(),
                record.created_by.into(),
                record.created_at.into(),
                record.expires_at.into(),
                record.revoked_at.into(),
                record.revoked_by.into(),
            ]
        },
    ))
}

async fn audit(ask: &Ask<'_>, after: Option<String>, limit: i64) -> anyhow::Result<Rows> {
    let after = after.and_then(|after| after.parse().ok());
    let page = match audit::narrow(ask, &audit::filter(ask), after).await? {
        Ok(filter) => ask.state.store.audit(&AuditFilter { limit, ..filter }).await?,
        // A day that is none finds nothing, as on the page.
        Err(_) => Page { data: vec![], has_more: false },
    };
    Ok(Rows::of(
        page,
        |entry| entry.audit_id.to_string(),
        |entry| {
            vec![
                entry.at.into(),
                entry.actor.into(),
                entry.action.into(),
                entry.livemode.map(|livemode| livemode.as_str()).into(),
                entry.object_kind.into(),
                entry.object_id.into(),
                entry.reason.into(),
            ]
        },
    ))
}

/// Features with what gives them; all at once, since a catalog is short.
async fn features(ask: &Ask<'_>, _after: Option<String>, _limit: i64) -> anyhow::Result<Rows> {
    let catalog = ask.state.store.index().catalog(ask.livemode);
    let targets = ask.state.store.list_catalog(ask.livemode).await?;
    let mut rows = Vec::new();
    let mut features: Vec<_> = catalog.features.values().collect();
    features.sort_by(|a, b| a.key.cmp(&b.key));
    for feature in features {
        let of = |grant: &&FeatureGrant| grant.feature == feature.key;
        let given: Vec<_> = targets.iter().filter_map(|row| Some((row, row.grants.iter().find(of)?))).collect();
        let cells = |by: Cell, kind: Cell, value: Cell| {
            vec![feature.key.clone().into(), feature.name.clone().into(), feature.kind.as_str().into(), by, kind, value]
        };
        if given.is_empty() {
            rows.push(cells(Cell::Empty, Cell::Empty, Cell::Empty));
        }
        for (target, grant) in given {
            rows.push(cells(target.id.clone().into(), target.kind.as_str().into(), grant.value.into()));
        }
    }
    Ok(Rows { rows, next: None })
}
