//! One call: its attempts, and how answers become errors.

use std::time::{Duration, Instant};

use domain::Timestamp;
use domain::stripe::json::without_nul;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderValue, RETRY_AFTER};
use serde_json::Value;
use stripe_client_core::{RequestBuilder, StripeMethod};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use tracing::Instrument as _;

use super::budget::endpoint;
use super::{Client, retry};
use crate::{Error, Outage};

/// How long Stripe takes, by mode and lane.
pub const REQUEST_DURATION: &str = "tollkeeper_stripe_request_duration_seconds";

/// Longest answer that is read: a page of 100 objects is some hundred kilobytes.
const MAX_ANSWER: usize = 16 * 1024 * 1024;
/// Longest sentence of Stripe's that is kept.
const MAX_MESSAGE: usize = 500;

/// What is asked for, for errors and logs.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    /// `customer`, `subscriptions`, …
    pub(super) what: &'static str,
    /// The object's id, when the request names one in its path: then 404 means that this object does not exist.
    pub(super) id: Option<&'a str>,
}

/// A successful answer.
pub(super) struct Answer {
    pub(super) value: Value,
    pub(super) server_date: Option<Timestamp>,
    pub(super) request_id: Option<String>,
}

/// How one attempt failed.
struct Failure {
    error: Error,
    worth_retrying: bool,
    retry_after: Option<Duration>,
}

impl Client {
    /// Sends a request until it succeeds, fails for good, or the retries are used up. A POST goes with an idempotency key, the given
    /// one or a random one, that is the same in all attempts: Stripe then does at most once what it is asked.
    pub(super) async fn send(
        &self,
        subject: Subject<'_>,
        request: &RequestBuilder,
        key: Option<&str>,
    ) -> Result<Answer, Error> {
        let key = match (request.method, key) {
            (StripeMethod::Post, Some(key)) => Some(idempotency_key(key)?),
            (StripeMethod::Post, None) => Some(idempotency_key(&random_key()?)?),
            _ => None,
        };
        let endpoint = endpoint(request.method, &request.path);
        let mut failed = 0;
        loop {
            let failure = match self.attempt_in_turn(&endpoint, subject, request, key.as_ref()).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            failed += 1;
            let wait = if failure.worth_retrying {
                self.account.config.retry.wait(failed, failure.retry_after, retry::random())
            } else {
                None
            };
            let Some(wait) = wait else {
                return Err(failure.error);
            };
            tracing::info!(what = subject.what, failed, wait_ms = wait.as_millis(), error = %failure.error, "call to Stripe is repeated");
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
        }
    }

    /// Sends a request once, whatever comes of it.
    pub(super) async fn send_once(&self, subject: Subject<'_>, request: &RequestBuilder) -> Result<Answer, Error> {
        let endpoint = endpoint(request.method, &request.path);
        self.attempt_in_turn(&endpoint, subject, request, None).await.map_err(|failure| failure.error)
    }

    /// One attempt when the rate budget allows it.
    async fn attempt_in_turn(
        &self,
        endpoint: &str,
        subject: Subject<'_>,
        request: &RequestBuilder,
        key: Option<&HeaderValue>,
    ) -> Result<Answer, Failure> {
        let account = &self.account;
        let _under_way = account.budget.permit(self.lane, endpoint).await;
        let is_read = matches!(request.method, StripeMethod::Get);
        account.meter.begin(self.lane, is_read, (account.config.now.0)()).map_err(final_failure)?;
        let began = Instant::now();
        let span = tracing::info_span!("stripe request", what = subject.what, id = subject.id, otel.kind = "client");
        let outcome = self.attempt(subject, request, key).instrument(span).await;
        let (mode, lane) = (account.config.key.livemode().as_str(), self.lane.as_str());
        metrics::histogram!(REQUEST_DURATION, "mode" => mode, "lane" => lane).record(began.elapsed());
        account.meter.end(self.lane, outcome.as_ref().err().map(|failure| &failure.error));
        if let Err(Failure { error: Error::RateLimited { reason, retry_after, .. }, .. }) = &outcome {
            account.budget.limited(endpoint, reason.as_deref(), *retry_after);
        }
        outcome
    }

    async fn attempt(
        &self,
        subject: Subject<'_>,
        request: &RequestBuilder,
        key: Option<&HeaderValue>,
    ) -> Result<Answer, Failure> {
        let mut url = format!("{}{}", self.account.root, request.path);
        if let Some(query) = request.query.as_deref().filter(|query| !query.is_empty()) {
            url.push('?');
            url.push_str(query);
        }
        let http = &self.account.http;
        let mut outgoing = match request.method {
            StripeMethod::Get => http.get(url),
            StripeMethod::Post => http.post(url),
            StripeMethod::Delete => http.delete(url),
        };
        if let Some(key) = key {
            outgoing = outgoing.header("idempotency-key", key);
        }
        if let Some(body) = &request.body {
            outgoing = outgoing.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body.clone());
        }
        let now = &self.account.config.now.0;
        let sent = now();
        let mut response = outgoing.send().await.map_err(|error| self.outage(&error, None))?;
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        let server_date = server_date(&headers);
        if let Some(date) = server_date {
            self.account.skew.measure(date, sent, now());
        }
        let request_id = text(&headers, "request-id");
        tracing::debug!(what = subject.what, path = request.path, status, request_id, "Stripe answered");

        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_ANSWER => body.extend_from_slice(&chunk),
                Ok(Some(_)) => {
                    let detail = format!("it is longer than {MAX_ANSWER} bytes");
                    return Err(final_failure(unreadable(subject.what, "", detail, request_id)));
                }
                Ok(None) => break,
                Err(error) => return Err(self.outage(&error, request_id)),
            }
        }
        if !(200..300).contains(&status) {
            return Err(self.refusal(subject, status, &headers, &body));
        }
        let is_no_json = |error: &dyn std::fmt::Display| {
            final_failure(unreadable(subject.what, "", format!("it is not JSON ({error})"), request_id.clone()))
        };
        let text = std::str::from_utf8(&body).map_err(|error| is_no_json(&error))?;
        let value = serde_json::from_str(&without_nul(text)).map_err(|error| is_no_json(&error))?;
        Ok(Answer { value, server_date, request_id })
    }

    /// No answer, or half of one.
    fn outage(&self, error: &reqwest::Error, request_id: Option<String>) -> Failure {
        // The innermost cause says what happened ("connection refused"); the outer ones repeat the URL, which may hold an address.
        let mut cause: &dyn std::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        let cause = if std::ptr::addr_eq(cause, error) {
            "the transport failed".to_owned()
        } else {
            self.clean(&cause.to_string())
        };
        if error.is_builder() {
            return final_failure(Error::NotSent { reason: cause });
        }
        let outage = if error.is_connect() && error.is_timeout() {
            Outage::Connection(format!("no connection within {} ms", self.account.config.connect_timeout.as_millis()))
        } else if error.is_connect() {
            Outage::Connection(cause)
        } else if error.is_timeout() {
            Outage::TimedOut(self.account.config.timeout)
        } else if error.is_request() {
            Outage::Connection(cause)
        } else {
            Outage::Interrupted(cause)
        };
        Failure { error: Error::Unavailable { outage, request_id }, worth_retrying: true, retry_after: None }
    }

    /// An answer that is no success.
    fn refusal(&self, subject: Subject<'_>, status: u16, headers: &HeaderMap, body: &[u8]) -> Failure {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let field = |name: &str| body["error"][name].as_str().map(|text| self.clean(text));
        let message = field("message").unwrap_or_else(|| "it gave no reason.".to_owned());
        let request_id = text(headers, "request-id");
        let should_retry = text(headers, "stripe-should-retry").and_then(|word| word.parse().ok());
        let retry_after =
            text(headers, RETRY_AFTER.as_str()).and_then(|secs| secs.parse().ok()).map(Duration::from_secs);
        let key = || self.account.config.key.redacted();
        let error = match status {
            429 => Error::RateLimited {
                reason: text(headers, "stripe-rate-limited-reason").or_else(|| field("code")),
                retry_after,
                request_id,
            },
            409 | 500.. => Error::Unavailable { outage: Outage::Status(status), request_id },
            _ if should_retry == Some(true) => Error::Unavailable { outage: Outage::Status(status), request_id },
            401 => Error::Unauthorized { key: key(), message, request_id },
            403 => Error::Forbidden { key: key(), permission: permission(&message), message, request_id },
            _ => match subject.id.filter(|_| status == 404) {
                Some(id) => Error::NotFound { what: subject.what, id: id.to_owned(), message },
                None => Error::Refused { status, code: field("code"), message, param: field("param"), request_id },
            },
        };
        Failure { error, worth_retrying: retry::is_worth_retrying(status, should_retry), retry_after }
    }

    /// Text from outside, cut to a bearable length and without our key, should anything echo it.
    fn clean(&self, text: &str) -> String {
        let text = text.replace(self.account.config.key.expose(), &self.account.config.key.redacted());
        match text.char_indices().nth(MAX_MESSAGE) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }
}

const fn final_failure(error: Error) -> Failure {
    Failure { error, worth_retrying: false, retry_after: None }
}

pub(super) fn unreadable(
    what: &'static str,
    path: impl Into<String>,
    detail: impl Into<String>,
    request_id: Option<String>,
) -> Error {
    Error::Unreadable { what, path: path.into(), detail: detail.into(), request_id }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// The permission that a restricted key lacks, by Stripe's name such as `rak_subscription_read`. Stripe's sentence is "Having the
/// 'rak_subscription_read' permission would allow this request to continue." (docs.stripe.com/keys/restricted-api-keys).
fn permission(message: &str) -> Option<String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let mut words = message.split(|c| !is_part(c));
    words.find(|word| word.starts_with("rak_") && word.len() > "rak_".len()).map(str::to_owned)
}

/// HTTP dates are written in the form of mails, with GMT as their zone.
fn server_date(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(DATE)?.to_str().ok()?;
    OffsetDateTime::parse(text, &Rfc2822).ok().map(|date| Timestamp::from_secs(date.unix_timestamp()))
}

/// Stripe takes up to 255 characters. Source: docs.stripe.com/api/idempotent_requests.
fn idempotency_key(key: &str) -> Result<HeaderValue, Error> {
    let wrong =
        || Error::NotSent { reason: "its idempotency key must be 1 to 255 visible ASCII characters".to_owned() };
    if key.is_empty() || key.len() > 255 {
        return Err(wrong());
    }
    HeaderValue::from_str(key).map_err(|_| wrong())
}

/// Without randomness two calls could share a key and the second would get the first one's answer, so this fails instead.
fn random_key() -> Result<String, Error> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|_| Error::NotSent { reason: "this machine gave no random numbers".to_owned() })?;
    Ok(format!("tollkeeper-{}", hex::encode(bytes)))
}
