//! What was never delivered is fetched: how far Stripe's list of events has been read, by whom, and what was missing.
//!
//! A reading goes from the newest event back to the newest one that an earlier reading knew, page by page. Its place is kept with each page
//! in the transaction that stores the page's events, so whoever comes next goes on there.

use std::collections::HashSet;

use async_trait::async_trait;
use domain::delivery::{Registration, Undelivered};
use domain::evidence::retry_delay_ms;
use domain::{Livemode, Timestamp};
use serde_json::json;
use sqlx::QueryBuilder;

use super::audit::audit;
use super::dialect::SKIP_LOCKED;
use super::intake::Arrival;
use super::rows::{Columns as _, DbRow, word};
use super::write::Write;
use super::{Backend, Db};
use crate::records::{Author, CatchUpClaim, CatchUpPage, CatchUpState};
use crate::{CatchUps, Result};

/// How often the list is read when nobody asks, and the longest wait after a failure.
const EVERY_MS: i64 = 3_600_000;
/// How long a page may take before somebody else may go on.
const LEASE_MS: i64 = 60_000;
/// Stripe's list may lag and its times are whole seconds: so far behind the newest known event a reading goes back.
const OVERLAP_MS: i64 = 600_000;
/// How long Stripe keeps events (docs.stripe.com/api/events/list).
const KEPT_MS: i64 = 30 * 86_400_000;
/// A delivery that was still to come when its event was fetched, and has not come since, failed.
const PATIENCE_MS: i64 = 3_600_000;

const COLUMNS: &str =
    "due_at, asked_at, asked_since, read_until, finished_at, began_at, since, newest, after_event, listed, missing,
    lost_since, lost_until, attempts, error, endpoint_state, endpoint_id, endpoint_at";

#[async_trait]
impl CatchUps for Backend {
    async fn request_catch_up(
        &self,
        livemode: Livemode,
        since: Option<Timestamp>,
        author: Option<&Author>,
        now: Timestamp,
    ) -> Result<()> {
        let mut write = self.begin().await?;
        sqlx::query(
            "insert into catch_up (livemode, due_at, asked_at, asked_since, listed, missing, attempts)
             values ($1, $2, $2, $3, 0, 0, 0)
             on conflict (livemode) do update
             set due_at = excluded.due_at, asked_at = excluded.asked_at,
                 asked_since = coalesce(excluded.asked_since, catch_up.asked_since)",
        )
        .bind(livemode.is_live())
        .bind(now.millis())
        .bind(since.map(Timestamp::millis))
        .execute(write.conn())
        .await?;
        if let Some(author) = author {
            let details = json!({"since": since});
            audit(write.conn(), author, "events.fetch_missing", Some(livemode), ("event", "*"), &details).await?;
        }
        write.commit(now).await
    }

    async fn claim_catch_up(&self, livemode: Livemode, owner: &str, now: Timestamp) -> Result<Option<CatchUpClaim>> {
        // The writer is not taken to learn that there is nothing to do.
        if self.catch_up(livemode).await?.is_none_or(|state| state.due_at > now) {
            return Ok(None);
        }
        let mut write = self.begin().await?;
        let sql = format!(
            "select {COLUMNS} from catch_up
             where livemode = $1 and due_at <= $2 and (lease_until is null or lease_until <= $2 or lease_owner = $3){SKIP_LOCKED}"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(livemode.is_live())
            .bind(now.millis())
            .bind(owner)
            .fetch_optional(write.conn())
            .await?;
        let Some(row) = row else { return Ok(None) };
        let in_hand = row.opt_time("began_at")?.zip(row.opt_time("since")?);
        let (began_at, since) = match in_hand {
            Some(in_hand) => in_hand,
            None => write.begin_reading(livemode, &row, now).await?,
        };
        sqlx::query("update catch_up set lease_owner = $2, lease_until = $3 where livemode = $1")
            .bind(livemode.is_live())
            .bind(owner)
            .bind(now.plus_millis(LEASE_MS).millis())
            .execute(write.conn())
            .await?;
        write.commit(now).await?;
        let after = if in_hand.is_some() { row.opt_text("after_event")? } else { None };
        Ok(Some(CatchUpClaim { livemode, owner: owner.to_owned(), began_at, since, after }))
    }

    async fn missing_events(&self, livemode: Livemode, event_ids: &[String]) -> Result<HashSet<String>> {
        let mut missing: HashSet<String> = event_ids.iter().cloned().collect();
        for chunk in event_ids.chunks(500) {
            let mut query = QueryBuilder::<Db>::new("select event_id from event where livemode = ");
            query.push_bind(livemode.is_live()).push(" and event_id in (");
            let mut list = query.separated(", ");
            for id in chunk {
                list.push_bind(id.clone());
            }
            query.push(")");
            for row in query.build().fetch_all(&self.read).await? {
                missing.remove(&row.text("event_id")?);
            }
        }
        Ok(missing)
    }

    async fn take_fetched(&self, claim: &CatchUpClaim, page: &CatchUpPage, now: Timestamp) -> Result<Vec<Undelivered>> {
        let mut write = self.begin().await?;
        let Some(row) = write.held(claim).await? else { return Ok(vec![]) };
        let arrivals: Vec<Arrival<'_>> = (page.missing.iter())
            .map(|fetched| Arrival { delivery: &fetched.delivery, copies: 0, undelivered: Some(fetched.reason) })
            .collect();
        let stored = write.insert_events(&arrivals).await?;
        let is_ours = |id: &str| {
            let found = stored.get(&(claim.livemode.is_live(), id.to_owned()));
            found.is_some_and(|arrived| arrived.fetched && arrived.deliveries == 0)
        };
        let taken: Vec<Undelivered> = (page.missing.iter())
            .filter(|fetched| is_ours(&fetched.delivery.envelope.id))
            .map(|fetched| fetched.reason)
            .collect();
        let newest = row.opt_time("newest")?.max(page.newest);
        let missing = row.int("missing")? + i64::try_from(taken.len()).unwrap_or(i64::MAX);
        sqlx::query(
            "update catch_up
             set listed = listed + $2, missing = $3, newest = $4, after_event = $5, lease_until = $6, attempts = 0, error = null
             where livemode = $1",
        )
        .bind(claim.livemode.is_live())
        .bind(page.listed)
        .bind(missing)
        .bind(newest.map(Timestamp::millis))
        .bind(page.next.as_deref())
        .bind(now.plus_millis(LEASE_MS).millis())
        .execute(write.conn())
        .await?;
        if let Some((state, id)) = &page.endpoint {
            sqlx::query(
                "update catch_up set endpoint_state = $2, endpoint_id = $3, endpoint_at = $4 where livemode = $1",
            )
            .bind(claim.livemode.is_live())
            .bind(state.as_str())
            .bind(id)
            .bind(now.millis())
            .execute(write.conn())
            .await?;
        }
        if page.next.is_none() {
            write.end_reading(claim, &row, newest, now).await?;
        }
        write.commit(now).await?;
        Ok(taken)
    }

    async fn fail_catch_up(&self, claim: &CatchUpClaim, error: &str, restart: bool, now: Timestamp) -> Result<()> {
        let mut write = self.begin().await?;
        let Some(row) = write.held(claim).await? else { return Ok(()) };
        let attempts = row.int("attempts")? + 1;
        let delay = retry_delay_ms(attempts, "catch_up").map_or(EVERY_MS, |delay| delay.min(EVERY_MS));
        let mut began_at = row.opt_int("began_at")?;
        if restart {
            began_at = None;
        }
        sqlx::query(
            "update catch_up
             set attempts = $2, error = $3, due_at = $4, began_at = $5, lease_owner = null, lease_until = null,
                 asked_since = case when $6 then since else asked_since end
             where livemode = $1",
        )
        .bind(claim.livemode.is_live())
        .bind(attempts)
        .bind(error)
        .bind(now.plus_millis(delay).millis())
        .bind(began_at)
        // What begins anew goes back as far as it was to.
        .bind(restart)
        .execute(write.conn())
        .await?;
        write.commit(now).await
    }

    async fn catch_up(&self, livemode: Livemode) -> Result<Option<CatchUpState>> {
        let sql = format!("select {COLUMNS} from catch_up where livemode = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(livemode.is_live()).fetch_optional(&self.read).await?;
        row.as_ref().map(state).transpose()
    }
}

fn state(row: &DbRow) -> Result<CatchUpState> {
    let endpoint = match (row.opt_text("endpoint_state")?, row.opt_text("endpoint_id")?, row.opt_time("endpoint_at")?) {
        (Some(state), Some(id), Some(at)) => {
            Some((word("catch_up", "endpoint_state", &id, &state, Registration::parse)?, id, at))
        }
        _ => None,
    };
    Ok(CatchUpState {
        due_at: row.time("due_at")?,
        asked_at: row.opt_time("asked_at")?,
        finished_at: row.opt_time("finished_at")?,
        began_at: row.opt_time("began_at")?,
        since: row.opt_time("since")?,
        listed: row.int("listed")?,
        missing: row.int("missing")?,
        lost: row.opt_time("lost_since")?.zip(row.opt_time("lost_until")?),
        attempts: row.int("attempts")?,
        error: row.opt_text("error")?,
        endpoint,
    })
}

impl Write<'_> {
    /// The row, when the lease and the reading are still this reader's.
    async fn held(&mut self, claim: &CatchUpClaim) -> Result<Option<DbRow>> {
        let sql = format!("select {COLUMNS} from catch_up where livemode = $1 and lease_owner = $2 and began_at = $3");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(claim.livemode.is_live())
            .bind(&claim.owner)
            .bind(claim.began_at.millis())
            .fetch_optional(self.conn())
            .await?;
        Ok(row)
    }

    /// Begins a reading: when, and how far back it goes. What Stripe keeps no more is noted as lost.
    async fn begin_reading(
        &mut self,
        livemode: Livemode,
        row: &DbRow,
        now: Timestamp,
    ) -> Result<(Timestamp, Timestamp)> {
        let floor = now.plus_millis(-KEPT_MS);
        let known = row.opt_time("read_until")?;
        let wanted = known.map_or(floor, |until| until.plus_millis(-OVERLAP_MS));
        let since = row.opt_time("asked_since")?.map_or(wanted, |asked| asked.min(wanted)).max(floor);
        // Nothing is lost where Stripe had nothing to tell: a list that was read later knew that.
        let lost = known.max(row.opt_time("finished_at")?).filter(|known| *known < floor);
        sqlx::query(
            "update catch_up
             set began_at = $2, since = $3, newest = null, after_event = null, listed = 0, missing = 0, asked_since = null
             where livemode = $1",
        )
        .bind(livemode.is_live())
        .bind(now.millis())
        .bind(since.millis())
        .execute(self.conn())
        .await?;
        if let Some(lost) = lost {
            sqlx::query("update catch_up set lost_since = $2, lost_until = $3 where livemode = $1")
                .bind(livemode.is_live())
                .bind(lost.millis())
                .bind(floor.millis())
                .execute(self.conn())
                .await?;
        }
        Ok((now, since))
    }

    /// The list was read back to where it was known: the next reading comes in an hour, or at once when somebody asked meanwhile.
    async fn end_reading(
        &mut self,
        claim: &CatchUpClaim,
        row: &DbRow,
        newest: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<()> {
        let asked_again = row.opt_time("asked_at")?.is_some_and(|asked| asked > claim.began_at);
        let due_at = if asked_again { now } else { now.plus_millis(EVERY_MS) };
        let read_until = row.opt_time("read_until")?.max(newest);
        sqlx::query(
            "update catch_up
             set read_until = $2, finished_at = $3, due_at = $4, began_at = null, lease_owner = null, lease_until = null
             where livemode = $1",
        )
        .bind(claim.livemode.is_live())
        .bind(read_until.map(Timestamp::millis))
        // Only what was there when the reading began is known.
        .bind(claim.began_at.millis())
        .bind(due_at.millis())
        .execute(self.conn())
        .await?;
        sqlx::query(
            "update event set undelivered = 'not_accepted'
             where livemode = $1 and undelivered = 'on_its_way' and undelivered is not null and deliveries = 0 and created < $2",
        )
        .bind(claim.livemode.is_live())
        .bind(now.plus_millis(-PATIENCE_MS).millis())
        .execute(self.conn())
        .await?;
        Ok(())
    }
}
