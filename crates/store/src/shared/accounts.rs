//! Staff, their sessions and set-up links, and the audit log.

use async_trait::async_trait;
use domain::role::Role;
use domain::{Livemode, Timestamp};
use serde_json::{Value, json};

use super::audit::audit;
use super::rows::{Columns as _, DbRow, word};
use super::{Backend, Conn};
use crate::records::{AuditChain, AuditFilter, AuditRecord, Author, Page, StaffRecord};
use crate::{Accounts, Result};

const STAFF: &str =
    "select staff_id, email, name, role, password_hash, created_at, last_seen_at, disabled_at from staff";

pub(super) fn staff_record(row: &DbRow) -> Result<StaffRecord> {
    let staff_id = row.text("staff_id")?;
    let role = word("staff", "role", &staff_id, &row.text("role")?, Role::parse)?;
    Ok(StaffRecord {
        staff_id,
        email: row.text("email")?,
        name: row.text("name")?,
        role,
        password_hash: row.text("password_hash")?,
        created_at: row.time("created_at")?,
        last_seen_at: row.opt_time("last_seen_at")?,
        disabled_at: row.opt_time("disabled_at")?,
    })
}

/// What the audit log keeps of a member of staff: no hash.
fn staff_details(staff: &StaffRecord) -> Value {
    json!({ "email": staff.email, "name": staff.name, "role": staff.role, "disabled": staff.disabled_at.is_some() })
}

pub(super) async fn insert_staff(conn: &mut Conn, staff: &StaffRecord, author: &Author) -> Result<()> {
    sqlx::query(
        "insert into staff (staff_id, email, name, role, password_hash, created_at, last_seen_at, disabled_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&staff.staff_id)
    .bind(staff.email.to_lowercase())
    .bind(&staff.name)
    .bind(staff.role.as_str())
    .bind(&staff.password_hash)
    .bind(staff.created_at.millis())
    .bind(staff.last_seen_at.map(Timestamp::millis))
    .bind(staff.disabled_at.map(Timestamp::millis))
    .execute(&mut *conn)
    .await?;
    audit(conn, author, "staff.add", None, ("staff", &staff.staff_id), &json!({ "after": staff_details(staff) })).await
}

async fn owners_besides(conn: &mut Conn, staff_id: &str) -> Result<i64> {
    let owners = sqlx::query_scalar(
        "select count(*) from staff where role = 'owner' and disabled_at is null and password_hash <> 'none' and staff_id <> $1",
    );
    Ok(owners.bind(staff_id).fetch_one(conn).await?)
}

#[async_trait]
impl Accounts for Backend {
    async fn add_staff(&self, staff: &StaffRecord, author: &Author) -> Result<()> {
        let mut write = self.begin().await?;
        insert_staff(write.conn(), staff, author).await?;
        write.commit(author.now).await
    }

    async fn add_first_owner(&self, staff: &StaffRecord, author: &Author) -> Result<bool> {
        let mut write = self.begin().await?;
        if owners_besides(write.conn(), "").await? > 0 {
            return Ok(false);
        }
        insert_staff(write.conn(), staff, author).await?;
        sqlx::query("delete from setup_link").execute(write.conn()).await?;
        write.commit(author.now).await?;
        Ok(true)
    }

    async fn staff(&self) -> Result<Vec<StaffRecord>> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!("{STAFF} order by email"))).fetch_all(&self.read).await?;
        rows.iter().map(staff_record).collect()
    }

    async fn staff_by_id(&self, staff_id: &str) -> Result<Option<StaffRecord>> {
        let query = sqlx::query(sqlx::AssertSqlSafe(format!("{STAFF} where staff_id = $1")));
        query.bind(staff_id).fetch_optional(&self.read).await?.as_ref().map(staff_record).transpose()
    }

    async fn staff_by_email(&self, email: &str) -> Result<Option<StaffRecord>> {
        let query = sqlx::query(sqlx::AssertSqlSafe(format!("{STAFF} where email = $1")));
        query.bind(email.trim().to_lowercase()).fetch_optional(&self.read).await?.as_ref().map(staff_record).transpose()
    }

    async fn has_owner(&self) -> Result<bool> {
        let owners: i64 = sqlx::query_scalar(
            "select count(*) from staff where role = 'owner' and disabled_at is null and password_hash <> 'none'",
        )
        .fetch_one(&self.read)
        .await?;
        Ok(owners > 0)
    }

    async fn update_staff(&self, staff: &StaffRecord, author: &Author) -> Result<bool> {
        let mut write = self.begin().await?;
        let query = sqlx::query(sqlx::AssertSqlSafe(format!("{STAFF} where staff_id = $1")));
        let Some(before) =
            query.bind(&staff.staff_id).fetch_optional(write.conn()).await?.as_ref().map(staff_record).transpose()?
        else {
            return Ok(false);
        };
        let stays_owner = staff.role == Role::Owner && staff.disabled_at.is_none();
        if !stays_owner && owners_besides(write.conn(), &staff.staff_id).await? == 0 {
            return Ok(false);
        }
        sqlx::query("update staff set email = $2, name = $3, role = $4, password_hash = $5, disabled_at = $6 where staff_id = $1")
            .bind(&staff.staff_id)
            .bind(staff.email.to_lowercase())
            .bind(&staff.name)
            .bind(staff.role.as_str())
            .bind(&staff.password_hash)
            .bind(staff.disabled_at.map(Timestamp::millis))
            .execute(write.conn())
            .await?;
        sqlx::query("delete from session where staff_id = $1").bind(&staff.staff_id).execute(write.conn()).await?;
        if staff.disabled_at.is_some() || before.password_hash != staff.password_hash {
            sqlx::query("delete from staff_link where staff_id = $1")
                .bind(&staff.staff_id)
                .execute(write.conn())
                .await?;
        }
        let details = json!({
            "before": staff_details(&before),
            "after": staff_details(staff),
            "password_changed": before.password_hash != staff.password_hash,
        });
        audit(write.conn(), author, "staff.update", None, ("staff", &staff.staff_id), &details).await?;
        write.commit(author.now).await?;
        Ok(true)
    }

    async fn touch_staff(&self, staff_id: &str, now: Timestamp) -> Result<()> {
        sqlx::query("update staff set last_seen_at = $2 where staff_id = $1")
            .bind(staff_id)
            .bind(now.millis())
            .execute(&self.write)
            .await?;
        Ok(())
    }

    async fn put_setup_link(&self, token_hash: &str, expires_at: Timestamp) -> Result<()> {
        let mut write = self.begin().await?;
        sqlx::query("delete from setup_link").execute(write.conn()).await?;
        sqlx::query("insert into setup_link (token_hash, expires_at) values ($1, $2)")
            .bind(token_hash)
            .bind(expires_at.millis())
            .execute(write.conn())
            .await?;
        write.commit(expires_at).await
    }

    async fn setup_link_is_valid(&self, token_hash: &str, now: Timestamp) -> Result<bool> {
        let found: i64 =
            sqlx::query_scalar("select count(*) from setup_link where token_hash = $1 and expires_at > $2")
                .bind(token_hash)
                .bind(now.millis())
                .fetch_one(&self.read)
                .await?;
        Ok(found > 0)
    }

    async fn clear_setup_links(&self) -> Result<()> {
        sqlx::query("delete from setup_link").execute(&self.write).await?;
        Ok(())
    }

    async fn create_session(
        &self,
        session_hash: &str,
        staff_id: Option<&str>,
        data: &str,
        expires_at: Timestamp,
    ) -> Result<bool> {
        let done = sqlx::query(
            "insert into session (session_hash, staff_id, data, expires_at) values ($1, $2, $3, $4) on conflict (session_hash) do nothing",
        )
        .bind(session_hash)
        .bind(staff_id)
        .bind(data)
        .bind(expires_at.millis())
        .execute(&self.write)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    async fn save_session(
        &self,
        session_hash: &str,
        staff_id: Option<&str>,
        data: &str,
        expires_at: Timestamp,
    ) -> Result<()> {
        sqlx::query(
            "insert into session (session_hash, staff_id, data, expires_at) values ($1, $2, $3, $4)
             on conflict (session_hash) do update set staff_id = excluded.staff_id, data = excluded.data, expires_at = excluded.expires_at",
        )
        .bind(session_hash)
        .bind(staff_id)
        .bind(data)
        .bind(expires_at.millis())
        .execute(&self.write)
        .await?;
        Ok(())
    }

    async fn load_session(&self, session_hash: &str, now: Timestamp) -> Result<Option<String>> {
        let data = sqlx::query_scalar("select data from session where session_hash = $1 and expires_at > $2");
        Ok(data.bind(session_hash).bind(now.millis()).fetch_optional(&self.read).await?)
    }

    async fn delete_session(&self, session_hash: &str) -> Result<()> {
        sqlx::query("delete from session where session_hash = $1").bind(session_hash).execute(&self.write).await?;
        Ok(())
    }

    async fn sweep_sessions(&self, now: Timestamp) -> Result<u64> {
        let done =
            sqlx::query("delete from session where expires_at <= $1").bind(now.millis()).execute(&self.write).await?;
        Ok(done.rows_affected())
    }

    async fn note_audit(
        &self,
        livemode: Option<Livemode>,
        action: &str,
        object: (&str, &str),
        details: &Value,
        author: &Author,
    ) -> Result<()> {
        let mut write = self.begin().await?;
        audit(write.conn(), author, action, livemode, object, details).await?;
        write.commit(author.now).await
    }

    async fn audit(&self, filter: &AuditFilter) -> Result<Page<AuditRecord>> {
        self.audit_entries(filter).await
    }

    async fn count_audit(&self, filter: &AuditFilter) -> Result<i64> {
        self.audit_count(filter).await
    }

    async fn audit_entry(&self, audit_id: i64) -> Result<Option<AuditRecord>> {
        self.one_audit_entry(audit_id).await
    }

    async fn verify_audit(&self) -> Result<AuditChain> {
        self.walk_audit_chain().await
    }

    async fn audit_has_hash(&self, hash: &str) -> Result<bool> {
        let found: i64 =
            sqlx::query_scalar("select count(*) from audit where hash = $1").bind(hash).fetch_one(&self.read).await?;
        Ok(found > 0)
    }
}
