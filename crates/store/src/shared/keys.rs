//! API keys.

use async_trait::async_trait;
use domain::role::Scope;
use domain::{Livemode, Timestamp};
use serde_json::{Value, json};

use super::audit::audit;
use super::rows::{Columns as _, DbRow, word};
use super::{Backend, Conn};
use crate::keys::Keys;
use crate::records::{ApiKeyRecord, ApiKeyTerms, ApiKeyUse, Author};
use crate::{Error, Result};

fn api_key_record(row: &DbRow) -> Result<ApiKeyRecord> {
    let api_key_id = row.text("api_key_id")?;
    let scope = word("api_key", "scope", &api_key_id, &row.text("scope")?, Scope::parse)?;
    let terms = ApiKeyTerms {
        expires_at: row.opt_time("expires_at")?,
        addresses: row.text("addresses")?.split(',').filter(|one| !one.is_empty()).map(str::to_owned).collect(),
        check_rate: rate(row, &api_key_id, "check_rate")?,
        request_rate: rate(row, &api_key_id, "request_rate")?,
    };
    Ok(ApiKeyRecord {
        name: row.text("name")?,
        livemode: row.livemode()?,
        scope,
        key_hash: row.text("key_hash")?,
        prefix: row.text("prefix")?,
        last4: row.text("last4")?,
        created_at: row.time("created_at")?,
        created_by: row.text("created_by")?,
        terms,
        last_used_at: row.opt_time("last_used_at")?,
        last_used_from: row.opt_text("last_used_from")?,
        revoked_at: row.opt_time("revoked_at")?,
        replaces: row.opt_text("replaces")?,
        replaced_by: row.opt_text("replaced_by")?,
        api_key_id,
    })
}

fn rate(row: &DbRow, id: &str, column: &'static str) -> Result<Option<u32>> {
    let Some(stored) = row.opt_int(column)? else { return Ok(None) };
    word("api_key", column, id, &stored.to_string(), |text| text.parse().ok()).map(Some)
}

/// What the audit log keeps of the terms.
fn terms_details(terms: &ApiKeyTerms) -> Value {
    json!({
        "expires_at": terms.expires_at.map(|at| at.to_string()),
        "addresses": terms.addresses.join(", "),
        "check_rate": terms.check_rate,
        "request_rate": terms.request_rate,
    })
}

/// What it keeps of a new key: neither the key nor its hash.
fn key_details(key: &ApiKeyRecord) -> Value {
    let mut details = terms_details(&key.terms);
    details["name"] = json!(key.name);
    details["scope"] = json!(key.scope);
    details["prefix"] = json!(key.prefix);
    if let Some(replaced) = &key.replaces {
        details["replaces"] = json!(replaced);
    }
    json!({ "after": details })
}

async fn insert(conn: &mut Conn, key: &ApiKeyRecord, author: &Author) -> Result<()> {
    sqlx::query(
        "insert into api_key
            (api_key_id, name, livemode, scope, key_hash, prefix, last4, created_at, created_by, last_used_at, revoked_at,
             expires_at, addresses, check_rate, request_rate, last_used_from, replaces, replaced_by)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
    )
    .bind(&key.api_key_id)
    .bind(&key.name)
    .bind(key.livemode.is_live())
    .bind(key.scope.as_str())
    .bind(&key.key_hash)
    .bind(&key.prefix)
    .bind(&key.last4)
    .bind(key.created_at.millis())
    .bind(&key.created_by)
    .bind(key.last_used_at.map(Timestamp::millis))
    .bind(key.revoked_at.map(Timestamp::millis))
    .bind(key.terms.expires_at.map(Timestamp::millis))
    .bind(key.terms.addresses.join(","))
    .bind(key.terms.check_rate.map(i64::from))
    .bind(key.terms.request_rate.map(i64::from))
    .bind(&key.last_used_from)
    .bind(&key.replaces)
    .bind(&key.replaced_by)
    .execute(&mut *conn)
    .await?;
    let object = ("api_key", key.api_key_id.as_str());
    audit(conn, author, "api_key.create", Some(key.livemode), object, &key_details(key)).await
}

async fn by_id(conn: &mut Conn, api_key_id: &str) -> Result<Option<ApiKeyRecord>> {
    let query = sqlx::query("select * from api_key where api_key_id = $1").bind(api_key_id);
    query.fetch_optional(conn).await?.as_ref().map(api_key_record).transpose()
}

#[async_trait]
impl Keys for Backend {
    async fn add_api_key(&self, key: &ApiKeyRecord, author: &Author) -> Result<()> {
        let mut write = self.begin().await?;
        insert(write.conn(), key, author).await?;
        write.commit(author.now).await
    }

    async fn api_keys(&self) -> Result<Vec<ApiKeyRecord>> {
        let rows = sqlx::query("select * from api_key order by created_at desc, api_key_id desc")
            .fetch_all(&self.read)
            .await?;
        rows.iter().map(api_key_record).collect()
    }

    async fn api_key(&self, api_key_id: &str) -> Result<Option<ApiKeyRecord>> {
        let query = sqlx::query("select * from api_key where api_key_id = $1").bind(api_key_id);
        query.fetch_optional(&self.read).await?.as_ref().map(api_key_record).transpose()
    }

    async fn api_key_by_hash(&self, key_hash: &str) -> Result<Option<ApiKeyRecord>> {
        let row =
            sqlx::query("select * from api_key where key_hash = $1").bind(key_hash).fetch_optional(&self.read).await?;
        row.as_ref().map(api_key_record).transpose()
    }

    async fn update_api_key(&self, api_key_id: &str, terms: &ApiKeyTerms, author: &Author) -> Result<bool> {
        let mut write = self.begin().await?;
        let Some(before) = by_id(write.conn(), api_key_id).await?.filter(|key| key.is_active(author.now)) else {
            return Ok(false);
        };
        if before.terms == *terms {
            return Ok(true);
        }
        let done = sqlx::query(
            "update api_key set expires_at = $2, addresses = $3, check_rate = $4, request_rate = $5
             where api_key_id = $1 and revoked_at is null",
        )
        .bind(api_key_id)
        .bind(terms.expires_at.map(Timestamp::millis))
        .bind(terms.addresses.join(","))
        .bind(terms.check_rate.map(i64::from))
        .bind(terms.request_rate.map(i64::from))
        .execute(write.conn())
        .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        let details = json!({ "before": terms_details(&before.terms), "after": terms_details(terms) });
        audit(write.conn(), author, "api_key.update", Some(before.livemode), ("api_key", api_key_id), &details).await?;
        write.commit(author.now).await?;
        Ok(true)
    }

    async fn rotate_api_key(&self, new: &ApiKeyRecord, ends_at: Timestamp, author: &Author) -> Result<bool> {
        let Some(old) = new.replaces.as_deref() else {
            return Err(Error::Conflict("a key that takes no other's place".into()));
        };
        let mut write = self.begin().await?;
        let Some(before) = by_id(write.conn(), old).await? else { return Ok(false) };
        let now = author.now;
        let ends_at = before.terms.expires_at.map_or(ends_at, |end| end.min(ends_at));
        let ends_now = (ends_at <= now).then_some(now.millis());
        let done = sqlx::query(
            "update api_key set replaced_by = $2, expires_at = $3, revoked_at = $4
             where api_key_id = $1 and revoked_at is null and replaced_by is null and (expires_at is null or expires_at > $5)",
        )
        .bind(old)
        .bind(&new.api_key_id)
        .bind(if ends_now.is_some() { before.terms.expires_at.map(Timestamp::millis) } else { Some(ends_at.millis()) })
        .bind(ends_now)
        .bind(now.millis())
        .execute(write.conn())
        .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        let end = |at: Option<Timestamp>| at.map(|at| at.to_string());
        let details = json!({
            "before": { "expires_at": end(before.terms.expires_at) },
            "after": { "expires_at": end(Some(ends_at.max(now))), "replaced_by": new.api_key_id },
        });
        audit(write.conn(), author, "api_key.rotate", Some(before.livemode), ("api_key", old), &details).await?;
        insert(write.conn(), new, author).await?;
        write.commit(now).await?;
        Ok(true)
    }

    async fn revoke_api_key(&self, api_key_id: &str, author: &Author) -> Result<bool> {
        let mut write = self.begin().await?;
        let livemode: Option<bool> = sqlx::query_scalar(
            "update api_key set revoked_at = $2 where api_key_id = $1 and revoked_at is null returning livemode",
        )
        .bind(api_key_id)
        .bind(author.now.millis())
        .fetch_optional(write.conn())
        .await?;
        let Some(livemode) = livemode else { return Ok(false) };
        let livemode = Livemode::from_bool(livemode);
        audit(write.conn(), author, "api_key.revoke", Some(livemode), ("api_key", api_key_id), &json!({})).await?;
        write.commit(author.now).await?;
        Ok(true)
    }

    async fn touch_api_keys(&self, used: &[ApiKeyUse]) -> Result<()> {
        let Some(newest) = used.iter().map(|one| one.at).max() else { return Ok(()) };
        let mut write = self.begin().await?;
        for one in used {
            sqlx::query(
                "update api_key set last_used_at = $2, last_used_from = $3
                 where api_key_id = $1 and (last_used_at is null or last_used_at < $2)",
            )
            .bind(&one.api_key_id)
            .bind(one.at.millis())
            .bind(&one.from)
            .execute(write.conn())
            .await?;
        }
        write.commit(newest).await
    }
}
