//! Tollkeeper: the program, put together.

pub mod admin;
pub mod api;
pub mod assets;
pub mod auth;
pub mod backup;
mod banner;
pub mod base_path;
pub mod catch_up;
pub mod checks;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod diagnose;
pub mod eager_sync;
pub mod error;
pub mod front;
pub mod ids;
pub mod instances;
pub mod live;
mod lookup;
pub mod metrics;
pub mod openapi;
pub mod owner;
pub mod pages;
mod palette;
mod reading;
pub mod replay;
pub mod resync;
pub mod retention;
pub mod router;
pub mod serve;
pub mod state;
pub mod telemetry;
mod terms;
pub mod ui;
pub mod usage;
pub mod validator;
pub mod webhook;
pub mod worker;

use std::collections::HashMap;
use std::sync::Arc;

/// The system's allocator took a fifth of the time of an access check, most of it waiting for its other threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use anyhow::Context;
use domain::Livemode;
use gateway::{Client, ClientConfig, Gateway, Now};
use store::Store;

use crate::auth::vault::Vault;
use crate::backup::Backups;
use crate::catch_up::CatchUp;
use crate::checks::CheckBook;
use crate::clock::Clock;
use crate::config::Config;
use crate::instances::Instances;
use crate::live::Live;
use crate::replay::Replays;
use crate::resync::Resyncs;
use crate::state::AppState;
use crate::usage::UsageBook;
use crate::webhook::Intake;
use crate::worker::Worker;

/// Opens the database as the settings say, migrated.
///
/// # Errors
/// When it cannot be opened.
pub async fn open_store(config: &Config) -> anyhow::Result<Arc<dyn Store>> {
    let opened = store::open(config.database_url.expose(), config.store_options()).await;
    opened.with_context(|| format!("while opening the database {}", config.database_url))
}

/// Everything the handlers and commands need: the database open and migrated, Stripe's clients, the intake, the worker (not running yet).
///
/// # Errors
/// When the database cannot be opened, or a client for Stripe cannot be made.
pub async fn build(config: Config, clock: Arc<dyn Clock>) -> anyhow::Result<AppState> {
    metrics::start();
    let store = open_store(&config).await?;
    let mut gateways: HashMap<Livemode, Arc<dyn Gateway>> = HashMap::new();
    for key in &config.stripe_keys {
        let mut client = ClientConfig::new(key.clone());
        client.limits = config.stripe_rates.of(key.livemode());
        let ours = Arc::clone(&clock);
        client.now = Now(Arc::new(move || ours.now()));
        if let Some(base) = &config.stripe_api_base {
            client.base_url = base.to_string();
        }
        let client = Client::new(client).context("while making a client for Stripe")?;
        gateways.insert(key.livemode(), Arc::new(client));
    }
    let gateways = Arc::new(gateways);
    let usage =
        UsageBook::open(Arc::clone(&store), Arc::clone(&gateways), Arc::clone(&clock), config.stripe_daily_reads)
            .await
            .context("while reading what was asked of Stripe today")?;
    let intake = Intake::start(Arc::clone(&store), config.intake_batch);
    let worker = Worker::new(Arc::clone(&store), Arc::clone(&gateways), Arc::clone(&clock), ids::new("wrk"));
    let (resync_clock, schedule) = (Arc::clone(&clock), config.schedule);
    let resyncs = Resyncs::new(Arc::clone(&store), Arc::clone(&gateways), resync_clock, ids::new("rsn"), schedule);
    let replays = Replays::new(Arc::clone(&store), Arc::clone(&clock), worker.clone());
    let address = config.webhook_url();
    // Catch-up asks for a page an hour and somebody's access waits for it: a resync must not use up its allowance.
    let (stripe, time) = (Arc::clone(&gateways), Arc::clone(&clock));
    let catch_up = CatchUp::new(Arc::clone(&store), stripe, time, worker.clone(), ids::new("ctc"), address);
    let live = Live::new(Arc::clone(&store), Arc::clone(&clock));
    let checks = CheckBook::new(Arc::clone(&store), Arc::clone(&clock));
    let vault = Vault::new(&config);
    let backups = Backups::new(config.database_url.expose(), config.backups.clone(), Arc::clone(&clock));
    let instances = Instances::new(Arc::clone(&store), Arc::clone(&gateways), ids::new("ins"), clock.now());
    Ok(AppState {
        config: Arc::new(config),
        store,
        gateways,
        clock,
        intake,
        worker,
        resyncs,
        replays,
        catch_up,
        usage,
        live,
        stopping: Arc::default(),
        started: std::time::Instant::now(),
        checks,
        vault,
        backups,
        instances,
    })
}
