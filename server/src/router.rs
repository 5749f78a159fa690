//! Every route of the program, and what surrounds each request: its id, the log, time-outs, and the answer to a panic.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::Poll;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use tower_http::timeout::TimeoutBody;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use crate::api::ApiState;
use crate::auth::api_key::without_keys;
use crate::base_path::BasePath;
use crate::error::ApiError;
use crate::front::Front;
use crate::metrics::{Class, count_request};
use crate::state::AppState;
use crate::telemetry::traces;
use crate::{admin, api, assets, openapi, webhook};

/// How long a client may leave us waiting for the next piece of a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The id of a request, in every error and in the log.
#[derive(Clone, Debug)]
pub struct RequestId(pub Arc<str>);

/// Everything that is served. `/metrics` is left out when it has an address of its own. Called within the runtime.
pub fn front(state: &AppState) -> Front {
    let api = ApiState::new(state.clone());
    let keys = api.keys().clone();
    tokio::spawn(async move { keys.warm().await });
    Front::new(state.config.base_path.clone(), api.clone(), router(state, api))
}

fn router(state: &AppState, api: ApiState) -> Router {
    let operation = Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz));
    let operation =
        if state.config.metrics_listen.is_none() { operation.route("/metrics", get(metrics)) } else { operation };
    Router::new()
        .route("/", get(|| async { Redirect::to("/admin") }))
        .merge(operation)
        .merge(webhook::routes())
        .merge(assets::routes())
        .merge(admin::routes(state))
        .with_state(state.clone())
        .merge(api::routes(api))
        .merge(openapi::routes(&state.config.base_path))
        .fallback(not_found)
        .layer(middleware::from_fn_with_state(state.config.base_path.clone(), observe))
}

/// `/metrics` alone, for its own address.
pub fn metrics_router(state: &AppState) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .with_state(state.clone())
        .layer(middleware::from_fn_with_state(BasePath::default(), observe))
}

async fn healthz() -> Json<serde_json::Value> {
    Json(json!({ "status": "ok" }))
}

async fn readyz(State(state): State<AppState>) -> Result<Json<serde_json::Value>, ApiError> {
    if state.stopping.load(Ordering::Relaxed) {
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", "The program was told to stop."));
    }
    state.store.ping().await?;
    Ok(Json(json!({ "status": "ok" })))
}

async fn metrics(State(state): State<AppState>) -> Response {
    let text = crate::metrics::render(&state).await;
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

async fn not_found(request: Request) -> ApiError {
    let path = without_keys(request.uri().path());
    let message = format!("Unrecognized request URL ({}: {path}).", request.method());
    ApiError::new(StatusCode::NOT_FOUND, "route_unknown", message)
}

/// The header with a request's id.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Cheap and never the same within this process's life; another process starts elsewhere.
pub(crate) fn request_id() -> String {
    static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| {
        let mut bytes = [0; 8];
        // Without randomness ids start at the process's own number, which is still good enough for a log.
        if getrandom::fill(&mut bytes).is_err() {
            bytes[..4].copy_from_slice(&std::process::id().to_le_bytes());
        }
        AtomicU64::new(u64::from_le_bytes(bytes))
    });
    format!("req_{:016x}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The outermost layer.
async fn observe(State(base_path): State<BasePath>, mut request: Request, next: Next) -> Response {
    let id = request_id();
    let method = request.method().clone();
    // For the log, which holds no key, wherever it was sent.
    let path = without_keys(request.uri().path()).into_owned();
    // Access checks and webhooks are too many for a span each.
    let class = Class::of(&path);
    let is_access = path.starts_with("/v1/access");
    let is_hot = is_access || class == Class::Webhook;
    let is_page = path.starts_with("/admin");
    let began = Instant::now();
    if !is_access {
        request.extensions_mut().insert(RequestId(id.as_str().into()));
    }
    if method != Method::GET && method != Method::HEAD {
        request = request.map(|body| Body::new(TimeoutBody::new(BODY_TIMEOUT, body)));
    }
    let is_traced = traces::are_on();
    let span = if is_hot && !is_traced {
        Span::none()
    } else {
        tracing::info_span!("request", request_id = id, %method, path, otel.kind = Empty, otel.name = Empty)
    };
    if is_traced {
        traces::begin_request(&span, request.headers(), method.as_str(), class.as_str());
    }
    let answer = catch(next.run(request).instrument(span.clone())).await;
    let response = answer.unwrap_or_else(|panic| {
        tracing::error!(request_id = id, %method, path, "a handler panicked: {panic}");
        if is_page { panic_page(&base_path, &id) } else { ApiError::panicked().into_response() }
    });
    let mut response = finish(response, &id);
    base_path.put_on_location(&mut response);
    if let Ok(value) = HeaderValue::try_from(id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    if is_traced {
        traces::end_request(&span, response.status());
    }
    count_request(class, response.status(), began);
    tracing::debug!(request_id = id, %method, path, status = response.status().as_u16(), took = ?began.elapsed(), "answered");
    response
}

/// Writes the body of an [`ApiError`].
fn finish(mut response: Response, id: &str) -> Response {
    match response.extensions_mut().remove::<ApiError>() {
        Some(error) => error.render(id, response),
        None => response,
    }
}

/// Runs a future to its end or to its panic.
pub(crate) async fn catch<T>(future: impl Future<Output = T>) -> Result<T, String> {
    let mut future = pin!(future);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(panic) => Poll::Ready(Err(words(panic.as_ref()))),
    })
    .await
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

fn panic_page(base_path: &BasePath, id: &str) -> Response {
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>Something went wrong</title>\
         <main><h1>Something went wrong</h1><p>Look whether what you wanted was done before you try again. The log of the program has the cause \
         under <code>{id}</code>.</p>\
         <p><a href=\"{}\">Back to the overview</a></p></main></html>",
        base_path.put_on("/admin")
    );
    let policy =
        HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    (StatusCode::INTERNAL_SERVER_ERROR, [(header::CONTENT_SECURITY_POLICY, policy)], Html(page)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tower::ServiceExt;

    async fn body(response: Response) -> serde_json::Value {
        let bytes = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[tokio::test]
    async fn a_panic_is_a_500_with_the_requests_id_and_the_next_request_works() {
        async fn boom() {
            panic!("secret detail");
        }
        let router = Router::new()
            .route("/v1/boom", get(boom))
            .route("/admin/boom", get(boom))
            .route("/fine", get(|| async { "fine" }))
            .layer(middleware::from_fn_with_state(BasePath::default(), observe));
        let ask = |path: &'static str| router.clone().oneshot(Request::get(path).body(Body::empty()).unwrap());

        let response = ask("/v1/boom").await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
        let error = &body(response).await["error"];
        assert_eq!((&error["type"], &error["request_id"]), (&json!("api_error"), &json!(id)));
        assert!(!error.to_string().contains("secret detail"));

        let response = ask("/admin/boom").await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/html"));

        assert_eq!(ask("/fine").await.unwrap().status(), StatusCode::OK);
    }

    #[test]
    fn request_ids_differ() {
        assert_ne!(request_id(), request_id());
    }
}
