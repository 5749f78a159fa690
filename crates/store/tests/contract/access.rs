//! The memory access checks are answered from, against the database it follows.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use domain::access::{OverrideEffect, PolicyExceptions, Treatment};
use domain::catalog::{Feature, FeatureGrant, FeatureType};
use serde_json::json;
use store::records::{NewOverride, OverrideFilter, PolicyTarget, TargetKind};
use store::{Error, Options};

use super::helpers::{Database, Engine, MODE, NOW, author, checkout, event, now, on_both, subscription};

on_both! {
    memory_is_never_staler_than_the_last_commit, a_second_process_is_followed, a_restart_answers_the_same,
    a_call_dropped_half_way_leaves_nothing_open, the_catalog_works_at_once_for_who_already_pays,
    overrides_have_precedence_and_end, access_ends_by_the_clock_alone,
    a_policy_of_a_feature_or_price_works_at_once_and_outlives_a_restart, everybody_is_gone_through_once_by_id,
}

async fn open(engine: Engine) -> Option<Database> {
    Some(Database::open(engine, Options::default()).await?.with_catalog().await)
}

fn grant(user: &str, effect: OverrideEffect) -> NewOverride {
    NewOverride { livemode: MODE, user_id: user.into(), feature: "pro".into(), effect, value: None, expires_at: None }
}

async fn memory_is_never_staler_than_the_last_commit(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let policy = db.store.options().policy;
    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = tokio::task::JoinSet::new();
    for n in 0..8 {
        let store = db.store.clone();
        writers.spawn(async move {
            let user = format!("user_{n}");
            for _ in 0..20 {
                let made = store.create_override(&grant(&user, OverrideEffect::Grant), &author()).await.unwrap();
                assert!(
                    store.index().decide(MODE, &user, "pro", &policy, now()).allowed,
                    "granted, committed, and not seen"
                );
                assert!(store.revoke_override(MODE, &made.override_id, &author()).await.unwrap());
                assert!(
                    !store.index().decide(MODE, &user, "pro", &policy, now()).allowed,
                    "revoked, committed, and not seen"
                );
            }
        });
    }
    // Readers of the same users all the while: what memory says was true at some commit, and is never half of one.
    let (store, stopped) = (db.store.clone(), stop.clone());
    let reader = tokio::task::spawn_blocking(move || {
        let mut checks = 0_u64;
        while !stopped.load(Ordering::SeqCst) {
            for n in 0..8 {
                let decision = store.index().decide(MODE, &format!("user_{n}"), "pro", &policy, now());
                assert_eq!(decision.allowed, decision.reason.as_str() == "override_grant");
                checks += 1;
            }
        }
        checks
    });
    writers.join_all().await;
    stop.store(true, Ordering::SeqCst);
    assert!(reader.await.unwrap() > 0);
}

async fn a_second_process_is_followed(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let other = store::open(&db.url, Options::default()).await.unwrap();
    other.create_override(&grant("user_1", OverrideEffect::Grant), &author()).await.unwrap();
    db.store.create_override(&grant("user_2", OverrideEffect::Grant), &author()).await.unwrap();
    db.store.refresh_index().await.unwrap();
    assert_eq!(db.verdict(), (true, "override_grant"));
    other.refresh_index().await.unwrap();
    assert!(other.index().decide(MODE, "user_2", "pro", &other.options().policy, now()).allowed);
    other.put_grants(MODE, TargetKind::Price, "price_x", &[FeatureGrant::of("pro")], &author()).await.unwrap();
    db.store.refresh_index().await.unwrap();
    assert!(db.store.index().catalog(MODE).prices.contains_key("price_x"));
}

async fn a_restart_answers_the_same(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.take(&[
        event("evt_1", "checkout.session.completed", 0, checkout("user_1"), None),
        event("evt_2", "customer.subscription.created", 1, subscription("active", "price_pro"), None),
    ])
    .await;
    db.store.create_override(&grant("user_2", OverrideEffect::Deny), &author()).await.unwrap();
    db.store.put_user(MODE, "user_3", Some("eve@example.com"), None, &author()).await.unwrap();
    let again = store::open(&db.url, Options::default()).await.unwrap();
    for user in ["user_1", "user_2", "user_3", "user_4"] {
        assert_eq!(again.index().facts(MODE, user), db.store.index().facts(MODE, user), "{user}");
    }
    assert_eq!(again.index().catalog(MODE), db.store.index().catalog(MODE));
}

async fn a_call_dropped_half_way_leaves_nothing_open(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    for polls in 0..12 {
        let mut left = polls;
        let author = author();
        let mut call = db.store.put_user(MODE, "user_1", None, None, &author);
        std::future::poll_fn(|context| {
            left -= 1;
            if call.as_mut().poll(context).is_ready() || left < 0 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        drop(call);
        let user = format!("user_2_{polls}");
        db.store.put_user(MODE, &user, None, None, &author).await.unwrap();
        assert!(db.store.index().facts(MODE, &user).is_some(), "dropped after {polls} polls");
    }
    db.store.refresh_index().await.unwrap();
    let written = db.store.user(MODE, "user_1").await.unwrap().is_some();
    assert_eq!(db.store.index().facts(MODE, "user_1").is_some(), written);
}

async fn the_catalog_works_at_once_for_who_already_pays(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.take(&[
        event("evt_1", "checkout.session.completed", 0, checkout("user_1"), None),
        event("evt_2", "customer.subscription.created", 1, subscription("active", "price_new"), None),
    ])
    .await;
    assert_eq!(db.verdict(), (false, "price_not_in_catalog"));
    let pro = [FeatureGrant::of("pro")];
    db.store.put_grants(MODE, TargetKind::Price, "price_new", &pro, &author()).await.unwrap();
    assert_eq!(db.verdict(), (true, "subscription_active"));
    let mut changes = db.store.verdict_changes(MODE, "user_1", 10).await.unwrap();
    changes.retain(|change| change.change.feature == "pro");
    assert_eq!(
        (changes[0].cause_kind.as_str(), changes[0].cause_id.as_str(), changes[0].change.allowed_after),
        ("catalog", "price_new", true)
    );
    let unknown = [FeatureGrant::of("pr0")];
    let refused = db.store.put_grants(MODE, TargetKind::Price, "price_new", &unknown, &author()).await;
    assert!(matches!(refused, Err(Error::Conflict(message)) if message.contains("pr0")));
    assert_eq!(db.verdict(), (true, "subscription_active"), "a refused change changes nothing");
    assert!(db.store.delete_feature(MODE, "pro", &author()).await.unwrap());
    assert_eq!(db.verdict(), (false, "unknown_feature"));
}

async fn overrides_have_precedence_and_end(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let short = NewOverride { expires_at: Some(now().plus_secs(60)), ..grant("user_1", OverrideEffect::Grant) };
    db.store.create_override(&short, &author()).await.unwrap();
    let policy = db.store.options().policy;
    let at = |secs| db.store.index().decide(MODE, "user_1", "pro", &policy, now().plus_secs(secs)).allowed;
    assert_eq!((at(59), at(60)), (true, false));
    let deny = db.store.create_override(&grant("user_1", OverrideEffect::Deny), &author()).await.unwrap();
    assert_eq!(db.verdict(), (false, "override_deny"));
    assert!(db.store.revoke_override(MODE, &deny.override_id, &author()).await.unwrap());
    assert!(!db.store.revoke_override(MODE, &deny.override_id, &author()).await.unwrap());
    assert_eq!(db.verdict(), (true, "override_grant"));
    let filter = OverrideFilter { user_id: Some("user_1".into()), after: None, limit: 1 };
    let page = db.store.overrides(MODE, &filter).await.unwrap();
    assert_eq!((page.data.len(), page.has_more, page.data[0].reason.as_str()), (1, true, "a test"));
}

async fn access_ends_by_the_clock_alone(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let mut ending = subscription("active", "price_pro");
    ending["cancel_at_period_end"] = json!(true);
    ending["canceled_at"] = json!(NOW);
    db.take(&[
        event("evt_1", "checkout.session.completed", 0, checkout("user_1"), None),
        event("evt_2", "customer.subscription.updated", 1, ending, None),
    ])
    .await;
    let policy = db.store.options().policy;
    let at = |secs| db.store.index().decide(MODE, "user_1", "pro", &policy, now().plus_secs(secs));
    assert_eq!(at(0).until, Some(now().plus_secs(864_000)));
    assert!(at(863_999).allowed);
    assert_eq!((at(864_000).allowed, at(864_000).reason.as_str()), (false, "subscription_canceled"));
}

async fn a_policy_of_a_feature_or_price_works_at_once_and_outlives_a_restart(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let trial = event("evt_1", "customer.subscription.created", 0, subscription("trialing", "price_pro"), None);
    let checkout = event("evt_2", "checkout.session.completed", 1, checkout("user_1"), None);
    db.take(&[trial, checkout]).await;
    assert_eq!(db.verdict(), (true, "subscription_trialing"));

    let deny = PolicyExceptions { trialing: Some(Treatment::Deny), ..PolicyExceptions::default() };
    let allow = PolicyExceptions { trialing: Some(Treatment::Allow), ..PolicyExceptions::default() };
    assert!(db.store.put_policy(MODE, PolicyTarget::Feature("pro"), &deny, &author()).await.unwrap());
    assert_eq!(db.verdict(), (false, "not_in_plan"));
    assert!(db.store.put_policy(MODE, PolicyTarget::Price("price_pro"), &allow, &author()).await.unwrap());
    assert_eq!(db.verdict(), (true, "subscription_trialing"), "the price's word counts before the feature's");
    assert!(!db.store.put_policy(MODE, PolicyTarget::Feature("nope"), &deny, &author()).await.unwrap());

    // A new name is no new policy.
    db.store.put_feature(MODE, &Feature::new("pro", FeatureType::Switch), &author()).await.unwrap();
    let again = store::open(&db.url, Options::default()).await.unwrap();
    let catalog = again.index().catalog(MODE);
    assert_eq!((catalog.features["pro"].policy, catalog.price_policies["price_pro"]), (deny, allow));
    let changes = db.store.verdict_changes(MODE, "user_1", 10).await.unwrap();
    assert!(changes.iter().any(|c| c.cause_kind == "catalog" && c.change.reason_after == "not_in_plan"));
}

async fn everybody_is_gone_through_once_by_id(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    // More than are looked at under one lock.
    let made: Vec<NewOverride> = (0..1203).map(|n| grant(&format!("user_{n:04}"), OverrideEffect::Grant)).collect();
    db.store.create_overrides(&made, None, &author()).await.unwrap();
    let users = |after: Option<&str>| -> Vec<String> {
        db.store.index().walk(MODE, after).map(|(user, _)| user.to_string()).collect()
    };
    let all = users(None);
    assert!(all.len() >= 1203 && all.windows(2).all(|pair| pair[0] < pair[1]), "{} users", all.len());
    assert_eq!(users(Some("user_1200")), ["user_1201", "user_1202"]);
    assert_eq!(users(Some("user_1202")), Vec::<String>::new());
    for (user, facts) in db.store.index().walk(MODE, None) {
        assert_eq!(db.store.index().facts(MODE, &user).as_ref(), Some(&facts), "{user} is one and the same");
    }
}
