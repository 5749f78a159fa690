//! Resyncs: begun, reconciled now, paused, ended, applied.

use domain::stripe::SubscriptionStatus;
use store::records::{JobChange, NewResync, Purpose, ResyncScope};

use super::overrides::MIN_REASON;
use super::post::{Outcome, Posted};
use crate::worker::SyncError;

const PAGE: &str = "/admin/resyncs";

/// Compares many customers with Stripe; what differs is shown before it is applied.
pub async fn create(posted: Posted) -> Outcome {
    let scope = match posted.fields.get("scope") {
        "all" => ResyncScope::All,
        "unattributed" => ResyncScope::Unattributed,
        word => match SubscriptionStatus::from(word.to_owned()) {
            SubscriptionStatus::Unknown(_) => return Outcome::invalid(PAGE, "scope", "Choose who is compared."),
            status => ResyncScope::Status { status: status.as_str().to_owned() },
        },
    };
    if posted.fields.get("reason").chars().count() < MIN_REASON {
        return Outcome::invalid(PAGE, "reason", format!("Say why, in at least {MIN_REASON} characters."));
    }
    if posted.state.gateway(posted.livemode).is_none() {
        return Outcome::sync_failed(PAGE, SyncError::NoKey(posted.livemode));
    }
    let new = NewResync { livemode: posted.livemode, purpose: Purpose::Resync, scope, applies: false };
    match posted.state.store.create_resync(&new, &posted.author()).await {
        Ok(resync) => {
            posted.state.resyncs.wake();
            Outcome::done(format!("{PAGE}/{}", resync.resync_id), "The comparison has begun.")
        }
        Err(error) => error.into(),
    }
}

/// Reconciles now what the clock would later.
pub async fn reconcile(posted: Posted) -> Outcome {
    if posted.state.gateway(posted.livemode).is_none() {
        return Outcome::sync_failed(PAGE, SyncError::NoKey(posted.livemode));
    }
    let mends = posted.state.config.schedule.reconcile == crate::resync::Reconcile::Mend;
    match posted.state.resyncs.begin_reconcile(posted.livemode, mends, &posted.author()).await {
        Ok(resync) => Outcome::done(format!("{PAGE}/{}", resync.resync_id), "The reconcile has begun."),
        Err(error) => error.into(),
    }
}

/// Pauses, goes on with, ends or applies one.
pub async fn change(posted: Posted) -> Outcome {
    let id = posted.param("id").to_owned();
    let Some(change) = JobChange::parse(posted.param("change")) else { return Outcome::NotFound };
    let back = format!("{PAGE}/{}", super::customers::encoded(&id));
    let store = &posted.state.store;
    match store.resync(&id).await {
        Err(error) => return error.into(),
        Ok(found) if found.as_ref().is_none_or(|(record, _)| record.new.livemode != posted.livemode) => {
            return Outcome::NotFound;
        }
        Ok(_) => {}
    }
    let changed = store.change_resync(&id, change, &posted.author()).await;
    posted.state.resyncs.wake();
    super::jobs::changed(back, change, changed, "What was mended before stays.")
}
