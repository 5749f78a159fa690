//! Charges: how much of a payment came in, and how much of it went back. Source: docs.stripe.com/api/charges/object.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::json::{Missing, Reader};
use crate::Timestamp;

/// What decisions need of a charge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// `ch_…` or `py_…`
    pub id: String,
    /// `pi_…`; charges made without a payment intent have none.
    pub payment_intent_id: Option<String>,
    /// `cus_…`; a guest's has none.
    pub customer_id: Option<String>,
    /// What was asked for, in the currency's smallest unit.
    pub amount: i64,
    /// What of it was refunded, refunds that have failed since perhaps included.
    pub amount_refunded: i64,
    /// `succeeded`, `pending` or `failed`.
    pub status: Option<String>,
    /// When it was made.
    pub created: Option<Timestamp>,
}

impl Charge {
    /// Reads a charge.
    ///
    /// # Errors
    /// The path of the first needed field that is missing.
    pub fn read(object: &Value) -> Result<Self, Missing> {
        let root = Reader::new(object);
        let amount =
            root.opt_int("amount_captured").filter(|captured| *captured > 0).or_else(|| root.opt_int("amount"));
        Ok(Self {
            id: root.string("id")?,
            payment_intent_id: root.nullable_reference("payment_intent")?,
            customer_id: root.opt_reference("customer"),
            amount: amount.ok_or_else(|| root.wrong("amount", "a whole number"))?,
            amount_refunded: root.int("amount_refunded")?,
            status: root.opt_string("status"),
            created: root.opt_secs("created"),
        })
    }

    /// The payment it belongs to: its payment intent, or itself.
    #[must_use]
    pub fn payment_id(&self) -> &str {
        self.payment_intent_id.as_deref().unwrap_or(&self.id)
    }
}
