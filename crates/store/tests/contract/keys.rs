//! API keys: found by their hash, given other terms, replaced, ended.

use domain::Livemode;
use domain::role::Scope;
use store::Options;
use store::records::{ApiKeyRecord, ApiKeyTerms, ApiKeyUse, AuditFilter, AuditRecord, Author};

use super::helpers::{Database, Engine, author, now, on_both};

on_both! {
    keys_are_found_by_hash_until_revoked, the_newest_use_is_known, terms_are_changed_while_a_key_lives,
    one_of_two_takes_a_keys_place, a_replaced_key_ends_no_later_than_it_would_have, without_overlap_the_old_key_ends_at_once,
}

async fn open(engine: Engine) -> Option<Database> {
    Database::open(engine, Options::default()).await
}

fn key(id: &str) -> ApiKeyRecord {
    ApiKeyRecord {
        api_key_id: id.into(),
        name: "app".into(),
        livemode: Livemode::Live,
        scope: Scope::Read,
        key_hash: format!("hash of {id}"),
        prefix: "tk_live_abcd".into(),
        last4: "wxyz".into(),
        created_at: now(),
        created_by: "cli".into(),
        terms: ApiKeyTerms::default(),
        last_used_at: None,
        last_used_from: None,
        revoked_at: None,
        replaces: None,
        replaced_by: None,
    }
}

fn terms() -> ApiKeyTerms {
    ApiKeyTerms {
        expires_at: Some(now().plus_secs(3600)),
        addresses: vec!["203.0.113.0/24".into(), "2001:db8::/32".into()],
        check_rate: Some(50),
        request_rate: Some(5),
    }
}

fn at(secs: i64) -> Author {
    Author::new("staff:ada@example.com", now().plus_secs(secs))
}

async fn entries(db: &Database, id: &str) -> Vec<AuditRecord> {
    let filter = AuditFilter { object_id: Some(id.into()), limit: 10, ..AuditFilter::default() };
    db.store.audit(&filter).await.unwrap().data
}

async fn keys_are_found_by_hash_until_revoked(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let made = ApiKeyRecord { terms: terms(), ..key("key_1") };
    db.store.add_api_key(&made, &author()).await.unwrap();
    assert_eq!(db.store.api_key_by_hash("hash of key_1").await.unwrap(), Some(made.clone()));
    assert_eq!(db.store.api_key("key_1").await.unwrap(), Some(made.clone()));
    assert_eq!(db.store.api_keys().await.unwrap(), [made]);
    assert_eq!(db.store.api_key_by_hash("other").await.unwrap(), None);
    assert_eq!(db.store.api_key("key_2").await.unwrap(), None);
    assert!(db.store.revoke_api_key("key_1", &author()).await.unwrap());
    assert!(!db.store.revoke_api_key("key_1", &author()).await.unwrap());
    assert!(db.store.api_key_by_hash("hash of key_1").await.unwrap().unwrap().revoked_at.is_some());
    let kept = entries(&db, "key_1").await;
    assert_eq!(
        kept.iter().map(|entry| entry.action.as_str()).collect::<Vec<_>>(),
        ["api_key.revoke", "api_key.create"]
    );
    assert_eq!(kept[1].details["after"]["addresses"], "203.0.113.0/24, 2001:db8::/32");
    assert!(!kept[1].details.to_string().contains("hash of"), "no hash in the log");
}

async fn the_newest_use_is_known(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.store.add_api_key(&key("key_1"), &author()).await.unwrap();
    let later = now().plus_secs(60);
    let used = |id: &str, at, from: &str| ApiKeyUse { api_key_id: id.into(), at, from: from.into() };
    let uses = [used("key_1", later, "203.0.113.7"), used("key_1", now(), "::1"), used("key_9", now(), "::1")];
    db.store.touch_api_keys(&uses).await.unwrap();
    db.store.touch_api_keys(&[]).await.unwrap();
    let found = db.store.api_key("key_1").await.unwrap().unwrap();
    assert_eq!((found.last_used_at, found.last_used_from.as_deref()), (Some(later), Some("203.0.113.7")));
}

async fn terms_are_changed_while_a_key_lives(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.store.add_api_key(&key("key_1"), &author()).await.unwrap();
    assert!(!db.store.update_api_key("key_9", &terms(), &author()).await.unwrap());
    assert!(db.store.update_api_key("key_1", &terms(), &at(1)).await.unwrap());
    assert!(db.store.update_api_key("key_1", &terms(), &at(2)).await.unwrap(), "the same again");
    assert_eq!(db.store.api_key("key_1").await.unwrap().unwrap().terms, terms());
    let kept = entries(&db, "key_1").await;
    assert_eq!(kept.len(), 2, "what changes nothing is no entry");
    let (before, after) = (&kept[0].details["before"], &kept[0].details["after"]);
    assert_eq!((&before["check_rate"], &after["check_rate"]), (&serde_json::Value::Null, &50.into()));
    assert_eq!((before["addresses"].as_str(), kept[0].actor.as_str()), (Some(""), "staff:ada@example.com"));

    let forever = ApiKeyTerms { expires_at: None, ..terms() };
    assert!(!db.store.update_api_key("key_1", &forever, &at(3600)).await.unwrap(), "no key comes back to life");
    assert!(db.store.update_api_key("key_1", &forever, &at(3599)).await.unwrap());
    assert!(db.store.revoke_api_key("key_1", &author()).await.unwrap());
    assert!(!db.store.update_api_key("key_1", &terms(), &author()).await.unwrap());
}

async fn one_of_two_takes_a_keys_place(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.store.add_api_key(&key("key_1"), &author()).await.unwrap();
    let next = |id: &str| ApiKeyRecord { replaces: Some("key_1".into()), ..key(id) };
    let (one, other, by, end) = (next("key_2"), next("key_3"), at(10), now().plus_secs(86_410));
    let both = tokio::join!(db.store.rotate_api_key(&one, end, &by), db.store.rotate_api_key(&other, end, &by));
    assert_ne!(both.0.unwrap(), both.1.unwrap());
    let keys = db.store.api_keys().await.unwrap();
    assert_eq!(keys.len(), 2);
    let old = keys.iter().find(|key| key.api_key_id == "key_1").unwrap();
    let new = keys.iter().find(|key| key.api_key_id != "key_1").unwrap();
    assert_eq!(old.replaced_by.as_ref(), Some(&new.api_key_id));
    assert_eq!(new.replaces.as_deref(), Some("key_1"));
    assert_eq!((old.terms.expires_at, old.revoked_at), (Some(end), None));
    assert!(old.is_active(end.plus_millis(-1)) && !old.is_active(end));
    let kept = entries(&db, "key_1").await;
    assert_eq!((kept.len(), kept[0].action.as_str()), (2, "api_key.rotate"));
    assert_eq!(kept[0].details["after"]["replaced_by"], new.api_key_id.as_str());
    // The new one may be rotated in turn; one that was revoked, is unknown or has ended may not.
    let third = ApiKeyRecord { replaces: Some(new.api_key_id.clone()), ..key("key_4") };
    assert!(db.store.rotate_api_key(&third, end, &by).await.unwrap());
    db.store.revoke_api_key("key_4", &by).await.unwrap();
    for (old, id) in [("key_4", "key_5"), ("key_9", "key_6")] {
        let late = ApiKeyRecord { replaces: Some(old.into()), ..key(id) };
        assert!(!db.store.rotate_api_key(&late, end, &by).await.unwrap(), "{old}");
    }
    assert_eq!(db.store.api_keys().await.unwrap().len(), 3, "nothing is left of what was refused");
}

async fn a_replaced_key_ends_no_later_than_it_would_have(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.store.add_api_key(&ApiKeyRecord { terms: terms(), ..key("key_1") }, &author()).await.unwrap();
    let new = ApiKeyRecord { replaces: Some("key_1".into()), ..key("key_2") };
    assert!(!db.store.rotate_api_key(&new, now().plus_secs(9_000), &at(3600)).await.unwrap(), "it has ended");
    assert!(db.store.rotate_api_key(&new, now().plus_secs(9_000), &at(10)).await.unwrap());
    assert_eq!(db.store.api_key("key_1").await.unwrap().unwrap().terms, terms());
}

async fn without_overlap_the_old_key_ends_at_once(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.store.add_api_key(&key("key_1"), &author()).await.unwrap();
    let new = ApiKeyRecord { replaces: Some("key_1".into()), ..key("key_2") };
    assert!(db.store.rotate_api_key(&new, now().plus_secs(5), &at(5)).await.unwrap());
    let old = db.store.api_key("key_1").await.unwrap().unwrap();
    assert_eq!((old.revoked_at, old.terms.expires_at), (Some(now().plus_secs(5)), None));
    assert!(!old.is_active(now().plus_secs(5)));
}
