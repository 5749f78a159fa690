//! Sessions of Stripe's customer portal.

use axum::extract::State;
use domain::Livemode;
use gateway::{CreatePortal, PortalFlow};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::checkout::{locale, redirect_url};
use super::extract::{Json, prefixed, user_id};
use super::{ApiState, Inner, refusal};
use crate::auth::api_key::{Key, Write};
use crate::error::{ApiError, ErrorOut};

/// A session of the customer portal to open.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PortalIn {
    /// The application's own id of the user.
    #[schema(example = "user_42", min_length = 1, max_length = 200)]
    user_id: String,
    /// Where the portal's way back leads.
    #[schema(example = "https://app.example.com/account")]
    return_url: String,
    /// The language of Stripe's page; the browser's when left out.
    #[schema(example = "pt-BR")]
    locale: Option<String>,
    /// What the customer comes to do; the portal's front page when left out.
    flow: Option<FlowIn>,
    /// The subscription that `flow` is about; it can be left out when the customer has only one that is not ended.
    #[schema(example = "sub_1MowQVLkdIwHu7ixeRlqHVzs")]
    subscription_id: Option<String>,
}

/// A way straight into the portal.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum FlowIn {
    /// To give another payment method.
    PaymentMethodUpdate,
    /// To cancel a subscription.
    SubscriptionCancel,
    /// To change the plan or quantity of a subscription.
    SubscriptionUpdate,
}

/// A session of the customer portal.
#[derive(Serialize, ToSchema)]
pub(super) struct PortalOut {
    /// `portal_session`
    #[schema(example = "portal_session")]
    object: &'static str,
    /// Where to send the customer; good for minutes.
    url: String,
    livemode: bool,
}

/// Opens Stripe's customer portal for a user.
#[utoipa::path(post, path = "/v1/portal-sessions", tag = "checkout", request_body = PortalIn, responses(
    (status = 200, description = "The session", body = PortalOut),
    (status = 400, description = "A parameter is missing or malformed", body = ErrorOut),
    (status = 401, description = "No key, or not a valid one", body = ErrorOut),
    (status = 403, description = "The key's scope is below write", body = ErrorOut),
    (status = 404, description = "The user has no Stripe customer, or no such subscription", body = ErrorOut),
    (status = 409, description = "The server has no Stripe key for this mode", body = ErrorOut),
    (status = 422, description = "Stripe refused it: its own code is `stripe_code`", body = ErrorOut),
    (status = 503, description = "Stripe cannot be reached", body = ErrorOut),
))]
pub(super) async fn create_portal_session(
    State(api): State<ApiState>,
    key: Key<Write>,
    Json(body): Json<PortalIn>,
) -> Result<axum::Json<PortalOut>, ApiError> {
    user_id(&body.user_id, "user_id")?;
    redirect_url(&body.return_url, "return_url")?;
    if let Some(text) = &body.locale {
        locale(text)?;
    }
    if let Some(id) = &body.subscription_id {
        prefixed(id, "sub_", "subscription_id")?;
    }
    let livemode = key.livemode;
    let (customer, flow) = api.portal_of(livemode, &body).await?;
    let gateway = api.app.gateway(livemode).ok_or_else(|| ApiError::no_stripe_key(livemode))?;
    let portal = CreatePortal { locale: body.locale, flow, ..CreatePortal::new(&customer, body.return_url) };
    match gateway.create_portal_session(&portal).await {
        Ok(url) => Ok(axum::Json(PortalOut { object: "portal_session", url, livemode: livemode.is_live() })),
        Err(error) if refusal::is_unknown_customer(&error) => {
            // Its deletion did not reach us yet.
            api.app.store.request_read(livemode, &customer, api.app.now()).await?;
            api.app.worker.wake();
            Err(no_customer(&body.user_id))
        }
        Err(error) => Err(refusal::of_portal(error)),
    }
}

fn no_customer(user: &str) -> ApiError {
    let message = format!("The user {user:?} has no Stripe customer, so there is nothing to manage.");
    ApiError::new(StatusCode::NOT_FOUND, "no_customer", message).with_param("user_id")
}

impl Inner {
    /// Whose portal, and what for.
    async fn portal_of(&self, livemode: Livemode, body: &PortalIn) -> Result<(String, Option<PortalFlow>), ApiError> {
        let about: fn(String) -> PortalFlow = match body.flow {
            Some(FlowIn::SubscriptionCancel) => PortalFlow::SubscriptionCancel,
            Some(FlowIn::SubscriptionUpdate) => PortalFlow::SubscriptionUpdate,
            without => {
                if body.subscription_id.is_some() {
                    let message =
                        "subscription_id says what the flow subscription_cancel or subscription_update is about.";
                    return Err(ApiError::invalid("subscription_id", message));
                }
                let customer = self.customer_of(livemode, &body.user_id).await?;
                let customer = customer.ok_or_else(|| no_customer(&body.user_id))?;
                return Ok((customer, without.map(|_| PortalFlow::PaymentMethodUpdate)));
            }
        };
        let facts = self.app.store.index().facts(livemode, &body.user_id);
        let mut running: Vec<(String, String)> = facts
            .iter()
            .flat_map(|facts| &facts.subscriptions)
            .map(|fact| &fact.subscription)
            .filter(|subscription| !subscription.status.is_terminal())
            .map(|subscription| (subscription.id.clone(), subscription.customer_id.clone()))
            .collect();
        running.sort();
        running.dedup();
        if let Some(wanted) = &body.subscription_id {
            running.retain(|(id, _)| id == wanted);
        }
        match running.as_slice() {
            [(id, customer)] => Ok((customer.clone(), Some(about(id.clone())))),
            [] => {
                let message = format!("The user {:?} has no such subscription that is not ended.", body.user_id);
                Err(ApiError::new(StatusCode::NOT_FOUND, "no_subscription", message).with_param("subscription_id"))
            }
            _ => Err(ApiError::missing("subscription_id")),
        }
    }
}
