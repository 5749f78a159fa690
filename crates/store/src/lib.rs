//! What may be asked of the database. The traits are the whole list; each method is one transaction, named for what it achieves.
//!
//! The SQL stands once, in `shared/`, and is compiled twice: by [`sqlite`] and by [`postgres`], whose `dialect` modules hold what differs.
//! `tests/contract.rs` runs the same suite on both.

mod chain;
mod checks;
mod clock;
pub mod copy;
mod dismissals;
mod error;
mod figures;
mod gauges;
mod index;
mod instances;
mod keys;
mod overrides;
mod passkeys;
mod people;
pub mod postgres;
mod preferences;
pub mod records;
mod replays;
mod restored;
mod retention;
mod roster;
mod second_factor;
pub mod sqlite;
mod staff;
mod undo;
mod watch;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use domain::access::{PaymentFacts, Policy, PolicyExceptions};
use domain::catalog::{Feature, FeatureGrant};
use domain::delivery::Undelivered;
use domain::mapping::MappingSource;
use domain::{Livemode, Timestamp};

pub use checks::{CHECKS_PER_USER, Checks, STRAY_CHECKS};
pub use clock::Clocks;
pub use dismissals::Dismissals;
pub use error::{Error, Result};
pub use figures::Figures;
pub use gauges::{GAUGED, Gauges, PoolState};
pub use index::{Changes, Index};
pub use instances::{Instance, Instances};
pub use keys::Keys;
pub use overrides::OverrideDesk;
pub use passkeys::{Challenge, Passkey, PasskeyAdded, Passkeys};
pub use people::People;
pub use preferences::Preferences;
use records::{
    AccessAt, AttemptRecord, AuditChain, AuditFilter, AuditRecord, Author, CatalogRow, CatchUpClaim, CatchUpPage,
    CatchUpState, CheckoutRecord, Compared, ConflictRecord, CustomerFilter, CustomerRecord, CustomerRow, DatabaseState,
    Delivery, Effects, EventFilter, EventRecord, EventTally, Found, JobChange, Knowledge, Lookup, MappingRecord,
    MappingRow, NavCounts, NewOverride, NewResync, OverrideFilter, OverrideRecord, Page, Place, PolicyTarget,
    PriceRecord, ProductClaim, ProductRecord, ProductSnapshot, Purpose, ReadClaim, Recorded, RejectedDelivery,
    Resolution, ResyncCounts, ResyncCustomer, ResyncRange, ResyncRecord, Round, Snapshot, StaffRecord, StagedObject,
    Stretch, StripeUsage, SubscriptionFilter, SubscriptionRecord, SyncReport, SyncState, TargetKind, UserRecord,
    VerdictChangeRecord,
};
pub use replays::Replays;
pub use restored::{Restores, Settled};
pub use retention::Retentions;
pub use roster::Watch;
pub use second_factor::{FactorEnd, SecondFactor, SecondFactors};
pub use staff::{Sessions, StaffAccess};
pub use undo::{MOST_VERDICTS, Undos};
pub use watch::{Following, MOST_NEWS};

/// Settings of the rules that run inside transactions.
#[derive(Clone, Debug)]
pub struct Options {
    /// Default policies.
    pub policy: Policy,
    /// Metadata keys that may name the user, in order.
    pub metadata_keys: Vec<String>,
    /// Modes an API key is there for: only these can be read from Stripe.
    pub readable: Vec<Livemode>,
}

impl Default for Options {
    fn default() -> Self {
        Self { policy: Policy::default(), metadata_keys: vec!["user_id".into(), "userId".into()], readable: vec![] }
    }
}

/// Opens the database, migrates it, fills the memory that access checks are answered from.
///
/// # Errors
/// When the URL's scheme is neither `sqlite` nor `postgres`, or the database cannot be opened or migrated.
pub async fn open(url: &str, options: Options) -> Result<Arc<dyn Store>> {
    if url.starts_with("sqlite:") {
        Ok(Arc::new(sqlite::Backend::open(url, options).await?))
    } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        Ok(Arc::new(postgres::Backend::open(url, options).await?))
    } else {
        Err(Error::Unavailable("the database URL must start with sqlite:// or postgres://".into()))
    }
}

/// Everything together.
#[async_trait]
pub trait Store:
    Intake
    + CatchUps
    + Processing
    + Resyncs
    + Replays
    + Mappings
    + CatalogStore
    + Overrides
    + Events
    + Customers
    + History
    + Accounts
    + StaffAccess
    + Keys
    + Passkeys
    + SecondFactors
    + Lists
    + StripeUsages
    + Preferences
    + Following
    + Checks
    + Undos
    + Figures
    + Gauges
    + OverrideDesk
    + Dismissals
    + Retentions
    + Restores
    + Instances
    + Clocks
    + People
    + 'static
{
    /// The memory access checks are answered from.
    fn index(&self) -> &Arc<Index>;
    /// The rules' settings.
    fn options(&self) -> &Options;
    /// Our clock is ahead of Stripe's by this many milliseconds, behind when negative: answers to reads are dated by Stripe's, as events are.
    fn set_clock_skew(&self, livemode: Livemode, ahead_ms: i64);
    /// Whether the database answers.
    async fn ping(&self) -> Result<()>;
    /// Reads again what other processes changed since the last call. Cheap when nothing did.
    async fn refresh_index(&self) -> Result<()>;
    /// Version of the database engine.
    async fn engine_version(&self) -> Result<String>;
    /// How the database is: writable, safe, how large, and how far migrated.
    async fn database(&self) -> Result<DatabaseState>;
    /// Waits for open connections to be closed.
    async fn close(&self);
}

/// Deliveries of webhooks.
#[async_trait]
pub trait Intake: Send + Sync {
    /// Stores verified deliveries durably, all in one commit; answers in the same order. Nothing is decided here.
    async fn record_deliveries(&self, deliveries: &[Delivery]) -> Result<Vec<Recorded>>;
    /// Logs a refused delivery and drops the oldest beyond the bound of 1,000.
    async fn record_rejection(&self, rejected: &RejectedDelivery) -> Result<()>;
    /// The newest refused deliveries, `before` an id.
    async fn rejected_deliveries(&self, before: Option<i64>, limit: i64) -> Result<Page<RejectedDelivery>>;
}

/// Events that Stripe lists and that were never delivered.
#[async_trait]
pub trait CatchUps: Send + Sync {
    /// Stripe's list is to be read now: back to what is known, or to `since` if that is longer ago. With an author it is audited.
    async fn request_catch_up(
        &self,
        livemode: Livemode,
        since: Option<Timestamp>,
        author: Option<&Author>,
        now: Timestamp,
    ) -> Result<()>;
    /// Leases the reading of Stripe's list when it is due and nobody else has it: a new one, or the one in hand where it stopped.
    async fn claim_catch_up(&self, livemode: Livemode, owner: &str, now: Timestamp) -> Result<Option<CatchUpClaim>>;
    /// Which of these events are not here.
    async fn missing_events(&self, livemode: Livemode, event_ids: &[String]) -> Result<HashSet<String>>;
    /// Stores what a page has and we lack, and the place behind it, in one commit. Answers why each of those that were new had not come;
    /// nothing when somebody else has the lease by now.
    async fn take_fetched(&self, claim: &CatchUpClaim, page: &CatchUpPage, now: Timestamp) -> Result<Vec<Undelivered>>;
    /// A page could not be read: it is tried again later, from the same place unless that is to `restart`.
    async fn fail_catch_up(&self, claim: &CatchUpClaim, error: &str, restart: bool, now: Timestamp) -> Result<()>;
    /// How far the list is read; none before it was asked for.
    async fn catch_up(&self, livemode: Livemode) -> Result<Option<CatchUpState>>;
}

/// Events become state.
#[async_trait]
pub trait Processing: Send + Sync {
    /// Takes up to `limit` due events, each with all of its effects, in one transaction.
    async fn process_due(&self, now: Timestamp, limit: i64) -> Result<Round>;
    /// When the next event or read is due, if any is waiting.
    async fn next_due(&self) -> Result<Option<Timestamp>>;
    /// Puts an event back in line, whatever its status; `false` when there is none of this id. [`Error::Removed`] when its body is not
    /// kept any more.
    async fn replay_event(&self, livemode: Livemode, event_id: &str, author: &Author) -> Result<bool>;
    /// Sets a failed event aside: it is not tried again unless somebody replays it. False: it has not failed, or is not there.
    async fn ignore_event(&self, livemode: Livemode, event_id: &str, author: &Author) -> Result<bool>;
    /// Marks a customer to be read from Stripe now; a row is made when it is unknown.
    async fn request_read(&self, livemode: Livemode, customer_id: &str, now: Timestamp) -> Result<()>;
    /// Drops the mark of a customer that neither Stripe nor any event ever told of.
    async fn forget_unknown_customer(&self, livemode: Livemode, customer_id: &str) -> Result<()>;
    /// Marks the customers of up to `limit` subscriptions whose paid period has passed without a word from Stripe; of how many.
    async fn doubt_overdue(&self, now: Timestamp, limit: i64) -> Result<usize>;
    /// Leases the customers whose read is due, so that nobody else reads them until the lease ends.
    async fn claim_reads(&self, owner: &str, now: Timestamp, limit: i64) -> Result<Vec<ReadClaim>>;
    /// Leases one customer, if nobody else has it.
    async fn claim_read(
        &self,
        livemode: Livemode,
        customer_id: &str,
        owner: &str,
        now: Timestamp,
    ) -> Result<Option<ReadClaim>>;
    /// Makes the store agree with what Stripe answered to a read that began at `started_at`; reports what changed.
    async fn apply_snapshot(
        &self,
        claim: &ReadClaim,
        snapshot: &Snapshot,
        started_at: Timestamp,
        author: &Author,
    ) -> Result<SyncReport>;
    /// Leases the objects of thin events whose customers have to be asked for, in the modes that can be read.
    async fn claim_lookups(&self, now: Timestamp, limit: i64) -> Result<Vec<Lookup>>;
    /// Takes in what Stripe answered to a lookup that began at `started_at`, for all events that waited for it then.
    async fn apply_lookup(&self, lookup: &Lookup, found: &Found, started_at: Timestamp, now: Timestamp) -> Result<()>;
    /// A lookup failed: it is made again later, and the events that wait for it say why.
    async fn fail_lookup(&self, lookup: &Lookup, error: &str, now: Timestamp) -> Result<()>;
    /// A read failed: it is tried again later, and the events that wait for it say why.
    async fn fail_read(&self, claim: &ReadClaim, error: &str, now: Timestamp) -> Result<()>;
    /// Leases the products whose read is due.
    async fn claim_products(&self, owner: &str, now: Timestamp, limit: i64) -> Result<Vec<ProductClaim>>;
    /// Makes the catalog agree with what Stripe answered about a product to a read that began at `started_at`; reports what changed, and
    /// nothing when somebody else has the lease by now.
    async fn apply_product(
        &self,
        claim: &ProductClaim,
        answer: &ProductSnapshot,
        started_at: Timestamp,
        now: Timestamp,
    ) -> Result<Effects>;
    /// A read of a product failed: it is tried again later, and the catalog says why.
    async fn fail_product(&self, claim: &ProductClaim, error: &str, now: Timestamp) -> Result<()>;
    /// Marks every product of a mode to be read from Stripe now; how many.
    async fn request_products(&self, livemode: Livemode, author: &Author) -> Result<u64>;
}

/// Many customers compared with Stripe, and mended. What is found waits in the database, so that a resync goes on after a restart. Methods
/// with an `owner` do nothing, and answer so, when that owner no longer has the lease: the resync was paused, or taken over.
#[async_trait]
pub trait Resyncs: Send + Sync {
    /// Begins a resync; whoever works through resyncs takes it up.
    async fn create_resync(&self, new: &NewResync, author: &Author) -> Result<ResyncRecord>;
    /// One, with how far it is.
    async fn resync(&self, resync_id: &str) -> Result<Option<(ResyncRecord, ResyncCounts)>>;
    /// Those of a mode, the newest first. Their keys are `created_millis:resync_id`.
    async fn resyncs(&self, livemode: Livemode, purpose: Option<Purpose>, place: &Place) -> Result<Page<ResyncRecord>>;
    /// How many there are, counted no further than [`records::COUNTED`] and one.
    async fn count_resyncs(&self, livemode: Livemode) -> Result<i64>;
    /// Customers of a resync in one of these states, by id, which is their key.
    async fn resync_customers(&self, resync_id: &str, statuses: &[&str], place: &Place)
    -> Result<Page<ResyncCustomer>>;
    /// Pauses, resumes, ends or applies one; `false` when it is not in a state for that.
    async fn change_resync(&self, resync_id: &str, change: JobChange, author: &Author) -> Result<bool>;
    /// Leases a resync that can go on: the one named, or whichever is due.
    async fn claim_resync(&self, named: Option<&str>, owner: &str, now: Timestamp) -> Result<Option<ResyncRecord>>;
    /// Gives the lease back; goes on at `next_at`, with the reason when something failed. None: when it is claimed again.
    async fn release_resync(
        &self,
        resync_id: &str,
        owner: &str,
        failed: Option<(&str, Timestamp)>,
        now: Timestamp,
    ) -> Result<()>;
    /// Gives every lease of this owner back, as it stops.
    async fn release_resyncs(&self, owner: &str, now: Timestamp) -> Result<()>;
    /// The parts of Stripe's lists.
    async fn resync_ranges(&self, resync_id: &str) -> Result<Vec<ResyncRange>>;
    /// Keeps a page of a list, how far its part is now, and what was split off it.
    async fn stage_page(
        &self,
        resync_id: &str,
        owner: &str,
        range: &ResyncRange,
        objects: &[StagedObject],
        now: Timestamp,
    ) -> Result<bool>;
    /// Notes parts of lists before they are read.
    async fn put_ranges(&self, resync_id: &str, owner: &str, ranges: &[ResyncRange], now: Timestamp) -> Result<bool>;
    /// Every list is read: from now on customers are compared, those of Stripe's lists and those that are known here alone.
    async fn begin_comparing(&self, resync_id: &str, owner: &str, now: Timestamp) -> Result<bool>;
    /// Keeps what Stripe answered to a read of one customer that began at `read_at`.
    async fn stage_customer(
        &self,
        resync_id: &str,
        owner: &str,
        customer_id: &str,
        answer: std::result::Result<&Snapshot, &str>,
        read_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool>;
    /// Compares up to `limit` customers that were read, without changing anything. When none is left: those that have to be read first.
    async fn compare_staged(&self, resync_id: &str, owner: &str, limit: i64, now: Timestamp) -> Result<Compared>;
    /// Customers that differ and are to be mended, with what Stripe answered and when that read began.
    async fn staged_differences(&self, resync_id: &str, limit: i64) -> Result<Vec<(String, Snapshot, Timestamp)>>;
    /// Leases a customer without asking for a read of it.
    async fn lease_customer(
        &self,
        livemode: Livemode,
        customer_id: &str,
        owner: &str,
        now: Timestamp,
    ) -> Result<Option<ReadClaim>>;
    /// Notes what became of a customer: mended, left to another read (none), or why it could not be.
    async fn note_applied(
        &self,
        resync_id: &str,
        owner: &str,
        customer_id: &str,
        applied: std::result::Result<Option<&Effects>, &str>,
        now: Timestamp,
    ) -> Result<bool>;
    /// What a snapshot that was just read would change: nothing is stored.
    async fn preview_snapshot(
        &self,
        livemode: Livemode,
        customer_id: &str,
        snapshot: &Snapshot,
        started_at: Timestamp,
        now: Timestamp,
    ) -> Result<SyncReport>;
    /// What the last comparison of these customers found and nothing has mended since.
    async fn open_drift(&self, livemode: Livemode, customer_ids: &[String]) -> Result<Vec<(Timestamp, Effects)>>;
}

/// Stripe customer to user of the application.
#[async_trait]
pub trait Mappings: Send + Sync {
    /// The mapping of a Stripe customer.
    async fn mapping(&self, livemode: Livemode, customer_id: &str) -> Result<Option<MappingRecord>>;
    /// The mappings of a user.
    async fn mappings_of(&self, livemode: Livemode, user_id: &str) -> Result<Vec<MappingRecord>>;
    /// A person or the application says who a customer is: replaces what was there, settles conflicts, and processes what waited.
    async fn put_mapping(
        &self,
        livemode: Livemode,
        customer_id: &str,
        user_id: &str,
        source: MappingSource,
        author: &Author,
    ) -> Result<MappingRecord>;
    /// Takes a mapping away; `false` when there is none.
    async fn delete_mapping(&self, livemode: Livemode, customer_id: &str, author: &Author) -> Result<bool>;
    /// A conflict by id.
    async fn conflict(&self, conflict_id: &str) -> Result<Option<ConflictRecord>>;
    /// Conflicts nobody has settled yet, of one customer or all.
    async fn open_conflicts(&self, livemode: Livemode, customer_id: Option<&str>) -> Result<Vec<ConflictRecord>>;
    /// Settles a conflict; `false` when it is settled already or unknown.
    async fn resolve_conflict(&self, conflict_id: &str, resolution: Resolution, author: &Author) -> Result<bool>;
    /// Remembers a user the application told us of.
    async fn put_user(
        &self,
        livemode: Livemode,
        user_id: &str,
        email: Option<&str>,
        name: Option<&str>,
        author: &Author,
    ) -> Result<UserRecord>;
    /// A user the application told us of.
    async fn user(&self, livemode: Livemode, user_id: &str) -> Result<Option<UserRecord>>;
}

/// Features and what gives them.
#[async_trait]
pub trait CatalogStore: Send + Sync {
    /// Creates or changes a feature.
    async fn put_feature(&self, livemode: Livemode, feature: &Feature, author: &Author) -> Result<()>;
    /// Deletes a feature and every grant of it; `false` when there is none. [`Error::Conflict`] says through what Stripe still gives it.
    async fn delete_feature(&self, livemode: Livemode, key: &str, author: &Author) -> Result<bool>;
    /// Replaces what a price or product gives by hand; what Stripe says of it stays beside. [`Error::Conflict`] names a feature that does not exist.
    async fn put_grants(
        &self,
        livemode: Livemode,
        kind: TargetKind,
        id: &str,
        grants: &[FeatureGrant],
        author: &Author,
    ) -> Result<()>;
    /// Says where a feature or a price departs from the installation's policy; `false` when there is no such feature.
    async fn put_policy(
        &self,
        livemode: Livemode,
        target: PolicyTarget<'_>,
        policy: &PolicyExceptions,
        author: &Author,
    ) -> Result<bool>;
    /// A price Stripe told us of.
    async fn price(&self, livemode: Livemode, price_id: &str) -> Result<Option<PriceRecord>>;
    /// A product Stripe told us of.
    async fn product(&self, livemode: Livemode, product_id: &str) -> Result<Option<ProductRecord>>;
}

/// Grants and denials by hand.
#[async_trait]
pub trait Overrides: Send + Sync {
    /// Makes an override.
    async fn create_override(&self, new: &NewOverride, author: &Author) -> Result<OverrideRecord>;
    /// Revokes an override; `false` when it is unknown or revoked already.
    async fn revoke_override(&self, livemode: Livemode, override_id: &str, author: &Author) -> Result<bool>;
    /// An override by id.
    async fn find_override(&self, livemode: Livemode, override_id: &str) -> Result<Option<OverrideRecord>>;
    /// Overrides, newest first.
    async fn overrides(&self, livemode: Livemode, filter: &OverrideFilter) -> Result<Page<OverrideRecord>>;
}

/// The webhook log.
#[async_trait]
pub trait Events: Send + Sync {
    /// One event.
    async fn event(&self, livemode: Livemode, event_id: &str) -> Result<Option<EventRecord>>;
    /// The attempts at an event, oldest first.
    async fn attempts(&self, livemode: Livemode, event_id: &str) -> Result<Vec<AttemptRecord>>;
    /// Events of one of Stripe's objects, in the order of Stripe's clock, newest first; those of one second as they came.
    async fn events_about(&self, livemode: Livemode, object_id: &str, limit: i64) -> Result<Vec<EventRecord>>;
    /// Events, newest receipt first.
    async fn events(&self, livemode: Livemode, filter: &EventFilter) -> Result<Page<EventRecord>>;
    /// How many there are, counted no further than [`records::COUNTED`] and one; the filter's page does not matter.
    async fn count_events(&self, livemode: Livemode, filter: &EventFilter) -> Result<i64>;
    /// When the newest event came.
    async fn last_receipt(&self, livemode: Livemode) -> Result<Option<Timestamp>>;
    /// How many events created since then were fetched and have not been delivered to this day, by reason.
    async fn never_delivered(&self, livemode: Livemode, since: Timestamp) -> Result<Vec<(Undelivered, i64)>>;
    /// The events of these customers, counted by status and by why they were never delivered.
    async fn event_tally(&self, livemode: Livemode, customers: &[String]) -> Result<Vec<EventTally>>;
    /// When an event first came that Stripe delivered by itself: the newest.
    async fn last_delivery(&self, livemode: Livemode) -> Result<Option<Timestamp>>;
    /// The same of the newest events that Stripe delivered by itself, newest first.
    async fn last_deliveries(&self, livemode: Livemode, limit: i64) -> Result<Vec<Timestamp>>;
}

/// Stripe's customers and what hangs on them.
#[async_trait]
pub trait Customers: Send + Sync {
    /// A customer by id.
    async fn customer(&self, livemode: Livemode, customer_id: &str) -> Result<Option<CustomerRecord>>;
    /// Customers with this e-mail address, at most 20.
    async fn customers_by_email(&self, livemode: Livemode, email: &str) -> Result<Vec<CustomerRecord>>;
    /// A subscription by id.
    async fn subscription(&self, livemode: Livemode, subscription_id: &str) -> Result<Option<SubscriptionRecord>>;
    /// The subscriptions of a customer.
    async fn subscriptions_of(&self, livemode: Livemode, customer_id: &str) -> Result<Vec<SubscriptionRecord>>;
    /// A Checkout Session by id.
    async fn checkout_session(&self, livemode: Livemode, id: &str) -> Result<Option<CheckoutRecord>>;
    /// What is known of the money behind these invoices, by invoice; those of which nothing is known are left out.
    async fn invoice_payments(
        &self,
        livemode: Livemode,
        invoice_ids: &[String],
    ) -> Result<HashMap<String, PaymentFacts>>;
    /// The Checkout Sessions of a customer or, for sessions without one, that name this user; newest first.
    async fn checkout_sessions_of(
        &self,
        livemode: Livemode,
        customer_ids: &[String],
        user_id: Option<&str>,
    ) -> Result<Vec<CheckoutRecord>>;
}

/// What was so at other moments.
#[async_trait]
pub trait History: Send + Sync {
    /// Called when the program starts to serve: keeps the installation's policy when it is another than before. The first time, what is
    /// known of everybody by now is recorded: history begins then.
    async fn begin_history(&self, now: Timestamp) -> Result<()>;
    /// What a decision about a user rested on at a moment.
    async fn access_at(
        &self,
        livemode: Livemode,
        user_id: &str,
        at: Timestamp,
        knowledge: Knowledge,
    ) -> Result<AccessAt>;
    /// What was known of a user, from the last `limit` changes of it on, oldest first and without gap.
    async fn history(&self, livemode: Livemode, user_id: &str, limit: i64) -> Result<Vec<Stretch>>;
    /// Changes of a user's answers, newest first, at most `limit`. What time alone changed is not among them: it follows from
    /// [`History::history`] and [`domain::access::course`].
    async fn verdict_changes(&self, livemode: Livemode, user_id: &str, limit: i64) -> Result<Vec<VerdictChangeRecord>>;
}

/// Staff, sessions, audit log.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Adds a member of staff. [`Error::Conflict`] when the e-mail address is taken.
    async fn add_staff(&self, staff: &StaffRecord, author: &Author) -> Result<()>;
    /// Adds the first owner: `false` when there is an owner already (decided in the same transaction).
    async fn add_first_owner(&self, staff: &StaffRecord, author: &Author) -> Result<bool>;
    /// Everybody.
    async fn staff(&self) -> Result<Vec<StaffRecord>>;
    /// By id.
    async fn staff_by_id(&self, staff_id: &str) -> Result<Option<StaffRecord>>;
    /// By e-mail address, case-insensitively.
    async fn staff_by_email(&self, email: &str) -> Result<Option<StaffRecord>>;
    /// Whether an owner who can sign in exists.
    async fn has_owner(&self) -> Result<bool>;
    /// Changes role, password or disablement; ends the person's sessions. `false` when that would leave no owner, or nobody has this id.
    async fn update_staff(&self, staff: &StaffRecord, author: &Author) -> Result<bool>;
    /// Notes a sign-in.
    async fn touch_staff(&self, staff_id: &str, now: Timestamp) -> Result<()>;
    /// Stores the hash of a one-time setup link, replacing earlier ones.
    async fn put_setup_link(&self, token_hash: &str, expires_at: Timestamp) -> Result<()>;
    /// Whether this setup link is valid.
    async fn setup_link_is_valid(&self, token_hash: &str, now: Timestamp) -> Result<bool>;
    /// Deletes every setup link.
    async fn clear_setup_links(&self) -> Result<()>;
    /// Inserts a session; `false` when the id is taken.
    async fn create_session(
        &self,
        session_hash: &str,
        staff_id: Option<&str>,
        data: &str,
        expires_at: Timestamp,
    ) -> Result<bool>;
    /// Inserts or replaces a session.
    async fn save_session(
        &self,
        session_hash: &str,
        staff_id: Option<&str>,
        data: &str,
        expires_at: Timestamp,
    ) -> Result<()>;
    /// A session's data, unless it has expired.
    async fn load_session(&self, session_hash: &str, now: Timestamp) -> Result<Option<String>>;
    /// Ends a session.
    async fn delete_session(&self, session_hash: &str) -> Result<()>;
    /// Deletes expired sessions; how many.
    async fn sweep_sessions(&self, now: Timestamp) -> Result<u64>;
    /// Notes what was done outside of the database, such as a change made in Stripe; `object` is its kind and id.
    async fn note_audit(
        &self,
        livemode: Option<Livemode>,
        action: &str,
        object: (&str, &str),
        details: &serde_json::Value,
        author: &Author,
    ) -> Result<()>;
    /// Audit entries, newest first.
    async fn audit(&self, filter: &AuditFilter) -> Result<Page<AuditRecord>>;
    /// How many there are, counted no further than [`records::COUNTED`] and one; the filter's page does not matter.
    async fn count_audit(&self, filter: &AuditFilter) -> Result<i64>;
    /// An audit entry by its number.
    async fn audit_entry(&self, audit_id: i64) -> Result<Option<AuditRecord>>;
    /// Walks the audit log's chain: whether every entry is as it was written.
    async fn verify_audit(&self) -> Result<AuditChain>;
    /// Whether an entry of the chain has this hash.
    async fn audit_has_hash(&self, hash: &str) -> Result<bool>;
}

/// What the admin app's lists show.
#[async_trait]
pub trait Lists: Send + Sync {
    /// Customers: Stripe's, with the user they are mapped to. Users known only from the application come in [`Lists::users`].
    async fn list_customers(&self, livemode: Livemode, filter: &CustomerFilter) -> Result<Page<CustomerRow>>;
    /// How many there are, counted no further than [`records::COUNTED`] and one; the filter's page does not matter.
    async fn count_customers(&self, livemode: Livemode, filter: &CustomerFilter) -> Result<i64>;
    /// The users of these customers, by customer; those of nobody are left out.
    async fn users_of(&self, livemode: Livemode, customer_ids: &[String]) -> Result<HashMap<String, String>>;
    /// How these customers stand to what Stripe says, by customer; unknown ones are left out.
    async fn sync_states(&self, livemode: Livemode, customer_ids: &[String]) -> Result<HashMap<String, SyncState>>;
    /// Users the application told us of or gave an override to, that no Stripe customer is mapped to; by prefix of id or e-mail.
    async fn users(&self, livemode: Livemode, query: Option<&str>, limit: i64) -> Result<Vec<UserRecord>>;
    /// Subscriptions, last changed first.
    async fn list_subscriptions(
        &self,
        livemode: Livemode,
        filter: &SubscriptionFilter,
    ) -> Result<Page<SubscriptionRecord>>;
    /// How many have this status (all when none is named), counted no further than [`records::COUNTED`] and one.
    async fn count_subscriptions(&self, livemode: Livemode, status: Option<&str>) -> Result<i64>;
    /// The refused deliveries just before this one, which are newer.
    async fn rejected_before(&self, id: i64, limit: i64) -> Result<Page<RejectedDelivery>>;
    /// Mappings, newest first; by how the customer's id begins or its user's, the customer's name or an e-mail address of either. Its keys
    /// are `since_millis:customer_id`.
    async fn list_mappings(&self, livemode: Livemode, query: Option<&str>, place: &Place) -> Result<Page<MappingRow>>;
    /// How many a search finds, counted no further than [`records::COUNTED`] and one.
    async fn count_mappings(&self, livemode: Livemode, query: Option<&str>) -> Result<i64>;
    /// Conflicts nobody has settled, the oldest first. Its keys are `since_millis:conflict_id`.
    async fn list_conflicts(&self, livemode: Livemode, place: &Place) -> Result<Page<ConflictRecord>>;
    /// How many there are, counted no further than [`records::COUNTED`] and one.
    async fn count_conflicts(&self, livemode: Livemode) -> Result<i64>;
    /// Customers that pay (or have events) and that no user is mapped to.
    async fn list_unattributed(&self, livemode: Livemode, after: Option<&str>, limit: i64)
    -> Result<Page<CustomerRow>>;
    /// Products and prices: those Stripe told us of and those that have grants.
    async fn list_catalog(&self, livemode: Livemode) -> Result<Vec<CatalogRow>>;
    /// The figures beside the navigation's entries, each counted up to 1,000.
    async fn nav_counts(&self, livemode: Livemode) -> Result<NavCounts>;
    /// Events per status in the last 24 hours before `now`, and the newest receipt.
    async fn event_stats(&self, livemode: Livemode, now: Timestamp) -> Result<(Vec<(String, i64)>, Option<Timestamp>)>;
}

/// What was asked of Stripe.
#[async_trait]
pub trait StripeUsages: Send + Sync {
    /// Adds what was counted since the last time to a UTC day, given by its first millisecond.
    async fn add_stripe_usage(
        &self,
        livemode: Livemode,
        day: Timestamp,
        usages: &[StripeUsage],
        now: Timestamp,
    ) -> Result<()>;
    /// What all processes counted on a UTC day, by lane.
    async fn stripe_usage(&self, livemode: Livemode, day: Timestamp) -> Result<Vec<StripeUsage>>;
}
