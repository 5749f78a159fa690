//! The setup validator: one list of checks, for the page, for `tollkeeper doctor` and as JSON. What is looked at is gathered first,
//! here and at Stripe at the same time; each check is then judged from that alone.
//!
//! Their numbers stay what they are: reports and tickets name them.

mod backups;
mod clock;
mod deliveries;
pub(crate) mod endpoint;
mod key;
mod machine;
mod report;
mod sales;
mod signing;
mod storage;
mod stripe;
mod subject;
mod version;

use std::time::Duration;

use domain::Livemode;
use gateway::Resource;
use store::records::{DatabaseState, EventFilter};

use self::deliveries::AtStripe;
use self::endpoint::{Endpoint, Standing};
use self::stripe::{Answered, Asked};
use crate::state::AppState;

pub(crate) use self::machine::free_bytes;
pub use self::report::Report;

/// How long Stripe may take: all questions are asked at the same time, and whoever looks at the page waits for them.
pub const PATIENCE: Duration = Duration::from_secs(2);
/// The newest events that are looked at.
const RECENT: i64 = 100;
/// Refused deliveries that are looked at.
const REFUSED: i64 = 100;
/// Keys asked for before this are history.
const ASKED_LATELY_SECS: i64 = 7 * 24 * 3600;
/// Refused deliveries older than this are history.
const LATELY_SECS: i64 = 24 * 3600;

/// Runs every check of a mode. A check that Stripe did not answer to within `patience` says so.
///
/// # Errors
/// When the database cannot be read.
pub async fn run(state: &AppState, livemode: Livemode, patience: Duration) -> store::Result<Report> {
    let (config, store, now) = (&*state.config, &state.store, state.now());
    let other = Livemode::from_bool(!livemode.is_live());
    let (statuses, here) = store.event_stats(livemode, now).await?;
    let recent = store.events(livemode, &EventFilter { limit: RECENT, ..EventFilter::default() }).await?.data;
    let thin = recent.iter().filter(|event| event.kind.starts_with("v1.")).map(|event| event.received_at).max();
    let newest = key::Newest { here, other: store.event_stats(other, now).await?.1, thin };
    let mut refused = store.rejected_deliveries(None, REFUSED).await?.data;
    refused.retain(|delivery| delivery.received_at >= now.plus_secs(-LATELY_SECS));
    let counts = store.nav_counts(livemode).await?;
    let api_keys = store.api_keys().await?;
    let unheard = sales::unheard_of(&store.list_catalog(livemode).await?);
    let due = store.next_due().await?;
    state.checks.try_settle().await;
    let mistyped = store.unknown_features(livemode, now.plus_secs(-ASKED_LATELY_SECS)).await?;
    let database = store.database().await?;
    let engine = store.engine_version().await?;

    let gateway = state.gateway(livemode);
    let (asked, elsewhere, unheard, refused_event, reached) = tokio::join!(
        async {
            match gateway {
                Some(gateway) => Some(Asked::all(gateway, &state.clock, patience).await),
                None => None,
            }
        },
        other_mode(state, other, patience),
        sales::ask(gateway, unheard, patience),
        signing::ask(gateway, &refused, patience),
        machine::reach(config, patience),
    );
    let asked = asked.as_ref();
    let endpoint = match asked.map(|asked| asked.objects(Resource::WebhookEndpoints)) {
        None => Standing::NoKey,
        Some(Err(why)) => Standing::Unknown(why),
        Some(Ok(objects)) => Standing::of(&Endpoint::all(objects), &elsewhere, &config.webhook_url()),
    };
    let at_stripe = match asked.map(|asked| asked.objects(Resource::Events)) {
        None => Err("There is no key of this mode.".to_owned()),
        Some(Err(why)) => Err(why),
        Some(Ok(events)) => Ok(match AtStripe::newest(events, &endpoint) {
            Some(event) => {
                let is_here = store.event(livemode, &event.id).await?.is_some();
                Some((event, is_here))
            }
            None => None,
        }),
    };
    let catalog = store.index().catalog(livemode);
    let folder = machine::folder(&database);
    let (newest_backup, failure) = (state.backups.newest(), state.backups.failure());
    let checks = vec![
        machine::address(config, livemode, &reached),
        machine::database(config, &named(config.database_url.expose(), &engine), &database, free(&database)),
        storage::outlives(livemode, folder.as_deref(), mount(folder.as_deref()).as_ref()),
        backups::recent(
            state.backups.plan(),
            &newest_backup,
            failure.as_ref().map(|(_, why)| why.as_str()),
            livemode,
            now,
        ),
        machine::version(&database),
        machine::browsers(config, livemode),
        clock::skew(asked, &refused, config.webhook_tolerance),
        key::valid(config, livemode, asked, newest),
        key::permissions(asked),
        endpoint::exists(config, livemode, &endpoint, newest),
        endpoint::types(&endpoint),
        version::known(&endpoint, &recent),
        signing::verified(&config.webhook_secrets, livemode, &endpoint, &recent, &refused, refused_event.as_ref()),
        deliveries::way(&recent, now),
        deliveries::newest(here, &at_stripe, now),
        deliveries::queue(&statuses, counts.failed_events, due, now),
        sales::catalog(&catalog, counts.prices_without_features, &unheard, livemode),
        sales::attributed(counts.unattributed),
        sales::sold(&catalog, &mistyped),
        sales::asked_for(&api_keys, livemode, now),
    ];
    Ok(Report { livemode, at: now, checks })
}

/// The endpoints of the other mode, where there is a key for it: one with our address there explains that none is here.
async fn other_mode(state: &AppState, other: Livemode, patience: Duration) -> Vec<Endpoint> {
    let Some(gateway) = state.gateway(other) else { return vec![] };
    let answer = Answered::within(patience, gateway.probe(Resource::WebhookEndpoints)).await;
    answer.answer().map(|probe| Endpoint::all(&probe.objects)).unwrap_or_default()
}

/// The engine by its name.
pub(crate) fn named(url: &str, version: &str) -> String {
    let name = if url.starts_with("sqlite:") { "SQLite" } else { "PostgreSQL" };
    format!("{name} {version}")
}

/// Bytes that may still be written beside the database; none where that is not known, as on a server.
pub(crate) fn free(database: &DatabaseState) -> Option<u64> {
    machine::free_bytes(&machine::folder(database)?)
}

/// Where the folder is mounted from, on a system that tells.
fn mount(folder: Option<&std::path::Path>) -> Option<storage::Mount> {
    let mountinfo = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    storage::mount_of(&mountinfo, folder?)
}
