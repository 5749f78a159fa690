//! Where a feature or a price departs from the installation's policy.

use axum::extract::State;
use domain::access::{PolicyExceptions, Treatment};
use serde::{Deserialize, Serialize};
use store::records::PolicyTarget;
use utoipa::ToSchema;

use super::ApiState;
use super::extract::{Json, Path, catalog_id, feature_key};
use crate::auth::api_key::{Admin, Key, KeyContext, Read};
use crate::config;
use crate::error::{ApiError, ErrorOut};
use crate::terms;

/// What departs; null where the installation's policy holds. The price's word counts before the feature's.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyIn {
    /// How long `past_due` keeps access, such as `7d` or `12h`.
    #[schema(example = "14d")]
    past_due_grace: Option<String>,
    /// Whether a trial gives access: `allow` or `deny`.
    #[schema(example = "deny")]
    trialing: Option<String>,
    /// Whether a subscription that somebody paused gives access: `allow` or `deny`.
    #[schema(example = "allow")]
    paused: Option<String>,
}

/// Where a feature or a price departs from the installation's policy.
#[derive(Serialize, ToSchema)]
pub(super) struct PolicyOut {
    /// `policy`
    #[schema(example = "policy")]
    object: &'static str,
    /// The feature's key or the price's id.
    #[schema(example = "pro")]
    id: String,
    /// How long `past_due` keeps access.
    #[schema(example = "14d")]
    past_due_grace: Option<String>,
    /// Whether a trial gives access: `allow` or `deny`.
    #[schema(example = "deny")]
    trialing: Option<&'static str>,
    /// Whether a subscription that somebody paused gives access: `allow` or `deny`.
    #[schema(example = "allow")]
    paused: Option<&'static str>,
    livemode: bool,
}

impl PolicyOut {
    fn new(id: String, policy: PolicyExceptions, key: &KeyContext) -> Self {
        Self {
            object: "policy",
            id,
            past_due_grace: policy.past_due_grace.map(config::duration_text),
            trialing: policy.trialing.map(Treatment::as_str),
            paused: policy.paused.map(Treatment::as_str),
            livemode: key.livemode.is_live(),
        }
    }
}

impl PolicyIn {
    fn read(&self) -> Result<PolicyExceptions, ApiError> {
        let read = terms::policy(self.past_due_grace.as_deref(), self.trialing.as_deref(), self.paused.as_deref());
        read.map_err(|faults| ApiError::fault(faults[0].0, &faults[0].1))
    }
}

impl ApiState {
    async fn put_policy(
        &self,
        key: &Key<Admin>,
        target: PolicyTarget<'_>,
        body: PolicyIn,
    ) -> Result<PolicyOut, ApiError> {
        let policy = body.read()?;
        let (PolicyTarget::Feature(id) | PolicyTarget::Price(id)) = target;
        if !self.app.store.put_policy(key.livemode, target, &policy, &self.author(key, None)).await? {
            return Err(ApiError::not_found("feature", id));
        }
        Ok(PolicyOut::new(id.to_owned(), policy, key))
    }
}

/// Where a feature departs from the installation's policy.
#[utoipa::path(get, path = "/v1/features/{key}/policy", tag = "catalog",
    params(("key" = String, Path, description = "The feature's key")), responses(
    (status = 200, description = "The policy", body = PolicyOut),
    (status = 400, description = "The key is malformed", body = ErrorOut),
    (status = 401, description = "No key, or not a valid one", body = ErrorOut),
    (status = 403, description = "The key's scope is below read", body = ErrorOut),
    (status = 404, description = "No such feature", body = ErrorOut),
))]
pub(super) async fn get_feature_policy(
    State(api): State<ApiState>,
    key: Key<Read>,
    Path(feature): Path<String>,
) -> Result<axum::Json<PolicyOut>, ApiError> {
    feature_key(&feature, "key")?;
    let catalog = api.app.store.index().catalog(key.livemode);
    let found = catalog.features.get(&feature).ok_or_else(|| ApiError::not_found("feature", &feature))?;
    Ok(axum::Json(PolicyOut::new(feature, found.policy, &key)))
}

/// Replaces a feature's policy; it holds at once, also for those who already pay.
#[utoipa::path(put, path = "/v1/features/{key}/policy", tag = "catalog", request_body = PolicyIn,
    params(("key" = String, Path, description = "The feature's key")), responses(
    (status = 200, description = "The policy now", body = PolicyOut),
    (status = 400, description = "A parameter is malformed", body = ErrorOut),
    (status = 401, description = "No key, or not a valid one", body = ErrorOut),
    (status = 403, description = "The key's scope is below admin", body = ErrorOut),
    (status = 404, description = "No such feature", body = ErrorOut),
))]
pub(super) async fn put_feature_policy(
    State(api): State<ApiState>,
    key: Key<Admin>,
    Path(feature): Path<String>,
    Json(body): Json<PolicyIn>,
) -> Result<axum::Json<PolicyOut>, ApiError> {
    feature_key(&feature, "key")?;
    api.put_policy(&key, PolicyTarget::Feature(&feature), body).await.map(axum::Json)
}

/// Where a price departs from the installation's policy.
#[utoipa::path(get, path = "/v1/prices/{price_id}/policy", tag = "catalog",
    params(("price_id" = String, Path, description = "Stripe's price; need not be known yet")), responses(
    (status = 200, description = "The policy", body = PolicyOut),
    (status = 400, description = "The price id is malformed", body = ErrorOut),
    (status = 401, description = "No key, or not a valid one", body = ErrorOut),
    (status = 403, description = "The key's scope is below read", body = ErrorOut),
))]
pub(super) async fn get_price_policy(
    State(api): State<ApiState>,
    key: Key<Read>,
    Path(price): Path<String>,
) -> Result<axum::Json<PolicyOut>, ApiError> {
    catalog_id(&price, "price_", "price_id")?;
    let catalog = api.app.store.index().catalog(key.livemode);
    let policy = catalog.price_policies.get(&price).copied().unwrap_or_default();
    Ok(axum::Json(PolicyOut::new(price, policy, &key)))
}

/// Replaces a price's policy; it holds at once, also for those who already pay. Works before Stripe ever told us of the price.
#[utoipa::path(put, path = "/v1/prices/{price_id}/policy", tag = "catalog", request_body = PolicyIn,
    params(("price_id" = String, Path, description = "Stripe's price; need not be known yet")), responses(
    (status = 200, description = "The policy now", body = PolicyOut),
    (status = 400, description = "A parameter is malformed", body = ErrorOut),
    (status = 401, description = "No key, or not a valid one", body = ErrorOut),
    (status = 403, description = "The key's scope is below admin", body = ErrorOut),
))]
pub(super) async fn put_price_policy(
    State(api): State<ApiState>,
    key: Key<Admin>,
    Path(price): Path<String>,
    Json(body): Json<PolicyIn>,
) -> Result<axum::Json<PolicyOut>, ApiError> {
    catalog_id(&price, "price_", "price_id")?;
    api.put_policy(&key, PolicyTarget::Price(&price), body).await.map(axum::Json)
}
