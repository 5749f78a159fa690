//! From rows to a user's one-time purchases: sessions and invoices, with whatever is known of the money behind them.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::access::{FailedDebit, PaymentFacts, PaymentState, PurchaseFacts, UserFacts};
use domain::stripe::{Charge, CheckoutSession, Dispute, Invoice, LineItem, Refund};
use domain::{Livemode, Timestamp};

use super::Conn;
use super::objects::PAYMENT_FAILED;
use super::rows::{Columns as _, DbRow, each_row, json};
use crate::Result;

/// Rows about purchases, in whatever order they come. Columns: `part`, `id`, `state`, `effect` (the payment of a charge, refund or
/// dispute), `since` (when a session was paid, when an invoice failed).
#[derive(Default)]
pub(super) struct Gathered {
    sessions: Vec<(CheckoutSession, Option<Timestamp>)>,
    invoices: Vec<(Invoice, Option<Timestamp>)>,
    /// Payments by invoice.
    payments: HashMap<String, Vec<String>>,
    /// By payment, then by object, since a session and its invoice may bring the same ones.
    charges: HashMap<String, BTreeMap<String, Charge>>,
    refunds: HashMap<String, BTreeMap<String, Refund>>,
    disputes: HashMap<String, BTreeMap<String, Dispute>>,
}

impl Gathered {
    /// Takes a row; false when it is about something else.
    pub(super) fn take(&mut self, part: &str, id: &str, row: &DbRow) -> Result<bool> {
        match part {
            "checkout_session" => {
                let session = json("checkout_session", "state", id, &row.text("state")?)?;
                self.sessions.push((session, row.opt_time("since")?));
            }
            "invoice" => {
                let invoice = json("invoice", "state", id, &row.text("state")?)?;
                self.invoices.push((invoice, row.opt_time("since")?));
            }
            "invoice_payment" => self.payments.entry(id.to_owned()).or_default().push(row.text("state")?),
            "charge" => keep(&mut self.charges, id, row)?,
            "refund" => keep(&mut self.refunds, id, row)?,
            "dispute" => keep(&mut self.disputes, id, row)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Makes facts of them.
    pub(super) fn add_to(self, facts: &mut UserFacts) {
        // A session that makes an invoice sells once.
        let of_sessions: HashSet<&str> =
            self.sessions.iter().filter_map(|(session, _)| session.invoice_id.as_deref()).collect();
        for (session, paid_at) in &self.sessions {
            if session.is_purchase() {
                facts.purchases.push(self.of_session(session, *paid_at));
            } else {
                facts.payment_pending |= session.is_payment_pending();
            }
        }
        for (invoice, failed_at) in &self.invoices {
            if invoice.is_purchase() {
                if !of_sessions.contains(invoice.id.as_str()) {
                    facts.purchases.push(self.of_invoice(invoice));
                }
            } else {
                note_failed_debit(facts, invoice, *failed_at);
            }
        }
        facts.purchases.sort_by(|a, b| a.id.cmp(&b.id));
    }

    fn of_session(&self, session: &CheckoutSession, paid_at: Option<Timestamp>) -> PurchaseFacts {
        let payment = self.payment(session.payment_intent_id.iter());
        let state = if session.is_paid() {
            let at = paid_at.or(payment.charged_at()).or(session.created);
            PaymentState::Paid { at: at.unwrap_or_default() }
        } else if session.payment_status == PAYMENT_FAILED || payment.has_failed() {
            PaymentState::Failed
        } else {
            PaymentState::Pending
        };
        PurchaseFacts {
            id: session.id.clone(),
            payer_id: session.payer_id().unwrap_or_default().to_owned(),
            state,
            // Until it is read what a session sells, the invoice it made tells the same.
            items: session.line_items.clone().or_else(|| self.lines_of(session.invoice_id.as_deref()?)),
            amount: session.amount_total,
            payment,
        }
    }

    fn lines_of(&self, invoice_id: &str) -> Option<Vec<LineItem>> {
        let (invoice, _) = self.invoices.iter().find(|(invoice, _)| invoice.id == invoice_id)?;
        (!invoice.lines_truncated).then(|| invoice.lines.clone())
    }

    fn of_invoice(&self, invoice: &Invoice) -> PurchaseFacts {
        let payment = self.payment(self.payments.get(&invoice.id).into_iter().flatten());
        let at = invoice.paid_at.or(payment.charged_at()).or(invoice.created);
        PurchaseFacts {
            id: invoice.id.clone(),
            payer_id: invoice.customer_id.clone(),
            state: PaymentState::Paid { at: at.unwrap_or_default() },
            items: (!invoice.lines_truncated).then(|| invoice.lines.clone()),
            amount: Some(invoice.amount_paid),
            payment,
        }
    }

    fn payment<'a>(&self, ids: impl Iterator<Item = &'a String>) -> PaymentFacts {
        let mut facts = PaymentFacts::default();
        for id in ids {
            facts.charges.extend(self.charges.get(id).into_iter().flat_map(BTreeMap::values).cloned());
            facts.refunds.extend(self.refunds.get(id).into_iter().flat_map(BTreeMap::values).cloned());
            facts.disputes.extend(self.disputes.get(id).into_iter().flat_map(BTreeMap::values).cloned());
        }
        facts.sort();
        facts
    }
}

fn keep<T: serde::de::DeserializeOwned>(
    kept: &mut HashMap<String, BTreeMap<String, T>>,
    id: &str,
    row: &DbRow,
) -> Result<()> {
    let object = json("payment_object", "state", id, &row.text("state")?)?;
    kept.entry(row.text("effect")?).or_default().insert(id.to_owned(), object);
    Ok(())
}

/// A failed debit counts while its invoice is the subscription's latest; of several the last one.
fn note_failed_debit(facts: &mut UserFacts, invoice: &Invoice, failed_at: Option<Timestamp>) {
    let at = failed_at.or(invoice.created).unwrap_or_default();
    let billed = facts.subscriptions.iter_mut().filter(|facts| {
        let subscription = &facts.subscription;
        invoice.subscription_id.as_ref() == Some(&subscription.id)
            && subscription.latest_invoice.as_ref().is_none_or(|latest| *latest == invoice.id)
    });
    for subscription in billed {
        if subscription.failed_debit.as_ref().is_none_or(|known| (known.at, &known.invoice_id) < (at, &invoice.id)) {
            subscription.failed_debit = Some(FailedDebit { invoice_id: invoice.id.clone(), at });
        }
    }
}

/// Everybody's rows, for the start.
pub(super) async fn everybodys(conn: &mut Conn) -> Result<HashMap<(Livemode, String), Gathered>> {
    let sql = "select 'checkout_session' as part, m.livemode, m.user_id, c.checkout_session_id as id, c.state,
                cast(null as text) as effect, c.paid_at as since
         from mapping m cross join checkout_session c
         where c.livemode = m.livemode and c.customer_id = m.customer_id
         union all
         select 'invoice', m.livemode, m.user_id, i.invoice_id, i.state, null, i.payment_failed_at
         from mapping m cross join invoice i
         where i.livemode = m.livemode and i.customer_id = m.customer_id and i.matters = true
         union all
         select 'invoice_payment', m.livemode, m.user_id, p.invoice_id, p.payment_id, null, null
         from mapping m cross join invoice i cross join invoice_payment p
         where i.livemode = m.livemode and i.customer_id = m.customer_id and i.matters = true
             and p.livemode = i.livemode and p.invoice_id = i.invoice_id
         union all
         select o.kind, m.livemode, m.user_id, o.object_id, o.state, o.payment_id, null
         from mapping m cross join checkout_session c cross join payment_object o
         where c.livemode = m.livemode and c.customer_id = m.customer_id
             and o.livemode = c.livemode and o.payment_id = c.payment_id
         union all
         select o.kind, m.livemode, m.user_id, o.object_id, o.state, o.payment_id, null
         from mapping m cross join invoice i cross join invoice_payment p cross join payment_object o
         where i.livemode = m.livemode and i.customer_id = m.customer_id and i.matters = true
             and p.livemode = i.livemode and p.invoice_id = i.invoice_id
             and o.livemode = p.livemode and o.payment_id = p.payment_id";
    let mut gathered: HashMap<(Livemode, String), Gathered> = HashMap::new();
    each_row(conn, sql, |row| {
        let user = gathered.entry((row.livemode()?, row.text("user_id")?)).or_default();
        user.take(&row.text("part")?, &row.text("id")?, row).map(drop)
    })
    .await?;
    Ok(gathered)
}
