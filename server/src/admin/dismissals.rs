//! What nobody wants to be told again.

use super::post::{Outcome, Posted};

/// The first steps of an installation.
pub const FIRST_STEPS: &str = "first_steps";

/// Hides a topic of a mode, for everybody.
pub async fn dismiss(posted: Posted) -> Outcome {
    if posted.fields.get("topic") != FIRST_STEPS {
        return Outcome::NotFound;
    }
    match posted.state.store.dismiss(posted.livemode, FIRST_STEPS, &posted.author()).await {
        Ok(()) => Outcome::done(
            posted.back_to("/admin"),
            "The first steps are hidden. The set-up page checks them at any time.",
        ),
        Err(error) => error.into(),
    }
}
