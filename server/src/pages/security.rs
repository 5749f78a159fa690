//! `/admin/account/security`

use app::pages::Page;
use app::pages::security::{Second, Session, View};

use super::{Ask, Loaded};
use crate::auth::session::Seen;

/// The person's sessions; `this` is the hash of the one that asks.
pub(super) async fn security(ask: &Ask<'_>, this: &str) -> Loaded {
    let sessions = ask.state.store.sessions_of(&ask.actor.staff_id, ask.now).await?;
    let mut sessions: Vec<Session> = sessions
        .iter()
        .filter_map(Seen::of)
        .map(|seen| Session {
            is_this: seen.hash == this,
            hash: seen.hash,
            agent: seen.device.agent,
            address: seen.device.address,
            started_at: seen.started_at,
            used_at: seen.used_at,
            expires_at: seen.expires_at,
        })
        .collect();
    sessions.sort_by_key(|session| (!session.is_this, -session.used_at.millis()));
    let factor = ask.state.store.second_factor(&ask.actor.staff_id).await?;
    let second = match factor.and_then(|factor| factor.confirmed_at.map(|since| (since, factor.codes_left))) {
        Some((since, codes_left)) => Second::On { since, codes_left },
        None if ask.state.vault.is_open() => Second::Off,
        None => Second::NeedsKey,
    };
    let is_required = ask.state.config.two_factor_roles.contains(&ask.actor.role);
    Ok(Some(Page::Security(View { sessions, second, is_required })))
}
