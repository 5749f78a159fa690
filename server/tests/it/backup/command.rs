//! `tollkeeper backup` and `restore`, beside the real program and in its place.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use domain::Livemode;
use domain::event::EventStatus;
use serde_json::json;
use store::Options;
use store::records::{AuditFilter, Author};
use store::sqlite::{look, url_of};

use super::{run, run_on};
use crate::helpers::process::Process;

const SECRET: &str = "whsec_backup";

fn now() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs().cast_signed()
}

fn author() -> Author {
    Author::new("test", domain::Timestamp::from_secs(now()))
}

/// Deliveries by several senders, until they are told to stop.
struct Load {
    is_over: Arc<AtomicBool>,
    acknowledged: Arc<Mutex<BTreeSet<usize>>>,
    senders: tokio::task::JoinSet<()>,
}

impl Load {
    fn on(program: &Process) -> Self {
        let (is_over, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::<Mutex<BTreeSet<usize>>>::default());
        let next = Arc::new(AtomicUsize::new(0));
        let mut senders = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let (is_over, acknowledged, next) = (is_over.clone(), acknowledged.clone(), next.clone());
            let url = format!("{}/webhooks/stripe", program.address);
            senders.spawn(async move {
                let http = reqwest::Client::builder().no_proxy().build().unwrap();
                while !is_over.load(Ordering::SeqCst) {
                    let n = next.fetch_add(1, Ordering::SeqCst);
                    let body = json!({
                        "id": format!("evt_{n}"), "object": "event", "type": "customer.updated", "created": now(), "livemode": false,
                        "data": {"object": {"id": format!("cus_{n}"), "object": "customer", "email": null, "metadata": {"user_id": format!("user_{n}")},
                            "padding": "x".repeat(4000)}}
                    })
                    .to_string();
                    let signature = standin::sign(body.as_bytes(), SECRET, now());
                    let sent = http.post(&url).header("stripe-signature", signature).body(body).send().await.unwrap();
                    assert_eq!(sent.status(), 200, "a delivery was refused");
                    acknowledged.lock().unwrap().insert(n);
                }
            });
        }
        Self { is_over, acknowledged, senders }
    }

    fn so_far(&self) -> BTreeSet<usize> {
        self.acknowledged.lock().unwrap().clone()
    }

    async fn reaches(&self, events: usize) {
        while self.acknowledged.lock().unwrap().len() < events {
            tokio::task::yield_now().await;
        }
    }

    async fn stop(self) {
        self.is_over.store(true, Ordering::SeqCst);
        self.senders.join_all().await;
    }
}

/// Rows and checksum of every table but those that a restore has something to settle in.
async fn rows(database: &Path) -> BTreeMap<String, (u64, String)> {
    let all = store::copy::checksums(&url_of(database).unwrap()).await.unwrap();
    let settled = ["audit", "audit_head", "catch_up", "session", "setup_link"];
    let kept = all.into_iter().filter(|table| !settled.contains(&table.table.as_str()));
    kept.map(|table| (table.table, (table.rows, table.checksum))).collect()
}

fn mode(file: &Path) -> u32 {
    std::fs::metadata(file).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_is_whole_and_restored_elsewhere_row_by_row() {
    let folder = tempfile::tempdir().unwrap();
    let (database, first) = (folder.path().join("t.db"), folder.path().join("first.db"));
    let url = url_of(&database).unwrap();
    let mut program = Process::start(&[("DATABASE_URL", &url), ("STRIPE_WEBHOOK_SECRET", SECRET)]).await;
    let load = Load::on(&program);
    load.reaches(300).await;
    let before = load.so_far();
    let (source, target) = (database.clone(), first.clone());
    let made = tokio::task::spawn_blocking(move || run(&source, &["backup", target.to_str().unwrap()]));
    let (code, said, noted) = made.await.unwrap();
    assert_eq!(code, 0, "{said}{noted}");
    let after = load.so_far();
    assert!(after.len() > before.len(), "deliveries went on while it was made");
    load.stop().await;

    assert_eq!(mode(&first), 0o600);
    assert!(said.contains("first.db: ") && said.contains("migration ") && look(&first, true).await.is_ok(), "{said}");
    let opened = store::open(&url_of(&first).unwrap(), Options::default()).await.unwrap();
    for n in &before {
        let id = format!("evt_{n}");
        assert!(
            opened.event(Livemode::Test, &id).await.unwrap().is_some(),
            "{id} was acknowledged before the backup began"
        );
    }
    opened.close().await;

    // Of a database that stands still every row comes back.
    program.child.start_kill().unwrap();
    program.child.wait().await.unwrap();
    let last = folder.path().join("last.db");
    assert_eq!(run(&database, &["backup", last.to_str().unwrap()]).0, 0);
    let elsewhere = folder.path().join("new/machine.db");
    let (code, said, noted) = run(&elsewhere, &["restore", last.to_str().unwrap()]);
    assert_eq!(code, 0, "{said}{noted}");
    assert_eq!(rows(&elsewhere).await, rows(&database).await);
    assert_eq!(mode(&elsewhere), 0o600);
    // And the program goes on with it.
    let there = url_of(&elsewhere).unwrap();
    let program = Process::start(&[("DATABASE_URL", &there), ("STRIPE_WEBHOOK_SECRET", SECRET)]).await;
    let load = Load::on(&program);
    load.reaches(20).await;
    load.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_refuses_a_running_server_and_keeps_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let (database, backup) = (folder.path().join("t.db"), folder.path().join("b.db"));
    let url = url_of(&database).unwrap();
    let store = store::open(&url, Options::default()).await.unwrap();
    store.put_user(Livemode::Test, "user_then", None, None, &author()).await.unwrap();
    store.save_session("hash", None, "{}", domain::Timestamp::from_secs(now() + 900)).await.unwrap();
    store.request_catch_up(Livemode::Test, None, None, domain::Timestamp::from_secs(now() - 7200)).await.unwrap();
    assert_eq!(run(&database, &["backup", backup.to_str().unwrap()]).0, 0);
    store.put_user(Livemode::Test, "user_since", None, None, &author()).await.unwrap();

    // Whoever has the file open is in the way, with or without a lock.
    let (code, _, noted) = run(&database, &["restore", backup.to_str().unwrap()]);
    assert!(code == 1 && noted.contains("another program has") && noted.contains("Everything is as it was"), "{noted}");
    store.close().await;
    let mut program = Process::start(&[("DATABASE_URL", &url)]).await;
    let (code, _, noted) = run(&database, &["restore", backup.to_str().unwrap()]);
    assert!(code == 1 && noted.contains("a server is running on") && noted.contains("stop it first"), "{noted}");
    // The lock is gone with its process, however that ended.
    program.child.start_kill().unwrap();
    program.child.wait().await.unwrap();
    let (code, said, noted) = run(&database, &["restore", backup.to_str().unwrap()]);
    assert_eq!(code, 0, "{said}{noted}");
    for word in
        ["Sessions ended: 1.", "API keys that were revoked", "fetches what Stripe sent since", ".before-restore-"]
    {
        assert!(said.contains(word), "{word} is not in {said}");
    }

    let now_there = store::open(&url, Options::default()).await.unwrap();
    assert!(now_there.user(Livemode::Test, "user_then").await.unwrap().is_some());
    assert!(now_there.user(Livemode::Test, "user_since").await.unwrap().is_none());
    assert!(now_there.load_session("hash", domain::Timestamp::from_secs(now())).await.unwrap().is_none());
    let due = now_there.catch_up(Livemode::Test).await.unwrap().unwrap().due_at;
    assert!(due > domain::Timestamp::from_secs(now() - 3600) && due <= domain::Timestamp::from_secs(now() + 1));
    let audit = now_there.audit(&AuditFilter { limit: 1, ..AuditFilter::default() }).await.unwrap().data;
    assert_eq!((audit[0].action.as_str(), audit[0].actor.as_str()), ("database.restore", "cli"));
    assert_eq!(now_there.verify_audit().await.unwrap().fault, None);
    now_there.close().await;
    let kept: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("t.db.before-restore-"))
        .collect();
    assert_eq!(kept.len(), 1, "one file, without a log: {kept:?}");
    let was_there = store::open(&url_of(&kept[0]).unwrap(), Options::default()).await.unwrap();
    assert!(was_there.user(Livemode::Test, "user_since").await.unwrap().is_some());
    was_there.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_lost_its_database_is_kept_and_not_taken_for_the_new_ones() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (database, backup) = (at("t.db"), at("b.db"));
    let store = store::open(&url_of(&database).unwrap(), Options::default()).await.unwrap();
    store.put_user(Livemode::Test, "user_then", None, None, &author()).await.unwrap();
    assert_eq!(run(&database, &["backup", backup.to_str().unwrap()]).0, 0);
    store.put_user(Livemode::Test, "user_since", None, None, &author()).await.unwrap();
    // As a killed server leaves it, whose database somebody has moved away.
    let log = std::fs::read(at("t.db-wal")).unwrap();
    assert!(!log.is_empty());
    store.close().await;
    std::fs::remove_file(&database).unwrap();
    std::fs::write(at("t.db-wal"), &log).unwrap();
    // What a restore that was broken off has left.
    std::fs::write(at(".t.db-restore-1.partial"), "half").unwrap();
    std::fs::write(at(".t.db-restore-1.partial-wal"), "more").unwrap();
    let restore = || {
        let (code, said, noted) = run(&database, &["restore", backup.to_str().unwrap()]);
        assert_eq!(code, 0, "{said}{noted}");
    };
    restore();
    assert_eq!(rows(&database).await, rows(&backup).await);
    let kept = |ending: &str| -> Vec<_> {
        let all = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let is_kept =
            |name: &str| name.contains("t.db.before-restore-") && name.ends_with("-wal") == (ending == "-wal");
        all.filter(|path| is_kept(&path.to_string_lossy())).collect()
    };
    let logs = kept("-wal");
    assert_eq!((logs.len(), std::fs::read(&logs[0]).unwrap()), (1, log));
    assert!(
        std::fs::read_dir(folder.path()).unwrap().all(|entry| !entry
            .unwrap()
            .file_name()
            .to_string_lossy()
            .contains("partial"))
    );
    // However soon one restore follows another, each keeps what it found.
    restore();
    restore();
    assert_eq!(kept("").len(), 2);
    assert_eq!(kept("-wal"), logs);
}

#[tokio::test]
async fn only_a_whole_database_of_ours_is_restored_and_a_damaged_one_gives_way() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let text = |name: &str| at(name).to_str().unwrap().to_owned();
    let database = at("t.db");
    let store = store::open(&url_of(&database).unwrap(), Options::default()).await.unwrap();
    for n in 0..300 {
        store.put_user(Livemode::Test, &format!("user_{n}"), None, Some("a name"), &author()).await.unwrap();
    }
    store.close().await;
    assert_eq!(run(&database, &["backup", &text("good.db")]).0, 0);
    let (code, _, noted) = run(&database, &["backup", &text("good.db")]);
    assert!(code == 1 && noted.contains("overwrites nothing"), "{noted}");
    let (code, _, noted) = run(&at("none.db"), &["backup", &text("x.db")]);
    assert!(code == 1 && noted.contains("there is no database at") && !at("none.db").exists(), "{noted}");

    std::fs::write(at("text.db"), "not a database at all, but long enough to be taken for one".repeat(20)).unwrap();
    std::fs::write(at("empty.db"), "").unwrap();
    let good = std::fs::read(at("good.db")).unwrap();
    std::fs::write(at("cut.db"), &good[..good.len() / 2]).unwrap();
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle..middle + 8192].fill(0x5a);
    std::fs::write(at("bad.db"), &bad).unwrap();
    std::fs::copy(at("good.db"), at("live.db")).unwrap();
    std::fs::write(at("live.db-wal"), "what was not in the file yet").unwrap();
    for (file, says) in [
        ("text.db", "not a SQLite database"),
        ("empty.db", "not a database of Tollkeeper's"),
        ("cut.db", "is damaged"),
        ("bad.db", "is damaged"),
        ("live.db", "copied while it was in use"),
        ("t.db", "is the database itself"),
        ("nowhere.db", "cannot be read"),
    ] {
        let (code, _, noted) = run(&database, &["restore", &text(file)]);
        assert!(code == 1 && noted.lines().count() == 1 && noted.contains(says), "{file}: {noted}");
    }
    assert!(look(&database, true).await.is_ok(), "it was left alone");

    // What cannot be read any more is what a backup is for.
    std::fs::write(&database, "rubble".repeat(1000)).unwrap();
    let (code, said, noted) = run(&database, &["restore", &text("good.db")]);
    assert!(code == 0 && said.contains("cannot be read (") && said.contains(".before-restore-"), "{said}{noted}");
    let store = store::open(&url_of(&database).unwrap(), Options::default()).await.unwrap();
    assert!(store.user(Livemode::Test, "user_299").await.unwrap().is_some());
    assert!(
        store.event(Livemode::Test, "evt_1").await.unwrap().is_none_or(|event| event.status == EventStatus::Pending)
    );
    store.close().await;
}

#[test]
fn postgres_is_told_how_by_its_own_programs_without_a_password() {
    let url = "postgres://toll:hunter2@db.example.com/toll?sslmode=require&password=hunter3";
    for (args, says) in [
        (
            &["backup", "my file.dump"][..],
            "pg_dump --format=custom --file='my file.dump' 'postgres://toll@db.example.com/toll?sslmode=require'",
        ),
        (
            &["restore", "b.dump"],
            "beside 'postgres://toll@db.example.com/toll?sslmode=require' (createdb), then pg_restore --no-owner --single-transaction --dbname=NEW b.dump",
        ),
    ] {
        let (code, _, noted) = run_on(url, args);
        assert!(code == 1 && noted.contains(says), "{noted}");
        assert!(!noted.contains("hunter") && noted.lines().count() == 1, "{noted}");
    }
    for setting in ["--backup-every=1d", "--backup-dir=/var/backups"] {
        let (code, _, noted) = run_on(url, &["config", setting]);
        assert!(code == 2 && noted.contains("pg_dump") && noted.lines().count() == 1, "{noted}");
    }
    assert_eq!(run_on(url, &["config", "--backup-every=off"]).0, 0);
}
