//! First run, sign in, sign out.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use domain::role::Role;
use http::{HeaderValue, StatusCode, header};
use store::records::Author;
use tower_sessions::Session;

use super::fields::Fields;
use super::flash::{self, Flash};
use super::kept::Kept;
use super::staff::{account_errors, new_record};
use crate::auth::limit::SignInLimiter;
use crate::auth::staff::{Remote, safe_return_to};
use crate::auth::{password, session, setup};
use crate::state::AppState;
use crate::ui;

/// One answer for a wrong password and for an unknown or disabled account.
const WRONG: &str = "E-mail address or password are wrong.";

/// A form before signing in, with what is needed to show its page again.
struct Sent {
    viewer: ui::Viewer,
    remote: String,
    fields: Fields,
}

async fn read(state: &AppState, request: Request) -> Result<Sent, Response> {
    use axum::extract::FromRequest as _;
    let remote = request.extensions().get::<Remote>().map_or_else(String::new, |remote| remote.0.clone());
    let (parts, body) = request.into_parts();
    let viewer = ui::Viewer::of(&parts);
    let fields = Fields::from_request(Request::from_parts(parts, body), state).await?;
    Ok(Sent { viewer, remote, fields })
}

/// The start of a session, and where it leads.
async fn begin(
    state: &AppState,
    session: &Session,
    staff_id: &str,
    to: &str,
    flash: Option<Flash>,
) -> anyhow::Result<Response> {
    session::sign_in(session, staff_id, state.now()).await?;
    if let Some(flash) = flash {
        flash::put(session, &flash).await?;
    }
    state.store.touch_staff(staff_id, state.now()).await?;
    // Now and then is often enough, and whoever signs in waits anyway.
    state.store.sweep_sessions(state.now()).await?;
    Ok(Redirect::to(to).into_response())
}

/// Signs in.
pub async fn login(
    State(state): State<AppState>,
    Extension(limiter): Extension<Arc<SignInLimiter>>,
    session: Session,
    request: Request,
) -> Response {
    let sent = match read(&state, request).await {
        Ok(sent) => sent,
        Err(refused) => return refused,
    };
    let (email, given) = (sent.fields.get("email"), sent.fields.raw("password"));
    let to = safe_return_to(sent.fields.opt("return_to"));
    let page = format!("/admin/login?return_to={}", super::customers::encoded(to));
    if let Err(seconds) = limiter.begin(email, &sent.remote, state.now()) {
        let message = format!("Too many tries. Try again in {seconds} seconds.");
        let form = ui::Form { values: sent.fields.shown(), errors: vec![(String::new(), message)] };
        let mut response = ui::render(&state, &sent.viewer, &page, Some(form), StatusCode::TOO_MANY_REQUESTS).await;
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        return response;
    }
    let staff = match state.store.staff_by_email(email).await {
        Ok(staff) => staff.filter(|staff| staff.disabled_at.is_none()),
        Err(error) => return ui::failed(&sent.viewer, &error.into()),
    };
    // Nobody's password is longer, and hashing megabytes is work.
    let plausible = given.chars().count() <= password::MAX_CHARS;
    let right = match &staff {
        Some(staff) if plausible => password::verify(given, &staff.password_hash).await,
        _ => {
            password::verify_nobody("nobody's password").await;
            false
        }
    };
    let Some(staff) = staff.filter(|_| right) else {
        tracing::info!(remote = %sent.remote, "a sign-in failed");
        let form = ui::Form { values: sent.fields.shown(), errors: vec![(String::new(), WRONG.to_owned())] };
        return ui::render(&state, &sent.viewer, &page, Some(form), StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    limiter.forgive(email, &sent.remote);
    let began = async {
        let response = begin(&state, &session, &staff.staff_id, to, None).await?;
        Kept::keep(&session, to, &sent.fields).await?;
        anyhow::Ok(response)
    };
    match began.await {
        Ok(response) => response,
        Err(error) => ui::failed(&sent.viewer, &error),
    }
}

/// Makes the first owner and signs them in.
pub async fn set_up(State(state): State<AppState>, session: Session, request: Request) -> Response {
    let sent = match read(&state, request).await {
        Ok(sent) => sent,
        Err(refused) => return refused,
    };
    let fields = &sent.fields;
    let token = fields.get("token").to_owned();
    match setup::is_valid(state.store.as_ref(), &token, state.now()).await {
        Ok(true) => {}
        Ok(false) => {
            let message = "This setup link is not valid any more. Restart Tollkeeper, or run `tollkeeper staff setup-link`, for a new one.";
            let form = ui::Form { values: vec![], errors: vec![(String::new(), message.to_owned())] };
            return ui::render(&state, &sent.viewer, "/admin/setup", Some(form), StatusCode::FORBIDDEN).await;
        }
        Err(error) => return ui::failed(&sent.viewer, &error.into()),
    }
    let (email, new_password) = (fields.get("email").to_lowercase(), fields.raw("password"));
    let errors = account_errors(&email, fields.get("name"), new_password);
    if !errors.is_empty() {
        let form = ui::Form { values: fields.shown(), errors };
        let page = format!("/admin/setup?token={}", super::customers::encoded(&token));
        return ui::render(&state, &sent.viewer, &page, Some(form), StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let made = async {
        let now = state.now();
        let record = new_record(email.clone(), fields.get("name").to_owned(), Role::Owner, new_password, now).await?;
        let author = Author { actor: format!("staff:{email}"), reason: Some("first run".to_owned()), now };
        if !state.store.add_first_owner(&record, &author).await? {
            return Ok(Redirect::to("/admin/login").into_response());
        }
        begin(
            &state,
            &session,
            &record.staff_id,
            "/admin",
            Some(Flash::ok("Welcome. You are the owner of this Tollkeeper.")),
        )
        .await
    };
    match made.await {
        Ok(response) => response,
        Err(error) => ui::failed(&sent.viewer, &error),
    }
}

/// Signs out: the session is gone, here and in the database.
pub async fn logout(State(state): State<AppState>, session: Session, request: Request) -> Response {
    let sent = match read(&state, request).await {
        Ok(sent) => sent,
        Err(refused) => return refused,
    };
    if let Err(error) = session.flush().await {
        return ui::failed(&sent.viewer, &error.into());
    }
    let mut response = Redirect::to("/admin/login").into_response();
    response.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"cache\", \"storage\""));
    response
}
