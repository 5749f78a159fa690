//! Who a Stripe customer is: claims by evidence, words of people, conflicts between them.

use async_trait::async_trait;
use domain::event::EventStatus;
use domain::mapping::{Claim, MappingSource};
use domain::{Livemode, Timestamp};
use serde_json::json;

use super::Backend;
use super::audit::audit;
use super::rows::{Columns as _, DbRow, word};
use super::write::{Attempt, Cause, Write};
use crate::records::{Author, ConflictRecord, Effects, MappingRecord, Resolution, UserRecord};
use crate::{Mappings, Result};

impl Write<'_> {
    /// The user a customer is mapped to, as this transaction has it.
    pub(super) async fn mapped_user(&mut self, livemode: Livemode, customer_id: &str) -> Result<Option<String>> {
        let key = (livemode, customer_id.to_owned());
        if let Some(user_id) = self.mapped.get(&key) {
            return Ok(user_id.clone());
        }
        let user_id: Option<String> =
            sqlx::query_scalar("select user_id from mapping where livemode = $1 and customer_id = $2")
                .bind(livemode.is_live())
                .bind(customer_id)
                .fetch_optional(self.conn())
                .await?;
        self.mapped.insert(key, user_id.clone());
        Ok(user_id)
    }

    /// Evidence names a user: makes the mapping, or, when it contradicts the one that is there, a conflict. Never moves anything.
    pub(super) async fn claim(
        &mut self,
        livemode: Livemode,
        claim: &Claim,
        evidence: &str,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Result<()> {
        match self.mapped_user(livemode, &claim.customer_id).await? {
            Some(user_id) if user_id == claim.user_id => {}
            Some(user_id) => {
                let made = sqlx::query(
                    "insert into mapping_conflict
                        (conflict_id, livemode, customer_id, mapped_user_id, claimed_user_id, source, evidence, since)
                     values ($1, $2, $3, $4, $5, $6, $7, $8)
                     on conflict (livemode, customer_id, claimed_user_id) do nothing",
                )
                .bind(conflict_id(livemode, claim))
                .bind(livemode.is_live())
                .bind(&claim.customer_id)
                .bind(&user_id)
                .bind(&claim.user_id)
                .bind(claim.source.as_str())
                .bind(evidence)
                .bind(now.millis())
                .execute(self.conn())
                .await?;
                if made.rows_affected() > 0 {
                    effects.mappings.push(format!(
                        "{} is mapped to {user_id}, but {} says {}: a conflict for a person to settle.",
                        claim.customer_id,
                        claim.source.as_str(),
                        claim.user_id
                    ));
                }
            }
            None => {
                self.set_mapping(livemode, &claim.customer_id, &claim.user_id, claim.source, evidence, now).await?;
                effects.mappings.push(format!(
                    "{} is now mapped to {} by {}.",
                    claim.customer_id,
                    claim.user_id,
                    claim.source.as_str()
                ));
            }
        }
        Ok(())
    }

    /// Maps a customer to a user, whoever it was mapped to; what only lacked the user takes effect.
    pub(super) async fn set_mapping(
        &mut self,
        livemode: Livemode,
        customer_id: &str,
        user_id: &str,
        source: MappingSource,
        evidence: &str,
        now: Timestamp,
    ) -> Result<()> {
        sqlx::query(
            "insert into mapping (livemode, customer_id, user_id, source, evidence, since)
             values ($1, $2, $3, $4, $5, $6)
             on conflict (livemode, customer_id) do update
                set user_id = excluded.user_id, source = excluded.source, evidence = excluded.evidence, since = excluded.since",
        )
        .bind(livemode.is_live())
        .bind(customer_id)
        .bind(user_id)
        .bind(source.as_str())
        .bind(evidence)
        .bind(now.millis())
        .execute(self.conn())
        .await?;
        self.note_mapped(livemode, customer_id, true).await?;
        self.mapped.insert((livemode, customer_id.to_owned()), Some(user_id.to_owned()));
        self.settle_unattributed(livemode, customer_id, user_id, now).await
    }

    /// Takes a mapping away.
    pub(super) async fn drop_mapping(&mut self, livemode: Livemode, customer_id: &str) -> Result<()> {
        sqlx::query("delete from mapping where livemode = $1 and customer_id = $2")
            .bind(livemode.is_live())
            .bind(customer_id)
            .execute(self.conn())
            .await?;
        self.note_mapped(livemode, customer_id, false).await?;
        self.mapped.insert((livemode, customer_id.to_owned()), None);
        Ok(())
    }

    /// The mapping that is there, for the audit log: with its evidence, so that it can be restored.
    async fn mapping_before(&mut self, livemode: Livemode, customer_id: &str) -> Result<Option<MappingRecord>> {
        let row = sqlx::query(
            "select customer_id, user_id, source, evidence, since from mapping where livemode = $1 and customer_id = $2",
        )
        .bind(livemode.is_live())
        .bind(customer_id)
        .fetch_optional(self.conn())
        .await?;
        row.as_ref().map(mapping).transpose()
    }

    /// Keeps on the customer whether a user is known for it.
    async fn note_mapped(&mut self, livemode: Livemode, customer_id: &str, is_mapped: bool) -> Result<()> {
        sqlx::query("update customer set is_mapped = $3 where livemode = $1 and customer_id = $2")
            .bind(livemode.is_live())
            .bind(customer_id)
            .bind(is_mapped)
            .execute(self.conn())
            .await?;
        Ok(())
    }

    /// Events that only lacked the user are done now.
    async fn settle_unattributed(
        &mut self,
        livemode: Livemode,
        customer_id: &str,
        user_id: &str,
        now: Timestamp,
    ) -> Result<()> {
        let settled: Vec<String> = sqlx::query_scalar(
            "update event set status = 'processed', processed_at = $3, attempts = attempts + 1, note = $4
             where livemode = $1 and customer_id = $2 and status = 'unattributed'
             returning event_id",
        )
        .bind(livemode.is_live())
        .bind(customer_id)
        .bind(now.millis())
        .bind(settled_note(customer_id, user_id))
        .fetch_all(self.conn())
        .await?;
        for event_id in settled {
            self.attempt(Attempt {
                livemode,
                event_id,
                cause: "mapping",
                actor: None,
                outcome: EventStatus::Processed,
                error: None,
            });
        }
        Ok(())
    }
}

/// What an event says that only lacked the user.
pub(super) fn settled_note(customer_id: &str, user_id: &str) -> String {
    format!("Took effect when {customer_id} was mapped to {user_id}.")
}

/// The same conflict has the same id, whenever it is found.
pub(super) fn conflict_id(livemode: Livemode, claim: &Claim) -> String {
    format!("cfl_{livemode}_{}_{}", claim.customer_id, claim.user_id)
}

/// A change of a mapping: who it was and is, and what stood behind who it was.
fn mapping_details(was: Option<&MappingRecord>, after: Option<&str>) -> serde_json::Value {
    let mut details = json!({"before": was.map(|was| &was.user_id), "after": after});
    if let Some(was) = was {
        details["source"] = json!(was.source.as_str());
        details["evidence"] = json!(was.evidence);
    }
    details
}

/// A row of `mapping`.
pub(super) fn mapping(row: &DbRow) -> Result<MappingRecord> {
    let customer_id = row.text("customer_id")?;
    Ok(MappingRecord {
        user_id: row.text("user_id")?,
        source: word("mapping", "source", &customer_id, &row.text("source")?, MappingSource::parse)?,
        evidence: row.text("evidence")?,
        since: row.time("since")?,
        customer_id,
    })
}

/// The columns of a [`ConflictRecord`].
pub(super) const CONFLICT: &str =
    "conflict_id, livemode, customer_id, mapped_user_id, claimed_user_id, source, evidence, since";

/// A row of [`CONFLICT`].
pub(super) fn conflict(row: &DbRow) -> Result<ConflictRecord> {
    let conflict_id = row.text("conflict_id")?;
    Ok(ConflictRecord {
        livemode: row.livemode()?,
        customer_id: row.text("customer_id")?,
        mapped_user_id: row.text("mapped_user_id")?,
        claimed_user_id: row.text("claimed_user_id")?,
        source: word("mapping_conflict", "source", &conflict_id, &row.text("source")?, MappingSource::parse)?,
        evidence: row.text("evidence")?,
        since: row.time("since")?,
        conflict_id,
    })
}

#[async_trait]
impl Mappings for Backend {
    async fn mapping(&self, livemode: Livemode, customer_id: &str) -> Result<Option<MappingRecord>> {
        let row = sqlx::query("select customer_id, user_id, source, evidence, since from mapping where livemode = $1 and customer_id = $2")
            .bind(livemode.is_live())
            .bind(customer_id)
            .fetch_optional(&self.read)
            .await?;
        row.as_ref().map(mapping).transpose()
    }

    async fn mappings_of(&self, livemode: Livemode, user_id: &str) -> Result<Vec<MappingRecord>> {
        let rows = sqlx::query(
            "select customer_id, user_id, source, evidence, since from mapping where livemode = $1 and user_id = $2",
        )
        .bind(livemode.is_live())
        .bind(user_id)
        .fetch_all(&self.read)
        .await?;
        // Sorted here: in SQL, SQLite would rather walk every mapping in that order.
        let mut mappings: Vec<MappingRecord> = rows.iter().map(mapping).collect::<Result<_>>()?;
        mappings.sort_by(|a, b| (a.since, &a.customer_id).cmp(&(b.since, &b.customer_id)));
        Ok(mappings)
    }

    async fn put_mapping(
        &self,
        livemode: Livemode,
        customer_id: &str,
        user_id: &str,
        source: MappingSource,
        author: &Author,
    ) -> Result<MappingRecord> {
        let now = author.now;
        let mut write = self.begin().await?;
        let was = write.mapping_before(livemode, customer_id).await?;
        let before = was.as_ref().map(|was| was.user_id.clone());
        if before.as_deref() != Some(user_id) {
            write.set_mapping(livemode, customer_id, user_id, source, &author.actor, now).await?;
            // The person's word settles what contradicted it, and the old user's claim is not raised again.
            if let Some(before) = &before {
                let claim = Claim { customer_id: customer_id.to_owned(), user_id: before.clone(), source };
                sqlx::query(
                    "insert into mapping_conflict
                        (conflict_id, livemode, customer_id, mapped_user_id, claimed_user_id, source, evidence, since, resolved_at, resolution, resolved_by)
                     values ($1, $2, $3, $4, $5, $6, $7, $8, $8, 'move', $7)
                     on conflict (livemode, customer_id, claimed_user_id) do nothing",
                )
                .bind(conflict_id(livemode, &claim))
                .bind(livemode.is_live())
                .bind(customer_id)
                .bind(user_id)
                .bind(before)
                .bind(source.as_str())
                .bind(&author.actor)
                .bind(now.millis())
                .execute(write.conn())
                .await?;
            }
            sqlx::query(
                "update mapping_conflict set resolved_at = $3, resolution = 'move', resolved_by = $4
                 where livemode = $1 and customer_id = $2 and resolved_at is null",
            )
            .bind(livemode.is_live())
            .bind(customer_id)
            .bind(now.millis())
            .bind(&author.actor)
            .execute(write.conn())
            .await?;
        }
        audit(
            write.conn(),
            author,
            "mapping.put",
            Some(livemode),
            ("customer", customer_id),
            &mapping_details(was.as_ref(), Some(user_id)),
        )
        .await?;
        if let Some(before) = before.as_deref().filter(|before| *before != user_id) {
            let details = json!({"customer": customer_id, "before": before, "after": user_id});
            for user in [before, user_id] {
                audit(write.conn(), author, "mapping.move", Some(livemode), ("user", user), &details).await?;
            }
        }
        for user in before.iter().map(String::as_str).filter(|before| *before != user_id).chain([user_id]) {
            write.touch_user(livemode, user, Cause::new("mapping", customer_id, now), now).await?;
        }
        write.commit(now).await?;
        self.mapping(livemode, customer_id)
            .await?
            .ok_or_else(|| crate::Error::Conflict(format!("the mapping of {customer_id} was removed meanwhile")))
    }

    async fn delete_mapping(&self, livemode: Livemode, customer_id: &str, author: &Author) -> Result<bool> {
        let mut write = self.begin().await?;
        let Some(was) = write.mapping_before(livemode, customer_id).await? else { return Ok(false) };
        let before = was.user_id.clone();
        write.drop_mapping(livemode, customer_id).await?;
        audit(
            write.conn(),
            author,
            "mapping.delete",
            Some(livemode),
            ("customer", customer_id),
            &mapping_details(Some(&was), None),
        )
        .await?;
        write.touch_user(livemode, &before, Cause::new("mapping", customer_id, author.now), author.now).await?;
        write.commit(author.now).await?;
        Ok(true)
    }

    async fn conflict(&self, conflict_id: &str) -> Result<Option<ConflictRecord>> {
        let sql = format!("select {CONFLICT} from mapping_conflict where conflict_id = $1 and resolved_at is null");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(conflict_id).fetch_optional(&self.read).await?;
        row.as_ref().map(conflict).transpose()
    }

    async fn open_conflicts(&self, livemode: Livemode, customer_id: Option<&str>) -> Result<Vec<ConflictRecord>> {
        let sql = format!(
            "select {CONFLICT} from mapping_conflict
             where livemode = $1 and resolved_at is null and (cast($2 as text) is null or customer_id = $2)
             order by since, conflict_id
             limit 200"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(livemode.is_live())
            .bind(customer_id)
            .fetch_all(&self.read)
            .await?;
        rows.iter().map(conflict).collect()
    }

    async fn resolve_conflict(&self, conflict_id: &str, resolution: Resolution, author: &Author) -> Result<bool> {
        let Some(open) = self.conflict(conflict_id).await? else { return Ok(false) };
        if resolution == Resolution::Move {
            self.put_mapping(open.livemode, &open.customer_id, &open.claimed_user_id, MappingSource::Staff, author)
                .await?;
            return Ok(true);
        }
        let mut write = self.begin().await?;
        let kept = sqlx::query("update mapping_conflict set resolved_at = $2, resolution = 'keep', resolved_by = $3 where conflict_id = $1 and resolved_at is null")
            .bind(conflict_id)
            .bind(author.now.millis())
            .bind(&author.actor)
            .execute(write.conn())
            .await?;
        let details = json!({"kept": open.mapped_user_id, "refused": open.claimed_user_id});
        audit(write.conn(), author, "conflict.keep", Some(open.livemode), ("customer", &open.customer_id), &details)
            .await?;
        write.commit(author.now).await?;
        Ok(kept.rows_affected() > 0)
    }

    async fn put_user(
        &self,
        livemode: Livemode,
        user_id: &str,
        email: Option<&str>,
        name: Option<&str>,
        author: &Author,
    ) -> Result<UserRecord> {
        let mut write = self.begin().await?;
        let row = sqlx::query(
            "insert into app_user (livemode, user_id, email, name, created_at, updated_at)
             values ($1, $2, $3, $4, $5, $5)
             on conflict (livemode, user_id) do update
                set email = coalesce(excluded.email, app_user.email), name = coalesce(excluded.name, app_user.name), updated_at = excluded.updated_at
             returning user_id, email, name, created_at",
        )
        .bind(livemode.is_live())
        .bind(user_id)
        .bind(email)
        .bind(name)
        .bind(author.now.millis())
        .fetch_one(write.conn())
        .await?;
        audit(
            write.conn(),
            author,
            "user.put",
            Some(livemode),
            ("user", user_id),
            &json!({"email": email, "name": name}),
        )
        .await?;
        write.touch_user(livemode, user_id, Cause::new("user", user_id, author.now), author.now).await?;
        write.commit(author.now).await?;
        user(&row)
    }

    async fn user(&self, livemode: Livemode, user_id: &str) -> Result<Option<UserRecord>> {
        let row =
            sqlx::query("select user_id, email, name, created_at from app_user where livemode = $1 and user_id = $2")
                .bind(livemode.is_live())
                .bind(user_id)
                .fetch_optional(&self.read)
                .await?;
        row.as_ref().map(user).transpose()
    }
}

/// A row of `app_user`.
pub(super) fn user(row: &DbRow) -> Result<UserRecord> {
    Ok(UserRecord {
        user_id: row.text("user_id")?,
        email: row.opt_text("email")?,
        name: row.opt_text("name")?,
        created_at: row.time("created_at")?,
    })
}
