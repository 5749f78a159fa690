//! Each list of the admin app, by each of its filters and in both directions, is read from an index in the order it is shown in: how long a
//! page takes does not depend on how much there is. Asked of SQLite, which has no statistics here, so that its plans depend on the
//! statements and the indexes alone.
//!
//! The statements are overheard from all of the process: this file has one test.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Mutex;

use domain::event::EventStatus;
use domain::{Livemode, Timestamp};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};
use store::records::{
    Among, AuditFilter, CustomerFilter, EventFilter, OverrideFilter, OverrideList, Place, ReplayOutcome,
    SubscriptionFilter, Which,
};
use store::{Options, Store};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

const MODE: Livemode = Livemode::Test;
const NOW: Timestamp = Timestamp::from_secs(1_795_305_600);
static HEARD: Mutex<Vec<String>> = Mutex::new(vec![]);

/// Listens to what sqlx tells of its statements.
struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut Statement);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// The statement is in one field when it is short, in another otherwise.
struct Statement;

impl Visit for Statement {
    fn record_str(&mut self, field: &Field, value: &str) {
        let value = value.trim();
        let is_whole = matches!(field.name(), "db.statement" | "summary") && !value.is_empty() && !value.ends_with('…');
        if is_whole && value.contains("select") {
            HEARD.lock().unwrap().push(value.to_owned());
        }
    }
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let text = format!("{value:?}");
        self.record_str(field, text.trim_matches('"'));
    }
}

/// Tables that grow with the business, by their names and by what they are called in statements.
const GROWING: &[&str] = &[
    "event",
    "customer",
    "mapping",
    "mapping_conflict",
    "ignored_customer",
    "subscription",
    "subscription_price",
    "app_user",
    "access_override",
    "audit",
    "resync",
    "replay",
    "replay_event",
    "c",
    "s",
    "m",
    "e",
    "u",
    "p",
    "f",
    "i",
    "j",
    "r",
];

/// Why a step of a plan gets slower with what is stored; none: it does not.
fn fault(step: &str, sorts: bool) -> Option<&'static str> {
    let mut words = step.split_whitespace();
    let (verb, table) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if !GROWING.contains(&table) {
        return None;
    }
    // A whole mode may be walked where that is the list's own order, for the walk ends with the page.
    let walks = step.ends_with("(livemode=?)");
    match verb {
        "SCAN" => Some("reads everything"),
        _ if walks && sorts => Some("reads a whole mode and sorts it"),
        _ => None,
    }
}

async fn ask_everything(store: &dyn Store) -> Vec<(String, Vec<String>)> {
    let mut asked = vec![];
    let mut note = |what: String| asked.push((what, std::mem::take(&mut *HEARD.lock().unwrap())));
    let text = |text: &str| Some(text.to_owned());
    let status = |words: &[EventStatus]| EventFilter { statuses: words.to_vec(), ..EventFilter::default() };
    let filters = [
        EventFilter::default(),
        EventFilter { since: Some(NOW), until: Some(NOW), ..EventFilter::default() },
        status(&[EventStatus::Failed, EventStatus::Dead]),
        status(&[EventStatus::Processed]),
        EventFilter { kind: text("invoice.paid"), ..EventFilter::default() },
        EventFilter { kind: text("invoice.*"), ..status(&[EventStatus::Processed]) },
        EventFilter { kind: text("invoice.*"), ..status(&[EventStatus::Failed]) },
        EventFilter { id: text("cus_1"), ..EventFilter::default() },
        EventFilter { customers: vec!["cus_1".into(), "cus_2".into()], ..EventFilter::default() },
        EventFilter { api_version: text("2026-10-28.endive"), ..EventFilter::default() },
        EventFilter { error: text("503"), ..EventFilter::default() },
        EventFilter { fetched: true, ..EventFilter::default() },
    ];
    for filter in filters {
        for (after, before) in [(None, None), (Some(5), None), (None, Some(5))] {
            let filter = EventFilter { after, before, limit: 50, ..filter.clone() };
            store.events(MODE, &filter).await.unwrap();
            store.count_events(MODE, &filter).await.unwrap();
            note(format!("events by {filter:?}"));
        }
    }
    let places = || {
        [
            (None, None),
            (text("5:cus_1"), None),
            (text("0:cus_1"), None),
            (None, text("5:cus_1")),
            (None, text("0:cus_1")),
        ]
    };
    for (query, among) in
        [(None, Among::All), (text("a"), Among::All), (None, Among::Unattributed), (None, Among::Differing)]
    {
        for (after, before) in places() {
            let filter = CustomerFilter { query: query.clone(), among, after, before, limit: 50 };
            store.list_customers(MODE, &filter).await.unwrap();
            store.count_customers(MODE, &filter).await.unwrap();
            note(format!("customers by {filter:?}"));
        }
    }
    for status in [None, text("active")] {
        for (after, before) in places() {
            let filter = SubscriptionFilter { status: status.clone(), after, before, limit: 50 };
            store.list_subscriptions(MODE, &filter).await.unwrap();
            store.count_subscriptions(MODE, filter.status.as_deref()).await.unwrap();
            note(format!("subscriptions by {filter:?}"));
        }
    }
    let pages = || places().map(|(after, before)| Place { after, before, limit: 50 });
    for place in pages() {
        for query in [None, Some("a")] {
            store.list_mappings(MODE, query, &place).await.unwrap();
            store.count_mappings(MODE, query).await.unwrap();
            note(format!("mappings by {query:?} at {place:?}"));
        }
        store.list_conflicts(MODE, &place).await.unwrap();
        store.count_conflicts(MODE).await.unwrap();
        note(format!("conflicts at {place:?}"));
        store.ignored_customers(MODE, &place).await.unwrap();
        store.count_ignored(MODE).await.unwrap();
        note(format!("ignored customers at {place:?}"));
        store.resyncs(MODE, None, &place).await.unwrap();
        store.count_resyncs(MODE).await.unwrap();
        store.resync_customers("rsy_1", &["differs"], &place).await.unwrap();
        note(format!("resyncs, and customers of one, at {place:?}"));
        store.replays(MODE, &place).await.unwrap();
        store.count_replays(MODE).await.unwrap();
        let of_events =
            Place { after: place.after.as_ref().map(|_| 5), before: place.before.as_ref().map(|_| 5), limit: 50 };
        for why in [None, Some("no")] {
            store.replay_events("rpl_1", ReplayOutcome::Failed, why, &of_events).await.unwrap();
            store.count_replay_events("rpl_1", ReplayOutcome::Failed, why).await.unwrap();
        }
        note(format!("replays, and events of one, at {place:?}"));
    }
    store.list_unattributed(MODE, None, 50).await.unwrap();
    note("whose payments are nobody's".into());
    let times = [
        (None, None),
        (text("5:ovr_1"), None),
        (text(":ovr_1"), None),
        (None, text("5:ovr_1")),
        (None, text(":ovr_1")),
    ];
    for which in [Which::Active, Which::EndingBy(NOW), Which::NoEnd, Which::By("staff:ada".into()), Which::Over] {
        for (after, before) in times.clone() {
            let list = OverrideList { which: which.clone(), place: Place { after, before, limit: 50 } };
            store.list_overrides(MODE, &list, NOW).await.unwrap();
            store.count_overrides(MODE, &which, NOW).await.unwrap();
            note(format!("overrides by {list:?}"));
        }
    }
    let all = AuditFilter { livemode: Some(MODE), from: Some(NOW), to: Some(NOW), ..AuditFilter::default() };
    for filter in [
        all.clone(),
        AuditFilter { actor: text("cli"), ..all.clone() },
        AuditFilter { action: text("mapping.put"), ..all.clone() },
        AuditFilter { object_id: text("cus_1"), actor: text("cli"), ..all },
    ] {
        for (after, before) in [(None, None), (Some(5), None), (None, Some(5))] {
            let filter = AuditFilter { after, before, limit: 50, ..filter.clone() };
            store.audit(&filter).await.unwrap();
            store.count_audit(&filter).await.unwrap();
            note(format!("audit by {filter:?}"));
        }
    }
    store.users(MODE, Some("a"), 50).await.unwrap();
    store.users_of(MODE, &["cus_1".into(), "cus_2".into()]).await.unwrap();
    store.sync_states(MODE, &["cus_1".into(), "cus_2".into()]).await.unwrap();
    note("users by how they begin, users of customers, and how customers stand to Stripe".into());
    store.list_catalog(MODE).await.unwrap();
    note("the catalog".into());
    store.nav_counts(MODE).await.unwrap();
    store.last_receipt(MODE).await.unwrap();
    store.event_stats(MODE, NOW).await.unwrap();
    note("what stands on every page".into());
    store.count_status(MODE, EventStatus::Dead).await.unwrap();
    store.count_waiting_for_read(MODE).await.unwrap();
    store.longest_due().await.unwrap();
    note("what operation measures".into());
    store.overrides(MODE, &OverrideFilter { limit: 50, ..OverrideFilter::default() }).await.unwrap();
    note("overrides, the newest first".into());
    asked
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_list_is_read_by_index_whatever_it_is_narrowed_to() {
    tracing::subscriber::set_global_default(Listener).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("t.db").display());
    let store = store::open(&url, Options::default()).await.unwrap();
    // So that a type's beginning stands for a type.
    let body = serde_json::json!({"id": "evt_1", "object": "event", "type": "invoice.paid", "created": NOW.secs(), "livemode": false,
        "data": {"object": {"id": "in_1", "object": "invoice", "customer": "cus_1"}}});
    let envelope = domain::event::Envelope::read(&body).unwrap();
    let delivery =
        store::records::Delivery { envelope, payload: body.to_string(), received_at: NOW, secret_name: None };
    store.record_deliveries(&[delivery]).await.unwrap();
    HEARD.lock().unwrap().clear();
    let asked = ask_everything(store.as_ref()).await;

    let mut conn = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let (mut statements, mut faults) = (0, vec![]);
    for (what, heard) in asked {
        assert!(!heard.is_empty(), "{what}: no statement was heard");
        for statement in heard {
            let explain = AssertSqlSafe(format!("explain query plan {statement}"));
            let plan = sqlx::query(explain).fetch_all(&mut conn).await.unwrap();
            let steps: Vec<String> = plan.iter().map(|step| step.get("detail")).collect();
            let sorts = steps.iter().any(|step| step.contains("TEMP B-TREE FOR ORDER BY"));
            statements += 1;
            for step in &steps {
                if let Some(fault) = fault(step, sorts) {
                    faults.push(format!("{what}: {fault}\n  {step}\n  of {steps:#?}\n  {statement}"));
                }
            }
        }
    }
    assert!(statements > 150, "only {statements} statements were heard");
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}
