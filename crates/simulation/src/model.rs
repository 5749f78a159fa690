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
    /// Checkout Sessions for subscriptions, of every status.
    pub sessions: Vec<Session>,
    /// What was bought once.
    pub purchases: Vec<Purchase>,
}

impl Customer {
    /// Whether Stripe made no customer: its one session stands in for it, and `id` is the session's.
    #[must_use]
    pub fn is_guest(&self) -> bool {
        self.id.starts_with("cs_")
    }

    /// Its id where objects name their customer; a guest has none there.
    #[must_use]
    pub fn named(&self) -> Option<&str> {
        (!self.is_guest()).then_some(self.id.as_str())
    }
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

/// Something bought once: through a Checkout Session, an invoice, or a Checkout that also makes an invoice.
#[derive(Clone, Debug)]
pub struct Purchase {
    /// Its Checkout Session in mode `payment`.
    pub session: Option<Session>,
    /// `in_…`
    pub invoice: Option<String>,
    /// What, and how much of it.
    pub lines: Vec<(&'static Price, i64)>,
    /// When it was completed at Checkout or invoiced.
    pub created: i64,
    /// How it stands.
    pub state: State,
    /// When it was paid.
    pub paid_at: Option<i64>,
    /// None where nothing was due, or what was due was paid outside of Stripe.
    pub payment: Option<Payment>,
    /// What time will do to it.
    pub due: Vec<(i64, Step)>,
}

/// How a purchase stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The money is on its way.
    Pending,
    /// It came, or none was due.
    Paid,
    /// An invoice whose payment failed; it may be paid yet.
    Open,
    /// An invoice that was written off; it may be paid yet.
    Uncollectible,
    /// It will never come.
    Failed,
    /// The invoice was voided.
    Void,
}

/// What time does to a purchase.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// A delayed payment arrives, or fails for good.
    Settle(bool),
    /// An open invoice is paid, written off or voided.
    Invoice(State),
    /// A refund gets another status.
    Refund(usize, &'static str),
    /// A dispute gets another status.
    Dispute(usize, &'static str),
}

/// The money of a purchase.
#[derive(Clone, Debug)]
pub struct Payment {
    /// `pi_…`
    pub id: String,
    /// `ch_…`
    pub charge: String,
    /// A charge that was refused before.
    pub refused: Option<String>,
    /// `pending`, `succeeded` or `failed`.
    pub status: &'static str,
    /// When the charge was made.
    pub created: i64,
    /// In cents.
    pub amount: i64,
    /// What the charge says was refunded; it may go on counting what failed.
    pub counted: i64,
    /// Whether it does.
    pub keeps_counting: bool,
    /// The oldest first.
    pub refunds: Vec<Refund>,
    /// The oldest first.
    pub disputes: Vec<Dispute>,
}

impl Payment {
    /// What went back, or is on its way.
    #[must_use]
    pub fn refunded(&self) -> i64 {
        self.refunds.iter().filter(|refund| refund.stands()).map(|refund| refund.amount).sum()
    }
}

/// Money on its way back.
#[derive(Clone, Debug)]
pub struct Refund {
    /// `re_…`
    pub id: String,
    /// In cents.
    pub amount: i64,
    /// `pending`, `succeeded`, `failed` or `canceled`.
    pub status: &'static str,
    /// When it was asked for.
    pub created: i64,
}

impl Refund {
    /// Whether the money went back, or is on its way.
    #[must_use]
    pub fn stands(&self) -> bool {
        !matches!(self.status, "failed" | "canceled")
    }
}

/// The buyer's bank wants the money back, or asks about it.
#[derive(Clone, Debug)]
pub struct Dispute {
    /// `du_…`
    pub id: String,
    /// In cents.
    pub amount: i64,
    /// Stripe's word.
    pub status: &'static str,
    /// When it was opened.
    pub created: i64,
}

impl Dispute {
    /// Whether it is over, so that another may be opened.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.status, "won" | "lost" | "warning_closed")
    }
}

impl Purchase {
    /// What it comes to, in cents.
    #[must_use]
    pub fn amount(&self) -> i64 {
        self.lines.iter().map(|(price, quantity)| price.amount * quantity).sum()
    }
}
