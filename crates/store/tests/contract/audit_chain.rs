//! The audit log's chain: what nobody can change, take out or put in unnoticed.

use sqlx::Connection as _;
use store::Options;
use store::records::{AuditFault, Author, Origin};

use super::helpers::{Database, Engine, MODE, author, on_both};

on_both! { the_audit_log_is_a_chain }

/// A statement of somebody who owns the database.
async fn run(db: &Database, engine: Engine, statement: &str) -> Result<(), sqlx::Error> {
    let statement = sqlx::AssertSqlSafe(statement.to_owned());
    match engine {
        Engine::Sqlite => {
            let mut conn = sqlx::SqliteConnection::connect(&db.url).await?;
            sqlx::query(statement).execute(&mut conn).await?;
        }
        Engine::Postgres => {
            let mut conn = sqlx::PgConnection::connect(&db.url).await?;
            sqlx::query(statement).execute(&mut conn).await?;
        }
    }
    Ok(())
}

async fn the_audit_log_is_a_chain(engine: Engine) {
    let Some(db) = Database::open(engine, Options::default()).await else { return };
    let empty = db.store.verify_audit().await.unwrap();
    assert_eq!((empty.entries, empty.fault, empty.head.as_str()), (0, None, ""));
    let origin =
        Origin { role: Some("admin".into()), address: Some("192.0.2.7".into()), request_id: Some("req_1".into()) };
    let author = Author { origin, ..author() };
    for n in 1..=5 {
        let details = serde_json::json!({ "after": { "n": n } });
        db.store.note_audit(Some(MODE), "feature.put", ("feature", &format!("f{n}")), &details, &author).await.unwrap();
    }
    let entry = db.store.audit_entry(3).await.unwrap().unwrap();
    let from = (entry.role.as_deref(), entry.address.as_deref(), entry.request_id.as_deref());
    assert_eq!(from, (Some("admin"), Some("192.0.2.7"), Some("req_1")));
    let whole = db.store.verify_audit().await.unwrap();
    assert_eq!((whole.entries, whole.unchained, whole.fault), (5, 0, None));
    assert_eq!(whole.head.len(), 64);
    assert!(db.store.audit_has_hash(&whole.head).await.unwrap());
    assert!(!db.store.audit_has_hash(&empty.head).await.unwrap());

    // The database itself refuses; who owns it can take that away, and is found by the chain.
    for refused in [
        "delete from audit where audit_id = 3",
        "update audit set actor = 'staff:eve' where audit_id = 3",
        "update audit set details = '{}' where audit_id = 3",
        "update audit set reason = null where audit_id = 3",
        "update audit set object_id = 'f9', erased_by = 3 where audit_id = 3",
    ] {
        assert!(run(&db, engine, refused).await.is_err(), "{refused}");
    }
    let of = if matches!(engine, Engine::Sqlite) { "" } else { " on audit" };
    for trigger in ["audit_is_kept", "audit_is_as_it_was", "audit_says_what_it_said"] {
        run(&db, engine, &format!("drop trigger {trigger}{of}")).await.unwrap();
    }
    let attacks = [
        ("update audit set actor = 'staff:eve' where audit_id = 3", (3, AuditFault::Changed)),
        ("update audit set reason = null where audit_id = 3", (3, AuditFault::Changed)),
        ("update audit set details = '{}' where audit_id = 2", (2, AuditFault::Changed)),
        // What was erased an entry behind it vouches for.
        (r#"update audit set details = '{"erased":true}' where audit_id = 2"#, (2, AuditFault::Changed)),
        (r#"update audit set details = '{"erased":true}', erased_by = 4 where audit_id = 2"#, (2, AuditFault::Changed)),
        (r#"update audit set details = '{"erased":true}', erased_by = 9 where audit_id = 2"#, (2, AuditFault::Changed)),
        ("update audit set address = '192.0.2.8' where audit_id = 5", (5, AuditFault::Changed)),
        ("update audit set at = at + 1 where audit_id = 1", (1, AuditFault::Changed)),
        ("update audit set hash = null where audit_id = 4", (4, AuditFault::Unchained)),
        ("delete from audit where audit_id = 2", (2, AuditFault::Missing)),
        ("delete from audit where audit_id = 5", (5, AuditFault::Missing)),
        ("update audit set audit_id = 9 where audit_id = 5", (5, AuditFault::Missing)),
    ];
    for (attack, fault) in attacks {
        run(&db, engine, "create table aside as select * from audit").await.unwrap();
        run(&db, engine, attack).await.unwrap();
        assert_eq!(db.store.verify_audit().await.unwrap().fault, Some(fault), "{attack}");
        for back in ["delete from audit", "insert into audit select * from aside", "drop table aside"] {
            run(&db, engine, back).await.unwrap();
        }
        assert_eq!(db.store.verify_audit().await.unwrap(), whole);
    }
}
