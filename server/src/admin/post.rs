//! One posted form: who sent it, what it holds, and what becomes of it.

use std::collections::HashMap;
use std::sync::Arc;

use app::pages::{Page, problem};
use axum::extract::{FromRequest, FromRequestParts as _, MatchedPath, Path, Request};
use axum::response::{IntoResponse as _, Redirect, Response};
use domain::{Livemode, Timestamp};
use http::StatusCode;
use store::records::{AuditFilter, AuditRecord, Author};
use tower_sessions::Session;

use super::fields::Fields;
use super::flash::{self, Flash};
use super::kept::Kept;
use super::{mode, step_up, table};
use crate::auth::limit::SignInLimiter;
use crate::auth::staff::{Actor, safe_return_to};
use crate::state::AppState;
use crate::ui;
use crate::worker::SyncError;

/// Entries about an object that are looked at, to find one that somebody else made.
const NEWEST: i64 = 20;

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
    /// Counts tries at passwords.
    pub limiter: Arc<SignInLimiter>,
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
    /// It is asked about first: 303 to the page that does.
    Ask {
        /// Path and query of the page.
        page: String,
    },
    /// There is no such thing.
    NotFound,
    /// Somebody else changed what the form is about after its page had been made: nothing is done, and what was typed is kept.
    Overtaken {
        /// Path of the page that shows how it is now.
        page: String,
        /// What they did.
        by: Box<AuditRecord>,
    },
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
    /// Who looks at the answer.
    pub(super) const fn viewer(&self) -> &ui::Viewer {
        &self.viewer
    }

    /// Where the form was posted to.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

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

    /// What somebody else has done to an object since the form's page was made, if anything: the newest entry of the audit log that
    /// `counts`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn overtaken(
        &self,
        (kind, id): (&str, &str),
        counts: impl Fn(&AuditRecord) -> bool,
    ) -> store::Result<Option<Box<AuditRecord>>> {
        // A form that does not say when its page was made was not made by us.
        let Ok(seen) = self.fields.get("seen").parse::<i64>() else { return Ok(None) };
        let filter = AuditFilter {
            livemode: Some(self.livemode),
            object_kind: Some(kind.to_owned()),
            object_id: Some(id.to_owned()),
            from: Some(Timestamp::from_millis(seen.saturating_add(1))),
            limit: NEWEST,
            ..AuditFilter::default()
        };
        let mine = self.author().actor;
        let newest = self.state.store.audit(&filter).await?.data;
        Ok(newest.into_iter().find(|entry| entry.actor != mine && counts(entry)).map(Box::new))
    }

    /// The page that says who was quicker, and leads to how it is now.
    async fn say_overtaken(&self, page: String, by: &AuditRecord) -> Response {
        let is_kept = Kept::hold_overtaken(&self.session, &page, &self.fields).await;
        let advice = if is_kept {
            "Nothing of yours was saved, so that nothing is lost unseen. Look at how it is now: what you typed is still in the form."
        } else {
            "Nothing of yours was done, so that nothing is lost unseen. Look at how it is now."
        };
        let href = format!("/admin/audit/{}", by.audit_id);
        let view = problem::View {
            heading: "Changed meanwhile".into(),
            sentence: "Somebody changed this after you had opened the form.".into(),
            by: Some(problem::By {
                actor: by.actor.clone(),
                action: by.action.clone(),
                object: by.object_id.clone(),
                at: by.at,
                href: href.clone(),
            }),
            advice: advice.into(),
            ways: vec![("See how it is now".into(), page), ("See what was changed".into(), href)],
            ..problem::View::default()
        };
        ui::problem(&self.state, &self.viewer, StatusCode::CONFLICT, view).await
    }

    /// Answers.
    pub async fn respond(self, outcome: Outcome) -> Response {
        match outcome {
            Outcome::Done { to, flash } => match flash::put(&self.session, &flash).await {
                Ok(()) => Redirect::to(&to).into_response(),
                Err(error) => ui::failed(&self.state, &self.viewer, &error.into()).await,
            },
            Outcome::Invalid { page, errors } => {
                let form = ui::Form { values: self.fields.shown(), errors };
                ui::render(&self.state, &self.viewer, &page, Some(form), StatusCode::UNPROCESSABLE_ENTITY).await
            }
            Outcome::Again { page } => {
                let form = ui::Form { values: self.fields.shown(), errors: vec![] };
                ui::render(&self.state, &self.viewer, &page, Some(form), StatusCode::OK).await
            }
            Outcome::Ask { page } => Redirect::to(&page).into_response(),
            Outcome::Shown(page) => match ui::show(&self.state, &self.viewer, &self.path, *page).await {
                Ok(response) => response,
                Err(error) => ui::failed(&self.state, &self.viewer, &error).await,
            },
            Outcome::NotFound => {
                ui::not_there(&self.state, &self.viewer, "What this form is about is not there.").await
            }
            Outcome::Overtaken { page, by } => self.say_overtaken(page, &by).await,
            Outcome::Forbidden(message) => ui::not_allowed(&self.state, &self.viewer, &message).await,
            Outcome::Failed(error) => ui::failed(&self.state, &self.viewer, &error).await,
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
        let action = parts.extensions.get::<MatchedPath>().and_then(|path| table::action(path.as_str()));
        let Some(action) = action.filter(|action| actor.role >= action.role) else {
            let needed = action.map_or("another role", |action| action.role.as_str());
            let message = format!("This needs the role {needed}; yours is {}. An owner can change that.", actor.role);
            return Err(ui::not_allowed(state, &viewer, &message).await);
        };
        let params = Path::<HashMap<String, String>>::from_request_parts(&mut parts, state)
            .await
            .map(|path| path.0)
            .unwrap_or_default();
        let limiter = parts.extensions.get::<Arc<SignInLimiter>>().cloned().unwrap_or_default();
        let fields = Fields::from_request(Request::from_parts(parts, body), state).await?;
        let livemode = match Livemode::parse(fields.get("livemode")) {
            Some(of_page) => {
                if let Err(error) = mode::show(&session, of_page).await {
                    return Err(ui::failed(state, &viewer, &error.into()).await);
                }
                of_page
            }
            None => mode::current(&session, state).await,
        };
        let mut posted = Self { state: state.clone(), actor, livemode, fields, session, limiter, params, path, viewer };
        if action.is_guarded {
            step_up::check(&mut posted).await?;
        }
        Ok(posted)
    }
}
