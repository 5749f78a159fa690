//! Signing in with a passkey: alone, or after the password.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::{HeaderValue, StatusCode, header};
use tower_sessions::Session;

use super::kept::Kept;
use super::sign_in::{CODE_PAGE, Sent, pass_in, read};
use crate::auth::limit::SignInLimiter;
use crate::auth::rate::{Strangers, tick};
use crate::auth::staff::{Csrf, safe_return_to};
use crate::auth::{passkey, session};
use crate::metrics;
use crate::state::AppState;
use crate::ui;

/// What the browser is to sign. It stores nothing but that, for minutes.
pub async fn options(
    State(state): State<AppState>,
    Extension(csrf): Extension<Csrf>,
    Extension(strangers): Extension<Arc<Strangers>>,
    request: Request,
) -> Response {
    let sent = match read(&state, request).await {
        Ok(sent) => sent,
        Err(refused) => return refused,
    };
    // Whoever has no address of their own, as behind a socket, shares one.
    let address = sent.remote.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let standing = strangers.begin(address, tick());
    if !standing.taken.allowed {
        let mut refused = StatusCode::TOO_MANY_REQUESTS.into_response();
        standing.write(refused.headers_mut());
        return refused;
    }
    if passkey::site(&state.config.public_url).is_none() {
        return StatusCode::NOT_FOUND.into_response();
    }
    match passkey::ask(&state, &csrf.browser_hash()).await {
        Ok(json) => ([(header::CONTENT_TYPE, "application/json")], json).into_response(),
        Err(error) => ui::failed(&state, &sent.viewer, &error).await,
    }
}

/// Signs in with it.
pub async fn login(
    State(state): State<AppState>,
    Extension(limiter): Extension<Arc<SignInLimiter>>,
    Extension(csrf): Extension<Csrf>,
    session: Session,
    request: Request,
) -> Response {
    let sent = match read(&state, request).await {
        Ok(sent) => sent,
        Err(refused) => return refused,
    };
    match try_login(&state, &limiter, &csrf, &session, &sent).await {
        Ok(response) => response,
        Err(error) => ui::failed(&state, &sent.viewer, &error).await,
    }
}

async fn try_login(
    state: &AppState,
    limiter: &SignInLimiter,
    csrf: &Csrf,
    session: &Session,
    sent: &Sent,
) -> anyhow::Result<Response> {
    let now = state.now();
    if passkey::site(&state.config.public_url).is_none() {
        return Ok(Redirect::to("/admin/login").into_response());
    }
    let is_second = sent.fields.opt("second").is_some();
    let half = session::half(session, now).await?.filter(|_| is_second);
    if is_second && half.is_none() {
        return Ok(Redirect::to("/admin/login").into_response());
    }
    let (whose, to) = match &half {
        Some((staff_id, to)) => (Some(staff_id.as_str()), safe_return_to(Some(to))),
        None => (None, safe_return_to(sent.fields.opt("return_to"))),
    };
    let page = match whose {
        Some(_) => CODE_PAGE.to_owned(),
        None => format!("/admin/login?return_to={}", super::customers::encoded(to)),
    };
    let refuse = async |message: String, status| {
        let form = ui::Form { values: sent.fields.shown(), errors: vec![(String::new(), message)] };
        ui::render(state, &sent.viewer, &page, Some(form), status).await
    };
    // Whose it is who signs in with a passkey alone is known when it was right.
    let account = match whose {
        Some(staff_id) => state.store.staff_by_id(staff_id).await?.map(|staff| staff.email),
        None => None,
    };
    let account = account.unwrap_or_else(|| format!("passkey from {}", sent.remote));
    if let Err(seconds) = limiter.begin_code(&account, &sent.remote, now) {
        metrics::count_sign_in_failure("throttled");
        let message = format!("Too many tries. Try again in {seconds} seconds.");
        let mut response = refuse(message, StatusCode::TOO_MANY_REQUESTS).await;
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        return Ok(response);
    }
    let signed = passkey::signed(state, &csrf.browser_hash(), whose, sent.fields.raw("passkey")).await?;
    let staff = match signed {
        Some(passkey) => state.store.staff_by_id(&passkey.staff_id).await?.filter(|staff| staff.disabled_at.is_none()),
        None => None,
    };
    let Some(staff) = staff else {
        metrics::count_sign_in_failure("passkey");
        tracing::info!(remote = %sent.remote, "a sign-in with a passkey failed");
        let message = "No account here has this passkey, or it took too long. Try again, or sign in another way.";
        return Ok(refuse(message.to_owned(), StatusCode::UNPROCESSABLE_ENTITY).await);
    };
    limiter.forgive_code(&account, &sent.remote);
    let response = pass_in(state, session, &staff, sent, to, None).await?;
    if half.is_none() {
        Kept::keep(session, to, &sent.fields).await?;
    }
    Ok(response)
}
