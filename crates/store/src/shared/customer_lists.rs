//! Customers in lists: pages both ways by the newest event, searches by how something begins, and counts that end at a cap.

use std::collections::HashMap;

use domain::Livemode;
use domain::stripe::Subscription;
use sqlx::QueryBuilder;

use super::dialect::BY_BYTES;
use super::lists::subscription_state;
use super::paging::cursor;
use super::rows::{Columns as _, DbRow};
use super::{Backend, Db};
use crate::Result;
use crate::records::{Among, COUNTED, CustomerFilter, CustomerRecord, CustomerRow, Page, SyncState};

/// Most hits of a search, of each of the columns that are searched.
pub(super) const FOUND: i64 = 1000;

/// The largest character: whatever begins with a text sorts before the text with this behind it.
pub(super) const LAST: &str = "\u{10ffff}";

/// A difference that was found, and nothing has mended or overtaken since; `c` is the customer, `$1` the mode.
const DIFFERS: &str = "
    exists (select 1 from resync_customer r join resync j on j.resync_id = r.resync_id
            where r.customer_id = c.customer_id and r.status = 'differs' and r.effects is not null and j.livemode = c.livemode
              and (c.synced_at is null or c.synced_at < r.read_at) and (c.last_event_at is null or c.last_event_at <= r.read_at))";

const COLUMNS: &str = "c.livemode, c.customer_id, c.email, c.name, c.deleted, c.claimed_user, c.first_seen_at, c.last_event_at, c.dirty_at,
    c.next_read_at, c.read_error, c.synced_at, (select m.user_id from mapping m where m.livemode = c.livemode and m.customer_id = c.customer_id) as user_id";

/// What a list's customers are sorted by: the newest event, and the id.
type Key = (i64, String);

/// One of the two parts of a list: those with events come first, then those without, by id alone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Heard,
    Silent,
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

/// Adds ` in (…)`.
fn push_in(query: &mut QueryBuilder<Db>, values: &[String]) {
    query.push(" in (");
    let mut list = query.separated(", ");
    for value in values {
        list.push_bind(value.clone());
    }
    query.push(")");
}

/// Adds the condition that a column begins with a text, whatever the case, as a range of an index.
pub(super) fn push_begins(query: &mut QueryBuilder<Db>, column: &str, text: &str) {
    query.push(format!("lower({column}){BY_BYTES} >= lower(")).push_bind(text.to_owned()).push(")");
    query.push(format!(" and lower({column}){BY_BYTES} < lower(")).push_bind(text.to_owned());
    query.push(format!(") || '{LAST}'"));
}

/// Adds the ids of the customers of which something begins with a text.
fn push_found(query: &mut QueryBuilder<Db>, livemode: Livemode, text: &str) {
    let searched = [("customer", "customer_id"), ("customer", "email"), ("customer", "name"), ("mapping", "user_id")];
    for (n, (table, column)) in searched.into_iter().enumerate() {
        if n > 0 {
            query.push(" union ");
        }
        query.push(format!("select customer_id from (select customer_id from {table} where livemode = "));
        query.push_bind(livemode.is_live()).push(" and ");
        push_begins(query, column, text);
        query.push(format!(" limit {FOUND}) as by_{table}_{column}"));
    }
}

/// Adds the condition that a list is about a customer.
fn push_among(query: &mut QueryBuilder<Db>, among: Among) {
    match among {
        Among::All => {}
        Among::Unattributed => {
            query.push(
                " and not c.is_mapped and not c.deleted
                  and (exists (select 1 from subscription s where s.livemode = c.livemode and s.customer_id = c.customer_id)
                       or exists (select 1 from event e
                                  where e.livemode = c.livemode and e.customer_id = c.customer_id and e.status = 'unattributed'))
                  and not exists (select 1 from ignored_customer i where i.livemode = c.livemode and i.customer_id = c.customer_id)",
            );
        }
        Among::Differing => {
            query.push(" and ").push(DIFFERS);
        }
    }
}

fn searched(filter: &CustomerFilter) -> Option<&str> {
    filter.query.as_deref().map(str::trim).filter(|query| !query.is_empty())
}

impl Backend {
    pub(super) async fn customer_rows(&self, livemode: Livemode, filter: &CustomerFilter) -> Result<Page<CustomerRow>> {
        let wanted = filter.limit + 1;
        let backwards = filter.before.is_some();
        let key = cursor(filter.before.as_deref().or(filter.after.as_deref()));
        let rows = if searched(filter).is_some() || filter.among == Among::Differing {
            self.few(livemode, filter, key.as_ref(), wanted).await?
        } else {
            let (first, second) = if backwards { (Part::Silent, Part::Heard) } else { (Part::Heard, Part::Silent) };
            // A key of the second part is behind all of the first.
            let starts_in = key.as_ref().map(|(millis, _)| if *millis == 0 { Part::Silent } else { Part::Heard });
            let mut rows = vec![];
            if starts_in.is_none_or(|part| part == first) {
                rows = self.part(livemode, filter, first, key.as_ref(), wanted).await?;
            }
            let missing = wanted - i64::try_from(rows.len()).unwrap_or(wanted);
            if missing > 0 {
                let key = key.as_ref().filter(|_| starts_in == Some(second));
                rows.extend(self.part(livemode, filter, second, key, missing).await?);
            }
            rows
        };
        let ids: Vec<String> = rows.iter().map(|row| row.text("customer_id")).collect::<Result<_>>()?;
        let mut subscriptions = self.subscriptions_by_customer(livemode, &ids).await?;
        let counts = filter.among == Among::Unattributed;
        let customers = rows.iter().zip(ids).map(|(row, id)| {
            Ok(CustomerRow {
                customer: customer_record(row)?,
                user_id: row.opt_text("user_id")?,
                subscriptions: subscriptions.remove(&id).unwrap_or_default(),
                events: if counts { row.int("events")? } else { 0 },
            })
        });
        let customers = customers.collect::<Result<_>>()?;
        Ok(if backwards {
            Page::from_rows_backwards(customers, filter.limit)
        } else {
            Page::from_rows(customers, filter.limit)
        })
    }

    /// These customers with how many events each has, by id; those without a row are left out.
    pub(super) async fn customers_by_id(
        &self,
        livemode: Livemode,
        ids: &[String],
    ) -> Result<HashMap<String, CustomerRow>> {
        let mut found = HashMap::new();
        if ids.is_empty() {
            return Ok(found);
        }
        let mut query = QueryBuilder::<Db>::new(format!(
            "select {COLUMNS}, (select count(*) from (select 1 as one from event e
                where e.livemode = c.livemode and e.customer_id = c.customer_id limit 1000) as few) as events
             from customer c where c.livemode = "
        ));
        query.push_bind(livemode.is_live()).push(" and c.customer_id");
        push_in(&mut query, ids);
        let mut subscriptions = self.subscriptions_by_customer(livemode, ids).await?;
        for row in &query.build().fetch_all(&self.read).await? {
            let customer = customer_record(row)?;
            let row = CustomerRow {
                user_id: row.opt_text("user_id")?,
                subscriptions: subscriptions.remove(&customer.customer_id).unwrap_or_default(),
                events: row.int("events")?,
                customer,
            };
            found.insert(row.customer.customer_id.clone(), row);
        }
        Ok(found)
    }

    /// One part of a list, from a key on in the direction the page goes.
    async fn part(
        &self,
        livemode: Livemode,
        filter: &CustomerFilter,
        part: Part,
        key: Option<&Key>,
        wanted: i64,
    ) -> Result<Vec<DbRow>> {
        let (than, order) = if filter.before.is_some() { (">", "") } else { ("<", " desc") };
        let mut query = QueryBuilder::<Db>::new(format!("select {COLUMNS}"));
        if filter.among == Among::Unattributed {
            query.push(
                ", (select count(*) from (select 1 as one from event e
                    where e.livemode = c.livemode and e.customer_id = c.customer_id limit 1000) as few) as events",
            );
        }
        query.push(" from customer c where c.livemode = ").push_bind(livemode.is_live());
        push_among(&mut query, filter.among);
        if part == Part::Heard {
            query.push(" and c.last_event_at is not null");
            if let Some((millis, id)) = key {
                query.push(format!(" and (c.last_event_at, c.customer_id) {than} (")).push_bind(*millis);
                query.push(", ").push_bind(id.clone()).push(")");
            }
            query.push(format!(" order by c.last_event_at{order}, c.customer_id{order}"));
        } else {
            query.push(" and c.last_event_at is null");
            if let Some((_, id)) = key {
                query.push(format!(" and c.customer_id {than} ")).push_bind(id.clone());
            }
            query.push(format!(" order by c.customer_id{order}"));
        }
        Ok(query.push(" limit ").push_bind(wanted).build().fetch_all(&self.read).await?)
    }

    /// What a search found, or whom a comparison found to differ: few enough to be sorted.
    async fn few(
        &self,
        livemode: Livemode,
        filter: &CustomerFilter,
        key: Option<&Key>,
        wanted: i64,
    ) -> Result<Vec<DbRow>> {
        let (than, order) = if filter.before.is_some() { (">", "") } else { ("<", " desc") };
        let mut query = QueryBuilder::<Db>::new(format!("select {COLUMNS}"));
        push_few(&mut query, livemode, filter);
        if let Some((millis, id)) = key {
            query.push(format!(" and (coalesce(c.last_event_at, 0), c.customer_id) {than} (")).push_bind(*millis);
            query.push(", ").push_bind(id.clone()).push(")");
        }
        query.push(format!(" order by coalesce(c.last_event_at, 0){order}, c.customer_id{order} limit "));
        Ok(query.push_bind(wanted).build().fetch_all(&self.read).await?)
    }

    pub(super) async fn customer_count(&self, livemode: Livemode, filter: &CustomerFilter) -> Result<i64> {
        let mut query = QueryBuilder::<Db>::new("select count(*) from (select 1 as one");
        if searched(filter).is_some() || filter.among == Among::Differing {
            push_few(&mut query, livemode, filter);
        } else {
            query.push(" from customer c where c.livemode = ").push_bind(livemode.is_live());
            push_among(&mut query, filter.among);
        }
        query.push(" limit ").push_bind(COUNTED + 1).push(") as counted");
        Ok(query.build_query_scalar().fetch_one(&self.read).await?)
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
        let mut query = QueryBuilder::<Db>::new("select subscription_id, state from subscription where livemode = ");
        query.push_bind(livemode.is_live()).push(" and customer_id");
        push_in(&mut query, ids);
        query.push(" order by subscription_id desc");
        for row in &query.build().fetch_all(&self.read).await? {
            let subscription = subscription_state(row)?;
            found.entry(subscription.customer_id.clone()).or_default().push(subscription);
        }
        Ok(found)
    }

    pub(super) async fn users_of_customers(
        &self,
        livemode: Livemode,
        ids: &[String],
    ) -> Result<HashMap<String, String>> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let mut query = QueryBuilder::<Db>::new("select customer_id, user_id from mapping where livemode = ");
        query.push_bind(livemode.is_live()).push(" and customer_id");
        push_in(&mut query, ids);
        let rows = query.build().fetch_all(&self.read).await?;
        rows.iter().map(|row| Ok((row.text("customer_id")?, row.text("user_id")?))).collect()
    }

    pub(super) async fn sync_states_of(
        &self,
        livemode: Livemode,
        ids: &[String],
    ) -> Result<HashMap<String, SyncState>> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let mut query =
            QueryBuilder::<Db>::new("select c.customer_id, c.synced_at, c.dirty_at is not null as is_doubted,");
        query.push(DIFFERS).push(" as differs from customer c where c.livemode = ");
        query.push_bind(livemode.is_live()).push(" and c.customer_id");
        push_in(&mut query, ids);
        let rows = query.build().fetch_all(&self.read).await?;
        let states = rows.iter().map(|row| {
            let state = SyncState {
                synced_at: row.opt_time("synced_at")?,
                is_doubted: row.flag("is_doubted")?,
                differs: row.flag("differs")?,
            };
            Ok((row.text("customer_id")?, state))
        });
        states.collect()
    }
}

/// Adds the customers of a short list, from their ids on.
fn push_few(query: &mut QueryBuilder<Db>, livemode: Livemode, filter: &CustomerFilter) {
    // A cross join is read as it is written: SQLite would rather walk every customer and ask whether it is among them.
    query.push(" from (");
    if let Some(text) = searched(filter) {
        push_found(query, livemode, text);
    } else {
        query.push("select distinct customer_id from resync_customer where status = 'differs'");
    }
    query.push(") as found cross join customer c where c.customer_id = found.customer_id and c.livemode = ");
    query.push_bind(livemode.is_live());
    push_among(query, filter.among);
}
