//! Links, passwords and sessions of the staff.

use async_trait::async_trait;
use domain::Timestamp;
use serde_json::json;

use super::accounts::{insert_staff, staff_record};
use super::audit::audit;
use super::rows::{Columns as _, DbRow, word};
use super::{Backend, Conn};
use crate::Result;
use crate::records::{Author, SessionRecord, StaffLink, StaffLinkKind, StaffRecord};
use crate::staff::{Sessions, StaffAccess};

fn staff_link(row: &DbRow) -> Result<StaffLink> {
    let staff_id = row.text("staff_id")?;
    let kind = word("staff_link", "kind", &staff_id, &row.text("kind")?, StaffLinkKind::parse)?;
    Ok(StaffLink {
        kind,
        created_at: row.time("link_created_at")?,
        created_by: row.text("created_by")?,
        expires_at: row.time("expires_at")?,
        staff_id,
    })
}

const LINK: &str = "l.staff_id, l.kind, l.created_at as link_created_at, l.created_by, l.expires_at";

async fn put_link(conn: &mut Conn, link: &StaffLink, token_hash: &str, author: &Author) -> Result<()> {
    sqlx::query(
        "insert into staff_link (staff_id, token_hash, kind, created_at, created_by, expires_at) values ($1, $2, $3, $4, $5, $6)
         on conflict (staff_id) do update set token_hash = excluded.token_hash, kind = excluded.kind,
             created_at = excluded.created_at, created_by = excluded.created_by, expires_at = excluded.expires_at",
    )
    .bind(&link.staff_id)
    .bind(token_hash)
    .bind(link.kind.as_str())
    .bind(link.created_at.millis())
    .bind(&link.created_by)
    .bind(link.expires_at.millis())
    .execute(&mut *conn)
    .await?;
    let action = format!("staff.{}", link.kind.as_str());
    let details = json!({ "expires_at": link.expires_at.to_string() });
    audit(conn, author, &action, None, ("staff", &link.staff_id), &details).await
}

#[async_trait]
impl StaffAccess for Backend {
    async fn invite_staff(
        &self,
        staff: &StaffRecord,
        link: &StaffLink,
        token_hash: &str,
        author: &Author,
    ) -> Result<()> {
        let mut write = self.begin().await?;
        insert_staff(write.conn(), staff, author).await?;
        put_link(write.conn(), link, token_hash, author).await?;
        write.commit(author.now).await
    }

    async fn put_staff_link(&self, link: &StaffLink, token_hash: &str, author: &Author) -> Result<bool> {
        let mut write = self.begin().await?;
        let known: i64 = sqlx::query_scalar("select count(*) from staff where staff_id = $1")
            .bind(&link.staff_id)
            .fetch_one(write.conn())
            .await?;
        if known == 0 {
            return Ok(false);
        }
        put_link(write.conn(), link, token_hash, author).await?;
        write.commit(author.now).await?;
        Ok(true)
    }

    async fn staff_link(&self, token_hash: &str, now: Timestamp) -> Result<Option<(StaffLink, StaffRecord)>> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!(
            "select {LINK}, s.email, s.name, s.role, s.password_hash, s.created_at, s.last_seen_at, s.disabled_at
             from staff_link l join staff s on s.staff_id = l.staff_id
             where l.token_hash = $1 and l.expires_at > $2 and s.disabled_at is null"
        )))
        .bind(token_hash)
        .bind(now.millis())
        .fetch_optional(&self.read)
        .await?;
        row.map(|row| Ok((staff_link(&row)?, staff_record(&row)?))).transpose()
    }

    async fn staff_links(&self, now: Timestamp) -> Result<Vec<StaffLink>> {
        let query =
            sqlx::query(sqlx::AssertSqlSafe(format!("select {LINK} from staff_link l where l.expires_at > $1")));
        query.bind(now.millis()).fetch_all(&self.read).await?.iter().map(staff_link).collect()
    }

    async fn use_staff_link(&self, token_hash: &str, name: &str, password_hash: &str, author: &Author) -> Result<bool> {
        let mut write = self.begin().await?;
        let used: Option<String> =
            sqlx::query_scalar("delete from staff_link where token_hash = $1 and expires_at > $2 returning staff_id")
                .bind(token_hash)
                .bind(author.now.millis())
                .fetch_optional(write.conn())
                .await?;
        let Some(staff_id) = used else { return Ok(false) };
        let done = sqlx::query(
            "update staff set password_hash = $2, name = case when $3 = '' then name else $3 end
             where staff_id = $1 and disabled_at is null",
        )
        .bind(&staff_id)
        .bind(password_hash)
        .bind(name)
        .execute(write.conn())
        .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query("delete from session where staff_id = $1").bind(&staff_id).execute(write.conn()).await?;
        // With an owner there is nothing left to set up.
        sqlx::query("delete from setup_link where exists (select 1 from staff where staff_id = $1 and role = 'owner')")
            .bind(&staff_id)
            .execute(write.conn())
            .await?;
        audit(write.conn(), author, "staff.enter", None, ("staff", &staff_id), &json!({})).await?;
        write.commit(author.now).await?;
        Ok(true)
    }

    async fn set_own_password(
        &self,
        staff_id: &str,
        password_hash: &str,
        this_session: &str,
        author: &Author,
    ) -> Result<bool> {
        let mut write = self.begin().await?;
        let done = sqlx::query("update staff set password_hash = $2 where staff_id = $1 and disabled_at is null")
            .bind(staff_id)
            .bind(password_hash)
            .execute(write.conn())
            .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query("delete from session where staff_id = $1 and session_hash <> $2")
            .bind(staff_id)
            .bind(this_session)
            .execute(write.conn())
            .await?;
        // A link to choose another one was asked for before this was chosen.
        sqlx::query("delete from staff_link where staff_id = $1").bind(staff_id).execute(write.conn()).await?;
        audit(write.conn(), author, "staff.password", None, ("staff", staff_id), &json!({})).await?;
        write.commit(author.now).await?;
        Ok(true)
    }

    async fn rehash_password(&self, staff_id: &str, before: &str, after: &str) -> Result<()> {
        sqlx::query("update staff set password_hash = $3 where staff_id = $1 and password_hash = $2")
            .bind(staff_id)
            .bind(before)
            .bind(after)
            .execute(&self.write)
            .await?;
        Ok(())
    }

    async fn sessions_of(&self, staff_id: &str, now: Timestamp) -> Result<Vec<SessionRecord>> {
        let rows = sqlx::query(
            "select session_hash, data, expires_at from session where staff_id = $1 and expires_at > $2
             order by expires_at desc, session_hash",
        )
        .bind(staff_id)
        .bind(now.millis())
        .fetch_all(&self.read)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(SessionRecord {
                    session_hash: row.text("session_hash")?,
                    data: row.text("data")?,
                    expires_at: row.time("expires_at")?,
                })
            })
            .collect()
    }

    async fn end_sessions(&self, staff_id: &str, which: Sessions<'_>, author: &Author) -> Result<u64> {
        let (end, hash) = match which {
            Sessions::One(hash) => ("delete from session where staff_id = $1 and session_hash = $2", hash),
            Sessions::AllBut(hash) => ("delete from session where staff_id = $1 and session_hash <> $2", hash),
        };
        let mut write = self.begin().await?;
        let ended = sqlx::query(end).bind(staff_id).bind(hash).execute(write.conn()).await?.rows_affected();
        if ended > 0 {
            let details = json!({ "sessions": ended });
            audit(write.conn(), author, "staff.end_sessions", None, ("staff", staff_id), &details).await?;
        }
        write.commit(author.now).await?;
        Ok(ended)
    }
}
