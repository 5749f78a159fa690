//! What a resync read from Stripe, compared with what is stored: kept until then, taken in without a commit to see what would change, and
//! taken in for good. Older answers lose against newer news by themselves: all of it is evidence with a time.

use std::collections::{BTreeSet, HashSet};

use async_trait::async_trait;
use domain::{Livemode, Timestamp};
use serde_json::Value;
use sqlx::QueryBuilder;

use super::rows::{Columns as _, DbRow, json as read_json, to_json};
use super::write::Write;
use super::{Backend, Db};
use crate::records::{
    Author, Compared, Effects, GUEST, JobChange, NewResync, Page, Place, Purpose, ReadClaim, ResyncCounts,
    ResyncCustomer, ResyncRange, ResyncRecord, ResyncStatus, Snapshot, StagedObject, SyncReport,
};
use crate::{Error, Result, Resyncs};

/// Rows of one statement: PostgreSQL takes at most 65,535 values.
const ROWS_AT_ONCE: usize = 1000;

#[async_trait]
impl Resyncs for Backend {
    async fn create_resync(&self, new: &NewResync, author: &Author) -> Result<ResyncRecord> {
        self.add_resync(new, author).await
    }

    async fn resync(&self, resync_id: &str) -> Result<Option<(ResyncRecord, ResyncCounts)>> {
        self.find_resync(resync_id).await
    }

    async fn resyncs(&self, livemode: Livemode, purpose: Option<Purpose>, place: &Place) -> Result<Page<ResyncRecord>> {
        self.list_resyncs(livemode, purpose, place).await
    }

    async fn count_resyncs(&self, livemode: Livemode) -> Result<i64> {
        self.resync_count(livemode).await
    }

    async fn resync_customers(
        &self,
        resync_id: &str,
        statuses: &[&str],
        place: &Place,
    ) -> Result<Page<ResyncCustomer>> {
        self.list_resync_customers(resync_id, statuses, place).await
    }

    async fn change_resync(&self, resync_id: &str, change: JobChange, author: &Author) -> Result<bool> {
        self.steer_resync(resync_id, change, author).await
    }

    async fn claim_resync(&self, named: Option<&str>, owner: &str, now: Timestamp) -> Result<Option<ResyncRecord>> {
        self.lease_resync(named, owner, now).await
    }

    async fn release_resync(
        &self,
        resync_id: &str,
        owner: &str,
        failed: Option<(&str, Timestamp)>,
        now: Timestamp,
    ) -> Result<()> {
        self.leave_resync(resync_id, owner, failed, now).await
    }

    async fn release_resyncs(&self, owner: &str, now: Timestamp) -> Result<()> {
        self.leave_all_resyncs(owner, now).await
    }

    async fn resync_ranges(&self, resync_id: &str) -> Result<Vec<ResyncRange>> {
        self.ranges(resync_id).await
    }

    async fn stage_page(
        &self,
        resync_id: &str,
        owner: &str,
        range: &ResyncRange,
        objects: &[StagedObject],
        now: Timestamp,
    ) -> Result<bool> {
        let mut write = self.begin().await?;
        if write.hold_resync(resync_id, owner, true, now).await?.is_none() {
            return Ok(false);
        }
        write.stage(resync_id, objects).await?;
        write.put_range(resync_id, range, objects.len(), 1).await?;
        write.commit(now).await?;
        Ok(true)
    }

    async fn put_ranges(&self, resync_id: &str, owner: &str, ranges: &[ResyncRange], now: Timestamp) -> Result<bool> {
        let mut write = self.begin().await?;
        if write.hold_resync(resync_id, owner, false, now).await?.is_none() {
            return Ok(false);
        }
        sqlx::query("update resync set read_from = coalesce(read_from, $2) where resync_id = $1")
            .bind(resync_id)
            .bind(now.millis())
            .execute(write.conn())
            .await?;
        for range in ranges {
            write.put_range(resync_id, range, 0, 0).await?;
        }
        write.commit(now).await?;
        Ok(true)
    }

    async fn begin_comparing(&self, resync_id: &str, owner: &str, now: Timestamp) -> Result<bool> {
        let mut write = self.begin().await?;
        let Some(resync) = write.hold_resync(resync_id, owner, true, now).await? else { return Ok(false) };
        let read_from = resync.read_from.unwrap_or(now).millis();
        sqlx::query(
            "insert into resync_customer (resync_id, customer_id, status, read_at)
             select resync_id, customer_id, 'waiting', cast($2 as bigint) from resync_object where resync_id = $1 and kind = 'customer'
             on conflict do nothing",
        )
        .bind(resync_id)
        .bind(read_from)
        .execute(write.conn())
        .await?;
        // Stripe's lists leave out who was deleted; a guest has no customer at all.
        sqlx::query(
            "insert into resync_customer (resync_id, customer_id, status)
             select cast($1 as text), c.customer_id, 'waiting' from customer c
             where c.livemode = $3 and not c.deleted and c.first_seen_at <= $2
               and not exists (select 1 from resync_object o where o.resync_id = $1 and o.customer_id = c.customer_id and o.kind = 'customer')
             on conflict do nothing",
        )
        .bind(resync_id)
        .bind(read_from)
        .bind(resync.new.livemode.is_live())
        .execute(write.conn())
        .await?;
        sqlx::query("update resync set status = 'comparing' where resync_id = $1")
            .bind(resync_id)
            .execute(write.conn())
            .await?;
        write.commit(now).await?;
        Ok(true)
    }

    async fn stage_customer(
        &self,
        resync_id: &str,
        owner: &str,
        customer_id: &str,
        answer: std::result::Result<&Snapshot, &str>,
        read_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool> {
        let mut write = self.begin().await?;
        if write.hold_resync(resync_id, owner, answer.is_ok(), now).await?.is_none() {
            return Ok(false);
        }
        let status = match answer {
            Ok(snapshot) => {
                write.stage(resync_id, &objects_of(customer_id, snapshot)).await?;
                "waiting"
            }
            Err(_) => "failed",
        };
        sqlx::query(
            "update resync_customer set read_at = $3, status = $4, error = $5 where resync_id = $1 and customer_id = $2",
        )
        .bind(resync_id)
        .bind(customer_id)
        .bind(read_at.millis())
        .bind(status)
        .bind(answer.err())
        .execute(write.conn())
        .await?;
        write.commit(now).await?;
        Ok(true)
    }

    async fn compare_staged(&self, resync_id: &str, owner: &str, limit: i64, now: Timestamp) -> Result<Compared> {
        let mut write = self.begin().await?;
        let Some(resync) = write.hold_resync(resync_id, owner, false, now).await? else { return Ok(Compared::NotOurs) };
        let waiting = |read: &'static str| {
            format!(
                "select customer_id, read_at from resync_customer
                 where resync_id = $1 and status = 'waiting' and read_at is {read} order by customer_id limit $2"
            )
        };
        let ask = |sql: String| sqlx::query(sqlx::AssertSqlSafe(sql)).bind(resync_id).bind(limit);
        let rows = ask(waiting("not null")).fetch_all(write.conn()).await?;
        if rows.is_empty() {
            let unread = ask(waiting("null")).fetch_all(write.conn()).await?;
            let unread: Vec<String> = unread.iter().map(|row| row.text("customer_id")).collect::<Result<_>>()?;
            if !unread.is_empty() {
                write.commit(now).await?;
                return Ok(Compared::Unread(unread));
            }
            let status = write.after_comparing(&resync, now).await?;
            write.commit(now).await?;
            return Ok(Compared::All(status));
        }
        let mut found = Vec::with_capacity(rows.len());
        let in_line = write.customers_in_line(resync.new.livemode).await?;
        write.savepoint().await?;
        for row in &rows {
            let (customer_id, read_at) = (row.text("customer_id")?, row.time("read_at")?);
            let status = if in_line.contains(&customer_id) || write.is_dirty(resync.new.livemode, &customer_id).await? {
                Found { status: "skipped", effects: None, error: None, asks: false }
            } else {
                let snapshot = snapshot_of(write.staged(resync_id, &customer_id).await?)?;
                write.try_out(resync.new.livemode, &customer_id, &snapshot, read_at, now).await?
            };
            found.push((customer_id, read_at, status));
        }
        write.roll_back_to_savepoint().await?;
        for (customer_id, read_at, found) in &found {
            write.note_found(&resync, customer_id, *read_at, found).await?;
            if found.asks {
                write.mark_dirty(resync.new.livemode, customer_id, now, false).await?;
            }
        }
        write.commit(now).await?;
        Ok(Compared::Customers(found.len()))
    }

    async fn staged_differences(&self, resync_id: &str, limit: i64) -> Result<Vec<(String, Snapshot, Timestamp)>> {
        let rows = sqlx::query(
            "select customer_id, read_at from resync_customer where resync_id = $1 and status = 'differs' order by customer_id limit $2",
        )
        .bind(resync_id)
        .bind(limit)
        .fetch_all(&self.read)
        .await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in &rows {
            let customer_id = row.text("customer_id")?;
            let staged = sqlx::query(STAGED).bind(resync_id).bind(&customer_id).fetch_all(&self.read).await?;
            found.push((customer_id, snapshot_of(staged)?, row.time("read_at")?));
        }
        Ok(found)
    }

    async fn lease_customer(
        &self,
        livemode: Livemode,
        customer_id: &str,
        owner: &str,
        now: Timestamp,
    ) -> Result<Option<ReadClaim>> {
        self.lease_unmarked(livemode, customer_id, owner, now).await
    }

    async fn note_applied(
        &self,
        resync_id: &str,
        owner: &str,
        customer_id: &str,
        applied: std::result::Result<Option<&Effects>, &str>,
        now: Timestamp,
    ) -> Result<bool> {
        let mut write = self.begin().await?;
        if write.hold_resync(resync_id, owner, true, now).await?.is_none() {
            return Ok(false);
        }
        let status = match applied {
            Ok(Some(_)) => "applied",
            Ok(None) => "skipped",
            Err(_) => "failed",
        };
        sqlx::query(
            "update resync_customer set status = $3, effects = coalesce($4, effects), error = $5 where resync_id = $1 and customer_id = $2",
        )
        .bind(resync_id)
        .bind(customer_id)
        .bind(status)
        .bind(applied.ok().flatten().filter(|effects| !effects.is_empty()).map(to_json))
        .bind(applied.err())
        .execute(write.conn())
        .await?;
        write.unstage(resync_id, customer_id).await?;
        write.commit(now).await?;
        Ok(true)
    }

    async fn preview_snapshot(
        &self,
        livemode: Livemode,
        customer_id: &str,
        snapshot: &Snapshot,
        started_at: Timestamp,
        now: Timestamp,
    ) -> Result<SyncReport> {
        let mut write = self.begin().await?;
        write.savepoint().await?;
        let report = write.make_agree(&unleased(livemode, customer_id, started_at), snapshot, started_at, now).await;
        write.roll_back_to_savepoint().await?;
        write.commit(now).await?;
        report
    }

    async fn open_drift(&self, livemode: Livemode, customer_ids: &[String]) -> Result<Vec<(Timestamp, Effects)>> {
        let mut drift = vec![];
        for customer_id in customer_ids {
            let row = sqlx::query(
                "select r.read_at, r.effects from resync_customer r
                 join resync j on j.resync_id = r.resync_id and j.livemode = $1
                 join customer c on c.livemode = $1 and c.customer_id = r.customer_id
                 where r.customer_id = $2 and r.status = 'differs' and r.effects is not null
                   and (c.synced_at is null or c.synced_at < r.read_at) and (c.last_event_at is null or c.last_event_at <= r.read_at)
                 order by r.read_at desc limit 1",
            )
            .bind(livemode.is_live())
            .bind(customer_id)
            .fetch_optional(&self.read)
            .await?;
            if let Some(row) = row {
                let effects = read_json("resync_customer", "effects", customer_id, &row.text("effects")?)?;
                drift.push((row.time("read_at")?, effects));
            }
        }
        Ok(drift)
    }
}

/// Everything of one customer that was read.
const STAGED: &str =
    "select kind, object from resync_object where resync_id = $1 and customer_id = $2 order by kind, object_id";

/// What comparing a customer found.
struct Found {
    status: &'static str,
    effects: Option<Effects>,
    error: Option<String>,
    /// Whether it has to be read once more.
    asks: bool,
}

impl Write<'_> {
    async fn stage(&mut self, resync_id: &str, objects: &[StagedObject]) -> Result<()> {
        let objects = self.without_persons(resync_id, objects).await?;
        let (guests, objects): (Vec<_>, Vec<_>) = objects.iter().partition(|staged| staged.kind == GUEST);
        // A session alone does not say what became of its payment: each guest is read, whole.
        for chunk in guests.chunks(ROWS_AT_ONCE) {
            let mut query = QueryBuilder::<Db>::new("insert into resync_customer (resync_id, customer_id, status) ");
            query.push_values(chunk, |mut row, guest| {
                row.push_bind(resync_id).push_bind(&guest.customer_id).push("'waiting'");
            });
            query.push(" on conflict do nothing");
            query.build().execute(self.conn()).await?;
        }
        for chunk in objects.chunks(ROWS_AT_ONCE) {
            let mut query =
                QueryBuilder::<Db>::new("insert into resync_object (resync_id, customer_id, kind, object_id, object) ");
            query.push_values(chunk, |mut row, staged| {
                row.push_bind(resync_id).push_bind(&staged.customer_id).push_bind(staged.kind);
                row.push_bind(&staged.id).push_bind(&staged.object);
            });
            query.push(" on conflict (resync_id, customer_id, kind, object_id) do update set object = excluded.object");
            query.build().execute(self.conn()).await?;
        }
        Ok(())
    }

    /// What Stripe says of customers whose data was erased, without that data.
    async fn without_persons(&mut self, resync_id: &str, objects: &[StagedObject]) -> Result<Vec<StagedObject>> {
        let customers: BTreeSet<&str> = objects.iter().map(|staged| staged.customer_id.as_str()).collect();
        let customers: Vec<&str> = customers.into_iter().collect();
        let mut erased: BTreeSet<String> = BTreeSet::new();
        for some in customers.chunks(ROWS_AT_ONCE) {
            let mut query = QueryBuilder::<Db>::new(
                "select x.customer_id from resync r join erased_customer x on x.livemode = r.livemode where r.resync_id = ",
            );
            query.push_bind(resync_id).push(" and x.customer_id in (");
            let mut list = query.separated(", ");
            for customer_id in some {
                list.push_bind(*customer_id);
            }
            query.push(")");
            let found: Vec<String> = query.build_query_scalar().fetch_all(self.conn()).await?;
            erased.extend(found);
        }
        let mut objects = objects.to_vec();
        for staged in objects.iter_mut().filter(|staged| erased.contains(&staged.customer_id)) {
            let mut object = serde_json::from_str(&staged.object).unwrap_or_default();
            domain::stripe::redact::redact(&mut object);
            staged.object = object.to_string();
        }
        Ok(objects)
    }

    async fn unstage(&mut self, resync_id: &str, customer_id: &str) -> Result<()> {
        sqlx::query("delete from resync_object where resync_id = $1 and customer_id = $2")
            .bind(resync_id)
            .bind(customer_id)
            .execute(self.conn())
            .await?;
        Ok(())
    }

    async fn put_range(&mut self, resync_id: &str, range: &ResyncRange, objects: usize, pages: i64) -> Result<()> {
        let (after_id, after_created) = range.after.clone().unzip();
        sqlx::query(
            "insert into resync_range (resync_id, list, number, created_from, created_until, after_id, after_created, is_done, objects, pages)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             on conflict (resync_id, list, number) do update
                set created_from = excluded.created_from, created_until = excluded.created_until, after_id = excluded.after_id, after_created = excluded.after_created,
                    is_done = excluded.is_done, objects = resync_range.objects + excluded.objects, pages = resync_range.pages + excluded.pages",
        )
        .bind(resync_id)
        .bind(&range.list)
        .bind(range.number)
        .bind(range.created_from)
        .bind(range.created_until)
        .bind(after_id)
        .bind(after_created)
        .bind(range.is_done)
        .bind(i64::try_from(objects).unwrap_or(i64::MAX))
        .bind(pages)
        .execute(self.conn())
        .await?;
        Ok(())
    }

    async fn staged(&mut self, resync_id: &str, customer_id: &str) -> Result<Vec<DbRow>> {
        Ok(sqlx::query(STAGED).bind(resync_id).bind(customer_id).fetch_all(self.conn()).await?)
    }

    /// Customers of whom events wait to be processed: what differs may be told by those.
    async fn customers_in_line(&mut self, livemode: Livemode) -> Result<HashSet<String>> {
        let rows = sqlx::query_scalar::<_, String>(
            "select distinct customer_id from event
             where status in ('pending', 'failed') and not waits_for_read and next_attempt_at is not null and livemode = $1
               and status = 'pending' and customer_id is not null",
        )
        .bind(livemode.is_live())
        .fetch_all(self.conn())
        .await?;
        Ok(rows.into_iter().collect())
    }

    /// Whether the customer waits to be read.
    async fn is_dirty(&mut self, livemode: Livemode, customer_id: &str) -> Result<bool> {
        let dirty: Option<i32> = sqlx::query_scalar(
            "select 1 from customer where livemode = $1 and customer_id = $2 and dirty_at is not null",
        )
        .bind(livemode.is_live())
        .bind(customer_id)
        .fetch_optional(self.conn())
        .await?;
        Ok(dirty.is_some())
    }

    async fn try_out(
        &mut self,
        livemode: Livemode,
        customer_id: &str,
        snapshot: &Snapshot,
        read_at: Timestamp,
        now: Timestamp,
    ) -> Result<Found> {
        match self.make_agree(&unleased(livemode, customer_id, read_at), snapshot, read_at, now).await {
            // It cannot be told from this answer.
            Ok(report) if report.effects.is_empty() && report.marked_again => {
                Ok(Found { status: "skipped", effects: None, error: None, asks: true })
            }
            Ok(report) if report.effects.is_empty() => {
                Ok(Found { status: "same", effects: None, error: None, asks: false })
            }
            Ok(report) => Ok(Found { status: "differs", effects: Some(report.effects), error: None, asks: false }),
            // One customer whose answer cannot be read is a line of its own and does not stop the others.
            Err(error @ Error::Inconsistent { .. }) => {
                Ok(Found { status: "failed", effects: None, error: Some(error.to_string()), asks: false })
            }
            Err(error) => Err(error),
        }
    }

    async fn note_found(
        &mut self,
        resync: &ResyncRecord,
        customer_id: &str,
        read_at: Timestamp,
        found: &Found,
    ) -> Result<()> {
        sqlx::query("update resync_customer set status = $3, effects = $4, error = $5 where resync_id = $1 and customer_id = $2")
            .bind(&resync.resync_id)
            .bind(customer_id)
            .bind(found.status)
            .bind(found.effects.as_ref().map(to_json))
            .bind(found.error.as_deref())
            .execute(self.conn())
            .await?;
        if found.status == "differs" {
            return Ok(());
        }
        self.unstage(&resync.resync_id, customer_id).await?;
        if found.status == "same" {
            sqlx::query(
                "update customer set synced_at = $3 where livemode = $1 and customer_id = $2 and (synced_at is null or synced_at < $3)",
            )
            .bind(resync.new.livemode.is_live())
            .bind(customer_id)
            .bind(read_at.millis())
            .execute(self.conn())
            .await?;
        }
        Ok(())
    }

    /// Every customer is compared: whether it is over, waits for a word, or goes on to mend.
    async fn after_comparing(&mut self, resync: &ResyncRecord, now: Timestamp) -> Result<ResyncStatus> {
        let differs: Option<i32> =
            sqlx::query_scalar("select 1 from resync_customer where resync_id = $1 and status = 'differs' limit 1")
                .bind(&resync.resync_id)
                .fetch_optional(self.conn())
                .await?;
        let status = match (resync.status, differs) {
            (ResyncStatus::Applying, Some(_)) => return Ok(ResyncStatus::Applying),
            (_, Some(_)) if resync.new.applies => ResyncStatus::Applying,
            // What a reconcile only reports stays to be seen; nobody is waited for.
            (_, Some(_)) if resync.new.purpose == Purpose::Resync => ResyncStatus::Ready,
            _ => ResyncStatus::Done,
        };
        let (next_at, finished_at) = match status {
            ResyncStatus::Applying => (Some(now.millis()), None),
            ResyncStatus::Done => (None, Some(now.millis())),
            _ => (None, None),
        };
        sqlx::query("update resync set status = $2, next_at = $3, finished_at = $4 where resync_id = $1")
            .bind(&resync.resync_id)
            .bind(status.as_str())
            .bind(next_at)
            .bind(finished_at)
            .execute(self.conn())
            .await?;
        if status == ResyncStatus::Done {
            self.drop_staged(&resync.resync_id).await?;
        }
        Ok(status)
    }
}

/// Whom a trial is about: it changes nothing, so nobody has to be kept away.
fn unleased(livemode: Livemode, customer_id: &str, read_at: Timestamp) -> ReadClaim {
    ReadClaim { livemode, customer_id: customer_id.to_owned(), dirty_at: read_at, owner: String::new() }
}

/// A snapshot as objects to keep.
fn objects_of(customer_id: &str, snapshot: &Snapshot) -> Vec<StagedObject> {
    let staged = |kind: &'static str, object: &Value| StagedObject {
        customer_id: customer_id.to_owned(),
        kind,
        id: object["id"].as_str().unwrap_or_default().to_owned(),
        object: object.to_string(),
    };
    let lists = [
        ("subscription", &snapshot.subscriptions),
        ("checkout_session", &snapshot.checkout_sessions),
        ("invoice", &snapshot.invoices),
        ("charge", &snapshot.charges),
        ("dispute", &snapshot.disputes),
    ];
    let mut objects: Vec<StagedObject> = snapshot.customer.iter().map(|object| staged("customer", object)).collect();
    for (kind, list) in lists {
        objects.extend(list.iter().map(|object| staged(kind, object)));
    }
    objects.extend(snapshot.entitlements.as_ref().map(|list| staged("entitlements", &Value::Array(list.clone()))));
    objects
}

/// The objects as the snapshot they were.
fn snapshot_of(rows: Vec<DbRow>) -> Result<Snapshot> {
    let mut snapshot = Snapshot::default();
    for row in rows {
        let object: Value = read_json("resync_object", "object", "", &row.text("object")?)?;
        match row.text("kind")?.as_str() {
            "customer" => snapshot.customer = Some(object),
            "subscription" => snapshot.subscriptions.push(object),
            "checkout_session" => snapshot.checkout_sessions.push(object),
            "invoice" => snapshot.invoices.push(object),
            "charge" => snapshot.charges.push(object),
            "dispute" => snapshot.disputes.push(object),
            _ => snapshot.entitlements = object.as_array().cloned(),
        }
    }
    Ok(snapshot)
}
