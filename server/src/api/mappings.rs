//! Which user a Stripe customer is.

use axum::extract::State;
use domain::mapping::MappingSource;
use serde::Deserialize;
use utoipa::ToSchema;

use super::ApiState;
use super::extract::{Json, Path, prefixed, user_id};
use super::types::{Deleted, MappingOut};
use crate::auth::api_key::{Key, Read, Write};
use crate::error::{ApiError, ErrorOut};

/// An id of whoever pays: a customer, or a guest's session, which stands in for one.
fn payer_id(text: &str) -> Result<(), ApiError> {
    let prefix = if text.starts_with("cs_") { "cs_" } else { "cus_" };
    prefixed(text, prefix, "customer_id")
}

/// The mapping of a Stripe customer.
#[utoipa::path(get, path = "/v1/customers/{customer_id}/mapping", tag = "mappings",
    params(("customer_id" = String, Path, description = "Stripe's customer, `cus_…`; or the Checkout Session of a guest, `cs_…`")), responses(
    (status = 200, description = "The mapping", body = MappingOut),
    (status = 400, description = "The customer id is malformed", body = ErrorOut),
    (status = 401, description = "No key, or not a valid one", body = ErrorOut),
    (status = 404, description = "No user is mapped to this customer", body = ErrorOut),
))]
pub(super) async fn get_mapping(
    State(api): State<ApiState>,
    key: Key<Read>,
    Path(customer): Path<String>,
) -> Result<axum::Json<MappingOut>, ApiError> {
    payer_id(&customer)?;
    let mapping = api.app.store.mapping(key.livemode, &customer).await?;
    let mapping = mapping.ok_or_else(|| ApiError::not_found("mapping of customer", &customer))?;
    Ok(axum::Json(MappingOut::new(mapping, key.livemode)))
}

/// Whom to map to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MappingIn {
    /// The application's own id of the user.
    #[schema(example = "user_42", min_length = 1, max_length = 200)]
    user_id: String,
}

/// Says which user a Stripe customer is. Replaces what was there, and settles conflicts; events that waited for it take effect.
#[utoipa::path(put, path = "/v1/customers/{customer_id}/mapping", tag = "mappings", request_body = MappingIn,
    params(("customer_id" = String, Path, description = "Stripe's customer, `cus_…`, which need not be known yet; or the Checkout Session of a guest, `cs_…`")), responses(
    (status = 200, description = "The mapping", body = MappingOut),
    (status = 400, description = "A parameter is malformed", body = ErrorOut),
    (status = 401, description = "No key, or not a valid one", body = ErrorOut),
    (status = 403, description = "The key's scope is below write", body = ErrorOut),
    (status = 404, description = "No guest paid by this Checkout Session", body = ErrorOut),
))]
pub(super) async fn put_mapping(
    State(api): State<ApiState>,
    key: Key<Write>,
    Path(customer): Path<String>,
    Json(body): Json<MappingIn>,
) -> Result<axum::Json<MappingOut>, ApiError> {
    payer_id(&customer)?;
    user_id(&body.user_id, "user_id")?;
    if customer.starts_with("cs_") && api.app.store.customer(key.livemode, &customer).await?.is_none() {
        // Only a guest's purchase makes its session a payer, and that is known once it was told of.
        return Err(ApiError::not_found("guest's checkout session", &customer));
    }
    let author = api.author(&key, None);
    let mapping =
        api.app.store.put_mapping(key.livemode, &customer, &body.user_id, MappingSource::Api, &author).await?;
    api.app.worker.wake();
    Ok(axum::Json(MappingOut::new(mapping, key.livemode)))
}

/// Takes a mapping away: what the customer pays for no longer gives the user anything.
#[utoipa::path(delete, path = "/v1/customers/{customer_id}/mapping", tag = "mappings",
    params(("customer_id" = String, Path, description = "Stripe's customer, `cus_…`; or the Checkout Session of a guest, `cs_…`")), responses(
    (status = 200, description = "The mapping is no more", body = Deleted),
    (status = 400, description = "The customer id is malformed", body = ErrorOut),
    (status = 401, description = "No key, or not a valid one", body = ErrorOut),
    (status = 403, description = "The key's scope is below write", body = ErrorOut),
    (status = 404, description = "No user is mapped to this customer", body = ErrorOut),
))]
pub(super) async fn delete_mapping(
    State(api): State<ApiState>,
    key: Key<Write>,
    Path(customer): Path<String>,
) -> Result<axum::Json<Deleted>, ApiError> {
    payer_id(&customer)?;
    if !api.app.store.delete_mapping(key.livemode, &customer, &api.author(&key, None)).await? {
        return Err(ApiError::not_found("mapping of customer", &customer));
    }
    Ok(axum::Json(Deleted { object: "mapping", id: customer, deleted: true }))
}
