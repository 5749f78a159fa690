//! `tollkeeper demo`: the real program on a temporary database, with a month of a small company's life in it.
//!
//! Stripe is played by the stand-in. Everything it tells comes as signed deliveries to the program's own webhook; the clock of both
//! stands where the story is, so that the month has its true dates. One customer shows each row of the diagnosis table ([`NAMED`]).

mod catalog;
mod clock;
mod people;
mod purchases;
mod stage;
mod story;

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context;
use domain::role::Scope;
use serde_json::json;
use standin::{Standin, Webhook};
use store::records::{Author, EventFilter, FASTEST_REPLAY, NewReplay};
use tempfile::TempDir;
use tokio::net::TcpListener;

pub use catalog::ANALYTICS;
pub use people::{NAMED, Named, customer_of};

use self::clock::StoryClock;
use self::stage::{MODE, Stage};
use crate::auth::api_key;
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, Listen, Sources};
use crate::state::AppState;

/// The owner's e-mail address.
pub const EMAIL: &str = "demo@example.com";
/// The stand-in takes any key of its mode; this one says what it is.
const STRIPE_KEY: &str = "sk_test_demo0000000000000000";
/// Signs the story's deliveries.
const WEBHOOK_SECRET: &str = "whsec_demoDemoDemoDemoDemoDemoDemoDemo";
/// A second endpoint, as after a change of secrets.
const OTHER_SECRET: &str = "whsec_dashboardDashboardDashboardDash";
/// Ids are alike in every run.
const SEED: u64 = 20_261_122;

/// A filled demo. Dropping it removes the database and stops the stand-in.
pub struct Demo {
    /// The program, its worker not running yet.
    pub state: AppState,
    /// Stripe. It delivers new events in the background.
    pub stripe: Standin,
    /// The password of [`EMAIL`].
    pub password: String,
    /// A key of the widest scope for `/v1`, in test mode.
    pub api_key: String,
    _folder: TempDir,
}

/// Makes the demo for a program that will answer on `address`; with a number, of about so many customers: the same over and over.
///
/// # Errors
/// When the temporary database or a local port is not to be had, or the story does not go as written.
pub async fn fill(address: SocketAddr, customers: Option<usize>) -> anyhow::Result<Demo> {
    let folder =
        tempfile::Builder::new().prefix("tollkeeper-demo").tempdir().context("while making a temporary folder")?;
    let options = standin::Options { auto_deliver: true, seed: Some(SEED), ..standin::Options::default() };
    let stripe = Standin::start(options).await.context("while starting the stand-in for Stripe")?;
    let password = random()?;
    let config = settings(address, &folder, &stripe.base_url(), &password)?;
    let clock = Arc::new(StoryClock::default());
    let state = crate::build(config, Arc::<StoryClock>::clone(&clock)).await?;
    let present = SystemClock.now();
    state.store.begin_history(present.plus_secs(-story::LENGTH)).await?;

    // Deliveries come over HTTP, to a door of their own: the worker does not run yet, so nothing is done out of turn.
    let door =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("while opening a port for the story's deliveries")?;
    let webhook = |address: SocketAddr| Webhook {
        url: format!("http://{address}/webhooks/stripe"),
        secret: WEBHOOK_SECRET.to_owned(),
    };
    let receiver = webhook(door.local_addr()?);
    let front = crate::router::front(&state);
    let serving = tokio::spawn(async move { axum::serve(door, front).await });
    let began = present.plus_secs(-story::LENGTH);
    let (api_key, record) = api_key::create("Demo", MODE, Scope::Admin, "demo", began)?;
    state.store.add_api_key(&record, &Author::system(began)).await?;
    let stage = Stage::new(state.clone(), stripe.control().clone(), clock, receiver, record.api_key_id, present)?;
    let told = story::play(stage).await;
    serving.abort();
    told.context("while telling the demo's story")?;

    // From now on an endpoint of the account's sends, as it would in Stripe.
    let receiver = webhook(address);
    stripe.control().set_webhook(None);
    stripe.control().put(json!({
        "id": "we_demo", "object": "webhook_endpoint", "api_version": gateway::PINNED_VERSION, "application": null,
        "created": state.now().secs(), "description": "Demo", "enabled_events": ["*"], "livemode": MODE.is_live(),
        "metadata": {}, "status": "enabled", "url": receiver.url, "_secret": receiver.secret,
    }));
    let by_the_clock = Author { actor: store::records::SCHEDULE.to_owned(), ..Author::system(state.now()) };
    state.resyncs.begin_reconcile(MODE, false, &by_the_clock).await?;
    state.resyncs.work(None).await?;
    // What would come of those that failed: they are there to be mended by whoever looks.
    let filter = EventFilter { statuses: crate::pages::replays::FAILED.to_vec(), ..EventFilter::default() };
    let new = NewReplay { livemode: MODE, filter, linked: false, is_dry_run: true, rate: FASTEST_REPLAY };
    let author =
        Author { reason: Some("What is left of last week's outage?".to_owned()), ..Author::system(state.now()) };
    let replay = state.store.create_replay(&new, &author).await?;
    while state.replays.step(Some(&replay.replay_id)).await?.is_some() {}
    crate::owner::prepare(&state).await?;
    let state = match customers {
        Some(customers) => {
            crowded(state, settings(address, &folder, &stripe.base_url(), &password)?, customers).await?
        }
        None => state,
    };
    Ok(Demo { state, stripe, password, api_key, _folder: folder })
}

/// The same program again, on a database of so many customers.
async fn crowded(state: AppState, config: Config, customers: usize) -> anyhow::Result<AppState> {
    let clock = Arc::clone(&state.clock);
    state.close().await;
    drop(state);
    let ordinary: Vec<String> = people::ordinary().map(|person| person.customer()).collect();
    let copied = store::sqlite::multiply(config.database_url.expose(), &ordinary, customers).await;
    copied.context("while copying the demo's customers")?;
    crate::build(config, clock).await
}

/// Fills the demo, says how to sign in, and serves until SIGTERM or Ctrl-C.
///
/// # Errors
/// When the address is taken, or the demo cannot be filled or served.
pub async fn run(listen: SocketAddr, customers: Option<usize>) -> anyhow::Result<()> {
    let listener = crate::serve::bind("LISTEN", &Listen::Tcp(listen)).await?;
    let address = listener.address().unwrap_or(listen);
    tracing::info!("filling the demo: a month takes a few seconds, and what goes wrong in it is logged here too");
    let demo = fill(address, customers).await?;
    let url = format!("http://{address}");
    let lines = [
        format!("URL: {url}/admin"),
        format!("E-mail: {EMAIL}"),
        format!("Password: {}", demo.password),
        format!("API key: {}", demo.api_key),
        format!("Stripe stand-in: {}", demo.stripe.base_url()),
        format!("Ask: curl -H 'Authorization: Bearer {}' '{url}/v1/access?user_id=user_ok&feature=pro'", demo.api_key),
    ];
    // A reader that went away is no error: the pages are there all the same.
    let _ = writeln!(std::io::stdout().lock(), "{}", lines.join("\n"));
    let _ = std::io::stdout().flush();
    crate::serve::serve(listener, None, demo.state.clone(), crate::serve::signal()).await
}

/// The settings, from nothing but the demo itself: what the machine has set for a real installation is left alone.
fn settings(address: SocketAddr, folder: &TempDir, stripe: &str, password: &str) -> anyhow::Result<Config> {
    let database = format!("sqlite://{}", folder.path().join("demo.db").display());
    let (listen, public_url) = (address.to_string(), format!("http://{address}"));
    let secrets = format!("demo={WEBHOOK_SECRET},dashboard={OTHER_SECRET}");
    let sources = Sources::from_env([
        ("LISTEN", listen.as_str()),
        ("PUBLIC_URL", &public_url),
        ("DATABASE_URL", &database),
        ("STRIPE_SECRET_KEY", STRIPE_KEY),
        ("STRIPE_API_BASE", stripe),
        ("STRIPE_WEBHOOK_SECRET", &secrets),
        // What went wrong in the story is to be seen, not mended.
        ("RECONCILE", "report"),
        // The folder is gone when it ends, and a crowded one is large.
        ("BACKUP_EVERY", "off"),
        ("ADMIN_EMAIL", EMAIL),
        ("ADMIN_PASSWORD", password),
    ]);
    Ok(Config::load(&sources)?)
}

/// Eighty random bits, in groups that can be typed.
fn random() -> anyhow::Result<String> {
    let mut bytes = [0_u8; 10];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    let digits = hex::encode(bytes);
    Ok([0, 5, 10, 15].map(|start| &digits[start..start + 5]).join("-"))
}
