//! The webhook log: process again.

use super::customers::encoded;
use super::post::{Outcome, Posted};

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

/// Processes every failed event of the mode again.
pub async fn replay_failed(posted: Posted) -> Outcome {
    match posted.state.store.replay_failed(posted.livemode, &posted.author()).await {
        Ok(count) => {
            posted.state.worker.wake();
            let message = match count {
                0 => "No event has failed.".to_owned(),
                1 => "One event is processed again.".to_owned(),
                count => format!("{count} events are processed again."),
            };
            Outcome::done(posted.back_to("/admin/events"), message)
        }
        Err(error) => error.into(),
    }
}
