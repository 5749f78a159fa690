//! Who there is, and what was said of them: customers, subscriptions, mappings, conflicts, payers of nobody, overrides.

use domain::stripe::Subscription;
use store::records::{Among, CustomerFilter, OverrideList, Place, SubscriptionFilter};

use super::super::cell::Cell;
use super::Rows;
use crate::pages::{
    Ask, customers as customer_list, mappings as mapping_list, overrides as override_list,
    subscriptions as subscription_list, unattributed as nobodys,
};

pub(super) async fn customers(ask: &Ask<'_>, after: Option<String>, limit: i64) -> anyhow::Result<Rows> {
    let found = customer_list::rows(ask, after, None, limit).await?;
    let next = found.page.data.last().filter(|_| found.page.has_more).map(|row| row.key.clone());
    let people = found.page.data.into_iter().map(|row| row.who).collect();
    let count = |number: usize| Cell::from(i64::try_from(number).unwrap_or(i64::MAX));
    let rows = customer_list::shown(ask, people).await?.into_iter().map(|row| {
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

pub(super) async fn subscriptions(ask: &Ask<'_>, after: Option<String>, limit: i64) -> anyhow::Result<Rows> {
    let status = ask.param("status").map(str::to_owned);
    let filter = SubscriptionFilter { status, after, limit, ..SubscriptionFilter::default() };
    let page = ask.state.store.list_subscriptions(ask.livemode, &filter).await?;
    let customers: Vec<String> = page.data.iter().map(|record| record.subscription.customer_id.clone()).collect();
    let states = ask.state.store.sync_states(ask.livemode, &customers).await?;
    Ok(Rows::of(page, subscription_list::key, |record| {
        let state = states.get(&record.subscription.customer_id).copied().unwrap_or_default();
        let in_sync = subscription_list::in_sync(&state).map(|yes| if yes { "yes" } else { "no" });
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

pub(super) async fn mappings(ask: &Ask<'_>, after: Option<String>, limit: i64) -> anyhow::Result<Rows> {
    let query = ask.param("q").or_else(|| ask.param("customer"));
    let page = ask.state.store.list_mappings(ask.livemode, query, &Place::behind(after, limit)).await?;
    Ok(Rows::of(page, mapping_list::key, |row| {
        vec![
            row.mapping.customer_id.into(),
            row.name.into(),
            row.mapping.user_id.into(),
            row.mapping.source.as_str().into(),
            row.mapping.evidence.into(),
            row.mapping.since.into(),
            if row.in_conflict { "yes" } else { "no" }.into(),
        ]
    }))
}

pub(super) async fn conflicts(ask: &Ask<'_>, after: Option<String>, limit: i64) -> anyhow::Result<Rows> {
    let page = ask.state.store.list_conflicts(ask.livemode, &Place::behind(after, limit)).await?;
    Ok(Rows::of(page, mapping_list::conflict_key, |conflict| {
        vec![
            conflict.customer_id.into(),
            conflict.mapped_user_id.into(),
            conflict.claimed_user_id.into(),
            conflict.source.as_str().into(),
            conflict.evidence.into(),
            conflict.since.into(),
        ]
    }))
}

pub(super) async fn unattributed(ask: &Ask<'_>, after: Option<String>, limit: i64) -> anyhow::Result<Rows> {
    let filter = CustomerFilter { among: Among::Unattributed, after, limit, ..CustomerFilter::default() };
    let page = ask.state.store.list_customers(ask.livemode, &filter).await?;
    Ok(Rows::of(page, nobodys::key, |row| {
        vec![
            row.customer.customer_id.into(),
            row.customer.email.into(),
            row.customer.name.into(),
            row.events.into(),
            row.customer.first_seen_at.into(),
            row.customer.last_event_at.into(),
            ids(&row.subscriptions).into(),
        ]
    }))
}

pub(super) async fn ignored(ask: &Ask<'_>, after: Option<String>, limit: i64) -> anyhow::Result<Rows> {
    let page = ask.state.store.ignored_customers(ask.livemode, &Place::behind(after, limit)).await?;
    Ok(Rows::of(
        page,
        |(ignored, _)| nobodys::ignored_key(ignored),
        |(ignored, row)| {
            vec![
                row.customer.customer_id.into(),
                row.customer.email.into(),
                row.customer.name.into(),
                ignored.reason.into(),
                ignored.actor.into(),
                ignored.at.into(),
                ids(&row.subscriptions).into(),
            ]
        },
    ))
}

fn ids(subscriptions: &[Subscription]) -> String {
    subscriptions.iter().map(|subscription| subscription.id.as_str()).collect::<Vec<_>>().join(", ")
}

pub(super) async fn overrides(ask: &Ask<'_>, after: Option<String>, limit: i64) -> anyhow::Result<Rows> {
    let (_, list) = override_list::asked(ask);
    let list = OverrideList { place: Place::behind(after, limit), ..list };
    let page = ask.state.store.list_overrides(ask.livemode, &list, ask.now).await?;
    Ok(Rows::of(
        page,
        |record| list.which.key(record),
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
