//! What a diagnosis looks at: everything that is stored about one user's way from checkout to access.

use std::collections::HashMap;

use crate::access::{Decision, OverrideFacts, PaymentFacts, Policy, UserFacts};
use crate::catalog::Catalog;
use crate::delivery::Undelivered;
use crate::mapping::MappingSource;
use crate::stripe::CheckoutSession;
use crate::{Livemode, Timestamp};

/// Everything known about one user in one mode. Lists that are empty and options that are none say "nothing stored".
#[derive(Clone, Debug)]
pub struct Chain<'a> {
    /// The application's own id of the user.
    pub user_id: String,
    /// The feature asked about; none asks whether the user has anything at all.
    pub feature: Option<String>,
    /// The mode asked about.
    pub mode: Livemode,
    /// The moment of the question, the decision's own.
    pub now: Timestamp,
    /// [`crate::access::decide`] for the feature, or [`crate::access::decide_any`] without one.
    pub decision: Decision,
    /// The facts the decision was made from.
    pub facts: Option<&'a UserFacts>,
    /// The catalog the decision was made with.
    pub catalog: &'a Catalog,
    /// The policy the decision was made with.
    pub policy: Policy,
    /// The Stripe customers mapped to the user.
    pub customers: Vec<CustomerRecord>,
    /// Their mappings.
    pub mappings: Vec<MappingRecord>,
    /// Open conflicts in which this user is one of the two.
    pub conflicts: Vec<ConflictRecord>,
    /// Checkout Sessions of those customers, or that name the user; any order.
    pub checkouts: Vec<CheckoutRecord>,
    /// The events of those customers.
    pub events: EventRecords,
    /// Customers that no user is mapped to and that may be this one's.
    pub candidates: Vec<Candidate>,
    /// When an event of any customer in this mode was last accepted.
    pub last_accepted_at: Option<Timestamp>,
    /// The newest delivery that was rejected because no signature matched.
    pub rejected_recent: Option<Rejection>,
    /// Whether the user, or one of the ids asked for, is known in the other mode.
    pub other_mode: bool,
    /// Whether a Stripe key for this mode is set: without one nothing can be read from Stripe.
    pub has_stripe_key: bool,
    /// Grants on the feature that ended in the last 30 days; ones among `facts` need not be repeated.
    pub expired_overrides: Vec<OverrideFacts>,
    /// Author and reason of overrides, by override id.
    pub override_notes: HashMap<String, OverrideNote>,
    /// The money behind the latest invoices of subscriptions, by invoice id, as far as it is known.
    pub invoice_payments: HashMap<String, PaymentFacts>,
    /// Names of prices, by price id.
    pub price_names: HashMap<String, String>,
    /// Stripe reports the webhook endpoint disabled or absent: the endpoint's URL or id.
    pub endpoint_disabled: Option<String>,
    /// Events of these customers that Stripe lists and this installation lacks.
    pub events_missing: Option<EventsMissing>,
    /// Differences found when our copy was last compared with Stripe, and not mended since.
    pub drift: Vec<Drift>,
    /// What the application was told when it last asked, feature by feature.
    pub last_checks: Vec<LastCheck>,
}

impl<'a> Chain<'a> {
    /// A chain about which nothing more is stored than the facts of the decision.
    #[must_use]
    pub fn new(
        user_id: impl Into<String>,
        feature: Option<String>,
        mode: Livemode,
        now: Timestamp,
        decision: Decision,
        facts: Option<&'a UserFacts>,
        catalog: &'a Catalog,
    ) -> Self {
        Self {
            user_id: user_id.into(),
            feature,
            mode,
            now,
            decision,
            facts,
            catalog,
            policy: Policy::default(),
            customers: vec![],
            mappings: vec![],
            conflicts: vec![],
            checkouts: vec![],
            events: EventRecords::default(),
            candidates: vec![],
            last_accepted_at: None,
            rejected_recent: None,
            other_mode: false,
            has_stripe_key: false,
            expired_overrides: vec![],
            override_notes: HashMap::new(),
            invoice_payments: HashMap::new(),
            price_names: HashMap::new(),
            endpoint_disabled: None,
            events_missing: None,
            drift: vec![],
            last_checks: vec![],
        }
    }
}

/// The application's last question about a feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastCheck {
    /// The feature's key.
    pub feature: String,
    /// When it asked.
    pub at: Timestamp,
    /// What it was told.
    pub allowed: bool,
    /// When the answer last became a yes; none when it is none, or always was one.
    pub granted_at: Option<Timestamp>,
}

/// A Stripe customer mapped to the user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomerRecord {
    /// `cus_…`
    pub id: String,
    /// E-mail address in Stripe.
    pub email: Option<String>,
    /// Deleted in Stripe.
    pub deleted: bool,
    /// When the customer was last read whole from Stripe.
    pub synced_at: Option<Timestamp>,
    /// Since when it waits to be read from Stripe.
    pub dirty_since: Option<Timestamp>,
    /// Why the last read failed; none once a read succeeded.
    pub read_error: Option<ReadError>,
}

/// Stripe's refusal, or silence, when a customer was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// HTTP status; none when there was no answer.
    pub status: Option<u16>,
    /// What went wrong, for a person.
    pub message: String,
    /// When.
    pub at: Timestamp,
}

/// A customer's mapping to the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingRecord {
    /// `cus_…`
    pub customer_id: String,
    /// Where the word for it came from.
    pub source: MappingSource,
    /// `evt_…` or the person or key that said so.
    pub evidence: Option<String>,
    /// Since when.
    pub since: Timestamp,
}

/// A claim that contradicts a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictRecord {
    /// `cus_…`
    pub customer_id: String,
    /// The user it is mapped to.
    pub current: String,
    /// The user the claim names.
    pub claimed: String,
    /// `evt_…` or the person or key that said so.
    pub evidence: Option<String>,
}

/// A Checkout Session as it was last heard of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckoutRecord {
    /// The session.
    pub session: CheckoutSession,
    /// When it was heard of, on Stripe's clock.
    pub at: Timestamp,
}

/// The events of the user's customers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventRecords {
    /// How many are stored.
    pub total: u64,
    /// How many were processed (or ignored).
    pub processed: u64,
    /// Those that failed or were given up, the newest first.
    pub failed: Vec<FailedEvent>,
    /// Those waiting or in hand, the oldest first.
    pub pending: Vec<PendingEvent>,
    /// When the last one came.
    pub last_event_at: Option<Timestamp>,
    /// Those that Stripe never delivered and that were fetched, by why.
    pub fetched: Vec<FetchedEvents>,
}

/// Events that were fetched because they had not been delivered, and were not delivered since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchedEvents {
    /// Why they had not been.
    pub reason: Undelivered,
    /// How many.
    pub count: u64,
}

/// An event whose processing failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedEvent {
    /// `evt_…`
    pub id: String,
    /// Such as `customer.subscription.updated`.
    pub kind: String,
    /// The last attempt's error, short.
    pub error: String,
    /// When the last attempt ended.
    pub at: Timestamp,
    /// Given up, rather than tried again by itself.
    pub dead: bool,
}

/// An event that waits or is in hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingEvent {
    /// `evt_…`
    pub id: String,
    /// Since when.
    pub since: Timestamp,
}

/// A customer without user that may be this user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// `cus_…`
    pub customer_id: String,
    /// E-mail address in Stripe.
    pub email: Option<String>,
    /// What suggests the user.
    pub because: Likeness,
    /// Whether it has a subscription.
    pub has_subscription: bool,
    /// How many of its events are stored.
    pub events: u64,
    /// The newest of them.
    pub last_event: Option<String>,
    /// When the first of them came.
    pub first_seen: Timestamp,
}

/// What suggests that a customer is this user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// The e-mail address, which proves nothing.
    SameEmail,
    /// A claim that names the user, not applied yet.
    Claim(MappingSource),
}

/// A delivery whose signature did not match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// When.
    pub at: Timestamp,
    /// Which check failed, for a person.
    pub message: String,
}

/// Who made an override and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverrideNote {
    /// The person or API key.
    pub author: String,
    /// The reason given.
    pub reason: String,
}

/// Events Stripe lists for these customers, and how many of them never came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventsMissing {
    /// How many are missing here.
    pub missing: u64,
    /// How many Stripe lists.
    pub listed: u64,
}

/// A difference between our copy and Stripe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// `sub_…` or `cus_…`
    pub object: String,
    /// Such as `status`.
    pub field: String,
    /// Our copy's value.
    pub ours: String,
    /// Stripe's value.
    pub theirs: String,
    /// When that was seen.
    pub at: Timestamp,
}
