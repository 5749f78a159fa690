//! One person, wherever they stand.

use domain::{Livemode, Timestamp};

/// By what a person is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom<'a> {
    /// The application's id.
    User(&'a str),
    /// `cus_…`, or a guest's `cs_…`.
    Customer(&'a str),
}

/// A person: a user of the application and the Stripe customers that belong to it, or a customer of nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The mode.
    pub livemode: Livemode,
    /// The application's id.
    pub user_id: Option<String>,
    /// `cus_…`, or guests' `cs_…`.
    pub customer_ids: Vec<String>,
    /// By what name they go since they were erased, and since when.
    pub erased: Option<(String, Timestamp)>,
}

impl Person {
    /// The id that stands for all: the user's, or the only customer's.
    #[must_use]
    pub fn id(&self) -> &str {
        self.user_id.as_deref().or(self.customer_ids.first().map(String::as_str)).unwrap_or_default()
    }
}

/// What erasing a person would find.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErasurePlan {
    /// Kinds of what is kept, with how many there are.
    pub parts: Vec<(&'static str, i64)>,
    /// Subscriptions that run still: Stripe goes on to charge for them.
    pub running: Vec<String>,
}

/// What erasing a person did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erased {
    /// By what name they go from now on.
    pub pseudonym: String,
    /// Events whose body was removed or emptied of personal data.
    pub events: i64,
    /// Entries of the audit log that say no more what they said.
    pub audit_entries: i64,
}
