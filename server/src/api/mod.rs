//! `/v1`: what the host application asks. One resource per file.

mod access;
mod catalog;
mod checkout;
mod events;
pub mod extract;
mod features;
mod mappings;
mod overrides;
mod plain;
mod policies;
mod portal;
mod query;
mod refusal;
mod sync;
mod types;
mod users;

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::Request;
use axum::{Router, middleware};
use http::StatusCode;
use metrics::Counter;
use store::records::Author;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use self::access::explain;
pub(crate) use self::access::{fault_of, written};
use crate::auth::api_key::{Key, KeyRing, guard, without_keys};
use crate::auth::network::Networks;
use crate::error::ApiError;
use crate::state::AppState;

/// Bodies of `/v1` are small; the webhook has a limit of its own.
const MAX_BODY: usize = 256 * 1024;

/// What the handlers of `/v1` reach. One pointer, so that it costs nothing to hand it to each request.
#[derive(Clone)]
pub struct ApiState(Arc<Inner>);

/// What [`ApiState`] points to.
pub struct Inner {
    app: AppState,
    keys: KeyRing,
    allowed: Counter,
    denied: Counter,
}

impl Deref for ApiState {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Inner {
    /// The API keys.
    #[must_use]
    pub fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// Who may say for whom they ask.
    #[must_use]
    pub fn proxies(&self) -> &Networks {
        &self.app.config.trusted_proxies
    }

    /// Who changes something by this key, and when.
    fn author<S>(&self, key: &Key<S>, reason: Option<&str>) -> Author {
        key.author(reason, self.app.now())
    }
}

/// The routes below `/v1`, which know the paths of the document.
fn documented() -> OpenApiRouter<ApiState> {
    OpenApiRouter::with_openapi(crate::openapi::skeleton())
        .routes(routes!(access::get_access))
        .routes(routes!(access::batch))
        .routes(routes!(access::get_entitlements))
        .routes(routes!(access::get_diagnosis))
        .routes(routes!(users::get_user, users::put_user))
        .routes(routes!(mappings::get_mapping, mappings::put_mapping, mappings::delete_mapping))
        .routes(routes!(overrides::list_overrides, overrides::create_override))
        .routes(routes!(overrides::delete_override))
        .routes(routes!(features::list_features))
        .routes(routes!(features::get_feature, features::put_feature, features::delete_feature))
        .routes(routes!(catalog::get_price_features, catalog::put_price_features))
        .routes(routes!(catalog::get_product_features, catalog::put_product_features))
        .routes(routes!(policies::get_feature_policy, policies::put_feature_policy))
        .routes(routes!(policies::get_price_policy, policies::put_price_policy))
        .routes(routes!(checkout::create_checkout_session))
        .routes(routes!(portal::create_portal_session))
        .routes(routes!(sync::sync))
        .routes(routes!(events::list_events))
        .routes(routes!(events::get_event))
        .routes(routes!(events::replay_event))
}

/// The document of `/v1`.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    crate::openapi::everywhere(documented().split_for_parts().1)
}

impl ApiState {
    /// What the handlers need, with no key in memory yet.
    #[must_use]
    pub fn new(app: AppState) -> Self {
        let (allowed, denied) = crate::metrics::access_checks();
        let keys = KeyRing::new(Arc::clone(&app.store), Arc::clone(&app.clock));
        Self(Arc::new(Inner { app, keys, allowed, denied }))
    }
}

/// Everything below `/v1`.
pub fn routes(state: ApiState) -> Router {
    let (router, _) = documented().split_for_parts();
    let unknown =
        Router::new().route("/v1", axum::routing::any(no_route)).route("/v1/{*path}", axum::routing::any(no_route));
    router
        .method_not_allowed_fallback(no_method)
        .with_state(state.clone())
        .merge(unknown)
        .layer(middleware::from_fn_with_state(state, guard))
        .layer(axum::extract::DefaultBodyLimit::max(MAX_BODY))
}

async fn no_route(request: Request) -> ApiError {
    let message = format!(
        "Unrecognized request URL ({}: {}). The routes are listed at /docs.",
        request.method(),
        without_keys(request.uri().path())
    );
    ApiError::new(StatusCode::NOT_FOUND, "route_unknown", message)
}

async fn no_method(request: Request) -> ApiError {
    let path = without_keys(request.uri().path());
    let message = format!("{} cannot be used on {path}. The Allow header lists what can.", request.method());
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
}
