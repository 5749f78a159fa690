//! What nobody wants to be told again: payers that stay nobody's, and topics that are done with.

use async_trait::async_trait;
use domain::Livemode;
use serde_json::json;

use super::Backend;
use super::audit::audit;
use super::rows::{Columns as _, DbRow};
use super::write::Write;
use crate::records::{Author, CustomerRow, IgnoredCustomer, Page};
use crate::{Dismissals, Result};

fn ignored(row: &DbRow) -> Result<IgnoredCustomer> {
    Ok(IgnoredCustomer {
        customer_id: row.text("customer_id")?,
        reason: row.text("reason")?,
        actor: row.text("actor")?,
        at: row.time("at")?,
    })
}

impl Write<'_> {
    /// Leaves a customer out of the unattributed.
    pub(super) async fn ignore(
        &mut self,
        livemode: Livemode,
        customer_id: &str,
        reason: &str,
        author: &Author,
    ) -> Result<()> {
        sqlx::query(
            "insert into ignored_customer (livemode, customer_id, reason, actor, at) values ($1, $2, $3, $4, $5)",
        )
        .bind(livemode.is_live())
        .bind(customer_id)
        .bind(reason)
        .bind(&author.actor)
        .bind(author.now.millis())
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Lists it again.
    pub(super) async fn heed(&mut self, livemode: Livemode, customer_id: &str) -> Result<()> {
        sqlx::query("delete from ignored_customer where livemode = $1 and customer_id = $2")
            .bind(livemode.is_live())
            .bind(customer_id)
            .execute(self.conn())
            .await?;
        Ok(())
    }
}

#[async_trait]
impl Dismissals for Backend {
    async fn ignore_customer(&self, livemode: Livemode, customer_id: &str, author: &Author) -> Result<bool> {
        let mut write = self.begin().await?;
        if self.ignored_customer(livemode, customer_id).await?.is_some() {
            return Ok(false);
        }
        let reason = author.reason.as_deref().unwrap_or_default();
        write.ignore(livemode, customer_id, reason, author).await?;
        let details = json!({"before": null, "after": reason});
        audit(write.conn(), author, "customer.ignore", Some(livemode), ("customer", customer_id), &details).await?;
        write.commit(author.now).await?;
        Ok(true)
    }

    async fn heed_customer(&self, livemode: Livemode, customer_id: &str, author: &Author) -> Result<bool> {
        let mut write = self.begin().await?;
        let Some(before) = self.ignored_customer(livemode, customer_id).await? else { return Ok(false) };
        write.heed(livemode, customer_id).await?;
        let details = json!({"before": before.reason, "after": null});
        audit(write.conn(), author, "customer.heed", Some(livemode), ("customer", customer_id), &details).await?;
        write.commit(author.now).await?;
        Ok(true)
    }

    async fn ignored_customer(&self, livemode: Livemode, customer_id: &str) -> Result<Option<IgnoredCustomer>> {
        let row = sqlx::query(
            "select customer_id, reason, actor, at from ignored_customer where livemode = $1 and customer_id = $2",
        )
        .bind(livemode.is_live())
        .bind(customer_id)
        .fetch_optional(&self.read)
        .await?;
        row.as_ref().map(ignored).transpose()
    }

    async fn ignored_customers(
        &self,
        livemode: Livemode,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Page<(IgnoredCustomer, CustomerRow)>> {
        let (millis, id) = super::lists::cursor(after).unzip();
        let rows = sqlx::query(
            "select i.customer_id, i.reason, i.actor, i.at from ignored_customer i
             where i.livemode = $1 and (cast($2 as bigint) is null or (i.at, i.customer_id) < ($2, $3))
               and not exists (select 1 from mapping m where m.livemode = i.livemode and m.customer_id = i.customer_id)
             order by i.at desc, i.customer_id desc limit $4",
        )
        .bind(livemode.is_live())
        .bind(millis)
        .bind(id)
        .bind(limit + 1)
        .fetch_all(&self.read)
        .await?;
        let found: Vec<IgnoredCustomer> = rows.iter().map(ignored).collect::<Result<_>>()?;
        let page = Page::from_rows(found, limit);
        let ids: Vec<String> = page.data.iter().map(|ignored| ignored.customer_id.clone()).collect();
        let mut customers = self.customers_by_id(livemode, &ids).await?;
        let data = page.data.into_iter().filter_map(|ignored| {
            let customer = customers.remove(&ignored.customer_id)?;
            Some((ignored, customer))
        });
        Ok(Page { data: data.collect(), has_more: page.has_more })
    }

    async fn dismiss(&self, livemode: Livemode, topic: &str, author: &Author) -> Result<()> {
        let mut write = self.begin().await?;
        let sql = "insert into dismissal (livemode, topic, actor, at) values ($1, $2, $3, $4) on conflict (livemode, topic) do nothing";
        sqlx::query(sql)
            .bind(livemode.is_live())
            .bind(topic)
            .bind(&author.actor)
            .bind(author.now.millis())
            .execute(write.conn())
            .await?;
        audit(write.conn(), author, "topic.dismiss", Some(livemode), ("topic", topic), &json!({})).await?;
        write.commit(author.now).await
    }

    async fn is_dismissed(&self, livemode: Livemode, topic: &str) -> Result<bool> {
        let at: Option<i64> = sqlx::query_scalar("select at from dismissal where livemode = $1 and topic = $2")
            .bind(livemode.is_live())
            .bind(topic)
            .fetch_optional(&self.read)
            .await?;
        Ok(at.is_some())
    }
}
