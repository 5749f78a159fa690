//! `/admin/account/security`

use app::pages::Page;
use app::pages::security::{NewPasskey, Passkey, Passkeys, Second, Session, View};
use app::pages::sign_in::Code;

use super::{Answer, Ask, Loaded};
use crate::auth::passkey;
use crate::auth::session::{self, Seen};
use crate::state::AppState;

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
    let passkeys = ask.state.store.passkeys_of(&ask.actor.staff_id).await?;
    let passkeys = passkeys.into_iter().map(|one| Passkey {
        id: one.passkey_id,
        name: one.name,
        created_at: one.created_at,
        last_used_at: one.last_used_at,
    });
    let passkeys = Passkeys {
        list: passkeys.collect(),
        site: passkey::site(&ask.state.config.public_url).is_some(),
        codes_left: ask.state.store.recovery_codes_left(&ask.actor.staff_id).await?,
    };
    let is_required = ask.state.config.two_factor_roles.contains(&ask.actor.role);
    let is_locked = ask.state.store.has_second_factor(&ask.actor.staff_id).await?
        && !session::is_fresh_by_hash(ask.state, this).await?;
    Ok(Some(Page::Security(View { sessions, second, passkeys, is_required, is_locked })))
}

/// The passkey that is being made in this session; else the page where that is begun.
pub(super) async fn new_passkey(ask: &Ask<'_>, this: &str) -> anyhow::Result<Answer> {
    Ok(match passkey::begun(ask.state, this).await? {
        Some((name, options)) => Answer::page(Page::NewPasskey(NewPasskey { name, options })),
        None => Answer::Elsewhere("/admin/account/security".to_owned()),
    })
}

/// What is asked for after the password in this session.
pub(super) async fn code(state: &AppState, this: &str) -> anyhow::Result<Answer> {
    let Some(staff_id) = session::half_of(state, this).await? else {
        return Ok(Answer::Elsewhere("/admin/login".to_owned()));
    };
    let factor = state.store.second_factor(&staff_id).await?;
    let is_site = passkey::site(&state.config.public_url).is_some();
    Ok(Answer::page(Page::Code(Code {
        codes: factor.is_some_and(|factor| factor.confirmed_at.is_some()),
        passkeys: is_site && !state.store.passkeys_of(&staff_id).await?.is_empty(),
    })))
}
