//! The log: lines for people or JSON, on stderr, so that stdout belongs to what commands print.

use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};

/// Starts the log. A second call in one process does nothing.
pub fn start(config: &Config) {
    // The filter was checked when the settings were read.
    let filter = EnvFilter::try_new(&config.log).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // Its complaint about a closed stderr would go to stderr, and panic.
        .log_internal_errors(false);
    // Refused when a log runs already, which is then as good.
    let _ = match config.log_format {
        LogFormat::Text => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}
