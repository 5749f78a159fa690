//! Resyncs: many customers compared with Stripe, and mended.

use domain::{Livemode, Timestamp};
use serde::{Deserialize, Serialize};

use super::Effects;

/// Who acts when a reconcile does by the clock.
pub const SCHEDULE: &str = "reconcile";

/// What a resync is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Somebody asked for it.
    Resync,
    /// The clock: looks for what no event told.
    Reconcile,
}

impl Purpose {
    /// The word that is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resync => "resync",
            Self::Reconcile => "reconcile",
        }
    }

    /// From the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Resync, Self::Reconcile].into_iter().find(|purpose| purpose.as_str() == word)
    }
}

/// Whom a resync compares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ResyncScope {
    /// Every customer of the account, also those nobody told us of: read by Stripe's lists of everything.
    All,
    /// These customers.
    Customers {
        /// `cus_…`, or guests' Checkout Sessions.
        customer_ids: Vec<String>,
    },
    /// Customers with a subscription of this status here.
    Status {
        /// Stripe's word.
        status: String,
    },
    /// Customers no user is mapped to.
    Unattributed,
    /// Those most likely to differ: payers nobody is mapped to, then those whose reads or events failed, then grace that ends soon, then
    /// those that were not compared for longest.
    Risk {
        /// How many.
        customers: i64,
    },
}

/// How far a resync is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResyncStatus {
    /// Stripe's lists are being read.
    Reading,
    /// What they say is compared with what is stored.
    Comparing,
    /// Everything is compared; somebody has to say whether it is applied.
    Ready,
    /// Differences are being mended.
    Applying,
    /// Over.
    Done,
    /// Somebody ended it. What was applied before stays.
    Canceled,
}

impl ResyncStatus {
    /// The word that is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Comparing => "comparing",
            Self::Ready => "ready",
            Self::Applying => "applying",
            Self::Done => "done",
            Self::Canceled => "canceled",
        }
    }

    /// From the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Reading, Self::Comparing, Self::Ready, Self::Applying, Self::Done, Self::Canceled]
            .into_iter()
            .find(|status| status.as_str() == word)
    }

    /// Whether it has still something to do, or to be told.
    #[must_use]
    pub const fn is_open(self) -> bool {
        !matches!(self, Self::Done | Self::Canceled)
    }
}

/// A resync to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewResync {
    /// The mode.
    pub livemode: Livemode,
    /// What for.
    pub purpose: Purpose,
    /// Whom.
    pub scope: ResyncScope,
    /// Whether differences are mended without being shown first.
    pub applies: bool,
}

/// A resync.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResyncRecord {
    /// `rsy_…`
    pub resync_id: String,
    /// What it is.
    pub new: NewResync,
    /// How far it is.
    pub status: ResyncStatus,
    /// Whether somebody paused it.
    pub is_paused: bool,
    /// Who asked for it.
    pub created_by: String,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub created_at: Timestamp,
    /// When the first of Stripe's lists began to be read.
    pub read_from: Option<Timestamp>,
    /// When it was over.
    pub finished_at: Option<Timestamp>,
    /// When it goes on by itself.
    pub next_at: Option<Timestamp>,
    /// Failures in a row.
    pub attempts: i64,
    /// What stopped it last.
    pub error: Option<String>,
}

/// How many customers of a resync are how far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResyncCounts {
    /// Objects read from Stripe's lists.
    pub objects: i64,
    /// Pages of them.
    pub pages: i64,
    /// Customers that were not compared yet.
    pub waiting: i64,
    /// As Stripe has them.
    pub same: i64,
    /// News of them wait to be processed: what differs will be told by those.
    pub skipped: i64,
    /// They differ, and nothing was done about it.
    pub differs: i64,
    /// They differed, and were mended.
    pub applied: i64,
    /// They could not be compared.
    pub failed: i64,
}

impl ResyncCounts {
    /// All customers.
    #[must_use]
    pub const fn all(&self) -> i64 {
        self.waiting + self.compared()
    }

    /// Customers that were compared, or could not be.
    #[must_use]
    pub const fn compared(&self) -> i64 {
        self.same + self.skipped + self.differs + self.applied + self.failed
    }
}

/// A customer of a resync that is worth a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResyncCustomer {
    /// `cus_…`
    pub customer_id: String,
    /// Its user.
    pub user_id: Option<String>,
    /// `differs`, `applied`, `failed`, …
    pub status: String,
    /// When it was read.
    pub read_at: Option<Timestamp>,
    /// What differs: before is ours, after is Stripe's.
    pub effects: Option<Effects>,
    /// Why it could not be compared.
    pub error: Option<String>,
}

/// A part of one of Stripe's lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResyncRange {
    /// The list.
    pub list: String,
    /// Its number in the list.
    pub number: i64,
    /// Objects made at or after, Unix seconds.
    pub created_from: i64,
    /// Objects made before, Unix seconds.
    pub created_until: i64,
    /// The last object that was read and when it was made; newest come first.
    pub after: Option<(String, i64)>,
    /// Whether everything was read.
    pub is_done: bool,
}

/// The kind of a guest's Checkout Session: it stands in for the customer Stripe never made, and says only that there is somebody to read.
pub const GUEST: &str = "guest";

/// An object that was read and waits to be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagedObject {
    /// Whose it is.
    pub customer_id: String,
    /// `customer`, `subscription`, `checkout_session`, `invoice`, `charge`, `dispute`, `entitlements`, or [`GUEST`].
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// Raw JSON.
    pub object: String,
}

/// What a round of comparing did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compared {
    /// So many customers.
    Customers(usize),
    /// None: these have to be read from Stripe first.
    Unread(Vec<String>),
    /// None is left: the resync is over, or waits to be applied, or is being applied, as its status says.
    All(ResyncStatus),
    /// Somebody else has the lease, or it was paused.
    NotOurs,
}
