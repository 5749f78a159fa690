//! Overrides as the staff work with them: several at once, by their end, with another end.

use async_trait::async_trait;
use domain::{Livemode, Timestamp};
use serde_json::json;
use sqlx::QueryBuilder;

use super::audit::audit;
use super::overrides::{COLUMNS, record};
use super::paging::{Order, count, push_counted};
use super::write::Cause;
use super::{Backend, Db};
use crate::records::{Author, COUNTED, NewOverride, OverrideList, OverrideRecord, Page, Which};
use crate::{OverrideDesk, Result};

/// Overrides whose reasons are looked at for suggestions.
const RECENT: i64 = 200;

/// A part of a list, with an order of its own.
#[derive(Clone, Copy)]
enum Part<'a> {
    /// Those that count and will end, until this time at the latest if one is named; the next one first.
    Ending(Option<Timestamp>),
    /// Those that count and have no end, the newest first.
    Endless,
    /// Those of one author that count, the newest first.
    By(&'a str),
    /// Those that are over, the last one first.
    Over,
}

fn parts(which: &Which) -> Vec<Part<'_>> {
    match which {
        Which::Active => vec![Part::Ending(None), Part::Endless],
        Which::EndingBy(last) => vec![Part::Ending(Some(*last))],
        Which::NoEnd => vec![Part::Endless],
        Which::By(author) => vec![Part::By(author)],
        Which::Over => vec![Part::Over],
    }
}

impl Part<'_> {
    /// Whether its keys have a time.
    const fn has_time(self) -> bool {
        matches!(self, Self::Ending(_) | Self::Over)
    }

    /// Adds its overrides, as they are at `now`.
    fn push(self, query: &mut QueryBuilder<Db>, livemode: Livemode, now: Timestamp) {
        query.push(" from access_override where livemode = ").push_bind(livemode.is_live());
        match self {
            Self::Ending(last) => {
                query.push(" and revoked_at is null and expires_at > ").push_bind(now.millis());
                if let Some(last) = last {
                    query.push(" and expires_at <= ").push_bind(last.millis());
                }
            }
            Self::Endless => {
                query.push(" and revoked_at is null and expires_at is null");
            }
            Self::By(author) => {
                query.push(" and created_by = ").push_bind(author.to_owned()).push(" and revoked_at is null");
                query.push(" and (expires_at is null or expires_at > ").push_bind(now.millis()).push(")");
            }
            Self::Over => {
                query.push(" and coalesce(revoked_at, expires_at) <= ").push_bind(now.millis());
            }
        }
    }

    /// Adds where its rows begin, their order, and how many are wanted.
    fn push_page(
        self,
        query: &mut QueryBuilder<Db>,
        key: Option<(Option<i64>, &str)>,
        is_backwards: bool,
        wanted: i64,
    ) {
        let order = if matches!(self, Self::Ending(_)) { Order::Rising } else { Order::Falling };
        let (than, order) = order.words(is_backwards);
        let at = match self {
            Self::Ending(_) => "expires_at",
            Self::Over => "coalesce(revoked_at, expires_at)",
            Self::Endless | Self::By(_) => "",
        };
        match key {
            Some((Some(millis), id)) if self.has_time() => {
                // The time by itself as well: SQLite finds no expression by a pair.
                query.push(format!(" and {at} {than}= ")).push_bind(millis);
                query.push(format!(" and ({at}, override_id) {than} (")).push_bind(millis);
                query.push(", ").push_bind(id.to_owned()).push(")");
            }
            Some((None, id)) if !self.has_time() => {
                query.push(format!(" and override_id {than} ")).push_bind(id.to_owned());
            }
            // A key of another list: from the beginning.
            _ => {}
        }
        let by_time = if self.has_time() { format!("{at}{order}, ") } else { String::new() };
        query.push(format!(" order by {by_time}override_id{order} limit ")).push_bind(wanted);
    }
}

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
        let place = &list.place;
        let mut parts = parts(&list.which);
        if place.is_backwards() {
            parts.reverse();
        }
        let (at, id) = place.key().and_then(|key| key.split_once(':')).unwrap_or_default();
        let key = place.key().map(|_| (at.parse().ok(), id));
        // A key with a time is in the part that is sorted by it; what stands before that part in this direction is done with.
        let begins = key.map(|(at, _): (Option<i64>, _)| parts.iter().position(|part| part.has_time() == at.is_some()));
        let begins = begins.flatten().unwrap_or(0);
        let mut rows = vec![];
        for (n, part) in parts.into_iter().enumerate().skip(begins) {
            let missing = place.limit + 1 - i64::try_from(rows.len()).unwrap_or(i64::MAX);
            if missing > 0 {
                let mut query = QueryBuilder::<Db>::new(format!("select {COLUMNS}"));
                part.push(&mut query, livemode, now);
                part.push_page(&mut query, key.filter(|_| n == begins), place.is_backwards(), missing);
                rows.extend(query.build().fetch_all(&self.read).await?);
            }
        }
        Ok(place.page(rows.iter().map(record).collect::<Result<_>>()?))
    }

    async fn count_overrides(&self, livemode: Livemode, which: &Which, now: Timestamp) -> Result<i64> {
        let mut counted = 0;
        for part in parts(which) {
            let mut query = count();
            part.push(&mut query, livemode, now);
            push_counted(&mut query);
            let number: i64 = query.build_query_scalar().fetch_one(&self.read).await?;
            counted += number;
        }
        Ok(counted.min(COUNTED + 1))
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
