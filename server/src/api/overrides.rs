//! Grants and denials by hand.

use axum::extract::State;
use domain::access::OverrideEffect;
use domain::role::Scope;
use domain::{Livemode, Timestamp};
use serde::{Deserialize, Serialize};
use store::records::{NewOverride, OverrideFilter, OverrideRecord};
use utoipa::{IntoParams, ToSchema};

use super::ApiState;
use super::extract::{Json, Path, Query, feature_key, in_future, limit, prefixed, reason, user_id};
use super::types::{Deleted, List};
use crate::auth::api_key::{Key, Read, Write};
use crate::error::{ApiError, ErrorOut};
use crate::terms;

/// An override.
#[derive(Serialize, ToSchema)]
pub(super) struct OverrideOut {
    /// `override`
    #[schema(example = "override")]
    object: &'static str,
    #[schema(example = "ovr_01936f0a5c1e7d3c8a2b4f6e8d0c1a3b")]
    id: String,
    user_id: String,
    feature: String,
    /// `grant` or `deny`.
    #[schema(example = "grant")]
    effect: &'static str,
    /// The number for a limit.
    value: Option<i64>,
    reason: String,
    /// When it ends by itself; null when only somebody ends it.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Who made it.
    created_by: String,
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
    revoked_by: Option<String>,
    /// Whether it counts now.
    active: bool,
    livemode: bool,
}

impl OverrideOut {
    fn new(record: OverrideRecord, livemode: Livemode, now: Timestamp) -> Self {
        let active = record.revoked_at.is_none() && record.expires_at.is_none_or(|end| now < end);
        Self {
            object: "override",
            id: record.override_id,
            user_id: record.user_id,
            feature: record.feature,
            effect: record.effect.as_str(),
            value: record.value,
            reason: record.reason,
            expires_at: record.expires_at,
            created_at: record.created_at,
            created_by: record.created_by,
            revoked_at: record.revoked_at,
            revoked_by: record.revoked_by,
            active,
            livemode: livemode.is_live(),
        }
    }
}

/// Which part of the list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// From 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
    /// The id of the last row of the page before.
    starting_after: Option<String>,
}

/// A user's overrides, newest first; revoked and expired ones too.
#[utoipa::path(get, path = "/v1/users/{user_id}/overrides", tag = "overrides",
    params(("user_id" = String, Path, description = "The application's own id of the user"), ListQuery), responses(
    (status = 200, description = "The overrides", body = List<OverrideOut>),
    (status = 400, description = "A parameter is malformed", body = ErrorOut),
    (status = 401, description = "No key, or not a valid one", body = ErrorOut),
    (status = 403, description = "The key's scope is below read", body = ErrorOut),
))]
pub(super) async fn list_overrides(
    State(api): State<ApiState>,
    key: Key<Read>,
    Path(user): Path<String>,
    Query(query): Query<ListQuery>,
) -> Result<axum::Json<List<OverrideOut>>, ApiError> {
    user_id(&user, "user_id")?;
    let limit = limit(query.limit)?;
    if let Some(after) = &query.starting_after {
        prefixed(after, "ovr_", "starting_after")?;
    }
    let filter = OverrideFilter { user_id: Some(user), after: query.starting_after, limit };
    let page = api.app.store.overrides(key.livemode, &filter).await?;
    let now = api.app.now();
    Ok(axum::Json(List::from_page(page, |row| OverrideOut::new(row, key.livemode, now))))
}

/// A new override.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OverrideIn {
    /// The feature's key.
    #[schema(example = "pro")]
    feature: String,
    effect: EffectIn,
    /// Why, for whoever reads the log.
    #[schema(example = "Refund under way, ticket 311", min_length = 1, max_length = 500)]
    reason: String,
    /// When it ends by itself; it must lie ahead.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// The number, for a feature of type limit or metered.
    #[schema(minimum = 0)]
    value: Option<i64>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum EffectIn {
    Grant,
    Deny,
}

/// Grants or denies a feature by hand. A denial needs the scope admin.
#[utoipa::path(post, path = "/v1/users/{user_id}/overrides", tag = "overrides", request_body = OverrideIn,
    params(("user_id" = String, Path, description = "The application's own id of the user; need not be known yet")), responses(
    (status = 200, description = "The override", body = OverrideOut),
    (status = 400, description = "A parameter is missing or malformed", body = ErrorOut),
    (status = 401, description = "No key, or not a valid one", body = ErrorOut),
    (status = 403, description = "The key's scope is below write, or below admin for a denial", body = ErrorOut),
    (status = 422, description = "The feature is not in the catalog", body = ErrorOut),
))]
pub(super) async fn create_override(
    State(api): State<ApiState>,
    key: Key<Write>,
    Path(user): Path<String>,
    Json(body): Json<OverrideIn>,
) -> Result<axum::Json<OverrideOut>, ApiError> {
    let effect = match body.effect {
        EffectIn::Grant => OverrideEffect::Grant,
        EffectIn::Deny => OverrideEffect::Deny,
    };
    if effect == OverrideEffect::Deny {
        key.require(Scope::Admin)?;
    }
    user_id(&user, "user_id")?;
    feature_key(&body.feature, "feature")?;
    let why = reason(&body.reason)?;
    let author = api.author(&key, Some(why));
    if let Some(end) = body.expires_at {
        in_future(end, author.now, "expires_at")?;
    }
    let catalog = api.app.store.index().catalog(key.livemode);
    let feature =
        catalog.features.get(&body.feature).ok_or_else(|| ApiError::unknown_feature("feature", &body.feature))?;
    let value = terms::value(body.value, feature.kind).map_err(|fault| ApiError::fault("value", &fault))?;
    let new = NewOverride {
        livemode: key.livemode,
        user_id: user,
        feature: body.feature,
        effect,
        value,
        expires_at: body.expires_at,
    };
    let record = api.app.store.create_override(&new, &author).await?;
    Ok(axum::Json(OverrideOut::new(record, key.livemode, author.now)))
}

/// Ends an override. Ending a denial needs the scope admin.
#[utoipa::path(delete, path = "/v1/overrides/{id}", tag = "overrides",
    params(("id" = String, Path, description = "The override, `ovr_…`")), responses(
    (status = 200, description = "The override counts no more", body = Deleted),
    (status = 400, description = "The id is malformed", body = ErrorOut),
    (status = 401, description = "No key, or not a valid one", body = ErrorOut),
    (status = 403, description = "The key's scope is too low", body = ErrorOut),
    (status = 404, description = "No such override, or revoked already", body = ErrorOut),
))]
pub(super) async fn delete_override(
    State(api): State<ApiState>,
    key: Key<Write>,
    Path(id): Path<String>,
) -> Result<axum::Json<Deleted>, ApiError> {
    prefixed(&id, "ovr_", "id")?;
    let missing = || ApiError::not_found("override", &id);
    let record = api.app.store.find_override(key.livemode, &id).await?.ok_or_else(missing)?;
    if record.effect == OverrideEffect::Deny {
        key.require(Scope::Admin)?;
    }
    if !api.app.store.revoke_override(key.livemode, &id, &api.author(&key, None)).await? {
        return Err(missing());
    }
    Ok(axum::Json(Deleted { object: "override", id, deleted: true }))
}
