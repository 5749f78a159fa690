//! Facts and a clock in, a decision out. Nothing here looks anything up.

mod course;
mod decide;
mod difference;
mod losses;
mod payment;
mod payment_policy;
mod policy;
mod purchase;
mod reason;
mod standing;
#[cfg(test)]
pub(crate) mod tests;
mod trace;
mod what_if;

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::stripe::Subscription;
pub use course::course;
pub(crate) use decide::decide_paid;
pub use decide::{decide, decide_any, entitlements};
pub use difference::{Answer, Difference, Turn};
pub use losses::{Loss, known_losses};
pub use payment::PaymentFacts;
pub use payment_policy::{DisputePolicy, FailedDebitPolicy, PaymentPolicy, RefundPolicy};
pub use policy::{CollectionPause, PauseCollection, Policy, PolicyExceptions, Treatment};
pub use purchase::{PaymentState, PurchaseFacts, PurchaseFlag, PurchaseStanding};
pub use reason::Reason;
pub(crate) use standing::{Standing, standing};
pub use trace::{Outcome, Rule, Step, Trace, trace};
pub use what_if::{MADE_UP, WhatIf};

/// A subscription with what only its history tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionFacts {
    /// The newest state.
    #[serde(flatten)]
    pub subscription: Subscription,
    /// Since when it has been `past_due` without a break, as far as evidence tells.
    pub past_due_since: Option<Timestamp>,
    /// A debit for its latest invoice that failed although Stripe left the subscription as it was.
    #[serde(default)]
    pub failed_debit: Option<FailedDebit>,
}

/// An invoice that a delayed payment method was to pay, and did not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedDebit {
    /// `in_…`
    pub invoice_id: String,
    /// When it failed, as far as evidence tells.
    pub at: Timestamp,
}

/// Grant or deny, by staff or by the host application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OverrideEffect {
    /// Access although nothing else gives it.
    Grant,
    /// No access whatever else gives it.
    Deny,
}

impl OverrideEffect {
    /// The effect's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Deny => "deny",
        }
    }

    /// Reads an effect's word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "grant" => Some(Self::Grant),
            "deny" => Some(Self::Deny),
            _ => None,
        }
    }
}

/// An override that has not been revoked; it may have expired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverrideFacts {
    /// `ovr_…`
    pub id: String,
    /// The feature's key.
    pub feature: String,
    /// Grant or deny.
    pub effect: OverrideEffect,
    /// The number for a limit.
    pub value: Option<i64>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl OverrideFacts {
    /// Whether it counts at `now`.
    #[must_use]
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

/// What Stripe itself holds a customer entitled to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntitlementFacts {
    /// `cus_…`
    pub customer_id: String,
    /// The `lookup_key`s of its active entitlements, sorted.
    pub lookup_keys: Vec<String>,
}

impl EntitlementFacts {
    /// Whether Stripe lists the feature (any, when none is named).
    #[must_use]
    pub fn lists(&self, feature: Option<&str>) -> bool {
        match feature {
            Some(key) => self.lookup_keys.binary_search_by(|known| known.as_str().cmp(key)).is_ok(),
            None => !self.lookup_keys.is_empty(),
        }
    }
}

/// Everything a decision about one user may depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserFacts {
    /// Whether anything is stored about this user: registered, mapped, or given an override.
    pub known: bool,
    /// The Stripe customers mapped to this user; a guest's Checkout Session stands in for its customer.
    pub customers: Vec<String>,
    /// The subscriptions of those customers.
    pub subscriptions: Vec<SubscriptionFacts>,
    /// One-time purchases of those customers, and of this user as a guest.
    #[serde(default)]
    pub purchases: Vec<PurchaseFacts>,
    /// What Stripe itself holds those customers entitled to.
    #[serde(default)]
    pub entitlements: Vec<EntitlementFacts>,
    /// Whether a Checkout of those customers for a subscription is complete and its payment still under way.
    pub payment_pending: bool,
    /// Overrides that have not been revoked.
    pub overrides: Vec<OverrideFacts>,
}

impl UserFacts {
    /// Gives back the room that lists keep for more: they are read once and kept for every user, most with one entry, and the first takes the
    /// room of four.
    pub fn shrink_to_fit(&mut self) {
        self.customers.shrink_to_fit();
        self.subscriptions.shrink_to_fit();
        for facts in &mut self.subscriptions {
            facts.subscription.items.shrink_to_fit();
        }
        self.purchases.shrink_to_fit();
        for items in self.purchases.iter_mut().filter_map(|purchase| purchase.items.as_mut()) {
            items.shrink_to_fit();
        }
        self.entitlements.shrink_to_fit();
        self.overrides.shrink_to_fit();
    }
}

/// One thing that gives the feature, or the nearest that does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// `subscription`, `purchase`, `entitlement` (Stripe's own, of a customer without a known subscription) or `override`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `sub_…`, `cs_…` or `in_…` of a purchase, `cus_…` of an entitlement, or `ovr_…`
    pub id: String,
    /// Stripe's status; `active` of an entitlement; `paid`, `unpaid`, `failed`, `expired`, `partially_refunded`, `refunded` or `disputed` of a purchase; `grant` or
    /// `deny`.
    pub status: String,
    /// Until when this source gives it.
    pub until: Option<Timestamp>,
    /// The number it gives for a limit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<i64>,
}

/// The answer to "may this user use this feature?".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The answer.
    pub allowed: bool,
    /// Why.
    pub reason: Reason,
    /// When the answer "yes" ends by itself; none means it has no end of its own.
    pub until: Option<Timestamp>,
    /// The number for a limit: the highest any source gives.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<i64>,
    /// What the answer rests on: every source that gives the feature, best first; when denied, the sources that came nearest.
    pub sources: Vec<Source>,
}
