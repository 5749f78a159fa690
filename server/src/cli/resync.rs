//! Many customers compared with Stripe: all of them, or those that most likely differ.

use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;
use store::records::{NewResync, Place, ResyncStatus, SyncReport};

use super::output::{json_list, line, note};
use super::{ModeArg, NOT_FOUND, author};
use crate::config::Config;
use crate::state::AppState;
use crate::worker::SyncError;

/// How often somebody else's work on a resync is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Customers printed from one page.
const PAGE: i64 = 200;

/// `tollkeeper reconcile`
#[derive(Debug, clap::Args)]
pub(super) struct Reconcile {
    /// Make what differs agree with Stripe
    #[arg(long)]
    fix: bool,
    #[command(flatten)]
    mode: ModeArg,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Reconcile {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let livemode = self.mode.livemode(&config);
        let state = super::access::state(config).await?;
        if state.gateway(livemode).is_none() {
            return Err(anyhow::Error::new(SyncError::NoKey(livemode)));
        }
        let begun = state.resyncs.begin_reconcile(livemode, self.fix, &author()).await?;
        work_through(&state, &begun.resync_id, self.json).await
    }
}

/// Begins a resync and works through it; exit code 4 when something differs and was not mended.
pub(super) async fn run(state: &AppState, new: &NewResync, json: bool) -> anyhow::Result<ExitCode> {
    let begun = state.store.create_resync(new, &author()).await?;
    work_through(state, &begun.resync_id, json).await
}

async fn work_through(state: &AppState, resync_id: &str, json: bool) -> anyhow::Result<ExitCode> {
    let (record, counts) = loop {
        let worked = state.resyncs.work(Some(resync_id)).await?;
        let Some((record, counts)) = state.store.resync(resync_id).await? else {
            anyhow::bail!("{resync_id} is gone");
        };
        if let Some(error) = record.error.as_ref().filter(|_| record.status.is_open()) {
            anyhow::bail!("{error}; {resync_id} goes on by itself while the server runs");
        }
        if record.is_paused || record.status == ResyncStatus::Canceled {
            anyhow::bail!("somebody stopped {resync_id}: /admin/resyncs/{resync_id}");
        }
        if record.next_at.is_none() {
            break (record, counts);
        }
        if worked.is_none() {
            // A running server was faster.
            note(&format!("{} of {} customers are compared", counts.compared(), counts.all()));
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    // What waited for these reads takes effect now, also when no server runs.
    state.worker.run_once().await?;
    let mut reports = vec![];
    let mut after: Option<String> = None;
    loop {
        let place = Place::behind(after, PAGE);
        let page = state.store.resync_customers(resync_id, &["differs", "applied", "failed"], &place).await?;
        after = page.data.last().map(|customer| customer.customer_id.clone());
        for customer in page.data {
            match (customer.effects, customer.error) {
                (_, Some(error)) => note(&format!("{}: {error}", customer.customer_id)),
                (effects, None) => reports.push(SyncReport {
                    customer_id: customer.customer_id,
                    effects: effects.unwrap_or_default(),
                    ..SyncReport::default()
                }),
            }
        }
        if !page.has_more {
            break;
        }
    }
    print(&reports, counts.applied > 0 || counts.differs == 0, json);
    note(&format!(
        "{} customers: {} as Stripe has them, {} with news that wait to be processed, {} mended, {} differ and were left, {} could not be compared",
        counts.all(),
        counts.same,
        counts.skipped,
        counts.applied,
        counts.differs,
        counts.failed
    ));
    if record.status == ResyncStatus::Ready {
        note(&format!("to apply it: /admin/resyncs/{resync_id}"));
    }
    state.close().await;
    if counts.failed > 0 {
        anyhow::bail!("{} of {} customers could not be compared", counts.failed, counts.all());
    }
    Ok(if counts.differs > 0 { ExitCode::from(NOT_FOUND) } else { ExitCode::SUCCESS })
}

/// What reads changed or, unless they were `applied`, would change.
pub(super) fn print(reports: &[SyncReport], applied: bool, json: bool) {
    if json {
        let rows: Vec<Value> = reports.iter().map(|report| serde_json::to_value(report).unwrap_or_default()).collect();
        return json_list(&rows, false);
    }
    for report in reports {
        let effects = &report.effects;
        if effects.is_empty() {
            line(&format!("{}: as Stripe has it", report.customer_id));
        }
        for change in &effects.fields {
            let (before, after) =
                (super::output::cell(change.before.as_ref()), super::output::cell(change.after.as_ref()));
            line(&format!("{}: {} {} {before} -> {after}", report.customer_id, change.object, change.field));
        }
        for mapping in &effects.mappings {
            line(&format!("{}: {mapping}", report.customer_id));
        }
        for change in &effects.verdicts {
            let word = if change.allowed_after { "allowed" } else { "denied" };
            let is = if applied { "is now" } else { "would be" };
            line(&format!(
                "{}: {} {} {is} {word} ({})",
                report.customer_id, change.user_id, change.feature, change.reason_after
            ));
        }
    }
}
