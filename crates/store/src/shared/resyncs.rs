//! Resyncs: begun, leased, paused, ended, listed. What they find is `compare`'s.

use domain::{Livemode, Timestamp};
use serde_json::json;
use sqlx::QueryBuilder;

use super::audit::audit;
use super::jobs::RESYNC;
use super::paging::{Order, count, push_counted, push_place};
use super::rows::{Columns as _, DbRow, json as read_json, to_json, word};
use super::write::Write;
use super::{Backend, Db};
use crate::Result;
use crate::records::{
    Author, JobChange, NewResync, Page, Place, Purpose, ResyncCounts, ResyncCustomer, ResyncRange, ResyncRecord,
    ResyncScope, ResyncStatus, SCHEDULE,
};

/// How long a step may take before somebody else goes on.
const LEASE_MS: i64 = 60_000;
/// The columns of a [`ResyncRecord`].
const RECORD: &str = "resync_id, livemode, purpose, scope, status, is_paused, applies, created_by, reason, created_at, read_from, finished_at,
    next_at, attempts, error";

fn record(row: &DbRow) -> Result<ResyncRecord> {
    let id = row.text("resync_id")?;
    let new = NewResync {
        livemode: row.livemode()?,
        purpose: word("resync", "purpose", &id, &row.text("purpose")?, Purpose::parse)?,
        scope: read_json("resync", "scope", &id, &row.text("scope")?)?,
        applies: row.flag("applies")?,
    };
    Ok(ResyncRecord {
        new,
        status: word("resync", "status", &id, &row.text("status")?, ResyncStatus::parse)?,
        is_paused: row.flag("is_paused")?,
        created_by: row.text("created_by")?,
        reason: row.opt_text("reason")?,
        created_at: row.time("created_at")?,
        read_from: row.opt_time("read_from")?,
        finished_at: row.opt_time("finished_at")?,
        next_at: row.opt_time("next_at")?,
        attempts: row.int("attempts")?,
        error: row.opt_text("error")?,
        resync_id: id,
    })
}

impl Backend {
    pub(super) async fn add_resync(&self, new: &NewResync, author: &Author) -> Result<ResyncRecord> {
        let now = author.now;
        let mut write = self.begin().await?;
        write.forget_old(&RESYNC, now).await?;
        if let Some(open) = write.open_reconcile(new).await? {
            return Ok(open);
        }
        let resync_id = format!("rsy_{}", uuid::Uuid::now_v7().simple());
        let status = if new.scope == ResyncScope::All { ResyncStatus::Reading } else { ResyncStatus::Comparing };
        sqlx::query(
            "insert into resync (resync_id, livemode, purpose, scope, status, is_paused, applies, created_by, reason, created_at, next_at, attempts)
             values ($1, $2, $3, $4, $5, false, $6, $7, $8, $9, $9, 0)",
        )
        .bind(&resync_id)
        .bind(new.livemode.is_live())
        .bind(new.purpose.as_str())
        .bind(to_json(&new.scope))
        .bind(status.as_str())
        .bind(new.applies)
        .bind(&author.actor)
        .bind(author.reason.as_deref())
        .bind(now.millis())
        .execute(write.conn())
        .await?;
        write.choose_customers(&resync_id, new, now).await?;
        // What the clock begins each hour is no act of anybody's; what it mends has its own entries.
        if author.actor != SCHEDULE {
            let details = json!({"purpose": new.purpose.as_str(), "scope": new.scope, "applies": new.applies});
            audit(write.conn(), author, "resync.create", Some(new.livemode), ("resync", &resync_id), &details).await?;
        }
        let row = write.resync(&resync_id).await?;
        write.commit(now).await?;
        record(&row)
    }

    pub(super) async fn find_resync(&self, resync_id: &str) -> Result<Option<(ResyncRecord, ResyncCounts)>> {
        let sql = format!("select {RECORD} from resync where resync_id = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(resync_id).fetch_optional(&self.read).await?;
        let Some(row) = row else { return Ok(None) };
        let mut counts = ResyncCounts::default();
        let read = sqlx::query(
            "select cast(coalesce(sum(objects), 0) as bigint) as objects, cast(coalesce(sum(pages), 0) as bigint) as pages
             from resync_range where resync_id = $1",
        )
        .bind(resync_id)
        .fetch_one(&self.read)
        .await?;
        (counts.objects, counts.pages) = (read.int("objects")?, read.int("pages")?);
        let by_status =
            "select status, count(*) as customers from resync_customer where resync_id = $1 group by status";
        for row in sqlx::query(by_status).bind(resync_id).fetch_all(&self.read).await? {
            let customers = row.int("customers")?;
            match row.text("status")?.as_str() {
                "waiting" => counts.waiting = customers,
                "same" => counts.same = customers,
                "skipped" => counts.skipped = customers,
                "differs" => counts.differs = customers,
                "applied" => counts.applied = customers,
                _ => counts.failed += customers,
            }
        }
        Ok(Some((record(&row)?, counts)))
    }

    pub(super) async fn list_resyncs(
        &self,
        livemode: Livemode,
        purpose: Option<Purpose>,
        place: &Place,
    ) -> Result<Page<ResyncRecord>> {
        let mut query = QueryBuilder::<Db>::new(format!("select {RECORD} from resync where livemode = "));
        query.push_bind(livemode.is_live());
        if let Some(purpose) = purpose {
            query.push(" and purpose = ").push_bind(purpose.as_str());
        }
        push_place(&mut query, ("created_at", "resync_id"), Order::Falling, place);
        let rows = query.build().fetch_all(&self.read).await?;
        Ok(place.page(rows.iter().map(record).collect::<Result<_>>()?))
    }

    pub(super) async fn resync_count(&self, livemode: Livemode) -> Result<i64> {
        let mut query = count();
        query.push(" from resync where livemode = ").push_bind(livemode.is_live());
        push_counted(&mut query);
        Ok(query.build_query_scalar().fetch_one(&self.read).await?)
    }

    pub(super) async fn list_resync_customers(
        &self,
        resync_id: &str,
        statuses: &[&str],
        place: &Place,
    ) -> Result<Page<ResyncCustomer>> {
        let (than, order) = Order::Rising.words(place.is_backwards());
        let mut query = QueryBuilder::<Db>::new(
            "select r.customer_id, r.status, r.read_at, r.effects, r.error,
                (select m.user_id from mapping m join resync j on j.resync_id = r.resync_id
                 where m.livemode = j.livemode and m.customer_id = r.customer_id) as user_id
             from resync_customer r where r.resync_id = ",
        );
        query.push_bind(resync_id.to_owned()).push(" and r.status in (");
        let mut list = query.separated(", ");
        for status in statuses {
            list.push_bind((*status).to_owned());
        }
        query.push(")");
        if let Some(key) = place.key() {
            query.push(format!(" and r.customer_id {than} ")).push_bind(key.clone());
        }
        query.push(format!(" order by r.customer_id{order} limit ")).push_bind(place.limit + 1);
        let rows = query.build().fetch_all(&self.read).await?;
        let customer = |row: &DbRow| {
            let customer_id = row.text("customer_id")?;
            let effects = row.opt_text("effects")?;
            let effects =
                effects.map(|text| read_json("resync_customer", "effects", &customer_id, &text)).transpose()?;
            Ok(ResyncCustomer {
                user_id: row.opt_text("user_id")?,
                status: row.text("status")?,
                read_at: row.opt_time("read_at")?,
                effects,
                error: row.opt_text("error")?,
                customer_id,
            })
        };
        Ok(place.page(rows.iter().map(customer).collect::<Result<_>>()?))
    }

    pub(super) async fn steer_resync(&self, resync_id: &str, change: JobChange, author: &Author) -> Result<bool> {
        let mut write = self.begin().await?;
        if !write.steer(&RESYNC, resync_id, change, author).await? {
            return Ok(false);
        }
        if change == JobChange::Cancel {
            write.drop_staged(resync_id).await?;
        }
        write.commit(author.now).await?;
        Ok(true)
    }

    pub(super) async fn lease_resync(
        &self,
        named: Option<&str>,
        owner: &str,
        now: Timestamp,
    ) -> Result<Option<ResyncRecord>> {
        let due = "select resync_id from resync
                   where next_at is not null and (lease_until is null or lease_until <= $1)
                     and case when cast($2 as text) is null then next_at <= $1 else resync_id = $2 end
                   order by next_at limit 1";
        let ask = || sqlx::query_scalar::<_, String>(due).bind(now.millis()).bind(named);
        // The writer is not taken to learn that there is nothing to do.
        if ask().fetch_optional(&self.read).await?.is_none() {
            return Ok(None);
        }
        let mut write = self.begin().await?;
        let Some(resync_id) = ask().fetch_optional(write.conn()).await? else { return Ok(None) };
        sqlx::query("update resync set lease_owner = $2, lease_until = $3, next_at = $3 where resync_id = $1")
            .bind(&resync_id)
            .bind(owner)
            .bind(now.plus_millis(LEASE_MS).millis())
            .execute(write.conn())
            .await?;
        let row = write.resync(&resync_id).await?;
        write.commit(now).await?;
        record(&row).map(Some)
    }

    pub(super) async fn leave_resync(
        &self,
        resync_id: &str,
        owner: &str,
        failed: Option<(&str, Timestamp)>,
        now: Timestamp,
    ) -> Result<()> {
        let mut write = self.begin().await?;
        let (error, next_at) = failed.unzip();
        sqlx::query(
            "update resync
             set lease_owner = null, lease_until = null, next_at = case when next_at is null then null else $3 end, error = $4,
                 attempts = case when $4 is null then 0 else attempts + 1 end
             where resync_id = $1 and lease_owner = $2",
        )
        .bind(resync_id)
        .bind(owner)
        .bind(next_at.unwrap_or(now).millis())
        .bind(error)
        .execute(write.conn())
        .await?;
        write.commit(now).await
    }

    pub(super) async fn leave_all_resyncs(&self, owner: &str, now: Timestamp) -> Result<()> {
        let mut write = self.begin().await?;
        sqlx::query(
            "update resync set lease_owner = null, lease_until = null, next_at = case when next_at is null then null else $2 end
             where lease_owner = $1",
        )
        .bind(owner)
        .bind(now.millis())
        .execute(write.conn())
        .await?;
        write.commit(now).await
    }

    pub(super) async fn ranges(&self, resync_id: &str) -> Result<Vec<ResyncRange>> {
        let rows = sqlx::query(
            "select list, number, created_from, created_until, after_id, after_created, is_done from resync_range
             where resync_id = $1 order by list, number",
        )
        .bind(resync_id)
        .fetch_all(&self.read)
        .await?;
        let range = |row: &DbRow| {
            Ok(ResyncRange {
                list: row.text("list")?,
                number: row.int("number")?,
                created_from: row.int("created_from")?,
                created_until: row.int("created_until")?,
                after: row.opt_text("after_id")?.zip(row.opt_int("after_created")?),
                is_done: row.flag("is_done")?,
            })
        };
        rows.iter().map(range).collect()
    }
}

impl Write<'_> {
    async fn resync(&mut self, resync_id: &str) -> Result<DbRow> {
        let sql = format!("select {RECORD} from resync where resync_id = $1");
        Ok(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(resync_id).fetch_one(self.conn()).await?)
    }

    /// The reconcile of the mode that is not over: another process may have begun it in the same moment.
    async fn open_reconcile(&mut self, new: &NewResync) -> Result<Option<ResyncRecord>> {
        if new.purpose != Purpose::Reconcile {
            return Ok(None);
        }
        let sql = format!(
            "select {RECORD} from resync where livemode = $1 and purpose = 'reconcile' and applies = $2 and finished_at is null limit 1"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(new.livemode.is_live())
            .bind(new.applies)
            .fetch_optional(self.conn())
            .await?;
        row.as_ref().map(record).transpose()
    }

    /// Renews the lease; none when this owner no longer has it. What `went_on` has not failed in a row.
    pub(super) async fn hold_resync(
        &mut self,
        resync_id: &str,
        owner: &str,
        went_on: bool,
        now: Timestamp,
    ) -> Result<Option<ResyncRecord>> {
        let sql = format!(
            "update resync set lease_until = $3, next_at = $3, attempts = case when $4 then 0 else attempts end,
                error = case when $4 then null else error end
             where resync_id = $1 and lease_owner = $2 returning {RECORD}"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(resync_id)
            .bind(owner)
            .bind(now.plus_millis(LEASE_MS).millis())
            .bind(went_on)
            .fetch_optional(self.conn())
            .await?;
        row.as_ref().map(record).transpose()
    }

    /// Puts the customers of a scope in line; those of everything are known once Stripe's lists are read.
    async fn choose_customers(&mut self, resync_id: &str, new: &NewResync, now: Timestamp) -> Result<()> {
        const INTO: &str = "insert into resync_customer (resync_id, customer_id, status) ";
        let live = new.livemode.is_live();
        match &new.scope {
            ResyncScope::All => {}
            ResyncScope::Customers { customer_ids } => {
                for customer_id in customer_ids {
                    let sql = format!("{INTO} values ($1, $2, 'waiting') on conflict do nothing");
                    let put = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(resync_id).bind(customer_id);
                    put.execute(self.conn()).await?;
                }
            }
            ResyncScope::Status { status } => {
                let sql = format!(
                    "{INTO} select distinct cast($1 as text), customer_id, 'waiting' from subscription where livemode = $2 and status = $3"
                );
                let put = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(resync_id).bind(live).bind(status);
                put.execute(self.conn()).await?;
            }
            ResyncScope::Unattributed => {
                let sql = format!(
                    "{INTO} select cast($1 as text), c.customer_id, 'waiting' from customer c
                     where c.livemode = $2 and not c.deleted
                       and not exists (select 1 from mapping m where m.livemode = c.livemode and m.customer_id = c.customer_id)"
                );
                let put = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(resync_id).bind(live);
                put.execute(self.conn()).await?;
            }
            ResyncScope::Risk { customers } => self.choose_by_risk(resync_id, new, *customers, now).await?,
        }
        Ok(())
    }

    /// Each kind of risk in its order, until there are enough; nobody who was compared in the last hour. Who could not be
    /// compared, or differs and is only reported, is tried again after a day.
    async fn choose_by_risk(&mut self, resync_id: &str, new: &NewResync, customers: i64, now: Timestamp) -> Result<()> {
        const HOUR: i64 = 3_600_000;
        let mut left = customers;
        for (n, risk) in RISKS.iter().enumerate() {
            // Each has its share, so that the last is never out of turn.
            let share = if n + 1 == RISKS.len() { left } else { (customers / 4).max(1).min(left) };
            if share <= 0 {
                break;
            }
            let sql = format!(
                "insert into resync_customer (resync_id, customer_id, status)
                 select cast($1 as text), c.customer_id, 'waiting' from customer c
                 where c.livemode = $2 and not c.deleted and (c.synced_at is null or c.synced_at < $3) and {risk}
                   and not exists (select 1 from resync_customer r where r.resync_id = $1 and r.customer_id = c.customer_id)
                   and not exists (select 1 from resync_customer r where r.customer_id = c.customer_id and r.read_at > $5
                     and (r.status = 'failed' or (r.status = 'differs' and not $6)))
                 order by c.synced_at nulls first, c.customer_id
                 limit $4"
            );
            let put = sqlx::query(sqlx::AssertSqlSafe(sql))
                .bind(resync_id)
                .bind(new.livemode.is_live())
                .bind(now.plus_millis(-HOUR).millis())
                .bind(share)
                .bind(now.plus_millis(-24 * HOUR).millis())
                .bind(new.applies);
            left -= i64::try_from(put.execute(self.conn()).await?.rows_affected()).unwrap_or(left);
        }
        Ok(())
    }

    /// What was read and is not needed any more.
    pub(super) async fn drop_staged(&mut self, resync_id: &str) -> Result<()> {
        for sql in ["delete from resync_object where resync_id = $1", "delete from resync_range where resync_id = $1"] {
            sqlx::query(sql).bind(resync_id).execute(self.conn()).await?;
        }
        Ok(())
    }
}

/// What makes it likely that a customer differs from Stripe, the likeliest first.
const RISKS: &[&str] = &[
    // It pays, and nobody has what it pays for.
    "c.customer_id in (select s.customer_id from subscription s where s.livemode = $2 and s.status in ('active', 'trialing', 'past_due'))
     and not exists (select 1 from mapping m where m.livemode = c.livemode and m.customer_id = c.customer_id)",
    // An event of it could not be processed.
    "c.customer_id in (select e.customer_id from event e where e.livemode = $2 and e.status = 'dead')",
    // Its access ends unless Stripe says otherwise.
    "c.customer_id in (select s.customer_id from subscription s where s.livemode = $2 and s.status in ('past_due', 'unpaid', 'incomplete'))",
    // Those that were not compared for longest.
    "true",
];
