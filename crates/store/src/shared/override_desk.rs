//! Overrides as the staff work with them: several at once, by their end, with another end.

use async_trait::async_trait;
use domain::{Livemode, Timestamp};
use serde_json::json;

use super::Backend;
use super::audit::audit;
use super::overrides::{COLUMNS, record};
use super::write::Cause;
use crate::records::{Author, NewOverride, OverrideList, OverrideRecord, Page, Which};
use crate::{OverrideDesk, Result};

/// Overrides whose reasons are looked at for suggestions.
const RECENT: i64 = 200;

#[async_trait]
impl OverrideDesk for Backend {
    async fn create_overrides(
        &self,
        new: &[NewOverride],
        ticket_url: Option<&str>,
        author: &Author,
    ) -> Result<Vec<OverrideRecord>> {
        let sql = format!(
            "insert into access_override
                (override_id, livemode, user_id, feature_key, effect, value, reason, expires_at, created_at, created_by, ticket_url)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             returning {COLUMNS}"
        );
        let mut write = self.begin().await?;
        let mut all = vec![];
        for new in new {
            // Version 7 sorts by time, so that the id is also the cursor of the list.
            let override_id = format!("ovr_{}", uuid::Uuid::now_v7().simple());
            let row = sqlx::query(sqlx::AssertSqlSafe(sql.clone()))
                .bind(&override_id)
                .bind(new.livemode.is_live())
                .bind(&new.user_id)
                .bind(&new.feature)
                .bind(new.effect.as_str())
                .bind(new.value)
                .bind(author.reason.as_deref().unwrap_or_default())
                .bind(new.expires_at.map(Timestamp::millis))
                .bind(author.now.millis())
                .bind(&author.actor)
                .bind(ticket_url)
                .fetch_one(write.conn())
                .await?;
            let made = record(&row)?;
            let mut details = json!({"override": override_id, "feature": made.feature, "effect": made.effect, "value": made.value, "expires_at": made.expires_at});
            if let Some(url) = ticket_url {
                details["ticket_url"] = json!(url);
            }
            audit(write.conn(), author, "override.create", Some(new.livemode), ("user", &new.user_id), &details)
                .await?;
            let cause = Cause::new("override", &override_id, author.now);
            write.touch_user(new.livemode, &new.user_id, cause, author.now).await?;
            all.push(made);
        }
        write.commit(author.now).await?;
        Ok(all)
    }

    async fn set_override_end(
        &self,
        livemode: Livemode,
        override_id: &str,
        expires_at: Option<Timestamp>,
        author: &Author,
    ) -> Result<bool> {
        let mut write = self.begin().await?;
        let sql = format!(
            "select {COLUMNS} from access_override where livemode = $1 and override_id = $2 and revoked_at is null"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(livemode.is_live())
            .bind(override_id)
            .fetch_optional(write.conn())
            .await?;
        let Some(before) = row.as_ref().map(record).transpose()? else { return Ok(false) };
        sqlx::query("update access_override set expires_at = $3 where livemode = $1 and override_id = $2")
            .bind(livemode.is_live())
            .bind(override_id)
            .bind(expires_at.map(Timestamp::millis))
            .execute(write.conn())
            .await?;
        let details = json!({"override": override_id, "feature": before.feature, "before": before.expires_at, "after": expires_at});
        audit(write.conn(), author, "override.end", Some(livemode), ("user", &before.user_id), &details).await?;
        write
            .touch_user(livemode, &before.user_id, Cause::new("override", override_id, author.now), author.now)
            .await?;
        write.commit(author.now).await?;
        Ok(true)
    }

    async fn list_overrides(
        &self,
        livemode: Livemode,
        list: &OverrideList,
        now: Timestamp,
    ) -> Result<Page<OverrideRecord>> {
        let mut rows = vec![];
        let after = list.after.as_deref().and_then(|after| after.split_once(':'));
        let after_end = after.and_then(|(end, id)| Some((end.parse::<i64>().ok()?, id)));
        let wanted = list.limit + 1;
        // Those that end come first, the next one on top; then those that do not, and what is over, the newest first.
        if matches!(list.which, Which::Active | Which::EndingBy(_)) && (after.is_none() || after_end.is_some()) {
            let mut query = start(livemode);
            query.push(" and revoked_at is null and expires_at > ").push_bind(now.millis());
            if let Which::EndingBy(last) = list.which {
                query.push(" and expires_at <= ").push_bind(last.millis());
            }
            if let Some((end, id)) = after_end {
                query.push(" and (expires_at, override_id) > (").push_bind(end).push(", ").push_bind(id).push(")");
            }
            query.push(" order by expires_at, override_id limit ").push_bind(wanted);
            rows = query.build().fetch_all(&self.read).await?;
        }
        let missing = wanted - i64::try_from(rows.len()).unwrap_or(wanted);
        if missing > 0 && !matches!(list.which, Which::EndingBy(_)) {
            let mut query = start(livemode);
            match &list.which {
                Which::By(actor) => {
                    query.push(" and created_by = ").push_bind(actor).push(" and revoked_at is null");
                    query.push(" and (expires_at is null or expires_at > ").push_bind(now.millis()).push(")");
                }
                Which::Over => {
                    query.push(" and (revoked_at is not null or expires_at <= ").push_bind(now.millis()).push(")");
                }
                Which::Active | Which::NoEnd | Which::EndingBy(_) => {
                    query.push(" and revoked_at is null and expires_at is null");
                }
            }
            if let Some((_, id)) = after.filter(|_| after_end.is_none()) {
                query.push(" and override_id < ").push_bind(id);
            }
            query.push(" order by override_id desc limit ").push_bind(missing);
            rows.extend(query.build().fetch_all(&self.read).await?);
        }
        Ok(Page::from_rows(rows.iter().map(record).collect::<Result<_>>()?, list.limit))
    }

    async fn recent_reasons(&self, livemode: Livemode, count: usize) -> Result<Vec<String>> {
        let rows: Vec<String> = sqlx::query_scalar(
            "select reason from access_override where livemode = $1 order by override_id desc limit $2",
        )
        .bind(livemode.is_live())
        .bind(RECENT)
        .fetch_all(&self.read)
        .await?;
        let mut reasons: Vec<String> = vec![];
        for reason in rows {
            if reasons.len() < count && !reason.is_empty() && !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        Ok(reasons)
    }
}

fn start(livemode: Livemode) -> sqlx::QueryBuilder<super::Db> {
    let mut query = sqlx::QueryBuilder::new(format!("select {COLUMNS} from access_override where livemode = "));
    query.push_bind(livemode.is_live());
    query
}
