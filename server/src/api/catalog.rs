//! What prices and products give.

use std::collections::HashSet;

use axum::extract::State;
use domain::Livemode;
use domain::catalog::{FeatureGrant, GrantSource, counting};
use serde::{Deserialize, Serialize};
use store::records::TargetKind;
use utoipa::ToSchema;

use super::extract::{Json, Path, catalog_id, feature_key};
use super::types::GrantBody;
use super::{ApiState, Inner};
use crate::auth::api_key::{Admin, Key, Read};
use crate::error::{ApiError, ErrorOut};
use crate::terms;

/// Most features one price or product gives.
const MAX_GRANTS: usize = 100;

/// What a price or product gives.
#[derive(Serialize, ToSchema)]
pub(super) struct GrantsOut {
    /// `price` or `product`
    #[schema(example = "price")]
    object: &'static str,
    #[schema(example = "price_1MoBy5LkdIwHu7ixZhnattbh")]
    id: String,
    features: Vec<GrantBody>,
    livemode: bool,
}

/// What a price or product gives from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GrantsIn {
    #[schema(max_items = 100)]
    features: Vec<GrantBody>,
}

impl Inner {
    fn grants(&self, livemode: Livemode, kind: TargetKind, id: String) -> GrantsOut {
        let catalog = self.app.store.index().catalog(livemode);
        let targets = match kind {
            TargetKind::Price => &catalog.prices,
            TargetKind::Product => &catalog.products,
        };
        let features =
            targets.get(&id).map(|said| counting(said).cloned().map(GrantBody::from).collect()).unwrap_or_default();
        GrantsOut { object: kind.as_str(), id, features, livemode: livemode.is_live() }
    }

    async fn put_grants(
        &self,
        key: &Key<Admin>,
        kind: TargetKind,
        id: String,
        body: GrantsIn,
    ) -> Result<GrantsOut, ApiError> {
        if body.features.len() > MAX_GRANTS {
            return Err(ApiError::invalid("features", "Invalid features: at most 100 can be given."));
        }
        let catalog = self.app.store.index().catalog(key.livemode);
        let mut seen = HashSet::new();
        let mut grants = Vec::with_capacity(body.features.len());
        for (i, grant) in body.features.into_iter().enumerate() {
            let param = format!("features[{i}].feature");
            feature_key(&grant.feature, &param)?;
            if !seen.insert(grant.feature.clone()) {
                let message = format!("Invalid {param}: {:?} is given twice.", grant.feature);
                return Err(ApiError::invalid(param, message));
            }
            let feature =
                catalog.features.get(&grant.feature).ok_or_else(|| ApiError::unknown_feature(param, &grant.feature))?;
            if is_stripes(&grant, i)? {
                continue;
            }
            let fault = |field: &str| {
                let param = format!("features[{i}].{field}");
                move |fault: terms::Fault| ApiError::fault(param, &fault)
            };
            let value = terms::value(grant.value, feature.kind).map_err(fault("value"))?;
            let duration = terms::duration(grant.duration.as_deref()).map_err(fault("duration"))?;
            let credits = terms::credits(grant.credits, value).map_err(fault("credits"))?;
            grants.push(FeatureGrant { duration, credits, ..FeatureGrant::of(grant.feature).with_value(value) });
        }
        let author = self.author(key, None);
        self.app.store.put_grants(key.livemode, kind, &id, &grants, &author).await.map_err(|error| match error {
            // Somebody deleted the feature in between.
            store::Error::Conflict(feature) => ApiError::unknown_feature("features", &feature),
            other => other.into(),
        })?;
        Ok(self.grants(key.livemode, kind, id))
    }
}

/// Whether Stripe says so, as an answer of ours told: then it is not ours to set.
fn is_stripes(grant: &GrantBody, i: usize) -> Result<bool, ApiError> {
    let Some(word) = &grant.source else { return Ok(false) };
    let param = format!("features[{i}].source");
    let source = GrantSource::parse(word).ok_or_else(|| {
        ApiError::invalid(param.clone(), format!("Invalid {param}: expected metadata, stripe or manual."))
    })?;
    Ok(!source.is_manual())
}

/// What a price gives by itself; what its product gives comes on top.
#[utoipa::path(get, path = "/v1/prices/{price_id}/features", tag = "catalog",
    params(("price_id" = String, Path, description = "Stripe's price; need not be known yet")), responses(
    (status = 200, description = "What it gives", body = GrantsOut),
    (status = 400, description = "The price id is malformed", body = ErrorOut),
    (status = 401, description = "No key, or not a valid one", body = ErrorOut),
    (status = 403, description = "The key's scope is below read", body = ErrorOut),
))]
pub(super) async fn get_price_features(
    State(api): State<ApiState>,
    key: Key<Read>,
    Path(price): Path<String>,
) -> Result<axum::Json<GrantsOut>, ApiError> {
    catalog_id(&price, "price_", "price_id")?;
    Ok(axum::Json(api.grants(key.livemode, TargetKind::Price, price)))
}

/// Replaces what a price gives by hand. Works before Stripe ever told us of the price. Features that Stripe's metadata names stay, with a
/// `source`; where both name one, value, duration and credits set here count.
#[utoipa::path(put, path = "/v1/prices/{price_id}/features", tag = "catalog", request_body = GrantsIn,
    params(("price_id" = String, Path, description = "Stripe's price; need not be known yet")), responses(
    (status = 200, description = "What it gives now", body = GrantsOut),
    (status = 400, description = "A parameter is malformed", body = ErrorOut),
    (status = 401, description = "No key, or not a valid one", body = ErrorOut),
    (status = 403, description = "The key's scope is below admin", body = ErrorOut),
    (status = 422, description = "A feature is not in the catalog", body = ErrorOut),
))]
pub(super) async fn put_price_features(
    State(api): State<ApiState>,
    key: Key<Admin>,
    Path(price): Path<String>,
    Json(body): Json<GrantsIn>,
) -> Result<axum::Json<GrantsOut>, ApiError> {
    catalog_id(&price, "price_", "price_id")?;
    api.put_grants(&key, TargetKind::Price, price, body).await.map(axum::Json)
}

/// What every price of a product gives.
#[utoipa::path(get, path = "/v1/products/{product_id}/features", tag = "catalog",
    params(("product_id" = String, Path, description = "Stripe's product; need not be known yet")), responses(
    (status = 200, description = "What it gives", body = GrantsOut),
    (status = 400, description = "The product id is malformed", body = ErrorOut),
    (status = 401, description = "No key, or not a valid one", body = ErrorOut),
    (status = 403, description = "The key's scope is below read", body = ErrorOut),
))]
pub(super) async fn get_product_features(
    State(api): State<ApiState>,
    key: Key<Read>,
    Path(product): Path<String>,
) -> Result<axum::Json<GrantsOut>, ApiError> {
    catalog_id(&product, "prod_", "product_id")?;
    Ok(axum::Json(api.grants(key.livemode, TargetKind::Product, product)))
}

/// Replaces what every price of a product gives by hand. Works before Stripe ever told us of the product. Features that Stripe's metadata
/// or product features name stay, with a `source`; where several name one, what is set here counts, then metadata.
#[utoipa::path(put, path = "/v1/products/{product_id}/features", tag = "catalog", request_body = GrantsIn,
    params(("product_id" = String, Path, description = "Stripe's product; need not be known yet")), responses(
    (status = 200, description = "What it gives now", body = GrantsOut),
    (status = 400, description = "A parameter is malformed", body = ErrorOut),
    (status = 401, description = "No key, or not a valid one", body = ErrorOut),
    (status = 403, description = "The key's scope is below admin", body = ErrorOut),
    (status = 422, description = "A feature is not in the catalog", body = ErrorOut),
))]
pub(super) async fn put_product_features(
    State(api): State<ApiState>,
    key: Key<Admin>,
    Path(product): Path<String>,
    Json(body): Json<GrantsIn>,
) -> Result<axum::Json<GrantsOut>, ApiError> {
    catalog_id(&product, "prod_", "product_id")?;
    api.put_grants(&key, TargetKind::Product, product, body).await.map(axum::Json)
}
