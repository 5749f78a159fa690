//! Second factors of the staff. What may happen once is one statement that says whether it did.

use async_trait::async_trait;
use domain::Timestamp;
use serde_json::json;

use super::audit::audit;
use super::rows::Columns as _;
use super::{Backend, Conn};
use crate::Result;
use crate::records::Author;
use crate::second_factor::{FactorEnd, SecondFactor, SecondFactors};

pub(super) async fn put_codes(conn: &mut Conn, staff_id: &str, code_hashes: &[String]) -> Result<()> {
    sqlx::query("delete from recovery_code where staff_id = $1").bind(staff_id).execute(&mut *conn).await?;
    for code_hash in code_hashes {
        sqlx::query("insert into recovery_code (code_hash, staff_id) values ($1, $2)")
            .bind(code_hash)
            .bind(staff_id)
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}

/// Recovery codes recover nothing once the last second factor is gone.
pub(super) async fn drop_codes_without_factor(conn: &mut Conn, staff_id: &str) -> Result<()> {
    sqlx::query(
        "delete from recovery_code where staff_id = $1
             and not exists (select 1 from passkey p where p.staff_id = $1)
             and not exists (select 1 from second_factor f where f.staff_id = $1 and f.confirmed_at is not null)",
    )
    .bind(staff_id)
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn end_sessions_but(conn: &mut Conn, staff_id: &str, session_hash: &str) -> Result<()> {
    sqlx::query("delete from session where staff_id = $1 and session_hash <> $2")
        .bind(staff_id)
        .bind(session_hash)
        .execute(conn)
        .await?;
    Ok(())
}

#[async_trait]
impl SecondFactors for Backend {
    async fn second_factor(&self, staff_id: &str) -> Result<Option<SecondFactor>> {
        let row = sqlx::query(
            "select seed, created_at, session_hash, confirmed_at,
                 (select count(*) from recovery_code c where c.staff_id = f.staff_id) as codes_left
             from second_factor f where f.staff_id = $1",
        )
        .bind(staff_id)
        .fetch_optional(&self.read)
        .await?;
        row.map(|row| {
            Ok(SecondFactor {
                seed: row.text("seed")?,
                created_at: row.time("created_at")?,
                session_hash: row.opt_text("session_hash")?,
                confirmed_at: row.opt_time("confirmed_at")?,
                codes_left: row.int("codes_left")?,
            })
        })
        .transpose()
    }

    async fn has_second_factor(&self, staff_id: &str) -> Result<bool> {
        let found: i64 = sqlx::query_scalar(
            "select (select count(*) from second_factor where staff_id = $1 and confirmed_at is not null)
                 + (select count(*) from passkey where staff_id = $1)",
        )
        .bind(staff_id)
        .fetch_one(&self.read)
        .await?;
        Ok(found > 0)
    }

    async fn who_has_second_factor(&self) -> Result<Vec<String>> {
        let ids = sqlx::query_scalar(
            "select staff_id from second_factor where confirmed_at is not null union select staff_id from passkey",
        );
        Ok(ids.fetch_all(&self.read).await?)
    }

    async fn begin_second_factor(
        &self,
        staff_id: &str,
        seed: &str,
        session_hash: &str,
        now: Timestamp,
    ) -> Result<bool> {
        let done = sqlx::query(
            "insert into second_factor (staff_id, seed, created_at, session_hash, confirmed_at, last_step)
             values ($1, $2, $3, $4, null, 0)
             on conflict (staff_id) do update set seed = excluded.seed, created_at = excluded.created_at,
                 session_hash = excluded.session_hash
             where second_factor.confirmed_at is null",
        )
        .bind(staff_id)
        .bind(seed)
        .bind(now.millis())
        .bind(session_hash)
        .execute(&self.write)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    async fn confirm_second_factor(
        &self,
        staff_id: &str,
        seed: &str,
        step: i64,
        code_hashes: &[String],
        author: &Author,
    ) -> Result<bool> {
        let mut write = self.begin().await?;
        let began: Option<Option<String>> = sqlx::query_scalar(
            "select session_hash from second_factor where staff_id = $1 and seed = $2 and confirmed_at is null",
        )
        .bind(staff_id)
        .bind(seed)
        .fetch_optional(write.conn())
        .await?;
        let Some(this_session) = began else { return Ok(false) };
        let done = sqlx::query(
            "update second_factor set confirmed_at = $3, last_step = $4, session_hash = null
             where staff_id = $1 and seed = $2 and confirmed_at is null",
        )
        .bind(staff_id)
        .bind(seed)
        .bind(author.now.millis())
        .bind(step)
        .execute(write.conn())
        .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        put_codes(write.conn(), staff_id, code_hashes).await?;
        end_sessions_but(write.conn(), staff_id, &this_session.unwrap_or_default()).await?;
        audit(write.conn(), author, "staff.two_factor_on", None, ("staff", staff_id), &json!({})).await?;
        write.commit(author.now).await?;
        Ok(true)
    }

    async fn use_step(&self, staff_id: &str, seed: &str, step: i64) -> Result<bool> {
        let done = sqlx::query(
            "update second_factor set last_step = $3
             where staff_id = $1 and seed = $2 and confirmed_at is not null and last_step < $3",
        )
        .bind(staff_id)
        .bind(seed)
        .bind(step)
        .execute(&self.write)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    async fn reseal_second_factor(&self, staff_id: &str, before: &str, after: &str) -> Result<()> {
        sqlx::query("update second_factor set seed = $3 where staff_id = $1 and seed = $2")
            .bind(staff_id)
            .bind(before)
            .bind(after)
            .execute(&self.write)
            .await?;
        Ok(())
    }

    async fn use_recovery_code(&self, staff_id: &str, code_hash: &str, author: &Author) -> Result<bool> {
        let mut write = self.begin().await?;
        let done = sqlx::query("delete from recovery_code where code_hash = $1 and staff_id = $2")
            .bind(code_hash)
            .bind(staff_id)
            .execute(write.conn())
            .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        let left: i64 = sqlx::query_scalar("select count(*) from recovery_code where staff_id = $1")
            .bind(staff_id)
            .fetch_one(write.conn())
            .await?;
        let details = json!({ "left": left });
        audit(write.conn(), author, "staff.recovery_code", None, ("staff", staff_id), &details).await?;
        write.commit(author.now).await?;
        Ok(true)
    }

    async fn recovery_codes_left(&self, staff_id: &str) -> Result<i64> {
        let left = sqlx::query_scalar("select count(*) from recovery_code where staff_id = $1").bind(staff_id);
        Ok(left.fetch_one(&self.read).await?)
    }

    async fn put_recovery_codes(&self, staff_id: &str, code_hashes: &[String], author: &Author) -> Result<bool> {
        let mut write = self.begin().await?;
        // Written, and not only read, so that the second factor cannot end meanwhile.
        let mut held = 0;
        for sql in [
            "update second_factor set session_hash = null where staff_id = $1 and confirmed_at is not null",
            "update passkey set staff_id = staff_id where staff_id = $1",
        ] {
            held += sqlx::query(sql).bind(staff_id).execute(write.conn()).await?.rows_affected();
        }
        if held == 0 {
            return Ok(false);
        }
        put_codes(write.conn(), staff_id, code_hashes).await?;
        audit(write.conn(), author, "staff.recovery_codes", None, ("staff", staff_id), &json!({})).await?;
        write.commit(author.now).await?;
        Ok(true)
    }

    async fn end_second_factor(&self, staff_id: &str, end: FactorEnd<'_>, author: &Author) -> Result<bool> {
        let mut write = self.begin().await?;
        let done = sqlx::query("delete from second_factor where staff_id = $1 and confirmed_at is not null")
            .bind(staff_id)
            .execute(write.conn())
            .await?;
        let mut ended = done.rows_affected();
        let (action, this_session) = match end {
            FactorEnd::Off(this_session) => ("staff.two_factor_off", this_session),
            FactorEnd::Reset => {
                let passkeys = sqlx::query("delete from passkey where staff_id = $1").bind(staff_id);
                ended += passkeys.execute(write.conn()).await?.rows_affected();
                ("staff.two_factor_reset", "")
            }
        };
        if ended == 0 {
            return Ok(false);
        }
        drop_codes_without_factor(write.conn(), staff_id).await?;
        end_sessions_but(write.conn(), staff_id, this_session).await?;
        audit(write.conn(), author, action, None, ("staff", staff_id), &json!({})).await?;
        write.commit(author.now).await?;
        Ok(true)
    }
}
