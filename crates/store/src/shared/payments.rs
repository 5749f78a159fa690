//! Evidence about the money of purchases: invoices, charges, refunds, disputes. Each object is kept with evidence of its own, whether or
//! not it is known yet what it paid for: what belongs together is found when facts are read.

use std::collections::HashSet;

use domain::event::plain_type;
use domain::evidence::Order;
use domain::stripe::json::{Missing, Reader};
use domain::stripe::{Charge, Dispute, Invoice, InvoicePayment, Refund};
use domain::{Livemode, Timestamp, evidence};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::QueryBuilder;

use super::dialect::Db;
use super::objects::{Applied, Evidence, Stored, Use, unreadable, weigh};
use super::rows::{Columns as _, json, to_json};
use super::write::Write;
use super::{Conn, note_field};
use crate::records::{Effects, Snapshot};
use crate::{Error, Result};

const LINES_MISSING: &str = "What the invoice sells, or how it was paid, is not in the event.";

/// What charges, refunds and disputes have in common.
trait PaymentObject: Serialize + DeserializeOwned + Sized {
    const KIND: &'static str;
    fn read_from(object: &Value) -> Result<Self, Missing>;
    fn id(&self) -> &str;
    fn payment_id(&self) -> &str;
    /// Whether Stripe never changes it again.
    fn is_final(&self) -> bool;
    /// Of two states that no evidence can order, the one that says more.
    fn settle(self, _other: &Self) -> Self {
        self
    }
    fn note(before: Option<&Self>, after: &Self, effects: &mut Effects);
}

impl PaymentObject for Charge {
    const KIND: &'static str = "charge";

    fn read_from(object: &Value) -> Result<Self, Missing> {
        Self::read(object)
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn payment_id(&self) -> &str {
        self.payment_id()
    }

    fn is_final(&self) -> bool {
        false
    }

    /// Refunds of one second add up.
    fn settle(self, other: &Self) -> Self {
        Self { amount_refunded: self.amount_refunded.max(other.amount_refunded), ..self }
    }

    fn note(before: Option<&Self>, after: &Self, effects: &mut Effects) {
        let refunded = |charge: &Self| charge.amount_refunded.to_string();
        note_field(effects, &after.id, "amount_refunded", before.map(refunded), Some(refunded(after)));
    }
}

impl PaymentObject for Refund {
    const KIND: &'static str = "refund";

    fn read_from(object: &Value) -> Result<Self, Missing> {
        Self::read(object)
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn payment_id(&self) -> &str {
        self.payment_id().unwrap_or_default()
    }

    fn is_final(&self) -> bool {
        self.is_void()
    }

    fn note(before: Option<&Self>, after: &Self, effects: &mut Effects) {
        note_field(effects, &after.id, "status", before.map(|r| r.status.clone()), Some(after.status.clone()));
        let amount = |refund: &Self| refund.amount.to_string();
        note_field(effects, &after.id, "amount", before.map(amount), Some(amount(after)));
    }
}

impl PaymentObject for Dispute {
    const KIND: &'static str = "dispute";

    fn read_from(object: &Value) -> Result<Self, Missing> {
        Self::read(object)
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn payment_id(&self) -> &str {
        self.payment_id().unwrap_or_default()
    }

    fn is_final(&self) -> bool {
        self.is_decided()
    }

    fn note(before: Option<&Self>, after: &Self, effects: &mut Effects) {
        note_field(effects, &after.id, "status", before.map(|d| d.status.clone()), Some(after.status.clone()));
    }
}

/// Takes a charge, a refund or a dispute in.
async fn apply<T: PaymentObject>(
    conn: &mut Conn,
    evidence: &Evidence<'_>,
    object: T,
    effects: &mut Effects,
) -> Result<Applied> {
    let id = object.id().to_owned();
    let row = sqlx::query(
        "select state, evidence_at, evidence_event_id, updated_at from payment_object where livemode = $1 and object_id = $2",
    )
    .bind(evidence.livemode.is_live())
    .bind(&id)
    .fetch_optional(&mut *conn)
    .await?;
    let mut before: Option<T> = None;
    let mut applied = Applied::default();
    let mut after = object;
    let mut at = evidence.at;
    let mut event_id = evidence.origin.event_id().map(str::to_owned);
    if let Some(row) = &row {
        let stored = Stored::read(row)?;
        let known: T = json("payment_object", "state", &id, &row.text("state")?)?;
        let decision;
        (decision, applied) = weigh(conn, evidence, &id, Some(&stored), (known.is_final(), after.is_final())).await?;
        let unsure = applied.needs_read
            && event_id.is_some()
            && evidence::compare(Some(stored.at), evidence.at) == Order::Undecidable;
        match decision {
            Use::Apply => {}
            Use::ApplyOther(witness) => {
                after = T::read_from(&witness.object).map_err(|missing| unreadable(&witness.event_id, &missing))?;
                event_id = Some(witness.event_id);
            }
            Use::Keep if unsure => {
                after = json::<T>("payment_object", "state", &id, &row.text("state")?)?.settle(&after);
                event_id.clone_from(&stored.event_id);
            }
            Use::Keep => return Ok(applied),
        }
        if unsure {
            after = after.settle(&known);
        }
        // The clock of the evidence never runs back.
        if evidence.origin.event_id().is_some() {
            at = at.max(stored.at);
        }
        before = Some(known);
    }
    T::note(before.as_ref(), &after, effects);
    sqlx::query(
        "insert into payment_object (livemode, object_id, kind, payment_id, state, evidence_at, evidence_event_id, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (livemode, object_id) do update
            set payment_id = excluded.payment_id, state = excluded.state, evidence_at = excluded.evidence_at,
                evidence_event_id = excluded.evidence_event_id, updated_at = excluded.updated_at",
    )
    .bind(evidence.livemode.is_live())
    .bind(&id)
    .bind(T::KIND)
    .bind(after.payment_id())
    .bind(to_json(&after))
    .bind(at.millis())
    .bind(event_id)
    .bind(evidence.known_at.millis())
    .execute(conn)
    .await?;
    Ok(applied)
}

/// Takes a charge in, with the refunds that old API versions embed in it.
async fn apply_charge(
    conn: &mut Conn,
    evidence: &Evidence<'_>,
    charge: Charge,
    refunds: Vec<Refund>,
    effects: &mut Effects,
) -> Result<Applied> {
    let (charge_id, payment_id) = (charge.id.clone(), charge.payment_id().to_owned());
    let mut applied = apply(conn, evidence, charge, effects).await?;
    for mut refund in refunds {
        refund.charge_id.get_or_insert_with(|| charge_id.clone());
        applied.needs_read |= apply(conn, evidence, refund, effects).await?.needs_read;
    }
    // What named the charge alone belongs to the charge's payment.
    sqlx::query(
        "update payment_object set payment_id = $3 where livemode = $1 and payment_id = $2 and payment_id <> $3",
    )
    .bind(evidence.livemode.is_live())
    .bind(&charge_id)
    .bind(&payment_id)
    .execute(conn)
    .await?;
    Ok(applied)
}

/// A charge and the refunds embedded in it.
fn read_charge(object: &Value) -> Result<(Charge, Vec<Refund>), Missing> {
    let charge = Charge::read(object)?;
    let root = Reader::new(object);
    let embedded = root.at("refunds").map(|list| list.each("data")).unwrap_or_default();
    let mut refunds = vec![];
    for refund in &embedded {
        let mut value = refund.value().clone();
        if value.get("charge").is_none_or(Value::is_null) {
            value["charge"] = Value::from(charge.id.as_str());
        }
        refunds.push(Refund::read(&value)?);
    }
    for refund in &mut refunds {
        refund.payment_intent_id = refund.payment_intent_id.take().or_else(|| charge.payment_intent_id.clone());
    }
    Ok((charge, refunds))
}

/// Takes an invoice in: purchases and failed debits are kept, paid bills of subscriptions leave no row.
async fn apply_invoice(
    conn: &mut Conn,
    evidence: &Evidence<'_>,
    mut invoice: Invoice,
    failed: bool,
    effects: &mut Effects,
) -> Result<Applied> {
    let row = sqlx::query(
        "select state, matters, payment_failed_at, evidence_at, evidence_event_id, updated_at
         from invoice where livemode = $1 and invoice_id = $2",
    )
    .bind(evidence.livemode.is_live())
    .bind(&invoice.id)
    .fetch_optional(&mut *conn)
    .await?;
    let is_event = evidence.origin.event_id().is_some();
    let mut failed_at = failed.then_some(evidence.at);
    let mut applied = Applied::default();
    let mut before: Option<Invoice> = None;
    let mut mattered = false;
    let mut told = Stored {
        at: evidence.at,
        event_id: evidence.origin.event_id().map(str::to_owned),
        known_at: evidence.known_at,
    };
    link(conn, evidence.livemode, &invoice.id, &invoice.payment_ids).await?;
    if let Some(row) = &row {
        let stored = Stored::read(row)?;
        let known: Invoice = json("invoice", "state", &invoice.id, &row.text("state")?)?;
        mattered = row.flag("matters")?;
        // Only an event says that a debit failed, so a late one is still heard.
        failed_at = [failed_at, row.opt_time("payment_failed_at")?].into_iter().flatten().min();
        let decision;
        (decision, applied) =
            weigh(conn, evidence, &invoice.id, Some(&stored), (known.is_final(), invoice.is_final())).await?;
        let payments_known = invoice.payments_known || known.payments_known;
        match decision {
            Use::Apply => {}
            Use::ApplyOther(witness) => {
                invoice = Invoice::read(&witness.object).map_err(|missing| unreadable(&witness.event_id, &missing))?;
                told.event_id = Some(witness.event_id);
            }
            Use::Keep => {
                invoice = known.clone();
                told = stored;
            }
        }
        if invoice.lines_truncated && !known.lines_truncated {
            invoice.lines.clone_from(&known.lines);
            invoice.lines_truncated = false;
        }
        invoice.payments_known |= payments_known;
        invoice.subscription_id = invoice.subscription_id.take().or_else(|| known.subscription_id.clone());
        if is_event {
            told.at = told.at.max(row.time("evidence_at")?);
        }
        before = Some(known);
    } else if failed && was_paid(conn, evidence.livemode, &invoice.id).await? {
        return Ok(applied);
    }
    if invoice.status == "paid" {
        failed_at = None;
    }
    let counts = invoice.is_purchase() || invoice.status != "paid" && (failed_at.is_some() || invoice.is_given_up());
    if !counts && row.is_none() {
        return Ok(applied);
    }
    if counts || mattered {
        let status = before.as_ref().filter(|_| mattered).map(|invoice| invoice.status.clone());
        note_field(effects, &invoice.id, "status", status, Some(invoice.status.clone()));
        let known = row.as_ref().map(|row| row.opt_time("payment_failed_at")).transpose()?.flatten();
        let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
        note_field(effects, &invoice.id, "payment_failed_at", time(known), time(failed_at));
    }
    let is_bare = invoice.lines_truncated || (!invoice.payments_known && invoice.amount_paid > 0);
    if is_event && invoice.is_purchase() && is_bare {
        applied = Applied { note: Some(LINES_MISSING), needs_read: true };
    }
    sqlx::query(
        "insert into invoice (livemode, invoice_id, customer_id, matters, state, payment_failed_at, evidence_at, evidence_event_id, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (livemode, invoice_id) do update
            set customer_id = excluded.customer_id, matters = excluded.matters, state = excluded.state,
                payment_failed_at = excluded.payment_failed_at, evidence_at = excluded.evidence_at,
                evidence_event_id = excluded.evidence_event_id, updated_at = excluded.updated_at",
    )
    .bind(evidence.livemode.is_live())
    .bind(&invoice.id)
    .bind(&invoice.customer_id)
    .bind(counts)
    .bind(to_json(&invoice))
    .bind(failed_at.map(Timestamp::millis))
    .bind(told.at.millis())
    .bind(told.event_id)
    .bind(told.known_at.millis())
    .execute(conn)
    .await?;
    Ok(applied)
}

/// Whether an event already told that the invoice was paid. Its row was not kept, since it changed nothing.
async fn was_paid(conn: &mut Conn, livemode: Livemode, invoice_id: &str) -> Result<bool> {
    let kinds: Vec<String> = sqlx::query_scalar("select kind from event where livemode = $1 and object_id = $2")
        .bind(livemode.is_live())
        .bind(invoice_id)
        .fetch_all(conn)
        .await?;
    Ok(kinds.iter().any(|kind| matches!(plain_type(kind), "invoice.paid" | "invoice.payment_succeeded")))
}

async fn link(conn: &mut Conn, livemode: Livemode, invoice_id: &str, payment_ids: &[String]) -> Result<()> {
    for payment_id in payment_ids {
        sqlx::query(
            "insert into invoice_payment (livemode, invoice_id, payment_id) values ($1, $2, $3)
             on conflict (livemode, invoice_id, payment_id) do nothing",
        )
        .bind(livemode.is_live())
        .bind(invoice_id)
        .bind(payment_id)
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

impl Write<'_> {
    /// Takes in an event about the money of purchases; none for a type that no rule uses.
    pub(super) async fn take_in_payment(
        &mut self,
        kind: &str,
        object: &Value,
        evidence: &Evidence<'_>,
        effects: &mut Effects,
    ) -> Result<Option<Result<Applied, Missing>>> {
        let conn = self.conn();
        Ok(Some(match kind {
            "charge.refunded" => match read_charge(object) {
                Ok((charge, refunds)) => Ok(apply_charge(conn, evidence, charge, refunds, effects).await?),
                Err(missing) => Err(missing),
            },
            "charge.refund.updated" | "refund.created" | "refund.updated" | "refund.failed" => {
                match Refund::read(object) {
                    Ok(refund) => {
                        let void = refund.is_void();
                        let mut applied = apply(conn, evidence, refund, effects).await?;
                        // Whether the charge still counts it, only the charge says.
                        applied.needs_read |= void;
                        Ok(applied)
                    }
                    Err(missing) => Err(missing),
                }
            }
            kind if kind.starts_with("charge.dispute.") => match Dispute::read(object) {
                Ok(dispute) => Ok(apply(conn, evidence, dispute, effects).await?),
                Err(missing) => Err(missing),
            },
            "invoice.paid"
            | "invoice.payment_succeeded"
            | "invoice.payment_failed"
            | "invoice.voided"
            | "invoice.marked_uncollectible" => match Invoice::read(object) {
                Ok(invoice) => {
                    let failed = kind == "invoice.payment_failed";
                    Ok(apply_invoice(conn, evidence, invoice, failed, effects).await?)
                }
                Err(missing) => Err(missing),
            },
            "invoice_payment.paid" => match InvoicePayment::read(object) {
                Ok(payment) => {
                    let ids: Vec<String> = payment.payment_id.into_iter().collect();
                    link(conn, evidence.livemode, &payment.invoice_id, &ids).await?;
                    note_field(effects, &payment.invoice_id, "payment", None, ids.first().cloned());
                    Ok(Applied::default())
                }
                Err(missing) => Err(missing),
            },
            "payment_intent.payment_failed" => {
                note_failed_intent(conn, evidence, object, effects).await?;
                Ok(Applied::default())
            }
            _ => return Ok(None),
        }))
    }

    /// Whose money an object without a customer is about, as far as it is known: disputes never name one, guests have none.
    pub(super) async fn payer_of(&mut self, livemode: Livemode, kind: &str, object: &Value) -> Result<Option<String>> {
        let is_ours = ["charge.", "refund.", "invoice_payment."].iter().any(|start| kind.starts_with(start));
        if !is_ours {
            return Ok(None);
        }
        let root = Reader::new(object);
        let invoice_id = root.opt_reference("invoice");
        let payment_id = root.opt_reference("payment_intent").or_else(|| {
            if root.opt_string("object").as_deref() == Some("charge") {
                root.opt_string("id")
            } else {
                root.opt_reference("charge")
            }
        });
        self.payer_of_payment(livemode, payment_id.as_deref(), invoice_id.as_deref()).await
    }

    /// Who made this payment, or pays this invoice, as far as it is known.
    pub(super) async fn payer_of_payment(
        &mut self,
        livemode: Livemode,
        payment_id: Option<&str>,
        invoice_id: Option<&str>,
    ) -> Result<Option<String>> {
        Ok(sqlx::query_scalar(
            "select customer_id from checkout_session where livemode = $1 and payment_id = $2 and customer_id is not null
             union all
             select i.customer_id from invoice_payment p cross join invoice i
             where p.livemode = $1 and p.payment_id = $2 and i.livemode = p.livemode and i.invoice_id = p.invoice_id
             union all
             select customer_id from invoice where livemode = $1 and invoice_id = $3
             limit 1",
        )
        .bind(livemode.is_live())
        .bind(payment_id.unwrap_or_default())
        .bind(invoice_id.unwrap_or_default())
        .fetch_optional(self.conn())
        .await?)
    }

    /// Takes in the invoices, charges and disputes of an answer; of what subscriptions billed only what changes something.
    pub(super) async fn take_in_payments(
        &mut self,
        evidence: &Evidence<'_>,
        snapshot: &Snapshot,
        effects: &mut Effects,
        unreadable: impl Fn(&str, &Missing) -> Error,
    ) -> Result<bool> {
        let mut undecided = false;
        let mut invoices = vec![];
        for object in &snapshot.invoices {
            invoices.push(Invoice::read(object).map_err(|missing| unreadable("invoice", &missing))?);
        }
        let known = self.known("invoice", "invoice_id", evidence.livemode, invoices.iter().map(|i| &i.id)).await?;
        let sold: HashSet<String> = snapshot
            .checkout_sessions
            .iter()
            .filter_map(|session| Reader::new(session).opt_reference("payment_intent"))
            .chain(invoices.iter().filter(|i| !i.is_of_subscription()).flat_map(|i| i.payment_ids.iter().cloned()))
            .collect();
        for invoice in invoices {
            if invoice.is_purchase() || invoice.is_given_up() || known.contains(&invoice.id) {
                undecided |= apply_invoice(self.conn(), evidence, invoice, false, effects).await?.needs_read;
            }
        }
        let mut charges = vec![];
        for object in &snapshot.charges {
            charges.push(read_charge(object).map_err(|missing| unreadable("charge", &missing))?);
        }
        let ids = charges.iter().map(|(charge, _)| &charge.id);
        let known = self.known("payment_object", "object_id", evidence.livemode, ids).await?;
        for (charge, refunds) in charges {
            let counts = sold.contains(charge.payment_id()) || known.contains(&charge.id) || !refunds.is_empty();
            if counts || charge.amount_refunded > 0 {
                undecided |= apply_charge(self.conn(), evidence, charge, refunds, effects).await?.needs_read;
            }
        }
        for object in &snapshot.disputes {
            let dispute = Dispute::read(object).map_err(|missing| unreadable("dispute", &missing))?;
            undecided |= apply(self.conn(), evidence, dispute, effects).await?.needs_read;
        }
        Ok(undecided)
    }

    /// Which of these ids have a row.
    async fn known<'i>(
        &mut self,
        table: &'static str,
        column: &'static str,
        livemode: Livemode,
        ids: impl Iterator<Item = &'i String>,
    ) -> Result<HashSet<String>> {
        let ids: Vec<&String> = ids.collect();
        let mut known = HashSet::new();
        for chunk in ids.chunks(1000) {
            let mut query = QueryBuilder::<Db>::new(format!("select {column} as id from {table} where livemode = "));
            query.push_bind(livemode.is_live()).push(format!(" and {column} in ("));
            let mut list = query.separated(", ");
            for id in chunk {
                list.push_bind(id.as_str());
            }
            query.push(")");
            for row in query.build().fetch_all(self.conn()).await? {
                known.insert(row.text("id")?);
            }
        }
        Ok(known)
    }
}

/// A payment intent failed: the invoice it was to pay has failed with it. Since 2025-03-31.basil the intent does not name the invoice;
/// what is not known here is told by `invoice.payment_failed`.
async fn note_failed_intent(
    conn: &mut Conn,
    evidence: &Evidence<'_>,
    object: &Value,
    effects: &mut Effects,
) -> Result<()> {
    let root = Reader::new(object);
    let rows = sqlx::query(
        "select i.invoice_id, i.state, i.payment_failed_at from invoice i where i.livemode = $1 and i.invoice_id = $2
         union all
         select i.invoice_id, i.state, i.payment_failed_at from invoice_payment p cross join invoice i
         where p.livemode = $1 and p.payment_id = $3 and i.livemode = p.livemode and i.invoice_id = p.invoice_id",
    )
    .bind(evidence.livemode.is_live())
    .bind(root.opt_reference("invoice").unwrap_or_default())
    .bind(root.opt_string("id").unwrap_or_default())
    .fetch_all(&mut *conn)
    .await?;
    for row in &rows {
        let id = row.text("invoice_id")?;
        let invoice: Invoice = json("invoice", "state", &id, &row.text("state")?)?;
        let known = row.opt_time("payment_failed_at")?;
        if invoice.status == "paid" || known.is_some_and(|known| known <= evidence.at) {
            continue;
        }
        let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
        note_field(effects, &id, "payment_failed_at", time(known), time(Some(evidence.at)));
        sqlx::query(
            "update invoice set payment_failed_at = $3, matters = true where livemode = $1 and invoice_id = $2",
        )
        .bind(evidence.livemode.is_live())
        .bind(&id)
        .bind(evidence.at.millis())
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}
