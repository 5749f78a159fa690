//! Grants and denials by hand. They live apart from Stripe's state and survive every resync.

use async_trait::async_trait;
use domain::Livemode;
use domain::access::OverrideEffect;
use serde_json::json;

use super::Backend;
use super::audit::audit;
use super::rows::{Columns as _, DbRow, word};
use super::write::Cause;
use crate::records::{Author, NewOverride, OverrideFilter, OverrideRecord, Page};
use crate::{OverrideDesk as _, Overrides, Result};

/// What an override is read from.
pub(super) const COLUMNS: &str = "override_id, user_id, feature_key, effect, value, reason, expires_at, created_at, created_by, revoked_at, revoked_by, ticket_url";

/// A row of [`COLUMNS`].
pub(super) fn record(row: &DbRow) -> Result<OverrideRecord> {
    let override_id = row.text("override_id")?;
    Ok(OverrideRecord {
        user_id: row.text("user_id")?,
        feature: row.text("feature_key")?,
        effect: word("access_override", "effect", &override_id, &row.text("effect")?, OverrideEffect::parse)?,
        value: row.opt_int("value")?,
        reason: row.text("reason")?,
        expires_at: row.opt_time("expires_at")?,
        created_at: row.time("created_at")?,
        created_by: row.text("created_by")?,
        revoked_at: row.opt_time("revoked_at")?,
        revoked_by: row.opt_text("revoked_by")?,
        ticket_url: row.opt_text("ticket_url")?,
        override_id,
    })
}

#[async_trait]
impl Overrides for Backend {
    async fn create_override(&self, new: &NewOverride, author: &Author) -> Result<OverrideRecord> {
        let mut made = self.create_overrides(std::slice::from_ref(new), None, author).await?;
        made.pop().ok_or_else(|| crate::Error::Conflict("no override was made".into()))
    }

    async fn revoke_override(&self, livemode: Livemode, override_id: &str, author: &Author) -> Result<bool> {
        let mut write = self.begin().await?;
        let revoked = sqlx::query(
            "update access_override set revoked_at = $3, revoked_by = $4, revoke_reason = $5
             where livemode = $1 and override_id = $2 and revoked_at is null
             returning user_id, feature_key",
        )
        .bind(livemode.is_live())
        .bind(override_id)
        .bind(author.now.millis())
        .bind(&author.actor)
        .bind(author.reason.as_deref())
        .fetch_optional(write.conn())
        .await?;
        let Some(revoked) = revoked else { return Ok(false) };
        let user_id = revoked.text("user_id")?;
        audit(
            write.conn(),
            author,
            "override.revoke",
            Some(livemode),
            ("user", &user_id),
            &json!({"override": override_id, "feature": revoked.text("feature_key")?}),
        )
        .await?;
        write.touch_user(livemode, &user_id, Cause::new("override", override_id, author.now), author.now).await?;
        write.commit(author.now).await?;
        Ok(true)
    }

    async fn find_override(&self, livemode: Livemode, override_id: &str) -> Result<Option<OverrideRecord>> {
        let sql = format!("select {COLUMNS} from access_override where livemode = $1 and override_id = $2");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(livemode.is_live())
            .bind(override_id)
            .fetch_optional(&self.read)
            .await?;
        row.as_ref().map(record).transpose()
    }

    async fn overrides(&self, livemode: Livemode, filter: &OverrideFilter) -> Result<Page<OverrideRecord>> {
        let sql = format!(
            "select {COLUMNS} from access_override
             where livemode = $1
               and (cast($2 as text) is null or user_id = $2)
               and (cast($3 as text) is null or override_id < $3)
             order by override_id desc
             limit $4"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(livemode.is_live())
            .bind(filter.user_id.as_deref())
            .bind(filter.after.as_deref())
            .bind(filter.limit + 1)
            .fetch_all(&self.read)
            .await?;
        Ok(Page::from_rows(rows.iter().map(record).collect::<Result<_>>()?, filter.limit))
    }
}
