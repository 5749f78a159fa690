//! Who of the staff is asking: looked up for every request, so that a disabled person is out at once.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use domain::Timestamp;
use domain::role::Role;
use http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, header};
use store::records::{Author, Origin};
use subtle::ConstantTimeEq as _;
use tower_sessions::Session;

pub use super::return_to::safe_return_to;
use super::session;
use super::setup::{random_token, sha256_hex};
use crate::admin::kept::Kept;
use crate::router::RequestId;
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
    /// From where this request of theirs comes.
    pub origin: Origin,
}

impl Actor {
    /// This person as the author of a change.
    #[must_use]
    pub fn author(&self, reason: Option<String>, now: Timestamp) -> Author {
        let author = Author::new(format!("staff:{}", self.email), now).because(reason);
        Author { origin: self.origin.clone(), ..author }
    }
}

/// The token that forms of this browser must send back. Signed in, it belongs to the session; before, to a cookie of its own, so that
/// looking at the sign-in page stores nothing.
#[derive(Clone)]
pub struct Csrf {
    token: String,
    masked: String,
}

impl Csrf {
    /// The token of a session or cookie, under a mask of this answer.
    ///
    /// Pages are compressed, and they repeat what an address says: a secret that stood there as it is could be guessed, character by
    /// character, from the length of the answers (<https://breachattack.com>). Under another mask each time it has no length to tell.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn new(token: String) -> anyhow::Result<Self> {
        let mask = random_token()?;
        let masked = mask.clone() + &hex::encode(xor(token.as_bytes(), mask.as_bytes()));
        Ok(Self { token, masked })
    }

    /// What tells this browser from all others, and opens nothing.
    #[must_use]
    pub fn browser_hash(&self) -> String {
        browser_hash(&self.token)
    }

    /// As the forms of this answer carry it.
    #[must_use]
    pub fn masked(&self) -> &str {
        &self.masked
    }

    /// Whether a form carried this token, under whichever mask.
    #[must_use]
    pub fn is_in(&self, sent: &str) -> bool {
        let Some((mask, hidden)) = sent.split_at_checked(MASK) else { return false };
        hex::decode(hidden).is_ok_and(|hidden| bool::from(xor(&hidden, mask.as_bytes()).ct_eq(self.token.as_bytes())))
    }
}

/// What tells the browser with this token against forged forms from all others.
#[must_use]
pub fn browser_hash(token: &str) -> String {
    sha256_hex(&format!("browser:{token}"))
}

/// The length of a mask: of [`random_token`], as the token itself.
const MASK: usize = 64;

fn xor(text: &[u8], mask: &[u8]) -> Vec<u8> {
    text.iter().zip(mask).map(|(a, b)| a ^ b).collect()
}

/// Where the request came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote(pub String);

/// What scripts of our pages ask for by themselves: no use of a session, and no page to come back to.
const ASKED_BY_SCRIPTS: [&str; 3] = ["/admin/live", "/admin/palette", "/admin/meaning"];

fn is_asked_by_script(request: &Request) -> bool {
    ASKED_BY_SCRIPTS.contains(&request.uri().path())
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
    let origin = origin(request.extensions());
    request.extensions_mut().insert(Remote(remote));
    let id = request.extensions().get::<RequestId>().cloned();
    let is_use = !is_asked_by_script(&request);
    match who(&state, &session, is_use).await {
        Ok(Some((actor, csrf, may_go_on))) => {
            if !may_go_on && !leads_to_second_factor(request.uri().path()) {
                return if is_use {
                    Redirect::to("/admin/account/security").into_response()
                } else {
                    (StatusCode::FORBIDDEN, "Set up two-factor sign-in first.\n").into_response()
                };
            }
            let origin = Origin { role: Some(actor.role.as_str().to_owned()), ..origin };
            let actor = Actor { origin, ..actor };
            request.extensions_mut().insert(actor);
            request.extensions_mut().insert(csrf);
            next.run(request).await
        }
        Ok(None) => before_sign_in(&state, request, next).await,
        Err(error) => ui::unavailable(&state, id.as_ref(), &error).await,
    }
}

/// The address and the id of a request, as the audit log notes them.
#[must_use]
pub fn origin(extensions: &Extensions) -> Origin {
    Origin {
        role: None,
        address: extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_string()),
        request_id: extensions.get::<RequestId>().map(|id| id.0.to_string()),
    }
}

/// What opens to somebody who has no second factor and needs one.
fn leads_to_second_factor(path: &str) -> bool {
    let rest = path.strip_prefix("/admin/account/").unwrap_or_default();
    path == "/admin/logout" || matches!(rest.split('/').next(), Some("security" | "2fa" | "passkeys" | "password"))
}

/// Who is signed in, the token of their forms, and whether they have the second factor that their role may need.
async fn who(state: &AppState, session: &Session, is_use: bool) -> anyhow::Result<Option<(Actor, Csrf, bool)>> {
    let Some((staff_id, csrf)) = session::signed_in(session).await? else { return Ok(None) };
    let Some(staff) = state.store.staff_by_id(&staff_id).await?.filter(|staff| staff.disabled_at.is_none()) else {
        session.flush().await?;
        return Ok(None);
    };
    if !session::suffices(state, session, &staff_id).await? {
        return Ok(None);
    }
    if is_use {
        session::note_use(session, state.now()).await?;
    }
    let needs_second = state.config.two_factor_roles.contains(&staff.role);
    let may_go_on = !needs_second || state.store.has_second_factor(&staff_id).await?;
    let actor = Actor { staff_id, email: staff.email, name: staff.name, role: staff.role, origin: Origin::default() };
    Ok(Some((actor, Csrf::new(csrf)?, may_go_on)))
}

async fn before_sign_in(state: &AppState, mut request: Request, next: Next) -> Response {
    if is_asked_by_script(&request) {
        return (StatusCode::UNAUTHORIZED, "Sign in first.\n").into_response();
    }
    let id = request.extensions().get::<RequestId>().cloned();
    let has_owner = match state.store.has_owner().await {
        Ok(has_owner) => has_owner,
        Err(error) => return ui::unavailable(state, id.as_ref(), &error.into()).await,
    };
    let path = request.uri().path();
    let mut kept = None;
    match (has_owner, path) {
        (
            true,
            "/admin/login"
            | "/admin/login/code"
            | "/admin/login/passkey"
            | "/admin/login/passkey/options"
            | "/admin/invite",
        )
        | (false, "/admin/setup" | "/admin/invite") => {}
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
    let (name, path) = session::cookie(&state.config, "tollkeeper-form");
    let known = cookie(request.headers(), &name).filter(|token| token.len() == MASK);
    let is_new = known.is_none();
    let csrf = match known.map_or_else(random_token, Ok).and_then(Csrf::new) {
        Ok(csrf) => csrf,
        Err(error) => return ui::unavailable(state, id.as_ref(), &error).await,
    };
    let token = csrf.token.clone();
    request.extensions_mut().insert(csrf);
    let mut response = match kept {
        Some(kept) => {
            let (parts, _) = request.into_parts();
            let viewer = ui::Viewer::of(&parts);
            kept.ask(state, &viewer).await
        }
        None => next.run(request).await,
    };
    if !is_new {
        return response;
    }
    let secure = if state.config.is_secure() { "; Secure" } else { "" };
    if let Ok(value) = HeaderValue::from_str(&format!("{name}={token}; Path={path}; HttpOnly; SameSite=Lax{secure}")) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_never_shown_as_it_is_and_known_under_each_mask() {
        let token = random_token().unwrap();
        let (one, other) = (Csrf::new(token.clone()).unwrap(), Csrf::new(token.clone()).unwrap());
        assert_ne!(one.masked(), other.masked());
        assert!(!one.masked().contains(&token));
        assert!(one.is_in(other.masked()) && other.is_in(one.masked()));
        let stranger = Csrf::new(random_token().unwrap()).unwrap();
        let cut = &one.masked()[..one.masked().len() - 2];
        for wrong in [stranger.masked(), &token, cut, "", "é"] {
            assert!(!one.is_in(wrong), "{wrong}");
        }
    }

    #[test]
    fn cookies_are_found_by_whole_name() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static("a=1; tollkeeper-form=abc; x-tollkeeper=2"));
        assert_eq!(cookie(&headers, "tollkeeper-form").as_deref(), Some("abc"));
        assert_eq!(cookie(&headers, "tollkeeper"), None);
    }
}
