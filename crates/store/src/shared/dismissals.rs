//! What nobody wants to be told again: payers that stay nobody's, and topics that are done with.

use async_trait::async_trait;
use domain::Livemode;
use serde_json::json;
use sqlx::QueryBuilder;

use super::audit::audit;
use super::paging::{Order, count, push_counted, push_place};
use super::rows::{Columns as _, DbRow};
use super::write::Write;
use super::{Backend, Db};
use crate::records::{Author, CustomerRow, IgnoredCustomer, Page, Place};
use crate::{Dismissals, Result};

fn ignored(row: &DbRow) -> Result<IgnoredCustomer> {
    Ok(IgnoredCustomer {
        customer_id: row.text("customer_id")?,
        reason: row.text("reason")?,
        actor: row.text("actor")?,
        at: row.time("at")?,
    })
}

/// Adds the customers that are ignored, and known, and still nobody's.
fn push_ignored(query: &mut QueryBuilder<Db>, livemode: Livemode) {
    query.push(
        " from ignored_customer i
         where not exists (select 1 from mapping m where m.livemode = i.livemode and m.customer_id = i.customer_id)
           and exists (select 1 from customer c where c.livemode = i.livemode and c.customer_id = i.customer_id)
           and i.livemode = ",
    );
    query.push_bind(livemode.is_live());
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
        place: &Place,
    ) -> Result<Page<(IgnoredCustomer, CustomerRow)>> {
        let mut query = QueryBuilder::<Db>::new("select i.customer_id, i.reason, i.actor, i.at");
        push_ignored(&mut query, livemode);
        push_place(&mut query, ("i.at", "i.customer_id"), Order::Falling, place);
        let rows = query.build().fetch_all(&self.read).await?;
        let page = place.page(rows.iter().map(ignored).collect::<Result<_>>()?);
        let ids: Vec<String> = page.data.iter().map(|ignored| ignored.customer_id.clone()).collect();
        let mut customers = self.customers_by_id(livemode, &ids).await?;
        let data = page.data.into_iter().filter_map(|ignored| {
            let customer = customers.remove(&ignored.customer_id)?;
            Some((ignored, customer))
        });
        Ok(Page { data: data.collect(), has_more: page.has_more })
    }

    async fn count_ignored(&self, livemode: Livemode) -> Result<i64> {
        let mut query = count();
        push_ignored(&mut query, livemode);
        push_counted(&mut query);
        Ok(query.build_query_scalar().fetch_one(&self.read).await?)
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
