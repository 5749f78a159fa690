//! Who did what, why: written in the transaction of the change itself, and read by who, what, which and when.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Livemode, Timestamp};
use serde_json::{Value, json};

use super::names::Names;
use super::paging::Order;
use super::rows::{Columns as _, DbRow, json as parse};
use super::{Backend, Conn, Db};
use crate::Result;
use crate::chain::{AuditLink, digest};
use crate::records::{AuditChain, AuditFault, AuditFilter, AuditRecord, Author, COUNTED, Page, Place};

/// A statement that waits for its values.
type Statement<'q> = sqlx::query::Query<'q, Db, <Db as sqlx::Database>::Arguments>;

/// Entries read at once while the chain is walked.
const WALKED_AT_ONCE: i64 = 1_000;
/// What stands where somebody's data was erased from an entry.
const ERASED: &str = r#"{"erased":true}"#;
/// Who was erased, and what from; never erased itself.
pub(super) const ERASE: &str = "person.erase";

/// Adds an entry, and to the chain what it says.
///
/// Whoever adds one holds the chain's end until the transaction is over, so entries are numbered without gaps, in the order of commits.
pub(super) async fn audit(
    conn: &mut Conn,
    author: &Author,
    action: &str,
    livemode: Option<Livemode>,
    object: (&str, &str),
    details: &Value,
) -> Result<()> {
    let (audit_id, before): (i64, String) =
        sqlx::query_as("update audit_head set audit_id = audit_id + 1 where one = 1 returning audit_id, hash")
            .fetch_one(&mut *conn)
            .await?;
    let details = details.to_string();
    let details_hash = digest(&details);
    let hash = AuditLink {
        before: &before,
        audit_id,
        at: author.now,
        actor: &author.actor,
        role: author.origin.role.as_deref(),
        action,
        livemode: livemode.map(Livemode::is_live),
        object,
        reason: author.reason.as_deref(),
        address: author.origin.address.as_deref(),
        request_id: author.origin.request_id.as_deref(),
        details_hash: &details_hash,
    }
    .hash();
    sqlx::query(
        "insert into audit (audit_id, at, actor, action, livemode, object_kind, object_id, reason, details,
             role, address, request_id, details_hash, hash)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    )
    .bind(audit_id)
    .bind(author.now.millis())
    .bind(&author.actor)
    .bind(action)
    .bind(livemode.map(Livemode::is_live))
    .bind(object.0)
    .bind(object.1)
    .bind(author.reason.as_deref())
    .bind(details)
    .bind(author.origin.role.as_deref())
    .bind(author.origin.address.as_deref())
    .bind(author.origin.request_id.as_deref())
    .bind(details_hash)
    .bind(&hash)
    .execute(&mut *conn)
    .await?;
    sqlx::query("update audit_head set hash = $1 where one = 1").bind(hash).execute(conn).await?;
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
        role: row.opt_text("role")?,
        address: row.opt_text("address")?,
        request_id: row.opt_text("request_id")?,
        details: parse("audit", "details", &audit_id.to_string(), &row.text("details")?)?,
    })
}

/// What narrows further than the index that leads: `$1` is what that one is on, `$2` and `$3` are the bounds of the page.
const REST: &str = "
    and audit_id > $2 and audit_id < $3
    and (cast($4 as text) is null or actor = $4) and (cast($5 as text) is null or action = $5)
    and (cast($6 as text) is null or object_kind = $6) and (cast($7 as boolean) is null or livemode is null or livemode = $7)";

/// The condition by whose index the entries of a filter are found, and what it is on.
const fn lead(filter: &AuditFilter) -> (&'static str, Option<&String>) {
    match (&filter.object_id, &filter.actor, &filter.action) {
        (Some(id), ..) => ("object_id = $1", Some(id)),
        (None, Some(actor), _) => ("actor = $1", Some(actor)),
        (None, None, Some(action)) => ("action = $1", Some(action)),
        (None, None, None) => ("cast($1 as text) is null", None),
    }
}

/// Gives a statement its values.
fn bound<'q>(query: Statement<'q>, filter: &'q AuditFilter, (first, end): (i64, i64), limit: i64) -> Statement<'q> {
    query
        .bind(lead(filter).1)
        .bind(first)
        .bind(end)
        .bind(filter.actor.as_deref())
        .bind(filter.action.as_deref())
        .bind(filter.object_kind.as_deref())
        .bind(filter.livemode.map(Livemode::is_live))
        .bind(limit)
}

impl Backend {
    /// Entries, newest first.
    pub(super) async fn audit_entries(&self, filter: &AuditFilter) -> Result<Page<AuditRecord>> {
        let place = Place { after: filter.after, before: filter.before, limit: filter.limit };
        let (mut first, mut end) = self.audit_bounds(filter).await?;
        let (_, order) = Order::Falling.words(place.is_backwards());
        match (place.key(), place.is_backwards()) {
            (Some(key), true) => first = first.max(*key),
            (Some(key), false) => end = end.min(*key),
            (None, _) => {}
        }
        let sql = format!("select * from audit where {}{REST} order by audit_id{order} limit $8", lead(filter).0);
        let rows = bound(sqlx::query(sqlx::AssertSqlSafe(sql)), filter, (first, end), filter.limit + 1)
            .fetch_all(&self.read)
            .await?;
        Ok(place.page(rows.iter().map(audit_record).collect::<Result<_>>()?))
    }

    /// How many entries there are, up to the cap.
    pub(super) async fn audit_count(&self, filter: &AuditFilter) -> Result<i64> {
        let bounds = self.audit_bounds(filter).await?;
        let sql = format!(
            "select count(*) as entries from (select 1 as one from audit where {}{REST} limit $8) as counted",
            lead(filter).0
        );
        let query = bound(sqlx::query(sqlx::AssertSqlSafe(sql)), filter, bounds, COUNTED + 1);
        query.fetch_one(&self.read).await?.int("entries")
    }

    /// The numbers that the entries of a filter's time are between.
    async fn audit_bounds(&self, filter: &AuditFilter) -> Result<(i64, i64)> {
        let before_first = match filter.from {
            Some(from) => self.first_audit_since(from).await? - 1,
            None => 0,
        };
        let end = match filter.to {
            Some(to) => self.first_audit_since(to).await?,
            None => i64::MAX,
        };
        Ok((before_first, end))
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

    /// Walks the chain from its first entry to its last.
    pub(super) async fn walk_audit_chain(&self) -> Result<AuditChain> {
        let mut conn = self.read.acquire().await?;
        let (end, head): (i64, String) =
            sqlx::query_as("select audit_id, hash from audit_head where one = 1").fetch_one(&mut *conn).await?;
        let mut chain = AuditChain { head: head.clone(), ..AuditChain::default() };
        let mut before = String::new();
        let mut last = 0;
        // What is left of entries that were erased, by the entry that did.
        let mut erased: BTreeMap<i64, BTreeMap<String, String>> = BTreeMap::new();
        loop {
            let rows =
                sqlx::query("select * from audit where audit_id > $1 and audit_id <= $2 order by audit_id limit $3")
                    .bind(last)
                    .bind(end)
                    .bind(WALKED_AT_ONCE)
                    .fetch_all(&mut *conn)
                    .await?;
            if rows.is_empty() {
                break;
            }
            for row in &rows {
                let audit_id = row.int("audit_id")?;
                match row.opt_text("hash")? {
                    // From before the chain.
                    None if chain.entries == 0 => chain.unchained += 1,
                    None => return Ok(chain.broken_at(audit_id, AuditFault::Unchained)),
                    Some(_) if chain.entries > 0 && audit_id != last + 1 => {
                        return Ok(chain.broken_at(last + 1, AuditFault::Missing));
                    }
                    Some(hash) => {
                        let is_whole = match row.opt_int("erased_by")? {
                            // What is left of it the entry that erased it knows.
                            Some(by) => {
                                erased.entry(by).or_default().insert(audit_id.to_string(), seal(row)?);
                                by > audit_id
                            }
                            None => {
                                let details_hash = row.text("details_hash")?;
                                digest(&row.text("details")?) == details_hash
                                    && rehash(row, &before, &details_hash)? == hash
                            }
                        };
                        if !is_whole {
                            return Ok(chain.broken_at(audit_id, AuditFault::Changed));
                        }
                        if let Some(expected) = erased.remove(&audit_id)
                            && let Some(changed) = first_not_sealed(row, &expected)?
                        {
                            return Ok(chain.broken_at(changed, AuditFault::Changed));
                        }
                        chain.entries += 1;
                        before = hash;
                    }
                }
                last = audit_id;
            }
        }
        if let Some(entries) = erased.first_entry() {
            let first = entries.get().keys().filter_map(|id| id.parse().ok()).min();
            return Ok(chain.broken_at(first.unwrap_or(end), AuditFault::Changed));
        }
        // The end is kept apart: who cuts the last entries off has to change that as well.
        if last < end {
            return Ok(chain.broken_at(last + 1, AuditFault::Missing));
        }
        if before != head {
            return Ok(chain.broken_at(end, AuditFault::Changed));
        }
        Ok(chain)
    }
}

/// What an entry's hash has to be.
fn rehash(row: &DbRow, before: &str, details_hash: &str) -> Result<String> {
    let (actor, action) = (row.text("actor")?, row.text("action")?);
    let (kind, id) = (row.text("object_kind")?, row.text("object_id")?);
    let (role, reason) = (row.opt_text("role")?, row.opt_text("reason")?);
    let (address, request_id) = (row.opt_text("address")?, row.opt_text("request_id")?);
    let link = AuditLink {
        before,
        audit_id: row.int("audit_id")?,
        at: row.time("at")?,
        actor: &actor,
        role: role.as_deref(),
        action: &action,
        livemode: sqlx::Row::try_get(row, "livemode")?,
        object: (&kind, &id),
        reason: reason.as_deref(),
        address: address.as_deref(),
        request_id: request_id.as_deref(),
        details_hash,
    };
    Ok(link.hash())
}

/// Whether an entry says no more what it said.
pub(super) fn is_erased(details: &Value) -> bool {
    details["erased"] == true
}

/// SHA-256 of all that is left of an entry, in hex.
fn seal(row: &DbRow) -> Result<String> {
    let livemode: Option<bool> = sqlx::Row::try_get(row, "livemode")?;
    let left = json!([
        row.int("audit_id")?,
        row.int("at")?,
        row.text("actor")?,
        row.text("action")?,
        livemode,
        row.text("object_kind")?,
        row.text("object_id")?,
        row.opt_text("reason")?,
        row.text("details")?,
        row.opt_text("role")?,
        row.opt_text("address")?,
        row.opt_text("request_id")?,
        row.opt_text("details_hash")?,
        row.opt_text("hash")?,
    ]);
    Ok(digest(&left.to_string()))
}

/// The first of these entries that is not as the entry which erased them left it.
fn first_not_sealed(erasure: &DbRow, entries: &BTreeMap<String, String>) -> Result<Option<i64>> {
    let details: Value = parse("audit", "details", "erasure", &erasure.text("details")?)?;
    let known = |(id, seal): &(&String, &String)| {
        erasure.text("action").is_ok_and(|action| action == ERASE) && details["entries"][id.as_str()] == seal.as_str()
    };
    Ok(entries.iter().filter(|entry| !known(entry)).filter_map(|(id, _)| id.parse().ok()).min())
}

/// What somebody erases from the audit log: entries about a person, and those that name them.
pub(super) struct Erasing<'a> {
    pub(super) names: &'a Names,
    /// What may be a person's, by id.
    pub(super) ids: &'a BTreeSet<String>,
}

impl Erasing<'_> {
    fn is_about(&self, row: &DbRow) -> Result<bool> {
        let (object_id, reason) = (row.text("object_id")?, row.opt_text("reason")?);
        if row.text("action")? == ERASE {
            return Ok(false);
        }
        let details: Value = serde_json::from_str(&row.text("details")?).unwrap_or_default();
        Ok(self.ids.contains(&object_id)
            || self.names.are_in(&object_id)
            || reason.is_some_and(|reason| self.names.are_in(&reason))
            || self.names.are_in_json(&details)
            || names_one_of(&details, self.ids))
    }

    /// Looks at the entries behind `last`, and adds those that are about the person.
    pub(super) async fn walk(&self, conn: &mut Conn, last: &mut i64, found: &mut BTreeSet<i64>) -> Result<()> {
        loop {
            let rows = sqlx::query("select * from audit where audit_id > $1 order by audit_id limit $2")
                .bind(*last)
                .bind(WALKED_AT_ONCE)
                .fetch_all(&mut *conn)
                .await?;
            for row in &rows {
                *last = row.int("audit_id")?;
                if self.is_about(row)? {
                    found.insert(*last);
                }
            }
            if rows.is_empty() {
                return Ok(());
            }
        }
    }

    /// Takes out of entries what they say; the digests of what is left are for the entry that is added next, which vouches for them.
    pub(super) async fn erase(
        &self,
        conn: &mut Conn,
        entries: &BTreeSet<i64>,
        pseudonym: &str,
    ) -> Result<BTreeMap<String, String>> {
        // The chain's end is held from here on: no other entry comes between.
        let by: i64 =
            sqlx::query_scalar("update audit_head set audit_id = audit_id where one = 1 returning audit_id + 1")
                .fetch_one(&mut *conn)
                .await?;
        let mut seals = BTreeMap::new();
        for audit_id in entries {
            let object_id: String = sqlx::query_scalar("select object_id from audit where audit_id = $1")
                .bind(audit_id)
                .fetch_one(&mut *conn)
                .await?;
            let object_id = if object_id.starts_with("cfl_") && self.ids.contains(&object_id) {
                // The id of a conflict is made of the user's.
                format!("cfl_{pseudonym}")
            } else {
                self.names.scrub(&object_id)
            };
            let row = sqlx::query(
                "update audit set object_id = $2, reason = case when reason is null then null else $3 end, details = $4, erased_by = $5
                 where audit_id = $1 returning *",
            )
            .bind(audit_id)
            .bind(object_id)
            .bind("erased")
            .bind(ERASED)
            .bind(by)
            .fetch_one(&mut *conn)
            .await?;
            seals.insert(audit_id.to_string(), seal(&row)?);
        }
        Ok(seals)
    }
}

/// Whether somewhere in JSON one of these ids stands alone.
fn names_one_of(value: &Value, ids: &BTreeSet<String>) -> bool {
    match value {
        Value::String(text) => ids.contains(text),
        Value::Array(values) => values.iter().any(|value| names_one_of(value, ids)),
        Value::Object(fields) => fields.values().any(|value| names_one_of(value, ids)),
        _ => false,
    }
}
