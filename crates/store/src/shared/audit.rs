//! Who did what, why: written in the transaction of the change itself, and read by who, what, which and when.

use domain::{Livemode, Timestamp};
use serde_json::Value;

use super::rows::{Columns as _, DbRow, json};
use super::{Backend, Conn};
use crate::Result;
use crate::records::{AuditFilter, AuditRecord, Author, Page};

/// Adds an entry.
pub(super) async fn audit(
    conn: &mut Conn,
    author: &Author,
    action: &str,
    livemode: Option<Livemode>,
    object: (&str, &str),
    details: &Value,
) -> Result<()> {
    sqlx::query(
        "insert into audit (at, actor, action, livemode, object_kind, object_id, reason, details)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(author.now.millis())
    .bind(&author.actor)
    .bind(action)
    .bind(livemode.map(Livemode::is_live))
    .bind(object.0)
    .bind(object.1)
    .bind(author.reason.as_deref())
    .bind(details.to_string())
    .execute(conn)
    .await?;
    Ok(())
}

/// A row of the audit log.
pub(super) fn audit_record(row: &DbRow) -> Result<AuditRecord> {
    let audit_id = row.int("audit_id")?;
    let livemode: Option<bool> = sqlx::Row::try_get(row, "livemode")?;
    Ok(AuditRecord {
        audit_id,
        at: row.time("at")?,
        actor: row.text("actor")?,
        action: row.text("action")?,
        livemode: livemode.map(Livemode::from_bool),
        object_kind: row.text("object_kind")?,
        object_id: row.text("object_id")?,
        reason: row.opt_text("reason")?,
        details: json("audit", "details", &audit_id.to_string(), &row.text("details")?)?,
    })
}

/// Which index finds the entries of a filter: each begins a statement, and [`REST`] ends it. `$1` is what the index is on, `$2` and `$3` are
/// the bounds of the page.
const BY_OBJECT: &str = "select * from audit where object_id = $1 and audit_id > $2 and audit_id < $3";
const BY_ACTOR: &str = "select * from audit where actor = $1 and audit_id > $2 and audit_id < $3";
const BY_ACTION: &str = "select * from audit where action = $1 and audit_id > $2 and audit_id < $3";
const BY_TIME: &str = "select * from audit where cast($1 as text) is null and audit_id > $2 and audit_id < $3";
/// What narrows further.
const REST: &str = "
    and (cast($4 as text) is null or actor = $4) and (cast($5 as text) is null or action = $5)
    and (cast($6 as text) is null or object_kind = $6) and (cast($7 as boolean) is null or livemode is null or livemode = $7)
    order by audit_id desc limit $8";

impl Backend {
    /// Entries, newest first.
    pub(super) async fn audit_entries(&self, filter: &AuditFilter) -> Result<Page<AuditRecord>> {
        let (lead, key) = match (&filter.object_id, &filter.actor, &filter.action) {
            (Some(id), ..) => (BY_OBJECT, Some(id)),
            (None, Some(actor), _) => (BY_ACTOR, Some(actor)),
            (None, None, Some(action)) => (BY_ACTION, Some(action)),
            (None, None, None) => (BY_TIME, None),
        };
        let first = match filter.from {
            Some(from) => self.first_audit_since(from).await?,
            None => 1,
        };
        let mut end = filter.after.unwrap_or(i64::MAX);
        if let Some(to) = filter.to {
            end = end.min(self.first_audit_since(to).await?);
        }
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!("{lead}{REST}")))
            .bind(key)
            .bind(first - 1)
            .bind(end)
            .bind(filter.actor.as_deref())
            .bind(filter.action.as_deref())
            .bind(filter.object_kind.as_deref())
            .bind(filter.livemode.map(Livemode::is_live))
            .bind(filter.limit + 1)
            .fetch_all(&self.read)
            .await?;
        Ok(Page::from_rows(rows.iter().map(audit_record).collect::<Result<_>>()?, filter.limit))
    }

    /// One entry.
    pub(super) async fn one_audit_entry(&self, audit_id: i64) -> Result<Option<AuditRecord>> {
        let row =
            sqlx::query("select * from audit where audit_id = $1").bind(audit_id).fetch_optional(&self.read).await?;
        row.as_ref().map(audit_record).transpose()
    }

    /// The first entry at or after a time. Entries are numbered in the order they are made, so halving finds it without an index.
    async fn first_audit_since(&self, since: Timestamp) -> Result<i64> {
        let newest: Option<i64> = sqlx::query_scalar("select max(audit_id) from audit").fetch_one(&self.read).await?;
        let (mut low, mut high) = (1, newest.unwrap_or(0) + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            let row: Option<(i64, i64)> =
                sqlx::query_as("select audit_id, at from audit where audit_id >= $1 order by audit_id limit 1")
                    .bind(middle)
                    .fetch_optional(&self.read)
                    .await?;
            match row {
                Some((audit_id, at)) if at < since.millis() => low = audit_id + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }
}
