//! The features the application asks for by key.

use axum::extract::State;
use domain::Livemode;
use domain::catalog::{Feature, FeatureType};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use store::records::Page;
use utoipa::{IntoParams, ToSchema};

use super::ApiState;
use super::extract::{Json, Path, Query, feature_key, limit, short_text};
use super::types::{Deleted, List};
use crate::auth::api_key::{Admin, Key, Read};
use crate::error::{ApiError, ErrorOut};

/// A feature.
#[derive(Serialize, ToSchema)]
pub(super) struct FeatureOut {
    /// `feature`
    #[schema(example = "feature")]
    object: &'static str,
    #[schema(example = "pro")]
    key: String,
    name: Option<String>,
    /// `switch`, `limit` or `metered`.
    #[serde(rename = "type")]
    #[schema(example = "switch")]
    kind: &'static str,
    livemode: bool,
}

impl FeatureOut {
    fn new(feature: &Feature, livemode: Livemode) -> Self {
        Self {
            object: "feature",
            key: feature.key.clone(),
            name: feature.name.clone(),
            kind: feature.kind.as_str(),
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
    /// The key of the last row of the page before.
    starting_after: Option<String>,
}

/// The features, by key.
#[utoipa::path(get, path = "/v1/features", tag = "catalog", params(ListQuery), responses(
    (status = 200, description = "The features", body = List<FeatureOut>),
    (status = 400, description = "A parameter is malformed", body = ErrorOut),
    (status = 401, description = "No key, or not a valid one", body = ErrorOut),
    (status = 403, description = "The key's scope is below read", body = ErrorOut),
))]
pub(super) async fn list_features(
    State(api): State<ApiState>,
    key: Key<Read>,
    Query(query): Query<ListQuery>,
) -> Result<axum::Json<List<FeatureOut>>, ApiError> {
    let limit = limit(query.limit)?;
    let catalog = api.app.store.index().catalog(key.livemode);
    let after = query.starting_after.as_deref().unwrap_or_default();
    let mut features: Vec<&Feature> =
        catalog.features.values().filter(|feature| feature.key.as_str() > after).collect();
    features.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    let page = Page::from_rows(features, limit);
    Ok(axum::Json(List::from_page(page, |feature| FeatureOut::new(feature, key.livemode))))
}

/// A feature.
#[utoipa::path(get, path = "/v1/features/{key}", tag = "catalog",
    params(("key" = String, Path, description = "The feature's key")), responses(
    (status = 200, description = "The feature", body = FeatureOut),
    (status = 400, description = "The key is malformed", body = ErrorOut),
    (status = 401, description = "No key, or not a valid one", body = ErrorOut),
    (status = 404, description = "No such feature", body = ErrorOut),
))]
pub(super) async fn get_feature(
    State(api): State<ApiState>,
    key: Key<Read>,
    Path(feature): Path<String>,
) -> Result<axum::Json<FeatureOut>, ApiError> {
    feature_key(&feature, "key")?;
    let catalog = api.app.store.index().catalog(key.livemode);
    let found = catalog.features.get(&feature).ok_or_else(|| ApiError::not_found("feature", &feature))?;
    Ok(axum::Json(FeatureOut::new(found, key.livemode)))
}

/// What a feature is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FeatureIn {
    /// A name for people.
    #[schema(example = "Pro plan", max_length = 200)]
    name: Option<String>,
    /// `switch` when left out.
    #[serde(rename = "type", default)]
    kind: TypeIn,
}

#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum TypeIn {
    #[default]
    Switch,
    Limit,
    Metered,
}

/// Creates a feature, or changes its name and type.
#[utoipa::path(put, path = "/v1/features/{key}", tag = "catalog", request_body = FeatureIn,
    params(("key" = String, Path, description = "1 to 80 letters, digits or any of _ - . :")), responses(
    (status = 200, description = "The feature", body = FeatureOut),
    (status = 400, description = "A parameter is malformed", body = ErrorOut),
    (status = 401, description = "No key, or not a valid one", body = ErrorOut),
    (status = 403, description = "The key's scope is below admin", body = ErrorOut),
))]
pub(super) async fn put_feature(
    State(api): State<ApiState>,
    key: Key<Admin>,
    Path(feature): Path<String>,
    Json(body): Json<FeatureIn>,
) -> Result<axum::Json<FeatureOut>, ApiError> {
    feature_key(&feature, "key")?;
    let kind = match body.kind {
        TypeIn::Switch => FeatureType::Switch,
        TypeIn::Limit => FeatureType::Limit,
        TypeIn::Metered => FeatureType::Metered,
    };
    let feature = Feature { name: short_text(body.name, 200, "name")?, ..Feature::new(feature, kind) };
    api.app.store.put_feature(key.livemode, &feature, &api.author(&key, None)).await?;
    Ok(axum::Json(FeatureOut::new(&feature, key.livemode)))
}

/// Deletes a feature, and takes it from every price and product that gives it.
#[utoipa::path(delete, path = "/v1/features/{key}", tag = "catalog",
    params(("key" = String, Path, description = "The feature's key")), responses(
    (status = 200, description = "The feature is no more", body = Deleted),
    (status = 400, description = "The key is malformed", body = ErrorOut),
    (status = 401, description = "No key, or not a valid one", body = ErrorOut),
    (status = 403, description = "The key's scope is below admin", body = ErrorOut),
    (status = 404, description = "No such feature", body = ErrorOut),
    (status = 409, description = "Stripe gives it through a price or product", body = ErrorOut),
))]
pub(super) async fn delete_feature(
    State(api): State<ApiState>,
    key: Key<Admin>,
    Path(feature): Path<String>,
) -> Result<axum::Json<Deleted>, ApiError> {
    feature_key(&feature, "key")?;
    let deleted = api.app.store.delete_feature(key.livemode, &feature, &api.author(&key, None)).await;
    let deleted = deleted.map_err(|error| match error {
        store::Error::Conflict(why) => {
            ApiError::new(StatusCode::CONFLICT, "feature_given_by_stripe", format!("{why}."))
        }
        other => other.into(),
    })?;
    if !deleted {
        return Err(ApiError::not_found("feature", &feature));
    }
    Ok(axum::Json(Deleted { object: "feature", id: feature, deleted: true }))
}
