//! What jobs have in common: people pause, resume and end them, and what they found is forgotten after a month.

use domain::Timestamp;
use serde_json::json;

use super::audit::audit;
use super::rows::Columns as _;
use super::write::Write;
use crate::Result;
use crate::records::{Author, JobChange};

/// How long what a job found is kept once it is over.
const KEPT_MS: i64 = 30 * 86_400_000;

/// A kind of job: its table, whose key is `{table}_id`.
pub(super) struct Job {
    table: &'static str,
    /// Tables of what it found.
    parts: &'static [&'static str],
    /// Takes it from whoever works on it, where that takes more than the commit.
    release: &'static str,
    /// What has to be so for a pause.
    pausable: &'static str,
}

pub(super) const RESYNC: Job = Job {
    table: "resync",
    parts: &["resync_customer", "resync_object", "resync_range"],
    release: ", lease_owner = null, lease_until = null",
    pausable: " and purpose = 'resync'",
};
pub(super) const REPLAY: Job = Job { table: "replay", parts: &["replay_event"], release: "", pausable: "" };

impl Write<'_> {
    /// Changes a job and says so in the audit log; `false` when it is not in a state for that.
    pub(super) async fn steer(&mut self, job: &Job, id: &str, change: JobChange, author: &Author) -> Result<bool> {
        let Job { table, release, pausable, .. } = job;
        // The moment is a parameter of each, so that all are asked alike.
        let change_to = match change {
            JobChange::Pause => format!(
                "is_paused = true, next_at = null{release} where {table}_id = $1 and next_at is not null and created_at <= $2{pausable}"
            ),
            JobChange::Resume => format!(
                "is_paused = false, next_at = $2 where {table}_id = $1 and is_paused and status not in ('done', 'canceled', 'ready')"
            ),
            JobChange::Cancel => format!(
                "status = 'canceled', is_paused = false, next_at = null, finished_at = $2{release}
                 where {table}_id = $1 and status not in ('done', 'canceled')"
            ),
            JobChange::Apply => format!(
                "status = 'applying', next_at = $2, attempts = 0, error = null{release} where {table}_id = $1 and status = 'ready'"
            ),
        };
        let sql = format!("update {table} set {change_to} returning livemode");
        let changed = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id).bind(author.now.millis());
        let Some(row) = changed.fetch_optional(self.conn()).await? else { return Ok(false) };
        let action = format!("{table}.{}", change.as_str());
        audit(self.conn(), author, &action, Some(row.livemode()?), (table, id), &json!({})).await?;
        Ok(true)
    }

    /// Drops jobs of this kind that were over, or waited for a word, a month ago.
    pub(super) async fn forget_old(&mut self, job: &Job, now: Timestamp) -> Result<()> {
        let table = job.table;
        for of in job.parts.iter().chain([&table]) {
            let sql = format!(
                "delete from {of} where {table}_id in
                    (select {table}_id from {table} where finished_at < $1 or (status = 'ready' and created_at < $1))"
            );
            let old = now.plus_millis(-KEPT_MS).millis();
            sqlx::query(sqlx::AssertSqlSafe(sql)).bind(old).execute(self.conn()).await?;
        }
        Ok(())
    }
}
