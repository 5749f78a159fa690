//! Mounts the pages of the admin app, and puts what they need on each request.

use std::fmt::Write as _;
use std::sync::Arc;

use app::context::{Banner, Context, Counts, Flash, Preferences, Saved, Staff};
use app::pages::Page;
use app::zone::Zone;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use axum::routing::get;
use domain::{Livemode, Timestamp};
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode, header};
use leptos::nonce::use_nonce;
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use tower_sessions::Session;

use crate::admin::kept::Kept;
use crate::admin::{flash, mode};
use crate::assets;
use crate::auth::staff::{Actor, Csrf};
use crate::pages::{self, Answer, Looking};
use crate::router::RequestId;
use crate::state::AppState;
use crate::{banner, live, palette};

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
            csrf: parts.extensions.get::<Csrf>().map_or_else(String::new, |csrf| csrf.masked().to_owned()),
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
    // Rendering spawns; a second program in this process (a test) finds it done, which is what the error would say.
    let _ = any_spawner::Executor::init_tokio();
    let pages = Router::new()
        .route("/admin", get(page))
        .route("/admin/live", get(live::stream::listen))
        .route("/admin/palette", get(palette::find))
        .route("/admin/{*path}", get(page));
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
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title} · Tollkeeper</title>\
         <link rel=\"stylesheet\" href=\"/pkg/{}/admin.css\"></head><body><main class=\"content\"><h1>{title}</h1><p>{}</p>",
        assets::HASH,
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

/// Renders a page of the app, with a refused form where there is one. `status` stands unless the page has a worse one of its own.
pub async fn render(state: &AppState, viewer: &Viewer, path: &str, form: Option<Form>, status: StatusCode) -> Response {
    let answered = document(state, viewer, path, form.unwrap_or_default()).await;
    let mut response = answered.unwrap_or_else(|error| failed(viewer, &error));
    if status != StatusCode::OK && response.status() == StatusCode::OK {
        *response.status_mut() = status;
    }
    response
}

/// A page of the app that no address leads to: the answer to a form.
pub async fn show(state: &AppState, viewer: &Viewer, path: &str, page: Page) -> Response {
    let livemode = livemode(state, viewer).await;
    let newest = state.store.newest_event().await.unwrap_or_default();
    let frame = Frame { livemode, path, form: Form::default(), newest };
    let shown = dress(state, viewer, frame, page).await;
    shown.unwrap_or_else(|error| failed(viewer, &error))
}

async fn livemode(state: &AppState, viewer: &Viewer) -> Livemode {
    match &viewer.session {
        Some(session) => mode::current(session, state).await,
        None => mode::default(state),
    }
}

async fn document(state: &AppState, viewer: &Viewer, path: &str, form: Form) -> anyhow::Result<Response> {
    let request = http::Request::get(path).body(Body::empty())?;
    let query = Query::of(request.uri());
    // A link can say which mode it is about: ids of users and of features are the same in both.
    let asked = query.get("mode").and_then(Livemode::parse).filter(|_| viewer.actor.is_some());
    let livemode = match (&viewer.session, asked) {
        (Some(session), Some(asked)) => {
            mode::show(session, asked).await?;
            asked
        }
        _ => livemode(state, viewer).await,
    };
    // Before the page is read: what comes meanwhile is rather told twice than never.
    let newest = state.store.newest_event().await?;
    // Who was signed out while typing finds it again.
    let kept = match (&viewer.session, &viewer.actor) {
        (Some(session), Some(_)) if form == Form::default() => Kept::take(session, path).await?,
        _ => None,
    };
    let form = kept.unwrap_or(form);
    let view = Looking { state, livemode, path: request.uri().path(), query, actor: viewer.actor.as_ref() };
    let (status, answer) = pages::load(&view).await?;
    let page = match answer {
        Answer::Page(page) => page,
        Answer::Elsewhere(href) => return Ok(Redirect::to(&href).into_response()),
    };
    let mut response = dress(state, viewer, Frame { livemode, path, form, newest }, *page).await?;
    *response.status_mut() = status;
    Ok(response)
}

/// What the frame around a page depends on besides who looks.
struct Frame<'a> {
    livemode: Livemode,
    path: &'a str,
    form: Form,
    /// The number of the newest event when the page was read.
    newest: i64,
}

/// A page within its frame.
async fn dress(state: &AppState, viewer: &Viewer, frame: Frame<'_>, page: Page) -> anyhow::Result<Response> {
    let path = frame.path.to_owned();
    let context = Arc::new(context(state, viewer, frame).await?);
    let page = Arc::new(page);
    let handler = leptos_axum::render_app_async_with_context(security_policy, move || app::shell(&context, &page));
    Ok(handler(http::Request::get(path).body(Body::empty())?).await)
}

/// What is read for the frame of somebody who is signed in.
#[derive(Default)]
struct Found {
    counts: Counts,
    last_event_at: Option<Timestamp>,
    flash: Option<Flash>,
    banner: Option<Banner>,
    preferences: Preferences,
    saved: Vec<Saved>,
}

async fn found(
    state: &AppState,
    actor: &Actor,
    session: &Session,
    livemode: Livemode,
    path: &str,
) -> anyhow::Result<Found> {
    let store = &state.store;
    let counts = store.nav_counts(livemode).await?;
    let chosen = store.preference(&actor.staff_id).await?;
    let list = path.split('?').next().unwrap_or_default();
    let saved = store.saved_filters(&actor.staff_id, list).await?.into_iter();
    Ok(Found {
        counts: Counts {
            failed_events: counts.failed_events,
            unattributed: counts.unattributed,
            conflicts: counts.conflicts,
            prices_without_features: counts.prices_without_features,
        },
        last_event_at: store.last_receipt(livemode).await?,
        flash: flash::take(session).await?.map(|flash| Flash {
            ok: flash.ok,
            message: flash.message,
            secret: flash.secret,
            undo: flash.undo,
        }),
        banner: banner::worst(store.as_ref(), livemode, state.now()).await?,
        preferences: Preferences {
            theme: chosen.theme,
            density: chosen.density,
            // A zone that a newer program knew.
            zone: Zone::named(&chosen.time_zone).unwrap_or_default(),
            times: chosen.times,
            shortcuts: chosen.shortcuts,
        },
        saved: saved.map(|kept| Saved { id: kept.saved_filter_id, name: kept.name, query: kept.query }).collect(),
    })
}

async fn context(state: &AppState, viewer: &Viewer, frame: Frame<'_>) -> anyhow::Result<Context> {
    let Frame { livemode, path, form, newest } = frame;
    let found = match (&viewer.actor, &viewer.session) {
        (Some(actor), Some(session)) => found(state, actor, session, livemode, path).await?,
        _ => Found::default(),
    };
    Ok(Context {
        staff: viewer.actor.as_ref().map(|actor| Staff {
            name: actor.name.clone(),
            email: actor.email.clone(),
            role: actor.role,
        }),
        livemode,
        without_key: state.gateway(livemode).is_none(),
        csrf: viewer.csrf.clone(),
        flash: found.flash,
        form: app::context::Form { values: form.values, errors: form.errors },
        now: state.now(),
        path: path.to_owned(),
        counts: found.counts,
        last_event_at: found.last_event_at,
        newest_event: newest,
        banner: found.banner,
        preferences: found.preferences,
        saved: found.saved,
        webhook_url: format!("{}/webhooks/stripe", state.config.public_url),
        assets: format!("/pkg/{}", assets::HASH),
        has_wasm: assets::has_wasm(),
    })
}

/// Scripts only with this answer's nonce, everything from here alone, never in a frame.
fn security_policy() {
    let (Some(nonce), Some(response)) = (use_nonce(), use_context::<ResponseOptions>()) else { return };
    let policy = format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    );
    if let Ok(policy) = HeaderValue::try_from(policy) {
        response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
    }
}

/// The query of a page's address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    fn of(uri: &http::Uri) -> Self {
        Self(url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect())
    }

    /// The first value of a name, if it is not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// All of it.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Every value of a name that is not empty.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }
}
