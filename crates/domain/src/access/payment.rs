//! The money behind a purchase: what came in, what went back, what is disputed.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::stripe::{Charge, Dispute, DisputeStanding, Refund};

/// Everything known about the payments of one purchase. Each object is the newest state that evidence tells of it; any of them may be
/// known before the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentFacts {
    /// The charges, failed ones included.
    pub charges: Vec<Charge>,
    /// The refunds, failed ones included.
    pub refunds: Vec<Refund>,
    /// The disputes.
    pub disputes: Vec<Dispute>,
}

impl PaymentFacts {
    fn succeeded(&self) -> impl Iterator<Item = &Charge> {
        self.charges.iter().filter(|charge| charge.status.as_deref().is_none_or(|status| status == "succeeded"))
    }

    /// What came in, in the currency's smallest unit; none while no charge is known.
    #[must_use]
    pub fn amount(&self) -> Option<i64> {
        let amount: i64 = self.succeeded().map(|charge| charge.amount).sum();
        (amount > 0).then_some(amount)
    }

    /// Whether every charge for it was refused: where the event that said so was lost, a read of the charges still tells.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        let refused = |charge: &Charge| charge.status.as_deref() == Some("failed");
        !self.charges.is_empty() && self.charges.iter().all(refused)
    }

    /// When the money was taken: the first charge that went through.
    #[must_use]
    pub fn charged_at(&self) -> Option<Timestamp> {
        self.succeeded().filter_map(|charge| charge.created).min()
    }

    /// What went back, in the currency's smallest unit.
    ///
    /// A charge counts its refunds, though not reliably those that failed since; single refunds may not have been heard of. So it is
    /// the larger of the refunds that are known to stand, and what the charges count less the refunds that are known to have failed.
    #[must_use]
    pub fn refunded(&self) -> i64 {
        let sum = |void: bool| self.refunds.iter().filter(|r| r.is_void() == void).map(|r| r.amount).sum::<i64>();
        let counted: i64 = self.charges.iter().map(|charge| charge.amount_refunded).sum();
        sum(false).max(counted - sum(true))
    }

    /// When the newest refund that stands was asked for.
    #[must_use]
    pub fn refunded_at(&self) -> Option<Timestamp> {
        self.refunds.iter().filter(|refund| !refund.is_void()).filter_map(|refund| refund.created).max()
    }

    /// The dispute that weighs most: a lost one, then an open one, then an inquiry; settled ones do not count.
    #[must_use]
    pub fn dispute(&self) -> Option<(&Dispute, DisputeStanding)> {
        let weight = |standing| match standing {
            DisputeStanding::Lost => 3,
            DisputeStanding::Open => 2,
            DisputeStanding::Inquiry => 1,
            DisputeStanding::Settled => 0,
        };
        let standing = self.disputes.iter().map(|dispute| (dispute, dispute.standing()));
        standing
            .filter(|(_, standing)| *standing != DisputeStanding::Settled)
            .max_by_key(|(dispute, standing)| (weight(*standing), dispute.created, &dispute.id))
    }

    /// The same facts in one order, however they were gathered.
    pub fn sort(&mut self) {
        self.charges.sort_by(|a, b| a.id.cmp(&b.id));
        self.refunds.sort_by(|a, b| a.id.cmp(&b.id));
        self.disputes.sort_by(|a, b| a.id.cmp(&b.id));
    }
}
