//! A database that an older program filled is brought up to date when it is opened, and answers as it did.

use domain::Timestamp;
use serde_json::json;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqlSafeStr as _, SqliteConnection};
use store::Options;

use super::helpers::{Database, Engine, MODE, NOW, checkout, now, on_both, subscription};

on_both! { a_database_of_the_first_schema_answers_as_before }

/// Runs the first migration alone, as the program of that time did, and these statements.
macro_rules! fill {
    ($conn:expr, $sql:expr, $statements:expr) => {{
        let mut conn = $conn.unwrap();
        let sql = include_str!($sql).into_sql_str();
        let first = Migration::new(1, "init".into(), MigrationType::Simple, sql, false);
        Migrator::with_migrations(vec![first]).run(&mut conn).await.unwrap();
        for statement in $statements {
            conn.execute(AssertSqlSafe(statement)).await.unwrap();
        }
        conn.close().await.unwrap();
    }};
}

async fn a_database_of_the_first_schema_answers_as_before(engine: Engine) {
    let Some((url, folder)) = Database::make(engine).await else { return };
    let at = NOW * 1000 - 864_000_000;
    // States as they were written then.
    let state = json!({
        "id": "sub_1", "customer_id": "cus_1", "status": "active", "created": Timestamp::from_millis(at),
        "items": [{"id": "si_1", "price_id": "price_pro", "product_id": "prod_1", "quantity": 1, "current_period_start": null,
            "current_period_end": now().plus_secs(864_000)}],
        "items_truncated": false, "trial_end": null, "cancel_at": null, "cancel_at_period_end": false, "canceled_at": null,
        "ended_at": null, "cancellation_reason": null, "pause_behavior": null, "latest_invoice": null, "claimed_user": null
    });
    let price = json!({"id": "price_pro", "product_id": "prod_1", "nickname": null, "unit_amount": 2900, "currency": "eur",
        "interval": "month", "active": true});
    let bought = json!({"id": "cs_1", "mode": "payment", "status": "complete", "payment_status": "paid", "customer_id": "cus_1",
        "subscription_id": null, "client_reference_id": "user_1", "claimed_user": null, "email": null, "url": null, "created": null,
        "expires_at": null});
    let statements = [
        format!("insert into mapping values (false, 'cus_1', 'user_1', 'client_reference_id', 'evt_cs', {at})"),
        format!(
            "insert into customer (livemode, customer_id, deleted, first_seen_at, read_attempts) values (false, 'cus_1', false, {at}, 0)"
        ),
        format!(
            "insert into subscription values (false, 'sub_1', 'cus_1', 'active', '{state}', '[]', null, {at}, 'evt_1', {at})"
        ),
        format!("insert into price values (false, 'price_pro', 'prod_1', '{price}', false, {at}, null)"),
        format!("insert into checkout_session values (false, 'cs_1', 'cus_1', '{bought}', {at}, 'evt_cs', {at})"),
        format!("insert into feature values (false, 'pro', 'Pro', 'switch', {at})"),
        "insert into catalog_grant values (false, 'product', 'prod_1', 'pro', null)".to_owned(),
    ];
    match engine {
        Engine::Sqlite => {
            let conn = SqliteConnection::connect(&format!("{url}?mode=rwc")).await;
            fill!(conn, "../../../../migrations/sqlite/0001_init.sql", statements);
        }
        Engine::Postgres => {
            fill!(PgConnection::connect(&url).await, "../../../../migrations/postgres/0001_init.sql", statements);
        }
    }

    let db = Database::opened(url, folder, Options { readable: vec![MODE], ..Options::default() }).await;
    let store = &db.store;
    let decision = store.index().decide(MODE, "user_1", "pro", &store.options().policy, now());
    assert_eq!((decision.allowed, decision.reason.as_str()), (true, "subscription_active"));
    let given = &store.index().catalog(MODE).products["prod_1"];
    assert!(given.len() == 1 && given[0].source.is_manual(), "what was set by hand stays so: {given:?}");
    let products = store.claim_products("worker", now(), 5).await.unwrap();
    assert_eq!(products[0].product_id, "prod_1", "products are read once");
    let customers = store.claim_reads("worker", now(), 5).await.unwrap();
    assert_eq!(customers[0].customer_id, "cus_1", "what was bought once was never read");
    let end = now().plus_secs(864_000 + 3600);
    assert_eq!(db.store.doubt_overdue(end.plus_millis(-1), 5).await.unwrap(), 0);
    assert_eq!(db.store.doubt_overdue(end, 5).await.unwrap(), 1, "its renewal has to be told");
    // And news are taken in as ever.
    let canceled =
        super::helpers::event("evt_2", "customer.subscription.deleted", 0, subscription("canceled", "price_pro"), None);
    db.take(&[super::helpers::event("evt_3", "checkout.session.completed", -100, checkout("user_1"), None), canceled])
        .await;
    assert_eq!(db.verdict(), (false, "subscription_canceled"));
}
