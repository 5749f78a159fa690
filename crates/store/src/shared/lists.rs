//! What the admin app's lists show. Pages go by key, counts are capped: no list gets slower with the data behind it.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};

use async_trait::async_trait;
use domain::catalog::{FeatureGrant, put_in_order};
use domain::event::EventStatus;
use domain::mapping::MappingSource;
use domain::stripe::{Price, Product, Subscription};
use domain::{Livemode, Timestamp};

use super::Backend;
use super::catalog::product_record;
use super::facts::feature_grant;
use super::rows::{Columns as _, DbRow, json, word};
use crate::records::{
    CatalogRow, CustomerFilter, CustomerRecord, CustomerRow, MappingRecord, NavCounts, Page, PriceRecord,
    ProductRecord, SubscriptionFilter, SubscriptionRecord, TargetKind, UserRecord,
};
use crate::{Lists, Result};

const DAY: i64 = 86_400_000;

/// Which customers a list is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    All,
    Unattributed,
}

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

/// Reads a cursor `millis:id`; what is none starts at the beginning.
fn cursor(after: Option<&str>) -> Option<(i64, String)> {
    let (millis, id) = after?.split_once(':')?;
    Some((millis.parse().ok()?, id.to_owned()))
}

fn customer_record(row: &DbRow) -> Result<CustomerRecord> {
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

fn subscription_state(row: &DbRow) -> Result<Subscription> {
    json("subscription", "state", &row.text("subscription_id")?, &row.text("state")?)
}

/// The part of a customers query that every page shares; `$1` mode, `$2` pattern, `$3` exact id.
const CUSTOMERS: &str = "
    select c.livemode, c.customer_id, c.email, c.name, c.deleted, c.claimed_user, c.first_seen_at, c.last_event_at, c.dirty_at,
           c.next_read_at, c.read_error, c.synced_at, m.user_id,
           (select count(*) from (select 1 as one from event e
             where e.livemode = c.livemode and e.customer_id = c.customer_id limit 1000) as few) as events
    from customer c
    left join mapping m on m.livemode = c.livemode and m.customer_id = c.customer_id
    where c.livemode = $1
      and (cast($2 as text) is null or c.customer_id = $3 or lower(c.customer_id) like lower($2) escape '\\' or lower(c.email) like lower($2) escape '\\'
           or lower(c.name) like lower($2) escape '\\' or lower(m.user_id) like lower($2) escape '\\')";

const UNATTRIBUTED: &str = "
      and m.user_id is null and not c.deleted
      and (exists (select 1 from subscription s where s.livemode = c.livemode and s.customer_id = c.customer_id)
           or exists (select 1 from event e
                      where e.livemode = c.livemode and e.customer_id = c.customer_id and e.status = 'unattributed'))";

impl Backend {
    /// Customers with events come first, by their newest; then those without, whose cursors have the time 0.
    async fn customer_rows(
        &self,
        livemode: Livemode,
        filter: &CustomerFilter,
        which: Which,
    ) -> Result<Page<CustomerRow>> {
        let query = filter.query.as_deref().map(str::trim).filter(|query| !query.is_empty());
        let pattern = query.map(prefix);
        let extra = if which == Which::Unattributed { UNATTRIBUTED } else { "" };
        let after = cursor(filter.after.as_deref());
        let wanted = filter.limit + 1;
        let mut rows = Vec::new();
        if after.as_ref().is_none_or(|(millis, _)| *millis != 0) {
            let (millis, id) = after.clone().unzip();
            let sql = format!(
                "{CUSTOMERS}{extra} and c.last_event_at is not null
                   and (cast($4 as bigint) is null or (c.last_event_at, c.customer_id) < ($4, $5))
                 order by c.last_event_at desc, c.customer_id desc limit $6"
            );
            let page =
                sqlx::query(sqlx::AssertSqlSafe(sql)).bind(livemode.is_live()).bind(pattern.as_deref()).bind(query);
            rows = page.bind(millis).bind(id).bind(wanted).fetch_all(&self.read).await?;
        }
        let missing = wanted - i64::try_from(rows.len()).unwrap_or(wanted);
        if missing > 0 {
            let id = after.filter(|(millis, _)| *millis == 0).map(|(_, id)| id);
            let sql = format!(
                "{CUSTOMERS}{extra} and c.last_event_at is null and (cast($4 as text) is null or c.customer_id < $4)
                 order by c.customer_id desc limit $5"
            );
            let page =
                sqlx::query(sqlx::AssertSqlSafe(sql)).bind(livemode.is_live()).bind(pattern.as_deref()).bind(query);
            rows.extend(page.bind(id).bind(missing).fetch_all(&self.read).await?);
        }
        let ids: Vec<String> = rows.iter().map(|row| row.text("customer_id")).collect::<Result<_>>()?;
        let mut subscriptions = self.subscriptions_by_customer(livemode, &ids).await?;
        let customers = rows.iter().zip(ids).map(|(row, id)| {
            Ok(CustomerRow {
                customer: customer_record(row)?,
                user_id: row.opt_text("user_id")?,
                subscriptions: subscriptions.remove(&id).unwrap_or_default(),
                events: row.int("events")?,
            })
        });
        Ok(Page::from_rows(customers.collect::<Result<_>>()?, filter.limit))
    }

    async fn subscriptions_by_customer(
        &self,
        livemode: Livemode,
        ids: &[String],
    ) -> Result<HashMap<String, Vec<Subscription>>> {
        let mut found: HashMap<String, Vec<Subscription>> = HashMap::new();
        if ids.is_empty() {
            return Ok(found);
        }
        let mut query = sqlx::QueryBuilder::new("select subscription_id, state from subscription where livemode = ");
        query.push_bind(livemode.is_live()).push(" and customer_id in (");
        let mut list = query.separated(", ");
        for id in ids {
            list.push_bind(id);
        }
        query.push(") order by subscription_id desc");
        for row in &query.build().fetch_all(&self.read).await? {
            let subscription = subscription_state(row)?;
            found.entry(subscription.customer_id.clone()).or_default().push(subscription);
        }
        Ok(found)
    }

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

    /// Prices that mapped users pay for and that give nothing, from memory: this stands on every page.
    fn prices_without_features(&self, livemode: Livemode) -> i64 {
        let catalog = self.index.catalog(livemode);
        let empty = RefCell::new(HashSet::new());
        // Nobody is looked for: every user's facts are merely passed by.
        drop(self.index.users_where(livemode, |facts| {
            let paying =
                facts.subscriptions.iter().map(|facts| &facts.subscription).filter(|s| !s.status.is_terminal());
            for item in paying.flat_map(|subscription| &subscription.items) {
                if catalog.grants(&item.price_id, item.product_id.as_deref()).next().is_none()
                    && !empty.borrow().contains(&item.price_id)
                {
                    empty.borrow_mut().insert(item.price_id.clone());
                }
            }
            false
        }));
        i64::try_from(empty.into_inner().len()).unwrap_or(i64::MAX).min(1000)
    }
}

#[async_trait]
impl Lists for Backend {
    async fn list_customers(&self, livemode: Livemode, filter: &CustomerFilter) -> Result<Page<CustomerRow>> {
        self.customer_rows(livemode, filter, Which::All).await
    }

    async fn users(&self, livemode: Livemode, query: Option<&str>, limit: i64) -> Result<Vec<UserRecord>> {
        let pattern = query.map(str::trim).filter(|query| !query.is_empty()).map(prefix);
        let rows = sqlx::query(
            "select u.user_id, u.email, u.name, u.created_at from app_user u
             where u.livemode = $1 and not exists (select 1 from mapping m where m.livemode = u.livemode and m.user_id = u.user_id)
               and (cast($2 as text) is null or lower(u.user_id) like lower($2) escape '\\' or lower(u.email) like lower($2) escape '\\')
             union all
             select o.user_id, cast(null as text), cast(null as text), min(o.created_at) from access_override o
             where o.livemode = $1 and not exists (select 1 from mapping m where m.livemode = o.livemode and m.user_id = o.user_id)
               and not exists (select 1 from app_user u where u.livemode = o.livemode and u.user_id = o.user_id)
               and (cast($2 as text) is null or lower(o.user_id) like lower($2) escape '\\')
             group by o.user_id
             order by created_at desc limit $3",
        )
        .bind(livemode.is_live())
        .bind(pattern)
        .bind(limit)
        .fetch_all(&self.read)
        .await?;
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
        let (millis, id) = cursor(filter.after.as_deref()).unzip();
        let rows = sqlx::query(
            "select s.subscription_id, s.state, s.past_due_since, s.evidence_at, s.evidence_event_id, s.updated_at, m.user_id
             from subscription s
             left join mapping m on m.livemode = s.livemode and m.customer_id = s.customer_id
             where s.livemode = $1 and (cast($2 as text) is null or s.status = $2)
               and (cast($3 as bigint) is null or (s.updated_at, s.subscription_id) < ($3, $4))
             order by s.updated_at desc, s.subscription_id desc limit $5",
        )
        .bind(livemode.is_live())
        .bind(filter.status.as_deref())
        .bind(millis)
        .bind(id)
        .bind(filter.limit + 1)
        .fetch_all(&self.read)
        .await?;
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
        Ok(Page::from_rows(records.collect::<Result<_>>()?, filter.limit))
    }

    async fn list_mappings(
        &self,
        livemode: Livemode,
        query: Option<&str>,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Page<MappingRecord>> {
        let pattern = query.map(str::trim).filter(|query| !query.is_empty()).map(prefix);
        let (millis, id) = cursor(after).unzip();
        let rows = sqlx::query(
            "select customer_id, user_id, source, evidence, since from mapping
             where livemode = $1
               and (cast($2 as text) is null or lower(user_id) like lower($2) escape '\\' or lower(customer_id) like lower($2) escape '\\')
               and (cast($3 as bigint) is null or (since, customer_id) < ($3, $4))
             order by since desc, customer_id desc limit $5",
        )
        .bind(livemode.is_live())
        .bind(pattern)
        .bind(millis)
        .bind(id)
        .bind(limit + 1)
        .fetch_all(&self.read)
        .await?;
        let records = rows.iter().map(|row| {
            let customer_id = row.text("customer_id")?;
            let source = word("mapping", "source", &customer_id, &row.text("source")?, MappingSource::parse)?;
            Ok(MappingRecord {
                customer_id,
                user_id: row.text("user_id")?,
                source,
                evidence: row.text("evidence")?,
                since: row.time("since")?,
            })
        });
        Ok(Page::from_rows(records.collect::<Result<_>>()?, limit))
    }

    async fn list_unattributed(
        &self,
        livemode: Livemode,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Page<CustomerRow>> {
        let filter = CustomerFilter { query: None, after: after.map(str::to_owned), limit };
        self.customer_rows(livemode, &filter, Which::Unattributed).await
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
        let mut payers: BTreeMap<(bool, String), HashSet<String>> = BTreeMap::new();
        let mut product_of: HashMap<String, String> = HashMap::new();
        let paying = sqlx::query(
            "select subscription_id, state from subscription where livemode = $1 and status not in ('canceled', 'incomplete_expired')",
        );
        for row in &paying.bind(live).fetch_all(&self.read).await? {
            let subscription = subscription_state(row)?;
            for item in subscription.items {
                if let Some(product) = item.product_id {
                    payers.entry((true, product.clone())).or_default().insert(subscription.customer_id.clone());
                    product_of.insert(item.price_id.clone(), product);
                }
                payers.entry((false, item.price_id)).or_default().insert(subscription.customer_id.clone());
            }
        }
        let mut targets: Vec<(bool, String)> = Vec::new();
        targets.extend(prices.keys().map(|id| (false, id.clone())));
        targets.extend(products.keys().map(|id| (true, id.clone())));
        targets.extend(grants.keys().cloned());
        targets.extend(payers.keys().cloned());
        targets.sort_unstable();
        targets.dedup();
        let rows = targets.into_iter().map(|target| {
            let customers = payers.get(&target).map_or(0, HashSet::len);
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
                customers: i64::try_from(customers).unwrap_or(i64::MAX),
            }
        });
        Ok(rows.collect())
    }

    async fn nav_counts(&self, livemode: Livemode) -> Result<NavCounts> {
        let failed = "select count(*) from (select 1 as one from event where livemode = $1 and status in ('failed', 'dead') limit 1000) as few";
        let unattributed = "select count(distinct customer_id) from (select customer_id from event
                            where livemode = $1 and status = 'unattributed' order by seq desc limit 1000) as few";
        let conflicts = "select count(*) from (select 1 as one from mapping_conflict where livemode = $1 and resolved_at is null limit 1000) as few";
        Ok(NavCounts {
            failed_events: self.capped_count(failed, livemode).await?,
            unattributed: self.capped_count(unattributed, livemode).await?,
            conflicts: self.capped_count(conflicts, livemode).await?,
            prices_without_features: self.prices_without_features(livemode),
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
