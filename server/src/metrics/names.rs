//! Every figure of ours by name, with its kind and what it says. What is not in this table is not counted; the dashboard and the alert
//! rules in `deploy/` may name nothing else.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// What a figure does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows while the program runs.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How often something took how long.
    Histogram,
}

impl Kind {
    /// The word in the output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

pub(super) const DELIVERIES: &str = "tollkeeper_webhook_deliveries_total";
pub(super) const REJECTIONS: &str = "tollkeeper_webhook_rejections_total";
pub(super) const WEBHOOK_DURATION: &str = "tollkeeper_webhook_duration_seconds";
pub(super) const EVENTS: &str = "tollkeeper_events_processed_total";
pub(super) const FETCHED: &str = "tollkeeper_events_fetched_total";
pub(super) const CHECKS: &str = "tollkeeper_access_checks_total";
pub(super) const STRIPE_REQUESTS: &str = "tollkeeper_stripe_requests_total";
pub(super) const COMPARED: &str = "tollkeeper_customers_compared_total";
pub(super) const REPLAYED: &str = "tollkeeper_events_replayed_total";
pub(super) const SIGN_IN_FAILURES: &str = "tollkeeper_sign_in_failures_total";
pub(super) const HTTP_REQUESTS: &str = "tollkeeper_http_requests_total";
pub(super) const HTTP_DURATION: &str = "tollkeeper_http_request_duration_seconds";
pub(super) const QUEUE: &str = "tollkeeper_events";
pub(super) const OPEN: &str = "tollkeeper_open_events";
pub(super) const WAITING_FOR_STRIPE: &str = "tollkeeper_events_waiting_for_stripe";
pub(super) const QUEUE_AGE: &str = "tollkeeper_event_queue_age_seconds";
pub(super) const LAST_DELIVERY: &str = "tollkeeper_last_delivery_timestamp_seconds";
pub(super) const LAST_CATCH_UP: &str = "tollkeeper_last_catch_up_timestamp_seconds";
pub(super) const LAST_RECONCILE: &str = "tollkeeper_last_reconcile_timestamp_seconds";
pub(super) const LAST_BACKUP: &str = "tollkeeper_last_backup_timestamp_seconds";
pub(super) const DRIFT: &str = "tollkeeper_drift_customers";
pub(super) const DATABASE_UP: &str = "tollkeeper_database_up";
pub(super) const DATABASE_SIZE: &str = "tollkeeper_database_size_bytes";
pub(super) const CONNECTIONS: &str = "tollkeeper_database_connections";
pub(super) const MOST_CONNECTIONS: &str = "tollkeeper_database_connections_max";
pub(super) const BUILD: &str = "tollkeeper_build_info";

/// Every figure: kind, name, meaning.
pub const FIGURES: &[(Kind, &str, &str)] = &[
    (
        Kind::Counter,
        DELIVERIES,
        "Webhook deliveries by outcome: accepted, duplicate, rejected or failed (not stored: Stripe sends them again).",
    ),
    (Kind::Counter, REJECTIONS, "Rejected webhook deliveries by reason: the check that failed."),
    (Kind::Histogram, WEBHOOK_DURATION, "From a delivery's whole body to its answer, by outcome."),
    (Kind::Counter, EVENTS, "Rounds over events by the status they ended with."),
    (Kind::Counter, FETCHED, "Events fetched from Stripe's API by why they were never delivered."),
    (Kind::Counter, CHECKS, "Access checks by answer."),
    (
        Kind::Counter,
        STRIPE_REQUESTS,
        "Requests to Stripe by mode, lane and outcome: answered, limited (429), refused or failed.",
    ),
    (
        Kind::Histogram,
        gateway::REQUEST_DURATION,
        "Duration of requests to Stripe by mode and lane, without their wait for the rate budget.",
    ),
    (
        Kind::Counter,
        COMPARED,
        "Customers that a reconcile compared with Stripe by result: same, differs (left) or mended. The last two of all are the drift rate.",
    ),
    (Kind::Counter, REPLAYED, "Events of replays by outcome: fixed, unchanged, failed, skipped or asks."),
    (Kind::Counter, SIGN_IN_FAILURES, "Refused sign-ins of staff by reason: password, code, passkey or throttled."),
    (
        Kind::Counter,
        HTTP_REQUESTS,
        "HTTP requests by class of route and of status, without the plain access checks (tollkeeper_access_checks_total).",
    ),
    (
        Kind::Histogram,
        HTTP_DURATION,
        "From the head of a request to the head of its answer by class of route, without the plain access checks.",
    ),
    (Kind::Gauge, QUEUE, "Events received in the last 24 hours by mode and status."),
    (
        Kind::Gauge,
        OPEN,
        "Events of any age that somebody or something still has to deal with, by mode and status, counted up to 100,000.",
    ),
    (Kind::Gauge, WAITING_FOR_STRIPE, "Events that wait for Stripe to be asked, by mode, counted up to 100,000."),
    (
        Kind::Gauge,
        QUEUE_AGE,
        "How long the event has been due that has waited longest for its turn; 0 when none waits.",
    ),
    (Kind::Gauge, LAST_DELIVERY, "When Stripe last delivered an event, by mode; missing before the first one."),
    (
        Kind::Gauge,
        LAST_CATCH_UP,
        "When Stripe's list of events was last read to its end, by mode; missing before the first time.",
    ),
    (Kind::Gauge, LAST_RECONCILE, "When a reconcile was last over, by mode; missing before the first one."),
    (Kind::Gauge, LAST_BACKUP, "When the newest backup was made; missing as long as the program knows of none."),
    (
        Kind::Gauge,
        DRIFT,
        "Customers that differed from Stripe at the last reconcile, by mode and result: left or mended.",
    ),
    (
        Kind::Gauge,
        DATABASE_UP,
        "1 when the database answered for these figures, otherwise 0; those read from it are then the last known.",
    ),
    (Kind::Gauge, DATABASE_SIZE, "Size of the database, without SQLite's log."),
    (Kind::Gauge, CONNECTIONS, "Connections to the database by pool and state: busy or idle."),
    (Kind::Gauge, MOST_CONNECTIONS, "Most connections to the database by pool."),
    (Kind::Gauge, BUILD, "1, with the version as its label."),
];

/// Gives every figure its meaning, and its unit where it has one.
pub(super) fn describe() {
    for (kind, name, meaning) in FIGURES {
        let unit = if name.ends_with("_bytes") {
            Unit::Bytes
        } else if name.ends_with("_seconds") {
            Unit::Seconds
        } else {
            Unit::Count
        };
        match kind {
            Kind::Counter => describe_counter!(*name, unit, *meaning),
            Kind::Gauge => describe_gauge!(*name, unit, *meaning),
            Kind::Histogram => describe_histogram!(*name, unit, *meaning),
        }
    }
}
