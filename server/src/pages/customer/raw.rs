//! All that is stored about a customer, for who wants to see it unworded.

use app::pages::customer::CustomerLine;
use serde_json::json;

use super::Found;
use crate::pages::Ask;

/// As indented JSON.
pub(super) async fn raw(ask: &Ask<'_>, found: &Found<'_>, customers: &[CustomerLine]) -> anyhow::Result<String> {
    let sessions = ask.state.store.checkout_sessions_of(ask.livemode, found.customers, found.user_id).await?;
    let customers = customers.iter().map(|customer| {
        json!({
            "id": customer.id,
            "email": customer.email,
            "mapped_by": customer.mapped.as_ref().map(|(source, _)| source),
            "mapped_since": customer.mapped.as_ref().map(|(_, since)| since.to_string()),
            "deleted": customer.deleted,
            "synced_at": customer.synced_at.map(|at| at.to_string()),
            "read_error": customer.read_error,
        })
    });
    let overrides = found.overrides.iter().map(|row| {
        json!({
            "id": row.override_id,
            "feature": row.feature,
            "effect": row.effect,
            "value": row.value,
            "reason": row.reason,
            "created_by": row.created_by,
            "created_at": row.created_at.to_string(),
            "expires_at": row.expires_at.map(|at| at.to_string()),
            "revoked_at": row.revoked_at.map(|at| at.to_string()),
        })
    });
    let all = json!({
        "user_id": found.user_id,
        "livemode": ask.livemode.is_live(),
        "customers": customers.collect::<Vec<_>>(),
        "checkout_sessions": sessions.iter().map(|row| &row.session).collect::<Vec<_>>(),
        "subscriptions": found.subscriptions.iter().map(|row| &row.subscription).collect::<Vec<_>>(),
        "overrides": overrides.collect::<Vec<_>>(),
    });
    Ok(serde_json::to_string_pretty(&all)?)
}
