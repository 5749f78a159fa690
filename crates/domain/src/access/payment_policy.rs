//! What the installation wants done about money that does not stay.

use serde::{Deserialize, Serialize};

/// What happens to access when money does not stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PaymentPolicy {
    /// Refunds of one-time purchases.
    pub refund: RefundPolicy,
    /// Disputes of one-time purchases.
    pub dispute: DisputePolicy,
    /// A delayed debit that fails while the subscription stays `active`.
    pub failed_debit: FailedDebitPolicy,
}

/// Declares an enum of words with `as_str` and `parse`.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every choice.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The choice's word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// Reads a choice's word.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|choice| choice.as_str() == text)
            }
        }
    };
}

words! {
    /// Which refund of a one-time purchase takes away what it gave.
    RefundPolicy {
        /// A full one; a partial one is shown and changes nothing.
        #[default]
        Full = "full",
        /// Any, a partial one too.
        Any = "any",
        /// None: refunds are shown and change nothing.
        Keep = "keep",
    }
}

words! {
    /// What a dispute of a one-time purchase does.
    DisputePolicy {
        /// An open one is shown, a lost one takes access away.
        #[default]
        Flag = "flag",
        /// An open one suspends access until it is won, a lost one takes it away.
        Suspend = "suspend",
        /// Disputes are shown and change nothing.
        Keep = "keep",
    }
}

words! {
    /// What a debit does that fails days later, while Stripe leaves the subscription `active`
    /// (docs.stripe.com/billing/subscriptions/overview).
    FailedDebitPolicy {
        /// It is shown and changes nothing: Stripe's status decides.
        #[default]
        Keep = "keep",
        /// The subscription counts as unpaid until an invoice is paid.
        Revoke = "revoke",
    }
}
