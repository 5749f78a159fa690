//! Invoices: one-time purchases outside of Checkout, and debits of subscriptions that failed.
//!
//! Old versions name the subscription in `subscription` and the payment in `payment_intent`; since 2025-03-31.basil they stand in
//! `parent.subscription_details` and `payments` (docs.stripe.com/changelog/basil).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::LineItem;
use super::json::{Missing, Reader};
use crate::Timestamp;

/// What decisions need of an invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    /// `in_…`
    pub id: String,
    /// `cus_…`, or the account that stands for it.
    pub customer_id: String,
    /// `draft`, `open`, `paid`, `uncollectible` or `void`.
    pub status: String,
    /// `sub_…` of the subscription it bills.
    pub subscription_id: Option<String>,
    /// Why it was made: `manual`, `subscription_cycle`, …
    pub billing_reason: Option<String>,
    /// What was paid, in the currency's smallest unit.
    pub amount_paid: i64,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When it was paid.
    pub paid_at: Option<Timestamp>,
    /// Whether collecting it was tried.
    pub attempted: bool,
    /// The lines with a price, prorations and credits left out.
    pub lines: Vec<LineItem>,
    /// Whether Stripe cut the lines (`lines.has_more`): then only a read tells all.
    pub lines_truncated: bool,
    /// `pi_…` (or `ch_…`) of its payments, as far as the payload names them.
    pub payment_ids: Vec<String>,
    /// Whether the payload would have named its payments.
    pub payments_known: bool,
}

impl Invoice {
    /// Reads an invoice.
    ///
    /// # Errors
    /// The path of the first needed field that is missing.
    pub fn read(object: &Value) -> Result<Self, Missing> {
        let root = Reader::new(object);
        let (list, lines_truncated) = root.list("lines")?;
        let subscription_id = billed_subscription(&root)?;
        let billing_reason = root.opt_string("billing_reason");
        let mut lines = vec![];
        // What a subscription's invoice sells, the subscription says.
        if !is_of_subscription(subscription_id.as_deref(), billing_reason.as_deref()) {
            for line in list {
                lines.extend(LineItem::of_invoice(&line)?);
            }
        }
        let is_old = object.get("payment_intent").is_some() || object.get("charge").is_some();
        let payments = root.at("payments");
        let mut payment_ids: Vec<String> =
            root.opt_reference("payment_intent").or_else(|| root.opt_reference("charge")).into_iter().collect();
        for payment in payments.iter().flat_map(|payments| payments.each("data")) {
            payment_ids.extend(payment_of(&payment)?);
        }
        payment_ids.sort_unstable();
        payment_ids.dedup();
        Ok(Self {
            id: root.string("id")?,
            customer_id: root
                .opt_reference("customer")
                .or_else(|| root.opt_reference("customer_account"))
                .ok_or_else(|| root.wrong("customer", "an id or an expanded object"))?,
            status: root.string("status")?,
            subscription_id,
            billing_reason,
            amount_paid: root.int("amount_paid")?,
            created: root.opt_secs("created"),
            paid_at: root.at("status_transitions").and_then(|transitions| transitions.opt_secs("paid_at")),
            attempted: root.boolean("attempted")?,
            lines,
            lines_truncated,
            payment_ids,
            payments_known: is_old || payments.is_some(),
        })
    }

    /// Paid, and for no subscription: what its lines sell was bought.
    #[must_use]
    pub fn is_purchase(&self) -> bool {
        self.status == "paid" && !self.is_of_subscription()
    }

    /// Bills a subscription, even where the payload does not say which.
    #[must_use]
    pub fn is_of_subscription(&self) -> bool {
        is_of_subscription(self.subscription_id.as_deref(), self.billing_reason.as_deref())
    }

    /// Nothing will be collected any more although it was tried: Stripe voids the invoice of a debit that failed late
    /// (docs.stripe.com/billing/subscriptions/overview).
    #[must_use]
    pub fn is_given_up(&self) -> bool {
        self.attempted && matches!(self.status.as_str(), "void" | "uncollectible")
    }

    /// Stripe never changes it again.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self.status.as_str(), "paid" | "void")
    }
}

fn is_of_subscription(subscription_id: Option<&str>, billing_reason: Option<&str>) -> bool {
    subscription_id.is_some() || billing_reason.is_some_and(|reason| reason.starts_with("subscription"))
}

/// The subscription an invoice bills. One of the two places is always there: a bill that lost it would pass for a sale.
fn billed_subscription(root: &Reader<'_>) -> Result<Option<String>, Missing> {
    if root.value().get("parent").is_none() {
        return root.nullable_reference("subscription");
    }
    let parent = root.nullable("parent", "an object or null", Reader::at)?;
    match parent.and_then(|parent| parent.at("subscription_details")) {
        Some(details) => details.reference("subscription").map(Some),
        None => Ok(None),
    }
}

/// The payment intent or charge behind an invoice's payment; money from outside of Stripe has neither.
fn payment_of(payment: &Reader<'_>) -> Result<Option<String>, Missing> {
    let Some(payment) = payment.at("payment") else { return Err(payment.wrong("payment", "an object")) };
    match payment.opt_string("type").as_deref() {
        Some(kind @ ("payment_intent" | "charge")) => payment.reference(kind).map(Some),
        _ => Ok(None),
    }
}

/// Which payment pays which invoice: Stripe's `invoice_payment`, since 2025-03-31.basil.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoicePayment {
    /// `in_…`
    pub invoice_id: String,
    /// `pi_…` or `ch_…`; payments outside of Stripe have none.
    pub payment_id: Option<String>,
}

impl InvoicePayment {
    /// Reads an invoice payment.
    ///
    /// # Errors
    /// When the invoice or the payment is missing.
    pub fn read(object: &Value) -> Result<Self, Missing> {
        let root = Reader::new(object);
        Ok(Self { invoice_id: root.reference("invoice")?, payment_id: payment_of(&root)? })
    }
}
