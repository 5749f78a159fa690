//! After an erasure nothing names the person, in no table and in no byte of the file; what was decided about them is there still.

use std::collections::BTreeMap;

use domain::Timestamp;
use domain::access::OverrideEffect;
use domain::mapping::MappingSource;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};
use store::Options;
use store::records::{
    AuditFault, Author, CheckGroup, NewOverride, NewResync, Person, Purpose, RejectedDelivery, ResyncRange,
    ResyncScope, SavedFilter, Snapshot, StagedObject, Whom,
};

use super::helpers::{Database, Engine, MODE, NOW, author, customer, delivery, event, now, on_both, subscription};

on_both! { nothing_names_the_person_any_more, what_comes_later_brings_nobody_back, a_customer_of_nobody_is_erased, an_export_has_everything }

/// Stands in every field of everything about the person.
const MARK: &str = "unmistakable";
const USER: &str = "user_unmistakable";
/// Fields whose words have a meaning.
const WORDS: &[&str] = &[
    "object",
    "type",
    "status",
    "mode",
    "currency",
    "payment_status",
    "billing_reason",
    "collection_method",
    "reason",
    "interval",
    "behavior",
    "usage_type",
    "livemode",
];

/// The payload with the mark in every text that is free.
fn marked(mut value: Value) -> Value {
    fn mark(name: &str, value: &mut Value) {
        let is_id = |text: &str| {
            text.split_once('_')
                .is_some_and(|(kind, _)| kind.len() <= 8 && kind.chars().all(|c| c.is_ascii_lowercase()))
        };
        match value {
            Value::String(text) if name.contains("email") => *text = format!("{name}@{MARK}.example"),
            Value::String(text) if !WORDS.contains(&name) && !is_id(text) => *text = format!("{name} {MARK}"),
            Value::Array(values) => values.iter_mut().for_each(|value| mark(name, value)),
            // What is sold is the seller's.
            Value::Object(fields)
                if ["price", "plan", "product"].iter().all(|kind| fields.get("object") != Some(&json!(kind))) =>
            {
                for (name, value) in fields {
                    mark(name, value);
                }
            }
            _ => {}
        }
    }
    mark("", &mut value);
    // What an account without much data leaves out, and what the application wrote.
    for field in ["name", "phone", "description", "receipt_email"] {
        value[field] = json!(format!("{field} {MARK}"));
    }
    value["email"] = json!(format!("Ada@{MARK}.example"));
    value["metadata"] = json!({"user_id": USER, "note": format!("said {MARK}")});
    value["address"] = json!({"line1": format!("Street {MARK}"), "city": MARK});
    value["billing_details"] = json!({"name": format!("Ada {MARK}"), "email": format!("billing@{MARK}.example")});
    value["customer_details"] =
        json!({"name": format!("Ada {MARK}"), "email": format!("details@{MARK}.example"), "phone": MARK});
    value
}

fn payload(name: &str) -> Value {
    let path = format!("{}/tests/fixtures/2025-09-30.clover/{name}.json", env!("CARGO_MANIFEST_DIR"));
    marked(serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
}

fn session() -> Value {
    let mut session = payload("checkout_session");
    session["client_reference_id"] = json!(USER);
    session["url"] = json!(format!("https://checkout.example/{MARK}"));
    session
}

/// How often the mark stands in which column.
async fn columns_with_the_mark(db: &Database, engine: Engine) -> BTreeMap<String, i64> {
    let mut found = BTreeMap::new();
    match engine {
        Engine::Sqlite => {
            let mut conn = sqlx::SqliteConnection::connect(&db.url).await.unwrap();
            let columns = "select t.name as t, c.name as c from sqlite_schema t join pragma_table_info(t.name) c
                           where t.type = 'table' and lower(c.type) = 'text'";
            for row in sqlx::query(columns).fetch_all(&mut conn).await.unwrap() {
                let (table, column): (String, String) = (row.get("t"), row.get("c"));
                let sql = format!("select count(*) from {table} where lower({column}) like '%{MARK}%'");
                let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut conn).await.unwrap();
                found.insert(format!("{table}.{column}"), count);
            }
        }
        Engine::Postgres => {
            let mut conn = sqlx::PgConnection::connect(&db.url).await.unwrap();
            let columns = "select table_name::text as t, column_name::text as c from information_schema.columns
                           where table_schema = 'public' and data_type = 'text'";
            for row in sqlx::query(columns).fetch_all(&mut conn).await.unwrap() {
                let (table, column): (String, String) = (row.get("t"), row.get("c"));
                let sql = format!("select count(*) from {table} where lower({column}) like '%{MARK}%'");
                let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut conn).await.unwrap();
                found.insert(format!("{table}.{column}"), count);
            }
        }
    }
    found.retain(|_, count| *count > 0);
    found
}

/// How often the mark stands in the bytes of SQLite's files.
fn bytes_with_the_mark(db: &Database) -> usize {
    let path = db.url.strip_prefix("sqlite://").unwrap();
    let in_file = |suffix: &str| {
        let bytes = std::fs::read(format!("{path}{suffix}")).unwrap_or_default().to_ascii_lowercase();
        bytes.windows(MARK.len()).filter(|window| *window == MARK.as_bytes()).count()
    };
    ["", "-wal", "-shm"].into_iter().map(in_file).sum()
}

async fn nothing_is_left(db: &Database, engine: Engine) {
    assert_eq!(columns_with_the_mark(db, engine).await, BTreeMap::new());
    if matches!(engine, Engine::Sqlite) {
        db.store.rewrite().await.unwrap();
        assert_eq!(bytes_with_the_mark(db), 0);
    }
}

async fn open(engine: Engine) -> Option<Database> {
    let options = Options { readable: vec![MODE], ..Options::default() };
    Some(Database::open(engine, options).await?.with_catalog().await)
}

/// A person whom everything is known of, and somebody else.
async fn everything(engine: Engine) -> Option<Database> {
    let db = open(engine).await?;
    let told = |n: i64, kind: &str, object: Value| {
        let previous = Some(json!({"email": format!("before@{MARK}.example"), "name": format!("Before {MARK}")}));
        event(&format!("evt_{n}"), kind, -1000 + n * 20, object, previous)
    };
    let mut renamed = payload("customer");
    renamed["email"] = json!(format!("Second@{MARK}.example"));
    let mut paid = subscription("active", "price_pro");
    paid["metadata"] = json!({"user_id": USER});
    paid["description"] = json!(format!("for {MARK}"));
    db.take(&[
        told(1, "customer.created", payload("customer")),
        told(2, "checkout.session.completed", session()),
        told(3, "customer.subscription.created", paid),
        told(4, "invoice.paid", payload("invoice")),
        told(5, "charge.succeeded", payload("charge")),
        told(6, "customer.updated", renamed),
        told(7, "customer.source.created", payload("customer")),
    ])
    .await;
    // What the application and the staff wrote.
    let (email, name) = (format!("app@{MARK}.example"), format!("App {MARK}"));
    db.store.put_user(MODE, USER, Some(&email), Some(&name), &author()).await.unwrap();
    let why = |text: &str| Author::new("staff:ben@example.com", now()).because(Some(format!("{text} {MARK}")));
    let new = NewOverride {
        livemode: MODE,
        user_id: USER.into(),
        feature: "team".into(),
        effect: OverrideEffect::Grant,
        value: None,
        expires_at: None,
    };
    let made = db.store.create_override(&new, &why("for a friend of")).await.unwrap();
    db.store.revoke_override(MODE, &made.override_id, &why("no friend of")).await.unwrap();
    db.store.create_override(&new, &why("again")).await.unwrap();
    db.store.replay_event(MODE, "evt_6", &why("replayed for Ada")).await.unwrap();
    db.drain().await;
    db.store
        .note_audit(Some(MODE), "list.export", ("list", "customers"), &json!({"filter": {"q": email}}), &author())
        .await
        .unwrap();
    let filter = SavedFilter {
        saved_filter_id: "flt_1".into(),
        path: "/admin/customers".into(),
        name: "One".into(),
        query: format!("q=app%40{MARK}.example"),
    };
    assert!(db.store.save_filter("stf_1", &filter).await.unwrap());
    let rejected = RejectedDelivery {
        id: 0,
        received_at: now(),
        failed_check: "signature_mismatch".into(),
        message: "no".into(),
        tried: vec![],
        remote: None,
        signature_header: None,
        body_size: 500,
        body_start: json!({"customer": "cus_1", "email": email}).to_string(),
    };
    db.store.record_rejection(&rejected).await.unwrap();
    let checked = CheckGroup {
        livemode: MODE,
        user_id: USER.into(),
        feature: "pro".into(),
        api_key_id: "key_1".into(),
        allowed: true,
        reason: "subscription_active".into(),
        since: now(),
        last_at: now(),
        times: 3,
    };
    db.store.record_checks(&[checked], &[], now()).await.unwrap();
    // A read from Stripe, and one that is compared and waits for somebody.
    let claim = db.claim(now()).await;
    db.store.apply_snapshot(&claim, &answer(), now(), &why("read")).await.unwrap();
    db.compare().await;
    // Somebody else.
    let mut other = subscription("active", "price_pro");
    (other["id"], other["customer"]) = (json!("sub_2"), json!("cus_2"));
    other["metadata"] = json!({"user_id": "user_2"});
    db.take(&[event("evt_other", "customer.subscription.created", 0, other, None)]).await;
    Some(db)
}

fn answer() -> Snapshot {
    let mut paid = subscription("active", "price_pro");
    paid["metadata"] = json!({"user_id": USER});
    Snapshot {
        customer: Some(payload("customer")),
        subscriptions: vec![paid],
        checkout_sessions: vec![session()],
        ..Snapshot::default()
    }
}

impl Database {
    /// A comparison that found something, and has more to compare.
    async fn compare(&self) {
        let scope = ResyncScope::All;
        let new = NewResync { livemode: MODE, purpose: Purpose::Resync, scope, applies: false };
        let resync = self.store.create_resync(&new, &author()).await.unwrap();
        self.store.claim_resync(Some(&resync.resync_id), "worker", now()).await.unwrap().unwrap();
        let staged = StagedObject {
            customer_id: "cus_1".into(),
            kind: "customer",
            id: "cus_1".into(),
            object: payload("customer").to_string(),
        };
        let range = ResyncRange {
            list: "customers".into(),
            number: 0,
            created_from: 0,
            created_until: NOW,
            after: None,
            is_done: false,
        };
        assert!(self.store.stage_page(&resync.resync_id, "worker", &range, &[staged], now()).await.unwrap());
    }

    async fn them(&self, whom: Whom<'_>) -> Option<Person> {
        self.store.person(MODE, whom).await.unwrap()
    }
}

async fn nothing_names_the_person_any_more(engine: Engine) {
    let Some(db) = everything(engine).await else { return };
    let before = columns_with_the_mark(&db, engine).await;
    assert!(before.len() > 15, "the mark has to be wherever it can be: {before:?}");
    let other = store::open(&db.url, Options::default()).await.unwrap();
    let policy = db.store.options().policy;
    let answers =
        |store: &dyn store::Store, user: &str, at: Timestamp| store.index().entitlements(MODE, user, &policy, at);
    let (decided, changes) =
        (answers(&*db.store, USER, now()), db.store.verdict_changes(MODE, USER, 99).await.unwrap());
    let past = db.store.history(MODE, USER, 99).await.unwrap();
    let others = db.store.export_person(&db.them(Whom::User("user_2")).await.unwrap(), &author()).await.unwrap();

    let person = db.them(Whom::Customer("cus_1")).await.unwrap();
    assert_eq!(person.user_id.as_deref(), Some(USER));
    assert_eq!(person.customer_ids, ["cus_1"]);
    assert_eq!(db.them(Whom::User(USER)).await.as_ref(), Some(&person));
    assert_eq!(db.store.plan_erasure(&person).await.unwrap().running, ["sub_1"]);
    let author = Author::new("staff:owner@example.com", now()).because(Some(format!("asked by app@{MARK}.example")));
    let erased = db.store.erase(&person, &author).await.unwrap();
    assert!(erased.pseudonym.starts_with("erased_") && erased.audit_entries > 5, "{erased:?}");
    nothing_is_left(&db, engine).await;

    // What was decided is there under the other name, and nothing under the old one, here and in other processes.
    let name = erased.pseudonym.as_str();
    other.refresh_index().await.unwrap();
    for store in [&db.store, &other] {
        assert_eq!(answers(&**store, name, now()), decided);
        assert_eq!(store.index().facts(MODE, USER), None);
        assert!(store.index().facts(MODE, "user_2").is_some());
    }
    let told = db.store.verdict_changes(MODE, name, 99).await.unwrap();
    let of = |changes: &[store::records::VerdictChangeRecord]| {
        changes
            .iter()
            .map(|c| (c.at, c.change.feature.clone(), c.change.reason_after.clone(), c.cause_kind.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!((of(&told), told.is_empty()), (of(&changes), false));
    assert_eq!(db.store.history(MODE, name, 99).await.unwrap().len(), past.len());
    assert_eq!(db.store.subscription(MODE, "sub_1").await.unwrap().unwrap().user_id.as_deref(), Some(name));
    let others_now = db.store.export_person(&db.them(Whom::User("user_2")).await.unwrap(), &author).await.unwrap();
    for part in ["subscriptions", "events", "mappings", "history"] {
        assert_eq!(others_now["kept"][part], others["kept"][part], "nobody else is touched");
    }

    // It is in the audit log, whose chain holds, and what is left of an erased entry nobody can change either.
    let chain = db.store.verify_audit().await.unwrap();
    assert_eq!(chain.fault, None, "{chain:?}");
    let by_name = store::records::AuditFilter { object_id: Some(name.into()), limit: 50, ..Default::default() };
    let entries = db.store.audit(&by_name).await.unwrap().data;
    let entry = entries.iter().find(|entry| entry.action == "person.erase").unwrap();
    assert_eq!(entry.reason.as_deref(), Some(format!("asked by {name}").as_str()));
    let wiped = entries.iter().find(|entry| entry.details == json!({"erased": true})).unwrap().audit_id;
    let undone = db.store.undo(wiped, &author).await.unwrap();
    assert!(matches!(&undone, store::records::Undone::Refused(why) if why.contains("erased")), "{undone:?}");
    let of = if matches!(engine, Engine::Sqlite) { "" } else { " on audit" };
    for refused in [
        format!("update audit set object_id = 'user_9' where audit_id = {wiped}"),
        format!("update audit set details = '{{}}' , erased_by = null where audit_id = {wiped}"),
    ] {
        // With `erased_by` as it is the database lets it pass; the chain does not.
        let _ = run(&db, engine, &refused).await;
    }
    run(&db, engine, &format!("drop trigger audit_says_what_it_said{of}")).await.unwrap();
    run(&db, engine, &format!("update audit set object_id = 'user_9' where audit_id = {wiped}")).await.unwrap();
    assert_eq!(db.store.verify_audit().await.unwrap().fault, Some((wiped, AuditFault::Changed)));
    run(&db, engine, &format!("update audit set object_id = '{name}' where audit_id = {wiped}")).await.unwrap();
    assert_eq!(db.store.verify_audit().await.unwrap().fault, None);
    // An entry nobody erased is not passed off for one.
    let own = entry.audit_id;
    run(
        &db,
        engine,
        &format!("update audit set details = '{{\"erased\":true}}', erased_by = {own} where audit_id = 1"),
    )
    .await
    .unwrap();
    assert_eq!(db.store.verify_audit().await.unwrap().fault, Some((1, AuditFault::Changed)));
}

async fn run(db: &Database, engine: Engine, sql: &str) -> Result<(), sqlx::Error> {
    let sql = AssertSqlSafe(sql.to_owned());
    match engine {
        Engine::Sqlite => {
            let mut conn = sqlx::SqliteConnection::connect(&db.url).await?;
            sqlx::query(sql).execute(&mut conn).await?;
        }
        Engine::Postgres => {
            let mut conn = sqlx::PgConnection::connect(&db.url).await?;
            sqlx::query(sql).execute(&mut conn).await?;
        }
    }
    Ok(())
}

async fn what_comes_later_brings_nobody_back(engine: Engine) {
    let Some(db) = everything(engine).await else { return };
    let person = db.them(Whom::User(USER)).await.unwrap();
    // One had come and was not processed yet.
    let waiting = event("evt_waiting", "customer.updated", 40, payload("customer"), None);
    db.deliver(&waiting).await;
    let erased = db.store.erase(&person, &author()).await.unwrap();
    assert_eq!(columns_with_the_mark(&db, engine).await, BTreeMap::new());
    assert_eq!(db.them(Whom::User(USER)).await, None, "there is nobody of this id any more");
    db.drain().await;

    // Stripe goes on telling of the customer: what happens to the subscription counts, who it is does not.
    let mut ended = subscription("canceled", "price_pro");
    ended["metadata"] = json!({"user_id": USER, "note": MARK});
    ended["ended_at"] = json!(NOW + 100);
    for (n, (kind, object)) in [
        ("customer.updated", payload("customer")),
        ("checkout.session.completed", session()),
        ("customer.subscription.deleted", ended),
        ("payment_method.attached", payload("customer")),
    ]
    .into_iter()
    .enumerate()
    {
        let n = i64::try_from(n).unwrap();
        let late = event(&format!("evt_late_{n}"), kind, 100 + n * 20, object, Some(json!({"email": MARK})));
        db.store.record_deliveries(&[delivery(&late, now())]).await.unwrap();
        assert!(
            !columns_with_the_mark(&db, engine).await.contains_key("event.payload"),
            "{kind} before it is processed"
        );
        db.drain().await;
        let stored = db.store.event(MODE, &format!("evt_late_{n}")).await.unwrap().unwrap();
        assert_eq!(stored.error, None, "{kind}");
    }
    // So does a read, and a comparison of everybody.
    let claim = db.claim(now().plus_secs(200)).await;
    db.store.apply_snapshot(&claim, &answer(), now().plus_secs(300), &author()).await.unwrap();
    db.compare().await;
    nothing_is_left(&db, engine).await;
    let known = db.store.customer(MODE, "cus_1").await.unwrap().unwrap();
    assert_eq!((known.email, known.name, known.claimed_user), (None, None, None));
    let mapping = db.store.mapping(MODE, "cus_1").await.unwrap().unwrap();
    assert_eq!(mapping.user_id, erased.pseudonym);
    assert!(db.store.open_conflicts(MODE, None).await.unwrap().is_empty());

    // A second time finds the same name, and what came since.
    let person = db.them(Whom::Customer("cus_1")).await.unwrap();
    assert_eq!(person.erased.as_ref().map(|(name, _)| name), Some(&erased.pseudonym));
    assert_eq!(db.store.erase(&person, &author()).await.unwrap().pseudonym, erased.pseudonym);
    // The person themselves may come back, by the application's own word.
    db.store.put_mapping(MODE, "cus_1", USER, MappingSource::Api, &author()).await.unwrap();
    assert!(db.store.index().facts(MODE, USER).is_some());
    let person = db.them(Whom::User(USER)).await.unwrap();
    assert_eq!(db.store.erase(&person, &author()).await.unwrap().pseudonym, erased.pseudonym);
    nothing_is_left(&db, engine).await;
    assert_eq!(db.store.verify_audit().await.unwrap().fault, None);
}

async fn a_customer_of_nobody_is_erased(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let mut known = customer();
    (known["email"], known["name"]) = (json!(format!("a@{MARK}.example")), json!(format!("Ada {MARK}")));
    db.take(&[event("evt_1", "customer.created", -20, known, None)]).await;
    assert_eq!(db.them(Whom::Customer("cus_9")).await, None);
    let why = author().because(Some(format!("a test of {MARK}")));
    assert!(db.store.ignore_customer(MODE, "cus_1", &why).await.unwrap());
    let person = db.them(Whom::Customer("cus_1")).await.unwrap();
    assert_eq!(person.user_id, None);
    db.store.erase(&person, &author()).await.unwrap();
    nothing_is_left(&db, engine).await;
}

async fn an_export_has_everything(engine: Engine) {
    let Some(db) = everything(engine).await else { return };
    let person = db.them(Whom::User(USER)).await.unwrap();
    let export = db.store.export_person(&person, &author()).await.unwrap();
    assert_eq!((export["user_id"].as_str(), export["customer_ids"][0].as_str()), (Some(USER), Some("cus_1")));
    let kept = export["kept"].as_object().unwrap();
    for part in [
        "application_users",
        "customers",
        "mappings",
        "subscriptions",
        "checkout_sessions",
        "overrides",
        "changes_of_answers",
        "history",
        "access_checks",
        "events",
        "attempts",
        "audit_log",
    ] {
        assert!(!kept[part].as_array().unwrap().is_empty(), "{part}");
    }
    assert_eq!(kept["events"].as_array().unwrap().len(), 7);
    let body = &kept["events"][0]["payload"];
    assert_eq!(body["data"]["object"]["email"], format!("Ada@{MARK}.example"), "bodies are unfolded");
    assert!(kept["events"][0]["received_at"].as_str().unwrap().starts_with("2026-11-22T"));
    assert!(!export.to_string().contains("user_2"), "nobody else is in it");
    assert_eq!(kept["audit_log"][0]["address"], Value::Null, "from where the staff worked is theirs");
    let by_person = store::records::AuditFilter { object_id: Some(USER.into()), limit: 50, ..Default::default() };
    assert!(db.store.audit(&by_person).await.unwrap().data.iter().any(|entry| entry.action == "person.export"));
}
