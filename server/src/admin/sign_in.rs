//! First run, sign in, sign out.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use domain::role::Role;
use http::{HeaderValue, StatusCode, header};
use serde_json::json;
use store::records::{Author, Origin, StaffRecord};
use tower_sessions::Session;

use super::fields::Fields;
use super::flash::{self, Flash};
use super::kept::Kept;
use super::mode;
use super::staff::{account_errors, new_record};
use crate::auth::limit::SignInLimiter;
use crate::auth::session::Device;
use crate::auth::staff::{Actor, Remote, origin, safe_return_to};
use crate::auth::{links, password, second, session, setup};
use crate::metrics;
use crate::state::AppState;
use crate::ui;

pub(super) const CODE_PAGE: &str = "/admin/login/code";

/// One answer for a wrong password and for an unknown or disabled account.
const WRONG: &str = "E-mail address or password are wrong.";

/// A form before signing in, with what is needed to show its page again.
pub(super) struct Sent {
    pub(super) viewer: ui::Viewer,
    pub(super) remote: String,
    origin: Origin,
    device: Device,
    pub(super) fields: Fields,
}

pub(super) async fn read(state: &AppState, request: Request) -> Result<Sent, Response> {
    use axum::extract::FromRequest as _;
    let remote = request.extensions().get::<Remote>().map_or_else(String::new, |remote| remote.0.clone());
    let origin = origin(request.extensions());
    let (parts, body) = request.into_parts();
    let device = Device::of(remote.clone(), &parts.headers);
    let viewer = ui::Viewer::of(&parts);
    let fields = Fields::from_request(Request::from_parts(parts, body), state).await?;
    Ok(Sent { viewer, remote, origin, device, fields })
}

/// The start of a session, and where it leads.
async fn begin(
    state: &AppState,
    session: &Session,
    staff_id: &str,
    device: &Device,
    to: &str,
    flash: Option<Flash>,
) -> anyhow::Result<Response> {
    session::sign_in(session, staff_id, device, state.now()).await?;
    if let Some(flash) = flash {
        flash::put(session, &flash).await?;
    }
    state.store.touch_staff(staff_id, state.now()).await?;
    // Now and then is often enough, and whoever signs in waits anyway.
    state.store.sweep_sessions(state.now()).await?;
    Ok(Redirect::to(to).into_response())
}

/// Lets somebody in whose password or link was right: at once, or after the code of their second factor.
async fn let_in(
    state: &AppState,
    session: &Session,
    staff: &StaffRecord,
    sent: &Sent,
    to: &str,
    flash: Option<Flash>,
) -> anyhow::Result<Response> {
    if state.store.has_second_factor(&staff.staff_id).await? {
        session::sign_in_half(session, &staff.staff_id, to, state.now()).await?;
        return Ok(Redirect::to(CODE_PAGE).into_response());
    }
    note_session(state, "staff.sign_in", staff, sent.origin.clone()).await?;
    begin(state, session, &staff.staff_id, &sent.device, to, flash).await
}

/// Lets somebody in who gave a second factor. What was typed before the end of an earlier session waits on.
pub(super) async fn pass_in(
    state: &AppState,
    session: &Session,
    staff: &StaffRecord,
    sent: &Sent,
    to: &str,
    flash: Option<Flash>,
) -> anyhow::Result<Response> {
    let (kept, livemode) = (Kept::waiting(session).await?, mode::current(session, state).await);
    note_session(state, "staff.sign_in", staff, sent.origin.clone()).await?;
    let response = begin(state, session, &staff.staff_id, &sent.device, to, flash).await?;
    session::pass(session).await?;
    if let Some(kept) = kept {
        kept.wait_on(session, livemode).await?;
    }
    Ok(response)
}

/// Asks for the code of who gave the right password.
pub async fn code_page(State(state): State<AppState>, session: Session, request: Request) -> Response {
    match session::half(&session, state.now()).await {
        Ok(Some(_)) => ui::page(State(state), request).await,
        Ok(None) => Redirect::to("/admin/login").into_response(),
        Err(error) => ui::failed(&state, &ui::Viewer::of(&request.into_parts().0), &error.into()).await,
    }
}

/// Signs in who gave the right password, by a code of the authenticator or a recovery code.
pub async fn code(
    State(state): State<AppState>,
    Extension(limiter): Extension<Arc<SignInLimiter>>,
    session: Session,
    request: Request,
) -> Response {
    let sent = match read(&state, request).await {
        Ok(sent) => sent,
        Err(refused) => return refused,
    };
    match try_code(&state, &limiter, &session, &sent).await {
        Ok(response) => response,
        Err(error) => ui::failed(&state, &sent.viewer, &error).await,
    }
}

async fn try_code(
    state: &AppState,
    limiter: &SignInLimiter,
    session: &Session,
    sent: &Sent,
) -> anyhow::Result<Response> {
    let now = state.now();
    let again = || Ok(Redirect::to("/admin/login").into_response());
    let Some((staff_id, to)) = session::half(session, now).await? else { return again() };
    let staff = state.store.staff_by_id(&staff_id).await?.filter(|staff| staff.disabled_at.is_none());
    let factor = state.store.second_factor(&staff_id).await?.filter(|factor| factor.confirmed_at.is_some());
    // The account was disabled or the factor taken away meanwhile.
    let Some(staff) = staff else { return again() };
    if !state.store.has_second_factor(&staff_id).await? {
        return again();
    }
    let refuse = async |field: &str, message: String, status| {
        let form = ui::Form { values: vec![], errors: vec![(field.to_owned(), message)] };
        ui::render(state, &sent.viewer, CODE_PAGE, Some(form), status).await
    };
    if let Err(seconds) = limiter.begin_code(&staff.email, &sent.remote, now) {
        metrics::count_sign_in_failure("throttled");
        let message = format!("Too many tries. Try again in {seconds} seconds.");
        let mut response = refuse("", message, StatusCode::TOO_MANY_REQUESTS).await;
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        return Ok(response);
    }
    let (field, is_right) = if let Some(typed) = sent.fields.opt("recovery_code") {
        let origin = Origin { role: Some(staff.role.as_str().to_owned()), ..sent.origin.clone() };
        let author = Author { origin, ..Author::new(format!("staff:{}", staff.email), now) };
        ("recovery_code", second::use_recovery_code(state, &staff_id, typed, &author).await?)
    } else {
        let is_right = match &factor {
            Some(factor) => second::use_code(state, &staff_id, factor, sent.fields.get("code"), now).await?,
            None => false,
        };
        ("code", is_right)
    };
    if !is_right {
        metrics::count_sign_in_failure("code");
        tracing::warn!(remote = %sent.remote, staff_id, "a wrong code after the right password");
        let message = if field == "code" {
            "This code is wrong, or was used already. Wait for the next one."
        } else {
            "This recovery code is wrong, or was used already."
        };
        return Ok(refuse(field, message.to_owned(), StatusCode::UNPROCESSABLE_ENTITY).await);
    }
    limiter.forgive_code(&staff.email, &sent.remote);
    let left = state.store.recovery_codes_left(&staff_id).await?;
    let flash = (field == "recovery_code").then(|| {
        let words = if left == 1 { "One is left.".to_owned() } else { format!("{left} are left.") };
        Flash::ok(format!("That recovery code is used up. {words} Make new ones on the Security page."))
    });
    pass_in(state, session, &staff, sent, safe_return_to(Some(&to)), flash).await
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
        metrics::count_sign_in_failure("throttled");
        let message = format!("Too many tries. Try again in {seconds} seconds.");
        let form = ui::Form { values: sent.fields.shown(), errors: vec![(String::new(), message)] };
        let mut response = ui::render(&state, &sent.viewer, &page, Some(form), StatusCode::TOO_MANY_REQUESTS).await;
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        return response;
    }
    let staff = match state.store.staff_by_email(email).await {
        Ok(staff) => staff.filter(|staff| staff.disabled_at.is_none()),
        Err(error) => return ui::failed(&state, &sent.viewer, &error.into()).await,
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
        metrics::count_sign_in_failure("password");
        tracing::info!(remote = %sent.remote, "a sign-in failed");
        let form = ui::Form { values: sent.fields.shown(), errors: vec![(String::new(), WRONG.to_owned())] };
        return ui::render(&state, &sent.viewer, &page, Some(form), StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    limiter.forgive(email, &sent.remote);
    let began = async {
        if password::is_outdated(&staff.password_hash) {
            let renewed = password::hash(given).await?;
            state.store.rehash_password(&staff.staff_id, &staff.password_hash, &renewed).await?;
        }
        let response = let_in(&state, &session, &staff, &sent, to, None).await?;
        Kept::keep(&session, to, &sent.fields).await?;
        anyhow::Ok(response)
    };
    match began.await {
        Ok(response) => response,
        Err(error) => ui::failed(&state, &sent.viewer, &error).await,
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
        Err(error) => return ui::failed(&state, &sent.viewer, &error.into()).await,
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
        let author = Author::new(format!("staff:{email}"), now).because(Some("first run"));
        let author = Author { origin: sent.origin.clone(), ..author };
        if !state.store.add_first_owner(&record, &author).await? {
            return Ok(Redirect::to("/admin/login").into_response());
        }
        begin(
            &state,
            &session,
            &record.staff_id,
            &sent.device,
            "/admin",
            Some(Flash::ok("Welcome. You are the owner of this Tollkeeper.")),
        )
        .await
    };
    match made.await {
        Ok(response) => response,
        Err(error) => ui::failed(&state, &sent.viewer, &error).await,
    }
}

/// Somebody chooses a password by the link they were given, and is signed in with it.
pub async fn enter(State(state): State<AppState>, session: Session, request: Request) -> Response {
    let sent = match read(&state, request).await {
        Ok(sent) => sent,
        Err(refused) => return refused,
    };
    let (token, chosen, name) = (sent.fields.get("token"), sent.fields.raw("password"), sent.fields.get("name"));
    let page = format!("/admin/invite?token={}", super::customers::encoded(token));
    let known = match links::find(state.store.as_ref(), token, state.now()).await {
        Ok(Some(known)) => known,
        // The page says so by itself.
        Ok(None) => return ui::render(&state, &sent.viewer, &page, None, StatusCode::FORBIDDEN).await,
        Err(error) => return ui::failed(&state, &sent.viewer, &error.into()).await,
    };
    let (_, staff) = known;
    let errors = account_errors(&staff.email, name, chosen);
    if !errors.is_empty() {
        let form = ui::Form { values: sent.fields.shown(), errors };
        return ui::render(&state, &sent.viewer, &page, Some(form), StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let entered = async {
        let hash = password::hash(chosen).await?;
        let origin = Origin { role: Some(staff.role.as_str().to_owned()), ..sent.origin.clone() };
        let author = Author { origin, ..Author::new(format!("staff:{}", staff.email), state.now()) };
        if !state.store.use_staff_link(&setup::sha256_hex(token), name, &hash, &author).await? {
            return Ok(ui::render(&state, &sent.viewer, &page, None, StatusCode::FORBIDDEN).await);
        }
        let welcome = Flash::ok(format!("Welcome. You are signed in as {}.", staff.email));
        let_in(&state, &session, &staff, &sent, "/admin", Some(welcome)).await
    };
    match entered.await {
        Ok(response) => response,
        Err(error) => ui::failed(&state, &sent.viewer, &error).await,
    }
}

/// Notes in the audit log that somebody came or went.
async fn note_session(state: &AppState, action: &str, staff: &StaffRecord, origin: Origin) -> store::Result<()> {
    let origin = Origin { role: Some(staff.role.as_str().to_owned()), ..origin };
    let author = Author { origin, ..Author::new(format!("staff:{}", staff.email), state.now()) };
    state.store.note_audit(None, action, ("staff", &staff.staff_id), &json!({}), &author).await
}

/// Signs out: the session is gone, here and in the database.
pub async fn logout(State(state): State<AppState>, session: Session, request: Request) -> Response {
    let actor = request.extensions().get::<Actor>().cloned();
    let sent = match read(&state, request).await {
        Ok(sent) => sent,
        Err(refused) => return refused,
    };
    if let Err(error) = session.flush().await {
        return ui::failed(&state, &sent.viewer, &error.into()).await;
    }
    if let Some(actor) = actor {
        let author = actor.author(None, state.now());
        let noted =
            state.store.note_audit(None, "staff.sign_out", ("staff", &actor.staff_id), &json!({}), &author).await;
        // They are out, whatever becomes of the note.
        if let Err(error) = noted {
            tracing::error!(%error, "a sign-out could not be noted");
        }
    }
    let mut response = Redirect::to("/admin/login").into_response();
    // It is about the whole host: below a path, its neighbours' data would go as well.
    if state.config.base_path.is_empty() {
        response.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"cache\", \"storage\""));
    }
    response
}
