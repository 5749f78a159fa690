//! A Checkout Session taken in at once: what a success page asks for, so that access does not wait for the webhook.
//!
//! It reads whoever pays as every other read does, under the lease of that customer, so that the webhook may come before, after or at
//! the same moment. A payment that is merely not finished is an answer, not an error.

use std::time::Duration;

use domain::Livemode;
use domain::stripe::CheckoutSession;
use store::records::{Author, SyncReport};
use tokio::time::Instant;

use crate::lookup;
use crate::state::AppState;
use crate::worker::SyncError;

/// How long a success page waits for a payment in progress.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks at a session that is not finished.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Before the second read of a payer; twice as long before each further one.
const PAUSE: Duration = Duration::from_millis(50);

/// A session that was looked at, and what the read of its payer changed.
#[derive(Debug)]
pub struct Taken {
    /// The session as Stripe has it now.
    pub session: CheckoutSession,
    /// Whose it is, as far as anybody said: by the mapping of its payer, or else by the session's own word.
    pub user_id: Option<String>,
    /// What reading its payer changed; none while nobody paid, or while somebody else reads.
    pub report: Option<SyncReport>,
    /// What is still to come.
    pub pending: Option<Pending>,
}

/// What a session still waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pending {
    /// The buyer has not finished it.
    Buyer,
    /// The money of a delayed payment method is on its way (docs.stripe.com/payments/payment-methods#payment-notification).
    Bank,
    /// Another read of the same customer: somebody else's, or our own that has to tell Stripe's answer from news that came beside it.
    Read,
}

/// Why a session was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It belongs to another user than the one who is said to have come back from it.
    #[error("the Checkout Session does not belong to this user")]
    OtherUser,
    /// It could not be read.
    #[error(transparent)]
    Sync(#[from] SyncError),
}

impl From<store::Error> for Refused {
    fn from(error: store::Error) -> Self {
        Self::Sync(error.into())
    }
}

/// Looks at a session until it is finished, at most for `patience`, and reads its payer from Stripe. With `user`, nothing of a session
/// of anybody else is read.
///
/// # Errors
/// See [`Refused`]; not for a session that is open, expired or unpaid.
pub async fn checkout(
    state: &AppState,
    livemode: Livemode,
    session_id: &str,
    user: Option<&str>,
    author: &Author,
    patience: Duration,
) -> Result<Taken, Refused> {
    let deadline = Instant::now() + patience;
    let mut session = look(state, livemode, session_id).await?;
    let foreign = |owner: &Option<String>| matches!((owner, user), (Some(owner), Some(user)) if owner != user);
    if foreign(&owner(state, livemode, &session).await?) {
        return Err(Refused::OtherUser);
    }
    while in_progress(&session) && Instant::now() < deadline {
        tokio::time::sleep_until(deadline.min(Instant::now() + LOOK_EVERY)).await;
        // What the first look said stands when Stripe does not answer in time: a success page is not kept waiting.
        match tokio::time::timeout_at(deadline, look(state, livemode, session_id)).await {
            Ok(Ok(newer)) => session = newer,
            Ok(Err(error)) => tracing::info!(session = session_id, %error, "Stripe could not be asked again"),
            Err(_) => break,
        }
    }
    let mut pending = still_to_come(&session);
    let report = match session.payer_id() {
        Some(payer) => read(state, livemode, payer, author, deadline).await?,
        None => None,
    };
    if session.payer_id().is_some() && report.as_ref().is_none_or(|report| report.marked_again) {
        pending = pending.or(Some(Pending::Read));
    }
    let user_id = owner(state, livemode, &session).await?;
    if foreign(&user_id) {
        return Err(Refused::OtherUser);
    }
    Ok(Taken { session, user_id, report, pending })
}

async fn look(state: &AppState, livemode: Livemode, id: &str) -> Result<CheckoutSession, SyncError> {
    let gateway = state.gateway(livemode).ok_or(SyncError::NoKey(livemode))?;
    let session = gateway.checkout_session(id).await?;
    Ok(lookup::read_session(&session, &state.store.options().metadata_keys)?)
}

async fn owner(
    state: &AppState,
    livemode: Livemode,
    session: &CheckoutSession,
) -> Result<Option<String>, store::Error> {
    let mapped = match session.payer_id() {
        Some(payer) => state.store.mapping(livemode, payer).await?.map(|mapping| mapping.user_id),
        None => None,
    };
    Ok(mapped.or_else(|| session.client_reference_id.clone()).or_else(|| session.claimed_user.clone()))
}

/// Reads a payer until Stripe's answer is told from the news that came beside it, at most until the deadline; none when somebody else
/// still reads then. Right after a purchase its webhooks arrive with its buyer, and what is too close together to tell stays as it was.
async fn read(
    state: &AppState,
    livemode: Livemode,
    payer: &str,
    author: &Author,
    deadline: Instant,
) -> Result<Option<SyncReport>, SyncError> {
    let mut done: Option<SyncReport> = None;
    let mut pause = PAUSE;
    loop {
        let patience = deadline.saturating_duration_since(Instant::now());
        match state.worker.resync_within(livemode, payer, author, patience).await {
            Ok(report) if !report.lease_lost => {
                let is_last = !report.marked_again || patience.is_zero();
                done = Some(match done {
                    Some(before) => before.followed_by(report),
                    None => report,
                });
                if is_last {
                    return Ok(done);
                }
                tokio::time::sleep_until(deadline.min(Instant::now() + pause)).await;
                pause *= 2;
            }
            Ok(_) if patience.is_zero() => return Ok(done),
            // Whoever took the lease began later, and knows more.
            Ok(_) => {}
            Err(SyncError::Busy(_)) => return Ok(done),
            Err(error) if done.is_some() => {
                tracing::info!(customer = payer, %error, "Stripe could not be asked again");
                return Ok(done);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Whether a moment may bring it to its end. A subscription whose debit is on its way is there already, and has a status.
fn in_progress(session: &CheckoutSession) -> bool {
    match still_to_come(session) {
        Some(Pending::Bank) => session.mode == "payment",
        pending => pending.is_some(),
    }
}

fn still_to_come(session: &CheckoutSession) -> Option<Pending> {
    if session.status.as_deref() == Some("open") {
        return Some(Pending::Buyer);
    }
    session.is_payment_pending().then_some(Pending::Bank)
}
