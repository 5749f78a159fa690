//! Figures for Prometheus: a few counters that are bumped where things happen, and gauges that are read when somebody asks.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use domain::Livemode;
use domain::Timestamp;
use gateway::{Gateway, Lane};
use metrics::{Counter, counter, describe_counter, describe_gauge, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use store::Store;

const DELIVERIES: &str = "tollkeeper_webhook_deliveries_total";
const EVENTS: &str = "tollkeeper_events_processed_total";
const FETCHED: &str = "tollkeeper_events_fetched_total";
const CHECKS: &str = "tollkeeper_access_checks_total";
const REQUESTS: &str = "tollkeeper_stripe_requests_total";
const COMPARED: &str = "tollkeeper_customers_compared_total";
const REPLAYED: &str = "tollkeeper_events_replayed_total";
const QUEUE: &str = "tollkeeper_events";

static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts counting, once per process; the handle renders the text.
pub fn start() -> &'static PrometheusHandle {
    RECORDER.get_or_init(|| {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        // Refused when somebody else counts already; then ours stays empty.
        let _ = metrics::set_global_recorder(recorder);
        describe_counter!(DELIVERIES, "Webhook deliveries by outcome: accepted, duplicate or rejected.");
        describe_counter!(EVENTS, "Rounds over events by the status they ended with.");
        describe_counter!(FETCHED, "Events fetched from Stripe's API by why they were never delivered.");
        describe_counter!(
            COMPARED,
            "Customers that a reconcile compared with Stripe by result: same, differs (left) or mended. The last two of all are the drift rate."
        );
        describe_counter!(REPLAYED, "Events of replays by outcome: fixed, unchanged, failed, skipped or asks.");
        describe_counter!(CHECKS, "Access checks by answer.");
        describe_counter!(
            REQUESTS,
            "Requests to Stripe by mode, lane and outcome: answered, limited (429), refused or failed."
        );
        describe_gauge!(QUEUE, "Events received in the last 24 hours by mode and status.");
        handle
    })
}

/// One delivery: `accepted`, `duplicate` or `rejected`.
pub fn count_delivery(outcome: &'static str) {
    counter!(DELIVERIES, "outcome" => outcome).increment(1);
}

/// Events that ended a round with this status.
pub fn count_events(status: &'static str, number: u64) {
    counter!(EVENTS, "status" => status).increment(number);
}

/// An event that was never delivered, by the word of the reason.
pub fn count_fetched(reason: &'static str) {
    counter!(FETCHED, "reason" => reason).increment(1);
}

/// Customers that a reconcile compared with Stripe: `same`, `differs` or `mended`.
pub fn count_compared(result: &'static str, number: i64) {
    counter!(COMPARED, "result" => result).increment(u64::try_from(number).unwrap_or(0));
}

/// Events of a replay that came to this.
pub fn count_replayed(outcome: &'static str, number: i64) {
    if let Some(number) = u64::try_from(number).ok().filter(|number| *number > 0) {
        counter!(REPLAYED, "outcome" => outcome).increment(number);
    }
}

/// The counters of access checks, looked up once: allowed, denied.
pub fn access_checks() -> (Counter, Counter) {
    start();
    (counter!(CHECKS, "allowed" => "true"), counter!(CHECKS, "allowed" => "false"))
}

/// Everything as Prometheus reads it.
///
/// # Errors
/// When the database cannot be read.
pub async fn render(
    store: &dyn Store,
    gateways: &HashMap<Livemode, Arc<dyn Gateway>>,
    now: Timestamp,
) -> store::Result<String> {
    let handle = start();
    for (livemode, gateway) in gateways {
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
                counter!(REQUESTS, &labels).absolute(number);
            }
        }
    }
    for livemode in Livemode::ALL {
        let (statuses, _) = store.event_stats(livemode, now).await?;
        for status in domain::event::EventStatus::ALL {
            let number = statuses.iter().find(|(name, _)| name == status.as_str()).map_or(0, |(_, number)| *number);
            // A gauge is a float; counts of a day stay exact far beyond what fits a day.
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            gauge!(QUEUE, "mode" => livemode.as_str(), "status" => status.as_str()).set(f64::from(number));
        }
    }
    Ok(handle.render())
}
