//! Stripe's customers and what hangs on them.

use std::collections::HashMap;

use async_trait::async_trait;
use domain::Livemode;
use domain::access::PaymentFacts;
use sqlx::QueryBuilder;

use super::rows::{Columns as _, DbRow, json};
use super::{Backend, Db};
use crate::records::{CheckoutRecord, CustomerRecord, SubscriptionRecord};
use crate::{Customers, Result};

/// The columns [`customer`] reads, of a table named or aliased `c`.
pub(super) const CUSTOMER_COLUMNS: &str =
    "c.livemode, c.customer_id, c.email, c.name, c.deleted, c.claimed_user, c.first_seen_at, c.last_event_at,
    c.dirty_at, c.next_read_at, c.read_error, c.synced_at";

/// The columns [`subscription`] reads, of `subscription s left join mapping m`.
pub(super) const SUBSCRIPTION_COLUMNS: &str =
    "s.subscription_id, s.state, s.past_due_since, s.evidence_at, s.evidence_event_id, s.updated_at, m.user_id";

/// A row of `customer`.
pub(super) fn customer(row: &DbRow) -> Result<CustomerRecord> {
    Ok(CustomerRecord {
        livemode: row.livemode()?,
        customer_id: row.text("customer_id")?,
        email: row.opt_text("email")?,
        name: row.opt_text("name")?,
        deleted: row.flag("deleted")?,
        claimed_user: row.opt_text("claimed_user")?,
        first_seen_at: row.time("first_seen_at")?,
        last_event_at: row.opt_time("last_event_at")?,
        dirty_at: row.opt_time("dirty_at")?,
        next_read_at: row.opt_time("next_read_at")?,
        read_error: row.opt_text("read_error")?,
        synced_at: row.opt_time("synced_at")?,
    })
}

/// A row of `subscription` with its user.
pub(super) fn subscription(row: &DbRow) -> Result<SubscriptionRecord> {
    let id = row.text("subscription_id")?;
    Ok(SubscriptionRecord {
        subscription: json("subscription", "state", &id, &row.text("state")?)?,
        user_id: row.opt_text("user_id")?,
        past_due_since: row.opt_time("past_due_since")?,
        evidence_at: row.time("evidence_at")?,
        evidence_event_id: row.opt_text("evidence_event_id")?,
        updated_at: row.time("updated_at")?,
    })
}

fn checkout(row: &DbRow) -> Result<CheckoutRecord> {
    let id = row.text("checkout_session_id")?;
    Ok(CheckoutRecord {
        session: json("checkout_session", "state", &id, &row.text("state")?)?,
        evidence_at: row.time("evidence_at")?,
    })
}

#[async_trait]
impl Customers for Backend {
    async fn customer(&self, livemode: Livemode, customer_id: &str) -> Result<Option<CustomerRecord>> {
        let sql = format!("select {CUSTOMER_COLUMNS} from customer c where c.livemode = $1 and c.customer_id = $2");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(livemode.is_live())
            .bind(customer_id)
            .fetch_optional(&self.read)
            .await?;
        row.as_ref().map(customer).transpose()
    }

    async fn customers_by_email(&self, livemode: Livemode, email: &str) -> Result<Vec<CustomerRecord>> {
        let sql = format!(
            "select {CUSTOMER_COLUMNS} from customer c where c.livemode = $1 and (c.email = $2 or c.email = lower($2)) order by c.customer_id limit 20"
        );
        let rows =
            sqlx::query(sqlx::AssertSqlSafe(sql)).bind(livemode.is_live()).bind(email).fetch_all(&self.read).await?;
        rows.iter().map(customer).collect()
    }

    async fn subscription(&self, livemode: Livemode, subscription_id: &str) -> Result<Option<SubscriptionRecord>> {
        let sql = format!(
            "select {SUBSCRIPTION_COLUMNS}
             from subscription s left join mapping m on m.livemode = s.livemode and m.customer_id = s.customer_id
             where s.livemode = $1 and s.subscription_id = $2"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(livemode.is_live())
            .bind(subscription_id)
            .fetch_optional(&self.read)
            .await?;
        row.as_ref().map(subscription).transpose()
    }

    async fn subscriptions_of(&self, livemode: Livemode, customer_id: &str) -> Result<Vec<SubscriptionRecord>> {
        let sql = format!(
            "select {SUBSCRIPTION_COLUMNS}
             from subscription s left join mapping m on m.livemode = s.livemode and m.customer_id = s.customer_id
             where s.livemode = $1 and s.customer_id = $2
             order by s.updated_at desc, s.subscription_id"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(livemode.is_live())
            .bind(customer_id)
            .fetch_all(&self.read)
            .await?;
        rows.iter().map(subscription).collect()
    }

    async fn checkout_session(&self, livemode: Livemode, id: &str) -> Result<Option<CheckoutRecord>> {
        let row = sqlx::query("select checkout_session_id, state, evidence_at from checkout_session where livemode = $1 and checkout_session_id = $2")
            .bind(livemode.is_live())
            .bind(id)
            .fetch_optional(&self.read)
            .await?;
        row.as_ref().map(checkout).transpose()
    }

    async fn invoice_payments(
        &self,
        livemode: Livemode,
        invoice_ids: &[String],
    ) -> Result<HashMap<String, PaymentFacts>> {
        let mut query = QueryBuilder::<Db>::new(
            "select p.invoice_id, o.kind, o.object_id, o.state
             from invoice_payment p join payment_object o on o.livemode = p.livemode and o.payment_id = p.payment_id
             where p.livemode = ",
        );
        query.push_bind(livemode.is_live()).push(" and p.invoice_id in (");
        let mut list = query.separated(", ");
        // An empty list is no SQL.
        list.push_bind(String::new());
        for id in invoice_ids {
            list.push_bind(id.clone());
        }
        query.push(") order by o.object_id");
        let mut found: HashMap<String, PaymentFacts> = HashMap::new();
        for row in &query.build().fetch_all(&self.read).await? {
            let (id, state) = (row.text("object_id")?, row.text("state")?);
            let facts = found.entry(row.text("invoice_id")?).or_default();
            match row.text("kind")?.as_str() {
                "charge" => facts.charges.push(json("payment_object", "state", &id, &state)?),
                "refund" => facts.refunds.push(json("payment_object", "state", &id, &state)?),
                _ => facts.disputes.push(json("payment_object", "state", &id, &state)?),
            }
        }
        Ok(found)
    }

    async fn checkout_sessions_of(
        &self,
        livemode: Livemode,
        customer_ids: &[String],
        user_id: Option<&str>,
    ) -> Result<Vec<CheckoutRecord>> {
        let mut query = QueryBuilder::<Db>::new(
            "select checkout_session_id, state, evidence_at from checkout_session where livemode = ",
        );
        query.push_bind(livemode.is_live()).push(" and (customer_id in (");
        let mut list = query.separated(", ");
        // An empty list is no SQL.
        list.push_bind(String::new());
        for id in customer_ids {
            list.push_bind(id.clone());
        }
        query.push(")");
        if let Some(user_id) = user_id {
            query.push(" or (customer_id is null and client_reference_id = ").push_bind(user_id.to_owned()).push(")");
        }
        query.push(") order by evidence_at desc, checkout_session_id limit 100");
        let rows = query.build().fetch_all(&self.read).await?;
        rows.iter().map(checkout).collect()
    }
}
