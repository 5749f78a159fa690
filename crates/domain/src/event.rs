//! Stripe's Event objects as they are delivered: the envelope, snapshot and thin.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::stripe::json::{Missing, Reader};
use crate::{Livemode, Timestamp};

/// The status of an event in the webhook log. The words are part of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventStatus {
    /// Stored and acknowledged, waiting for the processor.
    Pending,
    /// Taken in; a read from Stripe that completes it is under way.
    Processing,
    /// Took effect (or was found to be older than what is known).
    Processed,
    /// No rule uses this type.
    Ignored,
    /// In Stripe's state, but no user is known for its customer.
    Unattributed,
    /// Failed and will be tried again.
    Failed,
    /// Failed and was given up.
    Dead,
}

impl EventStatus {
    /// All statuses.
    pub const ALL: [Self; 7] =
        [Self::Pending, Self::Processing, Self::Processed, Self::Ignored, Self::Unattributed, Self::Failed, Self::Dead];

    /// The status's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Processed => "processed",
            Self::Ignored => "ignored",
            Self::Unattributed => "unattributed",
            Self::Failed => "failed",
            Self::Dead => "dead",
        }
    }

    /// Reads a status's word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// The types some rule uses; any other is stored and ignored.
pub const USED_TYPES: &[&str] = &[
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "customer.created",
    "customer.updated",
    "customer.deleted",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "entitlements.active_entitlement_summary.updated",
    "charge.refunded",
    "charge.refund.updated",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "invoice.paid",
    "invoice.payment_succeeded",
    "invoice.payment_failed",
    "invoice.voided",
    "invoice.marked_uncollectible",
    "invoice_payment.paid",
    "payment_intent.payment_failed",
    "price.created",
    "price.updated",
    "price.deleted",
    "product.created",
    "product.updated",
    "product.deleted",
];

/// What is needed of an Event to store it: everything else stays in the raw bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// `evt_…`
    pub id: String,
    /// Such as `customer.subscription.updated`.
    pub kind: String,
    /// On Stripe's clock; whole seconds for snapshot events.
    pub created: Timestamp,
    /// The mode the event belongs to.
    pub livemode: Livemode,
    /// The API version the payload was rendered at; thin events have none.
    pub api_version: Option<String>,
    /// Id of the object the event is about (entitlement summaries have none: their customer stands in).
    pub object_id: Option<String>,
    /// `cus_…` of the customer concerned, where the payload names one; a guest's Checkout Session stands in for its customer.
    pub customer_id: Option<String>,
}

impl Envelope {
    /// Reads the envelope of a snapshot event (`object: "event"`) or of a thin one (`object: "v2.core.event"`).
    ///
    /// # Errors
    /// The path of the first field that is missing or of the wrong type.
    pub fn read(event: &Value) -> Result<Self, Missing> {
        let root = Reader::new(event);
        let id = root.string("id")?;
        let kind = root.string("type")?;
        let livemode = Livemode::from_bool(root.boolean("livemode")?);
        if root.opt_string("object").as_deref() == Some("v2.core.event") {
            let text = root.string("created")?;
            let created = Timestamp::parse(&text).ok_or_else(|| root.wrong("created", "an RFC 3339 time"))?;
            let object_id = root.at("related_object").and_then(|object| object.opt_string("id"));
            let customer_id = object_id.clone().filter(|id| id.starts_with("cus_"));
            return Ok(Self { id, kind, created, livemode, api_version: None, object_id, customer_id });
        }
        let created = root.secs("created")?;
        let object =
            root.at("data").and_then(|data| data.at("object")).ok_or_else(|| root.wrong("data.object", "an object"))?;
        let own_id = object.opt_string("id");
        let customer_id = if object.opt_string("object").as_deref() == Some("customer") {
            own_id.clone()
        } else {
            object.opt_reference("customer").or_else(|| own_id.clone().filter(|_| is_guests_purchase(&object)))
        };
        Ok(Self {
            id,
            kind,
            created,
            livemode,
            api_version: root.opt_string("api_version"),
            object_id: own_id.or_else(|| customer_id.clone()),
            customer_id,
        })
    }
}

/// The object that a thin event is about: its type and id are all that the event tells (docs.stripe.com/event-destinations).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelatedObject {
    /// Stripe's `object`, such as `checkout.session`.
    pub kind: String,
    /// Its id.
    pub id: String,
}

impl RelatedObject {
    /// Reads it from a thin event; some events are about none.
    ///
    /// # Errors
    /// When it lacks its type or id.
    pub fn read(event: &Value) -> Result<Option<Self>, Missing> {
        let related = Reader::new(event).at("related_object");
        related.map(|related| Ok(Self { kind: related.string("type")?, id: related.string("id")? })).transpose()
    }
}

/// A thin event's type as snapshot events have it: `v1.customer.updated` is about the same as `customer.updated`.
#[must_use]
pub fn plain_type(kind: &str) -> &str {
    kind.strip_prefix("v1.").unwrap_or(kind)
}

/// A completed one-time purchase whose buyer Stripe made no customer for.
fn is_guests_purchase(object: &Reader<'_>) -> bool {
    let is = |key: &str, word: &str| object.opt_string(key).as_deref() == Some(word);
    is("object", "checkout.session") && is("mode", "payment") && is("status", "complete")
}
