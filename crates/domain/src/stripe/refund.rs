//! Refunds. Source: docs.stripe.com/refunds; a refund that succeeded may still fail weeks later.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::json::{Missing, Reader};
use crate::Timestamp;

/// What decisions need of a refund.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// `re_…` or `pyr_…`
    pub id: String,
    /// `pi_…` of the payment.
    pub payment_intent_id: Option<String>,
    /// `ch_…` of the payment.
    pub charge_id: Option<String>,
    /// In the currency's smallest unit.
    pub amount: i64,
    /// `pending`, `requires_action`, `succeeded`, `failed` or `canceled`; an open set.
    pub status: String,
    /// When it was asked for.
    pub created: Option<Timestamp>,
}

impl Refund {
    /// Reads a refund.
    ///
    /// # Errors
    /// The path of the first needed field that is missing.
    pub fn read(object: &Value) -> Result<Self, Missing> {
        let root = Reader::new(object);
        let refund = Self {
            id: root.string("id")?,
            payment_intent_id: root.opt_reference("payment_intent"),
            charge_id: root.opt_reference("charge"),
            amount: root.int("amount")?,
            // Refunds of before 2016 may have none; they went through.
            status: root
                .nullable("status", "a string or null", Reader::opt_string)?
                .unwrap_or_else(|| "succeeded".to_owned()),
            created: root.opt_secs("created"),
        };
        if refund.payment_id().is_none() {
            return Err(root.wrong("payment_intent", "an id or an expanded object, here or in charge"));
        }
        Ok(refund)
    }

    /// The payment it belongs to: its payment intent, or else its charge.
    #[must_use]
    pub fn payment_id(&self) -> Option<&str> {
        self.payment_intent_id.as_deref().or(self.charge_id.as_deref())
    }

    /// The money stays where it was: failed or canceled, which is for ever.
    #[must_use]
    pub fn is_void(&self) -> bool {
        matches!(self.status.as_str(), "failed" | "canceled")
    }
}
