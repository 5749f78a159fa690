//! The words for why.

use serde::{Deserialize, Serialize};

/// Why a decision is what it is. The words are part of the contract, and each variant is its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    SubscriptionActive,
    SubscriptionTrialing,
    GracePeriod,
    Purchase,
    OverrideGrant,
    Credits,
    OverrideDeny,
    UnknownUser,
    NoCustomer,
    NoPayment,
    PaymentPending,
    SubscriptionIncomplete,
    SubscriptionIncompleteExpired,
    GracePeriodOver,
    SubscriptionUnpaid,
    SubscriptionPaused,
    SubscriptionCanceled,
    TrialEnded,
    PurchaseExpired,
    Refunded,
    Disputed,
    NotInPlan,
    PriceNotInCatalog,
    UnknownFeature,
    LimitReached,
}

impl Reason {
    /// The word in the contract.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SubscriptionActive => "subscription_active",
            Self::SubscriptionTrialing => "subscription_trialing",
            Self::GracePeriod => "grace_period",
            Self::Purchase => "purchase",
            Self::OverrideGrant => "override_grant",
            Self::Credits => "credits",
            Self::OverrideDeny => "override_deny",
            Self::UnknownUser => "unknown_user",
            Self::NoCustomer => "no_customer",
            Self::NoPayment => "no_payment",
            Self::PaymentPending => "payment_pending",
            Self::SubscriptionIncomplete => "subscription_incomplete",
            Self::SubscriptionIncompleteExpired => "subscription_incomplete_expired",
            Self::GracePeriodOver => "grace_period_over",
            Self::SubscriptionUnpaid => "subscription_unpaid",
            Self::SubscriptionPaused => "subscription_paused",
            Self::SubscriptionCanceled => "subscription_canceled",
            Self::TrialEnded => "trial_ended",
            Self::PurchaseExpired => "purchase_expired",
            Self::Refunded => "refunded",
            Self::Disputed => "disputed",
            Self::NotInPlan => "not_in_plan",
            Self::PriceNotInCatalog => "price_not_in_catalog",
            Self::UnknownFeature => "unknown_feature",
            Self::LimitReached => "limit_reached",
        }
    }
}
