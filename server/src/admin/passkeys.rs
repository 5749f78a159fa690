//! One's own passkeys: added, removed, and given as a second factor in a form.

use app::pages::second_factor::Why;
use store::PasskeyAdded;

use super::flash::Flash;
use super::post::{Outcome, Posted};
use super::second_factor::{forgive, gone, shown, throttled};
use super::security::{PAGE, check_password};
use crate::auth::staff::browser_hash;
use crate::auth::{passkey, second, session};

/// Where the browser is asked for a new one.
const NEW: &str = "/admin/account/passkeys/new";
/// Why there are none.
const NO_SITE: &str = "Passkeys need Tollkeeper at a name with https.";
/// Most characters of a name.
const MOST_NAME: usize = 60;

/// Begins a new one, which needs the password: an open session alone must give nobody a way in that lasts.
pub async fn begin(posted: Posted) -> Outcome {
    match try_begin(&posted).await {
        Ok(outcome) => outcome,
        Err(error) => Outcome::Failed(error),
    }
}

async fn try_begin(posted: &Posted) -> anyhow::Result<Outcome> {
    let (state, actor) = (&posted.state, &posted.actor);
    if passkey::site(&state.config.public_url).is_none() {
        return Ok(Outcome::invalid(PAGE, "", NO_SITE));
    }
    let name = posted.fields.get("passkey_name");
    if name.is_empty() || name.chars().count() > MOST_NAME {
        let message = format!("Give it a name of 1 to {MOST_NAME} characters.");
        return Ok(Outcome::invalid(PAGE, "passkey_name", message));
    }
    if let Err(refused) = check_password(posted, "add_password").await {
        return Ok(refused);
    }
    if state.store.passkeys_of(&actor.staff_id).await?.len() >= passkey::MOST {
        return Ok(gone("You have as many passkeys as one person can. Remove one first."));
    }
    passkey::begin(state, &session::hash_of(&posted.session), actor, name).await?;
    Ok(Outcome::Ask { page: NEW.to_owned() })
}

/// Keeps what the browser made, and shows recovery codes to who has none.
pub async fn add(posted: Posted) -> Outcome {
    match try_add(&posted).await {
        Ok(outcome) => outcome,
        Err(error) => Outcome::Failed(error),
    }
}

async fn try_add(posted: &Posted) -> anyhow::Result<Outcome> {
    let (state, staff_id) = (&posted.state, &posted.actor.staff_id);
    let this = session::hash_of(&posted.session);
    if passkey::site(&state.config.public_url).is_none() {
        return Ok(gone(NO_SITE));
    }
    let Some(made) = passkey::made(state, &this, staff_id, posted.fields.raw("passkey")).await? else {
        return Ok(gone(
            "The passkey was not added: it took too long, or is none that unlocks for you alone. Try again.",
        ));
    };
    let (codes, hashes) = second::new_codes(staff_id)?;
    let author = posted.actor.author(None, state.now());
    let added = state.store.add_passkey(&made, &hashes, &this, &author).await?;
    if added == PasskeyAdded::Taken {
        return Ok(gone("This passkey is here already."));
    }
    session::pass(&posted.session).await?;
    Ok(match added {
        PasskeyAdded::WithCodes => shown(codes, Why::Passkey),
        _ => Outcome::done(PAGE, format!("The passkey {} is added. You are signed out everywhere else.", made.name)),
    })
}

/// Removes one, which needs the password.
pub async fn remove(posted: Posted) -> Outcome {
    if let Err(refused) = check_password(&posted, "remove_password").await {
        return refused;
    }
    let (id, this) = (posted.fields.get("passkey_id"), session::hash_of(&posted.session));
    let author = posted.actor.author(None, posted.state.now());
    match posted.state.store.remove_passkey(&posted.actor.staff_id, id, &this, &author).await {
        Ok(true) => Outcome::done(PAGE, "The passkey is removed. You are signed out everywhere else."),
        Ok(false) => Outcome::Done { to: PAGE.to_owned(), flash: Flash::bad("That passkey was removed already.") },
        Err(error) => error.into(),
    }
}

/// Uses the signature of its sender's passkey that a form holds, where [`PasskeyButton`](app::islands::PasskeyButton) has put it; what is wrong
/// with it, or none.
///
/// # Errors
/// When the database fails.
pub(super) async fn fault_of_passkey(posted: &Posted) -> anyhow::Result<Option<String>> {
    if let Some(fault) = throttled(posted) {
        return Ok(Some(fault));
    }
    if passkey::site(&posted.state.config.public_url).is_none() {
        return Ok(Some(NO_SITE.to_owned()));
    }
    let token = session::signed_in(&posted.session).await?.map(|(_, token)| token).unwrap_or_default();
    let (whose, sent) = (Some(posted.actor.staff_id.as_str()), posted.fields.raw("passkey"));
    if passkey::signed(&posted.state, &browser_hash(&token), whose, sent).await?.is_none() {
        return Ok(Some("This is none of your passkeys, or it took too long. Try again.".to_owned()));
    }
    forgive(posted);
    Ok(None)
}
