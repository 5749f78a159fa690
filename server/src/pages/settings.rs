//! The settings, and the pages of who may do what: API keys, staff.

use app::pages::{Page, keys, settings as shown, staff as people};

use super::{Ask, Loaded};
use crate::config::SETTINGS;

/// `/admin/settings`
pub(super) fn settings(ask: &Ask<'_>) -> Page {
    let config = &ask.state.config;
    let settings = config.effective.iter().filter_map(|row| {
        let setting = SETTINGS.iter().find(|setting| setting.name == row.name && !setting.hidden)?;
        // Without a setting of its own it follows from the port that was bound.
        let value = if row.name == "PUBLIC_URL" { Some(config.public_url.clone()) } else { row.value.clone() };
        Some(shown::Setting { name: row.name, value, source: row.source.to_string(), help: setting.help })
    });
    Page::Settings(shown::View { settings: settings.collect() })
}

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
