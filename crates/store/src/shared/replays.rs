//! Replays: planned, begun, listed, paused, ended. Their steps are `replaying`'s.

use std::collections::HashSet;

use async_trait::async_trait;
use domain::event::EventStatus;
use domain::{Livemode, Timestamp};
use serde_json::json;
use sqlx::QueryBuilder;

use super::audit::audit;
use super::jobs::REPLAY;
use super::paging::{Order, count, push_counted, push_place};
use super::replaying::is_in_line;
use super::rows::{Columns as _, DbRow, json as read_json, to_json, word};
use super::{Backend, Db};
use crate::records::{
    Author, EventFilter, JobChange, NewReplay, Page, Place, ReplayCounts, ReplayEvent, ReplayOutcome, ReplayPlan,
    ReplayRecord, ReplayStatus, ReplayStep,
};
use crate::{Replays, Result};

/// A plan counts no further.
const PLANNED: i64 = 10_000;
/// The columns of a [`ReplayRecord`], and its place.
pub(super) const RECORD: &str = "replay_id, livemode, filter, linked, is_dry_run, rate, status, is_paused, created_by, reason, created_at, finished_at,
    next_at, place, matched, fixed, unchanged, failed, skipped, asks";

pub(super) fn record(row: &DbRow) -> Result<ReplayRecord> {
    let id = row.text("replay_id")?;
    let new = NewReplay {
        livemode: row.livemode()?,
        filter: read_json("replay", "filter", &id, &row.text("filter")?)?,
        linked: row.flag("linked")?,
        is_dry_run: row.flag("is_dry_run")?,
        rate: row.int("rate")?,
    };
    let counts = ReplayCounts {
        matched: row.int("matched")?,
        fixed: row.int("fixed")?,
        unchanged: row.int("unchanged")?,
        failed: row.int("failed")?,
        skipped: row.int("skipped")?,
        asks: row.int("asks")?,
    };
    Ok(ReplayRecord {
        new,
        status: word("replay", "status", &id, &row.text("status")?, ReplayStatus::parse)?,
        is_paused: row.flag("is_paused")?,
        created_by: row.text("created_by")?,
        reason: row.opt_text("reason")?,
        created_at: row.time("created_at")?,
        finished_at: row.opt_time("finished_at")?,
        next_at: row.opt_time("next_at")?,
        counts,
        replay_id: id,
    })
}

pub(super) fn status_of(column: &'static str, event_id: &str, text: &str) -> Result<EventStatus> {
    word("event", column, event_id, text, EventStatus::parse)
}

/// Adds which events of a replay are meant.
fn push_events(query: &mut QueryBuilder<Db>, replay_id: &str, outcome: ReplayOutcome, note: Option<&str>) {
    query.push(" where r.replay_id = ").push_bind(replay_id.to_owned());
    query.push(" and r.outcome = ").push_bind(outcome.as_str());
    if let Some(note) = note {
        query.push(" and r.note = ").push_bind(note.to_owned());
    }
}

#[async_trait]
impl Replays for Backend {
    async fn plan_replay(&self, new: &NewReplay) -> Result<ReplayPlan> {
        let mut plan = ReplayPlan::default();
        let mut customers = HashSet::new();
        let mut place = None;
        loop {
            let (events, next) = self.find(new, place).await?;
            for event in events {
                if plan.matched == PLANNED {
                    plan.is_capped = true;
                    break;
                }
                plan.matched += 1;
                plan.in_line += i64::from(is_in_line(event.status));
                plan.removed += i64::from(event.payload_removed_at.is_some());
                let newest = plan.received.map_or(event.received_at, |(_, newest)| newest);
                plan.received = Some((event.received_at, newest));
                customers.extend(event.customer_id);
            }
            place = next;
            if plan.is_capped || place.is_none() {
                break;
            }
        }
        plan.customers = i64::try_from(customers.len()).unwrap_or(i64::MAX);
        Ok(plan)
    }

    async fn create_replay(&self, new: &NewReplay, author: &Author) -> Result<ReplayRecord> {
        let now = author.now;
        let mut write = self.begin().await?;
        write.forget_old(&REPLAY, now).await?;
        let replay_id = format!("rpl_{}", uuid::Uuid::now_v7().simple());
        let filter = EventFilter { after: None, limit: 0, ..new.filter.clone() };
        // Whatever comes from now on has a higher number.
        let sql = format!(
            "insert into replay ({RECORD})
             values ($1, $2, $3, $4, $5, $6, 'collecting', false, $7, $8, $9, null, $9, (select coalesce(max(seq), 0) + 1 from event), 0, 0, 0, 0, 0, 0)
             returning {RECORD}"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(&replay_id)
            .bind(new.livemode.is_live())
            .bind(to_json(&filter))
            .bind(new.linked)
            .bind(new.is_dry_run)
            .bind(new.rate)
            .bind(&author.actor)
            .bind(author.reason.as_deref())
            .bind(now.millis())
            .fetch_one(write.conn())
            .await?;
        let details = json!({"filter": filter, "linked": new.linked, "dry_run": new.is_dry_run, "rate": new.rate});
        audit(write.conn(), author, "replay.create", Some(new.livemode), ("replay", &replay_id), &details).await?;
        write.commit(now).await?;
        record(&row)
    }

    async fn replay(&self, replay_id: &str) -> Result<Option<ReplayRecord>> {
        let sql = format!("select {RECORD} from replay where replay_id = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(replay_id).fetch_optional(&self.read).await?;
        row.as_ref().map(record).transpose()
    }

    async fn replays(&self, livemode: Livemode, place: &Place) -> Result<Page<ReplayRecord>> {
        let mut query = QueryBuilder::<Db>::new(format!("select {RECORD} from replay where livemode = "));
        query.push_bind(livemode.is_live());
        push_place(&mut query, ("created_at", "replay_id"), Order::Falling, place);
        let rows = query.build().fetch_all(&self.read).await?;
        Ok(place.page(rows.iter().map(record).collect::<Result<_>>()?))
    }

    async fn count_replays(&self, livemode: Livemode) -> Result<i64> {
        let mut query = count();
        query.push(" from replay where livemode = ").push_bind(livemode.is_live());
        push_counted(&mut query);
        Ok(query.build_query_scalar().fetch_one(&self.read).await?)
    }

    async fn replay_events(
        &self,
        replay_id: &str,
        outcome: ReplayOutcome,
        note: Option<&str>,
        place: &Place<i64>,
    ) -> Result<Page<ReplayEvent>> {
        let (than, order) = Order::Rising.words(place.is_backwards());
        let mut query = QueryBuilder::<Db>::new(
            "select r.seq, r.event_id, r.status_before, r.effects, r.note, e.kind, e.customer_id, e.status
             from replay_event r
             join replay j on j.replay_id = r.replay_id
             join event e on e.livemode = j.livemode and e.event_id = r.event_id",
        );
        push_events(&mut query, replay_id, outcome, note);
        if let Some(seq) = place.key() {
            query.push(format!(" and r.seq {than} ")).push_bind(*seq);
        }
        query.push(format!(" order by r.seq{order} limit ")).push_bind(place.limit + 1);
        let rows = query.build().fetch_all(&self.read).await?;
        let event = |row: &DbRow| {
            let event_id = row.text("event_id")?;
            // While it waits in line, this is what it had changed before.
            let effects = row.opt_text("effects")?.filter(|_| outcome != ReplayOutcome::Queued);
            Ok(ReplayEvent {
                seq: row.int("seq")?,
                kind: row.text("kind")?,
                customer_id: row.opt_text("customer_id")?,
                before: status_of("status", &event_id, &row.text("status_before")?)?,
                status: status_of("status", &event_id, &row.text("status")?)?,
                note: row.opt_text("note")?,
                effects: effects.map(|text| read_json("replay_event", "effects", &event_id, &text)).transpose()?,
                event_id,
            })
        };
        Ok(place.page(rows.iter().map(event).collect::<Result<_>>()?))
    }

    async fn count_replay_events(&self, replay_id: &str, outcome: ReplayOutcome, note: Option<&str>) -> Result<i64> {
        let mut query = count();
        query.push(" from replay_event r");
        push_events(&mut query, replay_id, outcome, note);
        push_counted(&mut query);
        Ok(query.build_query_scalar().fetch_one(&self.read).await?)
    }

    async fn replay_notes(&self, replay_id: &str, outcome: ReplayOutcome) -> Result<Vec<(String, i64)>> {
        let rows = sqlx::query(
            "select note, count(*) as events from replay_event
             where replay_id = $1 and outcome = $2 and note is not null group by note order by events desc, note limit 20",
        )
        .bind(replay_id)
        .bind(outcome.as_str())
        .fetch_all(&self.read)
        .await?;
        rows.iter().map(|row| Ok((row.text("note")?, row.int("events")?))).collect()
    }

    async fn change_replay(&self, replay_id: &str, change: JobChange, author: &Author) -> Result<bool> {
        // A replay is never applied: it does what it does, or is tried out by a dry run.
        if change == JobChange::Apply {
            return Ok(false);
        }
        let mut write = self.begin().await?;
        if !write.steer(&REPLAY, replay_id, change, author).await? {
            return Ok(false);
        }
        write.commit(author.now).await?;
        Ok(true)
    }

    async fn step_replay(&self, named: Option<&str>, now: Timestamp) -> Result<Option<ReplayStep>> {
        // The writer is not taken to learn that there is nothing to do.
        let sql = format!(
            "select {RECORD} from replay where next_at is not null and next_at <= $1 and (cast($2 as text) is null or replay_id = $2)
             order by next_at limit 1"
        );
        let row =
            sqlx::query(sqlx::AssertSqlSafe(sql)).bind(now.millis()).bind(named).fetch_optional(&self.read).await?;
        let Some(row) = row else { return Ok(None) };
        let replay = record(&row)?;
        if replay.status == ReplayStatus::Collecting {
            self.look_for_some(&replay, row.int("place")?, now).await
        } else {
            self.put_some_in_line(&replay.replay_id, now).await
        }
    }

    async fn next_replay_step(&self) -> Result<Option<Timestamp>> {
        let at: Option<i64> = sqlx::query_scalar("select min(next_at) from replay where next_at is not null")
            .fetch_one(&self.read)
            .await?;
        Ok(at.map(Timestamp::from_millis))
    }
}
