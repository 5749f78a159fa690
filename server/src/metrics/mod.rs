//! Figures for Prometheus: counters that are bumped where things happen, and gauges that are read when somebody asks.

mod gauges;
mod names;

use std::future::Future;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use domain::Timestamp;
use http::StatusCode;
use metrics::{Counter, counter, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use self::names::{
    BUILD, CHECKS, COMPARED, DELIVERIES, EVENTS, FETCHED, HTTP_DURATION, HTTP_REQUESTS, LAST_BACKUP, REJECTIONS,
    REPLAYED, SIGN_IN_FAILURES, WEBHOOK_DURATION,
};
use crate::state::AppState;

pub use self::names::{FIGURES, Kind};

/// Bounds of what takes milliseconds, in seconds.
const SHORT: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// Bounds of requests to Stripe, in seconds.
const LONG: [f64; 9] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Samples of histograms wait in memory until somebody asks, or so long.
const UPKEEP: Duration = Duration::from_secs(5);

static RECORDER: OnceLock<Recorder> = OnceLock::new();

struct Recorder {
    handle: PrometheusHandle,
    process: metrics_process::Collector,
}

fn recorder() -> &'static Recorder {
    RECORDER.get_or_init(|| {
        let long = Matcher::Full(gateway::REQUEST_DURATION.to_owned());
        let builder = PrometheusBuilder::new().set_buckets(&SHORT);
        let builder = builder.and_then(|builder| builder.set_buckets_for_metric(long, &LONG));
        // Refused are only empty lists of bounds.
        let recorder = builder.unwrap_or_default().build_recorder();
        let handle = recorder.handle();
        // Refused when somebody else counts already; then ours stays empty.
        let _ = metrics::set_global_recorder(recorder);
        names::describe();
        let process = metrics_process::Collector::default();
        process.describe();
        gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        begin_at_zero();
        Recorder { handle, process }
    })
}

/// What has not happened yet is 0 and not missing: the first time would be no increase to Prometheus.
fn begin_at_zero() {
    for outcome in ["accepted", "duplicate", "rejected", "failed"] {
        counter!(DELIVERIES, "outcome" => outcome).increment(0);
        let _ = histogram!(WEBHOOK_DURATION, "outcome" => outcome);
    }
    for reason in gateway::signature::Check::ALL.map(gateway::signature::Check::as_str) {
        counter!(REJECTIONS, "reason" => reason).increment(0);
    }
    for reason in ["event_malformed", "body_too_large", "body_unreadable"] {
        counter!(REJECTIONS, "reason" => reason).increment(0);
    }
    for reason in ["password", "code", "passkey", "throttled"] {
        counter!(SIGN_IN_FAILURES, "reason" => reason).increment(0);
    }
    for status in ["taken", "failed"] {
        counter!(EVENTS, "status" => status).increment(0);
    }
    for result in ["same", "differs", "mended"] {
        counter!(COMPARED, "result" => result).increment(0);
    }
    for outcome in ["fixed", "unchanged", "failed", "skipped", "asks"] {
        counter!(REPLAYED, "outcome" => outcome).increment(0);
    }
    for reason in domain::delivery::Undelivered::ALL {
        counter!(FETCHED, "reason" => reason.as_str()).increment(0);
    }
    for class in Class::ALL {
        for status in ["2xx", "3xx", "4xx", "5xx"] {
            counter!(HTTP_REQUESTS, "class" => class.as_str(), "status" => status).increment(0);
        }
        let _ = histogram!(HTTP_DURATION, "class" => class.as_str());
    }
}

/// Starts counting, once per process.
pub fn start() {
    recorder();
}

/// Keeps what histograms hold small until `shutdown`, also when nobody ever asks.
pub async fn run(shutdown: impl Future<Output = ()>) {
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            () = tokio::time::sleep(UPKEEP) => recorder().handle.run_upkeep(),
        }
    }
}

/// One delivery that took so long: `accepted`, `duplicate`, `rejected` or `failed`.
pub fn count_delivery(outcome: &'static str, took: Duration) {
    counter!(DELIVERIES, "outcome" => outcome).increment(1);
    histogram!(WEBHOOK_DURATION, "outcome" => outcome).record(took);
}

/// One delivery that was rejected by this check.
pub fn count_rejection(reason: &'static str) {
    counter!(REJECTIONS, "reason" => reason).increment(1);
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

/// A refused sign-in of staff: `password`, `code`, `passkey`, or `throttled` before either was looked at.
pub fn count_sign_in_failure(reason: &'static str) {
    counter!(SIGN_IN_FAILURES, "reason" => reason).increment(1);
}

/// When the newest backup was made, as far as this process knows. Whoever makes backups calls it at the start and after each; with none the
/// figure stays as it is, which before the first one is missing.
pub fn note_backup(made_at: Option<Timestamp>) {
    if let Some(at) = made_at {
        gauge!(LAST_BACKUP).set(gauges::seconds(at));
    }
}

/// The counters of access checks, looked up once: allowed, denied.
pub fn access_checks() -> (Counter, Counter) {
    start();
    (counter!(CHECKS, "allowed" => "true"), counter!(CHECKS, "allowed" => "false"))
}

/// What a request is for: few words, whatever paths are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Deliveries of webhooks.
    Webhook,
    /// `/v1`
    Api,
    /// The admin app.
    Admin,
    /// Health, readiness, figures.
    Operation,
    /// Everything else: files, the API's description, strangers' guesses.
    Other,
}

impl Class {
    const ALL: [Self; 5] = [Self::Webhook, Self::Api, Self::Admin, Self::Operation, Self::Other];

    /// Of a path.
    #[must_use]
    pub fn of(path: &str) -> Self {
        match path.split('/').nth(1) {
            Some("webhooks") => Self::Webhook,
            Some("v1") => Self::Api,
            Some("admin") => Self::Admin,
            Some("healthz" | "readyz" | "metrics") => Self::Operation,
            _ => Self::Other,
        }
    }

    /// The class's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Api => "api",
            Self::Admin => "admin",
            Self::Operation => "operation",
            Self::Other => "other",
        }
    }
}

/// A request that was answered.
pub fn count_request(class: Class, status: StatusCode, began: Instant) {
    let status = match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    };
    counter!(HTTP_REQUESTS, "class" => class.as_str(), "status" => status).increment(1);
    histogram!(HTTP_DURATION, "class" => class.as_str()).record(began.elapsed());
}

/// Everything as Prometheus reads it, also when the database does not answer.
pub async fn render(state: &AppState) -> String {
    let recorder = recorder();
    recorder.process.collect();
    gauges::read(state).await;
    recorder.handle.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_conventions() {
        for (kind, name, meaning) in FIGURES {
            assert!(
                name.starts_with("tollkeeper_") && name.chars().all(|c| c.is_ascii_lowercase() || c == '_'),
                "{name}"
            );
            assert_eq!(*kind == Kind::Counter, name.ends_with("_total"), "{name}");
            assert!(*kind != Kind::Histogram || name.ends_with("_seconds"), "{name}");
            assert!(!name.contains("_ms") && !name.contains("millis") && meaning.ends_with('.'), "{name}");
        }
    }

    #[test]
    fn whatever_is_asked_for_there_are_few_classes() {
        for (path, class) in [
            ("/webhooks/stripe", Class::Webhook),
            ("/v1/access", Class::Api),
            ("/admin", Class::Admin),
            ("/admin/customers/cus_1", Class::Admin),
            ("/readyz", Class::Operation),
            ("/", Class::Other),
            ("/v1x/y", Class::Other),
            ("*", Class::Other),
        ] {
            assert_eq!(Class::of(path), class, "{path}");
        }
    }
}
