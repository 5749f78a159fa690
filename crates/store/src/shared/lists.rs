//! What the admin app's lists show. Pages go by key, counts are capped: no list gets slower with the data behind it.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use domain::catalog::{FeatureGrant, put_in_order};
use domain::event::EventStatus;
use domain::stripe::{Price, Product, Subscription};
use domain::{Livemode, Timestamp};
use sqlx::QueryBuilder;

use super::catalog::product_record;
use super::customer_lists::push_begins;
use super::facts::feature_grant;
use super::intake::rejected;
use super::paging::cursor;
use super::rows::{Columns as _, DbRow, json};
use super::{Backend, Db};
use crate::records::{
    Among, COUNTED, CatalogRow, ConflictRecord, CustomerFilter, CustomerRow, MappingRow, NavCounts, Page, Place,
    PriceRecord, ProductRecord, RejectedDelivery, SubscriptionFilter, SubscriptionRecord, SyncState, TargetKind,
    UserRecord,
};
use crate::{Lists, Result};

const DAY: i64 = 86_400_000;

/// `like` pattern for texts that begin with `query`.
pub(super) fn prefix(query: &str) -> String {
    let mut pattern = String::with_capacity(query.len() + 1);
    for c in query.trim().chars() {
        if matches!(c, '\\' | '%' | '_') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

pub(super) fn subscription_state(row: &DbRow) -> Result<Subscription> {
    json("subscription", "state", &row.text("subscription_id")?, &row.text("state")?)
}

impl Backend {
    /// The first receipt number at or after a time. Receipt numbers grow with time, so halving finds it without an index.
    pub(super) async fn first_seq_since(&self, since: Timestamp) -> Result<i64> {
        let newest: Option<i64> = sqlx::query_scalar("select max(seq) from event").fetch_one(&self.read).await?;
        let (mut low, mut high) = (0, newest.unwrap_or(0) + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            let row: Option<(i64, i64)> =
                sqlx::query_as("select seq, received_at from event where seq >= $1 order by seq limit 1")
                    .bind(middle)
                    .fetch_optional(&self.read)
                    .await?;
            match row {
                Some((seq, received)) if received < since.millis() => low = seq + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    async fn capped_count(&self, sql: &'static str, livemode: Livemode) -> Result<i64> {
        Ok(sqlx::query_scalar(sql).bind(livemode.is_live()).fetch_one(&self.read).await?)
    }

    /// How many customers pay for each price (`is_product`: each product) by a subscription that has not ended, each counted to the cap: from
    /// an index, however many pay.
    async fn payers(&self, livemode: Livemode, is_product: bool) -> Result<Vec<(String, i64)>> {
        let column = if is_product { "product_id" } else { "price_id" };
        // From one id to the next, then that one's customers.
        let sql = format!(
            "with recursive sold(id) as (
                 select min({column}) from subscription_price where livemode = $1
                 union all
                 select (select min(p.{column}) from subscription_price p where p.livemode = $1 and p.{column} > sold.id) from sold
                 where sold.id is not null
             )
             select id, (select count(*) from (select distinct p.customer_id from subscription_price p
                                               where p.livemode = $1 and p.{column} = sold.id limit $2) as theirs) as payers
             from sold where id is not null"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(livemode.is_live())
            .bind(COUNTED + 1)
            .fetch_all(&self.read)
            .await?;
        rows.iter().map(|row| Ok((row.text("id")?, row.int("payers")?))).collect()
    }

    /// The products of prices that are paid for.
    async fn sold_products(&self, livemode: Livemode, prices: &[(String, i64)]) -> Result<HashMap<String, String>> {
        let mut products = HashMap::new();
        for (price, _) in prices {
            let product: Option<Option<String>> = sqlx::query_scalar(
                "select product_id from subscription_price where livemode = $1 and price_id = $2 limit 1",
            )
            .bind(livemode.is_live())
            .bind(price)
            .fetch_optional(&self.read)
            .await?;
            products.extend(product.flatten().map(|product| (price.clone(), product)));
        }
        Ok(products)
    }

    /// Prices that are paid for and give nothing.
    async fn prices_without_features(&self, livemode: Livemode) -> Result<i64> {
        let catalog = self.index.catalog(livemode);
        let sold: Vec<(String, Option<String>)> = sqlx::query_as(
            "with recursive sold(id) as (
                 select min(price_id) from subscription_price where livemode = $1
                 union all
                 select (select min(p.price_id) from subscription_price p where p.livemode = $1 and p.price_id > sold.id) from sold
                 where sold.id is not null
             )
             select id, (select p.product_id from subscription_price p where p.livemode = $1 and p.price_id = sold.id limit 1)
             from sold where id is not null limit 1000",
        )
        .bind(livemode.is_live())
        .fetch_all(&self.read)
        .await?;
        let idle = sold.iter().filter(|(price, product)| catalog.grants(price, product.as_deref()).next().is_none());
        Ok(i64::try_from(idle.count()).unwrap_or(i64::MAX))
    }
}

#[async_trait]
impl Lists for Backend {
    async fn list_customers(&self, livemode: Livemode, filter: &CustomerFilter) -> Result<Page<CustomerRow>> {
        self.customer_rows(livemode, filter).await
    }

    async fn count_customers(&self, livemode: Livemode, filter: &CustomerFilter) -> Result<i64> {
        self.customer_count(livemode, filter).await
    }

    async fn users_of(&self, livemode: Livemode, customer_ids: &[String]) -> Result<HashMap<String, String>> {
        self.users_of_customers(livemode, customer_ids).await
    }

    async fn sync_states(&self, livemode: Livemode, customer_ids: &[String]) -> Result<HashMap<String, SyncState>> {
        self.sync_states_of(livemode, customer_ids).await
    }

    async fn users(&self, livemode: Livemode, query: Option<&str>, limit: i64) -> Result<Vec<UserRecord>> {
        let text = query.map(str::trim).filter(|query| !query.is_empty());
        let mut users = QueryBuilder::<Db>::new(
            "select u.user_id, u.email, u.name, u.created_at from app_user u where u.livemode = ",
        );
        users.push_bind(livemode.is_live());
        users.push(" and not exists (select 1 from mapping m where m.livemode = u.livemode and m.user_id = u.user_id)");
        if let Some(text) = text {
            users.push(" and u.user_id in (");
            for (n, column) in ["user_id", "email"].into_iter().enumerate() {
                users.push(if n == 0 { "select" } else { " union select" });
                users
                    .push(" user_id from (select user_id from app_user where livemode = ")
                    .push_bind(livemode.is_live());
                users.push(" and ");
                push_begins(&mut users, column, text);
                users.push(format!(" limit 1000) as by_{column}"));
            }
            users.push(")");
        }
        users.push(
            " union all
             select o.user_id, cast(null as text), cast(null as text), min(o.created_at) from access_override o where o.livemode = ",
        );
        users.push_bind(livemode.is_live());
        users.push(
            " and not exists (select 1 from mapping m where m.livemode = o.livemode and m.user_id = o.user_id)
              and not exists (select 1 from app_user u where u.livemode = o.livemode and u.user_id = o.user_id)",
        );
        if let Some(text) = text {
            users.push(" and lower(o.user_id) like lower(").push_bind(prefix(text)).push(") escape '\\'");
        }
        users.push(" group by o.user_id order by created_at desc limit ").push_bind(limit);
        let rows = users.build().fetch_all(&self.read).await?;
        rows.iter()
            .map(|row| {
                Ok(UserRecord {
                    user_id: row.text("user_id")?,
                    email: row.opt_text("email")?,
                    name: row.opt_text("name")?,
                    created_at: row.time("created_at")?,
                })
            })
            .collect()
    }

    async fn list_subscriptions(
        &self,
        livemode: Livemode,
        filter: &SubscriptionFilter,
    ) -> Result<Page<SubscriptionRecord>> {
        let backwards = filter.before.is_some();
        let (than, order) = if backwards { (">", "") } else { ("<", " desc") };
        let mut query = QueryBuilder::<Db>::new(
            "select s.subscription_id, s.state, s.past_due_since, s.evidence_at, s.evidence_event_id, s.updated_at,
                (select m.user_id from mapping m where m.livemode = s.livemode and m.customer_id = s.customer_id) as user_id
             from subscription s where s.livemode = ",
        );
        query.push_bind(livemode.is_live());
        if let Some(status) = &filter.status {
            query.push(" and s.status = ").push_bind(status.clone());
        }
        if let Some((millis, id)) = cursor(filter.before.as_deref().or(filter.after.as_deref())) {
            query.push(format!(" and (s.updated_at, s.subscription_id) {than} (")).push_bind(millis);
            query.push(", ").push_bind(id).push(")");
        }
        query
            .push(format!(" order by s.updated_at{order}, s.subscription_id{order} limit "))
            .push_bind(filter.limit + 1);
        let rows = query.build().fetch_all(&self.read).await?;
        let records = rows.iter().map(|row| {
            Ok(SubscriptionRecord {
                subscription: subscription_state(row)?,
                user_id: row.opt_text("user_id")?,
                past_due_since: row.opt_time("past_due_since")?,
                evidence_at: row.time("evidence_at")?,
                evidence_event_id: row.opt_text("evidence_event_id")?,
                updated_at: row.time("updated_at")?,
            })
        });
        let records = records.collect::<Result<_>>()?;
        Ok(if backwards {
            Page::from_rows_backwards(records, filter.limit)
        } else {
            Page::from_rows(records, filter.limit)
        })
    }

    async fn count_subscriptions(&self, livemode: Livemode, status: Option<&str>) -> Result<i64> {
        let mut query =
            QueryBuilder::<Db>::new("select count(*) from (select 1 as one from subscription where livemode = ");
        query.push_bind(livemode.is_live());
        if let Some(status) = status {
            query.push(" and status = ").push_bind(status.to_owned());
        }
        query.push(" limit ").push_bind(COUNTED + 1).push(") as counted");
        Ok(query.build_query_scalar().fetch_one(&self.read).await?)
    }

    async fn rejected_before(&self, id: i64, limit: i64) -> Result<Page<RejectedDelivery>> {
        let rows = sqlx::query(
            "select rejected_id, received_at, failed_check, message, tried, remote, signature_header, body_size, body_start
             from rejected_delivery where rejected_id > $1 order by rejected_id limit $2",
        )
        .bind(id)
        .bind(limit + 1)
        .fetch_all(&self.read)
        .await?;
        Ok(Page::from_rows_backwards(rows.iter().map(rejected).collect::<Result<_>>()?, limit))
    }

    async fn list_mappings(&self, livemode: Livemode, query: Option<&str>, place: &Place) -> Result<Page<MappingRow>> {
        self.mapping_rows(livemode, query, place).await
    }

    async fn count_mappings(&self, livemode: Livemode, query: Option<&str>) -> Result<i64> {
        self.mapping_count(livemode, query).await
    }

    async fn list_conflicts(&self, livemode: Livemode, place: &Place) -> Result<Page<ConflictRecord>> {
        self.conflict_rows(livemode, place).await
    }

    async fn count_conflicts(&self, livemode: Livemode) -> Result<i64> {
        self.conflict_count(livemode).await
    }

    async fn list_unattributed(
        &self,
        livemode: Livemode,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Page<CustomerRow>> {
        let among = Among::Unattributed;
        let filter = CustomerFilter { among, after: after.map(str::to_owned), limit, ..CustomerFilter::default() };
        self.customer_rows(livemode, &filter).await
    }

    async fn list_catalog(&self, livemode: Livemode) -> Result<Vec<CatalogRow>> {
        let live = livemode.is_live();
        let mut products: BTreeMap<String, ProductRecord> = BTreeMap::new();
        for row in &sqlx::query("select product_id, state, deleted, synced_at, read_error from product where livemode = $1 and evidence_at > 0")
            .bind(live)
            .fetch_all(&self.read)
            .await?
        {
            let id = row.text("product_id")?;
            let product: Product = json("product", "state", &id, &row.text("state")?)?;
            products.insert(id, product_record(row, product)?);
        }
        let mut prices: BTreeMap<String, PriceRecord> = BTreeMap::new();
        for row in &sqlx::query("select price_id, state, deleted from price where livemode = $1")
            .bind(live)
            .fetch_all(&self.read)
            .await?
        {
            let id = row.text("price_id")?;
            let price: Price = json("price", "state", &id, &row.text("state")?)?;
            prices.insert(id, PriceRecord { price, deleted: row.flag("deleted")? });
        }
        let mut grants: BTreeMap<(bool, String), Vec<FeatureGrant>> = BTreeMap::new();
        let given = sqlx::query(
            "select target_kind, target_id, feature_key, source, value, duration_s, credits from catalog_grant where livemode = $1",
        );
        for row in &given.bind(live).fetch_all(&self.read).await? {
            let target = (row.text("target_kind")? == TargetKind::Product.as_str(), row.text("target_id")?);
            grants.entry(target).or_default().push(feature_grant(row)?);
        }
        grants.values_mut().for_each(|said| put_in_order(said));
        let mut payers: BTreeMap<(bool, String), i64> = BTreeMap::new();
        let sold = self.payers(livemode, false).await?;
        let product_of = self.sold_products(livemode, &sold).await?;
        payers.extend(sold.into_iter().map(|(id, count)| ((false, id), count)));
        payers.extend(self.payers(livemode, true).await?.into_iter().map(|(id, count)| ((true, id), count)));
        let mut targets: Vec<(bool, String)> = Vec::new();
        targets.extend(prices.keys().map(|id| (false, id.clone())));
        targets.extend(products.keys().map(|id| (true, id.clone())));
        targets.extend(grants.keys().cloned());
        targets.extend(payers.keys().cloned());
        targets.sort_unstable();
        targets.dedup();
        let rows = targets.into_iter().map(|target| {
            let customers = payers.get(&target).copied().unwrap_or_default();
            let (is_product, id) = target.clone();
            let price = prices.get(&id).filter(|_| !is_product).cloned();
            let product_id = match &price {
                _ if is_product => Some(id.clone()),
                Some(price) => price.price.product_id.clone(),
                None => product_of.get(&id).cloned(),
            };
            CatalogRow {
                kind: if is_product { TargetKind::Product } else { TargetKind::Price },
                product: product_id.and_then(|id| products.get(&id)).cloned(),
                price,
                id,
                grants: grants.remove(&target).unwrap_or_default(),
                customers,
            }
        });
        Ok(rows.collect())
    }

    async fn nav_counts(&self, livemode: Livemode) -> Result<NavCounts> {
        let failed = "select count(*) from (select 1 as one from event where livemode = $1 and status in ('failed', 'dead') limit 1000) as few";
        // From customer to customer by index: one who has a thousand such events costs no more than one who has one.
        let unattributed = "with recursive payer(id) as (
                 select min(customer_id) from event where livemode = $1 and status = 'unattributed'
                 union all
                 select (select min(e.customer_id) from event e
                         where e.livemode = $1 and e.status = 'unattributed' and e.customer_id > payer.id) from payer
                 where payer.id is not null
             )
             select count(*) from (
                 select 1 as one from payer where id is not null
                     and not exists (select 1 from ignored_customer i where i.livemode = $1 and i.customer_id = payer.id) limit 1000
             ) as few";
        let conflicts = "select count(*) from (select 1 as one from mapping_conflict where livemode = $1 and resolved_at is null limit 1000) as few";
        Ok(NavCounts {
            failed_events: self.capped_count(failed, livemode).await?,
            unattributed: self.capped_count(unattributed, livemode).await?,
            conflicts: self.capped_count(conflicts, livemode).await?,
            prices_without_features: self.prices_without_features(livemode).await?,
        })
    }

    async fn event_stats(&self, livemode: Livemode, now: Timestamp) -> Result<(Vec<(String, i64)>, Option<Timestamp>)> {
        let first = self.first_seq_since(now.plus_millis(-DAY)).await?;
        let mut counts = Vec::new();
        let mut newest: Option<i64> = None;
        for status in EventStatus::ALL {
            let count: i64 =
                sqlx::query_scalar("select count(*) from event where livemode = $1 and status = $2 and seq >= $3")
                    .bind(livemode.is_live())
                    .bind(status.as_str())
                    .bind(first)
                    .fetch_one(&self.read)
                    .await?;
            if count > 0 {
                counts.push((status.as_str().to_owned(), count));
            }
            let last: Option<i64> =
                sqlx::query_scalar("select max(seq) from event where livemode = $1 and status = $2")
                    .bind(livemode.is_live())
                    .bind(status.as_str())
                    .fetch_one(&self.read)
                    .await?;
            newest = newest.max(last);
        }
        let Some(newest) = newest else { return Ok((counts, None)) };
        let at: Option<i64> = sqlx::query_scalar("select received_at from event where seq = $1")
            .bind(newest)
            .fetch_optional(&self.read)
            .await?;
        Ok((counts, at.map(Timestamp::from_millis)))
    }
}
