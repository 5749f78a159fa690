//! Serve, migrate, config, healthcheck.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::Usage;
use super::output::{cell, json_list, line, note, table};
use crate::clock::SystemClock;
use crate::config::{Config, Listen, LogFormat, Sources};
use crate::serve::Inherited;

pub(super) async fn serve(mut config: Config, mut inherited: Option<Inherited>) -> anyhow::Result<ExitCode> {
    let mut given = |number| inherited.as_mut().map_or(Ok(None), |inherited| inherited.socket(number));
    // Bound first: an address that is taken should not cost a migration, and port 0 becomes a real one.
    let listener = match given(0)? {
        Some(socket) => socket,
        None => crate::serve::bind("LISTEN", &config.listen).await?,
    };
    let metrics = match (given(1)?, config.metrics_listen.clone()) {
        (Some(socket), _) => {
            // It is its own place: /metrics is nowhere else.
            config.metrics_listen.get_or_insert_with(|| config.listen.clone());
            Some(socket)
        }
        (None, Some(place)) => Some(crate::serve::bind("METRICS_LISTEN", &place).await?),
        (None, None) => None,
    };
    // Before anybody is told that we listen: whoever reads it may stop us at once.
    let shutdown = crate::serve::signal();
    if config.public_url_is_default {
        config.public_url =
            listener.address().map_or_else(|| "http://localhost".to_owned(), |at| format!("http://{at}"));
    }
    // Until the end: nobody puts another file in the database's place meanwhile.
    let _shared = crate::backup::lock::share(config.database_url.expose())?;
    let state = crate::build(config, Arc::new(SystemClock)).await?;
    state.store.begin_history(state.now()).await?;
    if let Some(link) = crate::owner::prepare(&state).await? {
        if state.config.log_format == LogFormat::Json {
            // Whoever reads lines of JSON stumbles over others.
            tracing::warn!(link, "there is no owner yet: make one within 30 minutes by this link, which works once");
        } else {
            note("There is no owner yet. Make one within 30 minutes by this link, which works once:");
            note(&format!("  {link}"));
        }
    }
    tracing::info!(address = %listener, public_url = state.config.public_url, database = %state.config.database_url, "listening");
    if state.config.stripe_keys.is_empty() {
        tracing::warn!("STRIPE_SECRET_KEY is not set: webhooks are taken, but nothing can be read from Stripe");
    }
    if state.config.webhook_secrets.is_empty() {
        tracing::warn!("STRIPE_WEBHOOK_SECRET is not set: every webhook will be refused");
    }
    crate::serve::serve(listener, metrics, state, shutdown).await?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn migrate(config: &Config) -> anyhow::Result<ExitCode> {
    let store = crate::open_store(config).await?;
    store.close().await;
    note(&format!("{} is up to date", config.database_url));
    Ok(ExitCode::SUCCESS)
}

/// `tollkeeper config`
#[derive(Debug, clap::Args)]
pub(super) struct Show {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(super) fn run(&self, config: &Config, sources: &Sources) -> anyhow::Result<ExitCode> {
        let rows = config.effective(sources)?;
        if self.json {
            let row = |row: &crate::config::Effective| json!({ "name": row.name, "value": row.value, "source": row.source.to_string() });
            json_list(&rows.iter().map(row).collect::<Vec<_>>(), false);
        } else {
            let row =
                |row: crate::config::Effective| vec![row.name.to_owned(), cell(row.value), row.source.to_string()];
            table(&["NAME", "VALUE", "SOURCE"], &rows.into_iter().map(row).collect::<Vec<_>>());
        }
        Ok(ExitCode::SUCCESS)
    }
}

pub(super) async fn healthcheck(config: &Config) -> anyhow::Result<ExitCode> {
    let builder = reqwest::Client::builder().timeout(Duration::from_secs(5)).no_proxy();
    let (client, url) = match &config.listen {
        Listen::Tcp(address) => (builder, format!("http://{}/readyz", reachable(*address))),
        #[cfg(unix)]
        Listen::Unix(path) => (builder.unix_socket(path.as_path()), "http://localhost/readyz".to_owned()),
        #[cfg(not(unix))]
        Listen::Unix(_) => anyhow::bail!("this system has no Unix sockets"),
    };
    let client = client.build()?;
    // A Unix socket's own name says more than the one in the URL.
    let at = match &config.listen {
        Listen::Tcp(_) => url.clone(),
        Listen::Unix(_) => config.listen.to_string(),
    };
    match client.get(&url).send().await {
        Ok(response) if response.status().is_success() => {
            line("ready");
            Ok(ExitCode::SUCCESS)
        }
        Ok(response) => anyhow::bail!("{at} answered {}", response.status()),
        Err(error) => Err(anyhow::Error::new(error.without_url()).context(format!("{at} cannot be reached"))),
    }
}

/// An address to connect to: a server on all addresses is asked on the loopback one.
fn reachable(mut listen: SocketAddr) -> SocketAddr {
    if listen.ip().is_unspecified() {
        listen.set_ip(match listen.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    listen
}

/// Options of `demo`.
#[derive(Debug, clap::Args)]
pub(super) struct Demo {
    /// About so many customers, the story's own many times over: 100000, with a million events, take some minutes and 4 GB
    #[arg(long)]
    customers: Option<usize>,
}

impl Demo {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let Listen::Tcp(address) = config.listen else {
            return Err(Usage("the demo is for a browser: LISTEN has to be an address with a port".to_owned()).into());
        };
        crate::demo::run(address, self.customers).await?;
        Ok(ExitCode::SUCCESS)
    }
}
