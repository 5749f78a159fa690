//! Users of the host application.

use axum::extract::State;
use domain::{Livemode, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ApiState;
use super::extract::{Json, Path, short_text, user_id};
use super::types::MappingOut;
use crate::auth::api_key::{Key, Read, Write};
use crate::config::is_email;
use crate::error::{ApiError, ErrorOut};
use crate::state::AppState;

/// A user.
#[derive(Serialize, ToSchema)]
pub(super) struct UserOut {
    /// `user`
    #[schema(example = "user")]
    object: &'static str,
    /// The application's own id.
    #[schema(example = "user_42")]
    user_id: String,
    email: Option<String>,
    name: Option<String>,
    /// When the application first told of this user; null when only Stripe's objects name it.
    #[schema(value_type = Option<String>, format = DateTime)]
    created_at: Option<Timestamp>,
    livemode: bool,
    /// The Stripe customers this user is.
    customers: Vec<MappingOut>,
}

async fn find(app: &AppState, livemode: Livemode, user: String) -> Result<UserOut, ApiError> {
    let told = app.store.user(livemode, &user).await?;
    let known = app.store.index().facts(livemode, &user).is_some_and(|facts| facts.known);
    if told.is_none() && !known {
        return Err(ApiError::not_found("user", &user));
    }
    let mappings = app.store.mappings_of(livemode, &user).await?;
    let (email, name, created_at) =
        told.map_or((None, None, None), |told| (told.email, told.name, Some(told.created_at)));
    let customers = mappings.into_iter().map(|mapping| MappingOut::new(mapping, livemode)).collect();
    Ok(UserOut { object: "user", user_id: user, email, name, created_at, livemode: livemode.is_live(), customers })
}

/// A user with its Stripe customers.
#[utoipa::path(get, path = "/v1/users/{user_id}", tag = "users",
    params(("user_id" = String, Path, description = "The application's own id of the user")), responses(
    (status = 200, description = "The user", body = UserOut),
    (status = 400, description = "The user id is malformed", body = ErrorOut),
    (status = 401, description = "No key, or not a valid one", body = ErrorOut),
    (status = 404, description = "Nothing is known about this user", body = ErrorOut),
))]
pub(super) async fn get_user(
    State(api): State<ApiState>,
    key: Key<Read>,
    Path(user): Path<String>,
) -> Result<axum::Json<UserOut>, ApiError> {
    user_id(&user, "user_id")?;
    find(&api.app, key.livemode, user).await.map(axum::Json)
}

/// What the application tells of a user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UserIn {
    /// Helps to find the user's Stripe customer; never maps one by itself.
    #[schema(example = "ada@example.com", max_length = 254)]
    email: Option<String>,
    #[schema(example = "Ada Lovelace", max_length = 200)]
    name: Option<String>,
}

/// Tells of a user, or changes what was told: what is left out stays as it was.
#[utoipa::path(put, path = "/v1/users/{user_id}", tag = "users", request_body = UserIn,
    params(("user_id" = String, Path, description = "The application's own id of the user")), responses(
    (status = 200, description = "The user", body = UserOut),
    (status = 400, description = "A parameter is malformed", body = ErrorOut),
    (status = 401, description = "No key, or not a valid one", body = ErrorOut),
    (status = 403, description = "The key's scope is below write", body = ErrorOut),
))]
pub(super) async fn put_user(
    State(api): State<ApiState>,
    key: Key<Write>,
    Path(user): Path<String>,
    Json(body): Json<UserIn>,
) -> Result<axum::Json<UserOut>, ApiError> {
    user_id(&user, "user_id")?;
    let email = short_text(body.email, 254, "email")?;
    if email.as_deref().is_some_and(|email| !is_email(email)) {
        return Err(ApiError::invalid("email", "Invalid email: it is not an e-mail address."));
    }
    let name = short_text(body.name, 200, "name")?;
    let author = api.author(&key, None);
    api.app.store.put_user(key.livemode, &user, email.as_deref(), name.as_deref(), &author).await?;
    find(&api.app, key.livemode, user).await.map(axum::Json)
}
