//! A form that was sent in vain: what was typed stands on its page again. After the end of a session it waits in the sign-in form, and
//! nothing is kept on the server before somebody has signed in; else it waits in the session. No password is kept at all.

use axum::body::{Body, to_bytes};
use axum::response::Response;
use domain::Livemode;
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use tower_sessions::Session;
use tower_sessions::session::Error;

use super::customers::encoded;
use super::fields::Fields;
use super::mode;
use crate::auth::staff::safe_return_to;
use crate::state::AppState;
use crate::ui;

/// What is added to the names of the fields while they wait, so that they are none of the sign-in form's own.
const PREFIX: &str = "kept.";
const KEY: &str = "kept";
/// More than this is not carried along.
const MOST_BYTES: usize = 16 * 1024;

const SIGNED_OUT: &str = "You had been signed out, and nothing was changed. Look at what you typed, and send it again.";
const OUT_OF_DATE: &str =
    "This form was out of date, and nothing was changed. Look at what you typed, and send it again.";
const OVERTAKEN: &str =
    "Somebody else was quicker, and nothing of yours was saved. Look at what you typed, and send it again.";

/// A form whose sender has to look at its page again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Path and query of its page.
    page: String,
    /// What was typed.
    values: Vec<(String, String)>,
    /// What is said above it.
    #[serde(default)]
    why: String,
}

/// Whether a field may be kept: no token, no password.
fn is_kept(name: &str) -> bool {
    name != "csrf" && !["password", "secret", "token", "code"].iter().any(|word| name.contains(word))
}

/// Whether anybody would miss it.
fn is_typed(fields: &Fields) -> bool {
    fields.shown().iter().any(|(name, value)| name != "return_to" && !value.trim().is_empty())
}

impl Kept {
    /// What is worth keeping of a posted form; none when nothing was typed.
    pub async fn of(headers: &HeaderMap, body: Body) -> Option<Self> {
        let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        if !kind.starts_with("application/x-www-form-urlencoded") {
            return None;
        }
        let page = safe_return_to(Some(&ui::referer(headers)?)).to_owned();
        let body = to_bytes(body, MOST_BYTES).await.ok()?;
        let fields = Fields(url::form_urlencoded::parse(&body).into_owned().collect());
        let is_typed = is_typed(&fields);
        let values = fields.0.into_iter().filter(|(name, _)| is_kept(name)).collect();
        is_typed.then(|| Self { page, values, why: SIGNED_OUT.to_owned() })
    }

    /// The sign-in page with the form in it.
    pub async fn ask(self, state: &AppState, viewer: &ui::Viewer) -> Response {
        let page = format!("/admin/login?return_to={}", encoded(&self.page));
        let values = self.values.into_iter().map(|(name, value)| (format!("{PREFIX}{name}"), value)).collect();
        let message =
            "You had been signed out, and nothing was changed. Once you have signed in, what you typed is there again.";
        let form = ui::Form { values, errors: vec![(String::new(), message.to_owned())] };
        ui::render(state, viewer, &page, Some(form), StatusCode::UNAUTHORIZED).await
    }

    /// What the sign-in form carried along, kept for the page that it leads to.
    ///
    /// # Errors
    /// When the session cannot be written.
    pub async fn keep(session: &Session, page: &str, sent: &Fields) -> Result<(), Error> {
        let own = |(name, value): &(String, String)| Some((name.strip_prefix(PREFIX)?.to_owned(), value.clone()));
        let values: Vec<(String, String)> = sent.0.iter().filter_map(own).collect();
        if values.is_empty() {
            return Ok(());
        }
        let fields = Fields(values);
        if let Some(livemode) = Livemode::parse(fields.get("livemode")) {
            mode::show(session, livemode).await?;
        }
        session.insert(KEY, Self { page: page.to_owned(), values: fields.shown(), why: SIGNED_OUT.to_owned() }).await
    }

    /// What waits in a session that is about to be made anew.
    ///
    /// # Errors
    /// When the session cannot be read.
    pub async fn waiting(session: &Session) -> Result<Option<Self>, Error> {
        session.get(KEY).await
    }

    /// Waits on in the session that was made anew.
    ///
    /// # Errors
    /// When the session cannot be written.
    pub async fn wait_on(self, session: &Session, livemode: Livemode) -> Result<(), Error> {
        mode::show(session, livemode).await?;
        session.insert(KEY, self).await
    }

    /// Keeps what was typed into a form that is out of date for the page it stood on; false where nobody is signed in, nothing was typed,
    /// or the session cannot be written.
    pub async fn hold(viewer: &ui::Viewer, fields: &Fields) -> bool {
        match (viewer.signed_in(), &viewer.back) {
            (Some(session), Some(page)) => Self::put(session, page, fields, OUT_OF_DATE).await,
            _ => false,
        }
    }

    /// Keeps what was typed into a form about something that somebody else has changed meanwhile, for the page that shows how it is now.
    pub async fn hold_overtaken(session: &Session, page: &str, fields: &Fields) -> bool {
        Self::put(session, page, fields, OVERTAKEN).await
    }

    async fn put(session: &Session, page: &str, fields: &Fields, why: &str) -> bool {
        let values = fields.shown().into_iter().filter(|(name, _)| is_kept(name)).collect();
        let kept = Self { page: page.to_owned(), values, why: why.to_owned() };
        is_typed(fields) && session.insert(KEY, kept).await.is_ok()
    }

    /// The form as it was typed, when this is its page; it is shown once.
    ///
    /// # Errors
    /// When the session cannot be read.
    pub async fn take(session: &Session, page: &str) -> Result<Option<ui::Form>, Error> {
        let kept: Option<Self> = session.remove(KEY).await?;
        let form = |kept: Self| ui::Form { values: kept.values, errors: vec![(String::new(), kept.why)] };
        Ok(kept.filter(|kept| kept.page == page).map(form))
    }
}
