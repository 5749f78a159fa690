//! Subscriptions. Source of the statuses: docs.stripe.com/billing/subscriptions/overview.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::json::{Missing, Reader};
use super::line_item::LineItem as Sold;
use crate::Timestamp;

/// Stripe's status of a subscription; an open set, so what is unknown is kept as it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum SubscriptionStatus {
    /// In a trial.
    Trialing,
    /// In good standing; not a promise that every invoice is paid.
    Active,
    /// The latest finalised invoice failed.
    PastDue,
    /// Retries ended, invoices keep being drafted.
    Unpaid,
    /// The first payment is pending, for up to 23 hours.
    Incomplete,
    /// The first payment never came. Terminal.
    IncompleteExpired,
    /// Ended. Terminal.
    Canceled,
    /// A trial ended without payment method, or paused by the pause API.
    Paused,
    /// A word this version does not know: denied and flagged.
    Unknown(String),
}

impl SubscriptionStatus {
    /// Stripe's word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Trialing => "trialing",
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Unpaid => "unpaid",
            Self::Incomplete => "incomplete",
            Self::IncompleteExpired => "incomplete_expired",
            Self::Canceled => "canceled",
            Self::Paused => "paused",
            Self::Unknown(word) => word,
        }
    }

    /// Whether Stripe never changes it again.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        matches!(self, Self::Canceled | Self::IncompleteExpired)
    }
}

impl From<String> for SubscriptionStatus {
    fn from(word: String) -> Self {
        match word.as_str() {
            "trialing" => Self::Trialing,
            "active" => Self::Active,
            "past_due" => Self::PastDue,
            "unpaid" => Self::Unpaid,
            "incomplete" => Self::Incomplete,
            "incomplete_expired" => Self::IncompleteExpired,
            "canceled" => Self::Canceled,
            "paused" => Self::Paused,
            _ => Self::Unknown(word),
        }
    }
}

impl From<SubscriptionStatus> for String {
    fn from(status: SubscriptionStatus) -> Self {
        status.as_str().to_owned()
    }
}

/// One line of a subscription: a price, how often, until when it is paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionItem {
    /// `si_…`
    pub id: String,
    /// `price_…` (or the id of an old plan)
    pub price_id: String,
    /// `prod_…`
    pub product_id: Option<String>,
    /// How many; 1 when Stripe gives none (metered prices).
    pub quantity: i64,
    /// Start of the period that is paid.
    pub current_period_start: Option<Timestamp>,
    /// End of the period that is paid. On the item since 2025-03-31.basil, on the subscription before.
    pub current_period_end: Option<Timestamp>,
}

/// What decisions need of a subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// `sub_…`
    pub id: String,
    /// `cus_…`
    pub customer_id: String,
    /// Stripe's status.
    pub status: SubscriptionStatus,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// The items in the payload.
    pub items: Vec<SubscriptionItem>,
    /// Whether Stripe truncated the items (`items.has_more`): then only a read tells all.
    pub items_truncated: bool,
    /// End of the trial.
    pub trial_end: Option<Timestamp>,
    /// It ends at this time (flexible billing sets this alone).
    pub cancel_at: Option<Timestamp>,
    /// It ends with the period (classic billing).
    pub cancel_at_period_end: bool,
    /// When the cancellation was asked for; can be set while it is active.
    pub canceled_at: Option<Timestamp>,
    /// When it really ended.
    pub ended_at: Option<Timestamp>,
    /// Stripe's reason of a cancellation.
    pub cancellation_reason: Option<String>,
    /// `pause_collection.behavior`: `keep_as_draft`, `mark_uncollectible` or `void`.
    pub pause_behavior: Option<String>,
    /// A change waits for its payment until then (`pending_update.expires_at`): the items are those of before it
    /// (docs.stripe.com/billing/subscriptions/pending-updates).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_update_until: Option<Timestamp>,
    /// `sub_sched_…` of the schedule that will change it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_id: Option<String>,
    /// `in_…` of the latest invoice.
    pub latest_invoice: Option<String>,
    /// The user that metadata names.
    pub claimed_user: Option<String>,
}

impl Subscription {
    /// Reads a subscription as an event payload or an API answer has it, of any API version since 2020.
    ///
    /// # Errors
    /// The path of the first needed field that is missing.
    pub fn read(object: &Value, metadata_keys: &[String]) -> Result<Self, Missing> {
        let root = Reader::new(object);
        let old_start = root.opt_secs("current_period_start");
        let old_end = root.opt_secs("current_period_end");
        let (list, items_truncated) = root.list("items")?;
        let items = list
            .iter()
            .map(|item| {
                let sold = Sold::read(item)?.ok_or_else(|| item.wrong("price", "a price"))?;
                let end = item.opt_secs("current_period_end").or(old_end);
                Ok(SubscriptionItem {
                    id: item.string("id")?,
                    price_id: sold.price_id,
                    product_id: sold.product_id,
                    quantity: sold.quantity,
                    current_period_start: item.opt_secs("current_period_start").or(old_start),
                    // Without an end access would have none.
                    current_period_end: Some(end.ok_or_else(|| item.wrong("current_period_end", "Unix seconds"))?),
                })
            })
            .collect::<Result<Vec<_>, Missing>>()?;
        // Null in most payloads; one of another type must not pass for null.
        let at_period_end =
            root.optional("cancel_at_period_end", "true or false", |root, key| root.boolean(key).ok())?;
        let pause = root.optional("pause_collection", "an object or null", Reader::at)?;
        Ok(Self {
            id: root.string("id")?,
            customer_id: root.reference("customer")?,
            status: root.string("status")?.into(),
            created: root.opt_secs("created"),
            items,
            items_truncated,
            trial_end: root.optional_secs("trial_end")?,
            cancel_at: root.optional_secs("cancel_at")?,
            cancel_at_period_end: at_period_end.unwrap_or(false),
            canceled_at: root.opt_secs("canceled_at"),
            ended_at: root.opt_secs("ended_at"),
            cancellation_reason: root.at("cancellation_details").and_then(|details| details.opt_string("reason")),
            pause_behavior: pause.map(|pause| pause.string("behavior")).transpose()?,
            pending_update_until: root.at("pending_update").and_then(|update| update.opt_secs("expires_at")),
            schedule_id: root.opt_reference("schedule"),
            latest_invoice: root.opt_reference("latest_invoice"),
            claimed_user: root.metadata(metadata_keys),
        })
    }

    /// The latest period end among the items: until when something of it is paid.
    #[must_use]
    pub fn current_period_end(&self) -> Option<Timestamp> {
        self.items.iter().filter_map(|item| item.current_period_end).max()
    }

    /// The latest period start among the items.
    #[must_use]
    pub fn current_period_start(&self) -> Option<Timestamp> {
        self.items.iter().filter_map(|item| item.current_period_start).max()
    }

    /// When it is set to end, by either way Stripe has of saying so.
    #[must_use]
    pub fn ends_at(&self) -> Option<Timestamp> {
        self.cancel_at.or_else(|| self.current_period_end().filter(|_| self.cancel_at_period_end))
    }
}
