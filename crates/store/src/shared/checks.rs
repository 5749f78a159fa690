//! Access checks: groups of equal answers, and their sums by the hour.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use domain::{Livemode, Timestamp};
use sqlx::QueryBuilder;

use super::rows::{Columns as _, DbRow};
use super::write::Write;
use super::{Backend, Db};
use crate::checks::{CHECKS_PER_USER, STRAY_CHECKS};
use crate::records::{CheckGroup, CheckHour, UnknownFeature};
use crate::{Checks, Result};

/// Rows of one statement: PostgreSQL takes at most 65,535 values, SQLite 32,766.
const ROWS_AT_ONCE: usize = 1_000;
/// Answers about what is unknown.
const STRAYS: [&str; 2] = ["unknown_user", "unknown_feature"];

fn group(row: &DbRow) -> Result<CheckGroup> {
    Ok(CheckGroup {
        livemode: row.livemode()?,
        user_id: row.text("user_id")?,
        feature: row.text("feature")?,
        api_key_id: row.text("api_key_id")?,
        allowed: row.flag("allowed")?,
        reason: row.text("reason")?,
        since: row.time("since")?,
        last_at: row.time("last_at")?,
        times: row.int("times")?,
    })
}

/// What tells one question from another.
fn question(group: &CheckGroup) -> (bool, &str, &str, &str) {
    (group.livemode.is_live(), &group.user_id, &group.feature, &group.api_key_id)
}

/// Lets groups go on where the newest of the same question had the same answer; in the order they began in.
fn continued(groups: &[CheckGroup], stored: &[CheckGroup]) -> Vec<CheckGroup> {
    let mut newest: HashMap<(bool, &str, &str, &str), &CheckGroup> = HashMap::new();
    for row in stored {
        let best = newest.entry(question(row)).or_insert(row);
        if (best.last_at, best.since) < (row.last_at, row.since) {
            *best = row;
        }
    }
    let going_on = |group: &CheckGroup| {
        let before = newest.get(&question(group)).filter(|before| before.reason == group.reason);
        let since = before.map_or(group.since, |before| before.since.min(group.since));
        CheckGroup { since, ..group.clone() }
    };
    groups.iter().map(going_on).collect()
}

/// Whose rows are too many by now, and from when on theirs stay.
fn overfull(groups: &[CheckGroup], stored: &[CheckGroup]) -> Vec<(Livemode, String, Timestamp)> {
    let mut seen = HashSet::new();
    let mut times: HashMap<(bool, &str), Vec<Timestamp>> = HashMap::new();
    // The groups come first: where one goes on, its row counts with the new time.
    for row in groups.iter().chain(stored) {
        if seen.insert((question(row), row.since, row.reason.as_str())) {
            times.entry((row.livemode.is_live(), &row.user_id)).or_default().push(row.last_at);
        }
    }
    let mut found = vec![];
    for ((live, user_id), mut times) in times {
        if times.len() > CHECKS_PER_USER {
            times.sort_unstable_by(|a, b| b.cmp(a));
            found.push((Livemode::from_bool(live), user_id.to_owned(), times[CHECKS_PER_USER - 1]));
        }
    }
    found
}

impl Backend {
    /// All that is kept about the users of these groups.
    async fn checks_of_all(&self, groups: &[CheckGroup]) -> Result<Vec<CheckGroup>> {
        let mut stored = vec![];
        for livemode in Livemode::ALL {
            let users: HashSet<&str> =
                groups.iter().filter(|group| group.livemode == livemode).map(|group| group.user_id.as_str()).collect();
            let users: Vec<&str> = users.into_iter().collect();
            for some in users.chunks(ROWS_AT_ONCE) {
                let mut query = QueryBuilder::<Db>::new("select * from access_check where livemode = ");
                query.push_bind(livemode.is_live()).push(" and user_id in (");
                let mut list = query.separated(", ");
                for user in some {
                    list.push_bind(*user);
                }
                query.push(")");
                for row in &query.build().fetch_all(&self.read).await? {
                    stored.push(group(row)?);
                }
            }
        }
        Ok(stored)
    }
}

async fn put_groups(write: &mut Write<'_>, groups: &[CheckGroup]) -> Result<()> {
    for some in groups.chunks(ROWS_AT_ONCE) {
        let mut query = QueryBuilder::<Db>::new(
            "insert into access_check (livemode, user_id, feature, api_key_id, since, reason, allowed, last_at, times) ",
        );
        query.push_values(some, |mut row, group| {
            row.push_bind(group.livemode.is_live())
                .push_bind(group.user_id.as_str())
                .push_bind(group.feature.as_str())
                .push_bind(group.api_key_id.as_str())
                .push_bind(group.since.millis())
                .push_bind(group.reason.as_str())
                .push_bind(group.allowed)
                .push_bind(group.last_at.millis())
                .push_bind(group.times);
        });
        query.push(
            " on conflict (livemode, user_id, feature, api_key_id, since, reason) do update
             set times = access_check.times + excluded.times,
                 last_at = case when excluded.last_at > access_check.last_at then excluded.last_at else access_check.last_at end",
        );
        query.build().execute(write.conn()).await?;
    }
    Ok(())
}

async fn put_hours(write: &mut Write<'_>, hours: &[CheckHour]) -> Result<()> {
    for hour in hours {
        sqlx::query(
            "insert into access_check_hour (livemode, hour, allowed, denied, unlisted) values ($1, $2, $3, $4, $5)
             on conflict (livemode, hour) do update
             set allowed = access_check_hour.allowed + excluded.allowed, denied = access_check_hour.denied + excluded.denied,
                 unlisted = access_check_hour.unlisted + excluded.unlisted",
        )
        .bind(hour.livemode.is_live())
        .bind(hour.hour.millis())
        .bind(hour.allowed)
        .bind(hour.denied)
        .bind(hour.unlisted)
        .execute(write.conn())
        .await?;
    }
    Ok(())
}

async fn drop_old_of_user(write: &mut Write<'_>, livemode: Livemode, user_id: &str, before: Timestamp) -> Result<()> {
    sqlx::query("delete from access_check where livemode = $1 and user_id = $2 and last_at < $3")
        .bind(livemode.is_live())
        .bind(user_id)
        .bind(before.millis())
        .execute(write.conn())
        .await?;
    Ok(())
}

/// Keeps the newest of what is unknown. `reason` is one of [`STRAYS`]: it stands in the statement, since an index on some rows alone is used
/// where the statement says that it asks for no others.
async fn drop_strays(write: &mut Write<'_>, livemode: Livemode, reason: &str) -> Result<()> {
    let newest = format!(
        "select last_at from access_check where livemode = $1 and reason = '{reason}' order by last_at desc limit $2"
    );
    let kept: Vec<i64> = sqlx::query_scalar(sqlx::AssertSqlSafe(newest))
        .bind(livemode.is_live())
        .bind(i64::try_from(STRAY_CHECKS).unwrap_or(i64::MAX))
        .fetch_all(write.conn())
        .await?;
    let Some(oldest) = kept.last().filter(|_| kept.len() == STRAY_CHECKS) else { return Ok(()) };
    let rest = format!("delete from access_check where livemode = $1 and reason = '{reason}' and last_at < $2");
    sqlx::query(sqlx::AssertSqlSafe(rest)).bind(livemode.is_live()).bind(*oldest).execute(write.conn()).await?;
    Ok(())
}

#[async_trait]
impl Checks for Backend {
    async fn record_checks(&self, groups: &[CheckGroup], hours: &[CheckHour], now: Timestamp) -> Result<()> {
        let stored = self.checks_of_all(groups).await?;
        let groups = continued(groups, &stored);
        let mut write = self.begin().await?;
        put_groups(&mut write, &groups).await?;
        put_hours(&mut write, hours).await?;
        for (livemode, user_id, before) in overfull(&groups, &stored) {
            drop_old_of_user(&mut write, livemode, &user_id, before).await?;
        }
        for livemode in Livemode::ALL {
            for reason in STRAYS {
                if groups.iter().any(|group| group.livemode == livemode && group.reason == reason) {
                    drop_strays(&mut write, livemode, reason).await?;
                }
            }
        }
        write.commit(now).await
    }

    async fn checks_of(&self, livemode: Livemode, user_id: &str) -> Result<Vec<CheckGroup>> {
        let rows = sqlx::query("select * from access_check where livemode = $1 and user_id = $2")
            .bind(livemode.is_live())
            .bind(user_id)
            .fetch_all(&self.read)
            .await?;
        let mut groups: Vec<CheckGroup> = rows.iter().map(group).collect::<Result<_>>()?;
        groups.sort_by(|a, b| (b.last_at, b.since, &b.feature).cmp(&(a.last_at, a.since, &a.feature)));
        groups.truncate(CHECKS_PER_USER);
        Ok(groups)
    }

    async fn unknown_features(&self, livemode: Livemode, since: Timestamp) -> Result<Vec<UnknownFeature>> {
        let catalog = self.index.catalog(livemode);
        let mut found: HashMap<String, UnknownFeature> = HashMap::new();
        for reason in STRAYS {
            let sql = format!(
                "select feature, cast(sum(times) as bigint) as times, count(distinct user_id) as users, max(last_at) as last_at from access_check
                 where livemode = $1 and reason = '{reason}' and last_at >= $2 group by feature"
            );
            let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
                .bind(livemode.is_live())
                .bind(since.millis())
                .fetch_all(&self.read);
            for row in &rows.await? {
                let feature = row.text("feature")?;
                // Of a user that is unknown any feature may be asked.
                if catalog.features.contains_key(&feature) {
                    continue;
                }
                let (times, users, last_at) = (row.int("times")?, row.int("users")?, row.time("last_at")?);
                let sum =
                    found.entry(feature.clone()).or_insert(UnknownFeature { feature, times: 0, users: 0, last_at });
                sum.times += times;
                sum.users += users;
                sum.last_at = sum.last_at.max(last_at);
            }
        }
        let mut found: Vec<UnknownFeature> = found.into_values().collect();
        found.sort_by(|a, b| (b.times, &a.feature).cmp(&(a.times, &b.feature)));
        Ok(found)
    }

    async fn check_hours(&self, livemode: Livemode, since: Timestamp) -> Result<Vec<CheckHour>> {
        let rows = sqlx::query(
            "select livemode, hour, allowed, denied, unlisted from access_check_hour where livemode = $1 and hour >= $2 order by hour",
        )
        .bind(livemode.is_live())
        .bind(since.millis())
        .fetch_all(&self.read)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(CheckHour {
                    livemode: row.livemode()?,
                    hour: row.time("hour")?,
                    allowed: row.int("allowed")?,
                    denied: row.int("denied")?,
                    unlisted: row.int("unlisted")?,
                })
            })
            .collect()
    }

    async fn was_ever_checked(&self, livemode: Livemode) -> Result<bool> {
        let one: Option<i64> = sqlx::query_scalar("select hour from access_check_hour where livemode = $1 limit 1")
            .bind(livemode.is_live())
            .fetch_optional(&self.read)
            .await?;
        Ok(one.is_some())
    }

    async fn forget_checks(&self, before: Timestamp, now: Timestamp) -> Result<u64> {
        let mut write = self.begin().await?;
        let gone = sqlx::query("delete from access_check where last_at < $1").bind(before.millis());
        let gone = gone.execute(write.conn()).await?.rows_affected();
        sqlx::query("delete from access_check_hour where hour < $1")
            .bind(before.millis())
            .execute(write.conn())
            .await?;
        write.commit(now).await?;
        Ok(gone)
    }
}
