//! Stripe's deliveries: verify, store durably, answer. Nothing is decided here, and Stripe is never asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use domain::Timestamp;
use domain::event::Envelope;
use domain::stripe::json::without_nul;
use gateway::signature::{self, Rejection};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use store::Store;
use store::records::{Delivery, Recorded, RejectedDelivery};
use tokio::sync::{mpsc, oneshot};

use crate::auth::rate::{Bucket, Rate, tick};
use crate::error::ApiError;
use crate::metrics;
use crate::state::AppState;

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

async fn receive(State(state): State<AppState>, headers: HeaderMap, body: Result<Bytes, BytesRejection>) -> Response {
    let now = state.now();
    let body = match body {
        Ok(body) => body,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            let message = format!("The body is larger than {MAX_BODY} bytes.");
            return ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message).into_response();
        }
        Err(rejection) => {
            return ApiError::new(StatusCode::BAD_REQUEST, "body_unreadable", rejection.body_text()).into_response();
        }
    };
    let header = headers.get(signature::HEADER).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let tolerance = i64::try_from(state.config.webhook_tolerance.as_secs()).unwrap_or(i64::MAX);
    let verified =
        match signature::verify(&body, header.as_deref(), &state.config.webhook_secrets, now.secs(), tolerance) {
            Ok(verified) => verified,
            Err(Rejection { check, message, tried }) => {
                return reject(&state, now, check.as_str(), message, tried, header, &body).await;
            }
        };
    let tried = vec![verified.secret_name.clone()];
    let delivery = match read(&body) {
        Ok((envelope, payload)) => {
            Delivery { envelope, payload, received_at: now, secret_name: Some(verified.secret_name) }
        }
        Err(message) => return reject(&state, now, "event_malformed", message, tried, header, &body).await,
    };
    match state.intake.record(delivery).await {
        Ok(Recorded::Accepted) => {
            metrics::count_delivery("accepted");
            state.worker.wake();
            axum::Json(json!({"received": true})).into_response()
        }
        Ok(Recorded::Duplicate) => {
            metrics::count_delivery("duplicate");
            axum::Json(json!({"received": true, "duplicate": true})).into_response()
        }
        Err(error) => ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "not_stored", error.to_string()).into_response(),
    }
}

/// The envelope and the body as text that can be kept.
fn read(body: &[u8]) -> Result<(Envelope, String), String> {
    let text = std::str::from_utf8(body).map_err(|error| format!("The body is not UTF-8: {error}."))?;
    let text = without_nul(text);
    let event: Value = serde_json::from_str(&text).map_err(|error| format!("The body is not JSON: {error}."))?;
    let envelope = Envelope::read(&event).map_err(|missing| format!("The body is no Event of Stripe's: {missing}."))?;
    Ok((envelope, text.into_owned()))
}

/// Logs a refused delivery, within bounds, and answers 400 with the check that failed; beyond the bounds slowly.
async fn reject(
    state: &AppState,
    now: Timestamp,
    check: &'static str,
    message: String,
    tried: Vec<String>,
    header: Option<String>,
    body: &Bytes,
) -> Response {
    metrics::count_delivery("rejected");
    if state.intake.rejections.take(REJECTIONS, tick()).allowed {
        let rejected = RejectedDelivery {
            id: 0,
            received_at: now,
            failed_check: check.to_owned(),
            message: message.clone(),
            tried,
            remote: None,
            signature_header: header.map(|header| blank_signatures(&header)),
            body_size: i64::try_from(body.len()).unwrap_or(i64::MAX),
            // PostgreSQL's text takes no NUL.
            body_start: String::from_utf8_lossy(&body[..body.len().min(2000)])
                .replace('\0', "\u{fffd}")
                .chars()
                .take(500)
                .collect(),
        };
        if let Err(error) = state.store.record_rejection(&rejected).await {
            tracing::warn!(%error, "a refused delivery could not be logged");
        }
    } else {
        tokio::time::sleep(REFUSAL_DELAY).await;
    }
    ApiError::new(StatusCode::BAD_REQUEST, check, message).into_response()
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
