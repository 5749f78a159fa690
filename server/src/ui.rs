//! Mounts the pages of the admin app, and puts what they need on each request.

use std::sync::Arc;

use app::context::{Banner, Context, Counts, Flash, Preferences, Saved, Staff};
use app::pages::{Page, problem};
use app::zone::Zone;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use domain::{Livemode, Timestamp};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use leptos::nonce::use_nonce;
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use tower_sessions::Session;

use crate::admin::kept::Kept;
use crate::admin::{flash, mode};
use crate::assets;
use crate::auth::session;
use crate::auth::staff::{Actor, Csrf, safe_return_to};
use crate::pages::{self, Answer, Looking};
use crate::router::{RequestId, catch};
use crate::state::AppState;
use crate::{banner, live, palette};

/// Who looks at a page.
#[derive(Clone)]
pub struct Viewer {
    /// The member of staff, when signed in.
    pub actor: Option<Actor>,
    /// The token of this browser's forms.
    pub csrf: String,
    /// The page that a form stood on, as the browser says.
    pub back: Option<String>,
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
            back: referer(&parts.headers).filter(|page| safe_return_to(Some(page)) == page),
            session: parts.extensions.get::<Session>().cloned(),
            request_id: parts.extensions.get::<RequestId>().map_or_else(String::new, |id| id.0.to_string()),
        }
    }

    /// The session of somebody who is signed in.
    #[must_use]
    pub fn signed_in(&self) -> Option<&Session> {
        self.actor.as_ref().and(self.session.as_ref())
    }

    /// The page that the form stood on in these words, else the overview.
    #[must_use]
    pub fn way_back(&self, words: &str) -> (String, String) {
        match &self.back {
            Some(page) => (words.to_owned(), page.clone()),
            None => ("Overview".to_owned(), "/admin".to_owned()),
        }
    }

    /// The same for a page that needs nothing of the database.
    fn stranger(&self) -> Self {
        Self { actor: None, session: None, ..self.clone() }
    }
}

/// Path and query of the page that a request was made on. The page sends its address along, to its own site alone:
/// `Referrer-Policy: same-origin`.
#[must_use]
pub fn referer(headers: &HeaderMap) -> Option<String> {
    let url = url::Url::parse(headers.get(header::REFERER)?.to_str().ok()?).ok()?;
    Some(match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    })
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
        .route("/admin/meaning", get(crate::admin::until::means))
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

/// A page that says what went wrong. Within the frame, unless it is the server that failed: what the frame reads may be what did.
pub async fn problem(state: &AppState, viewer: &Viewer, status: StatusCode, mut view: problem::View) -> Response {
    view.request_id.clone_from(&viewer.request_id);
    // What the frame leads back to, such as after a switch of the mode, is a page and not a form's address.
    let path = view.ways.first().map_or_else(|| "/admin".to_owned(), |(_, href)| href.clone());
    let mut viewers = vec![viewer.stranger()];
    if !status.is_server_error() {
        viewers.insert(0, viewer.clone());
    }
    for viewer in viewers {
        match show(state, &viewer, &path, Page::Problem(Box::new(view.clone()))).await {
            Ok(mut response) => {
                *response.status_mut() = status;
                return response;
            }
            Err(error) => tracing::error!(request_id = viewer.request_id, "a problem's page failed: {error:#}"),
        }
    }
    (status, format!("{} {}\n", view.sentence, view.advice)).into_response()
}

/// There is no such thing, or not any more.
pub async fn not_there(state: &AppState, viewer: &Viewer, sentence: &str) -> Response {
    let view = problem::View {
        heading: "Not found".into(),
        sentence: sentence.into(),
        advice: "Nothing was changed. Look whether somebody has changed or deleted it since you opened the page."
            .into(),
        ways: vec![viewer.way_back("Open the page again")],
        ..problem::View::default()
    };
    problem(state, viewer, StatusCode::NOT_FOUND, view).await
}

/// The role does not suffice.
pub async fn not_allowed(state: &AppState, viewer: &Viewer, sentence: &str) -> Response {
    let view = problem::View {
        heading: "Not allowed".into(),
        sentence: sentence.into(),
        advice: "Nothing was changed.".into(),
        ways: vec![viewer.way_back("Back")],
        ..problem::View::default()
    };
    problem(state, viewer, StatusCode::FORBIDDEN, view).await
}

/// The database, Stripe or we failed: the log has the cause, the page its request's id.
pub async fn failed(state: &AppState, viewer: &Viewer, error: &anyhow::Error) -> Response {
    tracing::error!(request_id = viewer.request_id, "a page failed: {error:#}");
    problem(state, viewer, StatusCode::INTERNAL_SERVER_ERROR, failure(viewer)).await
}

/// The database does not even say who asks.
pub async fn unavailable(state: &AppState, request_id: Option<&RequestId>, error: &anyhow::Error) -> Response {
    tracing::error!(%error, "a session could not be read");
    let request_id = request_id.map_or_else(String::new, |id| id.0.to_string());
    let viewer = Viewer { actor: None, csrf: String::new(), back: None, session: None, request_id };
    let view = problem::View {
        sentence: "The database does not answer.".into(),
        advice: "Try again in a moment. If it goes on, look at the database and at the log of the program.".into(),
        ..failure(&viewer)
    };
    problem(state, &viewer, StatusCode::SERVICE_UNAVAILABLE, view).await
}

fn failure(viewer: &Viewer) -> problem::View {
    problem::View {
        heading: "Something failed".into(),
        sentence: "Something failed on our side, and nothing was changed.".into(),
        advice: "Try again. If it fails again, look for the request's id in the log of the program: the cause stands beside it.".into(),
        ways: vec![viewer.way_back("Try again")],
        ..problem::View::default()
    }
}

/// A panic is answered as every failure is.
pub async fn unbroken(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let viewer = Viewer::of(&parts);
    let path = parts.uri.path().to_owned();
    match catch(next.run(Request::from_parts(parts, body))).await {
        Ok(response) => response,
        Err(panic) => {
            tracing::error!(request_id = viewer.request_id, path, "a handler panicked: {panic}");
            let view = problem::View {
                sentence: "Something failed on our side, half-way.".into(),
                advice: "Look whether what you wanted was done before you try again. The log of the program has the cause beside the request's id.".into(),
                ..failure(&viewer)
            };
            problem(&state, &viewer, StatusCode::INTERNAL_SERVER_ERROR, view).await
        }
    }
}

/// Renders a page of the app, with a refused form where there is one. `status` stands unless the page has a worse one of its own.
pub async fn render(state: &AppState, viewer: &Viewer, path: &str, form: Option<Form>, status: StatusCode) -> Response {
    let answered = document(state, viewer, path, form.unwrap_or_default()).await;
    let mut response = match answered {
        Ok(response) => response,
        Err(error) => {
            let again = Viewer { back: Some(path.to_owned()), ..viewer.clone() };
            failed(state, &again, &error).await
        }
    };
    if status != StatusCode::OK && response.status() == StatusCode::OK {
        *response.status_mut() = status;
    }
    response
}

/// A page of the app that no address leads to: the answer to a form.
///
/// # Errors
/// When the database cannot be read.
pub async fn show(state: &AppState, viewer: &Viewer, path: &str, page: Page) -> anyhow::Result<Response> {
    let livemode = livemode(state, viewer).await;
    // Who is not signed in is told of nothing new.
    let newest = if viewer.actor.is_some() { state.store.newest_event().await? } else { 0 };
    dress(state, viewer, Frame { livemode, path, form: Form::default(), newest }, page).await
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
    let session = viewer.session.as_ref().map(session::hash_of).unwrap_or_default();
    let view = Looking { state, livemode, path: request.uri().path(), query, session, actor: viewer.actor.as_ref() };
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
    let page = handler(http::Request::get(path).body(Body::empty())?).await;
    state.config.base_path.put_on_page(page).await
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
            undo: flash.undo,
        }),
        banner: banner::worst(store.as_ref(), livemode, &state.config.modes(), state.now()).await?,
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
        webhook_url: state.config.webhook_url(),
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
