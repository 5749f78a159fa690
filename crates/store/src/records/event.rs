//! Deliveries, and the events they become.

use domain::delivery::Undelivered;
use domain::event::{Envelope, EventStatus};
use domain::{Livemode, Timestamp};
use serde::{Deserialize, Serialize};

use super::Effects;

/// A verified delivery, about to be stored.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// What was read of it.
    pub envelope: Envelope,
    /// The raw body.
    pub payload: String,
    /// When it came.
    pub received_at: Timestamp,
    /// The name of the secret that matched; none when fetched from Stripe's API.
    pub secret_name: Option<String>,
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// New.
    Accepted,
    /// The event was there already.
    Duplicate,
}

/// A refused delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedDelivery {
    /// Given by the database; 0 before.
    pub id: i64,
    /// When it came.
    pub received_at: Timestamp,
    /// The check that failed, such as `signature_mismatch`.
    pub failed_check: String,
    /// What to do about it.
    pub message: String,
    /// Names of the secrets that were tried.
    pub tried: Vec<String>,
    /// The sender's address.
    pub remote: Option<String>,
    /// The signature header with its signatures blanked, cut at 200 characters.
    pub signature_header: Option<String>,
    /// Size of the body in bytes.
    pub body_size: i64,
    /// The body's first 500 characters.
    pub body_start: String,
}

/// An event of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRecord {
    /// Order of receipt.
    pub seq: i64,
    /// The mode.
    pub livemode: Livemode,
    /// `evt_…`
    pub event_id: String,
    /// Stripe's type.
    pub kind: String,
    /// On Stripe's clock.
    pub created: Timestamp,
    /// The version of the payload.
    pub api_version: Option<String>,
    /// The object.
    pub object_id: Option<String>,
    /// `cus_…`
    pub customer_id: Option<String>,
    /// The raw body; empty once it was removed.
    pub payload: String,
    /// When the body was removed.
    pub payload_removed_at: Option<Timestamp>,
    /// First receipt.
    pub received_at: Timestamp,
    /// The secret that matched.
    pub secret_name: Option<String>,
    /// `delivered` or `fetched`.
    pub origin: String,
    /// How often it was delivered: 0 for one that was fetched and never came.
    pub deliveries: i64,
    /// Why it had not been delivered when it was fetched.
    pub undelivered: Option<Undelivered>,
    /// Last receipt.
    pub last_delivery_at: Timestamp,
    /// Its status.
    pub status: EventStatus,
    /// What was done, in words.
    pub note: Option<String>,
    /// What changed.
    pub effects: Option<Effects>,
    /// The last error.
    pub error: Option<String>,
    /// Attempts so far.
    pub attempts: i64,
    /// When it is tried again.
    pub next_attempt_at: Option<Timestamp>,
    /// When it was settled.
    pub processed_at: Option<Timestamp>,
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRecord {
    /// `delivery`, `retry`, `replay`, `read`, `mapping`.
    pub cause: String,
    /// Who, when a person started it.
    pub actor: Option<String>,
    /// When.
    pub started_at: Timestamp,
    /// How long, in milliseconds.
    pub took_ms: i64,
    /// The status it ended with.
    pub outcome: String,
    /// Its error.
    pub error: Option<String>,
}

/// Which events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventFilter {
    /// Any of these statuses; empty: all.
    pub statuses: Vec<EventStatus>,
    /// A type, or a prefix ending in `*`.
    pub kind: Option<String>,
    /// `evt_`, object or customer id, exactly.
    pub id: Option<String>,
    /// Any of these customers; empty: all.
    pub customers: Vec<String>,
    /// Received at or after.
    pub since: Option<Timestamp>,
    /// Of this API version.
    pub api_version: Option<String>,
    /// Whose error holds this text.
    pub error: Option<String>,
    /// Only those that were fetched because they had not been delivered.
    pub fetched: bool,
    /// Received before this time.
    pub until: Option<Timestamp>,
    /// Rows behind this receipt number.
    pub after: Option<i64>,
    /// The rows just before this receipt number, instead.
    pub before: Option<i64>,
    /// Rows per page.
    pub limit: i64,
}

/// How many events are in one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTally {
    /// Their status.
    pub status: EventStatus,
    /// Why they were never delivered; none for delivered ones.
    pub undelivered: Option<Undelivered>,
    /// How many.
    pub count: i64,
}
