//! The two schemas agree, and the engine is one that does not corrupt its log.

use std::collections::BTreeMap;

use sqlx::{Connection as _, Row as _};
use store::Options;

use super::helpers::{Database, Engine};

/// SQLite 3.7.0 to 3.51.2 can corrupt a database when its write-ahead log is reset.
#[tokio::test]
async fn sqlite_is_new_enough() {
    let db = Database::open(Engine::Sqlite, Options::default()).await.unwrap();
    let version = db.store.engine_version().await.unwrap();
    let numbers: Vec<u32> = version.split('.').map(|part| part.parse().unwrap()).collect();
    assert!(numbers >= vec![3, 51, 3], "SQLite {version}");
}

#[tokio::test]
async fn both_databases_have_the_same_columns() {
    let sqlite = Database::open(Engine::Sqlite, Options::default()).await.unwrap();
    let Some(postgres) = Database::open(Engine::Postgres, Options::default()).await else { return };
    let mut conn = sqlx::SqliteConnection::connect(&sqlite.url).await.unwrap();
    let rows = sqlx::query(
        "select t.name as t, c.name as c, lower(c.type) as kind, c.\"notnull\" as required
         from sqlite_schema t join pragma_table_info(t.name) c
         where t.type = 'table' and t.name not like 'sqlite_%' and t.name not like '_sqlx%'",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    let ours: BTreeMap<(String, String), (String, bool)> = rows
        .iter()
        .map(|row| {
            let kind: String = row.get("kind");
            ((row.get("t"), row.get("c")), (kind.replace("integer", "bigint"), row.get::<i64, _>("required") != 0))
        })
        .collect();
    let mut conn = sqlx::PgConnection::connect(&postgres.url).await.unwrap();
    let rows = sqlx::query(
        "select table_name::text as t, column_name::text as c, data_type::text as kind, is_nullable = 'NO' as required
         from information_schema.columns where table_schema = 'public' and table_name not like '\\_sqlx%'",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    let theirs: BTreeMap<(String, String), (String, bool)> =
        rows.iter().map(|row| ((row.get("t"), row.get("c")), (row.get("kind"), row.get("required")))).collect();
    assert_eq!(ours, theirs);
}
