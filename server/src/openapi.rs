//! The OpenAPI 3.1 document of `/v1`, written by the code itself, and a page for it from files inside the program.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use http::{HeaderValue, header};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder};
use utoipa_swagger_ui::SwaggerUi;

/// The page is its makers' and styles itself from scripts: it gets a policy of its own, and no other page does.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'; object-src 'none'";

/// The document without paths.
#[must_use]
pub fn skeleton() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Tollkeeper")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "May this user use this feature? Answers follow from what Stripe says, the catalog, and overrides. \
             The API key decides the mode: `tk_test_…` or `tk_live_…`. Times are RFC 3339 in UTC. \
             Scopes of keys: `check` (access checks), `read` (every GET), `write` (changes), `admin` (the catalog and denials).",
        ))
        .build();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An API key: `tollkeeper api-key create --name app --mode test`, or the admin app."))
        .build();
    OpenApiBuilder::new()
        .info(info)
        .components(Some(ComponentsBuilder::new().security_scheme("api_key", SecurityScheme::Http(bearer)).build()))
        .security(Some([SecurityRequirement::new("api_key", Vec::<String>::new())]))
        .build()
}

/// `/openapi.json` and `/docs`.
pub fn routes() -> Router {
    let docs = SwaggerUi::new("/docs").url("/openapi.json", crate::api::openapi());
    Router::new().merge(docs).layer(middleware::from_fn(guard))
}

async fn guard(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
