//! Gauges: read when somebody asks, by few rows each.

use std::time::Duration;

use domain::event::EventStatus;
use domain::{Livemode, Timestamp};
use gateway::Lane;
use metrics::{counter, gauge};
use store::records::{Place, Purpose};

use super::names::{
    CONNECTIONS, DATABASE_SIZE, DATABASE_UP, DRIFT, LAST_CATCH_UP, LAST_DELIVERY, LAST_RECONCILE, MOST_CONNECTIONS,
    OPEN, QUEUE, QUEUE_AGE, STRIPE_REQUESTS, WAITING_FOR_STRIPE,
};
use crate::state::AppState;

/// How long the database may take: Prometheus gives up after ten seconds, and would get nothing at all.
const PATIENCE: Duration = Duration::from_secs(5);
/// What somebody or something still has to deal with.
const OPEN_STATUSES: [EventStatus; 5] =
    [EventStatus::Pending, EventStatus::Processing, EventStatus::Failed, EventStatus::Dead, EventStatus::Unattributed];

/// Reads them all. What the database does not tell stays as it was.
pub(super) async fn read(state: &AppState) {
    requests_to_stripe(state);
    for pool in state.store.pools() {
        gauge!(CONNECTIONS, "pool" => pool.name, "state" => "busy").set(pool.busy);
        gauge!(CONNECTIONS, "pool" => pool.name, "state" => "idle").set(pool.idle);
        gauge!(MOST_CONNECTIONS, "pool" => pool.name).set(pool.most);
    }
    let is_up = match tokio::time::timeout(PATIENCE, from_database(state)).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::warn!(%error, "the figures of the database could not be read");
            false
        }
        Err(_) => {
            tracing::warn!("the database did not tell its figures within {PATIENCE:?}");
            false
        }
    };
    gauge!(DATABASE_UP).set(f64::from(u8::from(is_up)));
}

/// A moment as Prometheus writes it.
pub(super) fn seconds(at: Timestamp) -> f64 {
    float(at.millis()) / 1000.0
}

/// Exact up to 2^53, far beyond what is counted here.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
const fn float(number: i64) -> f64 {
    number as f64
}

fn requests_to_stripe(state: &AppState) {
    for (livemode, gateway) in state.gateways.iter() {
        let usage = gateway.usage();
        for lane in Lane::ALL {
            let counts = usage.of(lane);
            let outcomes = [
                ("answered", counts.answered),
                ("limited", counts.limited),
                ("refused", counts.refused),
                ("failed", counts.failed),
            ];
            for (outcome, number) in outcomes {
                let labels = [("mode", livemode.as_str()), ("lane", lane.as_str()), ("outcome", outcome)];
                counter!(STRIPE_REQUESTS, &labels).absolute(number);
            }
        }
    }
}

async fn from_database(state: &AppState) -> store::Result<()> {
    let (store, now) = (&state.store, state.now());
    gauge!(DATABASE_SIZE).set(float(store.size().await?));
    let due = store.longest_due().await?.filter(|due| *due < now);
    gauge!(QUEUE_AGE).set(due.map_or(0.0, |due| float(now.millis() - due.millis()) / 1000.0));
    for livemode in Livemode::ALL {
        let mode = livemode.as_str();
        let (statuses, _) = store.event_stats(livemode, now).await?;
        for status in EventStatus::ALL {
            let number = statuses.iter().find(|(name, _)| name == status.as_str()).map_or(0, |(_, number)| *number);
            gauge!(QUEUE, "mode" => mode, "status" => status.as_str()).set(float(number));
        }
        for status in OPEN_STATUSES {
            let number = store.count_status(livemode, status).await?;
            gauge!(OPEN, "mode" => mode, "status" => status.as_str()).set(float(number));
        }
        gauge!(WAITING_FOR_STRIPE, "mode" => mode).set(float(store.count_waiting_for_read(livemode).await?));
        if let Some(at) = store.last_delivery(livemode).await? {
            gauge!(LAST_DELIVERY, "mode" => mode).set(seconds(at));
        }
        if let Some(at) = store.catch_up(livemode).await?.and_then(|catch_up| catch_up.finished_at) {
            gauge!(LAST_CATCH_UP, "mode" => mode).set(seconds(at));
        }
        drift(state, livemode).await?;
    }
    Ok(())
}

/// What the last reconcile that was over found.
async fn drift(state: &AppState, livemode: Livemode) -> store::Result<()> {
    // The newest may be under way, and then the one before it is over.
    let newest = state.store.resyncs(livemode, Some(Purpose::Reconcile), &Place::first(2)).await?.data;
    let over = newest.into_iter().find_map(|resync| resync.finished_at.map(|at| (at, resync.resync_id)));
    let (mut left, mut mended) = (0, 0);
    if let Some((at, resync_id)) = over {
        gauge!(LAST_RECONCILE, "mode" => livemode.as_str()).set(seconds(at));
        if let Some((_, counts)) = state.store.resync(&resync_id).await? {
            (left, mended) = (counts.differs, counts.applied);
        }
    }
    gauge!(DRIFT, "mode" => livemode.as_str(), "result" => "left").set(float(left));
    gauge!(DRIFT, "mode" => livemode.as_str(), "result" => "mended").set(float(mended));
    Ok(())
}
