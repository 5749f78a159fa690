//! One person: everything that is kept about them as a file, and its end.

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse as _, Response};
use domain::Livemode;
use domain::role::Role;
use http::header;
use serde_json::{Value, json};
use store::records::{Author, Person, Whom};
use tower_sessions::Session;

use super::customers::path;
use super::mode;
use super::overrides::MIN_REASON;
use super::post::{Outcome, Posted};
use crate::state::AppState;
use crate::ui::{self, Viewer};

/// The person that an id of the path stands for: a user's own, or a Stripe customer's.
///
/// # Errors
/// When the database cannot be read.
pub async fn person_of(state: &AppState, livemode: Livemode, id: &str) -> store::Result<Option<Person>> {
    let is_customer =
        state.store.customer(livemode, id).await?.is_some() || state.store.mapping(livemode, id).await?.is_some();
    let whom = if is_customer { Whom::Customer(id) } else { Whom::User(id) };
    state.store.person(livemode, whom).await
}

/// Everything that is kept about a person, with what is decided about them now.
///
/// # Errors
/// When the database fails.
pub async fn export(state: &AppState, person: &Person, author: &Author) -> store::Result<Value> {
    let store = &state.store;
    // What was asked in the last seconds is in memory alone.
    state.checks.try_settle().await;
    let mut export = store.export_person(person, author).await?;
    let policy = store.options().policy;
    let decisions = person.user_id.as_deref().map(|user_id| {
        let decided = store.index().entitlements(person.livemode, user_id, &policy, author.now);
        let decided = decided.into_iter().map(|(feature, decision)| {
            json!({ "feature": feature, "allowed": decision.allowed, "reason": decision.reason.as_str(), "until": decision.until })
        });
        decided.collect::<Vec<_>>()
    });
    export["decisions"] = json!(decisions.unwrap_or_default());
    Ok(export)
}

/// `GET /admin/customers/{id}/person.json`: it holds the raw payloads of their events, so who takes it is audited.
pub(super) async fn download(
    State(state): State<AppState>,
    Path(id): Path<String>,
    session: Session,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    let viewer = Viewer::of(&parts);
    let Some(actor) = viewer.actor.as_ref().filter(|actor| actor.role >= Role::Support) else {
        let message = "An export holds personal data: it needs the role support. An owner can give it.";
        return ui::not_allowed(&state, &viewer, message).await;
    };
    let livemode = mode::current(&session, &state).await;
    let found = async {
        let Some(person) = person_of(&state, livemode, &id).await? else { return Ok(None) };
        export(&state, &person, &actor.author(None, state.now())).await.map(Some)
    };
    match found.await {
        Ok(Some(export)) => {
            let name = id.replace(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-'), "");
            let name = format!("attachment; filename=\"tollkeeper-{name}-{livemode}.json\"");
            let headers = [(header::CONTENT_TYPE, "application/json".to_owned()), (header::CONTENT_DISPOSITION, name)];
            (headers, format!("{export:#}")).into_response()
        }
        Ok(None) => ui::not_there(&state, &viewer, "Nothing is kept about such a person in this mode.").await,
        Err(error) => ui::failed(&state, &viewer, &error.into()).await,
    }
}

/// Erases what names a person.
pub async fn erase(posted: Posted) -> Outcome {
    let id = posted.param("id").to_owned();
    let (state, livemode) = (&posted.state, posted.livemode);
    let person = match person_of(state, livemode, &id).await {
        Ok(Some(person)) => person,
        Ok(None) => return Outcome::NotFound,
        Err(error) => return error.into(),
    };
    let page = format!("{}/erase", path(&id));
    let mut errors = vec![];
    if posted.fields.get("typed_id") != person.id() {
        errors.push(("typed_id".to_owned(), format!("Type {} to confirm.", person.id())));
    }
    if posted.fields.get("reason").chars().count() < MIN_REASON {
        errors.push(("reason".to_owned(), format!("Say why, in at least {MIN_REASON} characters.")));
    }
    if !errors.is_empty() {
        return Outcome::Invalid { page, errors };
    }
    // What was asked in the last seconds is in memory alone, and would be written down afterwards.
    state.checks.try_settle().await;
    let erased = match state.store.erase(&person, &posted.author()).await {
        Ok(erased) => erased,
        Err(error) => return error.into(),
    };
    let to = if state.store.index().facts(livemode, &erased.pseudonym).is_some() {
        path(&erased.pseudonym)
    } else {
        person.customer_ids.first().map_or_else(|| "/admin/customers".to_owned(), |customer| path(customer))
    };
    let message = format!(
        "Erased: {} events and {} entries of the audit log. What was decided is kept under {}.",
        erased.events, erased.audit_entries, erased.pseudonym
    );
    Outcome::done(to, message)
}
