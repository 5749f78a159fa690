//! What happened, the newest first: events, deliveries that were refused, and what the staff did.

use store::records::{Page, Place};

use super::Rows;
use crate::pages::{Ask, audit as audit_page, events as log};

pub(super) async fn events(ask: &Ask<'_>, after: Option<String>, limit: i64) -> anyhow::Result<Rows> {
    let (_, mut filter) = log::filter(ask);
    filter.after = after.and_then(|after| after.parse().ok());
    filter.limit = limit;
    let page = ask.state.store.events(ask.livemode, &filter).await?;
    let users = log::users(ask, &page.data).await?;
    Ok(Rows::of(
        page,
        |event| event.seq.to_string(),
        |event| {
            let effect = log::effect(&event);
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

pub(super) async fn refused(ask: &Ask<'_>, after: Option<String>, limit: i64) -> anyhow::Result<Rows> {
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

pub(super) async fn audit(ask: &Ask<'_>, after: Option<String>, limit: i64) -> anyhow::Result<Rows> {
    let place = Place::behind(after, limit);
    let page = match audit_page::narrow(ask, &audit_page::filter(ask), &place).await? {
        Ok(filter) => ask.state.store.audit(&filter).await?,
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
