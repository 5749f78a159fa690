//! Staff, sessions, set-up links, and the audit log of all that.

use domain::Livemode;
use domain::role::Role;
use store::records::{AuditFilter, Author, StaffRecord};
use store::{Error, Options};

use super::helpers::{Database, Engine, author, now, on_both};

on_both! {
    there_is_one_first_owner, addresses_are_unique_whatever_their_case, the_last_owner_stays, sessions_end, setup_links_are_used_once,
    the_audit_log_is_paged, the_audit_log_is_narrowed, what_is_done_elsewhere_is_noted,
    the_database_says_how_it_is,
}

fn staff(id: &str, email: &str, role: Role) -> StaffRecord {
    StaffRecord {
        staff_id: id.into(),
        email: email.into(),
        name: "Ada".into(),
        role,
        password_hash: "$argon2id$secret".into(),
        created_at: now(),
        last_seen_at: None,
        disabled_at: None,
    }
}

async fn open(engine: Engine) -> Option<Database> {
    Database::open(engine, Options::default()).await
}

async fn there_is_one_first_owner(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    assert!(!db.store.has_owner().await.unwrap());
    let (one, two) = (staff("stf_1", "a@example.com", Role::Owner), staff("stf_2", "b@example.com", Role::Owner));
    let by = author();
    let both = tokio::join!(db.store.add_first_owner(&one, &by), db.store.add_first_owner(&two, &by));
    assert_eq!(u8::from(both.0.unwrap()) + u8::from(both.1.unwrap()), 1);
    assert_eq!(db.store.staff().await.unwrap().len(), 1);
    assert!(db.store.has_owner().await.unwrap());
}

async fn addresses_are_unique_whatever_their_case(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.store.add_staff(&staff("stf_1", "Ada@Example.com", Role::Viewer), &author()).await.unwrap();
    let again = db.store.add_staff(&staff("stf_2", "ada@example.COM", Role::Viewer), &author()).await;
    assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
    assert_eq!(db.store.staff_by_email(" ADA@example.com").await.unwrap().unwrap().staff_id, "stf_1");
    assert_eq!(db.store.staff_by_id("stf_2").await.unwrap(), None);
    db.store.touch_staff("stf_1", now()).await.unwrap();
    assert_eq!(db.store.staff_by_id("stf_1").await.unwrap().unwrap().last_seen_at, Some(now()));
}

async fn the_last_owner_stays(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let mut ada = staff("stf_1", "ada@example.com", Role::Owner);
    db.store.add_staff(&ada, &author()).await.unwrap();
    let disabled = StaffRecord { disabled_at: Some(now()), ..ada.clone() };
    assert!(!db.store.update_staff(&disabled, &author()).await.unwrap());
    assert!(!db.store.update_staff(&StaffRecord { role: Role::Admin, ..ada.clone() }, &author()).await.unwrap());
    assert!(!db.store.update_staff(&staff("stf_9", "x@example.com", Role::Owner), &author()).await.unwrap());
    db.store.add_staff(&staff("stf_2", "bob@example.com", Role::Owner), &author()).await.unwrap();
    assert!(db.store.create_session("hash", Some("stf_1"), "{}", now().plus_secs(60)).await.unwrap());
    ada.role = Role::Admin;
    assert!(db.store.update_staff(&ada, &author()).await.unwrap());
    assert_eq!(db.store.staff_by_id("stf_1").await.unwrap().unwrap().role, Role::Admin);
    assert_eq!(db.store.load_session("hash", now()).await.unwrap(), None, "a change of the account signs it out");
}

async fn sessions_end(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let end = now().plus_secs(60);
    assert!(db.store.create_session("a", None, "{}", end).await.unwrap());
    assert!(!db.store.create_session("a", None, "{\"other\":1}", end).await.unwrap());
    db.store.save_session("a", Some("stf_1"), "{\"n\":1}", end).await.unwrap();
    db.store.save_session("b", None, "{}", end.plus_secs(60)).await.unwrap();
    assert_eq!(db.store.load_session("a", now()).await.unwrap().as_deref(), Some("{\"n\":1}"));
    assert_eq!(db.store.load_session("a", end).await.unwrap(), None);
    assert_eq!(db.store.sweep_sessions(end).await.unwrap(), 1);
    assert!(db.store.load_session("b", now()).await.unwrap().is_some());
    db.store.delete_session("b").await.unwrap();
    assert_eq!(db.store.load_session("b", now()).await.unwrap(), None);
}

async fn setup_links_are_used_once(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let end = now().plus_secs(1800);
    db.store.put_setup_link("one", end).await.unwrap();
    db.store.put_setup_link("two", end).await.unwrap();
    assert!(!db.store.setup_link_is_valid("one", now()).await.unwrap(), "a new link replaces the old one");
    assert!(db.store.setup_link_is_valid("two", now()).await.unwrap());
    assert!(!db.store.setup_link_is_valid("two", end).await.unwrap());
    assert!(db.store.add_first_owner(&staff("stf_1", "a@example.com", Role::Owner), &author()).await.unwrap());
    assert!(!db.store.setup_link_is_valid("two", now()).await.unwrap(), "the owner is there");
    db.store.put_setup_link("three", end).await.unwrap();
    db.store.clear_setup_links().await.unwrap();
    assert!(!db.store.setup_link_is_valid("three", now()).await.unwrap());
}

async fn the_audit_log_is_paged(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    for n in 0..5 {
        let email = format!("{n}@example.com");
        db.store.add_staff(&staff(&format!("stf_{n}"), &email, Role::Viewer), &author()).await.unwrap();
    }
    let mut filter = AuditFilter { limit: 2, ..AuditFilter::default() };
    let mut seen = vec![];
    loop {
        let page = db.store.audit(&filter).await.unwrap();
        filter.after = page.data.last().map(|entry| entry.audit_id);
        seen.extend(page.data.iter().map(|entry| entry.object_id.clone()));
        if !page.has_more {
            break;
        }
    }
    assert_eq!(seen, ["stf_4", "stf_3", "stf_2", "stf_1", "stf_0"]);
    let of_one = AuditFilter { object_id: Some("stf_3".into()), limit: 10, ..AuditFilter::default() };
    let entries = db.store.audit(&of_one).await.unwrap().data;
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].action.as_str(), entries[0].reason.as_deref()), ("staff.add", Some("a test")));
    assert_eq!(entries[0].details["after"]["email"], "3@example.com");
    assert!(!entries[0].details.to_string().contains("argon2id"), "no hash in the log");
}

async fn the_audit_log_is_narrowed(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let by = |actor: &str, hour: i64| Author::new(actor, now().plus_secs(3600 * hour));
    let (ada, key) = ("staff:ada@example.com", "api_key:key_1");
    let done = [
        (Livemode::Test, "mapping.put", ("customer", "cus_1"), ada),
        (Livemode::Test, "override.create", ("user", "user_1"), key),
        (Livemode::Live, "mapping.put", ("customer", "cus_1"), ada),
        (Livemode::Test, "mapping.delete", ("customer", "cus_2"), ada),
    ];
    for (hour, (livemode, action, object, actor)) in (0..).zip(done) {
        db.store.note_audit(Some(livemode), action, object, &serde_json::json!({}), &by(actor, hour)).await.unwrap();
    }
    let hour = |n: i64| Some(now().plus_secs(3600 * n));
    let all = || AuditFilter { limit: 10, ..AuditFilter::default() };
    let some = |word: &str| Some(word.to_owned());
    for (filter, expected) in [
        (all(), vec![4, 3, 2, 1]),
        (AuditFilter { livemode: Some(Livemode::Test), ..all() }, vec![4, 2, 1]),
        (AuditFilter { actor: some(ada), ..all() }, vec![4, 3, 1]),
        (AuditFilter { actor: some(ada), action: some("mapping.put"), ..all() }, vec![3, 1]),
        (AuditFilter { action: some("mapping.put"), livemode: Some(Livemode::Live), ..all() }, vec![3]),
        (AuditFilter { object_kind: some("user"), ..all() }, vec![2]),
        (AuditFilter { object_id: some("cus_1"), actor: some(key), ..all() }, vec![]),
        (AuditFilter { object_id: some("cus_1"), ..all() }, vec![3, 1]),
        (AuditFilter { from: hour(1), to: hour(3), ..all() }, vec![3, 2]),
        (AuditFilter { from: hour(1), actor: some(ada), ..all() }, vec![4, 3]),
        (AuditFilter { from: hour(9), ..all() }, vec![]),
        (AuditFilter { after: Some(3), ..all() }, vec![2, 1]),
    ] {
        let found: Vec<i64> = db.store.audit(&filter).await.unwrap().data.iter().map(|entry| entry.audit_id).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
    let one = db.store.audit_entry(2).await.unwrap().unwrap();
    assert_eq!((one.action.as_str(), one.actor.as_str()), ("override.create", key));
    assert_eq!(db.store.audit_entry(9).await.unwrap(), None);
}

async fn what_is_done_elsewhere_is_noted(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let object = ("webhook_endpoint", "we_1");
    let details = serde_json::json!({ "url": "https://toll.example" });
    db.store.note_audit(Some(Livemode::Live), "webhook_endpoint.create", object, &details, &author()).await.unwrap();
    let filter = AuditFilter { object_id: Some(object.1.into()), limit: 10, ..AuditFilter::default() };
    let entry = db.store.audit(&filter).await.unwrap().data.remove(0);
    assert_eq!((entry.action.as_str(), entry.livemode), ("webhook_endpoint.create", Some(Livemode::Live)));
    assert_eq!((entry.details, entry.actor), (details, author().actor));
}

async fn the_database_says_how_it_is(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let state = db.store.database().await.unwrap();
    assert_eq!(state.write_error, None);
    assert!(state.bytes > 0 && state.schema > 0);
    assert_eq!(state.schema, state.newest_schema);
    match engine {
        Engine::Sqlite => {
            let file = state.file.unwrap();
            assert!(db.url.ends_with(&file.display().to_string()), "{file:?}");
            assert!(state.is_durable && state.durability == "journal_mode is wal", "{}", state.durability);
            let read_only = store::open(&format!("{}?mode=ro", db.url), Options::default()).await.unwrap();
            let error = read_only.database().await.unwrap().write_error.unwrap();
            assert!(error.contains("readonly"), "{error}");
        }
        // A server for tests may well be set to forget.
        Engine::Postgres => {
            assert_eq!(
                (state.file, state.is_durable),
                (None, state.durability == "fsync is on"),
                "{}",
                state.durability
            );
        }
    }
}
