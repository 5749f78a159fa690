//! Which of Stripe's two worlds the admin app shows.

use domain::Livemode;
use tower_sessions::Session;

use super::flash::Flash;
use super::post::{Outcome, Posted};
use crate::state::AppState;

const KEY: &str = "mode";

/// The mode chosen in this session; else the one there is a Stripe key for, live if for both.
pub async fn current(session: &Session, state: &AppState) -> Livemode {
    let chosen: Option<String> = session.get(KEY).await.ok().flatten();
    chosen.as_deref().and_then(Livemode::parse).unwrap_or_else(|| default(state))
}

/// Live, unless there is a key for test mode alone, or for none.
#[must_use]
pub fn default(state: &AppState) -> Livemode {
    Livemode::from_bool(state.config.modes().contains(&Livemode::Live))
}

/// Shows this mode from now on.
///
/// # Errors
/// When the session cannot be written.
pub async fn show(session: &Session, mode: Livemode) -> Result<(), tower_sessions::session::Error> {
    session.insert(KEY, mode.as_str()).await
}

/// Shows the other mode from now on; whoever may look may look at both.
pub async fn switch(posted: Posted) -> Outcome {
    let Some(mode) = Livemode::parse(posted.fields.get("mode")) else {
        return Outcome::Done {
            to: posted.back_to("/admin"),
            flash: Flash::bad("There are two modes: test and live."),
        };
    };
    match show(&posted.session, mode).await {
        Ok(()) => Outcome::done(posted.back_to("/admin"), format!("Showing {mode} data.")),
        Err(error) => Outcome::Failed(error.into()),
    }
}
