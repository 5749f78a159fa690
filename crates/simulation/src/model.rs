//! What Stripe knows of a history's customers: plain state, in seconds of Stripe's clock.
//!
//! The state of one customer with all that hangs on it is one value, so that it can be kept as it was at any time.

use crate::catalog::Price;

/// A status of a subscription (docs.stripe.com/billing/subscriptions/overview).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Trialing,
    Active,
    PastDue,
    Unpaid,
    Incomplete,
    IncompleteExpired,
    Canceled,
    Paused,
}

impl Status {
    /// Stripe's word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Trialing => "trialing",
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Unpaid => "unpaid",
            Self::Incomplete => "incomplete",
            Self::IncompleteExpired => "incomplete_expired",
            Self::Canceled => "canceled",
            Self::Paused => "paused",
        }
    }

    /// Whether it never changes again.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Canceled | Self::IncompleteExpired)
    }
}

/// A customer with all that hangs on it.
#[derive(Clone, Debug)]
pub struct Customer {
    /// `cus_…`
    pub id: String,
    /// How often the name was changed; the name is made of it.
    pub renamed: u32,
    /// The user its metadata names.
    pub claim: Option<String>,
    /// Deleted, which is for ever.
    pub deleted: bool,
    /// When it was created.
    pub created: i64,
    /// Of every status.
    pub subscriptions: Vec<Subscription>,
    /// Checkout Sessions of every status.
    pub sessions: Vec<Session>,
}

/// A subscription.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// `sub_…`
    pub id: String,
    /// Its status.
    pub status: Status,
    /// When it was created.
    pub created: i64,
    /// One or more.
    pub items: Vec<Item>,
    /// Start and end of the trial it has or had.
    pub trial: Option<(i64, i64)>,
    /// When it is set to end.
    pub ending: Option<Ending>,
    /// When the cancel was asked for.
    pub canceled_at: Option<i64>,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// `cancellation_details.reason`
    pub reason: Option<&'static str>,
    /// `pause_collection.behavior`
    pub collection_paused: Option<&'static str>,
    /// The user its metadata names.
    pub claim: Option<String>,
    /// A number in the metadata that the application counts up: a change that means nothing to access.
    pub note: u32,
    /// How many invoices it had; the newest one's id is made of it.
    pub invoices: u32,
    /// Whether there is something to charge.
    pub has_method: bool,
    /// `trial_settings.end_behavior.missing_payment_method`
    pub without_method: &'static str,
    /// `flexible` billing says an end by `cancel_at` alone.
    pub flexible: bool,
    /// When the charge for the running period will be refused.
    pub charge_fails_at: Option<i64>,
    /// When Stripe stops retrying, and what the account's setting makes of it then.
    pub dunning_ends: Option<(i64, Status)>,
    /// When it was last changed.
    pub touched: i64,
    /// When what was outstanding was last paid.
    pub paid_at: Option<i64>,
    /// Since when it is past due: for the truth alone, Stripe does not say it.
    pub past_due_since: Option<i64>,
}

/// A planned end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// When.
    pub at: i64,
    /// Whether it was asked for as "with the period".
    pub with_period: bool,
}

/// One line of a subscription.
#[derive(Clone, Debug)]
pub struct Item {
    /// `si_…`
    pub id: String,
    /// What is paid for.
    pub price: &'static Price,
    /// How many.
    pub quantity: i64,
    /// Start and end of the running period.
    pub period: (i64, i64),
}

impl Subscription {
    /// When the last of its periods ends.
    #[must_use]
    pub fn period_end(&self) -> i64 {
        self.items.iter().map(|item| item.period.1).max().unwrap_or(self.created)
    }

    /// When the last of its periods began.
    #[must_use]
    pub fn period_start(&self) -> i64 {
        self.items.iter().map(|item| item.period.0).max().unwrap_or(self.created)
    }
}

/// A Checkout Session.
#[derive(Clone, Debug)]
pub struct Session {
    /// `cs_…`
    pub id: String,
    /// `open`, `complete` or `expired`.
    pub status: &'static str,
    /// `client_reference_id`
    pub reference: Option<String>,
    /// The user its metadata names.
    pub claim: Option<String>,
    /// `sub_…` once complete.
    pub subscription: Option<String>,
    /// When it was created.
    pub created: i64,
}
