//! The demo is filled as its names say, and what it shows broken can be mended.

use std::net::SocketAddr;
use std::process::Stdio;

use domain::Livemode;
use domain::event::EventStatus;
use server::demo::{self, Demo, NAMED, customer_of};
use store::records::{Author, CustomerFilter, EventFilter};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// Nobody listens there: the pages are not asked for.
const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);
const MODE: Livemode = Livemode::Test;

async fn code(demo: &Demo, user: &str, feature: &str) -> String {
    server::diagnose::diagnose(&demo.state, MODE, user, Some(feature)).await.unwrap().code
}

fn staff(demo: &Demo) -> Author {
    Author::new("staff:demo@example.com", demo.state.now())
}

async fn events(demo: &Demo, statuses: &[EventStatus]) -> usize {
    let filter = EventFilter { statuses: statuses.to_vec(), limit: 1000, ..EventFilter::default() };
    demo.state.store.events(MODE, &filter).await.unwrap().data.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_customer_has_what_the_name_says_and_the_buttons_mend_it() {
    let demo = demo::fill(ADDRESS, None).await.unwrap();
    let guide = include_str!("../../../docs/operation.md");
    let mut wrong = vec![];
    for named in NAMED {
        let found = server::diagnose::diagnose(&demo.state, MODE, named.user, Some(named.feature)).await.unwrap();
        assert!(
            guide.contains(&format!("`{}`", named.code)),
            "docs/operation.md does not say what {} means",
            named.code
        );
        if found.code != named.code {
            wrong.push(format!("{}: expected {}, found {}: {}", named.user, named.code, found.code, found.sentence));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    for (user, words) in [
        ("user_trialing", "a trial"),
        ("user_pause_collection", "its collection is paused (keep as draft)"),
        ("user_failed_debit", "and Stripe keeps sub_DemoFailedDebit active"),
        ("user_subscription_refunded", "was refunded on"),
        ("user_pass", "Has access to pro until"),
        ("user_dispute_open", "is disputed"),
        ("user_debit_pending", "still clearing"),
        ("user_disputed", "was disputed on"),
    ] {
        let found = server::diagnose::diagnose(&demo.state, MODE, user, Some("pro")).await.unwrap();
        assert!(found.sentence.contains(words), "{user}: {}", found.sentence);
    }

    let store = &demo.state.store;
    let filter = CustomerFilter { limit: 200, ..CustomerFilter::default() };
    let customers = store.list_customers(MODE, &filter).await.unwrap().data;
    assert!((65..=80).contains(&customers.len()), "{} customers", customers.len());
    let unpriced = customers.iter().filter(|row| {
        row.subscriptions.iter().any(|sub| sub.items.iter().any(|item| item.price_id == demo::ANALYTICS))
    });
    assert_eq!(unpriced.count(), 12);
    assert_eq!(events(&demo, &[EventStatus::Pending, EventStatus::Processing]).await, 0, "the first page is complete");
    assert!(events(&demo, &[EventStatus::Ignored]).await > 10);
    assert!(events(&demo, &[EventStatus::Unattributed]).await > 10);
    let all = store.events(MODE, &EventFilter { limit: 1000, ..EventFilter::default() }).await.unwrap().data;
    assert!(all.iter().any(|event| event.deliveries > 1), "a duplicate");
    let rejected = store.rejected_deliveries(None, 10).await.unwrap().data;
    assert_eq!(rejected.len(), 2);
    assert_eq!(rejected[0].failed_check, "signature_mismatch");
    assert_eq!(rejected[0].tried, ["demo", "dashboard"]);
    let month = demo.state.now().plus_secs(-28 * 86_400);
    assert!(customers.iter().any(|row| row.customer.first_seen_at < month), "the month is a month long");
    assert!(store.open_conflicts(MODE, None).await.unwrap().len() == 1);

    // The lost event is made up for by a read.
    let report = demo.state.worker.resync(MODE, &customer_of("user_drift"), &staff(&demo)).await.unwrap();
    assert!(
        report
            .effects
            .fields
            .iter()
            .any(|change| change.field == "status" && change.after.as_deref() == Some("active"))
    );
    assert_eq!(code(&demo, "user_drift", "pro").await, "ok");

    // The failed one succeeds when it is put back in line.
    let filter =
        EventFilter { statuses: vec![EventStatus::Failed, EventStatus::Dead], limit: 10, ..EventFilter::default() };
    let failed = store.events(MODE, &filter).await.unwrap().data;
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].customer_id, Some(customer_of("user_webhook_failed")));
    assert!(store.attempts(MODE, &failed[0].event_id).await.unwrap().len() >= 5);
    assert!(store.replay_event(MODE, &failed[0].event_id, &staff(&demo)).await.unwrap());
    demo.state.worker.run_once().await.unwrap();
    assert_eq!(code(&demo, "user_webhook_failed", "pro").await, "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_prints_how_to_sign_in_and_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_tollkeeper"))
        .args(["demo", "--listen", "127.0.0.1:0"])
        .env_clear()
        .env("TMPDIR", temporary.path())
        .current_dir(temporary.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let mut said = vec![];
    for start in ["URL: ", "E-mail: ", "Password: ", "API key: "] {
        let line = lines.next_line().await.unwrap().expect("a line on stdout");
        said.push(line.strip_prefix(start).unwrap_or_else(|| panic!("{line:?} instead of {start:?}")).to_owned());
    }
    let base = said[0].strip_suffix("/admin").unwrap();
    assert!(base.starts_with("http://127.0.0.1:"));
    assert_eq!(said[1], demo::EMAIL);
    assert_eq!(said[2].len(), 23);

    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = http.get(format!("{base}/v1/access?user_id=user_ok&feature=pro")).bearer_auth(&said[3]).send();
    let answer: serde_json::Value = ask.await.unwrap().error_for_status().unwrap().json().await.unwrap();
    assert_eq!((&answer["allowed"], &answer["reason"]), (&true.into(), &"subscription_active".into()));

    let stopped = std::process::Command::new("kill").arg(program.id().unwrap().to_string()).status().unwrap();
    assert!(stopped.success());
    assert!(program.wait().await.unwrap().success());
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0, "the database is gone");
}
