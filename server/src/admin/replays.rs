//! Replays: begun, paused, resumed, ended.

use store::records::{EventFilter, FASTEST_REPLAY, JobChange, NewReplay, REPLAY_RATE, ReplayRecord};

use super::customers::encoded;
use super::overrides::MIN_REASON;
use super::post::{Outcome, Posted};
use crate::pages::replays::{Asked, address_of, chosen};

const PAGE: &str = "/admin/replays";

/// Begins a replay of the events that the page before it has planned.
pub async fn create(posted: Posted) -> Outcome {
    let fields = &posted.fields;
    let asked = Asked { now: posted.state.now(), started_at: posted.state.replays.started_at() };
    let new = match chosen(|name| fields.opt(name), posted.livemode, asked) {
        Ok(new) => new,
        Err(why) => return Outcome::invalid(format!("{PAGE}/new"), "", why),
    };
    let page = address_of(&new);
    let rate = fields.opt("rate").map_or(Ok(REPLAY_RATE), str::parse);
    let Some(rate) = rate.ok().filter(|rate| (1..=FASTEST_REPLAY).contains(rate)) else {
        return Outcome::invalid(page, "rate", format!("Choose from 1 to {FASTEST_REPLAY} events a second."));
    };
    if fields.get("reason").chars().count() < MIN_REASON {
        return Outcome::invalid(page, "reason", format!("Say why, in at least {MIN_REASON} characters."));
    }
    begin(&posted, &NewReplay { rate, is_dry_run: fields.opt("dry_run").is_some(), ..new }).await
}

/// Begins a replay of every event of the mode that failed.
pub async fn create_failed(posted: Posted) -> Outcome {
    let filter = EventFilter { statuses: crate::pages::replays::FAILED.to_vec(), ..EventFilter::default() };
    let (livemode, rate) = (posted.livemode, REPLAY_RATE);
    begin(&posted, &NewReplay { livemode, filter, linked: false, is_dry_run: false, rate }).await
}

async fn begin(posted: &Posted, new: &NewReplay) -> Outcome {
    match posted.state.store.create_replay(new, &posted.author()).await {
        Ok(ReplayRecord { replay_id, .. }) => {
            posted.state.replays.wake();
            let words = if new.is_dry_run { "The dry run has begun." } else { "The replay has begun." };
            Outcome::done(format!("{PAGE}/{replay_id}"), words)
        }
        Err(error) => error.into(),
    }
}

/// Pauses, goes on with, or ends one.
pub async fn change(posted: Posted) -> Outcome {
    let id = posted.param("id").to_owned();
    let Some(change) = JobChange::parse(posted.param("change")) else { return Outcome::NotFound };
    let store = &posted.state.store;
    match store.replay(&id).await {
        Err(error) => return error.into(),
        Ok(found) if found.as_ref().is_none_or(|replay| replay.new.livemode != posted.livemode) => {
            return Outcome::NotFound;
        }
        Ok(_) => {}
    }
    let changed = store.change_replay(&id, change, &posted.author()).await;
    posted.state.replays.wake();
    let page = format!("{PAGE}/{}", encoded(&id));
    super::jobs::changed(page, change, changed, "What is in line by now is processed all the same.")
}
