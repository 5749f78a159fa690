//! What systemd is told: ready, stopping, and that the program still does its work. Where no systemd listens, nothing is told.
//!
//! The watchdog is for a program that hangs. It hears nothing when the worker goes round no more or the database gives no answer. An answer
//! of PostgreSQL that it cannot be reached is one: a restart would not mend that, and access checks go on from memory meanwhile. A SQLite
//! file has to be readable: reopening it may mend what went wrong.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use store::records::Round;

use crate::state::AppState;
use crate::telemetry::traces;

/// When the last round ended; before the first one, when the watchdog began to look.
static LAST_ROUND: Mutex<Option<Instant>> = Mutex::new(None);

fn last_round() -> MutexGuard<'static, Option<Instant>> {
    LAST_ROUND.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A round of processing, whatever comes of it: noted for the watchdog, and told to a collector of traces.
pub(crate) async fn round(work: impl Future<Output = store::Result<Round>>) -> store::Result<Round> {
    let done = traces::round(work).await;
    *last_round() = Some(Instant::now());
    done
}

/// Connections are accepted from now on.
pub(super) fn ready() {
    tell(Told::Ready);
}

/// The program was told to stop.
pub(super) fn stopping() {
    tell(Told::Stopping);
}

/// Feeds the watchdog until `shutdown`, where there is one.
pub(super) async fn run(state: AppState, shutdown: impl Future<Output = ()>) {
    let Some(limit) = limit() else { return };
    let every = limit / 3;
    last_round().get_or_insert_with(Instant::now);
    tokio::pin!(shutdown);
    loop {
        if is_alive(&state, every).await {
            tell(Told::Alive);
        } else {
            tracing::error!("the worker or the database hangs; the watchdog is told nothing");
        }
        tokio::select! {
            () = &mut shutdown => break,
            () = tokio::time::sleep(every) => {}
        }
    }
}

async fn is_alive(state: &AppState, patience: Duration) -> bool {
    let is_file = state.config.database_url.expose().starts_with("sqlite:");
    let answers = match tokio::time::timeout(patience, state.store.ping()).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::warn!(%error, "the database cannot be read");
            !is_file
        }
        Err(_) => false,
    };
    answers && goes_round(*last_round(), patience)
}

fn goes_round(last: Option<Instant>, patience: Duration) -> bool {
    last.is_some_and(|last| last.elapsed() < patience)
}

/// What is told.
#[derive(Clone, Copy)]
enum Told {
    Ready,
    Alive,
    Stopping,
}

#[cfg(unix)]
fn tell(what: Told) {
    use sd_notify::NotifyState;
    let state = match what {
        Told::Ready => NotifyState::Ready,
        Told::Alive => NotifyState::Watchdog,
        Told::Stopping => NotifyState::Stopping,
    };
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "systemd could not be told");
    }
}

#[cfg(not(unix))]
const fn tell(_: Told) {}

/// Within which the watchdog wants to hear something.
#[cfg(unix)]
fn limit() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero())
}

#[cfg(not(unix))]
const fn limit() -> Option<Duration> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_goes_round_no_more_is_not_alive() {
        let (now, patience) = (Instant::now(), Duration::from_secs(40));
        assert!(goes_round(Some(now), patience));
        assert!(!goes_round(now.checked_sub(patience), patience));
        assert!(!goes_round(None, patience), "nobody has looked after it yet");
    }
}
