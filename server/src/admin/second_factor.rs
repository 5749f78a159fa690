//! One's own second factor: set up, recovery codes, turned off.

use app::pages::Page;
use app::pages::once::Secret;
use app::pages::second_factor::Codes;
use store::{FactorEnd, SecondFactor};

use super::flash::Flash;
use super::post::{Outcome, Posted};
use super::security::{PAGE, check_password};
use crate::auth::{second, session};

/// Where a seed is shown that waits for its first code.
const SET_UP: &str = "/admin/account/2fa";

/// Begins to set it up, which needs the password: an open session alone must lock nobody out.
pub async fn begin(posted: Posted) -> Outcome {
    if !posted.state.vault.is_open() {
        let message = "Two-factor sign-in needs the setting ENCRYPTION_KEY. Whoever runs Tollkeeper can set it.";
        return Outcome::invalid(PAGE, "", message);
    }
    if let Err(refused) = check_password(&posted, "begin_password").await {
        return refused;
    }
    let staff_id = &posted.actor.staff_id;
    let sealed = match second::new_seed().and_then(|seed| posted.state.vault.seal(&seed, staff_id)) {
        Ok(sealed) => sealed,
        Err(error) => return Outcome::Failed(error),
    };
    let this = session::hash_of(&posted.session);
    match posted.state.store.begin_second_factor(staff_id, &sealed, &this, posted.state.now()).await {
        Ok(true) => Outcome::Ask { page: SET_UP.to_owned() },
        Ok(false) => gone("Two-factor sign-in is on already."),
        Err(error) => error.into(),
    }
}

/// Turns it on by a first code, and shows recovery codes this once.
pub async fn confirm(posted: Posted) -> Outcome {
    match try_confirm(&posted).await {
        Ok(outcome) => outcome,
        Err(error) => Outcome::Failed(error),
    }
}

async fn try_confirm(posted: &Posted) -> anyhow::Result<Outcome> {
    let (state, staff_id, now) = (&posted.state, &posted.actor.staff_id, posted.state.now());
    let this = session::hash_of(&posted.session);
    let factor = state.store.second_factor(staff_id).await?;
    let Some(factor) = factor.filter(|factor| second::waits(factor, &this, now)) else {
        return Ok(gone("Setting up two-factor sign-in took too long, or was begun again. Begin anew."));
    };
    if let Some(fault) = throttled(posted) {
        return Ok(Outcome::invalid(SET_UP, "code", fault));
    }
    let seed = state.vault.open(&factor.seed, staff_id)?;
    let Some(step) = second::step_of(&seed, posted.fields.get("code"), now)? else {
        let message = "This is not the code of this key. If it goes on, look whether the clocks of your phone and of the server are right.";
        return Ok(Outcome::invalid(SET_UP, "code", message));
    };
    forgive(posted);
    let (codes, hashes) = second::new_codes(staff_id)?;
    let author = posted.actor.author(None, now);
    if !state.store.confirm_second_factor(staff_id, &factor.seed, step, &hashes, &author).await? {
        return Ok(gone("Setting up two-factor sign-in was begun again meanwhile."));
    }
    session::pass(&posted.session).await?;
    Ok(shown(codes, true))
}

/// Makes other recovery codes, which needs a code.
pub async fn new_codes(posted: Posted) -> Outcome {
    match try_new_codes(&posted).await {
        Ok(outcome) => outcome,
        Err(error) => Outcome::Failed(error),
    }
}

async fn try_new_codes(posted: &Posted) -> anyhow::Result<Outcome> {
    let staff_id = &posted.actor.staff_id;
    let Some(factor) = confirmed(posted).await? else { return Ok(gone("Two-factor sign-in is off.")) };
    if let Some(refused) = spend(posted, &factor, "renew_code").await? {
        return Ok(refused);
    }
    let (codes, hashes) = second::new_codes(staff_id)?;
    let author = posted.actor.author(None, posted.state.now());
    if !posted.state.store.put_recovery_codes(staff_id, &hashes, &author).await? {
        return Ok(gone("Two-factor sign-in is off."));
    }
    Ok(shown(codes, false))
}

/// Turns it off, which needs the password and a code.
pub async fn turn_off(posted: Posted) -> Outcome {
    match try_turn_off(&posted).await {
        Ok(outcome) => outcome,
        Err(error) => Outcome::Failed(error),
    }
}

async fn try_turn_off(posted: &Posted) -> anyhow::Result<Outcome> {
    let Some(factor) = confirmed(posted).await? else { return Ok(gone("Two-factor sign-in is off.")) };
    if let Err(refused) = check_password(posted, "off_password").await {
        return Ok(refused);
    }
    if let Some(refused) = spend(posted, &factor, "off_code").await? {
        return Ok(refused);
    }
    let this = session::hash_of(&posted.session);
    let author = posted.actor.author(None, posted.state.now());
    let ended = posted.state.store.end_second_factor(&posted.actor.staff_id, FactorEnd::Off(&this), &author).await?;
    Ok(if ended {
        Outcome::done(PAGE, "Two-factor sign-in is off. You are signed out everywhere else.")
    } else {
        gone("Two-factor sign-in is off.")
    })
}

fn gone(message: &str) -> Outcome {
    Outcome::Done { to: PAGE.to_owned(), flash: Flash::bad(message) }
}

fn shown(codes: Vec<String>, is_new: bool) -> Outcome {
    let codes = codes.into_iter().map(Secret).collect();
    Outcome::Shown(Box::new(Page::RecoveryCodes(Codes { codes, is_new })))
}

/// The authenticator of who sent the form, once it counts.
pub(super) async fn confirmed(posted: &Posted) -> store::Result<Option<SecondFactor>> {
    let factor = posted.state.store.second_factor(&posted.actor.staff_id).await?;
    Ok(factor.filter(|factor| factor.confirmed_at.is_some()))
}

/// Uses the code of a field, be it the authenticator's or a recovery code; what is said when it is wrong.
async fn spend(posted: &Posted, factor: &SecondFactor, field: &str) -> anyhow::Result<Option<Outcome>> {
    let fault = fault_of_code(posted, factor, posted.fields.get(field)).await?;
    Ok(fault.map(|fault| Outcome::invalid(PAGE, field, fault)))
}

/// Uses a code, be it the authenticator's or a recovery code; what is wrong with it, or none.
pub(super) async fn fault_of_code(
    posted: &Posted,
    factor: &SecondFactor,
    typed: &str,
) -> anyhow::Result<Option<String>> {
    if let Some(fault) = throttled(posted) {
        return Ok(Some(fault));
    }
    let (state, staff_id, now) = (&posted.state, &posted.actor.staff_id, posted.state.now());
    let is_right = if typed.bytes().any(|letter| letter.is_ascii_alphabetic()) {
        second::use_recovery_code(state, staff_id, typed, &posted.actor.author(None, now)).await?
    } else {
        second::use_code(state, staff_id, factor, typed, now).await?
    };
    if !is_right {
        return Ok(Some("This code is wrong, or was used already. Wait for the next one.".to_owned()));
    }
    forgive(posted);
    Ok(None)
}

/// As throttled as codes at sign-in, and together with them.
fn throttled(posted: &Posted) -> Option<String> {
    let remote = posted.actor.origin.address.clone().unwrap_or_default();
    let seconds = posted.limiter.begin_code(&posted.actor.email, &remote, posted.state.now()).err()?;
    Some(format!("Too many tries. Try again in {seconds} seconds."))
}

fn forgive(posted: &Posted) {
    let remote = posted.actor.origin.address.clone().unwrap_or_default();
    posted.limiter.forgive_code(&posted.actor.email, &remote);
}
