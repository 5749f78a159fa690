//! Serve, migrate, config, healthcheck.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::output::{cell, json_list, line, note, table};
use crate::clock::SystemClock;
use crate::config::{Config, Sources};

pub(super) async fn serve(mut config: Config) -> anyhow::Result<ExitCode> {
    // Bound first: an address that is taken should not cost a migration, and port 0 becomes a real one.
    let listener = crate::serve::bind("LISTEN", config.listen).await?;
    let metrics = match config.metrics_listen {
        Some(address) => Some(crate::serve::bind("METRICS_LISTEN", address).await?),
        None => None,
    };
    // Before anybody is told that we listen: whoever reads it may stop us at once.
    let shutdown = crate::serve::signal();
    let address = listener.local_addr()?;
    if config.public_url_is_default {
        config.public_url = format!("http://{address}");
    }
    // Until the end: nobody puts another file in the database's place meanwhile.
    let _shared = crate::backup::lock::share(config.database_url.expose())?;
    let state = crate::build(config, Arc::new(SystemClock)).await?;
    state.store.begin_history(state.now()).await?;
    if let Some(link) = crate::owner::prepare(&state).await? {
        note("There is no owner yet. Make one within 30 minutes by this link, which works once:");
        note(&format!("  {link}"));
    }
    tracing::info!(%address, public_url = state.config.public_url, database = %state.config.database_url, "listening");
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
    let url = format!("http://{}/readyz", reachable(config.listen));
    let client = reqwest::Client::builder().timeout(Duration::from_secs(5)).no_proxy().build()?;
    match client.get(&url).send().await {
        Ok(response) if response.status().is_success() => {
            line("ready");
            Ok(ExitCode::SUCCESS)
        }
        Ok(response) => anyhow::bail!("{url} answered {}", response.status()),
        Err(error) => Err(anyhow::Error::new(error.without_url()).context(format!("{url} cannot be reached"))),
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
        crate::demo::run(config.listen, self.customers).await?;
        Ok(ExitCode::SUCCESS)
    }
}
