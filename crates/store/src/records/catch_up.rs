//! Reading Stripe's list of events back to what is known.

use domain::delivery::{Registration, Undelivered};
use domain::{Livemode, Timestamp};

use super::Delivery;

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
