//! The OpenAPI 3.1 document of `/v1`, written by the code itself, and a page for it from files inside the program.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use http::{HeaderValue, header};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, Content, Header, InfoBuilder, ObjectBuilder, OpenApi, OpenApiBuilder, Ref, RefOr,
    Response as Documented, ResponseBuilder, Server, Type,
};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::base_path::BasePath;

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
             Scopes of keys: `check` (access checks), `read` (every GET), `write` (changes), `admin` (the catalog and denials). \
             Keys may have an end and addresses they are bound to; what refuses one is told by `code`: `api_key_missing`, `api_key_invalid`, \
             `api_key_expired`, `api_key_revoked` (401), `address_not_allowed`, `scope_insufficient` (403), `rate_limited`, \
             `wrong_api_keys` (429). Every answer to a key that may be used says how it stands with its limit, by the headers `RateLimit-Policy` and \
             `RateLimit` of draft-ietf-httpapi-ratelimit-headers.",
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

/// Adds what may happen to every request, since it stands before every handler.
#[must_use]
pub fn everywhere(mut document: OpenApi) -> OpenApi {
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            let responses = &mut operation.responses.responses;
            for (status, description) in [
                ("401", "No key, or one that is mistyped, unknown, revoked or expired"),
                ("403", "The key's scope is too low, or it may not be used from this address"),
            ] {
                responses.insert(status.to_owned(), refusal(description).build().into());
            }
            let too_often = "The key asks too often, or too many wrong keys came from this address";
            let retry = header(Type::Integer, "Seconds after which to try again");
            responses.insert("429".to_owned(), refusal(too_often).header("Retry-After", retry).build().into());
            let policy = "The limit: q requests at once, regained within w seconds, such as \"requests\";q=2000;w=2";
            let standing = "What is left: r requests now, all of them in t seconds, such as \"requests\";r=1999;t=1";
            for (status, response) in responses.iter_mut() {
                if let (true, RefOr::T(Documented { headers, .. })) = (status != "401", response) {
                    headers.insert("RateLimit-Policy".to_owned(), header(Type::String, policy).into());
                    headers.insert("RateLimit".to_owned(), header(Type::String, standing).into());
                }
            }
        }
    }
    document
}

fn refusal(description: &str) -> ResponseBuilder {
    let body = Content::new(Some(Ref::from_schema_name("ErrorOut")));
    ResponseBuilder::new().description(description).content("application/json", body)
}

fn header(kind: Type, description: &str) -> Header {
    utoipa::openapi::HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(kind)))
        .description(Some(description))
        .build()
}

/// `/openapi.json` and `/docs`.
pub fn routes(base_path: &BasePath) -> Router {
    let mut document = crate::api::openapi();
    if !base_path.is_empty() {
        document.servers = Some(vec![Server::new(base_path.as_str())]);
    }
    // The page asks for it from where it stands itself, below whatever path that is.
    let docs = SwaggerUi::new("/docs").url("/openapi.json", document).config(Config::new(["../openapi.json"]));
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
