//! Databases of earlier schemas, of a newer one, and one whose migration fails half-way.

use std::path::Path;

use domain::Timestamp;
use domain::event::EventStatus;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqlSafeStr as _, SqliteConnection};
use store::records::{AuditFilter, CustomerFilter, EventFilter, Knowledge};
use store::{Error, Options};

use super::helpers::{Database, Engine, MODE, author, event, now, on_both, subscription};

on_both! {
    a_database_of_every_earlier_schema_migrates_and_answers_the_same,
    a_schema_that_is_not_ours_is_refused_with_what_to_do,
    a_migration_that_fails_leaves_the_schema_as_it_was,
}

/// Runs the migrations up to a number, as the program of that time did; and these statements.
macro_rules! made {
    ($conn:expr, $migrations:expr, $statements:expr) => {{
        let mut conn = $conn.unwrap();
        Migrator::with_migrations($migrations).run(&mut conn).await.unwrap();
        conn.execute(AssertSqlSafe($statements)).await.unwrap();
        conn.close().await.unwrap();
    }};
}

/// A database as it was at a migration.
async fn at_level(engine: Engine, level: i64, statements: &str) -> Option<(String, Option<tempfile::TempDir>)> {
    let (url, folder) = Database::make(engine).await?;
    let kind = if matches!(engine, Engine::Sqlite) { "sqlite" } else { "postgres" };
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(kind);
    let mut files: Vec<_> = std::fs::read_dir(migrations).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let migrations: Vec<Migration> = files
        .iter()
        .filter_map(|file| {
            let (number, name) = file.file_stem().unwrap().to_str().unwrap().split_once('_').unwrap();
            let number = number.parse().unwrap();
            let sql = AssertSqlSafe(std::fs::read_to_string(file).unwrap()).into_sql_str();
            (number <= level).then(|| Migration::new(number, name.to_owned().into(), MigrationType::Simple, sql, false))
        })
        .collect();
    match engine {
        Engine::Sqlite => {
            made!(SqliteConnection::connect(&format!("{url}?mode=rwc")).await, migrations, statements.to_owned());
        }
        Engine::Postgres => made!(PgConnection::connect(&url).await, migrations, statements.to_owned()),
    }
    Some((url, folder))
}

async fn execute(engine: Engine, url: &str, statement: &str) {
    let statement = AssertSqlSafe(statement.to_owned());
    match engine {
        Engine::Sqlite => {
            SqliteConnection::connect(url).await.unwrap().execute(statement).await.unwrap();
        }
        Engine::Postgres => {
            PgConnection::connect(url).await.unwrap().execute(statement).await.unwrap();
        }
    }
}

const LEVELS: [(i64, &str); 5] = [
    (8, include_str!("../fixtures/schemas/0008.sql")),
    (13, include_str!("../fixtures/schemas/0013.sql")),
    (18, include_str!("../fixtures/schemas/0018.sql")),
    (21, include_str!("../fixtures/schemas/0021.sql")),
    (26, include_str!("../fixtures/schemas/0026.sql")),
];

async fn a_database_of_every_earlier_schema_migrates_and_answers_the_same(engine: Engine) {
    for (level, rows) in LEVELS {
        let Some((url, folder)) = at_level(engine, level, rows).await else { return };
        let db = Database::opened(url, folder, Options { readable: vec![MODE], ..Options::default() }).await;
        let store = &db.store;
        let state = store.database().await.unwrap();
        assert_eq!(state.schema, state.newest_schema, "{level}");
        let day = |days: i64| now().plus_secs(days * 86_400);
        for (user, at, expected) in [
            ("user_active", 0, (true, "subscription_active")),
            ("user_active", 30, (false, "grace_period_over")),
            ("user_trialing", 0, (true, "subscription_trialing")),
            ("user_past_due", 0, (true, "grace_period")),
            ("user_past_due", 8, (false, "grace_period_over")),
            ("user_canceled", 0, (false, "subscription_canceled")),
            ("user_pass", 400, (true, "purchase")),
            ("user_granted", 400, (true, "override_grant")),
            ("user_denied", 0, (false, "override_deny")),
            ("user_registered", 0, (false, "no_customer")),
            ("user_nobody", 0, (false, "unknown_user")),
        ] {
            let decision = store.index().decide(MODE, user, "pro", &store.options().policy, day(at));
            assert_eq!((decision.allowed, decision.reason.as_str()), expected, "{user} of {level}");
        }
        // What pages and history are made of can be read.
        store.begin_history(now()).await.unwrap();
        let then = store.access_at(MODE, "user_active", now(), Knowledge::Today).await;
        assert!(then.unwrap().facts.is_some(), "{level}");
        let customers = CustomerFilter { limit: 50, ..CustomerFilter::default() };
        assert_eq!(store.list_customers(MODE, &customers).await.unwrap().data.len(), 6, "{level}");
        let events = EventFilter { limit: 50, ..EventFilter::default() };
        assert_eq!(store.events(MODE, &events).await.unwrap().data.len(), 5, "{level}");
        assert_eq!(store.open_conflicts(MODE, None).await.unwrap().len(), 1, "{level}");
        assert_eq!((store.staff().await.unwrap().len(), store.api_keys().await.unwrap().len()), (1, 1), "{level}");
        let audit = AuditFilter { limit: 50, ..AuditFilter::default() };
        store.audit(&audit).await.unwrap();
        assert_eq!(store.verify_audit().await.unwrap().fault, None, "{level}");
        // And news are taken in.
        let mut canceled = subscription("canceled", "price_pro");
        (canceled["id"], canceled["customer"]) = ("sub_active".into(), "cus_active".into());
        db.take(&[event("evt_news", "customer.subscription.deleted", 0, canceled, None)]).await;
        let news = store.event(MODE, "evt_news").await.unwrap().unwrap();
        assert_eq!((news.status, news.error), (EventStatus::Processed, None), "{level}: {:?}", news.note);
        let decision = store.index().decide(MODE, "user_active", "pro", &store.options().policy, now());
        assert_eq!((decision.allowed, decision.reason.as_str()), (false, "subscription_canceled"), "{level}");
        store.put_user(MODE, "user_new", None, None, &author()).await.unwrap();
        store.close().await;
    }
}

async fn refusal(url: &str) -> String {
    match store::open(url, Options::default()).await.err().unwrap() {
        Error::Schema(why) => why,
        other => panic!("{other}"),
    }
}

async fn a_schema_that_is_not_ours_is_refused_with_what_to_do(engine: Engine) {
    let Some(db) = Database::open(engine, Options::default()).await else { return };
    db.store.close().await;
    let bytes = if matches!(engine, Engine::Sqlite) { "x'00'" } else { r"'\x00'" };
    execute(
        engine,
        &db.url,
        &format!(
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time) values (9999, 'later', true, {bytes}, 0)"
        ),
    )
    .await;
    let why = refusal(&db.url).await;
    assert!(
        why.contains("migration 9999") && why.contains("newer Tollkeeper") && why.contains("restore FILE"),
        "{why}"
    );
    execute(engine, &db.url, "delete from _sqlx_migrations where version = 9999").await;
    let whole = store::open(&db.url, Options::default()).await.unwrap();
    whole.close().await;

    execute(engine, &db.url, &format!("update _sqlx_migrations set checksum = {bytes} where version = 5")).await;
    let why = refusal(&db.url).await;
    assert!(why.contains("migration 5 is another one") && !why.contains('\n'), "{why}");
}

async fn a_migration_that_fails_leaves_the_schema_as_it_was(engine: Engine) {
    // Migration 25 adds columns, a table with rows, and then a table that is here already.
    let Some((url, folder)) = at_level(engine, 24, "create table erased_customer (in_the_way bigint not null)").await
    else {
        return;
    };
    for _ in 0..2 {
        let why = refusal(&url).await;
        assert!(why.contains("migration 25 cannot be made") && why.contains("as it was before"), "{why}");
    }
    execute(engine, &url, "drop table erased_customer").await;
    // Had a part of it stayed, it could not be made now.
    let db = Database::opened(url, folder, Options::default()).await;
    let state = db.store.database().await.unwrap();
    assert_eq!(state.schema, state.newest_schema);
    db.store.put_user(MODE, "user_1", None, None, &author()).await.unwrap();
    assert!(db.store.user(MODE, "user_1").await.unwrap().unwrap().created_at >= Timestamp::from_secs(0));
}
