//! An SQLite file that cannot be written: what is said of it, and that all goes on when it can be again.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use domain::event::Envelope;
use domain::{Livemode, Timestamp};
use serde_json::json;
use sqlx::Connection as _;
use store::Options;
use store::records::{Delivery, Recorded};

fn delivery(id: &str) -> Delivery {
    let event = json!({
        "id": id, "object": "event", "type": "customer.updated", "created": 1_795_305_600, "livemode": false,
        "data": { "object": { "id": "cus_1", "object": "customer" } }
    });
    Delivery {
        envelope: Envelope::read(&event).unwrap(),
        payload: event.to_string(),
        received_at: Timestamp::from_secs(1_795_305_600),
        secret_name: Some("a".into()),
    }
}

#[tokio::test]
async fn a_file_that_another_program_locks_is_written_when_it_lets_go() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("t.db").display());
    let store = store::open(&url, Options::default()).await.unwrap();
    let sent = [delivery("evt_1")];
    let mut other = sqlx::SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("begin immediate").execute(&mut other).await.unwrap();
    // After five seconds, SQLite's own patience, Stripe is told to come again; readers go on meanwhile.
    let (stored, read) = tokio::join!(store.record_deliveries(&sent), store.event(Livemode::Test, "evt_1"));
    let error = stored.unwrap_err().to_string();
    assert!(error.contains("another program holds it locked"), "{error}");
    assert_eq!(read.unwrap(), None);
    sqlx::query("rollback").execute(&mut other).await.unwrap();
    assert_eq!(store.record_deliveries(&sent).await.unwrap(), [Recorded::Accepted]);
    assert!(store.event(Livemode::Test, "evt_1").await.unwrap().is_some());
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.db");
    let mut old = sqlx::SqliteConnection::connect(&format!("sqlite://{}?mode=rwc", file.display())).await.unwrap();
    sqlx::query("create table something (one integer)").execute(&mut old).await.unwrap();
    old.close().await.unwrap();
    let error = store::open(&format!("sqlite://{}?mode=ro", file.display()), Options::default())
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("mounted read-only"), "{error}");
    std::fs::write(&file, "this is a letter, and no database at all".repeat(100)).unwrap();
    let error =
        store::open(&format!("sqlite://{}", file.display()), Options::default()).await.err().unwrap().to_string();
    assert!(error.contains("restore a backup"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("in a folder/t.db");
    let store = store::open(&format!("sqlite://{}", file.display()), Options::default()).await.unwrap();
    store.record_deliveries(&[delivery("evt_1")]).await.unwrap();
    let made = std::fs::read_dir(file.parent().unwrap()).unwrap().map(|entry| entry.unwrap());
    for entry in made {
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
    }
}
