//! The webhook log: process again.

use super::customers::encoded;
use super::post::{Outcome, Posted};
use crate::worker::SyncError;

/// Processes one event again, whatever its status.
pub async fn replay(posted: Posted) -> Outcome {
    let id = posted.param("id").to_owned();
    match posted.state.store.replay_event(posted.livemode, &id, &posted.author()).await {
        Ok(true) => {
            posted.state.worker.wake();
            Outcome::done(
                posted.back_to(&format!("/admin/events/{}", encoded(&id))),
                format!("{id} is processed again."),
            )
        }
        Ok(false) => Outcome::NotFound,
        Err(error) => error.into(),
    }
}

/// Reads Stripe's list of events for what was never delivered.
pub async fn fetch_missing(posted: Posted) -> Outcome {
    let back = posted.back_to("/admin/events#missed");
    if posted.state.gateway(posted.livemode).is_none() {
        return Outcome::sync_failed(back, SyncError::NoKey(posted.livemode));
    }
    match posted.state.catch_up.ask(posted.livemode, None, Some(&posted.author())).await {
        Ok(()) => {
            Outcome::done(back, "Stripe's list of events is being read; what is missing here comes in by itself.")
        }
        Err(error) => error.into(),
    }
}
