//! A month of a small company's life moves from SQLite to PostgreSQL, and every answer and page stays as it was.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use domain::Livemode;
use server::clock::{Clock, ManualClock};
use server::config::DatabaseUrl;
use server::demo::{self, NAMED};
use server::state::AppState;
use store::records::{AuditFilter, CustomerFilter, EventFilter, OverrideFilter};

use super::run_on;
use crate::helpers::database::Database;

const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9);
const MODE: Livemode = Livemode::Test;

/// What people, pages and applications are told, at one moment.
async fn told(state: &AppState) -> BTreeMap<String, String> {
    let (store, now) = (&state.store, state.now());
    let mut told = BTreeMap::new();
    let mut say = |what: &str, text: String| told.insert(what.to_owned(), text);
    for named in NAMED {
        for later in [0, 40] {
            let at = now.plus_secs(later * 86_400);
            let decision = store.index().decide(MODE, named.user, named.feature, &store.options().policy, at);
            say(&format!("{} {later}", named.user), format!("{decision:?}"));
        }
        let found = server::diagnose::diagnose(state, MODE, named.user, Some(named.feature)).await.unwrap();
        say(&format!("why {}", named.user), format!("{} {}", found.code, found.sentence));
        say(
            &format!("changes {}", named.user),
            format!("{:?}", store.verdict_changes(MODE, named.user, 50).await.unwrap()),
        );
    }
    let customers = CustomerFilter { limit: 200, ..CustomerFilter::default() };
    say("customers", format!("{:?}", store.list_customers(MODE, &customers).await.unwrap().data));
    let events = EventFilter { limit: 1000, ..EventFilter::default() };
    say("events", format!("{:?}", store.events(MODE, &events).await.unwrap()));
    let overrides = OverrideFilter { user_id: None, after: None, limit: 100 };
    say("overrides", format!("{:?}", store.overrides(MODE, &overrides).await.unwrap()));
    let audit = AuditFilter { limit: 1000, ..AuditFilter::default() };
    say("audit", format!("{:?} {:?}", store.audit(&audit).await.unwrap().data, store.verify_audit().await.unwrap()));
    say("catalog", format!("{:?}", store.list_catalog(MODE).await.unwrap()));
    say("staff", format!("{:?}", store.staff().await.unwrap()));
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_life_moves_from_sqlite_to_postgres() {
    let Some(target) = Database::postgres().await else { return };
    let demo = demo::fill(ADDRESS, None).await.unwrap();
    let clock = Arc::new(ManualClock::new(demo.state.now()));
    let config = (*demo.state.config).clone();
    let from = config.database_url.expose().to_owned();
    demo.state.close().await;
    let open = async |url: &str| {
        let config = server::config::Config { database_url: DatabaseUrl::parse(url).unwrap(), ..config.clone() };
        server::build(config, Arc::clone(&clock) as Arc<dyn Clock>).await.unwrap()
    };
    let here = open(&from).await;
    let before = told(&here).await;
    here.close().await;

    let serving = server::backup::lock::share(&from).unwrap();
    let (code, _, noted) = run_on(&from, &["copy", "--to", target.url()]);
    assert!(code == 1 && noted.contains("a server is running on"), "{noted}");
    drop(serving);
    let (code, said, noted) = run_on("sqlite://unused.db", &["copy", "--from", &from, "--to", target.url()]);
    assert_eq!(code, 0, "{said}{noted}");
    assert!(said.starts_with("TABLE ") && said.contains("holds the same as"), "{said}");

    let there = open(target.url()).await;
    let after = told(&there).await;
    for (what, was) in &before {
        assert_eq!(after.get(what), Some(was), "{what}");
    }
    there.close().await;
    let (code, _, noted) = run_on(&from, &["copy", "--to", target.url()]);
    assert!(code == 1 && noted.contains("the target is not empty"), "{noted}");
}
