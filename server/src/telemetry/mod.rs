//! The log: lines for people or JSON, on stderr, so that stdout belongs to what commands print. And traces, where a collector is named.

mod json;
pub mod traces;

use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, filter, fmt};

use crate::config::{Config, LogFormat};

/// What is to be ended in order: spans that wait are sent.
#[must_use = "spans that wait are lost without its end"]
pub struct Telemetry(Option<SdkTracerProvider>);

impl Telemetry {
    /// Sends what waits; no longer than the collector may take.
    pub async fn end(self) {
        let Some(provider) = self.0 else { return };
        // It blocks its thread until the exporter's own is done, which needs this runtime.
        match tokio::task::spawn_blocking(move || provider.shutdown()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the last traces could not be sent"),
            Err(error) => tracing::warn!(%error, "the last traces could not be sent"),
        }
    }
}

/// Starts the log, and traces where `OTEL_EXPORTER_OTLP_ENDPOINT` is set. A second call in one process does nothing.
///
/// # Errors
/// When traces are wanted and cannot be sent at all.
pub fn start(config: &Config) -> anyhow::Result<Telemetry> {
    // The filter was checked when the settings were read.
    let filter = EnvFilter::try_new(&config.log).unwrap_or_else(|_| EnvFilter::new("info"));
    let Some(endpoint) = &config.otlp_endpoint else {
        // Refused when a log runs already, which is then as good.
        let _ = tracing_subscriber::registry().with(lines(config.log_format)).with(filter).try_init();
        return Ok(Telemetry(None));
    };
    let (provider, tracer) = traces::start(endpoint)?;
    let spans = tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_location(false)
        .with_threads(false)
        .with_filter(filter::filter_fn(is_traced));
    // The log's filter decides about lines alone: whoever wants few of them wants traces all the same.
    let log = lines(config.log_format).with_filter(filter);
    let _ = tracing_subscriber::registry().with(log).with(spans).try_init();
    Ok(Telemetry(Some(provider)))
}

/// Our own spans: what libraries tell of themselves is theirs.
fn is_traced(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    metadata.is_span()
        && *metadata.level() <= Level::INFO
        && (target.starts_with("server") || target.starts_with("gateway"))
}

fn lines(format: LogFormat) -> Box<dyn Layer<Registry> + Send + Sync> {
    let layer = fmt::layer()
        .with_writer(std::io::stderr)
        // Its complaint about a closed stderr would go to stderr, and panic.
        .log_internal_errors(false);
    match format {
        LogFormat::Text => layer.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).boxed(),
        LogFormat::Json => layer.fmt_fields(JsonFields::new()).event_format(json::Flat).boxed(),
    }
}
