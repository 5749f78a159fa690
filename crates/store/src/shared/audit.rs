//! Who did what, why: written in the transaction of the change itself.

use domain::Livemode;
use serde_json::Value;

use super::Conn;
use crate::Result;
use crate::records::Author;

/// Adds an entry.
pub(super) async fn audit(
    conn: &mut Conn,
    author: &Author,
    action: &str,
    livemode: Option<Livemode>,
    object: (&str, &str),
    details: &Value,
) -> Result<()> {
    sqlx::query(
        "insert into audit (at, actor, action, livemode, object_kind, object_id, reason, details)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(author.now.millis())
    .bind(&author.actor)
    .bind(action)
    .bind(livemode.map(Livemode::is_live))
    .bind(object.0)
    .bind(object.1)
    .bind(author.reason.as_deref())
    .bind(details.to_string())
    .execute(conn)
    .await?;
    Ok(())
}
