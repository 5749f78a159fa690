//! The steps of a replay. First its events are looked for, as the log finds them; then they are put in line behind what is in line already,
//! so many a second, and what came of each is read off the event itself. Each step is one commit that holds the replay's row.

use domain::Timestamp;
use domain::event::EventStatus;
use serde_json::json;
use sqlx::QueryBuilder;

use super::audit::audit;
use super::dialect::SKIP_LOCKED;
use super::processing::{DUE, due, note_of};
use super::replays::{RECORD, record, status_of};
use super::rows::{Columns as _, DbRow, json as read_json};
use super::write::Write;
use super::{Backend, Db};
use crate::records::{
    Author, Effects, EventFilter, EventRecord, NewReplay, ReplayCounts, ReplayOutcome, ReplayRecord, ReplayStatus,
    ReplayStep,
};
use crate::{Error, Events as _, Mappings as _, Result};

/// Events looked for in one step.
const FOUND_AT_ONCE: i64 = 500;
/// Events of one replay that may wait in line, or for Stripe: it goes on as fast as answers come.
const IN_FLIGHT: usize = 200;
/// A replay adds to the line only while it is shorter than this: what Stripe delivers goes first.
const LONGEST_LINE: i64 = 100;
/// Between two steps.
const STEP_MS: i64 = 250;
/// Why events are left alone.
const IN_LINE: &str = "It was in line already.";
const MEANWHILE: &str = "It was settled meanwhile.";
const GONE: &str = "It is not kept any more.";
const REMOVED: &str = "Its payload is not kept any more.";

/// Whether an event waits for the processor, or for Stripe.
pub(super) const fn is_in_line(status: EventStatus) -> bool {
    matches!(status, EventStatus::Pending | EventStatus::Processing)
}

/// An event of a replay, and how the event itself is now; both as one row.
const WITH_EVENT: &str = "select r.seq, r.event_id, r.status_before, r.effects as effects_before, e.status, e.effects, e.error, e.processed_at, e.payload_removed_at
    from replay_event r left join event e on e.livemode = $2 and e.event_id = r.event_id
    where r.replay_id = $1 and r.outcome = $3 order by r.seq limit $4";

/// A row of [`WITH_EVENT`].
struct Found {
    seq: i64,
    event_id: String,
    before: EventStatus,
    effects_before: Option<String>,
    /// None when the event is not kept any more.
    status: Option<EventStatus>,
    effects: Option<String>,
    error: Option<String>,
    processed_at: Option<Timestamp>,
    payload_removed_at: Option<Timestamp>,
}

fn found(row: &DbRow) -> Result<Found> {
    let event_id = row.text("event_id")?;
    Ok(Found {
        seq: row.int("seq")?,
        before: status_of("status", &event_id, &row.text("status_before")?)?,
        effects_before: row.opt_text("effects_before")?,
        status: row.opt_text("status")?.map(|text| status_of("status", &event_id, &text)).transpose()?,
        effects: row.opt_text("effects")?,
        error: row.opt_text("error")?,
        processed_at: row.opt_time("processed_at")?,
        payload_removed_at: row.opt_time("payload_removed_at")?,
        event_id,
    })
}

impl Found {
    /// Why it is left alone, if it is.
    fn skipped(&self, replay: &ReplayRecord) -> Option<&'static str> {
        let Some(status) = self.status else { return Some(GONE) };
        if is_in_line(status) {
            return Some(IN_LINE);
        }
        if self.payload_removed_at.is_some() {
            return Some(REMOVED);
        }
        let later = self.processed_at.is_some_and(|at| at > replay.created_at);
        let has_failed = |status| matches!(status, EventStatus::Failed | EventStatus::Dead);
        let mended = self.before != status && !(has_failed(self.before) && has_failed(status));
        (later || mended).then_some(MEANWHILE)
    }
}

impl Backend {
    /// The newest events of a replay before a receipt number, as the log finds them, and where to go on.
    pub(super) async fn find(&self, new: &NewReplay, place: Option<i64>) -> Result<(Vec<EventRecord>, Option<i64>)> {
        let filter = EventFilter { after: place, limit: FOUND_AT_ONCE, ..new.filter.clone() };
        let page = self.events(new.livemode, &filter).await?;
        let next = page.data.last().filter(|_| page.has_more).map(|event| event.seq);
        let mut events = page.data;
        if new.linked {
            let mut linked = vec![];
            for event in events {
                if let Some(customer_id) = &event.customer_id
                    && self.mapping(new.livemode, customer_id).await?.is_some()
                {
                    linked.push(event);
                }
            }
            events = linked;
        }
        Ok((events, next))
    }

    /// Looks for some more of its events.
    pub(super) async fn look_for_some(
        &self,
        replay: &ReplayRecord,
        place: i64,
        now: Timestamp,
    ) -> Result<Option<ReplayStep>> {
        let (events, next) = self.find(&replay.new, Some(place)).await?;
        let mut write = self.begin().await?;
        let status = if next.is_some() { ReplayStatus::Collecting } else { ReplayStatus::Running };
        let went_on = sqlx::query(
            "update replay set place = $3, status = $4, matched = matched + $5
             where replay_id = $1 and status = 'collecting' and place = $2 and next_at is not null",
        )
        .bind(&replay.replay_id)
        .bind(place)
        .bind(next.unwrap_or(0))
        .bind(status.as_str())
        .bind(i64::try_from(events.len()).unwrap_or(i64::MAX))
        .execute(write.conn())
        .await?;
        if went_on.rows_affected() == 0 {
            // Another process was faster, or somebody paused or ended it.
            write.commit(now).await?;
            return Ok(None);
        }
        if !events.is_empty() {
            let mut query =
                QueryBuilder::<Db>::new("insert into replay_event (replay_id, seq, event_id, status_before, outcome) ");
            query.push_values(&events, |mut row, event| {
                row.push_bind(&replay.replay_id).push_bind(event.seq).push_bind(&event.event_id);
                row.push_bind(event.status.as_str()).push_bind(ReplayOutcome::Waiting.as_str());
            });
            query.build().execute(write.conn()).await?;
        }
        write.commit(now).await?;
        let (replay_id, settled) = (replay.replay_id.clone(), ReplayCounts::default());
        Ok(Some(ReplayStep { replay_id, queued: 0, settled }))
    }

    /// Puts some of its events in line, or tries them out, and reads off what came of others.
    pub(super) async fn put_some_in_line(&self, replay_id: &str, now: Timestamp) -> Result<Option<ReplayStep>> {
        let mut write = self.begin().await?;
        let sql = format!(
            "select {RECORD} from replay where replay_id = $1 and status = 'running' and next_at <= $2{SKIP_LOCKED}"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(replay_id)
            .bind(now.millis())
            .fetch_optional(write.conn())
            .await?;
        let Some(row) = row else {
            // Another process took this step, or somebody paused or ended it.
            write.commit(now).await?;
            return Ok(None);
        };
        let replay = record(&row)?;
        let mut step = ReplayStep { replay_id: replay.replay_id.clone(), queued: 0, settled: ReplayCounts::default() };
        if replay.new.is_dry_run {
            write.try_some_out(&replay, &mut step, now).await?;
        } else {
            let in_flight = write.settle_some(&replay, &mut step).await?;
            write.feed(&replay, in_flight, &mut step, now).await?;
        }
        write.end_step(&replay, &step, now).await?;
        write.commit(now).await?;
        Ok(Some(step))
    }
}

impl Write<'_> {
    async fn events_of(&mut self, replay: &ReplayRecord, outcome: ReplayOutcome, limit: usize) -> Result<Vec<Found>> {
        let rows = sqlx::query(WITH_EVENT)
            .bind(&replay.replay_id)
            .bind(replay.new.livemode.is_live())
            .bind(outcome.as_str())
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(self.conn())
            .await?;
        rows.iter().map(found).collect()
    }

    /// Notes what came of an event, or that it is in line.
    async fn note_outcome(
        &mut self,
        replay: &ReplayRecord,
        seq: i64,
        outcome: ReplayOutcome,
        note: Option<&str>,
        effects: Option<&str>,
    ) -> Result<()> {
        sqlx::query("update replay_event set outcome = $3, note = $4, effects = $5 where replay_id = $1 and seq = $2")
            .bind(&replay.replay_id)
            .bind(seq)
            .bind(outcome.as_str())
            .bind(note)
            .bind(effects)
            .execute(self.conn())
            .await?;
        Ok(())
    }

    /// Reads off the events in line what came of them; how many still are.
    async fn settle_some(&mut self, replay: &ReplayRecord, step: &mut ReplayStep) -> Result<usize> {
        let mut in_flight = 0;
        for event in self.events_of(replay, ReplayOutcome::Queued, IN_FLIGHT).await? {
            let (outcome, note) = match event.status {
                None => (ReplayOutcome::Skipped, Some(GONE)),
                Some(status) if is_in_line(status) => {
                    in_flight += 1;
                    continue;
                }
                Some(status) => {
                    let outcome = ReplayOutcome::of(event.before, status, event.effects != event.effects_before);
                    (outcome, event.error.as_deref().filter(|_| outcome == ReplayOutcome::Failed))
                }
            };
            self.note_outcome(replay, event.seq, outcome, note, None).await?;
            step.settled.add(outcome);
        }
        Ok(in_flight)
    }

    /// Puts the next events in line, as many as are due and as the line has room for.
    async fn feed(
        &mut self,
        replay: &ReplayRecord,
        in_flight: usize,
        step: &mut ReplayStep,
        now: Timestamp,
    ) -> Result<()> {
        let line: i64 = sqlx::query_scalar(
            "select count(*) from (
                 select 1 from event where status in ('pending', 'failed') and not waits_for_read and next_attempt_at <= $1
                 order by next_attempt_at, seq limit $2) as line",
        )
        .bind(now.millis())
        .bind(LONGEST_LINE)
        .fetch_one(self.conn())
        .await?;
        let room = usize::try_from(LONGEST_LINE - line).unwrap_or(0).min(IN_FLIGHT - in_flight).min(at_once(replay));
        let from = note_of(&format!("{} for {}", replay.created_by, replay.replay_id));
        for event in self.events_of(replay, ReplayOutcome::Waiting, room).await? {
            let livemode = replay.new.livemode;
            let mut skipped = event.skipped(replay);
            if skipped.is_none() && !self.put_in_line(livemode, &event.event_id, event.status, &from, now).await? {
                skipped = Some(MEANWHILE);
            }
            if let Some(note) = skipped {
                self.note_outcome(replay, event.seq, ReplayOutcome::Skipped, Some(note), None).await?;
                step.settled.add(ReplayOutcome::Skipped);
            } else {
                let had = event.effects.as_deref();
                self.note_outcome(replay, event.seq, ReplayOutcome::Queued, None, had).await?;
                step.queued += 1;
            }
        }
        Ok(())
    }

    /// Processes the next events and undoes it: what would come of each, one after the other.
    async fn try_some_out(&mut self, replay: &ReplayRecord, step: &mut ReplayStep, now: Timestamp) -> Result<()> {
        let events = self.events_of(replay, ReplayOutcome::Waiting, at_once(replay)).await?;
        let mut tried = vec![];
        self.savepoint().await?;
        for event in &events {
            if let Some(note) = event.skipped(replay) {
                tried.push((event.seq, ReplayOutcome::Skipped, Some(note.to_owned()), None));
                continue;
            }
            match self.try_event(replay, event, now).await {
                Ok((outcome, note, effects)) => tried.push((event.seq, outcome, note, effects)),
                Err(error @ Error::Unavailable(_)) => return Err(error),
                Err(error) => {
                    // The transaction may be broken: the others come with the next step.
                    tried.push((event.seq, ReplayOutcome::Failed, Some(error.to_string()), None));
                    break;
                }
            }
        }
        self.roll_back_to_savepoint().await?;
        for (seq, outcome, note, effects) in tried {
            self.note_outcome(replay, seq, outcome, note.as_deref(), effects.as_deref()).await?;
            step.settled.add(outcome);
        }
        Ok(())
    }

    async fn try_event(
        &mut self,
        replay: &ReplayRecord,
        event: &Found,
        now: Timestamp,
    ) -> Result<(ReplayOutcome, Option<String>, Option<String>)> {
        let livemode = replay.new.livemode;
        // What it would change shows best where nothing stands yet.
        let sql = format!(
            "update event set note = $3, attempts = 0, effects = null where livemode = $1 and event_id = $2 returning {DUE}"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(livemode.is_live())
            .bind(&event.event_id)
            .bind(note_of(&replay.created_by))
            .fetch_one(self.conn())
            .await?;
        let due = due(&row)?;
        self.see_customers(std::slice::from_ref(&due)).await?;
        self.process(&due, now).await?;
        let row = sqlx::query("select status, effects, error from event where livemode = $1 and event_id = $2")
            .bind(livemode.is_live())
            .bind(&event.event_id)
            .fetch_one(self.conn())
            .await?;
        let status = status_of("status", &event.event_id, &row.text("status")?)?;
        let effects = row.opt_text("effects")?;
        let empty =
            |text: &String| read_json::<Effects>("event", "effects", &event.event_id, text).map(|e| e.is_empty());
        let changed = !effects.as_ref().map(empty).transpose()?.unwrap_or(true);
        Ok((ReplayOutcome::of(event.before, status, changed), row.opt_text("error")?, effects))
    }

    /// Keeps the figures; says when the next step is due, or that it was the last.
    async fn end_step(&mut self, replay: &ReplayRecord, step: &ReplayStep, now: Timestamp) -> Result<()> {
        let (was, more) = (&replay.counts, &step.settled);
        let counts = ReplayCounts {
            matched: was.matched,
            fixed: was.fixed + more.fixed,
            unchanged: was.unchanged + more.unchanged,
            failed: was.failed + more.failed,
            skipped: was.skipped + more.skipped,
            asks: was.asks + more.asks,
        };
        let is_over = counts.settled() >= counts.matched;
        let status = if is_over { ReplayStatus::Done } else { ReplayStatus::Running };
        sqlx::query(
            "update replay set fixed = $2, unchanged = $3, failed = $4, skipped = $5, asks = $6, status = $7, next_at = $8, finished_at = $9
             where replay_id = $1",
        )
        .bind(&replay.replay_id)
        .bind(counts.fixed)
        .bind(counts.unchanged)
        .bind(counts.failed)
        .bind(counts.skipped)
        .bind(counts.asks)
        .bind(status.as_str())
        .bind((!is_over).then(|| now.plus_millis(interval_ms(replay)).millis()))
        .bind(is_over.then(|| now.millis()))
        .execute(self.conn())
        .await?;
        if is_over {
            let author = Author::new(&replay.created_by, now).because(replay.reason.as_deref());
            let details = json!({
                "matched": counts.matched, "fixed": counts.fixed, "unchanged": counts.unchanged, "failed": counts.failed,
                "skipped": counts.skipped, "asks": counts.asks, "dry_run": replay.new.is_dry_run,
            });
            let object = ("replay", replay.replay_id.as_str());
            audit(self.conn(), &author, "replay.finish", Some(replay.new.livemode), object, &details).await?;
        }
        Ok(())
    }
}

/// Events of one step: what a quarter of a second has, and one at least.
fn at_once(replay: &ReplayRecord) -> usize {
    usize::try_from(replay.new.rate * STEP_MS / 1000).unwrap_or(1).max(1)
}

/// Milliseconds from one step to the next, so that the rate is kept.
fn interval_ms(replay: &ReplayRecord) -> i64 {
    let events = i64::try_from(at_once(replay)).unwrap_or(1);
    events * 1000 / replay.new.rate.max(1)
}
