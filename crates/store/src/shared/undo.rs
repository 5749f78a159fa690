//! Taking back what the staff changed: each kind of change looks whether it still stands, and restores what the audit log says was there.

use async_trait::async_trait;
use domain::access::{PolicyExceptions, UserFacts};
use domain::catalog::{Feature, FeatureGrant, GrantSource};
use domain::event::EventStatus;
use domain::mapping::{Claim, MappingSource};
use domain::{Livemode, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Backend;
use super::audit::{audit, audit_record, is_erased};
use super::facts::user_facts;
use super::mappings::{conflict_id, settled_note};
use super::products::Target;
use super::rows::Columns as _;
use super::write::{Attempt, Cause, Write};
use crate::records::{AuditRecord, Author, PolicyTarget, TargetKind, Undone, VerdictChange};
use crate::{MOST_VERDICTS, Result, Undos};

const ENTRY: &str = "select * from audit where audit_id = $1";

/// The change no longer stands, and why.
struct Refusal(String);

/// What was taken back: the cause of what follows, and what the audit log is to say of it.
struct Restored {
    cause: &'static str,
    id: String,
    before: Value,
    after: Value,
}

type Try = Result<std::result::Result<Restored, Refusal>>;

fn refuse(why: impl Into<String>) -> Try {
    Ok(Err(Refusal(why.into())))
}

/// A field of an entry's details, as what it was written from; none also when an older version of this program wrote none.
fn detail<T: DeserializeOwned>(entry: &AuditRecord, field: &str) -> Option<T> {
    serde_json::from_value(entry.details.get(field)?.clone()).ok()
}

fn text<'e>(entry: &'e AuditRecord, field: &str) -> Option<&'e str> {
    entry.details.get(field)?.as_str()
}

impl Write<'_> {
    /// Maps a customer to a user, or to nobody, and reads the facts of who is concerned.
    async fn try_mapping(
        &mut self,
        livemode: Livemode,
        customer_id: &str,
        user_id: Option<&str>,
        now: Timestamp,
    ) -> Result<Vec<(String, UserFacts)>> {
        let before = self.mapped_user(livemode, customer_id).await?;
        match user_id {
            Some(user_id) => {
                self.set_mapping(livemode, customer_id, user_id, MappingSource::Staff, "trial", now).await?;
            }
            None => self.drop_mapping(livemode, customer_id).await?,
        }
        let other = user_id.filter(|user_id| before.as_deref() != Some(*user_id)).map(str::to_owned);
        let mut found = vec![];
        for user in before.into_iter().chain(other) {
            let facts = user_facts(self.conn(), livemode, &user).await?.unwrap_or_default();
            found.push((user, facts));
        }
        Ok(found)
    }

    /// An override was made: it is revoked. It was revoked: it counts again.
    async fn undo_override(&mut self, entry: &AuditRecord, livemode: Livemode, author: &Author) -> Try {
        let Some(id) = text(entry, "override") else { return refuse(TOO_OLD) };
        let (user_id, now) = (&entry.object_id, author.now);
        let made = entry.action == "override.create";
        let changed = if made {
            sqlx::query(
                "update access_override set revoked_at = $3, revoked_by = $4, revoke_reason = $5
                 where livemode = $1 and override_id = $2 and revoked_at is null",
            )
            .bind(livemode.is_live())
            .bind(id)
            .bind(now.millis())
            .bind(&author.actor)
            .bind(author.reason.as_deref())
            .execute(self.conn())
            .await?
        } else {
            sqlx::query(
                "update access_override set revoked_at = null, revoked_by = null, revoke_reason = null
                 where livemode = $1 and override_id = $2 and revoked_at = $3",
            )
            .bind(livemode.is_live())
            .bind(id)
            .bind(entry.at.millis())
            .execute(self.conn())
            .await?
        };
        if changed.rows_affected() == 0 {
            return refuse(if made { "This override was revoked already." } else { "This override counts already." });
        }
        self.touch_user(livemode, user_id, Cause::new("override", id, now), now).await?;
        let states = ["counts", "revoked"].map(Value::from);
        let [before, after] = if made {
            states
        } else {
            let [counts, revoked] = states;
            [revoked, counts]
        };
        Ok(Ok(Restored { cause: "override", id: id.to_owned(), before, after }))
    }

    /// An override was given another end: it ends as before.
    async fn undo_end(&mut self, entry: &AuditRecord, livemode: Livemode, author: &Author) -> Try {
        let Some(id) = text(entry, "override") else { return refuse(TOO_OLD) };
        let ends = [detail::<Option<Timestamp>>(entry, "before"), detail(entry, "after")];
        let [Some(before), Some(after)] = ends else { return refuse(TOO_OLD) };
        let changed = sqlx::query(
            "update access_override set expires_at = $3
             where livemode = $1 and override_id = $2 and revoked_at is null and coalesce(expires_at, -1) = $4",
        )
        .bind(livemode.is_live())
        .bind(id)
        .bind(before.map(Timestamp::millis))
        .bind(after.map_or(-1, Timestamp::millis))
        .execute(self.conn())
        .await?;
        if changed.rows_affected() == 0 {
            return refuse("This override was revoked or given another end since.");
        }
        self.touch_user(livemode, &entry.object_id, Cause::new("override", id, author.now), author.now).await?;
        Ok(Ok(Restored { cause: "override", id: id.to_owned(), before: json!(after), after: json!(before) }))
    }

    /// A customer was linked, moved or unlinked: it is as it was, with the evidence of then, and so are the claims against it.
    async fn undo_mapping(&mut self, entry: &AuditRecord, livemode: Livemode, author: &Author) -> Try {
        let (customer_id, now) = (entry.object_id.as_str(), author.now);
        let (before, after): (Option<String>, Option<String>) =
            (detail(entry, "before").flatten(), detail(entry, "after").flatten());
        if before == after {
            return refuse("Nothing was changed, so there is nothing to take back.");
        }
        let current = sqlx::query("select user_id, since from mapping where livemode = $1 and customer_id = $2")
            .bind(livemode.is_live())
            .bind(customer_id)
            .fetch_optional(self.conn())
            .await?;
        let stands = match (&current, &after) {
            (None, None) => true,
            (Some(row), Some(after)) => row.text("user_id")? == *after && row.time("since")? == entry.at,
            _ => false,
        };
        if !stands {
            return refuse(format!("{customer_id} was linked to somebody else, or unlinked, since."));
        }
        if let Some(after) = &after {
            self.unsettle(livemode, customer_id, after, entry.at).await?;
        }
        match &before {
            Some(user_id) => {
                let source = text(entry, "source").and_then(MappingSource::parse).unwrap_or(MappingSource::Staff);
                let evidence = text(entry, "evidence").unwrap_or(&author.actor).to_owned();
                self.set_mapping(livemode, customer_id, user_id, source, &evidence, now).await?;
            }
            None => self.drop_mapping(livemode, customer_id).await?,
        }
        self.reopen_conflicts(entry, livemode, before.as_deref()).await?;
        for user in before.iter().chain(&after) {
            self.touch_user(livemode, user, Cause::new("mapping", customer_id, now), now).await?;
        }
        let id = customer_id.to_owned();
        Ok(Ok(Restored { cause: "mapping", id, before: json!(after), after: json!(before) }))
    }

    /// Events that the mapping of that moment settled wait for a user again.
    async fn unsettle(&mut self, livemode: Livemode, customer_id: &str, user_id: &str, at: Timestamp) -> Result<()> {
        let waiting: Vec<String> = sqlx::query_scalar(
            "update event set status = 'unattributed', processed_at = null, note = null
             where livemode = $1 and customer_id = $2 and status = 'processed' and processed_at = $3 and note = $4
             returning event_id",
        )
        .bind(livemode.is_live())
        .bind(customer_id)
        .bind(at.millis())
        .bind(settled_note(customer_id, user_id))
        .fetch_all(self.conn())
        .await?;
        for event_id in waiting {
            let outcome = EventStatus::Unattributed;
            self.attempt(Attempt { livemode, event_id, cause: "mapping", actor: None, outcome, error: None });
        }
        Ok(())
    }

    /// What the mapping of this entry settled is open again; the claim it put down for the user of before is gone.
    async fn reopen_conflicts(&mut self, entry: &AuditRecord, livemode: Livemode, before: Option<&str>) -> Result<()> {
        let Some(before) = before else { return Ok(()) };
        let customer_id = &entry.object_id;
        sqlx::query(
            "delete from mapping_conflict
             where livemode = $1 and customer_id = $2 and claimed_user_id = $3 and since = $4 and resolution = 'move'",
        )
        .bind(livemode.is_live())
        .bind(customer_id)
        .bind(before)
        .bind(entry.at.millis())
        .execute(self.conn())
        .await?;
        sqlx::query(
            "update mapping_conflict set resolved_at = null, resolution = null, resolved_by = null
             where livemode = $1 and customer_id = $2 and resolved_at = $3 and resolution = 'move' and mapped_user_id = $4",
        )
        .bind(livemode.is_live())
        .bind(customer_id)
        .bind(entry.at.millis())
        .bind(before)
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// A conflict was settled by keeping the mapping: it is open again.
    async fn undo_keep(&mut self, entry: &AuditRecord, livemode: Livemode) -> Try {
        let (Some(kept), Some(refused)) = (text(entry, "kept"), text(entry, "refused")) else { return refuse(TOO_OLD) };
        let customer_id = entry.object_id.clone();
        if self.mapped_user(livemode, &customer_id).await?.as_deref() != Some(kept) {
            return refuse(format!("{customer_id} was linked to somebody else, or unlinked, since."));
        }
        let source = MappingSource::Staff;
        let claim = Claim { customer_id: customer_id.clone(), user_id: refused.to_owned(), source };
        let reopened = sqlx::query(
            "update mapping_conflict set resolved_at = null, resolution = null, resolved_by = null
             where conflict_id = $1 and resolution = 'keep' and resolved_at = $2",
        )
        .bind(conflict_id(livemode, &claim))
        .bind(entry.at.millis())
        .execute(self.conn())
        .await?;
        if reopened.rows_affected() == 0 {
            return refuse("This conflict is open already, or was settled again since.");
        }
        let (before, after) = (json!(kept), json!([kept, refused]));
        Ok(Ok(Restored { cause: "mapping", id: customer_id, before, after }))
    }

    /// What a price or product gives was set here: it gives what it gave.
    async fn undo_grants(&mut self, entry: &AuditRecord, livemode: Livemode, author: &Author) -> Try {
        let grants = [detail::<Vec<FeatureGrant>>(entry, "before"), detail(entry, "after")];
        let [Some(before), Some(after)] = grants else { return refuse(TOO_OLD) };
        let kind = if entry.object_kind == "product" { TargetKind::Product } else { TargetKind::Price };
        let id = entry.object_id.clone();
        let catalog = self.catalog(livemode);
        let targets = if kind == TargetKind::Price { &catalog.prices } else { &catalog.products };
        let mut now = targets.get(&id).cloned().unwrap_or_default();
        now.retain(|grant| grant.source.is_manual());
        if in_order(now) != in_order(after.clone()) {
            return refuse(format!("What {id} gives was changed again since."));
        }
        if let Some(gone) = before.iter().find(|grant| !catalog.features.contains_key(&grant.feature)) {
            return refuse(format!("The feature {} was deleted since.", gone.feature));
        }
        self.replace_grants(Target { livemode, kind, id: &id }, GrantSource::Manual, &before).await?;
        self.touch_catalog(livemode, Cause::new("catalog", &id, author.now), author.now).await?;
        Ok(Ok(Restored { cause: "catalog", id, before: json!(after), after: json!(before) }))
    }

    /// A policy was set: it is what it was.
    async fn undo_policy(&mut self, entry: &AuditRecord, livemode: Livemode, author: &Author) -> Try {
        let policies = [detail::<Option<PolicyExceptions>>(entry, "before"), detail(entry, "after")];
        let [Some(before), Some(after)] = policies else { return refuse(TOO_OLD) };
        let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
        let id = entry.object_id.clone();
        let catalog = self.catalog(livemode);
        let (target, now) = if entry.object_kind == "feature" {
            (PolicyTarget::Feature(&id), catalog.features.get(&id).map(|feature| feature.policy))
        } else {
            (PolicyTarget::Price(&id), Some(catalog.price_policies.get(&id).copied().unwrap_or_default()))
        };
        if now != Some(after) {
            return refuse(format!("The policy of {id} was changed again since."));
        }
        self.store_policy(livemode, target, &before).await?;
        self.touch_catalog(livemode, Cause::new("catalog", &id, author.now), author.now).await?;
        Ok(Ok(Restored { cause: "catalog", id, before: json!(after), after: json!(before) }))
    }

    /// A feature was made: it is deleted, unless something gives it by now. Its name or type was changed: they are what they were.
    async fn undo_feature(&mut self, entry: &AuditRecord, livemode: Livemode, author: &Author) -> Try {
        let features = [detail::<Option<Feature>>(entry, "before"), detail(entry, "after")];
        let [Some(before), Some(Some(after))] = features else { return refuse(TOO_OLD) };
        let key = entry.object_id.clone();
        let catalog = self.catalog(livemode);
        let stands = |now: &&Feature| now.name == after.name && now.kind == after.kind;
        if catalog.features.get(&key).filter(stands).is_none() {
            return refuse(format!("The feature {key} was changed again or deleted since."));
        }
        match &before {
            Some(before) => self.store_feature(livemode, before, author.now).await?,
            None => {
                let given: Option<String> = sqlx::query_scalar(
                    "select target_id from catalog_grant where livemode = $1 and feature_key = $2 limit 1",
                )
                .bind(livemode.is_live())
                .bind(&key)
                .fetch_optional(self.conn())
                .await?;
                if let Some(target) = given {
                    return refuse(format!("{target} gives {key} by now: take it away there first."));
                }
                sqlx::query("delete from feature where livemode = $1 and feature_key = $2")
                    .bind(livemode.is_live())
                    .bind(&key)
                    .execute(self.conn())
                    .await?;
            }
        }
        self.touch_catalog(livemode, Cause::new("catalog", &key, author.now), author.now).await?;
        Ok(Ok(Restored { cause: "catalog", id: key, before: json!(after), after: json!(before) }))
    }

    /// A customer was ignored, or is looked at again.
    async fn undo_ignoring(&mut self, entry: &AuditRecord, livemode: Livemode, author: &Author) -> Try {
        let id = entry.object_id.clone();
        let since: Option<i64> =
            sqlx::query_scalar("select at from ignored_customer where livemode = $1 and customer_id = $2")
                .bind(livemode.is_live())
                .bind(&id)
                .fetch_optional(self.conn())
                .await?;
        let (before, after): (Option<String>, Option<String>) =
            (detail(entry, "before").flatten(), detail(entry, "after").flatten());
        match &before {
            None if since == Some(entry.at.millis()) => self.heed(livemode, &id).await?,
            Some(reason) if since.is_none() => self.ignore(livemode, &id, reason, author).await?,
            None => return refuse(format!("{id} is ignored no longer, or for another reason.")),
            Some(_) => return refuse(format!("{id} was ignored again since.")),
        }
        Ok(Ok(Restored { cause: "mapping", id, before: json!(after), after: json!(before) }))
    }
}

const TOO_OLD: &str = "What was there before was not kept, so this cannot be taken back.";

fn in_order(mut grants: Vec<FeatureGrant>) -> Vec<FeatureGrant> {
    grants.sort_by(|a, b| a.feature.cmp(&b.feature));
    grants
}

#[async_trait]
impl Undos for Backend {
    async fn entries_of(&self, author: &Author, action: &str, object: (&str, &str), count: usize) -> Result<Vec<i64>> {
        let ids = sqlx::query_scalar(
            "select audit_id from audit
             where object_kind = $1 and object_id = $2 and action = $3 and actor = $4 and at = $5
             order by audit_id desc limit $6",
        )
        .bind(object.0)
        .bind(object.1)
        .bind(action)
        .bind(&author.actor)
        .bind(author.now.millis())
        .bind(i64::try_from(count).unwrap_or(i64::MAX))
        .fetch_all(&self.read)
        .await?;
        Ok(ids)
    }

    async fn verdicts_of(&self, livemode: Livemode, cause: (&str, &str), at: Timestamp) -> Result<Vec<VerdictChange>> {
        let rows = sqlx::query(
            "select user_id, feature_key, allowed_before, allowed_after, reason_before, reason_after from verdict_change
             where livemode = $1 and cause_kind = $2 and cause_id = $3 and at = $4
             order by verdict_change_id desc limit $5",
        )
        .bind(livemode.is_live())
        .bind(cause.0)
        .bind(cause.1)
        .bind(at.millis())
        .bind(i64::try_from(MOST_VERDICTS).unwrap_or(i64::MAX))
        .fetch_all(&self.read)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(VerdictChange {
                    user_id: row.text("user_id")?,
                    feature: row.text("feature_key")?,
                    allowed_before: row.flag("allowed_before")?,
                    allowed_after: row.flag("allowed_after")?,
                    reason_before: row.text("reason_before")?,
                    reason_after: row.text("reason_after")?,
                })
            })
            .collect()
    }

    async fn facts_if_mapped(
        &self,
        livemode: Livemode,
        customer_id: &str,
        user_id: Option<&str>,
        now: Timestamp,
    ) -> Result<Vec<(String, UserFacts)>> {
        let mut write = self.begin().await?;
        write.savepoint().await?;
        let tried = write.try_mapping(livemode, customer_id, user_id, now).await;
        write.roll_back_to_savepoint().await?;
        write.commit(now).await?;
        tried
    }

    async fn undo(&self, audit_id: i64, author: &Author) -> Result<Undone> {
        let mut write = self.begin().await?;
        let row = sqlx::query(ENTRY).bind(audit_id).fetch_optional(write.conn()).await?;
        let Some(entry) = row.as_ref().map(audit_record).transpose()? else { return Ok(Undone::Unknown) };
        let Some(livemode) = entry.livemode else { return Ok(Undone::Refused("This cannot be taken back.".into())) };
        if is_erased(&entry.details) {
            return Ok(Undone::Refused(
                "What this entry said was erased with a person's data, so it cannot be taken back.".into(),
            ));
        }
        let restored = match entry.action.as_str() {
            "override.create" | "override.revoke" => write.undo_override(&entry, livemode, author).await?,
            "override.end" => write.undo_end(&entry, livemode, author).await?,
            "mapping.put" | "mapping.delete" => write.undo_mapping(&entry, livemode, author).await?,
            "conflict.keep" => write.undo_keep(&entry, livemode).await?,
            "catalog.put" => write.undo_grants(&entry, livemode, author).await?,
            "policy.put" => write.undo_policy(&entry, livemode, author).await?,
            "feature.put" => write.undo_feature(&entry, livemode, author).await?,
            "customer.ignore" | "customer.heed" => write.undo_ignoring(&entry, livemode, author).await?,
            _ => Err(Refusal("This cannot be taken back.".into())),
        };
        let restored = match restored {
            Ok(restored) => restored,
            Err(Refusal(why)) => return Ok(Undone::Refused(why)),
        };
        let details =
            json!({"undone": audit_id, "action": entry.action, "before": restored.before, "after": restored.after});
        let object = (entry.object_kind.as_str(), entry.object_id.as_str());
        audit(write.conn(), author, "change.undo", Some(livemode), object, &details).await?;
        write.commit(author.now).await?;
        Ok(Undone::Done { cause: restored.cause, id: restored.id })
    }
}
