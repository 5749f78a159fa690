//! What an installation decides for itself: defaults for all, and what a feature or a price says differently.
//!
//! What Stripe says about each status: docs.stripe.com/billing/subscriptions/overview; about paused collection:
//! docs.stripe.com/billing/subscriptions/pause-payment.

use serde::{Deserialize, Serialize};

use super::PaymentPolicy;

/// A day in milliseconds.
const DAY: i64 = 86_400_000;

/// Whether a state gives access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Treatment {
    /// It does.
    Allow,
    /// It does not.
    Deny,
}

impl Treatment {
    /// The treatment's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }

    /// Reads a treatment's word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Allow, Self::Deny].into_iter().find(|treatment| treatment.as_str() == text)
    }
}

/// How long access lasts while Stripe collects nothing for a subscription (`pause_collection`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CollectionPause {
    /// As if nothing were paused: what the customer does not pay now is forgiven or paid later.
    Keep,
    /// As long as the period that is paid.
    UntilPeriodEnd,
    /// Not at all.
    Deny,
}

impl CollectionPause {
    /// All ways.
    pub const ALL: [Self; 3] = [Self::Keep, Self::UntilPeriodEnd, Self::Deny];

    /// The way's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::UntilPeriodEnd => "until_period_end",
            Self::Deny => "deny",
        }
    }

    /// Reads a way's word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.as_str() == text)
    }
}

/// `pause_collection.behavior` and what it means for access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseCollection {
    /// Invoices are kept as drafts and collected later.
    pub keep_as_draft: CollectionPause,
    /// Invoices are written off.
    pub mark_uncollectible: CollectionPause,
    /// Invoices are void: nobody will ever pay for this time.
    pub void: CollectionPause,
}

impl PauseCollection {
    /// What a behaviour means; one this version does not know keeps access, as Stripe does.
    #[must_use]
    pub fn of(&self, behavior: &str) -> CollectionPause {
        match behavior {
            "keep_as_draft" => self.keep_as_draft,
            "mark_uncollectible" => self.mark_uncollectible,
            "void" => self.void,
            _ => CollectionPause::Keep,
        }
    }
}

/// The installation's policy: what holds where neither price nor feature says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Policy {
    /// How long `past_due` keeps its access, in milliseconds.
    pub past_due_grace: i64,
    /// How long a passed period without a word from Stripe keeps its access, in milliseconds: Stripe itself finalises the renewal's
    /// invoice about an hour late and advises "a day or two" (docs.stripe.com/billing/subscriptions/webhooks).
    pub period_leeway: i64,
    /// Whether a trial gives access.
    pub trialing: Treatment,
    /// Whether a subscription that somebody paused gives access; one that is paused because its trial ended never does.
    pub paused: Treatment,
    /// What paused collection means.
    pub pause_collection: PauseCollection,
    /// Refunds, disputes and failed debits.
    pub payments: PaymentPolicy,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            past_due_grace: 7 * DAY,
            period_leeway: 2 * DAY,
            trialing: Treatment::Allow,
            paused: Treatment::Deny,
            pause_collection: PauseCollection {
                keep_as_draft: CollectionPause::Keep,
                mark_uncollectible: CollectionPause::Keep,
                void: CollectionPause::UntilPeriodEnd,
            },
            payments: PaymentPolicy::default(),
        }
    }
}

/// What a feature or a price says differently from the installation's policy; none where it says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyExceptions {
    /// See [`Policy::past_due_grace`].
    pub past_due_grace: Option<i64>,
    /// See [`Policy::trialing`].
    pub trialing: Option<Treatment>,
    /// See [`Policy::paused`].
    pub paused: Option<Treatment>,
}

impl PolicyExceptions {
    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Policy {
    /// This policy, but for what the exceptions say.
    #[must_use]
    pub fn except(self, exceptions: Option<&PolicyExceptions>) -> Self {
        let Some(exceptions) = exceptions else { return self };
        Self {
            past_due_grace: exceptions.past_due_grace.unwrap_or(self.past_due_grace),
            trialing: exceptions.trialing.unwrap_or(self.trialing),
            paused: exceptions.paused.unwrap_or(self.paused),
            ..self
        }
    }
}
