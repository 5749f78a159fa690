//! Traces by OpenTelemetry: spans of requests, deliveries, rounds of processing and calls to Stripe, sent to a collector over HTTP.
//!
//! Switched off unless `OTEL_EXPORTER_OTLP_ENDPOINT` is set, and then nothing of it is asked but one flag. The protocol is
//! `http/protobuf`, sent by the HTTP client that is here anyway; the other standard variables (`OTEL_SERVICE_NAME`,
//! `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_TRACES_SAMPLER`, `OTEL_BSP_…`) are read by the library itself.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use http::{HeaderMap, Request, Response, StatusCode};
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{Span as _, Status, Tracer as _, TracerProvider as _};
use opentelemetry::{KeyValue, trace::SpanKind};
use opentelemetry_http::{Bytes, HeaderExtractor, HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use std::sync::OnceLock;
use store::records::Round;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use url::Url;

/// How long the collector may take.
const PATIENCE: Duration = Duration::from_secs(10);

static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// Whether spans are sent anywhere.
#[must_use]
pub fn are_on() -> bool {
    TRACER.get().is_some()
}

/// Starts sending; within the runtime. The provider sends what is left when it is shut down.
///
/// # Errors
/// When the exporter cannot be made.
pub(super) fn start(endpoint: &Url) -> anyhow::Result<(SdkTracerProvider, SdkTracer)> {
    let sender = Sender {
        http: reqwest::Client::builder().timeout(PATIENCE).build()?,
        runtime: tokio::runtime::Handle::current(),
        fails: AtomicBool::new(false),
    };
    let address = format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/'));
    let exporter =
        SpanExporter::builder().with_http().with_endpoint(address).with_timeout(PATIENCE).with_http_client(sender);
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let mut resource = Resource::builder().with_attribute(version);
    if std::env::var_os("OTEL_SERVICE_NAME").is_none() {
        resource = resource.with_service_name("tollkeeper");
    }
    let provider =
        SdkTracerProvider::builder().with_batch_exporter(exporter.build()?).with_resource(resource.build()).build();
    let tracer = provider.tracer("tollkeeper");
    // A second start in one process goes on with the first one's.
    let _ = TRACER.set(tracer.clone());
    Ok((provider, tracer))
}

/// A span of a request: part of the caller's trace, where it names one in `traceparent` (www.w3.org/TR/trace-context).
pub(crate) fn begin_request(span: &Span, headers: &HeaderMap, method: &str, class: &str) {
    span.record("otel.kind", "server");
    span.record("otel.name", format!("{method} {class}"));
    // Refused when nothing listens to spans of this kind.
    let _ = span.set_parent(TraceContextPropagator::new().extract(&HeaderExtractor(headers)));
}

/// How a request ended.
pub(crate) fn end_request(span: &Span, status: StatusCode) {
    span.set_attribute("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.set_status(Status::error(status.as_str().to_owned()));
    }
}

/// A span that is made only where somebody is told of it: for what happens thousands of times a second.
pub(crate) fn span(make: impl FnOnce() -> Span) -> Span {
    if are_on() { make() } else { Span::none() }
}

/// A round of processing becomes a span when it had anything to do: most have not.
pub(crate) async fn round(work: impl Future<Output = store::Result<Round>>) -> store::Result<Round> {
    let Some(tracer) = TRACER.get() else { return work.await };
    let began = SystemTime::now();
    let round = work.await;
    let attributes = match &round {
        Ok(round) if round.events == 0 => return Ok(*round),
        Ok(round) => vec![number("events", round.events), number("failed", round.failed)],
        Err(_) => vec![],
    };
    let builder = tracer.span_builder("processing round").with_kind(SpanKind::Consumer);
    let mut span = builder.with_start_time(began).with_attributes(attributes).start(tracer);
    if let Err(error) = &round {
        span.set_status(Status::error(error.to_string()));
    }
    span.end();
    round
}

fn number(name: &'static str, count: usize) -> KeyValue {
    KeyValue::new(name, i64::try_from(count).unwrap_or(i64::MAX))
}

/// Sends by our own client, on our runtime: the exporter has a thread of its own, without one.
#[derive(Debug)]
struct Sender {
    http: reqwest::Client,
    runtime: tokio::runtime::Handle,
    /// Whether the last try failed: it is told once.
    fails: AtomicBool,
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (http, request) = (self.http.clone(), reqwest::Request::try_from(request)?);
        let sent = self.runtime.spawn(async move {
            let answer = http.execute(request).await?;
            let status = answer.status();
            Ok::<_, reqwest::Error>((status, answer.bytes().await?))
        });
        let sent = sent.await?.map_err(reqwest::Error::without_url);
        let fault = match &sent {
            Ok((status, _)) => (!status.is_success()).then(|| format!("the collector answered {status}")),
            Err(error) => Some(error.to_string()),
        };
        let failed_before = self.fails.swap(fault.is_some(), Ordering::Relaxed);
        match fault {
            Some(fault) if !failed_before => {
                tracing::warn!("traces cannot be sent: {fault}; nothing else waits for that")
            }
            None if failed_before => tracing::info!("traces are sent again"),
            _ => {}
        }
        let (status, body) = sent?;
        Ok(Response::builder().status(status).body(body)?)
    }
}
