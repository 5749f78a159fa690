//! The chain from checkout to entitlement, and which link is broken.
//!
//! [`diagnose`] turns what is stored about a user ([`Chain`]) into a verdict. One file per link holds its rows of the diagnosis table, as
//! the sentence, the fact and the buttons of each; `walk.rs` holds their order.

mod app_cache;
mod chain;
mod checkout;
mod entitlement;
mod fixes;
mod flags;
mod mapping;
mod news;
pub mod past;
mod purchase;
mod subscription;
#[cfg(test)]
mod tests;
mod view;
mod walk;
mod webhook;
mod words;

use serde::{Deserialize, Serialize};

pub use chain::{
    Candidate, Chain, CheckoutRecord, ConflictRecord, CustomerRecord, Drift, EventRecords, EventsMissing, FailedEvent,
    FetchedEvents, LastCheck, Likeness, MappingRecord, OverrideNote, PendingEvent, ReadError, Rejection,
};
pub use news::{News, NewsCode};
pub use walk::diagnose;
pub use words::{distance, nearest_feature};

use crate::Timestamp;
use crate::role::Role;

/// What `explain=true`, the customer page and `tollkeeper diagnose` show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// The row of the diagnosis table, in lower case; `ok` when nothing is wrong.
    pub code: String,
    /// One sentence for a person, with the concrete ids.
    pub sentence: String,
    /// The name of the broken link.
    pub broken_link: Option<LinkName>,
    /// The five links, in order.
    pub links: Vec<Link>,
    /// What mends it, the best first.
    pub fixes: Vec<Fix>,
    /// What became of Stripe's events about them.
    pub news: News,
}

/// A link of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkName {
    /// They went through Stripe's Checkout.
    Checkout,
    /// Stripe told us.
    Webhook,
    /// The Stripe customer is a known user.
    Mapping,
    /// The subscription is in a state that gives access.
    Subscription,
    /// The price gives the feature.
    Entitlement,
}

/// The state of a link. The words are part of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// Holds.
    Ok,
    /// Is what denies access.
    Broken,
    /// Will be decided by itself.
    Waiting,
    /// Cannot be told from what is stored.
    Unknown,
    /// Behind the broken one.
    NotReached,
}

/// One link with its fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Which one.
    pub name: LinkName,
    /// Its state.
    pub state: LinkState,
    /// One fact in words.
    pub fact: String,
    /// When that became so.
    pub at: Option<Timestamp>,
    /// The id that proves it: `evt_…`, `cs_…`, `sub_…`, `price_…`.
    pub evidence: Option<String>,
}

/// A button.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fix {
    /// Stable id, such as `add_price_to_catalog`.
    pub id: String,
    /// The button's words; names the object.
    pub label: String,
    /// Path in the admin app.
    pub href: String,
    /// The weakest role that may do it.
    pub role: Role,
}
