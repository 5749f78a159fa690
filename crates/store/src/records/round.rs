//! What one round of the worker claims, reads and applies.

use domain::event::RelatedObject;
use domain::{Livemode, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a round of the processor did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Events taken.
    pub events: usize,
    /// Of them, those that failed.
    pub failed: usize,
    /// Of them, those that wait for an answer of Stripe's.
    pub reads: usize,
}

/// A leased customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadClaim {
    /// The mode.
    pub livemode: Livemode,
    /// `cus_…`, or a guest's Checkout Session
    pub customer_id: String,
    /// The mark this read answers; a later mark asks for another read.
    pub dirty_at: Timestamp,
    /// Who leased it.
    pub owner: String,
}

/// An object that a thin event is about, whose customer is not known here: Stripe has to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// The mode.
    pub livemode: Livemode,
    /// What it is.
    pub object: RelatedObject,
}

/// What Stripe answered to a [`Lookup`].
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// It belongs to this customer, or to the guest whose Checkout Session this is.
    Payer(String),
    /// It belongs to nobody: this is all of it, as raw JSON.
    Object(Value),
    /// It belongs to no customer and no Checkout Session.
    Nobody,
    /// There is no such object: what Stripe said.
    Gone(String),
}

/// What Stripe answered about a customer (or about a guest's Checkout Session), as raw JSON.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The customer; `None` when Stripe knows none of this id.
    pub customer: Option<Value>,
    /// All subscriptions, canceled ones too.
    pub subscriptions: Vec<Value>,
    /// The newest Checkout Sessions, those of one-time purchases with their line items.
    pub checkout_sessions: Vec<Value>,
    /// All invoices, with all of their lines and with `payments`.
    pub invoices: Vec<Value>,
    /// All charges, with all of their refunds.
    pub charges: Vec<Value>,
    /// The disputes of those charges.
    pub disputes: Vec<Value>,
    /// All its active entitlements; none when they could not be read (a key may lack the permission).
    pub entitlements: Option<Vec<Value>>,
}

impl Snapshot {
    /// The same without anything about a person.
    #[must_use]
    pub fn redacted(&self) -> Self {
        let mut redacted = self.clone();
        let Self { customer, subscriptions, checkout_sessions, invoices, charges, disputes, entitlements } =
            &mut redacted;
        let lists = [subscriptions, checkout_sessions, invoices, charges, disputes];
        let values = lists.into_iter().flatten().chain(customer.iter_mut()).chain(entitlements.iter_mut().flatten());
        values.for_each(domain::stripe::redact::redact);
        redacted
    }
}

/// What Stripe answered about a product, as raw JSON.
#[derive(Clone, Debug, Default)]
pub struct ProductSnapshot {
    /// The product; none when Stripe knows none of this id.
    pub product: Option<Value>,
    /// All features it carries, as `product_feature`s.
    pub features: Vec<Value>,
    /// All its prices, archived ones too.
    pub prices: Vec<Value>,
}

/// A leased product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductClaim {
    /// The mode.
    pub livemode: Livemode,
    /// `prod_…`
    pub product_id: String,
    /// Who leased it.
    pub owner: String,
    /// When the lease ends by itself.
    pub until: Timestamp,
}

/// One field that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// `sub_…`, `cus_…`
    pub object: String,
    /// Such as `status`.
    pub field: String,
    /// Before; none when it was not stored.
    pub before: Option<String>,
    /// After.
    pub after: Option<String>,
}

/// One answer that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictChange {
    /// The user.
    pub user_id: String,
    /// The feature's key.
    pub feature: String,
    /// The answer before.
    pub allowed_before: bool,
    /// The answer after.
    pub allowed_after: bool,
    /// The reason before.
    pub reason_before: String,
    /// The reason after.
    pub reason_after: String,
}

/// What an event, a read or a person's change did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effects {
    /// Fields of Stripe's objects.
    pub fields: Vec<FieldChange>,
    /// Mappings made, as sentences.
    pub mappings: Vec<String>,
    /// Answers.
    pub verdicts: Vec<VerdictChange>,
}

impl Effects {
    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.mappings.is_empty() && self.verdicts.is_empty()
    }
}

/// The report of a resync.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncReport {
    /// `cus_…`
    pub customer_id: String,
    /// What changed.
    pub effects: Effects,
    /// Whether the customer was marked again while it was read, so that another read follows.
    pub marked_again: bool,
    /// Whether somebody else took the lease meanwhile, so that nothing was applied.
    pub lease_lost: bool,
}

impl SyncReport {
    /// This read and another one of the same customer after it.
    #[must_use]
    pub fn followed_by(mut self, later: Self) -> Self {
        self.effects.fields.extend(later.effects.fields);
        self.effects.mappings.extend(later.effects.mappings);
        self.effects.verdicts.extend(later.effects.verdicts);
        Self { effects: self.effects, ..later }
    }
}
