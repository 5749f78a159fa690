//! A whole database copied into another one, of each kind, broken off and gone on with.

use std::collections::BTreeMap;

use domain::access::OverrideEffect;
use domain::catalog::{Feature, FeatureType};
use serde_json::json;
use sqlx::Connection as _;
use store::copy::{Copied, Step, copy};
use store::records::{AuditFilter, EventFilter, NewOverride, RejectedDelivery};
use store::{Error, Options, Store};

use super::helpers::{Database, Engine, MODE, author, checkout, customer, event, now, on_both, subscription};

on_both! {
    a_copy_holds_and_answers_the_same,
    a_copy_that_was_broken_off_goes_on,
    a_target_that_holds_anything_else_is_refused,
}

/// The other kind, where there is one to test with.
async fn other(engine: Engine) -> Option<(String, Option<tempfile::TempDir>)> {
    Database::make(match engine {
        Engine::Sqlite => Engine::Postgres,
        Engine::Postgres => Engine::Sqlite,
    })
    .await
}

fn grant(user: &str) -> NewOverride {
    NewOverride {
        livemode: MODE,
        user_id: user.to_owned(),
        feature: "pro".into(),
        effect: OverrideEffect::Grant,
        value: None,
        expires_at: Some(now().plus_secs(60)),
    }
}

/// Something of each kind, and more of one than goes into a batch.
async fn filled(engine: Engine) -> Option<Database> {
    let db = Database::open(engine, Options { readable: vec![MODE], ..Options::default() }).await?.with_catalog().await;
    db.store.begin_history(now()).await.unwrap();
    db.take(&[
        event("evt_1", "checkout.session.completed", 0, checkout("user_1"), None),
        event("evt_2", "customer.subscription.created", 1, subscription("active", "price_pro"), None),
        event("evt_3", "customer.updated", 2, customer(), None),
        event("evt_4", "some.thing", 3, json!({"id": "x_1", "object": "thing", "said": "a\u{0}b 🙂 'quoted'"}), None),
    ])
    .await;
    let many: Vec<NewOverride> = (0..1203).map(|n| grant(&format!("user_{n:04}"))).collect();
    db.store.create_overrides(&many, None, &author()).await.unwrap();
    db.store.put_user(MODE, "user_Ärger", Some("ä@example.com"), None, &author()).await.unwrap();
    db.store
        .record_rejection(&RejectedDelivery {
            id: 0,
            received_at: now(),
            failed_check: "signature_mismatch".into(),
            message: "none fits".into(),
            tried: vec!["dashboard".into()],
            remote: None,
            signature_header: Some("t=1,v1=x".into()),
            body_size: 3,
            body_start: "{\"a".into(),
        })
        .await
        .unwrap();
    Some(db)
}

/// What people and applications are told.
async fn told(store: &dyn Store) -> BTreeMap<String, String> {
    let mut told = BTreeMap::new();
    let policy = store.options().policy;
    for user in ["user_1", "user_0000", "user_1202", "user_Ärger", "user_x"] {
        for secs in [0, 61, 864_001] {
            let decision = store.index().decide(MODE, user, "pro", &policy, now().plus_secs(secs));
            told.insert(format!("{user} {secs}"), format!("{decision:?}"));
        }
        let changes = store.verdict_changes(MODE, user, 10).await.unwrap();
        told.insert(format!("changes of {user}"), format!("{changes:?}"));
    }
    let events = store.events(MODE, &EventFilter { limit: 10, ..EventFilter::default() }).await.unwrap();
    told.insert("events".into(), format!("{events:?}"));
    let audit = store.audit(&AuditFilter { limit: 2000, ..AuditFilter::default() }).await.unwrap();
    told.insert("audit".into(), format!("{:?}", audit.data));
    told.insert("chain".into(), format!("{:?}", store.verify_audit().await.unwrap()));
    told.insert("rejected".into(), format!("{:?}", store.rejected_deliveries(None, 5).await.unwrap()));
    told
}

async fn a_copy_holds_and_answers_the_same(engine: Engine) {
    let Some(db) = filled(engine).await else { return };
    let before = told(&*db.store).await;
    db.store.close().await;
    let Some((target, folder)) = other(engine).await else { return };
    let copied = copy(&db.url, &target, &mut |_| {}).await.unwrap();
    let of = |name: &str| copied.iter().find(|table: &&Copied| table.table == name).map(|table| table.rows);
    assert_eq!((of("access_override"), of("event"), of("audit_head")), (Some(1203), Some(4), Some(1)));
    assert!(copied.len() > 35 && copied.iter().all(|table| table.checksum.len() == 32), "{copied:?}");

    let there = Database::opened(target.clone(), folder, Options { readable: vec![MODE], ..Options::default() }).await;
    assert_eq!(told(&*there.store).await, before);
    // And it goes on from there: numbers are given behind those that were copied.
    there
        .take(&[event("evt_5", "customer.subscription.deleted", 9, subscription("canceled", "price_pro"), None)])
        .await;
    assert_eq!(there.verdict(), (false, "subscription_canceled"));
    let events = there.store.events(MODE, &EventFilter { limit: 10, ..EventFilter::default() }).await.unwrap();
    assert_eq!((events.data[0].event_id.as_str(), events.data.len()), ("evt_5", 5));
    there.store.put_feature(MODE, &Feature::new("late", FeatureType::Switch), &author()).await.unwrap();
    assert_eq!(there.store.verify_audit().await.unwrap().fault, None);
}

/// Behind the store's back.
async fn execute(url: &str, sql: &'static str) {
    if url.starts_with("sqlite:") {
        let mut conn = sqlx::SqliteConnection::connect(&format!("{url}?mode=rwc")).await.unwrap();
        sqlx::query(sql).execute(&mut conn).await.unwrap();
        conn.close().await.unwrap();
    } else {
        let mut conn = sqlx::PgConnection::connect(url).await.unwrap();
        sqlx::query(sql).execute(&mut conn).await.unwrap();
    }
}

/// Copies until some batches are done, and dies.
async fn killed(from: &str, to: &str) {
    let (from, to) = (from.to_owned(), to.to_owned());
    let killed = tokio::spawn(async move {
        copy(&from, &to, &mut |step| {
            assert!(!matches!(step, Step::Copying("access_override", 1000)), "killed, as it should be");
        })
        .await
    });
    assert!(killed.await.unwrap_err().is_panic());
}

async fn a_copy_that_was_broken_off_goes_on(engine: Engine) {
    let Some(db) = filled(engine).await else { return };
    let before = told(&*db.store).await;
    db.store.close().await;
    let Some((target, folder)) = other(engine).await else { return };
    killed(&db.url, &target).await;

    // Nobody starts on half a copy, and nothing else is copied into it.
    let refused = store::open(&target, Options::default()).await.err().unwrap();
    assert!(matches!(&refused, Error::Schema(why) if why.contains("was not finished")), "{refused}");
    let another = filled(engine).await.unwrap();
    another.store.close().await;
    let refused = copy(&another.url, &target, &mut |_| {}).await.unwrap_err();
    assert!(refused.to_string().contains("unfinished copy of another database"), "{refused}");

    let mut steps = vec![];
    copy(&db.url, &target, &mut |step| {
        if let Step::GoesOn = step {
            steps.push("goes on".to_owned());
        } else if let Step::Copying(table @ ("access_override" | "access_change"), rows) = step {
            steps.push(format!("{table} {rows}"));
        }
    })
    .await
    .unwrap();
    assert_eq!(steps, ["goes on", "access_override 203"], "what was copied stays");
    let there = Database::opened(target.clone(), folder, Options { readable: vec![MODE], ..Options::default() }).await;
    assert_eq!(told(&*there.store).await, before);

    // Of a source that went on meanwhile half would be missing.
    let Some((target, _folder)) = other(engine).await else { return };
    killed(&another.url, &target).await;
    let went_on = store::open(&another.url, Options::default()).await.unwrap();
    went_on.put_feature(MODE, &Feature::new("new", FeatureType::Switch), &author()).await.unwrap();
    went_on.close().await;
    let refused = copy(&another.url, &target, &mut |_| {}).await.unwrap_err();
    assert!(refused.to_string().contains("was changed since"), "{refused}");
}

async fn a_target_that_holds_anything_else_is_refused(engine: Engine) {
    let Some(db) = filled(engine).await else { return };
    db.store.close().await;
    let Some((target, folder)) = other(engine).await else { return };
    // One that was migrated and never used is as good as new.
    let there = Database::opened(target.clone(), folder, Options::default()).await;
    there.store.put_feature(MODE, &Feature::new("pro", FeatureType::Switch), &author()).await.unwrap();
    let refused = copy(&db.url, &target, &mut |_| {}).await.unwrap_err();
    assert!(
        matches!(&refused, Error::Refused(why) if why.contains("not empty") && why.contains("feature")),
        "{refused}"
    );
    assert_eq!(there.store.verify_audit().await.unwrap().entries, 1, "nothing was touched");
    assert!(copy(&db.url, &db.url, &mut |_| {}).await.is_err());

    // What is somebody else's, or an older program's, is not even migrated.
    let Some((target, _folder)) = other(engine).await else { return };
    execute(&target, "create table theirs (id integer)").await;
    let refused = copy(&db.url, &target, &mut |_| {}).await.unwrap_err();
    assert!(matches!(&refused, Error::Refused(why) if why.contains("other tables than ours")), "{refused}");
    execute(&target, "create table _sqlx_migrations (id integer)").await;
    let Some((target, folder)) = other(engine).await else { return };
    let older = Database::opened(target.clone(), folder, Options::default()).await;
    older.store.close().await;
    execute(&target, "delete from _sqlx_migrations where version > 25").await;
    let refused = copy(&db.url, &target, &mut |_| {}).await.unwrap_err();
    assert!(matches!(&refused, Error::Refused(why) if why.contains("an older program")), "{refused}");

    let Some((target, folder)) = other(engine).await else { return };
    let migrated = Database::opened(target.clone(), folder, Options::default()).await;
    migrated.store.close().await;
    copy(&db.url, &target, &mut |_| {}).await.unwrap();
}
