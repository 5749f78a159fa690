//! The webhook log.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{ArgGroup, Subcommand};
use domain::event::EventStatus;
use domain::{Livemode, Timestamp};
use serde_json::{Value, json};
use store::Store;
use store::records::{
    AttemptRecord, CatchUpState, EventFilter, EventRecord, FASTEST_REPLAY, NewReplay, REPLAY_RATE, ReplayRecord,
    ReplayStatus,
};

use super::output::{cell, json, json_list, line, note, table};
use super::{Missing, ModeArg, Usage, author, now};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::state::AppState;
use crate::worker::SyncError;

/// `tollkeeper events …`
#[derive(Debug, Subcommand)]
pub(super) enum Events {
    /// The newest events
    List(List),
    /// One event with its attempts, what it changed, and its payload
    Show(Show),
    /// Process events again; all but single ones by a replay that waits for its end and can be watched at /admin/replays
    Replay(Replay),
    /// Read Stripe's list of events, and take in what was never delivered
    FetchMissing(FetchMissing),
}

/// How far back to read Stripe's list.
#[derive(Debug, clap::Args)]
pub(super) struct FetchMissing {
    /// From when on: an RFC 3339 time, or how long ago, such as 2h or 7d, at most 30d; left out: since the newest event that is surely known
    #[arg(long, value_name = "T")]
    since: Option<String>,
    #[command(flatten)]
    mode: ModeArg,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Which events to list.
#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// Only this status, or several, comma separated
    #[arg(long, value_delimiter = ',', value_parser = status)]
    status: Vec<EventStatus>,
    /// Only this type, or its beginning with * behind it
    #[arg(long = "type")]
    kind: Option<String>,
    /// Only of this customer
    #[arg(long)]
    customer: Option<String>,
    /// Only events received since: an RFC 3339 time, or how long ago, such as 2h or 7d
    #[arg(long)]
    since: Option<String>,
    /// How many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=1000))]
    limit: i64,
    #[command(flatten)]
    mode: ModeArg,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Which event to show.
#[derive(Debug, clap::Args)]
pub(super) struct Show {
    /// evt_…
    id: String,
    #[command(flatten)]
    mode: ModeArg,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Which events to process again.
#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("which").required(true).multiple(true).args(["ids", "failed", "since", "kind"])))]
pub(super) struct Replay {
    /// evt_…
    #[arg(value_name = "ID", conflicts_with_all = ["failed", "since", "kind", "dry_run", "rate"])]
    ids: Vec<String>,
    /// Every failed and dead event
    #[arg(long)]
    failed: bool,
    /// Every event received since: an RFC 3339 time, or how long ago, such as 2h or 7d; of those that failed, with --failed
    #[arg(long, value_name = "T")]
    since: Option<String>,
    /// Only this type, or its beginning with * behind it
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Say what would come of it, and keep nothing
    #[arg(long)]
    dry_run: bool,
    /// Events a second
    #[arg(long, default_value_t = REPLAY_RATE, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=FASTEST_REPLAY))]
    rate: i64,
    #[command(flatten)]
    mode: ModeArg,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn status(text: &str) -> Result<EventStatus, String> {
    let words = || EventStatus::ALL.iter().map(|status| status.as_str()).collect::<Vec<_>>().join(", ");
    EventStatus::parse(text).ok_or_else(|| format!("expected one of {}", words()))
}

/// A time, or how long ago.
fn since(text: &str) -> anyhow::Result<Timestamp> {
    if let Some(at) = Timestamp::parse(text) {
        return Ok(at);
    }
    let ago = crate::config::parse_duration(text);
    let ago = ago.ok_or_else(|| {
        Usage(format!("--since: {text:?} is neither a time such as 2026-11-22T01:40:12Z nor a length such as 2h"))
    })?;
    Ok(now().plus_secs(-i64::try_from(ago.as_secs()).unwrap_or(i64::MAX)))
}

impl Events {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let state = crate::build(config, Arc::new(SystemClock)).await?;
        let (config, store) = (&state.config, &state.store);
        let code = match self {
            Self::List(list) => list.run(config, store).await?,
            Self::Show(show) => show.run(config, store).await?,
            Self::Replay(replay) => replay.run(&state).await?,
            Self::FetchMissing(fetch) => fetch.run(&state).await?,
        };
        state.store.close().await;
        Ok(code)
    }
}

fn to_json(event: &EventRecord) -> Value {
    json!({
        "object": "event", "id": event.event_id, "type": event.kind, "status": event.status, "livemode": event.livemode.is_live(),
        "created": event.created, "received_at": event.received_at, "api_version": event.api_version, "object_id": event.object_id,
        "customer_id": event.customer_id, "deliveries": event.deliveries, "origin": event.origin, "undelivered": event.undelivered, "attempt_count": event.attempts, "note": event.note,
        "error": event.error, "next_attempt_at": event.next_attempt_at, "processed_at": event.processed_at, "effects": event.effects,
    })
}

impl List {
    async fn run(self, config: &Config, store: &Arc<dyn Store>) -> anyhow::Result<ExitCode> {
        let filter = EventFilter {
            statuses: self.status,
            kind: self.kind,
            customers: self.customer.into_iter().collect(),
            since: self.since.as_deref().map(since).transpose()?,
            limit: self.limit,
            ..EventFilter::default()
        };
        let page = store.events(self.mode.livemode(config), &filter).await?;
        if self.json {
            json_list(&page.data.iter().map(to_json).collect::<Vec<_>>(), page.has_more);
            return Ok(ExitCode::SUCCESS);
        }
        let row = |event: EventRecord| {
            let says = event.error.or(event.note).unwrap_or_default();
            vec![
                event.received_at.to_string(),
                event.event_id,
                event.kind,
                event.status.as_str().to_owned(),
                cell(event.customer_id),
                says,
            ]
        };
        table(
            &["RECEIVED", "ID", "TYPE", "STATUS", "CUSTOMER", "NOTE"],
            &page.data.into_iter().map(row).collect::<Vec<_>>(),
        );
        if page.has_more {
            note("There are more: use --limit.");
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn missing(id: &str, livemode: Livemode) -> anyhow::Error {
    Missing(format!("there is no event {id:?} in {livemode} mode")).into()
}

impl Show {
    async fn run(self, config: &Config, store: &Arc<dyn Store>) -> anyhow::Result<ExitCode> {
        let livemode = self.mode.livemode(config);
        let event = store.event(livemode, &self.id).await?.ok_or_else(|| missing(&self.id, livemode))?;
        let attempts = store.attempts(livemode, &self.id).await?;
        let payload: Value = serde_json::from_str(&event.payload).unwrap_or(Value::Null);
        if event.payload_removed_at.is_none() {
            // What Stripe sent may hold personal data: who reads it is audited.
            store.note_audit(Some(livemode), "payload.read", ("event", &self.id), &json!({}), &author()).await?;
        }
        if self.json {
            let mut value = to_json(&event);
            value["payload"] = payload;
            value["attempts"] = attempts.iter().map(attempt_json).collect();
            json(&value);
            return Ok(ExitCode::SUCCESS);
        }
        line(&format!("{} {} is {}", event.event_id, event.kind, event.status.as_str()));
        line(&format!("received {} ({} deliveries), created {}", event.received_at, event.deliveries, event.created));
        if let Some(reason) = event.undelivered {
            line(&format!("fetched, not delivered: {}", reason.words()));
        }
        for text in [event.note, event.error].into_iter().flatten() {
            line(&text);
        }
        let row = |attempt: AttemptRecord| {
            vec![
                attempt.started_at.to_string(),
                attempt.cause,
                attempt.outcome,
                cell(attempt.actor),
                attempt.error.unwrap_or_default(),
            ]
        };
        table(&["ATTEMPT", "CAUSE", "OUTCOME", "BY", "ERROR"], &attempts.into_iter().map(row).collect::<Vec<_>>());
        match event.payload_removed_at {
            Some(at) => line(&format!("The payload was removed on {at}; what it changed is kept.")),
            None => line(&format!("{payload:#}")),
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn attempt_json(attempt: &AttemptRecord) -> Value {
    json!({
        "cause": attempt.cause, "actor": attempt.actor, "started_at": attempt.started_at, "took_ms": attempt.took_ms,
        "outcome": attempt.outcome, "error": attempt.error,
    })
}

impl Replay {
    async fn run(self, state: &AppState) -> anyhow::Result<ExitCode> {
        let livemode = self.mode.livemode(&state.config);
        if self.ids.is_empty() {
            return self.many(state, livemode).await;
        }
        for id in &self.ids {
            if !state.store.replay_event(livemode, id, &author()).await? {
                return Err(missing(id, livemode));
            }
        }
        if self.json {
            json(&json!({"object": "replay", "livemode": livemode.is_live(), "queued": self.ids}));
        } else {
            note(&format!("{} events are back in line", self.ids.len()));
        }
        Ok(ExitCode::SUCCESS)
    }

    /// By a replay, which goes on without this command too.
    async fn many(self, state: &AppState, livemode: Livemode) -> anyhow::Result<ExitCode> {
        let statuses = if self.failed { crate::pages::replays::FAILED.to_vec() } else { vec![] };
        let since = self.since.as_deref().map(since).transpose()?;
        let filter = EventFilter { statuses, kind: self.kind, since, ..EventFilter::default() };
        let new = NewReplay { livemode, filter, linked: false, is_dry_run: self.dry_run, rate: self.rate };
        let begun = state.store.create_replay(&new, &author()).await?;
        let mut told = 0;
        let progress = |replay: &ReplayRecord| {
            // A line each ten seconds, whoever is reading.
            let counts = &replay.counts;
            if counts.settled() - told >= 10 * self.rate {
                told = counts.settled();
                note(&format!("{told} of {}", counts.matched));
            }
        };
        let Some(replay) = state.replays.finish(&begun.replay_id, progress).await? else {
            anyhow::bail!("{} is gone", begun.replay_id);
        };
        if replay.is_paused || replay.status == ReplayStatus::Canceled {
            anyhow::bail!("somebody stopped {0}: /admin/replays/{0}", replay.replay_id);
        }
        let counts = replay.counts;
        if self.json {
            json(&json!({
                "object": "replay", "id": replay.replay_id, "livemode": livemode.is_live(), "dry_run": self.dry_run,
                "status": replay.status.as_str(), "matched": counts.matched, "fixed": counts.fixed, "unchanged": counts.unchanged,
                "failed": counts.failed, "skipped": counts.skipped, "asks": counts.asks,
            }));
            return Ok(ExitCode::SUCCESS);
        }
        let asks = if self.dry_run { format!(", {} would ask Stripe", counts.asks) } else { String::new() };
        note(&format!(
            "{} events{}: {} fixed, {} unchanged, {} still failing, {} skipped{asks}",
            counts.matched,
            if self.dry_run { " tried, nothing changed" } else { " processed again" },
            counts.fixed,
            counts.unchanged,
            counts.failed,
            counts.skipped,
        ));
        Ok(ExitCode::SUCCESS)
    }
}

/// How often it is looked whether another process has read the list to its end, and for how long.
const LOOK_EVERY: Duration = Duration::from_millis(250);
const LOOKS: u32 = 2400;

impl FetchMissing {
    async fn run(self, state: &AppState) -> anyhow::Result<ExitCode> {
        let livemode = self.mode.livemode(&state.config);
        let since = self.since.as_deref().map(since).transpose()?;
        if state.gateway(livemode).is_none() {
            return Err(SyncError::NoKey(livemode).into());
        }
        let author = author();
        state.catch_up.ask(livemode, since, Some(&author)).await?;
        let read = self.finish(state, livemode, author.now).await?;
        // What was fetched takes effect now, also when no server runs.
        state.worker.run_once().await?;
        let missed = state.store.never_delivered(livemode, read.since.unwrap_or(author.now)).await?;
        if self.json {
            let missed: Vec<Value> = missed
                .iter()
                .map(|(reason, count)| json!({"reason": reason, "sentence": reason.words(), "events": count}))
                .collect();
            json(&json!({
                "object": "catch_up", "livemode": livemode.is_live(), "since": read.since, "listed": read.listed, "fetched": read.missing,
                "lost_since": read.lost.map(|lost| lost.0), "lost_until": read.lost.map(|lost| lost.1), "never_delivered": missed,
            }));
            return Ok(ExitCode::SUCCESS);
        }
        let from = cell(read.since);
        line(&format!("read Stripe's list since {from}: {} events, {} fetched", read.listed, read.missing));
        for (reason, count) in missed {
            line(&format!("{count} never delivered: {}", reason.words()));
        }
        if since.zip(read.since).is_some_and(|(asked, read)| asked < read) {
            note("Stripe keeps events for 30 days: what was before cannot be fetched. Use tollkeeper sync --all.");
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Reads the list to its end, or waits for the process that does.
    async fn finish(&self, state: &AppState, livemode: Livemode, asked: Timestamp) -> anyhow::Result<CatchUpState> {
        for _ in 0..LOOKS {
            state.catch_up.run_once().await?;
            let Some(read) = state.store.catch_up(livemode).await? else { break };
            if let Some(error) = read.error {
                anyhow::bail!("{error}");
            }
            if read.finished_at.is_some_and(|finished| finished >= asked) {
                return Ok(read);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        anyhow::bail!("another process reads Stripe's list and has not come to its end; try again later")
    }
}
