//! A database that was restored goes on from an older state.

use async_trait::async_trait;
use serde_json::Value;

use super::Backend;
use super::audit::audit;
use crate::records::Author;
use crate::{Restores, Result, Settled};

/// Everything by which somebody signs in without a password, and the programs that worked on it.
const GOES: &[&str] =
    &["delete from setup_link", "delete from staff_link", "delete from passkey_challenge", "delete from instance"];
/// Who held a lease is gone: what was in hand is due now.
const LEASES: &[&str] = &[
    "update customer set lease_owner = null, lease_until = null, next_read_at = case when dirty_at is null then next_read_at else $1 end
     where lease_owner is not null",
    "update product set lease_owner = null, next_read_at = case when next_read_at is null then null else $1 end
     where lease_owner is not null",
    "update resync set lease_owner = null, lease_until = null, next_at = case when next_at is null then null else $1 end
     where lease_owner is not null",
    // A reading in hand would go on behind what is missing now.
    "update catch_up
     set lease_owner = null, lease_until = null, due_at = $1, asked_at = $1, attempts = 0, error = null,
         asked_since = coalesce(asked_since, case when began_at is not null then since end), began_at = null",
];

#[async_trait]
impl Restores for Backend {
    async fn settle_restored(&self, details: &Value, author: &Author) -> Result<Settled> {
        let mut write = self.begin().await?;
        let sessions = sqlx::query("delete from session").execute(write.conn()).await?.rows_affected();
        for statement in GOES {
            sqlx::query(*statement).execute(write.conn()).await?;
        }
        for statement in LEASES {
            sqlx::query(*statement).bind(author.now.millis()).execute(write.conn()).await?;
        }
        let sealed_factors = sqlx::query_scalar("select count(*) from second_factor").fetch_one(write.conn()).await?;
        audit(write.conn(), author, "database.restore", None, ("database", "*"), details).await?;
        write.commit(author.now).await?;
        Ok(Settled { sessions, sealed_factors })
    }
}
