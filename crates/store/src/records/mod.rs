//! The rows and reports of the store's interface.

mod account;
mod api_key;
mod audit;
mod catalog;
mod catch_up;
mod check;
mod customer;
mod event;
mod figures;
mod ignored;
mod job;
mod news;
mod overrides;
mod person;
mod place;
mod preference;
mod replay;
mod resync;
mod retention;
mod round;
mod subscription;
mod undo;
mod verdict;

pub use account::{SessionRecord, StaffLink, StaffLinkKind, StaffRecord};
pub use api_key::{ApiKeyRecord, ApiKeyTerms, ApiKeyUse};
pub use audit::{AuditChain, AuditFault, AuditFilter, AuditRecord};
pub use catalog::{CatalogRow, PolicyTarget, PriceRecord, ProductRecord, TargetKind};
pub use catch_up::{CatchUpClaim, CatchUpPage, CatchUpState, Fetched};
pub use check::{CheckGroup, CheckHour, UnknownFeature};
pub use customer::{
    Among, ConflictRecord, CustomerFilter, CustomerRecord, CustomerRow, MappingRecord, MappingRow, Resolution,
    SyncState, UserRecord,
};
pub use event::{AttemptRecord, Delivery, EventFilter, EventRecord, EventTally, Recorded, RejectedDelivery};
pub use figures::{DatabaseState, EventHour, NavCounts, StripeUsage};
pub use ignored::IgnoredCustomer;
pub use job::JobChange;
pub use news::News;
pub use overrides::{NewOverride, OverrideFilter, OverrideList, OverrideRecord, Which};
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
pub use round::{
    Effects, FieldChange, Found, Lookup, ProductClaim, ProductSnapshot, ReadClaim, Round, Snapshot, SyncReport,
    VerdictChange,
};
pub use subscription::{CheckoutRecord, SubscriptionFilter, SubscriptionRecord};
pub use undo::Undone;
pub use verdict::{AccessAt, Knowledge, Stretch, VerdictChangeRecord};

use domain::Timestamp;

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
