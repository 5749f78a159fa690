//! Who of the staff is asking: looked up for every request, so that a disabled person is out at once.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use domain::Timestamp;
use domain::role::Role;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use store::records::Author;
use tower_sessions::Session;

use super::session;
use super::setup::random_token;
use crate::admin::kept::Kept;
use crate::state::AppState;
use crate::ui;

/// A member of staff who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// `stf_…`
    pub staff_id: String,
    /// E-mail address.
    pub email: String,
    /// Name.
    pub name: String,
    /// Role.
    pub role: Role,
}

impl Actor {
    /// This person as the author of a change.
    #[must_use]
    pub fn author(&self, reason: Option<String>, now: Timestamp) -> Author {
        Author { actor: format!("staff:{}", self.email), reason, now }
    }
}

/// The token that forms of this browser must send back. Signed in, it belongs to the session; before, to a cookie of its own, so that
/// looking at the sign-in page stores nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Csrf(pub String);

/// Where the request came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote(pub String);

const fn csrf_cookie(secure: bool) -> &'static str {
    if secure { "__Host-tollkeeper-form" } else { "tollkeeper-form" }
}

/// Puts [`Actor`] (when signed in), [`Csrf`] and [`Remote`] on the request, and sends those who must sign in first to where they do.
pub async fn authenticate(
    State(state): State<AppState>,
    session: Session,
    mut request: Request,
    next: Next,
) -> Response {
    let remote =
        request.extensions().get::<ConnectInfo<SocketAddr>>().map_or_else(String::new, |info| info.0.ip().to_string());
    request.extensions_mut().insert(Remote(remote));
    match who(&state, &session).await {
        Ok(Some((actor, csrf))) => {
            request.extensions_mut().insert(actor);
            request.extensions_mut().insert(Csrf(csrf));
            next.run(request).await
        }
        Ok(None) => before_sign_in(&state, request, next).await,
        Err(error) => unavailable(&error),
    }
}

async fn who(state: &AppState, session: &Session) -> anyhow::Result<Option<(Actor, String)>> {
    let Some((staff_id, csrf)) = session::signed_in(session).await? else { return Ok(None) };
    let Some(staff) = state.store.staff_by_id(&staff_id).await?.filter(|staff| staff.disabled_at.is_none()) else {
        session.flush().await?;
        return Ok(None);
    };
    session::note_use(session, state.now()).await?;
    Ok(Some((Actor { staff_id, email: staff.email, name: staff.name, role: staff.role }, csrf)))
}

async fn before_sign_in(state: &AppState, mut request: Request, next: Next) -> Response {
    let has_owner = match state.store.has_owner().await {
        Ok(has_owner) => has_owner,
        Err(error) => return unavailable(&error.into()),
    };
    let path = request.uri().path();
    let mut kept = None;
    match (has_owner, path) {
        (true, "/admin/login") | (false, "/admin/setup") => {}
        (true, "/admin/setup") => return Redirect::to("/admin/login").into_response(),
        (false, _) => return Redirect::to("/admin/setup").into_response(),
        (true, _) if request.method() == Method::GET => {
            let target = request.uri().path_and_query().map_or(path, |target| target.as_str());
            let encoded: String = url::form_urlencoded::byte_serialize(target.as_bytes()).collect();
            return Redirect::to(&format!("/admin/login?return_to={encoded}")).into_response();
        }
        (true, _) => {
            let (parts, body) = request.into_parts();
            kept = Kept::of(&parts.headers, body).await;
            if kept.is_none() {
                return Redirect::to("/admin/login").into_response();
            }
            request = Request::from_parts(parts, Body::empty());
        }
    }
    let name = csrf_cookie(state.config.is_secure());
    let given = cookie(request.headers(), name).filter(|token| token.len() == 64);
    let is_new = given.is_none();
    let token = match given.map_or_else(random_token, Ok) {
        Ok(token) => token,
        Err(error) => return unavailable(&error),
    };
    request.extensions_mut().insert(Csrf(token.clone()));
    let mut response = match kept {
        Some(kept) => {
            let (parts, _) = request.into_parts();
            let viewer = ui::Viewer::of(&parts);
            kept.ask(state, &viewer).await
        }
        None => next.run(request).await,
    };
    let secure = if state.config.is_secure() { "; Secure" } else { "" };
    if is_new
        && let Ok(value) = HeaderValue::from_str(&format!("{name}={token}; Path=/; HttpOnly; SameSite=Lax{secure}"))
    {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.flat_map(|value| value.split(';')).find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == name).then(|| value.to_owned())
    })
}

fn unavailable(error: &anyhow::Error) -> Response {
    tracing::error!(%error, "a session could not be read");
    (StatusCode::SERVICE_UNAVAILABLE, "The database does not answer. Try again in a moment.\n").into_response()
}

/// Where to go after signing in: a page of the admin app and nowhere else.
#[must_use]
pub fn safe_return_to(target: Option<&str>) -> &str {
    let inside = |target: &&str| {
        (*target == "/admin" || target.starts_with("/admin/") || target.starts_with("/admin?"))
            && !target.starts_with("/admin/login")
            && !target.contains(['\\', '\r', '\n'])
            && !target.split(['?', '#']).next().unwrap_or_default().contains("//")
    };
    target.filter(inside).unwrap_or("/admin")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn return_to_stays_inside() {
        for good in ["/admin", "/admin/customers/u_1?feature=pro", "/admin?x=1", "/admin/events?next=https://x"] {
            assert_eq!(safe_return_to(Some(good)), good);
        }
        for bad in [
            "https://evil.example",
            "//evil.example",
            "/adminevil",
            "/admin//evil",
            "/admin/\\evil",
            "/",
            "",
            "/admin/login?x",
            "/admin\r\nX: y",
        ] {
            assert_eq!(safe_return_to(Some(bad)), "/admin", "{bad}");
        }
        assert_eq!(safe_return_to(None), "/admin");
    }

    #[test]
    fn cookies_are_found_by_whole_name() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static("a=1; tollkeeper-form=abc; x-tollkeeper=2"));
        assert_eq!(cookie(&headers, "tollkeeper-form").as_deref(), Some("abc"));
        assert_eq!(cookie(&headers, "tollkeeper"), None);
    }
}
