//! Disputes. Source: docs.stripe.com/disputes/how-disputes-work and docs.stripe.com/api/disputes/object.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::json::{Missing, Reader};
use crate::Timestamp;

/// How a dispute stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisputeStanding {
    /// A question of the bank's (`warning_…`): no money moved.
    Inquiry,
    /// The money is held back until it is decided.
    Open,
    /// Decided for the buyer.
    Lost,
    /// Over, and the money is where it was: won, an inquiry that went nowhere, or prevented.
    Settled,
}

/// What decisions need of a dispute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// `du_…` or `dp_…`
    pub id: String,
    /// `pi_…` of the payment.
    pub payment_intent_id: Option<String>,
    /// `ch_…` of the payment.
    pub charge_id: Option<String>,
    /// In the currency's smallest unit.
    pub amount: i64,
    /// Stripe's word; an open set.
    pub status: String,
    /// When it was opened.
    pub created: Option<Timestamp>,
}

impl Dispute {
    /// Reads a dispute.
    ///
    /// # Errors
    /// The path of the first needed field that is missing.
    pub fn read(object: &Value) -> Result<Self, Missing> {
        let root = Reader::new(object);
        let dispute = Self {
            id: root.string("id")?,
            payment_intent_id: root.opt_reference("payment_intent"),
            charge_id: root.opt_reference("charge"),
            amount: root.int("amount")?,
            status: root.string("status")?,
            created: root.opt_secs("created"),
        };
        if dispute.payment_id().is_none() {
            return Err(root.wrong("payment_intent", "an id or an expanded object, here or in charge"));
        }
        Ok(dispute)
    }

    /// The payment it belongs to: its payment intent, or else its charge.
    #[must_use]
    pub fn payment_id(&self) -> Option<&str> {
        self.payment_intent_id.as_deref().or(self.charge_id.as_deref())
    }

    /// What its status means; an unknown word is taken for open, which a person sees.
    #[must_use]
    pub fn standing(&self) -> DisputeStanding {
        match self.status.as_str() {
            "warning_needs_response" | "warning_under_review" => DisputeStanding::Inquiry,
            "won" | "warning_closed" | "prevented" => DisputeStanding::Settled,
            "lost" => DisputeStanding::Lost,
            _ => DisputeStanding::Open,
        }
    }

    /// Decided: Stripe does not open it again.
    #[must_use]
    pub fn is_decided(&self) -> bool {
        matches!(self.status.as_str(), "won" | "lost" | "prevented")
    }
}
