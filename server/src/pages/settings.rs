//! The settings, and the page of the staff.

use std::collections::HashMap;

use app::pages::{Page, settings as shown, staff as people};

use super::{Ask, Loaded};
use crate::auth::password;
use crate::auth::session::Seen;
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

/// `/admin/staff`
pub(super) async fn staff(ask: &Ask<'_>) -> Loaded {
    let store = &ask.state.store;
    let links: HashMap<_, _> =
        store.staff_links(ask.now).await?.into_iter().map(|link| (link.staff_id, link.expires_at)).collect();
    let with_second = store.who_has_second_factor().await?;
    let mut people = vec![];
    for person in store.staff().await? {
        people.push(people::Person {
            is_invited: person.password_hash == password::NONE,
            link_until: links.get(&person.staff_id).copied(),
            sessions: store.sessions_of(&person.staff_id, ask.now).await?.iter().filter_map(Seen::of).count(),
            has_second_factor: with_second.contains(&person.staff_id),
            is_self: person.staff_id == ask.actor.staff_id,
            id: person.staff_id,
            name: person.name,
            email: person.email,
            role: person.role,
            last_seen_at: person.last_seen_at,
            disabled_at: person.disabled_at,
        });
    }
    Ok(Some(Page::Staff(people::View { people })))
}
