//! The pages of who may do what: API keys, staff.

use app::pages::{Page, keys, staff as people};

use super::{Ask, Loaded};

/// `/admin/api-keys`
pub(super) async fn api_keys(ask: &Ask<'_>) -> Loaded {
    let keys = ask.state.store.api_keys().await?;
    let keys = keys
        .into_iter()
        .map(|key| keys::Key {
            shown: format!("{}…{}", key.prefix, key.last4),
            id: key.api_key_id,
            name: key.name,
            livemode: key.livemode,
            scope: key.scope,
            created_at: key.created_at,
            created_by: key.created_by,
            last_used_at: key.last_used_at,
            revoked_at: key.revoked_at,
        })
        .collect();
    Ok(Some(Page::Keys(keys::View { keys })))
}

/// `/admin/staff`
pub(super) async fn staff(ask: &Ask<'_>) -> Loaded {
    let people = ask.state.store.staff().await?;
    let people = people
        .into_iter()
        .map(|person| people::Person {
            id: person.staff_id,
            name: person.name,
            email: person.email,
            role: person.role,
            last_seen_at: person.last_seen_at,
            disabled_at: person.disabled_at,
        })
        .collect();
    Ok(Some(Page::Staff(people::View { people })))
}
