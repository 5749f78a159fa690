//! Checkout Sessions. Source: docs.stripe.com/checkout/fulfillment.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::LineItem;
use super::json::{Missing, Reader};
use crate::Timestamp;

/// What decisions need of a Checkout Session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckoutSession {
    /// `cs_…`
    pub id: String,
    /// `subscription`, `payment` or `setup`.
    pub mode: String,
    /// `open`, `complete` or `expired`.
    pub status: Option<String>,
    /// `paid`, `unpaid` or `no_payment_required`.
    pub payment_status: String,
    /// `cus_…`; a guest's payment has none.
    pub customer_id: Option<String>,
    /// `sub_…` in mode `subscription` once complete.
    pub subscription_id: Option<String>,
    /// The host application's own reference: by convention its user id.
    pub client_reference_id: Option<String>,
    /// The user that metadata names.
    pub claimed_user: Option<String>,
    /// The e-mail address given at checkout.
    pub email: Option<String>,
    /// Where the buyer pays, while it is open.
    pub url: Option<String>,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// When it stops being open.
    pub expires_at: Option<Timestamp>,
    /// `pi_…` of its payment in mode `payment`.
    #[serde(default)]
    pub payment_intent_id: Option<String>,
    /// `in_…` when it also makes an invoice (`invoice_creation`, or a subscription's first).
    #[serde(default)]
    pub invoice_id: Option<String>,
    /// What it comes to, in the currency's smallest unit.
    #[serde(default)]
    pub amount_total: Option<i64>,
    /// What it sells. Events never have it: none until it was read from Stripe, whole.
    #[serde(default)]
    pub line_items: Option<Vec<LineItem>>,
}

impl CheckoutSession {
    /// Reads a Checkout Session.
    ///
    /// # Errors
    /// The path of the first needed field that is missing.
    pub fn read(object: &Value, metadata_keys: &[String]) -> Result<Self, Missing> {
        let root = Reader::new(object);
        let mode = root.string("mode")?;
        let line_items = match root.at("line_items").map(|_| root.list("line_items")).transpose()? {
            Some((lines, false)) => {
                let lines: Vec<_> = lines.iter().map(LineItem::read).collect::<Result<_, Missing>>()?;
                Some(lines.into_iter().flatten().collect())
            }
            // A part of them is not what was bought.
            Some((_, true)) | None => None,
        };
        // Refunds and disputes name the payment alone.
        let payment_intent_id = if mode == "payment" {
            root.nullable_reference("payment_intent")?
        } else {
            root.opt_reference("payment_intent")
        };
        Ok(Self {
            id: root.string("id")?,
            mode,
            status: root.nullable("status", "a string or null", Reader::opt_string)?,
            payment_status: root.string("payment_status")?,
            customer_id: root.nullable_reference("customer")?,
            subscription_id: root.opt_reference("subscription"),
            client_reference_id: root.opt_string("client_reference_id"),
            claimed_user: root.metadata(metadata_keys),
            email: root
                .at("customer_details")
                .and_then(|details| details.opt_string("email"))
                .or_else(|| root.opt_string("customer_email")),
            url: root.opt_string("url"),
            created: root.opt_secs("created"),
            expires_at: root.opt_secs("expires_at"),
            payment_intent_id,
            invoice_id: root.opt_reference("invoice"),
            amount_total: root.opt_int("amount_total"),
            line_items,
        })
    }

    /// A one-time purchase whose buyer went through to the end; its money may still be under way.
    #[must_use]
    pub fn is_purchase(&self) -> bool {
        self.mode == "payment" && self.status.as_deref() == Some("complete")
    }

    /// Whoever pays: the customer or, for a guest's purchase, the session itself, which stands in for the customer Stripe never made.
    #[must_use]
    pub fn payer_id(&self) -> Option<&str> {
        self.customer_id.as_deref().or_else(|| self.is_purchase().then_some(self.id.as_str()))
    }

    /// Fulfil when it is complete and this is anything but `unpaid` (docs.stripe.com/checkout/fulfillment).
    #[must_use]
    pub fn is_paid(&self) -> bool {
        self.status.as_deref() == Some("complete")
            && matches!(self.payment_status.as_str(), "paid" | "no_payment_required")
    }

    /// Complete, but the money of a delayed payment method has not arrived yet.
    #[must_use]
    pub fn is_payment_pending(&self) -> bool {
        self.status.as_deref() == Some("complete") && self.payment_status == "unpaid"
    }
}

/// Whether a payer is a guest: a Checkout Session that stands in for the customer Stripe never made.
#[must_use]
pub fn is_guest(payer_id: &str) -> bool {
    payer_id.starts_with("cs_")
}
