//! Reads customers from Stripe now.

use axum::extract::State;
use domain::stripe::CheckoutSession;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use store::records::SyncReport;
use utoipa::ToSchema;

use super::ApiState;
use super::access::{AccessOut, entitlements};
use super::extract::{Json, prefixed, user_id};
use super::types::EffectsOut;
use crate::auth::api_key::{Key, Write};
use crate::eager_sync::{self, PATIENCE, Pending, Refused};
use crate::error::{ApiError, ErrorOut};
use crate::worker::SyncError;

/// Whom to read: one of the three, or a Checkout Session together with its user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SyncIn {
    /// Every Stripe customer mapped to this user.
    #[schema(example = "user_42")]
    user_id: Option<String>,
    /// This Stripe customer.
    #[schema(example = "cus_NffrFeUfNV2Hib")]
    customer_id: Option<String>,
    /// The customer of this Checkout Session: what a success page asks, so that the buyer need not wait for the webhook. With
    /// `user_id` beside it, the session has to be that user's.
    #[schema(example = "cs_test_a11YYufWQzNY63zpQ6QSNRQhkUpVph4WRmzW0zWJO2znZKdVujZ0N0S22u")]
    checkout_session_id: Option<String>,
}

/// What reading changed.
#[derive(Serialize, ToSchema)]
pub(super) struct SyncOut {
    /// `sync`
    #[schema(example = "sync")]
    object: &'static str,
    livemode: bool,
    /// Whether anything was not as Stripe has it.
    changed: bool,
    /// One report for each customer that was read.
    customers: Vec<ReportOut>,
    /// The user the entitlements are about; null when the customer belongs to none.
    user_id: Option<String>,
    /// What the user may use now.
    entitlements: Vec<AccessOut>,
    /// Whether the Checkout's payment is not finished, or its customer has to be read once more, by us or by somebody who reads it just now:
    /// ask again in a moment.
    pending: bool,
    /// What is still to come, for people; null when nothing is.
    message: Option<&'static str>,
    /// The Checkout Session that was asked about.
    checkout_session: Option<CheckoutSessionOut>,
}

/// How far a Checkout has come.
#[derive(Serialize, ToSchema)]
struct CheckoutSessionOut {
    id: String,
    /// Stripe's word: `open`, `complete` or `expired`.
    status: Option<String>,
    /// Stripe's word: `paid`, `unpaid` or `no_payment_required`.
    payment_status: String,
}

/// Whom a request was about, and what came of it.
#[derive(Default)]
struct Read {
    user: Option<String>,
    reports: Vec<SyncReport>,
    checkout: Option<CheckoutSession>,
    pending: Option<Pending>,
}

/// What is still to come of a Checkout.
fn sentence(session: &CheckoutSession, pending: Option<Pending>) -> Option<&'static str> {
    match pending {
        Some(Pending::Buyer) => Some("The Checkout is not finished yet. Ask again in a moment."),
        Some(Pending::Bank) => Some(
            "The bank has not confirmed the payment yet, which can take days. Access follows by itself as soon as it is paid.",
        ),
        Some(Pending::Read) => Some("The customer is being read from Stripe just now. Ask again in a moment."),
        None if session.status.as_deref() == Some("expired") => Some("The Checkout expired before it was paid."),
        None => None,
    }
}

#[derive(Serialize, ToSchema)]
struct ReportOut {
    customer_id: String,
    /// What changed.
    effects: EffectsOut,
    /// Whether an event came in between, so that another read follows by itself.
    marked_again: bool,
    /// Whether somebody else read the customer at the same time, so that this read was dropped.
    lease_lost: bool,
}

impl From<SyncReport> for ReportOut {
    fn from(report: SyncReport) -> Self {
        Self {
            customer_id: report.customer_id,
            effects: report.effects.into(),
            marked_again: report.marked_again,
            lease_lost: report.lease_lost,
        }
    }
}

fn refuse(error: SyncError) -> ApiError {
    match error {
        SyncError::NoKey(livemode) => ApiError::no_stripe_key(livemode),
        SyncError::NotFound(_) => ApiError::new(StatusCode::NOT_FOUND, "resource_missing", format!("{error}.")),
        SyncError::Busy(_) => ApiError::new(StatusCode::CONFLICT, "sync_in_progress", format!("{error}.")),
        SyncError::Stripe(error) => error.into(),
        SyncError::Store(error) => error.into(),
    }
}

/// Reads a user's customers, a customer, or the customer of a Checkout Session from Stripe now.
///
/// For a Checkout Session it waits at most 5 seconds, for a payment in progress and until Stripe's answer is told from webhooks that came
/// beside it, and then says so with `pending`. It is safe together with the webhook, and as often as you like.
#[utoipa::path(post, path = "/v1/sync", tag = "sync", request_body = SyncIn, responses(
    (status = 200, description = "What changed, and the entitlements after it", body = SyncOut),
    (status = 400, description = "A parameter is missing or malformed", body = ErrorOut),
    (status = 401, description = "No key, or not a valid one", body = ErrorOut),
    (status = 403, description = "The key's scope is below write", body = ErrorOut),
    (status = 404, description = "Neither Stripe nor we know of it", body = ErrorOut),
    (status = 409, description = "No Stripe key for this mode, or the customer is being read just now, or the session is another user's", body = ErrorOut),
    (status = 503, description = "Stripe cannot be reached", body = ErrorOut),
))]
pub(super) async fn sync(
    State(api): State<ApiState>,
    key: Key<Write>,
    Json(body): Json<SyncIn>,
) -> Result<axum::Json<SyncOut>, ApiError> {
    let livemode = key.livemode;
    let author = api.author(&key, None);
    let worker = &api.app.worker;
    let read = match (body.user_id, body.customer_id, body.checkout_session_id) {
        (Some(user), None, None) => {
            user_id(&user, "user_id")?;
            let known = api.app.store.index().facts(livemode, &user).is_some_and(|facts| facts.known);
            if !known && api.app.store.user(livemode, &user).await?.is_none() {
                return Err(ApiError::not_found("user", &user).with_param("user_id"));
            }
            let reports = worker.resync_user(livemode, &user, &author).await;
            let reports = reports.map_err(|error| refuse(error).with_param("user_id"))?;
            Read { user: Some(user), reports, ..Read::default() }
        }
        (None, Some(customer), None) => {
            prefixed(&customer, "cus_", "customer_id")?;
            let report = worker.resync(livemode, &customer, &author).await;
            let report = report.map_err(|error| refuse(error).with_param("customer_id"))?;
            let mapping = api.app.store.mapping(livemode, &customer).await?;
            Read { user: mapping.map(|mapping| mapping.user_id), reports: vec![report], ..Read::default() }
        }
        (user, None, Some(session)) => {
            if let Some(user) = &user {
                user_id(user, "user_id")?;
            }
            prefixed(&session, "cs_", "checkout_session_id")?;
            let taken = eager_sync::checkout(&api.app, livemode, &session, user.as_deref(), &author, PATIENCE).await;
            let taken = taken.map_err(|refused| match refused {
                Refused::OtherUser => other_user(&session),
                Refused::Sync(error) => refuse(error).with_param("checkout_session_id"),
            })?;
            let reports = taken.report.into_iter().collect();
            Read { user: taken.user_id, reports, checkout: Some(taken.session), pending: taken.pending }
        }
        (None, None, None) => return Err(ApiError::missing("user_id")),
        _ => {
            let message = "Give exactly one of user_id, customer_id and checkout_session_id.";
            return Err(ApiError::invalid("user_id", message));
        }
    };
    let entitlements = read.user.as_deref().map(|user| entitlements(&api.app, livemode, user)).unwrap_or_default();
    let checkout_session = read.checkout.as_ref().map(|session| CheckoutSessionOut {
        id: session.id.clone(),
        status: session.status.clone(),
        payment_status: session.payment_status.clone(),
    });
    Ok(axum::Json(SyncOut {
        object: "sync",
        livemode: livemode.is_live(),
        changed: read.reports.iter().any(|report| !report.effects.is_empty()),
        pending: read.pending.is_some(),
        message: read.checkout.as_ref().and_then(|session| sentence(session, read.pending)),
        customers: read.reports.into_iter().map(ReportOut::from).collect(),
        user_id: read.user,
        entitlements,
        checkout_session,
    }))
}

/// 409, without a word about whose it is.
fn other_user(session: &str) -> ApiError {
    let message =
        format!("The Checkout Session {session:?} does not belong to the user in user_id, so nothing is told of it.");
    ApiError::new(StatusCode::CONFLICT, "session_of_other_user", message).with_param("checkout_session_id")
}
