//! What stands before `/v1`: whose key a request carries, and whether it may ask now, from here, and for this.

use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use domain::Timestamp;
use domain::role::Scope;
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, Uri, header};
use store::records::{Author, Origin};

use super::ring::{Found, KeyContext, Kind};
use crate::api::ApiState;
use crate::auth::rate::Standing;
use crate::auth::staff::origin;
use crate::error::ApiError;

/// Who asks, or why not.
#[derive(Clone)]
struct Asked(Result<Arc<KeyContext>, ApiError>);

/// Finds out whose key a request carries, and tells in the answer how that key stands with its limit. What refuses it is answered where a
/// handler asks for the key: an address without one is not there, whoever asks.
pub async fn guard(State(api): State<ApiState>, mut request: Request, next: Next) -> Response {
    let from = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    // Without an address nobody could be told apart; the listener always has one.
    let from = from.unwrap_or(IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED));
    let kind = kind(request.method(), request.uri());
    let (asked, standing) = match token(request.headers(), request.uri()) {
        Ok(token) => ask(&api, token, from, kind).await,
        Err(error) => (Err(error), None),
    };
    request.extensions_mut().insert(Asked(asked));
    let mut response = next.run(request).await;
    if let Some(standing) = standing {
        standing.write(response.headers_mut());
    }
    response
}

async fn ask(
    api: &ApiState,
    token: &str,
    from: IpAddr,
    kind: Kind,
) -> (Result<Arc<KeyContext>, ApiError>, Option<Standing>) {
    let refuse = |status, code, message: String| (Err(ApiError::new(status, code, message)), None);
    match api.keys().find(token, from).await {
        Ok(Found::Key(key)) => {
            let standing = key.take(kind);
            let refused = (!standing.taken.allowed).then(|| {
                let message = format!("This API key asks too often. Try again in {} s.", standing.taken.seconds);
                ApiError::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message)
            });
            (refused.map_or(Ok(key), Err), Some(standing))
        }
        Ok(Found::Expired(end)) => {
            refuse(StatusCode::UNAUTHORIZED, "api_key_expired", format!("This API key expired at {end}."))
        }
        Ok(Found::Revoked) => {
            refuse(StatusCode::UNAUTHORIZED, "api_key_revoked", "This API key was revoked.".to_owned())
        }
        Ok(Found::Elsewhere) => {
            let message = format!("This API key may not be used from {}.", from.to_canonical());
            refuse(StatusCode::FORBIDDEN, "address_not_allowed", message)
        }
        Ok(Found::Mistyped) => {
            let message = "This API key is mistyped or cut off: its checksum is wrong.";
            refuse(StatusCode::UNAUTHORIZED, "api_key_invalid", message.to_owned())
        }
        Ok(Found::Unknown) => {
            let message = "This API key is unknown: it is well formed, and was not made here.";
            refuse(StatusCode::UNAUTHORIZED, "api_key_invalid", message.to_owned())
        }
        Ok(Found::Flood(standing)) => {
            let message = format!(
                "Too many wrong API keys came from {}. Try again in {} s.",
                from.to_canonical(),
                standing.taken.seconds
            );
            (Err(ApiError::new(StatusCode::TOO_MANY_REQUESTS, "wrong_api_keys", message)), Some(standing))
        }
        Err(error) => (Err(error.into()), None),
    }
}

fn token<'a>(headers: &'a HeaderMap, uri: &Uri) -> Result<&'a str, ApiError> {
    let refuse = |code, message: &'static str| Err(ApiError::new(StatusCode::UNAUTHORIZED, code, message));
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        if uri.query().is_some_and(|query| query.contains("tk_test_") || query.contains("tk_live_")) {
            let message = "An API key in the address is not used, and may be in the logs of whoever passed it on: revoke it, and send the next one \
                           as the header Authorization: Bearer tk_test_….";
            return refuse("api_key_missing", message);
        }
        return refuse("api_key_missing", "No API key: send the header Authorization: Bearer tk_test_….");
    };
    let token = value.to_str().ok().and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    match token {
        Some(token) => Ok(token),
        None => refuse("api_key_invalid", "The Authorization header must be of the form Bearer tk_test_…."),
    }
}

/// What is answered from memory alone is a check; an explanation or another moment is not.
fn kind(method: &Method, uri: &Uri) -> Kind {
    let plain = |query: &str| !query.split('&').any(|part| part.starts_with("explain=") || part.starts_with("at="));
    let is_check = match (method, uri.path()) {
        (&Method::GET, "/v1/access") => uri.query().is_none_or(plain),
        (&Method::POST, "/v1/access/batch") => true,
        (&Method::GET, path) => path.starts_with("/v1/users/") && path.ends_with("/entitlements"),
        _ => false,
    };
    if is_check { Kind::Check } else { Kind::Request }
}

/// The least scope a handler asks for, as a type.
pub trait Needs: Send + Sync {
    /// The scope.
    const SCOPE: Scope;
}

macro_rules! needs {
    ($($(#[$doc:meta])* $name:ident,)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;
        impl Needs for $name {
            const SCOPE: Scope = Scope::$name;
        }
    )*};
}

needs! {
    /// Access checks.
    Check,
    /// Every GET.
    Read,
    /// Changes.
    Write,
    /// The catalog.
    Admin,
}

/// A request with a valid key of at least this scope: a handler that takes it cannot forget to ask.
#[derive(Clone, Debug)]
pub struct Key<S> {
    context: Arc<KeyContext>,
    origin: Origin,
    needs: PhantomData<S>,
}

impl<S> Key<S> {
    /// The application as the author of a change.
    #[must_use]
    pub fn author(&self, reason: Option<&str>, now: Timestamp) -> Author {
        let author = Author::new(format!("api_key:{}", self.context.api_key_id), now).because(reason);
        Author { origin: self.origin.clone(), ..author }
    }
}

impl<S> std::ops::Deref for Key<S> {
    type Target = KeyContext;

    fn deref(&self) -> &KeyContext {
        &self.context
    }
}

impl KeyContext {
    /// Refuses a scope below `scope`.
    ///
    /// # Errors
    /// 403, which names both scopes.
    pub fn require(&self, scope: Scope) -> Result<(), ApiError> {
        if self.scope >= scope {
            return Ok(());
        }
        let message = format!("This API key has the scope {}; this needs {}.", self.scope.as_str(), scope.as_str());
        Err(ApiError::new(StatusCode::FORBIDDEN, "scope_insufficient", message))
    }
}

impl<S: Needs> FromRequestParts<ApiState> for Key<S> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &ApiState) -> Result<Self, ApiError> {
        // Where nobody has looked, nobody may.
        let Some(Asked(asked)) = parts.extensions.get::<Asked>().cloned() else {
            return Err(ApiError::internal(anyhow::anyhow!("a route of the API stands outside of its guard")));
        };
        let context = asked?;
        context.require(S::SCOPE)?;
        let origin = Origin { role: Some(context.scope.as_str().to_owned()), ..origin(&parts.extensions) };
        Ok(Self { context, origin, needs: PhantomData })
    }
}
