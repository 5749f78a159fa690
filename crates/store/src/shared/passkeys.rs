//! Passkeys of the staff. What may happen once is one statement that says whether it did.

use async_trait::async_trait;
use domain::Timestamp;
use serde_json::json;

use super::Backend;
use super::audit::audit;
use super::rows::{Columns as _, DbRow};
use super::second_factor::{drop_codes_without_factor, end_sessions_but, put_codes};
use crate::Result;
use crate::passkeys::{Challenge, Passkey, PasskeyAdded, Passkeys};
use crate::records::Author;

const COLUMNS: &str =
    "passkey_id, credential_id, staff_id, name, static_state, dynamic_state, transports, created_at, last_used_at";

fn passkey(row: &DbRow) -> Result<Passkey> {
    Ok(Passkey {
        passkey_id: row.text("passkey_id")?,
        credential_id: row.text("credential_id")?,
        staff_id: row.text("staff_id")?,
        name: row.text("name")?,
        static_state: row.text("static_state")?,
        dynamic_state: row.text("dynamic_state")?,
        transports: row.int("transports")?,
        created_at: row.time("created_at")?,
        last_used_at: row.opt_time("last_used_at")?,
    })
}

#[async_trait]
impl Passkeys for Backend {
    async fn put_challenge(
        &self,
        challenge: Challenge<'_>,
        state: &str,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<()> {
        sqlx::query("delete from passkey_challenge where expires_at <= $1")
            .bind(now.millis())
            .execute(&self.write)
            .await?;
        sqlx::query(
            "insert into passkey_challenge (browser_hash, purpose, state, expires_at) values ($1, $2, $3, $4)
             on conflict (browser_hash, purpose) do update set state = excluded.state, expires_at = excluded.expires_at",
        )
        .bind(challenge.browser_hash)
        .bind(challenge.purpose)
        .bind(state)
        .bind(expires_at.millis())
        .execute(&self.write)
        .await?;
        Ok(())
    }

    async fn challenge(&self, challenge: Challenge<'_>, now: Timestamp) -> Result<Option<String>> {
        let state = sqlx::query_scalar(
            "select state from passkey_challenge where browser_hash = $1 and purpose = $2 and expires_at > $3",
        );
        let state = state.bind(challenge.browser_hash).bind(challenge.purpose).bind(now.millis());
        Ok(state.fetch_optional(&self.read).await?)
    }

    async fn take_challenge(&self, challenge: Challenge<'_>, now: Timestamp) -> Result<Option<String>> {
        let Some(state) = self.challenge(challenge, now).await? else { return Ok(None) };
        let done = sqlx::query("delete from passkey_challenge where browser_hash = $1 and purpose = $2 and state = $3")
            .bind(challenge.browser_hash)
            .bind(challenge.purpose)
            .bind(&state)
            .execute(&self.write)
            .await?;
        Ok(Some(state).filter(|_| done.rows_affected() > 0))
    }

    async fn passkeys_of(&self, staff_id: &str) -> Result<Vec<Passkey>> {
        let sql = format!("select {COLUMNS} from passkey where staff_id = $1 order by created_at, passkey_id");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(staff_id).fetch_all(&self.read).await?;
        rows.iter().map(passkey).collect()
    }

    async fn passkey_by_credential(&self, credential_id: &str) -> Result<Option<Passkey>> {
        let sql = format!("select {COLUMNS} from passkey where credential_id = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(credential_id).fetch_optional(&self.read).await?;
        row.as_ref().map(passkey).transpose()
    }

    async fn add_passkey(
        &self,
        passkey: &Passkey,
        code_hashes: &[String],
        session_hash: &str,
        author: &Author,
    ) -> Result<PasskeyAdded> {
        let mut write = self.begin().await?;
        let done = sqlx::query(
            "insert into passkey (passkey_id, credential_id, staff_id, name, static_state, dynamic_state, transports, created_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (credential_id) do nothing",
        )
        .bind(&passkey.passkey_id)
        .bind(&passkey.credential_id)
        .bind(&passkey.staff_id)
        .bind(&passkey.name)
        .bind(&passkey.static_state)
        .bind(&passkey.dynamic_state)
        .bind(passkey.transports)
        .bind(passkey.created_at.millis())
        .execute(write.conn())
        .await?;
        if done.rows_affected() == 0 {
            return Ok(PasskeyAdded::Taken);
        }
        let staff_id = passkey.staff_id.as_str();
        let codes: i64 = sqlx::query_scalar("select count(*) from recovery_code where staff_id = $1")
            .bind(staff_id)
            .fetch_one(write.conn())
            .await?;
        if codes == 0 {
            put_codes(write.conn(), staff_id, code_hashes).await?;
        }
        end_sessions_but(write.conn(), staff_id, session_hash).await?;
        let details = json!({ "name": passkey.name });
        audit(write.conn(), author, "staff.passkey_added", None, ("staff", staff_id), &details).await?;
        write.commit(author.now).await?;
        Ok(if codes == 0 { PasskeyAdded::WithCodes } else { PasskeyAdded::Alone })
    }

    async fn remove_passkey(
        &self,
        staff_id: &str,
        passkey_id: &str,
        session_hash: &str,
        author: &Author,
    ) -> Result<bool> {
        let mut write = self.begin().await?;
        let name: Option<String> =
            sqlx::query_scalar("select name from passkey where passkey_id = $1 and staff_id = $2")
                .bind(passkey_id)
                .bind(staff_id)
                .fetch_optional(write.conn())
                .await?;
        let done = sqlx::query("delete from passkey where passkey_id = $1 and staff_id = $2")
            .bind(passkey_id)
            .bind(staff_id)
            .execute(write.conn())
            .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        drop_codes_without_factor(write.conn(), staff_id).await?;
        end_sessions_but(write.conn(), staff_id, session_hash).await?;
        let details = json!({ "name": name });
        audit(write.conn(), author, "staff.passkey_removed", None, ("staff", staff_id), &details).await?;
        write.commit(author.now).await?;
        Ok(true)
    }

    async fn use_passkey(&self, passkey: &Passkey, dynamic_state: &str, now: Timestamp) -> Result<bool> {
        let done = sqlx::query(
            "update passkey set dynamic_state = $3, last_used_at = $4 where passkey_id = $1 and dynamic_state = $2",
        )
        .bind(&passkey.passkey_id)
        .bind(&passkey.dynamic_state)
        .bind(dynamic_state)
        .bind(now.millis())
        .execute(&self.write)
        .await?;
        Ok(done.rows_affected() > 0)
    }
}
