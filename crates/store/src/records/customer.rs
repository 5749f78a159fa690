//! Customers, users, and which belongs to which.

use domain::mapping::MappingSource;
use domain::stripe::Subscription;
use domain::{Livemode, Timestamp};
use serde::Serialize;

/// Which customers a list is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Among {
    /// Everybody.
    #[default]
    All,
    /// Those that pay, or have events, and belong to no user.
    Unattributed,
    /// Those a comparison with Stripe found to differ, and nothing has mended since.
    Differing,
}

/// Whether what is known of a customer is what Stripe says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncState {
    /// Last successful read of Stripe.
    pub synced_at: Option<Timestamp>,
    /// Whether it is marked to be read again.
    pub is_doubted: bool,
    /// Whether the last comparison found a difference that nothing has mended since.
    pub differs: bool,
}

/// A customer of Stripe's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerRecord {
    /// The mode.
    pub livemode: Livemode,
    /// `cus_…`
    pub customer_id: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// Deleted in Stripe.
    pub deleted: bool,
    /// The user its metadata names.
    pub claimed_user: Option<String>,
    /// First seen here.
    pub first_seen_at: Timestamp,
    /// Newest event.
    pub last_event_at: Option<Timestamp>,
    /// Marked to be read since.
    pub dirty_at: Option<Timestamp>,
    /// When the read is due.
    pub next_read_at: Option<Timestamp>,
    /// The last read's error.
    pub read_error: Option<String>,
    /// Last successful read.
    pub synced_at: Option<Timestamp>,
}

/// A customer in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerRow {
    /// The customer.
    pub customer: CustomerRecord,
    /// The user.
    pub user_id: Option<String>,
    /// Its subscriptions.
    pub subscriptions: Vec<Subscription>,
    /// How many events are stored, counted up to 1,000; counted among the unattributed alone.
    pub events: i64,
}

/// Which customers.
#[derive(Clone, Debug, Default)]
pub struct CustomerFilter {
    /// Prefix of e-mail address, name, user id or `cus_` id.
    pub query: Option<String>,
    /// All, or those a person has to look at.
    pub among: Among,
    /// Rows behind this cursor: `last_event_at_millis:customer_id`.
    pub after: Option<String>,
    /// The rows just before this cursor, instead.
    pub before: Option<String>,
    /// Rows per page.
    pub limit: i64,
}

/// A mapping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MappingRecord {
    /// `cus_…`
    pub customer_id: String,
    /// The user.
    pub user_id: String,
    /// By what.
    pub source: MappingSource,
    /// The event or the person.
    pub evidence: String,
    /// Since when.
    pub since: Timestamp,
}

/// A mapping in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingRow {
    /// The mapping.
    pub mapping: MappingRecord,
    /// What Stripe calls the customer: its name, or its e-mail address.
    pub name: Option<String>,
    /// Whether a claim contradicts it that nobody has settled.
    pub in_conflict: bool,
}

/// A conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictRecord {
    /// `cfl_…`
    pub conflict_id: String,
    /// The mode.
    pub livemode: Livemode,
    /// `cus_…`
    pub customer_id: String,
    /// The user it is mapped to.
    pub mapped_user_id: String,
    /// The user the claim names.
    pub claimed_user_id: String,
    /// Where the claim stands.
    pub source: MappingSource,
    /// The event.
    pub evidence: String,
    /// Since when.
    pub since: Timestamp,
}

/// How a conflict is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The mapping stays.
    Keep,
    /// The customer moves to the claimed user.
    Move,
}

/// A user the application told us of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UserRecord {
    /// The application's id.
    pub user_id: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// First told of.
    pub created_at: Timestamp,
}
