//! Refunds and disputes of charges.

use serde_json::{Value, json};

use crate::error::Problem;
use crate::params::Params;
use crate::value::{id_of, int, text};
use crate::world::{Reply, World};

impl World {
    pub(crate) fn create_refund(&mut self, params: &Params) -> Reply {
        let charge = match (params.text("charge"), params.text("payment_intent")) {
            (Some(charge), _) => charge.to_owned(),
            (None, Some(intent)) => {
                let intent = self.referred("payment_intent", intent, "payment_intent")?;
                id_of(&intent["latest_charge"])
                    .ok_or_else(|| Problem::invalid("This PaymentIntent does not have a successful charge to refund."))?
                    .to_owned()
            }
            (None, None) => {
                return Err(Problem::invalid(
                    "One of the following params should be provided for this request: payment_intent or charge.",
                ));
            }
        };
        let before = self.referred("charge", &charge, "charge")?;
        let left = int(&before, "amount_captured") - int(&before, "amount_refunded");
        if left == 0 {
            return Err(
                Problem::invalid(format!("Charge {charge} has already been refunded.")).code("charge_already_refunded")
            );
        }
        let amount = params.int("amount")?.unwrap_or(left);
        if amount > left || amount < 1 {
            return Err(Problem::invalid(format!(
                "Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
            ))
            .param("amount"));
        }
        let refund = json!({
            "id": self.id("re"), "object": "refund", "amount": amount, "balance_transaction": self.id("txn"),
            "charge": charge, "created": self.now(), "currency": before["currency"], "destination_details": null,
            "metadata": params.metadata("metadata"), "payment_intent": before["payment_intent"],
            "payment_method": before["payment_method"], "reason": params.text("reason"), "receipt_number": null,
            "source_transfer_reversal": null, "status": "succeeded", "transfer_reversal": null,
            "customer": before["customer"], "customer_account": null,
        });
        let refund = self.store_new("refund.created", refund);
        let mut after = before.clone();
        after["amount_refunded"] = json!(int(&before, "amount_refunded") + amount);
        after["refunded"] = json!(amount == left);
        self.store_update("charge.refunded", &before, after);
        Ok(refund)
    }

    /// A refund that had succeeded comes back from the bank: `refund.failed` and its two twins, and the charge counts it no more.
    pub(crate) fn fail_refund(&mut self, id: &str) -> Reply {
        let before = self.retrieve("refund", id)?;
        let mut after = before.clone();
        after["status"] = json!("failed");
        after["failure_reason"] = json!("lost_or_stolen_card");
        if let Some(charge) = id_of(&before["charge"]).and_then(|id| self.find("charge", id)).cloned() {
            let mut kept = charge;
            kept["amount_refunded"] = json!(int(&kept, "amount_refunded") - int(&before, "amount"));
            kept["refunded"] = json!(false);
            self.put(kept);
        }
        let after = self.store_update("refund.updated", &before, after);
        self.emit("charge.refund.updated", &after, Some(json!({ "status": before["status"] })));
        self.emit("refund.failed", &after, None);
        Ok(after)
    }

    /// Opens a dispute about a charge; `status` as in docs.stripe.com/api/disputes/object.
    pub(crate) fn dispute(&mut self, charge: &str, status: &str) -> Reply {
        let before = self.retrieve("charge", charge)?;
        let dispute = json!({
            "id": self.id("du"), "object": "dispute", "amount": before["amount"], "balance_transactions": [],
            "charge": charge, "created": self.now(), "currency": before["currency"],
            "enhanced_eligibility_types": [], "evidence": {},
            "evidence_details": {
                "due_by": self.now() + 7 * 86_400, "enhanced_eligibility": {}, "has_evidence": false,
                "past_due": false, "submission_count": 0
            },
            "is_charge_refundable": status.starts_with("warning"), "livemode": self.livemode, "metadata": {},
            "payment_intent": before["payment_intent"], "payment_method_details": null, "reason": "fraudulent",
            "status": status,
        });
        let mut after = before;
        after["disputed"] = json!(true);
        self.put(after);
        let dispute = self.store_new("charge.dispute.created", dispute);
        if status == "needs_response" {
            self.emit("charge.dispute.funds_withdrawn", &dispute, None);
        }
        Ok(dispute)
    }

    /// The end of a dispute: `won` or `lost`; emits `charge.dispute.closed`.
    pub(crate) fn close_dispute(&mut self, id: &str, status: &str) -> Reply {
        let before = self.retrieve("dispute", id)?;
        let mut after = before.clone();
        after["status"] = Value::from(status);
        self.put(after.clone());
        self.emit("charge.dispute.closed", &after, Some(json!({ "status": text(&before, "status") })));
        Ok(after)
    }
}
