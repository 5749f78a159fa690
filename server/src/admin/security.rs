//! One's own password and sessions.

use domain::Timestamp;

use super::flash::Flash;
use super::post::{Outcome, Posted};
use crate::auth::{password, session};

/// The page of all that.
pub(super) const PAGE: &str = "/admin/account/security";

/// Whoever comes here has just shown who they are: that is what the form is for.
pub async fn prove(_: Posted) -> Outcome {
    Outcome::done(PAGE, "For ten minutes you can change how you sign in.")
}

/// Changes one's own password, which needs the one before; every other session of the person ends.
pub async fn change_password(posted: Posted) -> Outcome {
    let (chosen, now) = (posted.fields.raw("password"), posted.state.now());
    if let Err(refused) = check_password(&posted, "current").await {
        return refused;
    }
    if let Err(fault) = password::check(chosen, &[&posted.actor.email, &posted.actor.name]) {
        return Outcome::invalid(PAGE, "password", fault.to_string());
    }
    match change(&posted, chosen, now).await {
        Ok(true) => Outcome::done(PAGE, "Your password is changed. You are signed out everywhere else."),
        Ok(false) => Outcome::NotFound,
        Err(error) => Outcome::Failed(error),
    }
}

/// Whether a field holds the password of who sent the form. Whoever has a second factor has to have shown that as well, a moment ago: with
/// an open session and the password alone nobody changes how somebody signs in.
pub(super) async fn check_password(posted: &Posted, field: &str) -> Result<(), Outcome> {
    match is_locked(posted).await {
        Ok(false) => {}
        Ok(true) => {
            let flash = Flash::bad("Nothing was changed: it is more than ten minutes since you showed that it is you.");
            return Err(Outcome::Done { to: PAGE.to_owned(), flash });
        }
        Err(error) => return Err(Outcome::Failed(error)),
    }
    match fault_of_password(posted, posted.fields.raw(field)).await {
        Ok(None) => Ok(()),
        Ok(Some(fault)) => Err(Outcome::invalid(PAGE, field, fault)),
        Err(error) => Err(error.into()),
    }
}

async fn is_locked(posted: &Posted) -> anyhow::Result<bool> {
    let has_second = posted.state.store.has_second_factor(&posted.actor.staff_id).await?;
    Ok(has_second && !session::is_fresh(&posted.session, posted.state.now()).await?)
}

/// Why this is not the password of who sent the form; none when it is.
pub(super) async fn fault_of_password(posted: &Posted, current: &str) -> store::Result<Option<String>> {
    let now = posted.state.now();
    // As throttled as signing in: a session left open is no way to guess.
    let remote = posted.actor.origin.address.clone().unwrap_or_default();
    let account = format!("password of {}", posted.actor.email);
    if let Err(seconds) = posted.limiter.begin(&account, &remote, now) {
        return Ok(Some(format!("Too many tries. Try again in {seconds} seconds.")));
    }
    let staff = posted.state.store.staff_by_id(&posted.actor.staff_id).await?;
    let hash = staff.map_or_else(|| password::NONE.to_owned(), |staff| staff.password_hash);
    if current.chars().count() > password::MAX_CHARS || !password::verify(current, &hash).await {
        return Ok(Some("This is not your password.".to_owned()));
    }
    posted.limiter.forgive(&account, &remote);
    Ok(None)
}

async fn change(posted: &Posted, chosen: &str, now: Timestamp) -> anyhow::Result<bool> {
    let hash = password::hash(chosen).await?;
    let (staff_id, author) = (&posted.actor.staff_id, posted.actor.author(None, now));
    let this = session::hash_of(&posted.session);
    if !posted.state.store.set_own_password(staff_id, &hash, &this, &author).await? {
        return Ok(false);
    }
    session::renew(&posted.session).await?;
    Ok(true)
}

/// Ends one of one's sessions.
pub async fn end_session(posted: Posted) -> Outcome {
    let hash = posted.param("id").to_owned();
    if hash == session::hash_of(&posted.session) {
        return Outcome::Done {
            to: PAGE.to_owned(),
            flash: Flash::bad("This is the session you are in: sign out instead."),
        };
    }
    end(&posted, store::Sessions::One(&hash)).await
}

/// Ends all of one's sessions but this one.
pub async fn end_others(posted: Posted) -> Outcome {
    let this = session::hash_of(&posted.session);
    end(&posted, store::Sessions::AllBut(&this)).await
}

async fn end(posted: &Posted, which: store::Sessions<'_>) -> Outcome {
    let author = posted.actor.author(None, posted.state.now());
    match posted.state.store.end_sessions(&posted.actor.staff_id, which, &author).await {
        Ok(0) => Outcome::done(PAGE, "There was no other session to end."),
        Ok(1) => Outcome::done(PAGE, "One session is ended."),
        Ok(ended) => Outcome::done(PAGE, format!("{ended} sessions are ended.")),
        Err(error) => error.into(),
    }
}
