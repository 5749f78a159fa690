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
use crate::{Overrides, Result};

const COLUMNS: &str = "override_id, user_id, feature_key, effect, value, reason, expires_at, created_at, created_by, revoked_at, revoked_by";

fn record(row: &DbRow) -> Result<OverrideRecord> {
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
        override_id,
    })
}

#[async_trait]
impl Overrides for Backend {
    async fn create_override(&self, new: &NewOverride, author: &Author) -> Result<OverrideRecord> {
        // Version 7 sorts by time, so that the id is also the cursor of the list.
        let override_id = format!("ovr_{}", uuid::Uuid::now_v7().simple());
        let mut write = self.begin().await?;
        let sql = format!(
            "insert into access_override (override_id, livemode, user_id, feature_key, effect, value, reason, expires_at, created_at, created_by)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             returning {COLUMNS}"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(&override_id)
            .bind(new.livemode.is_live())
            .bind(&new.user_id)
            .bind(&new.feature)
            .bind(new.effect.as_str())
            .bind(new.value)
            .bind(author.reason.as_deref().unwrap_or_default())
            .bind(new.expires_at.map(domain::Timestamp::millis))
            .bind(author.now.millis())
            .bind(&author.actor)
            .fetch_one(write.conn())
            .await?;
        let made = record(&row)?;
        let details = json!({"override": override_id, "feature": made.feature, "effect": made.effect, "value": made.value, "expires_at": made.expires_at});
        audit(write.conn(), author, "override.create", Some(new.livemode), ("user", &new.user_id), &details).await?;
        write
            .touch_user(new.livemode, &new.user_id, Cause::new("override", &override_id, author.now), author.now)
            .await?;
        write.commit(author.now).await?;
        Ok(made)
    }

    async fn revoke_override(&self, livemode: Livemode, override_id: &str, author: &Author) -> Result<bool> {
        let mut write = self.begin().await?;
        let user_id: Option<String> = sqlx::query_scalar(
            "update access_override set revoked_at = $3, revoked_by = $4, revoke_reason = $5
             where livemode = $1 and override_id = $2 and revoked_at is null
             returning user_id",
        )
        .bind(livemode.is_live())
        .bind(override_id)
        .bind(author.now.millis())
        .bind(&author.actor)
        .bind(author.reason.as_deref())
        .fetch_optional(write.conn())
        .await?;
        let Some(user_id) = user_id else { return Ok(false) };
        audit(
            write.conn(),
            author,
            "override.revoke",
            Some(livemode),
            ("user", &user_id),
            &json!({"override": override_id}),
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
