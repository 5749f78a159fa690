//! Checkout Sessions. Source: docs.stripe.com/checkout/fulfillment.

use serde::{Deserialize, Serialize};
use serde_json::Value;

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
}

impl CheckoutSession {
    /// Reads a Checkout Session.
    ///
    /// # Errors
    /// The path of the first needed field that is missing.
    pub fn read(object: &Value, metadata_keys: &[String]) -> Result<Self, Missing> {
        let root = Reader::new(object);
        Ok(Self {
            id: root.string("id")?,
            mode: root.string("mode")?,
            status: root.opt_string("status"),
            payment_status: root.string("payment_status")?,
            customer_id: root.opt_reference("customer"),
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
        })
    }

    /// Complete, but the money of a delayed payment method has not arrived yet.
    #[must_use]
    pub fn is_payment_pending(&self) -> bool {
        self.status.as_deref() == Some("complete") && self.payment_status == "unpaid"
    }
}
