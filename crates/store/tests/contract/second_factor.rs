//! Second factors: what counts once counts once, whoever asks at the same time.

use store::{FactorEnd, Options};

use super::helpers::{Database, Engine, author, now, on_both};

on_both! {
    a_seed_counts_once_it_is_confirmed, a_step_is_used_once, a_recovery_code_is_used_once, the_end_takes_everything,
}

async fn open(engine: Engine) -> Option<Database> {
    Database::open(engine, Options::default()).await
}

async fn turn_on(db: &Database, staff_id: &str, codes: &[&str]) {
    let codes: Vec<String> = codes.iter().map(|code| (*code).to_owned()).collect();
    assert!(db.store.begin_second_factor(staff_id, "sealed", "this", now()).await.unwrap());
    assert!(db.store.confirm_second_factor(staff_id, "sealed", 100, &codes, &author()).await.unwrap());
}

async fn a_seed_counts_once_it_is_confirmed(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let store = &db.store;
    assert_eq!(store.second_factor("stf_1").await.unwrap(), None);
    assert!(store.begin_second_factor("stf_1", "first", "this", now()).await.unwrap());
    assert!(store.begin_second_factor("stf_1", "second", "this", now()).await.unwrap());
    assert!(!store.has_second_factor("stf_1").await.unwrap());
    assert!(!store.use_step("stf_1", "second", 7).await.unwrap(), "it does not count yet");
    for session in ["this", "other"] {
        store.save_session(session, Some("stf_1"), "{}", now().plus_millis(1000)).await.unwrap();
    }
    assert!(!store.confirm_second_factor("stf_1", "first", 5, &[], &author()).await.unwrap(), "it was begun again");
    let by = author();
    let both = tokio::join!(
        store.confirm_second_factor("stf_1", "second", 5, &[], &by),
        store.confirm_second_factor("stf_1", "second", 5, &[], &by),
    );
    assert_eq!(u8::from(both.0.unwrap()) + u8::from(both.1.unwrap()), 1);
    assert!(store.has_second_factor("stf_1").await.unwrap());
    assert_eq!(store.who_has_second_factor().await.unwrap(), ["stf_1"]);
    assert!(!store.begin_second_factor("stf_1", "third", "this", now()).await.unwrap(), "it is on");
    let factor = store.second_factor("stf_1").await.unwrap().unwrap();
    assert_eq!((factor.seed.as_str(), factor.session_hash, factor.confirmed_at), ("second", None, Some(author().now)));
    let sessions = store.sessions_of("stf_1", now()).await.unwrap();
    assert_eq!(sessions.iter().map(|one| one.session_hash.as_str()).collect::<Vec<_>>(), ["this"]);
}

async fn a_step_is_used_once(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let store = &db.store;
    turn_on(&db, "stf_1", &[]).await;
    assert!(!store.use_step("stf_1", "sealed", 100).await.unwrap(), "its first code is used");
    assert!(!store.use_step("stf_1", "another", 101).await.unwrap());
    assert!(!store.use_step("stf_2", "sealed", 101).await.unwrap());
    let both = tokio::join!(store.use_step("stf_1", "sealed", 102), store.use_step("stf_1", "sealed", 102));
    assert_eq!(u8::from(both.0.unwrap()) + u8::from(both.1.unwrap()), 1);
    assert!(!store.use_step("stf_1", "sealed", 101).await.unwrap(), "an earlier one counts no more");
    store.reseal_second_factor("stf_1", "sealed", "anew").await.unwrap();
    assert!(!store.use_step("stf_1", "anew", 102).await.unwrap(), "the same seed under another key");
    assert!(store.use_step("stf_1", "anew", 103).await.unwrap());
}

async fn a_recovery_code_is_used_once(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let (store, by) = (&db.store, author());
    assert!(!store.put_recovery_codes("stf_1", &["x".into()], &by).await.unwrap(), "there is nothing to recover");
    turn_on(&db, "stf_1", &["a", "b"]).await;
    turn_on(&db, "stf_2", &["c"]).await;
    assert!(!store.use_recovery_code("stf_2", "a", &by).await.unwrap(), "it is somebody else's");
    let both = tokio::join!(store.use_recovery_code("stf_1", "a", &by), store.use_recovery_code("stf_1", "a", &by));
    assert_eq!(u8::from(both.0.unwrap()) + u8::from(both.1.unwrap()), 1);
    assert_eq!(store.second_factor("stf_1").await.unwrap().unwrap().codes_left, 1);
    assert!(store.put_recovery_codes("stf_1", &["d".into()], &by).await.unwrap());
    assert!(!store.use_recovery_code("stf_1", "b", &by).await.unwrap());
    assert!(store.use_recovery_code("stf_1", "d", &by).await.unwrap());
    assert!(store.use_recovery_code("stf_2", "c", &by).await.unwrap());
}

async fn the_end_takes_everything(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let (store, by) = (&db.store, author());
    assert!(!store.end_second_factor("stf_1", FactorEnd::Reset, &by).await.unwrap());
    turn_on(&db, "stf_1", &["a"]).await;
    for session in ["this", "other"] {
        store.save_session(session, Some("stf_1"), "{}", now().plus_millis(1000)).await.unwrap();
    }
    assert!(store.end_second_factor("stf_1", FactorEnd::Off("this"), &by).await.unwrap());
    assert_eq!(store.sessions_of("stf_1", now()).await.unwrap().len(), 1);
    assert!(!store.use_recovery_code("stf_1", "a", &by).await.unwrap());
    turn_on(&db, "stf_1", &["a"]).await;
    assert!(store.end_second_factor("stf_1", FactorEnd::Reset, &by).await.unwrap());
    assert_eq!(store.sessions_of("stf_1", now()).await.unwrap().len(), 0);
    assert_eq!(store.second_factor("stf_1").await.unwrap(), None);
}
