//! Passkeys: what is asked is answered once, whoever answers at the same time; the last second factor takes the recovery codes along.

use store::{Challenge, FactorEnd, Options, Passkey, PasskeyAdded};

use super::helpers::{Database, Engine, author, now, on_both};

on_both! {
    a_challenge_is_taken_once, a_passkey_is_a_second_factor, a_passkey_is_used_from_the_state_it_was_read_in,
}

async fn open(engine: Engine) -> Option<Database> {
    Database::open(engine, Options::default()).await
}

fn passkey(id: &str, staff_id: &str) -> Passkey {
    Passkey {
        passkey_id: format!("pky_{id}"),
        credential_id: format!("credential-{id}"),
        staff_id: staff_id.to_owned(),
        name: format!("Phone {id}"),
        static_state: "aa".into(),
        dynamic_state: "00".into(),
        transports: 3,
        created_at: now(),
        last_used_at: None,
    }
}

async fn a_challenge_is_taken_once(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let (store, end) = (&db.store, now().plus_millis(1000));
    let asked = Challenge { browser_hash: "mine", purpose: "use" };
    store.put_challenge(asked, "first", end, now()).await.unwrap();
    store.put_challenge(asked, "second", end, now()).await.unwrap();
    for other in [Challenge { browser_hash: "yours", ..asked }, Challenge { purpose: "new", ..asked }] {
        assert_eq!(store.take_challenge(other, now()).await.unwrap(), None, "{other:?}");
    }
    assert_eq!(store.challenge(asked, now()).await.unwrap().as_deref(), Some("second"));
    let both = tokio::join!(store.take_challenge(asked, now()), store.take_challenge(asked, now()));
    let got = [both.0.unwrap(), both.1.unwrap()];
    assert_eq!(got.iter().flatten().collect::<Vec<_>>(), ["second"]);
    assert_eq!(store.challenge(asked, now()).await.unwrap(), None);
    store.put_challenge(asked, "late", end, now()).await.unwrap();
    assert_eq!(store.take_challenge(asked, end).await.unwrap(), None, "it expired");
}

async fn a_passkey_is_a_second_factor(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let (store, by) = (&db.store, author());
    for session in ["this", "other"] {
        store.save_session(session, Some("stf_1"), "{}", now().plus_millis(1000)).await.unwrap();
    }
    let (codes, one, two) = (["a".to_owned(), "b".to_owned()], passkey("1", "stf_1"), passkey("2", "stf_1"));
    assert_eq!(store.add_passkey(&one, &codes, "this", &by).await.unwrap(), PasskeyAdded::WithCodes);
    let sessions = store.sessions_of("stf_1", now()).await.unwrap();
    assert_eq!(sessions.iter().map(|one| one.session_hash.as_str()).collect::<Vec<_>>(), ["this"]);
    assert!(store.has_second_factor("stf_1").await.unwrap());
    assert!(!store.has_second_factor("stf_2").await.unwrap());
    let again = store.add_passkey(&two, &["c".to_owned()], "this", &by).await.unwrap();
    assert_eq!((again, store.recovery_codes_left("stf_1").await.unwrap()), (PasskeyAdded::Alone, 2));
    let stolen = Passkey { passkey_id: "pky_3".into(), staff_id: "stf_2".into(), ..one.clone() };
    assert_eq!(store.add_passkey(&stolen, &codes, "", &by).await.unwrap(), PasskeyAdded::Taken);
    assert_eq!(store.passkeys_of("stf_1").await.unwrap(), [one.clone(), two.clone()]);
    assert_eq!(store.passkey_by_credential("credential-2").await.unwrap(), Some(two));
    assert_eq!(store.who_has_second_factor().await.unwrap(), ["stf_1"]);

    assert!(!store.remove_passkey("stf_2", "pky_1", "", &by).await.unwrap(), "it is somebody else's");
    assert!(store.remove_passkey("stf_1", "pky_1", "this", &by).await.unwrap());
    assert!(!store.remove_passkey("stf_1", "pky_1", "this", &by).await.unwrap());
    assert_eq!(store.recovery_codes_left("stf_1").await.unwrap(), 2, "one passkey is left");
    assert!(store.put_recovery_codes("stf_1", &codes, &by).await.unwrap());
    assert!(store.remove_passkey("stf_1", "pky_2", "this", &by).await.unwrap());
    assert_eq!(store.recovery_codes_left("stf_1").await.unwrap(), 0);
    assert!(!store.has_second_factor("stf_1").await.unwrap());

    store.add_passkey(&one, &codes, "this", &by).await.unwrap();
    assert!(
        !store.end_second_factor("stf_1", FactorEnd::Off("this"), &by).await.unwrap(),
        "no authenticator to turn off"
    );
    assert!(store.end_second_factor("stf_1", FactorEnd::Reset, &by).await.unwrap());
    assert!(store.passkeys_of("stf_1").await.unwrap().is_empty());
    assert_eq!(store.recovery_codes_left("stf_1").await.unwrap(), 0);
}

async fn a_passkey_is_used_from_the_state_it_was_read_in(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let (store, key) = (&db.store, passkey("1", "stf_1"));
    store.add_passkey(&key, &[], "", &author()).await.unwrap();
    let both = tokio::join!(store.use_passkey(&key, "01", now()), store.use_passkey(&key, "02", now()));
    assert_eq!(u8::from(both.0.unwrap()) + u8::from(both.1.unwrap()), 1);
    let kept = store.passkeys_of("stf_1").await.unwrap().remove(0);
    assert_eq!(kept.last_used_at, Some(now()));
    assert!(kept.dynamic_state == "01" || kept.dynamic_state == "02");
}
