//! What the application asked is remembered in groups, and never takes more room than it may.

use domain::{Livemode, Timestamp};
use store::records::{CheckGroup, CheckHour, UnknownFeature};
use store::{CHECKS_PER_USER, Options, STRAY_CHECKS};

use super::helpers::{Database, Engine, MODE, now, on_both};

on_both! {
    equal_answers_are_one_group,
    a_user_has_so_many_groups,
    what_is_unknown_takes_no_more_room_than_it_may,
    hours_add_up,
    old_checks_are_forgotten,
}

fn at(seconds: i64) -> Timestamp {
    now().plus_secs(seconds)
}

/// Checks of `user_1` and `pro` by `key_1`, answered with this reason from one second to another.
fn group(reason: &str, seconds: (i64, i64), times: i64) -> CheckGroup {
    CheckGroup {
        livemode: MODE,
        user_id: "user_1".into(),
        feature: "pro".into(),
        api_key_id: "key_1".into(),
        allowed: reason == "subscription_active",
        reason: reason.into(),
        since: at(seconds.0),
        last_at: at(seconds.1),
        times,
    }
}

async fn record(db: &Database, groups: &[CheckGroup]) {
    db.store.record_checks(groups, &[], now()).await.unwrap();
}

async fn equal_answers_are_one_group(engine: Engine) {
    let Some(db) = Database::open(engine, Options::default()).await else { return };
    record(&db, &[group("no_payment", (0, 4), 12)]).await;
    record(&db, &[group("no_payment", (5, 9), 400)]).await;
    let other_mode = CheckGroup { livemode: Livemode::Live, ..group("no_payment", (5, 9), 1) };
    let other_feature = CheckGroup { feature: "team".into(), ..group("not_in_plan", (7, 7), 1) };
    record(&db, &[other_mode.clone(), other_feature.clone()]).await;
    assert_eq!(
        db.store.checks_of(MODE, "user_1").await.unwrap(),
        [group("no_payment", (0, 9), 412), other_feature.clone()]
    );
    assert_eq!(db.store.checks_of(Livemode::Live, "user_1").await.unwrap(), [other_mode]);

    // The answer changes within one flush, and changes back in a later one: that is a new group.
    record(&db, &[group("subscription_active", (12, 14), 2), group("no_payment", (10, 11), 3)]).await;
    record(&db, &[group("subscription_active", (15, 15), 1)]).await;
    record(&db, &[group("no_payment", (20, 21), 5)]).await;
    let told = db.store.checks_of(MODE, "user_1").await.unwrap();
    let expected = [
        group("no_payment", (20, 21), 5),
        group("subscription_active", (12, 15), 3),
        group("no_payment", (0, 11), 415),
        other_feature,
    ];
    assert_eq!(told, expected);
    assert!(db.store.checks_of(MODE, "user_2").await.unwrap().is_empty());
}

async fn a_user_has_so_many_groups(engine: Engine) {
    let Some(db) = Database::open(engine, Options::default()).await else { return };
    for round in 0..3_i64 {
        let groups: Vec<CheckGroup> = (0..70)
            .map(|n| CheckGroup {
                feature: format!("f{n}"),
                ..group("not_in_plan", (100 * round + n, 100 * round + n), 1)
            })
            .map(|group| if round == 1 { CheckGroup { reason: "refunded".into(), ..group } } else { group })
            .collect();
        record(&db, &groups).await;
    }
    let told = db.store.checks_of(MODE, "user_1").await.unwrap();
    assert_eq!(told.len(), CHECKS_PER_USER);
    assert_eq!(told[0].last_at, at(269), "the newest are kept");
    assert_eq!(told.last().unwrap().last_at, at(140));
}

async fn what_is_unknown_takes_no_more_room_than_it_may(engine: Engine) {
    let Some(db) = Database::open(engine, Options::default()).await.map(Database::with_catalog) else { return };
    let db = db.await;
    let stranger = |n: i64, feature: &str| CheckGroup {
        user_id: format!("stranger_{n}"),
        feature: feature.into(),
        ..group("unknown_user", (n, n), 2)
    };
    let many = i64::try_from(STRAY_CHECKS).unwrap();
    let flood: Vec<CheckGroup> = (0..many).map(|n| stranger(n, "pro")).collect();
    record(&db, &flood).await;
    let more: Vec<CheckGroup> = (many..many + 40).map(|n| stranger(n, "pr0")).collect();
    record(&db, &more).await;
    let of = |n: i64| format!("stranger_{n}");
    assert!(db.store.checks_of(MODE, &of(39)).await.unwrap().is_empty(), "the oldest make room");
    assert_eq!(db.store.checks_of(MODE, &of(40)).await.unwrap().len(), 1);
    assert_eq!(db.store.checks_of(MODE, &of(many + 39)).await.unwrap().len(), 1);

    let mistyped = CheckGroup { feature: "pr0".into(), ..group("unknown_feature", (2000, 2000), 5) };
    record(&db, &[mistyped]).await;
    let found = db.store.unknown_features(MODE, at(0)).await.unwrap();
    assert_eq!(found, [UnknownFeature { feature: "pr0".into(), times: 85, users: 41, last_at: at(2000) }]);
    assert!(db.store.unknown_features(MODE, at(2001)).await.unwrap().is_empty());
    assert!(db.store.unknown_features(Livemode::Live, at(0)).await.unwrap().is_empty());
}

async fn hours_add_up(engine: Engine) {
    let Some(db) = Database::open(engine, Options::default()).await else { return };
    assert!(!db.store.was_ever_checked(MODE).await.unwrap());
    let hour =
        |n: i64, allowed, denied, unlisted| CheckHour { livemode: MODE, hour: at(3600 * n), allowed, denied, unlisted };
    db.store.record_checks(&[], &[hour(0, 5, 1, 0), hour(1, 2, 2, 1)], now()).await.unwrap();
    db.store.record_checks(&[], &[hour(1, 1, 0, 3)], now()).await.unwrap();
    assert!(db.store.was_ever_checked(MODE).await.unwrap());
    assert!(!db.store.was_ever_checked(Livemode::Live).await.unwrap());
    assert_eq!(db.store.check_hours(MODE, at(0)).await.unwrap(), [hour(0, 5, 1, 0), hour(1, 3, 2, 4)]);
    assert_eq!(db.store.check_hours(MODE, at(1)).await.unwrap(), [hour(1, 3, 2, 4)]);
}

async fn old_checks_are_forgotten(engine: Engine) {
    let Some(db) = Database::open(engine, Options::default()).await else { return };
    let old = CheckGroup { feature: "old".into(), ..group("no_payment", (0, 10), 3) };
    let lasting = group("no_payment", (0, 5000), 3);
    let hour = |n: i64| CheckHour { livemode: MODE, hour: at(3600 * n), allowed: 1, denied: 0, unlisted: 0 };
    db.store.record_checks(&[old, lasting.clone()], &[hour(0), hour(1)], now()).await.unwrap();
    assert_eq!(db.store.forget_checks(at(3600), now()).await.unwrap(), 1);
    assert_eq!(db.store.checks_of(MODE, "user_1").await.unwrap(), [lasting]);
    assert_eq!(db.store.check_hours(MODE, at(0)).await.unwrap(), [hour(1)]);
}
