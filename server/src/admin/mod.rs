//! The admin app's server side: what its pages read, and what its forms do.

pub mod account;
pub mod api_keys;
pub mod backups;
pub mod catalog;
pub mod customers;
pub mod dismissals;
pub mod events;
mod export;
pub mod fields;
pub mod flash;
mod jobs;
pub mod kept;
pub mod mappings;
pub mod mode;
pub mod overrides;
pub mod passkey_sign_in;
pub mod passkeys;
pub mod people;
pub mod policies;
pub mod post;
pub(crate) mod preview;
pub mod replays;
pub mod resyncs;
pub mod second_factor;
pub mod security;
pub mod sign_in;
pub mod staff;
mod step_up;
pub mod table;
pub mod unattributed;
pub mod undo;
pub mod until;
pub mod validator;

use std::sync::Arc;

use axum::response::Redirect;
use axum::routing::{get, post};
use axum::{Extension, Router, middleware};
use http::{Extensions, HeaderMap, StatusCode, Version, header};
use tower_http::compression::CompressionLayer;
use tower_http_csrf::csrf::CsrfLayer;

use crate::auth::limit::SignInLimiter;
use crate::auth::rate::Strangers;
use crate::auth::session;
use crate::auth::staff::authenticate;
use crate::state::AppState;
use crate::ui;

use post::Posted;

/// Everything under `/admin`: the pages, sign-in, and the forms of [`table`].
pub fn routes(state: &AppState) -> Router<AppState> {
    // A page stands at the same path as many a form; where none does, the app says so.
    let mut router = Router::new()
        .route("/admin/login", get(ui::page).post(sign_in::login))
        .route("/admin/login/code", get(sign_in::code_page).post(sign_in::code))
        .route("/admin/login/passkey", get(async || Redirect::to("/admin/login")).post(passkey_sign_in::login))
        .route("/admin/login/passkey/options", post(passkey_sign_in::options))
        .route("/admin/invite", get(ui::page).post(sign_in::enter))
        .route("/admin/setup", get(ui::page).post(sign_in::set_up))
        .route("/admin/logout", get(ui::page).post(sign_in::logout))
        .route("/admin/events/{id}/payload.json", get(events::payload))
        .route("/admin/customers/{id}/person.json", get(people::download));
    for action in table::ACTIONS {
        let run = action.run;
        let handler = async move |posted: Posted| {
            let outcome = run(posted.clone()).await;
            posted.respond(outcome).await
        };
        router = router.route(action.path, get(ui::page).post(handler));
    }
    router = router.route("/admin/export/{file}", get(export::export));
    let forms = guard(router, state)
        .layer(Extension(Arc::new(SignInLimiter::default())))
        .layer(Extension(Arc::new(Strangers::with_passkeys())));
    ui::mount(forms, state)
}

/// What stands before every page and form: headers, no request of other sites', sessions, who is asking, a net.
pub(crate) fn guard(router: Router<AppState>, state: &AppState) -> Router<AppState> {
    router
        .layer(middleware::from_fn_with_state(state.clone(), ui::unbroken))
        .layer(middleware::from_fn_with_state(state.clone(), authenticate))
        .layer(session::layer(state))
        .layer(csrf(state))
        .layer(middleware::from_fn_with_state(state.clone(), ui::headers))
        .layer(CompressionLayer::new().compress_when(is_packed))
}

/// Pages and exports are sent compressed; their one lasting secret is masked, see [`Csrf`](crate::auth::staff::Csrf).
/// A stream of events is not: each has to arrive at once.
fn is_packed(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.starts_with("text/html") || kind.starts_with("text/csv")
}

/// Refuses unsafe requests that a browser says come from another site. A proxy may change `Host`, so the public URL counts as well.
fn csrf(state: &AppState) -> CsrfLayer {
    let layer = CsrfLayer::new();
    match layer.clone().add_trusted_origin(state.config.origin()) {
        Ok(layer) => layer,
        Err(error) => {
            tracing::warn!(%error, "PUBLIC_URL is no origin browsers send");
            layer
        }
    }
}
