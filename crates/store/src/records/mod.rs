//! The rows and reports of the store's interface.

mod account;
mod api_key;
mod audit;
mod check;
mod figures;
mod ignored;
mod job;
mod news;
mod override_list;
mod person;
mod place;
mod preference;
mod replay;
mod resync;
mod retention;
mod undo;

use std::sync::Arc;

use domain::access::{OverrideEffect, Policy, UserFacts};
use domain::catalog::Catalog;
use domain::delivery::{Registration, Undelivered};
use domain::event::{Envelope, EventStatus, RelatedObject};
use domain::mapping::MappingSource;
use domain::role::Role;
use domain::stripe::{CheckoutSession, Price, Product, Subscription};
use domain::{Livemode, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use account::{SessionRecord, StaffLink, StaffLinkKind};
pub use api_key::{ApiKeyRecord, ApiKeyTerms, ApiKeyUse};
pub use audit::{AuditChain, AuditFault, AuditFilter, AuditRecord};
pub use check::{CheckGroup, CheckHour, UnknownFeature};
pub use figures::EventHour;
pub use ignored::IgnoredCustomer;
pub use job::JobChange;
pub use news::News;
pub use override_list::{OverrideList, Which};
pub use person::{Erased, ErasurePlan, Person, Whom};
pub use place::Place;
pub use preference::{MOST_FILTERS, Preference, SavedFilter};
pub use replay::{
    FASTEST_REPLAY, NewReplay, REPLAY_RATE, ReplayCounts, ReplayEvent, ReplayOutcome, ReplayPlan, ReplayRecord,
    ReplayStatus, ReplayStep,
};
pub use resync::{
    Compared, GUEST, NewResync, Purpose, ResyncCounts, ResyncCustomer, ResyncRange, ResyncRecord, ResyncScope,
    ResyncStatus, SCHEDULE, StagedObject,
};
pub use retention::{Removed, Retained, RetentionRecord};
pub use undo::Undone;

/// Who changes something, when and why: every change is audited with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// `staff:ada@example.com`, `api_key:key_…`, `cli`, `system`.
    pub actor: String,
    /// Why, in the person's words.
    pub reason: Option<String>,
    /// When.
    pub now: Timestamp,
    /// From where.
    pub origin: Origin,
}

impl Author {
    /// Whoever `actor` is, giving no reason.
    #[must_use]
    pub fn new(actor: impl Into<String>, now: Timestamp) -> Self {
        Self { actor: actor.into(), reason: None, now, origin: Origin::default() }
    }

    /// The program itself.
    #[must_use]
    pub fn system(now: Timestamp) -> Self {
        Self::new("system", now)
    }

    /// The same with a reason.
    #[must_use]
    pub fn because(self, reason: Option<impl Into<String>>) -> Self {
        Self { reason: reason.map(Into::into), ..self }
    }
}

/// From where a change was asked for; what does not come over HTTP has none of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The role of the member of staff, or the scope of the API key: `admin`.
    pub role: Option<String>,
    /// The address the request came from.
    pub address: Option<String>,
    /// The request: `req_…`.
    pub request_id: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The rows.
    pub data: Vec<T>,
    /// Whether there are more behind them.
    pub has_more: bool,
}

/// Lists are counted no further than this and one more: whoever sees one more says "10,000+".
pub const COUNTED: i64 = 10_000;

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

impl<T> Page<T> {
    /// From rows that were read backwards, with a limit of one more than `limit`: `has_more` is about rows before these.
    #[must_use]
    pub fn from_rows_backwards(data: Vec<T>, limit: i64) -> Self {
        let mut page = Self::from_rows(data, limit);
        page.data.reverse();
        page
    }

    /// From rows that were read with a limit of one more than `limit`.
    #[must_use]
    pub fn from_rows(mut data: Vec<T>, limit: i64) -> Self {
        let limit = usize::try_from(limit).unwrap_or(0);
        let has_more = data.len() > limit;
        data.truncate(limit);
        Self { data, has_more }
    }
}

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

/// What a round of the processor did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Events taken.
    pub events: usize,
    /// Of them, those that failed.
    pub failed: usize,
    /// Of them, those that wait for an answer of Stripe's.
    pub reads: usize,
}

/// A leased customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadClaim {
    /// The mode.
    pub livemode: Livemode,
    /// `cus_…`, or a guest's Checkout Session
    pub customer_id: String,
    /// The mark this read answers; a later mark asks for another read.
    pub dirty_at: Timestamp,
    /// Who leased it.
    pub owner: String,
}

/// An object that a thin event is about, whose customer is not known here: Stripe has to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// The mode.
    pub livemode: Livemode,
    /// What it is.
    pub object: RelatedObject,
}

/// What Stripe answered to a [`Lookup`].
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// It belongs to this customer, or to the guest whose Checkout Session this is.
    Payer(String),
    /// It belongs to nobody: this is all of it, as raw JSON.
    Object(Value),
    /// It belongs to no customer and no Checkout Session.
    Nobody,
    /// There is no such object: what Stripe said.
    Gone(String),
}

/// What Stripe answered about a customer (or about a guest's Checkout Session), as raw JSON.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The customer; `None` when Stripe knows none of this id.
    pub customer: Option<Value>,
    /// All subscriptions, canceled ones too.
    pub subscriptions: Vec<Value>,
    /// The newest Checkout Sessions, those of one-time purchases with their line items.
    pub checkout_sessions: Vec<Value>,
    /// All invoices, with all of their lines and with `payments`.
    pub invoices: Vec<Value>,
    /// All charges, with all of their refunds.
    pub charges: Vec<Value>,
    /// The disputes of those charges.
    pub disputes: Vec<Value>,
    /// All its active entitlements; none when they could not be read (a key may lack the permission).
    pub entitlements: Option<Vec<Value>>,
}

impl Snapshot {
    /// The same without anything about a person.
    #[must_use]
    pub fn redacted(&self) -> Self {
        let mut redacted = self.clone();
        let Self { customer, subscriptions, checkout_sessions, invoices, charges, disputes, entitlements } =
            &mut redacted;
        let lists = [subscriptions, checkout_sessions, invoices, charges, disputes];
        let values = lists.into_iter().flatten().chain(customer.iter_mut()).chain(entitlements.iter_mut().flatten());
        values.for_each(domain::stripe::redact::redact);
        redacted
    }
}

/// What Stripe answered about a product, as raw JSON.
#[derive(Clone, Debug, Default)]
pub struct ProductSnapshot {
    /// The product; none when Stripe knows none of this id.
    pub product: Option<Value>,
    /// All features it carries, as `product_feature`s.
    pub features: Vec<Value>,
    /// All its prices, archived ones too.
    pub prices: Vec<Value>,
}

/// A leased product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductClaim {
    /// The mode.
    pub livemode: Livemode,
    /// `prod_…`
    pub product_id: String,
    /// Who leased it.
    pub owner: String,
    /// When the lease ends by itself.
    pub until: Timestamp,
}

/// One field that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// `sub_…`, `cus_…`
    pub object: String,
    /// Such as `status`.
    pub field: String,
    /// Before; none when it was not stored.
    pub before: Option<String>,
    /// After.
    pub after: Option<String>,
}

/// One answer that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictChange {
    /// The user.
    pub user_id: String,
    /// The feature's key.
    pub feature: String,
    /// The answer before.
    pub allowed_before: bool,
    /// The answer after.
    pub allowed_after: bool,
    /// The reason before.
    pub reason_before: String,
    /// The reason after.
    pub reason_after: String,
}

/// What an event, a read or a person's change did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effects {
    /// Fields of Stripe's objects.
    pub fields: Vec<FieldChange>,
    /// Mappings made, as sentences.
    pub mappings: Vec<String>,
    /// Answers.
    pub verdicts: Vec<VerdictChange>,
}

impl Effects {
    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.mappings.is_empty() && self.verdicts.is_empty()
    }
}

/// The report of a resync.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncReport {
    /// `cus_…`
    pub customer_id: String,
    /// What changed.
    pub effects: Effects,
    /// Whether the customer was marked again while it was read, so that another read follows.
    pub marked_again: bool,
    /// Whether somebody else took the lease meanwhile, so that nothing was applied.
    pub lease_lost: bool,
}

impl SyncReport {
    /// This read and another one of the same customer after it.
    #[must_use]
    pub fn followed_by(mut self, later: Self) -> Self {
        self.effects.fields.extend(later.effects.fields);
        self.effects.mappings.extend(later.effects.mappings);
        self.effects.verdicts.extend(later.effects.verdicts);
        Self { effects: self.effects, ..later }
    }
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

/// A change of an answer, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerdictChangeRecord {
    /// What changed.
    pub change: VerdictChange,
    /// `event`, `read`, `mapping`, `override`, `catalog`, `policy`, `user`.
    pub cause_kind: String,
    /// The event's id, the customer's, the override's, the target's.
    pub cause_id: String,
    /// When we knew.
    pub at: Timestamp,
    /// When it was so: for an event its time on Stripe's clock.
    pub true_at: Timestamp,
}

/// Whose knowledge of a moment is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knowledge {
    /// What was true then, as far as we know today.
    Today,
    /// What we knew then, and so what was answered.
    Then,
}

/// What a decision of the past rests on.
#[derive(Clone, Debug)]
pub struct AccessAt {
    /// The user's facts; none when nothing was stored about the user yet.
    pub facts: Option<UserFacts>,
    /// The catalog.
    pub catalog: Catalog,
    /// The installation's policy.
    pub policy: Policy,
    /// When we knew these facts; none without facts.
    pub known_at: Option<Timestamp>,
    /// History begins later than the moment, then: nothing is known of it, and the facts are none for that alone.
    pub begins_at: Option<Timestamp>,
}

/// A stretch of time in which nothing was heard that could change a user's answers.
#[derive(Clone, Debug)]
pub struct Stretch {
    /// Its first moment.
    pub from: Timestamp,
    /// The moment of the next change; none: nothing has changed since.
    pub to: Option<Timestamp>,
    /// The user's facts; none when nothing was stored about the user any more.
    pub facts: Option<Arc<UserFacts>>,
    /// The catalog.
    pub catalog: Arc<Catalog>,
    /// The installation's policy.
    pub policy: Policy,
}

/// What can depart from the installation's policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyTarget<'a> {
    /// A feature, by key.
    Feature(&'a str),
    /// A price, by id.
    Price(&'a str),
}

/// What gives features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// A price.
    Price,
    /// A product.
    Product,
}

impl TargetKind {
    /// `price` or `product`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Price => "price",
            Self::Product => "product",
        }
    }
}

/// A price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceRecord {
    /// The newest state.
    pub price: Price,
    /// Deleted in Stripe.
    pub deleted: bool,
}

/// A product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductRecord {
    /// The newest state.
    pub product: Product,
    /// Deleted in Stripe.
    pub deleted: bool,
    /// When the read of it began that last succeeded, its features included.
    pub synced_at: Option<Timestamp>,
    /// Why the last read of it failed; none when it succeeded.
    pub read_error: Option<String>,
}

/// A price or product with what it gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogRow {
    /// Price or product.
    pub kind: TargetKind,
    /// Its id.
    pub id: String,
    /// The price, if known.
    pub price: Option<PriceRecord>,
    /// The product (of the price), if known.
    pub product: Option<ProductRecord>,
    /// All that is said of what it gives, in order ([`domain::catalog::put_in_order`]).
    pub grants: Vec<domain::catalog::FeatureGrant>,
    /// Customers with a subscription to it that is not ended, counted no further than [`COUNTED`] and one.
    pub customers: i64,
}

/// A new override.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOverride {
    /// The mode.
    pub livemode: Livemode,
    /// The user.
    pub user_id: String,
    /// The feature's key.
    pub feature: String,
    /// Grant or deny.
    pub effect: OverrideEffect,
    /// The number for a limit.
    pub value: Option<i64>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

/// An override.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverrideRecord {
    /// `ovr_…`
    pub override_id: String,
    /// The user.
    pub user_id: String,
    /// The feature's key.
    pub feature: String,
    /// Grant or deny.
    pub effect: OverrideEffect,
    /// The number for a limit.
    pub value: Option<i64>,
    /// Why.
    pub reason: String,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// By whom.
    pub revoked_by: Option<String>,
    /// Where the case is written down: the address of a ticket.
    pub ticket_url: Option<String>,
}

/// Which overrides.
#[derive(Clone, Debug, Default)]
pub struct OverrideFilter {
    /// Of this user.
    pub user_id: Option<String>,
    /// Rows behind this id (ids sort by time).
    pub after: Option<String>,
    /// Rows per page.
    pub limit: i64,
}

/// A member of staff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaffRecord {
    /// `stf_…`
    pub staff_id: String,
    /// E-mail address, in lower case.
    pub email: String,
    /// Name.
    pub name: String,
    /// Role.
    pub role: Role,
    /// argon2id, PHC string.
    pub password_hash: String,
    /// Since when.
    pub created_at: Timestamp,
    /// Last sign-in.
    pub last_seen_at: Option<Timestamp>,
    /// Disabled since.
    pub disabled_at: Option<Timestamp>,
}

/// Figures beside the navigation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NavCounts {
    /// Failed and dead events.
    pub failed_events: i64,
    /// Unattributed customers.
    pub unattributed: i64,
    /// Open conflicts.
    pub conflicts: i64,
    /// Prices paid for that give nothing.
    pub prices_without_features: i64,
}

/// An event of Stripe's list that is not here, about to be stored.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The event, with no secret.
    pub delivery: Delivery,
    /// Why it was not delivered.
    pub reason: Undelivered,
}

/// A lease on reading Stripe's list of events in one mode, newest first, and the place where it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatchUpClaim {
    /// The mode.
    pub livemode: Livemode,
    /// Who reads.
    pub owner: String,
    /// When this reading began.
    pub began_at: Timestamp,
    /// How far back it goes.
    pub since: Timestamp,
    /// The event it goes on after; none at its beginning.
    pub after: Option<String>,
}

/// A page of Stripe's list of events, read and compared with what is stored.
#[derive(Clone, Debug, Default)]
pub struct CatchUpPage {
    /// How many of its events some rule uses.
    pub listed: i64,
    /// When its newest event was created.
    pub newest: Option<Timestamp>,
    /// Those that are not here, the oldest first.
    pub missing: Vec<Fetched>,
    /// Where the next page begins: behind this event. None: this is the last page.
    pub next: Option<String>,
    /// How our address is registered in Stripe, and as which endpoint; none when that was not looked at.
    pub endpoint: Option<(Registration, String)>,
}

/// How far Stripe's list of events has been read in one mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatchUpState {
    /// When it is read next.
    pub due_at: Timestamp,
    /// When somebody last asked for it.
    pub asked_at: Option<Timestamp>,
    /// When it was last read to the end.
    pub finished_at: Option<Timestamp>,
    /// When the reading in hand began.
    pub began_at: Option<Timestamp>,
    /// How far back the reading in hand, or the last one, goes.
    pub since: Option<Timestamp>,
    /// How many of its events some rule uses.
    pub listed: i64,
    /// How many of those were not here.
    pub missing: i64,
    /// Between these two times Stripe keeps no events any more, and they were not read while it did.
    pub lost: Option<(Timestamp, Timestamp)>,
    /// Failures in a row.
    pub attempts: i64,
    /// Why the last try failed.
    pub error: Option<String>,
    /// How our address was registered in Stripe, as which endpoint, and when that was seen.
    pub endpoint: Option<(Registration, String, Timestamp)>,
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

/// How the database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseState {
    /// Why it cannot be written; none when it can.
    pub write_error: Option<String>,
    /// The setting that decides what outlives a crash, such as `journal_mode is wal`.
    pub durability: String,
    /// Whether that setting keeps what was committed.
    pub is_durable: bool,
    /// The file it is in; none on a server, or in memory.
    pub file: Option<std::path::PathBuf>,
    /// Its size.
    pub bytes: i64,
    /// Number of the newest migration it has.
    pub schema: i64,
    /// Number of the newest migration this program knows.
    pub newest_schema: i64,
}

/// Requests to Stripe that were counted in one lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StripeUsage {
    /// `live` or `background`.
    pub lane: String,
    /// Reads.
    pub reads: i64,
    /// Everything else.
    pub writes: i64,
    /// How many of them Stripe answered with 429.
    pub limited: i64,
}
