//! What somebody may use, and since when.

use domain::Timestamp;
use domain::access::{Policy, UserFacts};
use domain::catalog::Catalog;
use std::sync::Arc;

use super::VerdictChange;

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
