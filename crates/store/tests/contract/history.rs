//! What history tells of other moments: what was true, what was known, and since when anything is kept at all.

use domain::Timestamp;
use domain::access::{OverrideEffect, course, decide};
use domain::catalog::{Feature, FeatureGrant, FeatureType};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _};
use store::Options;
use store::records::{Author, Knowledge, NewOverride, TargetKind};

use super::helpers::{Database, Engine, MODE, NOW, author, checkout, event, now, on_both, subscription};

on_both! {
    history_answers_for_any_moment, history_begins_with_what_is_known_by_then, the_policy_is_part_of_history,
    what_time_alone_changed_follows_from_history,
}

fn day(n: i64) -> Timestamp {
    now().plus_secs(n * 86_400)
}

fn at(n: i64) -> Author {
    Author { now: day(n), ..author() }
}

/// The answer of a moment about `user_1` and `pro`.
async fn answer(db: &Database, when: Timestamp, knowledge: Knowledge) -> (bool, &'static str) {
    let then = db.store.access_at(MODE, "user_1", when, knowledge).await.unwrap();
    let decision = decide(then.facts.as_ref(), &then.catalog, &then.policy, "pro", when);
    (decision.allowed, decision.reason.as_str())
}

/// An active subscription of `user_1`, and the feature it gives.
async fn subscriber(engine: Engine) -> Option<Database> {
    let db = Database::open(engine, Options::default()).await?.with_catalog().await;
    db.take(&[
        event("evt_1", "checkout.session.completed", 0, checkout("user_1"), None),
        event("evt_2", "customer.subscription.created", 0, subscription("active", "price_pro"), None),
    ])
    .await;
    Some(db)
}

async fn execute(db: &Database, engine: Engine, sql: &str) {
    let sql = AssertSqlSafe(sql.to_owned());
    match engine {
        Engine::Sqlite => {
            let mut conn = sqlx::SqliteConnection::connect(&db.url).await.unwrap();
            sqlx::query(sql).execute(&mut conn).await.unwrap();
        }
        Engine::Postgres => {
            let mut conn = sqlx::PgConnection::connect(&db.url).await.unwrap();
            sqlx::query(sql).execute(&mut conn).await.unwrap();
        }
    }
}

async fn history_answers_for_any_moment(engine: Engine) {
    let Some(db) = Database::open(engine, Options::default()).await else { return };
    db.store.put_feature(MODE, &Feature::new("pro", FeatureType::Switch), &at(-30)).await.unwrap();
    let grants = [FeatureGrant::of("pro")];
    db.store.put_grants(MODE, TargetKind::Price, "price_pro", &grants, &at(-30)).await.unwrap();
    let sub = |status: &str, end: i64| {
        let mut sub = subscription(status, "price_pro");
        sub["items"]["data"][0]["current_period_end"] = json!(NOW + end * 86_400);
        sub["ended_at"] = if status == "canceled" { json!(NOW - 86_400) } else { json!(null) };
        sub
    };
    let on = |id: &str, kind: &str, day: i64, object| event(id, kind, day * 86_400, object, None);
    db.take(&[
        on("evt_1", "checkout.session.completed", -20, checkout("user_1")),
        on("evt_2", "customer.subscription.created", -20, sub("active", -10)),
        // The renewal is late by three days, a day longer than it is forgiven.
        on("evt_3", "customer.subscription.updated", -7, sub("active", 5)),
        on("evt_4", "customer.subscription.deleted", -1, sub("canceled", 5)),
        // Comes last, though it is about a moment before all this; it says nothing new.
        on(
            "evt_5",
            "customer.created",
            -20,
            json!({"id": "cus_1", "object": "customer", "email": null, "metadata": {}}),
        ),
    ])
    .await;
    for (when, allowed, reason) in [
        (day(-21), false, "unknown_user"),
        (day(-20).plus_secs(1), true, "subscription_active"),
        (day(-9), true, "grace_period"),
        (day(-8).plus_secs(1), false, "grace_period_over"),
        (day(-7).plus_secs(1), true, "subscription_active"),
        (day(-1).plus_secs(1), false, "subscription_canceled"),
        (day(40), false, "subscription_canceled"),
    ] {
        assert_eq!(answer(&db, when, Knowledge::Today).await, (allowed, reason), "{when}");
    }
    // All of it was heard of now: until then nobody could know.
    assert_eq!(answer(&db, day(-1), Knowledge::Then).await, (false, "unknown_user"));
    assert_eq!(answer(&db, now(), Knowledge::Then).await, (false, "subscription_canceled"));

    let before_the_catalog = db.store.access_at(MODE, "user_1", day(-31), Knowledge::Today).await.unwrap();
    assert_eq!((before_the_catalog.facts, before_the_catalog.catalog.features.len()), (None, 0));

    let changes = db.store.verdict_changes(MODE, "user_1", 10).await.unwrap();
    let canceled = changes.iter().find(|c| c.change.reason_after == "subscription_canceled").unwrap();
    assert_eq!((canceled.true_at, canceled.at), (day(-1), now()), "when it was so, and when we knew");
}

async fn history_begins_with_what_is_known_by_then(engine: Engine) {
    let Some(db) = subscriber(engine).await else { return };
    // As a version left it that kept no history.
    execute(&db, engine, "update access_change set true_at = null, facts = null, catalog = null").await;
    assert_eq!(answer(&db, day(2), Knowledge::Today).await, (false, "unknown_user"));

    db.store.begin_history(day(1)).await.unwrap();
    for knowledge in [Knowledge::Today, Knowledge::Then] {
        assert_eq!(answer(&db, day(2), knowledge).await, (true, "subscription_active"));
        let before = db.store.access_at(MODE, "user_1", day(0), knowledge).await.unwrap();
        assert_eq!((before.facts, before.begins_at), (None, Some(day(1))), "it says that it does not know");
        let stranger = db.store.access_at(MODE, "user_2", day(2), knowledge).await.unwrap();
        assert_eq!((stranger.facts, stranger.begins_at), (None, None), "nobody had heard of this one");
    }
    // Once: what comes later is told by itself.
    db.store.begin_history(day(3)).await.unwrap();
    assert_eq!(db.store.history(MODE, "user_1", 10).await.unwrap().len(), 1);
    // Memory is what it was.
    assert_eq!(db.verdict(), (true, "subscription_active"));
}

async fn the_policy_is_part_of_history(engine: Engine) {
    let Some(mut db) = subscriber(engine).await else { return };
    db.store.begin_history(day(0)).await.unwrap();
    let late = event("evt_3", "customer.subscription.updated", 60, subscription("past_due", "price_pro"), None);
    db.take(&[late]).await;
    let mut options = Options::default();
    options.policy.past_due_grace = 0;
    let strict = store::open(&db.url, options).await.unwrap();
    strict.begin_history(day(2)).await.unwrap();
    db.store = strict;
    assert_eq!(answer(&db, day(1), Knowledge::Today).await, (true, "grace_period"));
    assert_eq!(answer(&db, day(2), Knowledge::Today).await, (false, "grace_period_over"));

    let changes = db.store.verdict_changes(MODE, "user_1", 10).await.unwrap();
    let pro = changes.iter().find(|row| row.change.feature == "pro").unwrap();
    assert_eq!((pro.cause_kind.as_str(), pro.at), ("policy", day(2)));
    assert_eq!((pro.change.allowed_before, pro.change.allowed_after), (true, false));
}

async fn what_time_alone_changed_follows_from_history(engine: Engine) {
    let Some(db) = subscriber(engine).await else { return };
    let deny = NewOverride {
        livemode: MODE,
        user_id: "user_1".into(),
        feature: "pro".into(),
        effect: OverrideEffect::Deny,
        value: None,
        expires_at: Some(day(3)),
    };
    db.store.create_override(&deny, &at(1)).await.unwrap();
    // The renewal comes five days after the period's end, three after the leeway.
    let mut renewed = subscription("active", "price_pro");
    renewed["items"]["data"][0]["current_period_end"] = json!(NOW + 40 * 86_400);
    let news = event("evt_3", "customer.subscription.updated", 15 * 86_400, renewed, None);
    db.store.record_deliveries(&[super::helpers::delivery(&news, day(15))]).await.unwrap();
    db.drain_at(day(15)).await;

    let mut turns = vec![];
    for stretch in db.store.history(MODE, "user_1", 100).await.unwrap() {
        let span = (stretch.from, stretch.to.unwrap_or(day(100)));
        let answers = course(stretch.facts.as_deref(), &stretch.catalog, &stretch.policy, "pro", span);
        turns.extend(answers.into_iter().skip(1).map(|(at, decision)| (at, decision.reason.as_str())));
    }
    let expected = [
        (day(3), "subscription_active"),
        (day(10), "grace_period"),
        (day(12), "grace_period_over"),
        (day(40), "grace_period"),
        (day(42), "grace_period_over"),
    ];
    assert_eq!(turns, expected);
}
