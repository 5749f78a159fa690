//! One-time purchases: what they give, for how long, and what refunds and disputes leave of it.
//!
//! Source: docs.stripe.com/checkout/fulfillment, docs.stripe.com/refunds, docs.stripe.com/disputes.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::payment::PaymentFacts;
use super::{Decision, DisputePolicy, PaymentPolicy, Policy, Reason, RefundPolicy, Source, UserFacts};
use crate::Timestamp;
use crate::catalog::{Catalog, FeatureGrant, FeatureType};
use crate::stripe::{Dispute, DisputeStanding, LineItem};

/// Whether the money of a purchase has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentState {
    /// It came (or none was due), at this moment.
    Paid {
        /// From here a duration counts.
        at: Timestamp,
    },
    /// A delayed payment method is still under way.
    Pending,
    /// The delayed payment failed for good.
    Failed,
}

/// A completed Checkout Session of mode `payment`, or a paid invoice of no subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurchaseFacts {
    /// `cs_…` or `in_…`
    pub id: String,
    /// `cus_…`, or the session itself for a guest.
    pub payer_id: String,
    /// Whether the money has come.
    pub state: PaymentState,
    /// What was bought; none until it was read from Stripe.
    pub items: Option<Vec<LineItem>>,
    /// What it came to, in the currency's smallest unit.
    pub amount: Option<i64>,
    /// The money behind it.
    pub payment: PaymentFacts,
}

/// How a purchase stands, durations apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PurchaseStanding<'a> {
    /// Paid, and it stays so.
    Good {
        /// When it was paid.
        paid_at: Timestamp,
        /// What a person should know all the same.
        flag: Option<PurchaseFlag<'a>>,
    },
    /// Not (or no longer) paid for.
    Bad {
        /// `payment_pending`, `refunded`, `disputed` or, when the payment failed, `no_payment`.
        reason: Reason,
        /// Since when, if that is known.
        since: Option<Timestamp>,
    },
}

/// What changes nothing and should still be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PurchaseFlag<'a> {
    /// Money went back, and the policy keeps access.
    Refunded {
        /// How much, in the currency's smallest unit.
        refunded: i64,
        /// Of how much.
        amount: Option<i64>,
    },
    /// A dispute is open, asked about or lost, and the policy keeps access.
    Disputed(&'a Dispute),
}

impl PurchaseFacts {
    /// What came in, or what should have.
    #[must_use]
    pub fn total(&self) -> Option<i64> {
        self.payment.amount().or(self.amount)
    }

    /// Whether all of it went back.
    #[must_use]
    pub fn is_refunded(&self) -> bool {
        self.total().is_some_and(|total| total > 0 && self.payment.refunded() >= total)
    }

    /// Judges the purchase.
    #[must_use]
    pub fn standing(&self, policy: &PaymentPolicy) -> PurchaseStanding<'_> {
        let bad = |reason, since| PurchaseStanding::Bad { reason, since };
        let paid_at = match self.state {
            PaymentState::Paid { at } => at,
            PaymentState::Pending => return bad(Reason::PaymentPending, None),
            PaymentState::Failed => return bad(Reason::NoPayment, None),
        };
        let dispute = self.payment.dispute();
        if let Some((dispute, standing)) = dispute {
            let denies = match policy.dispute {
                DisputePolicy::Keep => false,
                DisputePolicy::Flag => standing == DisputeStanding::Lost,
                DisputePolicy::Suspend => matches!(standing, DisputeStanding::Lost | DisputeStanding::Open),
            };
            if denies {
                return bad(Reason::Disputed, dispute.created);
            }
        }
        let refunded = self.payment.refunded();
        let denies = match policy.refund {
            RefundPolicy::Keep => false,
            RefundPolicy::Full => self.is_refunded(),
            RefundPolicy::Any => refunded > 0,
        };
        if denies {
            return bad(Reason::Refunded, self.payment.refunded_at());
        }
        let flag = match dispute {
            Some((dispute, _)) => Some(PurchaseFlag::Disputed(dispute)),
            None => (refunded > 0).then(|| PurchaseFlag::Refunded { refunded, amount: self.total() }),
        };
        PurchaseStanding::Good { paid_at, flag }
    }

    /// The word for it in a decision's sources.
    fn status(&self, standing: &PurchaseStanding<'_>) -> &'static str {
        match standing {
            PurchaseStanding::Good { flag: None, .. } => "paid",
            PurchaseStanding::Good { flag: Some(PurchaseFlag::Disputed(_)), .. } => "disputed",
            PurchaseStanding::Good { flag: Some(PurchaseFlag::Refunded { .. }), .. } if self.is_refunded() => {
                "refunded"
            }
            PurchaseStanding::Good { flag: Some(PurchaseFlag::Refunded { .. }), .. } => "partially_refunded",
            PurchaseStanding::Bad { reason: Reason::Disputed, .. } => "disputed",
            PurchaseStanding::Bad { reason: Reason::Refunded, .. } if self.is_refunded() => "refunded",
            PurchaseStanding::Bad { reason: Reason::Refunded, .. } => "partially_refunded",
            PurchaseStanding::Bad { reason: Reason::PaymentPending, .. } => "unpaid",
            PurchaseStanding::Bad { .. } => "failed",
        }
    }

    fn source(&self, status: &str, until: Option<Timestamp>, value: Option<i64>) -> Source {
        Source { kind: "purchase".to_owned(), id: self.id.clone(), status: status.to_owned(), until, value }
    }
}

/// What going through the purchases brought to light.
#[derive(Default)]
pub(super) struct Bought {
    giving: Vec<Gift>,
    /// Would give the feature, or may: the nearest first once sorted.
    refused: Vec<(Reason, Source)>,
    /// In good standing, without the feature.
    without: Vec<Source>,
    gives_something: bool,
    /// Whether what was paid for gives, or gave, anything.
    is_in_catalog: bool,
}

/// One purchase that gives the feature.
struct Gift {
    source: Source,
    /// Credits among the source's value.
    credits: Option<i64>,
    /// Whether it gives the feature in other ways than credits.
    outright: bool,
}

impl Bought {
    pub(super) fn of(
        facts: &UserFacts,
        catalog: &Catalog,
        policy: &Policy,
        feature: Option<&str>,
        now: Timestamp,
    ) -> Self {
        let mut bought = Self::default();
        for purchase in &facts.purchases {
            bought.take(purchase, catalog, policy, feature, now);
        }
        bought.refused.sort_by(nearest_first);
        bought
    }

    fn take(
        &mut self,
        purchase: &PurchaseFacts,
        catalog: &Catalog,
        policy: &Policy,
        feature: Option<&str>,
        now: Timestamp,
    ) {
        let standing = purchase.standing(&policy.payments);
        let status = purchase.status(&standing);
        let Some(items) = &purchase.items else {
            // Nobody knows yet what it holds; where it counts, that is about to be read.
            if matches!(
                standing,
                PurchaseStanding::Good { .. } | PurchaseStanding::Bad { reason: Reason::PaymentPending, .. }
            ) {
                self.refused.push((Reason::PaymentPending, purchase.source(status, None, None)));
            }
            return;
        };
        let grants = || {
            items.iter().flat_map(|item| {
                let grants = catalog.grants(&item.price_id, item.product_id.as_deref());
                grants.map(move |grant| (item, grant))
            })
        };
        let mut wanted = grants().filter(|(_, grant)| feature.is_none_or(|key| grant.feature == key)).peekable();
        let paid_at = match standing {
            PurchaseStanding::Good { paid_at, .. } => paid_at,
            PurchaseStanding::Bad { reason, since } => {
                if wanted.peek().is_some() {
                    self.refused.push((reason, purchase.source(status, since, None)));
                }
                return;
            }
        };
        let end = |grant: &FeatureGrant| grant.duration.map(|term| paid_at.plus_millis(term.millis()));
        self.is_in_catalog |= grants().next().is_some();
        self.gives_something |= grants().any(|(_, grant)| end(grant).is_none_or(|end| now < end));
        if wanted.peek().is_none() {
            self.without.push(purchase.source(status, None, None));
            return;
        }
        let mut good: Option<Gift> = None;
        let mut expired: Option<Timestamp> = None;
        for (item, grant) in wanted {
            let end = end(grant);
            if let Some(end) = end.filter(|end| *end <= now) {
                expired = expired.max(Some(end));
                continue;
            }
            let credits = grant.credits.map(|credits| credits.saturating_mul(item.quantity.max(0)));
            // As with subscriptions, a limit without a number is the quantity that was bought.
            let value = || grant.value.or_else(|| is_limit(catalog, feature).then_some(item.quantity));
            let (credits, value) = match (feature, grant.credits) {
                (None, _) => (None, None),
                (Some(_), Some(_)) => (credits, None),
                (Some(_), None) => (None, value()),
            };
            let gift = good.get_or_insert_with(|| Gift {
                source: purchase.source(status, end, None),
                credits: None,
                outright: false,
            });
            gift.source.until = super::decide::later(gift.source.until, end);
            gift.source.value = gift.source.value.max(value);
            gift.credits = match (gift.credits, credits) {
                (Some(a), Some(b)) => Some(a.saturating_add(b)),
                (a, b) => a.or(b),
            };
            gift.outright |= grant.credits.is_none();
        }
        match good {
            Some(mut gift) => {
                gift.source.value = gift.source.value.max(gift.credits);
                self.giving.push(gift);
            }
            None => self.refused.push((Reason::PurchaseExpired, purchase.source("expired", expired, None))),
        }
    }

    pub(super) const fn gives(&self) -> bool {
        !self.giving.is_empty()
    }

    pub(super) const fn gives_something(&self) -> bool {
        self.gives_something
    }

    /// Credits of several purchases add up; of other numbers the highest counts.
    fn value(&self) -> Option<i64> {
        let credits = self.giving.iter().filter_map(|gift| gift.credits).reduce(i64::saturating_add);
        self.giving.iter().filter_map(|gift| gift.source.value).max().max(credits)
    }

    pub(super) fn into_allowed(self) -> Decision {
        let outright = self.giving.iter().any(|gift| gift.outright);
        let reason = if outright { Reason::Purchase } else { Reason::Credits };
        let none = Decision { allowed: true, reason, until: None, value: None, sources: vec![] };
        self.added_to(none)
    }

    /// The decision with these purchases as further sources.
    pub(super) fn added_to(self, mut decision: Decision) -> Decision {
        decision.value = decision.value.max(self.value());
        let first = decision.sources.is_empty();
        let mut sources: Vec<Source> = self.giving.into_iter().map(|gift| gift.source).collect();
        sources.sort_by(super::decide::longest_first);
        for source in &sources {
            decision.until = super::decide::later(decision.until, source.until);
        }
        if first {
            decision.until = sources.first().and_then(|source| source.until);
        }
        decision.sources.append(&mut sources);
        decision
    }

    /// Why the purchases do not give it, when one of them would; `waits` asks for those whose money is still to come alone.
    pub(super) fn refusal(&self, waits: bool) -> Option<Decision> {
        let (reason, _) = self.refused.first()?;
        let is_told = !waits || *reason == Reason::PaymentPending;
        is_told.then(|| super::decide::denied_for(*reason, self.refused.iter().map(|(_, source)| source.clone())))
    }

    /// They are in good standing and give other things, or nothing.
    pub(super) fn elsewhere(self) -> Option<Decision> {
        let reason = if self.is_in_catalog { Reason::NotInPlan } else { Reason::PriceNotInCatalog };
        (!self.without.is_empty()).then(|| super::decide::denied_for(reason, self.without))
    }
}

fn is_limit(catalog: &Catalog, feature: Option<&str>) -> bool {
    let known = feature.and_then(|key| catalog.features.get(key));
    known.is_some_and(|feature| feature.kind == FeatureType::Limit)
}

/// What may still come says most, then whatever ended last; a payment that failed says least.
fn nearest_first(a: &(Reason, Source), b: &(Reason, Source)) -> Ordering {
    let rank = |reason: Reason| match reason {
        Reason::PaymentPending => 0,
        Reason::NoPayment => 2,
        _ => 1,
    };
    rank(a.0).cmp(&rank(b.0)).then_with(|| b.1.until.cmp(&a.1.until)).then_with(|| b.1.id.cmp(&a.1.id))
}
