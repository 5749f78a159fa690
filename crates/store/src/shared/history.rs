//! What was known, and what was true, at any moment: facts, catalog and policy as they were kept with each change of them.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use domain::access::{Policy, UserFacts};
use domain::catalog::Catalog;
use domain::{Livemode, Timestamp};

use super::Backend;
use super::facts::verdict_changes;
use super::rows::{Columns as _, DbRow, json, to_json};
use super::write::Cause;
use crate::records::{AccessAt, Knowledge, Stretch, VerdictChange, VerdictChangeRecord};
use crate::{History, Result};

/// Changes of the catalog that are looked back at, at most.
const CATALOGS: i64 = 100;

#[async_trait]
impl History for Backend {
    async fn begin_history(&self, now: Timestamp) -> Result<()> {
        let policies = self.policies().await?;
        let policy = self.options.policy;
        if policies.last().is_some_and(|(_, last)| *last == policy) {
            return Ok(());
        }
        let mut write = self.begin().await?;
        sqlx::query("insert into installation_policy (since, policy) values ($1, $2)")
            .bind(now.millis())
            .bind(to_json(&policy))
            .execute(write.conn())
            .await?;
        let everybody = Livemode::ALL.map(|livemode| (livemode, self.index.users_where(livemode, |_| true)));
        if let Some((_, before)) = policies.last() {
            for (livemode, users) in everybody {
                let catalog = self.index.catalog(livemode);
                for (user_id, facts) in users {
                    let basis = |policy| (Some(facts.as_ref()), catalog.as_ref(), policy);
                    let changes = verdict_changes(&user_id, basis(before), basis(&policy), now);
                    write.note_verdicts(livemode, &changes, Cause::new("policy", "installation", now));
                }
            }
            return write.commit(now).await;
        }
        let rows = sqlx::query("select distinct livemode, user_id from access_change where true_at is not null")
            .fetch_all(write.conn())
            .await?;
        let known = rows.iter().map(|row| Ok((row.livemode()?, row.opt_text("user_id")?)));
        let known: HashSet<(Livemode, Option<String>)> = known.collect::<Result<_>>()?;
        for (livemode, users) in everybody {
            if !known.contains(&(livemode, None)) {
                write.keep_catalog(livemode);
            }
            for (user_id, facts) in users {
                let key = (livemode, Some(user_id));
                if !known.contains(&key)
                    && let (livemode, Some(user_id)) = key
                {
                    write.keep_facts(livemode, user_id, facts, now);
                }
            }
        }
        write.commit(now).await
    }

    async fn access_at(
        &self,
        livemode: Livemode,
        user_id: &str,
        at: Timestamp,
        knowledge: Knowledge,
    ) -> Result<AccessAt> {
        // What is true of a moment is the last before the first that was not so yet: news of an older moment that came late stand
        // behind it, and with them what was not so yet either.
        let (facts_of, catalog_of) = match knowledge {
            Knowledge::Today => (
                "select facts, at from access_change
                 where livemode = $1 and user_id = $2 and true_at is not null
                   and seq < coalesce((select min(seq) from access_change where livemode = $1 and user_id = $2 and true_at > $3), 9223372036854775807)
                 order by seq desc limit 1",
                "select catalog from access_change
                 where livemode = $1 and user_id is null and true_at <= $2 order by seq desc limit 1",
            ),
            Knowledge::Then => (
                "select facts, at from access_change
                 where livemode = $1 and user_id = $2 and true_at is not null and at <= $3 order by seq desc limit 1",
                "select catalog from access_change
                 where livemode = $1 and user_id is null and true_at is not null and at <= $2 order by seq desc limit 1",
            ),
        };
        let row = sqlx::query(facts_of)
            .bind(livemode.is_live())
            .bind(user_id)
            .bind(at.millis())
            .fetch_optional(&self.read)
            .await?;
        let catalog: Option<String> = sqlx::query_scalar(catalog_of)
            .bind(livemode.is_live())
            .bind(at.millis())
            .fetch_optional(&self.read)
            .await?;
        let policies = self.policies().await?;
        let begins_at = policies.first().map(|(since, _)| *since).filter(|since| row.is_none() && at < *since);
        Ok(AccessAt {
            facts: row.as_ref().map(|row| facts(row, user_id)).transpose()?.flatten(),
            catalog: catalog
                .map(|text| json("access_change", "catalog", user_id, &text))
                .transpose()?
                .unwrap_or_default(),
            policy: policy_at(&policies, at).unwrap_or(self.options.policy),
            known_at: row.as_ref().map(|row| row.time("at")).transpose()?,
            begins_at,
        })
    }

    async fn history(&self, livemode: Livemode, user_id: &str, limit: i64) -> Result<Vec<Stretch>> {
        let rows = sqlx::query(
            "select facts, at from access_change
             where livemode = $1 and user_id = $2 and true_at is not null order by seq desc limit $3",
        )
        .bind(livemode.is_live())
        .bind(user_id)
        .bind(limit)
        .fetch_all(&self.read)
        .await?;
        let Some(oldest) = rows.last().map(|row| row.time("at")).transpose()? else { return Ok(vec![]) };
        let mut known: Vec<(Timestamp, Option<Arc<UserFacts>>)> = vec![];
        for row in rows.iter().rev() {
            known.push((row.time("at")?, facts(row, user_id)?.map(Arc::new)));
        }
        let catalogs = self.catalogs_since(livemode, oldest).await?;
        let policies = self.policies().await?;
        let mut turns: Vec<Timestamp> = known.iter().map(|(at, _)| *at).collect();
        turns.extend(catalogs.iter().map(|(at, _)| *at).chain(policies.iter().map(|(at, _)| *at)));
        turns.retain(|at| *at >= oldest);
        turns.sort_unstable();
        turns.dedup();
        let stretch = |(n, from): (usize, &Timestamp)| Stretch {
            from: *from,
            to: turns.get(n + 1).copied(),
            facts: last_of(&known, *from).cloned().flatten(),
            catalog: last_of(&catalogs, *from).cloned().unwrap_or_default(),
            policy: policy_at(&policies, *from).unwrap_or(self.options.policy),
        };
        Ok(turns.iter().enumerate().map(stretch).collect())
    }

    async fn verdict_changes(&self, livemode: Livemode, user_id: &str, limit: i64) -> Result<Vec<VerdictChangeRecord>> {
        let rows = sqlx::query(
            "select user_id, feature_key, allowed_before, allowed_after, reason_before, reason_after, cause_kind, cause_id, at, true_at
             from verdict_change where livemode = $1 and user_id = $2 order by verdict_change_id desc limit $3",
        )
        .bind(livemode.is_live())
        .bind(user_id)
        .bind(limit)
        .fetch_all(&self.read)
        .await?;
        rows.iter().map(verdict_change).collect()
    }
}

impl Backend {
    /// The policies the installation was started with, oldest first.
    async fn policies(&self) -> Result<Vec<(Timestamp, Policy)>> {
        let rows =
            sqlx::query("select since, policy from installation_policy order by seq").fetch_all(&self.read).await?;
        rows.iter()
            .map(|row| Ok((row.time("since")?, json("installation_policy", "policy", "", &row.text("policy")?)?)))
            .collect()
    }

    /// The catalog as it was known then, and each change of it since; oldest first.
    async fn catalogs_since(&self, livemode: Livemode, since: Timestamp) -> Result<Vec<(Timestamp, Arc<Catalog>)>> {
        let rows = sqlx::query(
            "select at, catalog from access_change
             where livemode = $1 and user_id is null and catalog is not null
               and seq >= coalesce((select max(seq) from access_change where livemode = $1 and user_id is null and catalog is not null
                                    and at <= $2), 0)
             order by seq desc limit $3",
        )
        .bind(livemode.is_live())
        .bind(since.millis())
        .bind(CATALOGS)
        .fetch_all(&self.read)
        .await?;
        let catalog =
            |row: &DbRow| Ok((row.time("at")?, Arc::new(json("access_change", "catalog", "", &row.text("catalog")?)?)));
        rows.iter().rev().map(catalog).collect()
    }
}

/// The last that was so at a moment.
fn last_of<T>(series: &[(Timestamp, T)], at: Timestamp) -> Option<&T> {
    series.iter().rev().find(|(since, _)| *since <= at).map(|(_, value)| value)
}

/// The policy of a moment; of one before history began, the first that is known.
fn policy_at(policies: &[(Timestamp, Policy)], at: Timestamp) -> Option<Policy> {
    last_of(policies, at).or(policies.first().map(|(_, policy)| policy)).copied()
}

fn facts(row: &DbRow, user_id: &str) -> Result<Option<UserFacts>> {
    row.opt_text("facts")?.map(|text| json("access_change", "facts", user_id, &text)).transpose()
}

fn verdict_change(row: &DbRow) -> Result<VerdictChangeRecord> {
    Ok(VerdictChangeRecord {
        change: VerdictChange {
            user_id: row.text("user_id")?,
            feature: row.text("feature_key")?,
            allowed_before: row.flag("allowed_before")?,
            allowed_after: row.flag("allowed_after")?,
            reason_before: row.text("reason_before")?,
            reason_after: row.text("reason_after")?,
        },
        cause_kind: row.text("cause_kind")?,
        cause_id: row.text("cause_id")?,
        at: row.time("at")?,
        true_at: row.opt_time("true_at")?.map_or_else(|| row.time("at"), Ok)?,
    })
}
