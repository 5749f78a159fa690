//! Stripe's deliveries: verify, store durably, answer. Nothing is decided here, and Stripe is never asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Router};
use domain::Timestamp;
use domain::event::Envelope;
use domain::stripe::json::without_nul;
use gateway::signature::{self, Rejection};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use store::Store;
use store::records::{Delivery, Recorded, RejectedDelivery};
use tokio::sync::{mpsc, oneshot};
use tracing::Instrument as _;

use crate::auth::rate::{Bucket, Rate, tick};
use crate::error::ApiError;
use crate::metrics;
use crate::router::RequestId;
use crate::state::AppState;
use crate::telemetry::traces;

/// The largest body that is taken.
pub const MAX_BODY: usize = 1024 * 1024;
/// Deliveries that may wait for a commit before new ones are asked to come later.
const QUEUE: usize = 4096;
/// Refused deliveries that are written down. In a flood the rest is only counted: each costs a commit, which good ones would wait for.
const REJECTIONS: Rate = Rate { per_second: 5, burst: 100 };
/// How long the others wait for their answer: whoever sends the next one as soon as the last was refused would take all of the processor's time.
const REFUSAL_DELAY: Duration = Duration::from_millis(200);

type Job = (Delivery, oneshot::Sender<Result<Recorded, String>>);

/// Where verified deliveries wait for their commit: whoever comes while one commit is under way shares the next.
#[derive(Clone)]
pub struct Intake {
    queue: mpsc::Sender<Job>,
    /// Deliveries that wait for a commit, those in the one under way included.
    waiting: Arc<AtomicUsize>,
    rejections: Arc<Bucket>,
}

/// The delivery was not stored: Stripe has to send it again.
#[derive(Debug, thiserror::Error)]
#[error("the delivery could not be stored: {0}")]
pub struct NotStored(String);

impl Intake {
    /// Starts the task that commits, at most `batch` deliveries at once. It ends when the last clone is dropped.
    #[must_use]
    pub fn start(store: Arc<dyn Store>, batch: usize) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE);
        tokio::spawn(commit_batches(store, jobs, batch.max(1)));
        Self { queue, waiting: Arc::default(), rejections: Arc::default() }
    }

    /// Whether a delivery waits for its commit.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Returns once the delivery is durable.
    ///
    /// # Errors
    /// When the database refused it, or too many wait already.
    pub async fn record(&self, delivery: Delivery) -> Result<Recorded, NotStored> {
        let (done, answer) = oneshot::channel();
        let _waiting = Waiting::begin(&self.waiting);
        self.queue.try_send((delivery, done)).map_err(|_| NotStored("too many deliveries wait".into()))?;
        answer.await.unwrap_or_else(|_| Err("the program is stopping".into())).map_err(NotStored)
    }
}

/// Counts as long as it lives: whoever asked may hang up at any time.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn commit_batches(store: Arc<dyn Store>, mut jobs: mpsc::Receiver<Job>, batch: usize) {
    let mut waiting: Vec<Job> = Vec::with_capacity(batch);
    while jobs.recv_many(&mut waiting, batch).await > 0 {
        let (deliveries, answers): (Vec<_>, Vec<_>) = waiting.drain(..).unzip();
        match store.record_deliveries(&deliveries).await {
            Ok(recorded) => {
                for (answer, recorded) in answers.into_iter().zip(recorded) {
                    // Whoever asked may have hung up; the delivery is stored all the same.
                    let _ = answer.send(Ok(recorded));
                }
            }
            Err(error) => {
                tracing::error!(%error, deliveries = deliveries.len(), "deliveries could not be stored");
                for answer in answers {
                    let _ = answer.send(Err(error.to_string()));
                }
            }
        }
    }
}

/// `POST /webhooks/stripe`.
pub fn routes() -> Router<AppState> {
    Router::new().route("/webhooks/stripe", post(receive)).layer(DefaultBodyLimit::max(MAX_BODY))
}

async fn receive(
    State(state): State<AppState>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let began = Instant::now();
    let (outcome, response) = match take(&state, &request_id, &headers, body).await {
        Ok(Recorded::Accepted) => ("accepted", axum::Json(json!({"received": true})).into_response()),
        Ok(Recorded::Duplicate) => {
            ("duplicate", axum::Json(json!({"received": true, "duplicate": true})).into_response())
        }
        Err(error) if error.status().is_server_error() => ("failed", error.into_response()),
        Err(error) => ("rejected", error.into_response()),
    };
    metrics::count_delivery(outcome, began.elapsed());
    response
}

/// Verifies and stores one delivery.
async fn take(
    state: &AppState,
    request_id: &str,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Recorded, ApiError> {
    let now = state.now();
    let body = body.map_err(unread)?;
    let header = headers.get(signature::HEADER).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let refused = |reason, message, tried| Refused {
        request_id,
        now,
        reason,
        message,
        tried,
        header: header.as_deref(),
        body: &body,
    };
    let tolerance = i64::try_from(state.config.webhook_tolerance.as_secs()).unwrap_or(i64::MAX);
    let verified =
        match signature::verify(&body, header.as_deref(), &state.config.webhook_secrets, now.secs(), tolerance) {
            Ok(verified) => verified,
            Err(Rejection { check, message, tried }) => {
                return Err(reject(state, refused(check.as_str(), message, tried)).await);
            }
        };
    let (envelope, payload) = match read(&body) {
        Ok(event) => event,
        Err(message) => {
            return Err(reject(state, refused("event_malformed", message, vec![verified.secret_name])).await);
        }
    };
    let event_id = envelope.id.clone();
    let delivery = Delivery { envelope, payload, received_at: now, secret_name: Some(verified.secret_name) };
    let span = traces::span(|| tracing::info_span!("webhook intake", event_id, request_id));
    match state.intake.record(delivery).instrument(span).await {
        Ok(recorded) => {
            tracing::debug!(request_id, event_id, is_new = recorded == Recorded::Accepted, "a delivery was stored");
            if recorded == Recorded::Accepted {
                state.worker.wake();
            }
            Ok(recorded)
        }
        Err(error) => {
            tracing::error!(request_id, event_id, %error, "Stripe was told to send an event again");
            Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "not_stored", error.to_string()))
        }
    }
}

/// Of a body that did not come, or not whole.
fn unread(rejection: BytesRejection) -> ApiError {
    let (status, code, message) = if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", format!("The body is larger than {MAX_BODY} bytes."))
    } else {
        (StatusCode::BAD_REQUEST, "body_unreadable", rejection.body_text())
    };
    metrics::count_rejection(code);
    ApiError::new(status, code, message)
}

/// The envelope and the body as text that can be kept.
fn read(body: &[u8]) -> Result<(Envelope, String), String> {
    let text = std::str::from_utf8(body).map_err(|error| format!("The body is not UTF-8: {error}."))?;
    let text = without_nul(text);
    let event: Value = serde_json::from_str(&text).map_err(|error| format!("The body is not JSON: {error}."))?;
    let envelope = Envelope::read(&event).map_err(|missing| format!("The body is no Event of Stripe's: {missing}."))?;
    Ok((envelope, text.into_owned()))
}

/// A delivery that is not believed.
struct Refused<'a> {
    request_id: &'a str,
    now: Timestamp,
    /// The word of the check that failed.
    reason: &'static str,
    message: String,
    tried: Vec<String>,
    header: Option<&'a str>,
    body: &'a Bytes,
}

/// Writes a refused delivery down, within bounds, and answers 400 with the check that failed; beyond the bounds slowly.
async fn reject(state: &AppState, refused: Refused<'_>) -> ApiError {
    let Refused { request_id, now, reason, message, tried, header, body } = refused;
    metrics::count_rejection(reason);
    if state.intake.rejections.take(REJECTIONS, tick()).allowed {
        tracing::warn!(request_id, reason, "a delivery was refused");
        let rejected = RejectedDelivery {
            id: 0,
            received_at: now,
            failed_check: reason.to_owned(),
            message: message.clone(),
            tried,
            remote: None,
            signature_header: header.map(blank_signatures),
            body_size: i64::try_from(body.len()).unwrap_or(i64::MAX),
            // PostgreSQL's text takes no NUL.
            body_start: String::from_utf8_lossy(&body[..body.len().min(2000)])
                .replace('\0', "\u{fffd}")
                .chars()
                .take(500)
                .collect(),
        };
        if let Err(error) = state.store.record_rejection(&rejected).await {
            tracing::warn!(request_id, %error, "a refused delivery could not be written down");
        }
    } else {
        tokio::time::sleep(REFUSAL_DELAY).await;
    }
    ApiError::new(StatusCode::BAD_REQUEST, reason, message)
}

/// Keeps the scheme and the time, not the signatures: with the body they could be sent again within the tolerance.
fn blank_signatures(header: &str) -> String {
    let parts = header.split(',').map(|part| match part.trim().split_once('=') {
        Some(("t", value)) => format!("t={value}"),
        Some((scheme, _)) => format!("{scheme}=…"),
        None => "…".to_owned(),
    });
    parts.collect::<Vec<_>>().join(",").replace('\0', "\u{fffd}").chars().take(200).collect()
}
