//! Mounts the pages of the admin app, and puts what they need on each request.

use std::fmt::Write as _;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode, header};
use tower_sessions::Session;

use crate::auth::staff::{Actor, Csrf};
use crate::router::RequestId;
use crate::state::AppState;

/// Who looks at a page.
#[derive(Clone)]
pub struct Viewer {
    /// The member of staff, when signed in.
    pub actor: Option<Actor>,
    /// The token of this browser's forms.
    pub csrf: String,
    session: Option<Session>,
    request_id: String,
}

impl Viewer {
    /// From what the layers put on the request.
    #[must_use]
    pub fn of(parts: &Parts) -> Self {
        Self {
            actor: parts.extensions.get::<Actor>().cloned(),
            csrf: parts.extensions.get::<Csrf>().map_or_else(String::new, |csrf| csrf.0.clone()),
            session: parts.extensions.get::<Session>().cloned(),
            request_id: parts.extensions.get::<RequestId>().map_or_else(String::new, |id| id.0.to_string()),
        }
    }
}

/// A form that was refused: what was typed, and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// Field and what was typed.
    pub values: Vec<(String, String)>,
    /// Field and sentence; an empty field: the form as a whole.
    pub errors: Vec<(String, String)>,
}

/// Adds the pages.
pub fn mount(router: Router<AppState>, state: &AppState) -> Router<AppState> {
    let pages = Router::new().route("/admin", get(page)).route("/admin/{*path}", get(page));
    router.merge(crate::admin::guard(pages, state))
}

/// A page as asked for.
pub async fn page(State(state): State<AppState>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let viewer = Viewer::of(&parts);
    let path = parts.uri.path_and_query().map_or("/admin", |path| path.as_str());
    render(&state, &viewer, path, None, StatusCode::OK).await
}

/// Headers of every answer under `/admin`.
pub async fn headers(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(header::CACHE_CONTROL, "no-store");
    set(header::REFERRER_POLICY, "same-origin");
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=(), usb=()");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    if state.config.is_secure() {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        let nothing =
            HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'");
        headers.insert(header::CONTENT_SECURITY_POLICY, nothing);
    }
    response
}

/// A page that says what went wrong, without any of the app's own pages, which may be what went wrong.
pub fn problem(viewer: &Viewer, status: StatusCode, message: &str) -> Response {
    let title = status.canonical_reason().unwrap_or("Something went wrong");
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title} · Tollkeeper</title>\
         <link rel=\"stylesheet\" href=\"/pkg/{}/admin.css\"></head><body><main class=\"content\"><h1>{title}</h1><p>{}</p>",
        crate::assets::HASH,
        escaped(message)
    );
    if !viewer.request_id.is_empty() {
        // Writing to a string cannot fail.
        let _ = write!(page, "<p>Request <code>{}</code></p>", escaped(&viewer.request_id));
    }
    page.push_str("<p><a href=\"/admin\">Back to the overview</a></p></main></body></html>");
    let policy = HeaderValue::from_static(
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    (status, [(header::CONTENT_SECURITY_POLICY, policy)], Html(page)).into_response()
}

/// The database, Stripe or we failed: the log has the cause, the page its request's id.
pub fn failed(viewer: &Viewer, error: &anyhow::Error) -> Response {
    tracing::error!(request_id = viewer.request_id, "a page failed: {error:#}");
    problem(
        viewer,
        StatusCode::INTERNAL_SERVER_ERROR,
        "Something failed on our side; nothing was changed. The log has the cause.",
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Renders a page of the app, with a refused form where there is one.
pub async fn render(
    _state: &AppState,
    viewer: &Viewer,
    path: &str,
    form: Option<Form>,
    status: StatusCode,
) -> Response {
    let mut page =
        format!("<!doctype html><title>{}</title><input name=\"csrf\" value=\"{}\">", escaped(path), viewer.csrf);
    for (field, message) in form.into_iter().flat_map(|form| form.errors) {
        let _ = write!(page, "<p>{}: {}</p>", escaped(&field), escaped(&message));
    }
    if let Some(session) = &viewer.session
        && let Ok(Some(flash)) = crate::admin::flash::take(session).await
    {
        let _ = write!(page, "<p role=status>{} {}</p>", escaped(&flash.message), flash.secret.unwrap_or_default());
    }
    (status, Html(page)).into_response()
}
