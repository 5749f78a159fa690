//! The webhook log: process again, set aside, and a payload as a file.

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse as _, Response};
use domain::role::Role;
use http::header;
use serde_json::json;
use tower_sessions::Session;

use super::customers::encoded;
use super::flash::Flash;
use super::mode;
use super::overrides::MIN_REASON;
use super::post::{Outcome, Posted};
use crate::state::AppState;
use crate::ui::{self, Viewer};
use crate::worker::SyncError;

/// Processes one event again, whatever its status.
pub async fn replay(posted: Posted) -> Outcome {
    let id = posted.param("id").to_owned();
    match posted.state.store.replay_event(posted.livemode, &id, &posted.author()).await {
        Ok(true) => {
            posted.state.worker.wake();
            Outcome::done(
                posted.back_to(&format!("/admin/events/{}", encoded(&id))),
                format!("{id} is processed again."),
            )
        }
        Ok(false) => Outcome::NotFound,
        Err(error @ store::Error::Removed { .. }) => Outcome::Done {
            to: format!("/admin/events/{}", encoded(&id)),
            flash: Flash::bad(format!("Not processed: {error}.")),
        },
        Err(error) => error.into(),
    }
}

/// Sets a failed event aside.
pub async fn ignore(posted: Posted) -> Outcome {
    let id = posted.param("id").to_owned();
    let page = format!("/admin/events/{}", encoded(&id));
    if posted.fields.get("reason").chars().count() < MIN_REASON {
        let message = format!("Say why, in at least {MIN_REASON} characters.");
        return Outcome::invalid(format!("{page}/ignore"), "reason", message);
    }
    match posted.state.store.ignore_event(posted.livemode, &id, &posted.author()).await {
        Ok(true) => Outcome::done(posted.back_to(&page), format!("{id} is ignored and not tried again.")),
        Ok(false) => Outcome::NotFound,
        Err(error) => error.into(),
    }
}

/// Reads Stripe's list of events for what was never delivered.
pub async fn fetch_missing(posted: Posted) -> Outcome {
    let back = posted.back_to("/admin/events#missed");
    if posted.state.gateway(posted.livemode).is_none() {
        return Outcome::sync_failed(back, SyncError::NoKey(posted.livemode));
    }
    match posted.state.catch_up.ask(posted.livemode, None, Some(&posted.author())).await {
        Ok(()) => {
            Outcome::done(back, "Stripe's list of events is being read; what is missing here comes in by itself.")
        }
        Err(error) => error.into(),
    }
}

/// `GET /admin/events/{id}/payload.json`: what Stripe sent, byte for byte. It may hold personal data, so who takes it is audited.
pub async fn payload(
    State(state): State<AppState>,
    Path(id): Path<String>,
    session: Session,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    let viewer = Viewer::of(&parts);
    let Some(actor) = viewer.actor.as_ref().filter(|actor| actor.role >= Role::Support) else {
        let message = "Payloads may hold personal data: reading them needs the role support. An owner can give it.";
        return ui::not_allowed(&state, &viewer, message).await;
    };
    let livemode = mode::current(&session, &state).await;
    let found = async {
        let event = state.store.event(livemode, &id).await?;
        let Some(event) = event.filter(|event| event.payload_removed_at.is_none()) else { return Ok(None) };
        let author = actor.author(None, state.now());
        let details = json!({ "bytes": event.payload.len() });
        state.store.note_audit(Some(livemode), "event.download", ("event", &id), &details, &author).await?;
        Ok::<_, store::Error>(Some(event))
    };
    match found.await {
        Ok(Some(event)) => {
            let name = format!(
                "attachment; filename=\"{}.json\"",
                event.event_id.replace(|c: char| !c.is_ascii_alphanumeric() && c != '_', "")
            );
            let headers = [(header::CONTENT_TYPE, "application/json".to_owned()), (header::CONTENT_DISPOSITION, name)];
            (headers, event.payload).into_response()
        }
        Ok(None) => {
            ui::not_there(&state, &viewer, "There is no such event in this mode, or its payload is not kept any more.")
                .await
        }
        Err(error) => ui::failed(&state, &viewer, &error.into()).await,
    }
}
