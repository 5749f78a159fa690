//! What somebody bought.

use domain::Timestamp;
use domain::stripe::{CheckoutSession, Subscription};

/// A subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionRecord {
    /// The newest state.
    pub subscription: Subscription,
    /// The user, if mapped.
    pub user_id: Option<String>,
    /// Since when past due.
    pub past_due_since: Option<Timestamp>,
    /// On Stripe's clock, the time of the newest evidence.
    pub evidence_at: Timestamp,
    /// The event it came with; none: a read.
    pub evidence_event_id: Option<String>,
    /// When we wrote it.
    pub updated_at: Timestamp,
}

/// Which subscriptions.
#[derive(Clone, Debug, Default)]
pub struct SubscriptionFilter {
    /// Stripe's status.
    pub status: Option<String>,
    /// Rows behind this cursor: `updated_at_millis:subscription_id`.
    pub after: Option<String>,
    /// The rows just before this cursor, instead.
    pub before: Option<String>,
    /// Rows per page.
    pub limit: i64,
}

/// A Checkout Session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckoutRecord {
    /// The newest state.
    pub session: CheckoutSession,
    /// On Stripe's clock.
    pub evidence_at: Timestamp,
}
