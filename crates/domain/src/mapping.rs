//! Which Stripe customer is which user of the application: claims, and what a claim that contradicts one means.

use serde::{Deserialize, Serialize};

/// Where the word for a mapping came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MappingSource {
    /// `client_reference_id` of a Checkout Session.
    ClientReferenceId,
    /// Metadata of a Checkout Session.
    CheckoutMetadata,
    /// Metadata of a subscription.
    SubscriptionMetadata,
    /// Metadata of a customer.
    CustomerMetadata,
    /// The host application, through `/v1`.
    Api,
    /// A member of staff, by hand.
    Staff,
}

impl MappingSource {
    /// All sources.
    pub const ALL: [Self; 6] = [
        Self::ClientReferenceId,
        Self::CheckoutMetadata,
        Self::SubscriptionMetadata,
        Self::CustomerMetadata,
        Self::Api,
        Self::Staff,
    ];

    /// The source's word in the contract.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientReferenceId => "client_reference_id",
            Self::CheckoutMetadata => "checkout_metadata",
            Self::SubscriptionMetadata => "subscription_metadata",
            Self::CustomerMetadata => "customer_metadata",
            Self::Api => "api",
            Self::Staff => "staff",
        }
    }

    /// Reads a source's word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == text)
    }
}

/// Somebody says: this Stripe customer is that user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// `cus_…`
    pub customer_id: String,
    /// The application's own id of the user.
    pub user_id: String,
    /// Where the claim stands.
    pub source: MappingSource,
}
