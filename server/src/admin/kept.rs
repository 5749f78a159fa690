//! A form that was sent after its session had ended: what was typed waits in the sign-in form, and then stands on its page again.
//! Nothing is kept on the server before somebody has signed in, and no password is kept at all.

use axum::body::{Body, to_bytes};
use axum::response::Response;
use domain::Livemode;
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use tower_sessions::Session;
use tower_sessions::session::Error;
use url::Url;

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

/// A form whose sender has to sign in first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Path and query of its page.
    page: String,
    /// What was typed.
    values: Vec<(String, String)>,
}

impl Kept {
    /// What is worth keeping of a posted form; none when nothing was typed.
    pub async fn of(headers: &HeaderMap, body: Body) -> Option<Self> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        if !text(header::CONTENT_TYPE)?.starts_with("application/x-www-form-urlencoded") {
            return None;
        }
        // The page sends its address along, to its own site alone: `Referrer-Policy: same-origin`.
        let referer = text(header::REFERER).and_then(|referer| Url::parse(referer).ok())?;
        let target = match referer.query() {
            Some(query) => format!("{}?{query}", referer.path()),
            None => referer.path().to_owned(),
        };
        let page = safe_return_to(Some(&target)).to_owned();
        let body = to_bytes(body, MOST_BYTES).await.ok()?;
        let fields = Fields(url::form_urlencoded::parse(&body).into_owned().collect());
        let is_typed = fields.shown().iter().any(|(name, value)| name != "return_to" && !value.trim().is_empty());
        let is_kept =
            |name: &str| name != "csrf" && !["password", "secret", "token"].iter().any(|word| name.contains(word));
        let values = fields.0.into_iter().filter(|(name, _)| is_kept(name)).collect();
        is_typed.then_some(Self { page, values })
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
        session.insert(KEY, Self { page: page.to_owned(), values: fields.shown() }).await
    }

    /// The form as it was typed, when this is its page; it is shown once.
    ///
    /// # Errors
    /// When the session cannot be read.
    pub async fn take(session: &Session, page: &str) -> Result<Option<ui::Form>, Error> {
        let kept: Option<Self> = session.remove(KEY).await?;
        let message = "You had been signed out, and nothing was changed. Look at what you typed, and send it again.";
        let form = |kept: Self| ui::Form { values: kept.values, errors: vec![(String::new(), message.to_owned())] };
        Ok(kept.filter(|kept| kept.page == page).map(form))
    }
}
