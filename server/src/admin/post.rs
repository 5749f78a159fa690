//! One posted form: who sent it, what it holds, and what becomes of it.

use std::collections::HashMap;

use app::pages::Page;
use axum::extract::{FromRequest, FromRequestParts as _, MatchedPath, Path, Request};
use axum::response::{IntoResponse as _, Redirect, Response};
use domain::Livemode;
use http::StatusCode;
use store::records::Author;
use tower_sessions::Session;

use super::fields::Fields;
use super::flash::{self, Flash};
use super::{mode, table};
use crate::auth::staff::{Actor, safe_return_to};
use crate::state::AppState;
use crate::ui;
use crate::worker::SyncError;

/// A form of a signed-in member of staff whose role suffices.
#[derive(Clone)]
pub struct Posted {
    /// What every handler may reach.
    pub state: AppState,
    /// Who sent it.
    pub actor: Actor,
    /// The mode of the page that the form stood on.
    pub livemode: Livemode,
    /// What was filled in.
    pub fields: Fields,
    /// The session.
    pub session: Session,
    params: HashMap<String, String>,
    path: String,
    viewer: ui::Viewer,
}

/// What becomes of a form.
#[derive(Debug)]
pub enum Outcome {
    /// It was done: 303 to a page that says so.
    Done {
        /// Path of the page.
        to: String,
        /// What it says.
        flash: Flash,
    },
    /// It was done, and the answer says what is shown this once: never kept, not even until the next page.
    Shown(Box<Page>),
    /// The page again with what was typed, and what is wrong with it.
    Invalid {
        /// Path of the page.
        page: String,
        /// Field and sentence.
        errors: Vec<(String, String)>,
    },
    /// The page again with what was typed, and nothing wrong with it: it says what would happen.
    Again {
        /// Path of the page.
        page: String,
    },
    /// There is no such thing.
    NotFound,
    /// The role does not suffice for what this form asks.
    Forbidden(String),
    /// The database or Stripe failed.
    Failed(anyhow::Error),
}

impl From<store::Error> for Outcome {
    fn from(error: store::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl Outcome {
    /// One field is wrong.
    #[must_use]
    pub fn invalid(page: impl Into<String>, field: &str, message: impl Into<String>) -> Self {
        Self::Invalid { page: page.into(), errors: vec![(field.to_owned(), message.into())] }
    }

    /// Done.
    #[must_use]
    pub fn done(to: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Done { to: to.into(), flash: Flash::ok(message) }
    }

    /// A read from Stripe failed: the page again, which says why.
    #[must_use]
    pub fn sync_failed(to: impl Into<String>, error: SyncError) -> Self {
        match error {
            SyncError::Store(error) => error.into(),
            other => Self::Done { to: to.into(), flash: Flash::bad(other.to_string()) },
        }
    }
}

impl Posted {
    /// A part of the path, such as an id.
    #[must_use]
    pub fn param(&self, name: &str) -> &str {
        self.params.get(name).map_or("", String::as_str)
    }

    /// The sender as the author of a change made now, with the form's reason.
    #[must_use]
    pub fn author(&self) -> Author {
        self.actor.author(self.fields.opt("reason").map(str::to_owned), self.state.now())
    }

    /// Where the form wants to go afterwards, else `default`. Inside the admin app, whatever the form says.
    #[must_use]
    pub fn back_to(&self, default: &str) -> String {
        match self.fields.opt("return_to") {
            Some(target) => safe_return_to(Some(target)).to_owned(),
            None => default.to_owned(),
        }
    }

    /// Answers.
    pub async fn respond(self, outcome: Outcome) -> Response {
        match outcome {
            Outcome::Done { to, flash } => match flash::put(&self.session, &flash).await {
                Ok(()) => Redirect::to(&to).into_response(),
                Err(error) => ui::failed(&self.viewer, &error.into()),
            },
            Outcome::Invalid { page, errors } => {
                let form = ui::Form { values: self.fields.shown(), errors };
                ui::render(&self.state, &self.viewer, &page, Some(form), StatusCode::UNPROCESSABLE_ENTITY).await
            }
            Outcome::Again { page } => {
                let form = ui::Form { values: self.fields.shown(), errors: vec![] };
                ui::render(&self.state, &self.viewer, &page, Some(form), StatusCode::OK).await
            }
            Outcome::Shown(page) => ui::show(&self.state, &self.viewer, &self.path, *page).await,
            Outcome::NotFound => ui::problem(&self.viewer, StatusCode::NOT_FOUND, "There is no such thing."),
            Outcome::Forbidden(message) => ui::problem(&self.viewer, StatusCode::FORBIDDEN, &message),
            Outcome::Failed(error) => ui::failed(&self.viewer, &error),
        }
    }
}

impl FromRequest<AppState> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let Some(actor) = parts.extensions.get::<Actor>().cloned() else {
            return Err(Redirect::to("/admin/login").into_response());
        };
        let viewer = ui::Viewer::of(&parts);
        let path = parts.uri.path().to_owned();
        let session = Session::from_request_parts(&mut parts, state)
            .await
            .map_err(axum::response::IntoResponse::into_response)?;
        // What the table does not name nobody may do.
        let needed = parts.extensions.get::<MatchedPath>().and_then(|path| table::role_for(path.as_str()));
        if needed.is_none_or(|needed| actor.role < needed) {
            let needed = needed.map_or("another role", |role| role.as_str());
            let message = format!("This needs the role {needed}; yours is {}. An owner can change that.", actor.role);
            return Err(ui::problem(&viewer, StatusCode::FORBIDDEN, &message));
        }
        let params = Path::<HashMap<String, String>>::from_request_parts(&mut parts, state)
            .await
            .map(|path| path.0)
            .unwrap_or_default();
        let fields = Fields::from_request(Request::from_parts(parts, body), state).await?;
        let livemode = match Livemode::parse(fields.get("livemode")) {
            Some(of_page) => {
                mode::show(&session, of_page).await.map_err(|error| ui::failed(&viewer, &error.into()))?;
                of_page
            }
            None => mode::current(&session, state).await,
        };
        Ok(Self { state: state.clone(), actor, livemode, fields, session, params, path, viewer })
    }
}
