//! The webhook log.

use axum::extract::State;
use domain::delivery::Undelivered;
use domain::{Livemode, Timestamp};
use serde::Serialize;
use store::records::{AttemptRecord, EventFilter, EventRecord};
use utoipa::ToSchema;

use super::extract::{Path, Query, limit, prefixed};
use super::query::{EventsQuery, statuses};
use super::types::{EffectsOut, List};
use super::{ApiState, Inner};
use crate::auth::api_key::{Key, Read, Write};
use crate::error::{ApiError, ErrorOut};

/// An event of Stripe's.
#[derive(Serialize, ToSchema)]
pub(super) struct EventOut {
    /// `event`
    #[schema(example = "event")]
    object: &'static str,
    #[schema(example = "evt_1NG8Du2eZvKYlo2CUI79vXWy")]
    id: String,
    /// Stripe's type.
    #[serde(rename = "type")]
    #[schema(example = "customer.subscription.updated")]
    kind: String,
    /// `pending`, `processing`, `processed`, `ignored`, `unattributed`, `failed` (will be retried) or `dead` (given up).
    #[schema(example = "processed")]
    status: &'static str,
    livemode: bool,
    /// When it was created, on Stripe's clock.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// When it first came.
    #[schema(value_type = String, format = DateTime)]
    received_at: Timestamp,
    api_version: Option<String>,
    /// The object it is about.
    object_id: Option<String>,
    /// The customer concerned.
    customer_id: Option<String>,
    /// How often it was delivered; 0 for one that was fetched and never came.
    deliveries: i64,
    /// `delivered`, or `fetched` from Stripe's list since it had not been.
    #[schema(example = "delivered")]
    origin: String,
    /// Why it had not been delivered when it was fetched: `type_not_enabled`, `endpoint_disabled`, `endpoint_absent`, `endpoint_newer`,
    /// `not_accepted`, `on_its_way` or `untold`.
    undelivered: Option<&'static str>,
    /// How often it was tried.
    attempt_count: i64,
    /// What was done, in words.
    note: Option<String>,
    /// The last error.
    error: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    next_attempt_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    processed_at: Option<Timestamp>,
    /// What it changed.
    effects: EffectsOut,
    /// Every attempt, oldest first; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<Vec<AttemptOut>>,
}

#[derive(Serialize, ToSchema)]
struct AttemptOut {
    /// `delivery`, `retry`, `replay`, `read` or `mapping`.
    #[schema(example = "delivery")]
    cause: String,
    /// Who, when a person or key started it.
    actor: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    /// Milliseconds.
    took_ms: i64,
    /// The status it ended with.
    outcome: String,
    error: Option<String>,
}

impl From<AttemptRecord> for AttemptOut {
    fn from(attempt: AttemptRecord) -> Self {
        Self {
            cause: attempt.cause,
            actor: attempt.actor,
            started_at: attempt.started_at,
            took_ms: attempt.took_ms,
            outcome: attempt.outcome,
            error: attempt.error,
        }
    }
}

impl EventOut {
    fn new(event: EventRecord, attempts: Option<Vec<AttemptRecord>>) -> Self {
        Self {
            object: "event",
            id: event.event_id,
            kind: event.kind,
            status: event.status.as_str(),
            livemode: event.livemode.is_live(),
            created: event.created,
            received_at: event.received_at,
            api_version: event.api_version,
            object_id: event.object_id,
            customer_id: event.customer_id,
            deliveries: event.deliveries,
            origin: event.origin,
            undelivered: event.undelivered.map(Undelivered::as_str),
            attempt_count: event.attempts,
            note: event.note,
            error: event.error,
            next_attempt_at: event.next_attempt_at,
            processed_at: event.processed_at,
            effects: event.effects.unwrap_or_default().into(),
            attempts: attempts.map(|attempts| attempts.into_iter().map(AttemptOut::from).collect()),
        }
    }
}

/// Stripe's events, newest receipt first.
#[utoipa::path(get, path = "/v1/events", tag = "events", params(EventsQuery), responses(
    (status = 200, description = "The events", body = List<EventOut>),
    (status = 400, description = "A parameter is malformed", body = ErrorOut),
    (status = 401, description = "No key, or not a valid one", body = ErrorOut),
    (status = 403, description = "The key's scope is below read", body = ErrorOut),
))]
pub(super) async fn list_events(
    State(api): State<ApiState>,
    key: Key<Read>,
    Query(query): Query<EventsQuery>,
) -> Result<axum::Json<List<EventOut>>, ApiError> {
    let limit = limit(query.limit)?;
    let statuses = query.status.as_deref().map(statuses).transpose()?.unwrap_or_default();
    if let Some(customer) = &query.customer_id {
        prefixed(customer, "cus_", "customer_id")?;
    }
    let after = match &query.starting_after {
        None => None,
        Some(id) => {
            prefixed(id, "evt_", "starting_after")?;
            let event = api.app.store.event(key.livemode, id).await?;
            let unknown =
                || ApiError::invalid("starting_after", format!("Invalid starting_after: no such event: {id:?}."));
            Some(event.ok_or_else(unknown)?.seq)
        }
    };
    let customers = query.customer_id.into_iter().collect();
    let filter = EventFilter { statuses, kind: query.kind, customers, after, limit, ..EventFilter::default() };
    let page = api.app.store.events(key.livemode, &filter).await?;
    Ok(axum::Json(List::from_page(page, |event| EventOut::new(event, None))))
}

impl Inner {
    async fn event(&self, livemode: Livemode, id: &str) -> Result<EventOut, ApiError> {
        let event = self.app.store.event(livemode, id).await?.ok_or_else(|| ApiError::not_found("event", id))?;
        let attempts = self.app.store.attempts(livemode, id).await?;
        Ok(EventOut::new(event, Some(attempts)))
    }
}

/// An event with its attempts and what it changed.
#[utoipa::path(get, path = "/v1/events/{id}", tag = "events",
    params(("id" = String, Path, description = "Stripe's event, `evt_…`")), responses(
    (status = 200, description = "The event", body = EventOut),
    (status = 400, description = "The id is malformed", body = ErrorOut),
    (status = 401, description = "No key, or not a valid one", body = ErrorOut),
    (status = 403, description = "The key's scope is below read", body = ErrorOut),
    (status = 404, description = "No such event", body = ErrorOut),
))]
pub(super) async fn get_event(
    State(api): State<ApiState>,
    key: Key<Read>,
    Path(id): Path<String>,
) -> Result<axum::Json<EventOut>, ApiError> {
    prefixed(&id, "evt_", "id")?;
    api.event(key.livemode, &id).await.map(axum::Json)
}

/// Processes an event again, whatever its status. Its effects are those of Stripe's newest state, so nothing happens twice.
#[utoipa::path(post, path = "/v1/events/{id}/replay", tag = "events",
    params(("id" = String, Path, description = "Stripe's event, `evt_…`")), responses(
    (status = 200, description = "The event, back in line", body = EventOut),
    (status = 400, description = "The id is malformed", body = ErrorOut),
    (status = 401, description = "No key, or not a valid one", body = ErrorOut),
    (status = 403, description = "The key's scope is below write", body = ErrorOut),
    (status = 404, description = "No such event", body = ErrorOut),
    (status = 409, description = "Its payload is not kept any more", body = ErrorOut),
))]
pub(super) async fn replay_event(
    State(api): State<ApiState>,
    key: Key<Write>,
    Path(id): Path<String>,
) -> Result<axum::Json<EventOut>, ApiError> {
    prefixed(&id, "evt_", "id")?;
    if !api.app.store.replay_event(key.livemode, &id, &api.author(&key, None)).await? {
        return Err(ApiError::not_found("event", &id));
    }
    let event = api.event(key.livemode, &id).await?;
    api.app.worker.wake();
    Ok(axum::Json(event))
}
