//! What gives features: by hand, metadata, Stripe's product features, and what Stripe holds customers entitled to.

use domain::Timestamp;
use domain::catalog::{FeatureGrant, GrantSource, counting};
use domain::event::EventStatus;
use serde_json::{Value, json};
use store::records::{Author, ProductSnapshot, Snapshot, TargetKind};
use store::{Error, Options};

use super::helpers::{Database, Engine, MODE, author, checkout, customer, event, now, on_both, subscription};

on_both! {
    metadata_of_a_product_works_at_once_and_follows_stripe, metadata_inside_a_subscription_counts,
    the_strongest_source_counts, a_late_product_event_brings_nothing_back, metadata_that_cannot_be_read_is_noted,
    features_of_a_product_are_read, what_is_too_close_to_a_read_is_read_again, a_failed_read_of_a_product_is_shown_and_tried_again,
    s9_a_summary_gives_all_of_its_features, s10_an_older_empty_summary_changes_nothing,
    summaries_of_one_second_are_told_apart_by_what_they_changed, a_summary_and_its_customer_are_different_objects,
    entitlements_make_products_be_read_again, a_deleted_customer_is_entitled_to_nothing,
    what_stripe_gives_cannot_be_deleted_here, a_price_that_says_what_is_known_needs_no_read,
    a_product_asked_for_while_it_is_read_is_read_again, a_change_of_the_catalog_sees_what_its_round_changed,
}

/// `user_1` is mapped to `cus_1`, who pays for `price_x` of `prod_1`, which gives nothing so far; Stripe can be read.
async fn open(engine: Engine) -> Option<Database> {
    let db = Database::open(engine, Options { readable: vec![MODE], ..Options::default() }).await?;
    db.take(&[
        event("evt_cs", "checkout.session.completed", -900_000, checkout("user_1"), None),
        event("evt_sub", "customer.subscription.created", -864_000, subscription("active", "price_x"), None),
    ])
    .await;
    Some(db)
}

fn product(features: Option<&str>) -> Value {
    let metadata = features.map_or_else(|| json!({}), |features| json!({ "features": features }));
    json!({"id": "prod_1", "object": "product", "active": true, "name": "Pro", "livemode": false, "metadata": metadata})
}

fn product_updated(id: &str, created: i64, features: Option<&str>) -> Value {
    event(id, "product.updated", created, product(features), Some(json!({"metadata": {}})))
}

fn product_feature(key: &str) -> Value {
    json!({
        "id": format!("prodft_{key}"), "object": "product_feature", "livemode": false,
        "entitlement_feature": {"id": format!("feat_{key}"), "object": "entitlements.feature", "active": true, "livemode": false,
            "lookup_key": key, "metadata": {}, "name": format!("Feature {key}")}
    })
}

fn entitlement(key: &str) -> Value {
    json!({
        "id": format!("ent_{key}"), "object": "entitlements.active_entitlement", "feature": format!("feat_{key}"), "livemode": false,
        "lookup_key": key
    })
}

fn list_of(keys: &[String]) -> Value {
    let carried: Vec<Value> = keys.iter().take(10).map(|key| entitlement(key)).collect();
    json!({"object": "list", "data": carried, "has_more": keys.len() > 10, "url": "/v1/customer/cus_1/entitlements"})
}

/// A summary event that leads from one list to another.
fn summary(id: &str, created: i64, before: &[String], after: &[String]) -> Value {
    let object = json!({
        "object": "entitlements.active_entitlement_summary", "customer": "cus_1", "livemode": false, "entitlements": list_of(after)
    });
    let previous = json!({"entitlements": list_of(before)});
    event(id, "entitlements.active_entitlement_summary.updated", created, object, Some(previous))
}

fn keys(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("f{n:03}")).collect()
}

fn has(db: &Database, feature: &str) -> bool {
    db.store.index().decide(MODE, "user_1", feature, &db.store.options().policy, now()).allowed
}

fn value(db: &Database, feature: &str) -> Option<i64> {
    db.store.index().decide(MODE, "user_1", feature, &db.store.options().policy, now()).value
}

async fn by_hand(db: &Database, grants: &[FeatureGrant]) {
    db.store.put_grants(MODE, TargetKind::Product, "prod_1", grants, &author()).await.unwrap();
}

/// The read of `prod_1` that is due at this time (or now), answered.
async fn read_product(db: &Database, features: &[&str], at: Timestamp) {
    let claims = db.store.claim_products("worker", at.max(now()), 5).await.unwrap();
    assert_eq!(claims.iter().map(|claim| claim.product_id.as_str()).collect::<Vec<_>>(), ["prod_1"]);
    let features: Vec<Value> = features.iter().map(|key| product_feature(key)).collect();
    let answer = ProductSnapshot { product: Some(product(None)), features, prices: vec![] };
    db.store.apply_product(&claims[0], &answer, at, at).await.unwrap();
}

async fn metadata_of_a_product_works_at_once_and_follows_stripe(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    assert!(!has(&db, "pro"));
    db.take(&[product_updated("evt_1", -500, Some("pro, seats=5"))]).await;
    assert!(has(&db, "pro"));
    assert_eq!(value(&db, "seats"), Some(5));
    let stored = db.store.event(MODE, "evt_1").await.unwrap().unwrap();
    let fields: Vec<_> = stored
        .effects
        .as_ref()
        .unwrap()
        .fields
        .iter()
        .map(|change| (change.field.as_str(), change.after.as_deref()))
        .collect();
    assert!(fields.contains(&("features (metadata)", Some("pro, seats=5"))), "{fields:?}");
    let changes = db.store.verdict_changes(MODE, "user_1", 10).await.unwrap();
    assert!(changes.iter().any(|change| change.change.feature == "pro" && change.cause_id == "evt_1"), "{changes:?}");
    db.take(&[product_updated("evt_2", -400, None)]).await;
    assert!(!has(&db, "pro") && !has(&db, "seats"));
}

async fn metadata_inside_a_subscription_counts(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let mut with_metadata = subscription("active", "price_x");
    with_metadata["items"]["data"][0]["price"]["metadata"] = json!({"features": "pro"});
    db.take(&[event("evt_1", "customer.subscription.updated", -500, with_metadata.clone(), None)]).await;
    assert!(has(&db, "pro"), "no price event is needed");
    // An older payload of another subscription still has the old metadata.
    let mut older = subscription("active", "price_x");
    older["id"] = json!("sub_2");
    older["items"]["data"][0]["price"]["metadata"] = json!({});
    db.take(&[event("evt_2", "customer.subscription.created", -700, older, None)]).await;
    assert!(has(&db, "pro"));
    with_metadata["items"]["data"][0]["price"]["metadata"] = json!({});
    db.take(&[event("evt_3", "customer.subscription.updated", -300, with_metadata, None)]).await;
    assert!(!has(&db, "pro"));
}

async fn the_strongest_source_counts(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    read_product(&db, &["seats", "export"], now()).await;
    db.take(&[product_updated("evt_1", 100, Some("seats=5"))]).await;
    assert_eq!(value(&db, "seats"), Some(5));
    by_hand(&db, &[FeatureGrant::of("seats").with_value(Some(9))]).await;
    assert_eq!((value(&db, "seats"), has(&db, "export")), (Some(9), true));
    let catalog = db.store.index().catalog(MODE);
    let said: Vec<_> = catalog.products["prod_1"].iter().map(|grant| (grant.feature.as_str(), grant.source)).collect();
    let (stripe, metadata, manual) = (GrantSource::Stripe, GrantSource::Metadata, GrantSource::Manual);
    assert_eq!(said, [("export", stripe), ("seats", manual), ("seats", metadata), ("seats", stripe)]);
    assert_eq!(counting(&catalog.products["prod_1"]).count(), 2);
    by_hand(&db, &[]).await;
    assert_eq!(value(&db, "seats"), Some(5), "what Stripe says stays when the word by hand is taken back");
    // A new process sees the same.
    let other = store::open(&db.url, Options::default()).await.unwrap();
    assert_eq!(other.index().catalog(MODE), db.store.index().catalog(MODE));
}

async fn a_late_product_event_brings_nothing_back(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.take(&[product_updated("evt_2", -400, None), product_updated("evt_1", -500, Some("pro"))]).await;
    assert!(!has(&db, "pro"));
}

async fn metadata_that_cannot_be_read_is_noted(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.take(&[product_updated("evt_1", -500, Some("pro, seats=many"))]).await;
    let stored = db.store.event(MODE, "evt_1").await.unwrap().unwrap();
    assert_eq!(stored.status, EventStatus::Processed);
    assert!(stored.note.as_deref().is_some_and(|note| note.contains("metadata")), "{:?}", stored.note);
    assert!(has(&db, "pro"), "what can be read counts");
}

async fn features_of_a_product_are_read(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    read_product(&db, &["pro", "no key of ours!"], now()).await;
    assert!(has(&db, "pro"));
    let catalog = db.store.index().catalog(MODE);
    assert_eq!(catalog.features["pro"].name.as_deref(), Some("Feature pro"));
    assert!(!catalog.features.contains_key("no key of ours!"));
    assert!(db.store.claim_products("worker", now(), 5).await.unwrap().is_empty(), "it is known now");
    // No event tells that a product's features changed: a day later they are read again.
    read_product(&db, &["team"], now().plus_secs(86_401)).await;
    assert!(!has(&db, "pro") && has(&db, "team"));
    assert_eq!(db.store.request_products(MODE, &author()).await.unwrap(), 1);
    let claims = db.store.claim_products("worker", now(), 5).await.unwrap();
    db.store.apply_product(&claims[0], &ProductSnapshot::default(), now(), now()).await.unwrap();
    assert!(has(&db, "team"), "a product that is gone may still be paid for");
    assert!(db.store.product(MODE, "prod_1").await.unwrap().unwrap().deleted);
    assert_eq!(db.store.request_products(MODE, &author()).await.unwrap(), 0);
}

async fn what_is_too_close_to_a_read_is_read_again(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    read_product(&db, &[], now()).await;
    db.take(&[product_updated("evt_1", 1, Some("pro"))]).await;
    assert!(!has(&db, "pro"), "the read may be the later of the two");
    let later = now().plus_secs(3);
    let claims = db.store.claim_products("worker", later, 5).await.unwrap();
    let mut price = subscription("active", "price_x")["items"]["data"][0]["price"].clone();
    price["metadata"] = json!({"features": "team"});
    let answer = ProductSnapshot { product: Some(product(Some("pro"))), features: vec![], prices: vec![price] };
    db.store.apply_product(&claims[0], &answer, later, later).await.unwrap();
    assert!(has(&db, "pro") && has(&db, "team"), "prices are read with their product");
}

async fn a_failed_read_of_a_product_is_shown_and_tried_again(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.take(&[product_updated("evt_1", -500, None)]).await;
    let claims = db.store.claim_products("worker", now(), 5).await.unwrap();
    assert!(db.store.claim_products("other", now(), 5).await.unwrap().is_empty(), "one reader at a time");
    db.store.fail_product(&claims[0], "Stripe is on fire", now()).await.unwrap();
    let record = db.store.product(MODE, "prod_1").await.unwrap().unwrap();
    assert_eq!((record.read_error.as_deref(), record.synced_at), (Some("Stripe is on fire"), None));
    assert!(db.store.claim_products("worker", now(), 5).await.unwrap().is_empty(), "not at once");
    read_product(&db, &["pro"], now().plus_secs(10)).await;
    let record = db.store.product(MODE, "prod_1").await.unwrap().unwrap();
    assert_eq!((record.read_error, record.synced_at), (None, Some(now().plus_secs(10))));
}

async fn s9_a_summary_gives_all_of_its_features(engine: Engine) {
    for count in [3, 11, 101] {
        let Some(db) = open(engine).await else { return };
        let all = keys(count);
        db.take(&[summary("evt_1", -500, &[], &all)]).await;
        if count > 10 {
            assert_eq!(db.status("evt_1").await, EventStatus::Processing, "the payload carries ten: the list is read");
            let claims = db.store.claim_reads("worker", now(), 5).await.unwrap();
            let snapshot = Snapshot {
                customer: Some(customer()),
                subscriptions: vec![subscription("active", "price_x")],
                entitlements: Some(all.iter().map(|key| entitlement(key)).collect()),
                ..Snapshot::default()
            };
            db.store.apply_snapshot(&claims[0], &snapshot, now(), &Author::system(now())).await.unwrap();
        }
        assert_eq!(db.status("evt_1").await, EventStatus::Processed);
        let missing: Vec<_> = all.iter().filter(|key| !has(&db, key)).collect();
        assert!(missing.is_empty(), "{missing:?} of {count}");
        let other = store::open(&db.url, Options::default()).await.unwrap();
        assert_eq!(other.index().facts(MODE, "user_1"), db.store.index().facts(MODE, "user_1"));
    }
}

async fn s10_an_older_empty_summary_changes_nothing(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.take(&[summary("evt_2", -500, &[], &keys(3)), summary("evt_1", -600, &keys(1), &[])]).await;
    assert!(keys(3).iter().all(|key| has(&db, key)));
    db.take(&[summary("evt_3", -400, &keys(3), &[])]).await;
    assert!(!keys(3).iter().any(|key| has(&db, key)), "a newer empty one counts");
}

async fn summaries_of_one_second_are_told_apart_by_what_they_changed(engine: Engine) {
    for first in [0, 1] {
        let Some(db) = open(engine).await else { return };
        let events = [summary("evt_a", -500, &keys(1), &keys(2)), summary("evt_b", -500, &keys(2), &keys(3))];
        db.take(&[summary("evt_0", -900, &[], &keys(1))]).await;
        db.take(&[events[first].clone(), events[1 - first].clone()]).await;
        assert!(has(&db, "f002"), "whichever comes first ({first})");
        let waiting = db.store.claim_reads("worker", now(), 5).await.unwrap();
        assert!(waiting.is_empty(), "the payloads prove it");
    }
}

async fn a_summary_and_its_customer_are_different_objects(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let changed = event("evt_c", "customer.updated", -500, customer(), Some(json!({"name": "Eve"})));
    db.take(&[changed, summary("evt_s", -500, &[], &keys(1))]).await;
    let again = event("evt_d", "customer.updated", -500, customer(), Some(json!({"name": "Eve"})));
    db.take(&[again]).await;
    assert!(has(&db, "f000"));
    assert_eq!(db.status("evt_d").await, EventStatus::Processed);
}

async fn entitlements_make_products_be_read_again(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    // Long enough ago to be doubted.
    read_product(&db, &["pro"], now().plus_secs(-7200)).await;
    db.take(&[summary("evt_1", -500, &[], &["pro".to_owned()])]).await;
    assert!(db.store.claim_products("worker", now(), 5).await.unwrap().is_empty(), "as the product says");
    db.take(&[summary("evt_2", -400, &["pro".to_owned()], &["pro".to_owned(), "team".to_owned()])]).await;
    assert!(has(&db, "team"), "before the product is read");
    read_product(&db, &["pro", "team"], now()).await;
    db.take(&[summary("evt_3", -300, &["pro".to_owned(), "team".to_owned()], &["team".to_owned()])]).await;
    assert!(db.store.claim_products("worker", now().plus_secs(30), 5).await.unwrap().is_empty(), "read a moment ago");
}

async fn a_deleted_customer_is_entitled_to_nothing(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let ended = event("evt_e", "customer.subscription.deleted", -450, subscription("canceled", "price_x"), None);
    let gone = event("evt_g", "customer.deleted", -450, customer(), None);
    db.take(&[summary("evt_1", -500, &[], &keys(1)), ended, gone]).await;
    assert!(!has(&db, "f000"));
    assert!(db.store.index().facts(MODE, "user_1").unwrap().entitlements.is_empty());
    db.take(&[summary("evt_late", -600, &[], &keys(2))]).await;
    assert!(db.store.index().facts(MODE, "user_1").unwrap().entitlements.is_empty(), "nor is it by what comes late");
}

async fn what_stripe_gives_cannot_be_deleted_here(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.take(&[product_updated("evt_1", -500, Some("pro"))]).await;
    let refused = db.store.delete_feature(MODE, "pro", &author()).await;
    assert!(matches!(refused, Err(Error::Conflict(why)) if why.contains("prod_1")));
    db.take(&[product_updated("evt_2", -400, None)]).await;
    assert!(db.store.delete_feature(MODE, "pro", &author()).await.unwrap());
}

/// `price_x` as Stripe sends it inside of items: whole, with its metadata.
fn whole(mut subscription: Value) -> Value {
    subscription["items"]["data"][0]["price"]["metadata"] = json!({});
    subscription
}

async fn a_price_that_says_what_is_known_needs_no_read(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let price = whole(subscription("active", "price_x"))["items"]["data"][0]["price"].clone();
    let claims = db.store.claim_products("worker", now(), 5).await.unwrap();
    let answer = ProductSnapshot { product: Some(product(None)), features: vec![], prices: vec![price] };
    db.store.apply_product(&claims[0], &answer, now(), now()).await.unwrap();
    // Renewals of the second in which the product was read.
    db.take(&[event("evt_1", "customer.subscription.updated", 0, whole(subscription("active", "price_x")), None)])
        .await;
    db.take(&[product_updated("evt_2", 1, None)]).await;
    let later = now().plus_secs(3600);
    assert!(db.store.claim_products("worker", later, 5).await.unwrap().is_empty(), "nothing is undecidable");
}

async fn a_product_asked_for_while_it_is_read_is_read_again(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let claims = db.store.claim_products("worker", now(), 5).await.unwrap();
    let asked = Author { now: now().plus_secs(1), ..author() };
    assert_eq!(db.store.request_products(MODE, &asked).await.unwrap(), 1);
    let answer = ProductSnapshot { product: Some(product(None)), features: vec![], prices: vec![] };
    db.store.apply_product(&claims[0], &answer, now(), now().plus_secs(2)).await.unwrap();
    read_product(&db, &["pro"], now().plus_secs(3)).await;
    assert!(has(&db, "pro"), "who asked was not answered by a read that had begun before");
}

async fn a_change_of_the_catalog_sees_what_its_round_changed(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let ended = event("evt_c", "customer.subscription.deleted", -500, subscription("canceled", "price_x"), None);
    db.deliver(&ended).await;
    db.deliver(&product_updated("evt_p", -490, Some("pro"))).await;
    db.drain().await;
    assert!(!has(&db, "pro"));
    let changes = db.store.verdict_changes(MODE, "user_1", 10).await.unwrap();
    let given: Vec<_> = changes.iter().filter(|change| change.change.allowed_after).collect();
    assert!(given.is_empty(), "it was over before the price gave anything: {given:?}");
}
