//! Reads customers from Stripe now.

use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use store::records::SyncReport;
use utoipa::ToSchema;

use super::ApiState;
use super::access::{AccessOut, entitlements};
use super::extract::{Json, prefixed, user_id};
use super::types::EffectsOut;
use crate::auth::api_key::{Key, Write};
use crate::error::{ApiError, ErrorOut};
use crate::worker::SyncError;

/// Whom to read. Exactly one of the three.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SyncIn {
    /// Every Stripe customer mapped to this user.
    #[schema(example = "user_42")]
    user_id: Option<String>,
    /// This Stripe customer.
    #[schema(example = "cus_NffrFeUfNV2Hib")]
    customer_id: Option<String>,
    /// The customer of this Checkout Session: what a success page asks, so that the buyer need not wait for the webhook.
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
#[utoipa::path(post, path = "/v1/sync", tag = "sync", request_body = SyncIn, responses(
    (status = 200, description = "What changed, and the entitlements after it", body = SyncOut),
    (status = 400, description = "A parameter is missing or malformed", body = ErrorOut),
    (status = 401, description = "No key, or not a valid one", body = ErrorOut),
    (status = 403, description = "The key's scope is below write", body = ErrorOut),
    (status = 404, description = "Neither Stripe nor we know of it", body = ErrorOut),
    (status = 409, description = "No Stripe key for this mode, or the customer is being read just now", body = ErrorOut),
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
    let (user, reports) = match (body.user_id, body.customer_id, body.checkout_session_id) {
        (Some(user), None, None) => {
            user_id(&user, "user_id")?;
            let known = api.app.store.index().facts(livemode, &user).is_some_and(|facts| facts.known);
            if !known && api.app.store.user(livemode, &user).await?.is_none() {
                return Err(ApiError::not_found("user", &user).with_param("user_id"));
            }
            let reports = worker.resync_user(livemode, &user, &author).await;
            let reports = reports.map_err(|error| refuse(error).with_param("user_id"))?;
            (Some(user), reports)
        }
        (None, Some(customer), None) => {
            prefixed(&customer, "cus_", "customer_id")?;
            let report = worker.resync(livemode, &customer, &author).await;
            let report = report.map_err(|error| refuse(error).with_param("customer_id"))?;
            (None, vec![report])
        }
        (None, None, Some(session)) => {
            prefixed(&session, "cs_", "checkout_session_id")?;
            let report = worker.resync_checkout(livemode, &session, &author).await;
            (None, vec![report.map_err(|error| refuse(error).with_param("checkout_session_id"))?])
        }
        (None, None, None) => return Err(ApiError::missing("user_id")),
        _ => {
            let message = "Give exactly one of user_id, customer_id and checkout_session_id.";
            return Err(ApiError::invalid("user_id", message));
        }
    };
    let user = match (user, reports.first()) {
        (None, Some(report)) => {
            api.app.store.mapping(livemode, &report.customer_id).await?.map(|mapping| mapping.user_id)
        }
        (user, _) => user,
    };
    let entitlements = user.as_deref().map(|user| entitlements(&api.app, livemode, user)).unwrap_or_default();
    let changed = reports.iter().any(|report| !report.effects.is_empty());
    let customers = reports.into_iter().map(ReportOut::from).collect();
    let livemode = livemode.is_live();
    Ok(axum::Json(SyncOut { object: "sync", livemode, changed, customers, user_id: user, entitlements }))
}
