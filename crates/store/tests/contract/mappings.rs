//! Who a customer is: claims, contradictions, people's words.

use domain::event::EventStatus;
use domain::mapping::MappingSource;
use serde_json::json;
use store::Options;
use store::records::Resolution;

use super::helpers::{Database, Engine, MODE, author, checkout, customer, event, on_both, subscription};

on_both! {
    every_source_makes_a_mapping, a_contradicting_claim_moves_nothing, staff_settle_a_conflict, several_customers_of_one_user,
    a_mapping_by_the_application_settles_what_waited,
}

async fn open(engine: Engine) -> Option<Database> {
    Some(Database::open(engine, Options::default()).await?.with_catalog().await)
}

async fn every_source_makes_a_mapping(engine: Engine) {
    let mut by_checkout_metadata = checkout("");
    by_checkout_metadata["metadata"] = json!({"userId": "user_1"});
    let mut by_subscription = subscription("active", "price_pro");
    by_subscription["metadata"] = json!({"user_id": "user_1"});
    let mut by_customer = customer();
    by_customer["metadata"] = json!({"user_id": "user_1"});
    let sources = [
        (MappingSource::ClientReferenceId, "checkout.session.completed", checkout("user_1")),
        (MappingSource::CheckoutMetadata, "checkout.session.completed", by_checkout_metadata),
        (MappingSource::SubscriptionMetadata, "customer.subscription.created", by_subscription),
        (MappingSource::CustomerMetadata, "customer.updated", by_customer),
    ];
    for (source, kind, object) in sources {
        let Some(db) = open(engine).await else { return };
        db.take(&[event("evt_1", kind, 0, object, None)]).await;
        let mapping = db.store.mapping(MODE, "cus_1").await.unwrap().unwrap();
        assert_eq!((mapping.user_id.as_str(), mapping.source, mapping.evidence.as_str()), ("user_1", source, "evt_1"));
    }
    for source in [MappingSource::Api, MappingSource::Staff] {
        let Some(db) = open(engine).await else { return };
        let mapping = db.store.put_mapping(MODE, "cus_1", "user_1", source, &author()).await.unwrap();
        assert_eq!(mapping.source, source);
    }
}

async fn a_contradicting_claim_moves_nothing(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let mut claim = subscription("active", "price_pro");
    claim["metadata"] = json!({"user_id": "user_2"});
    db.take(&[event("evt_1", "checkout.session.completed", 0, checkout("user_1"), None)]).await;
    db.take(&[event("evt_2", "customer.subscription.created", 1, claim.clone(), None)]).await;
    db.take(&[event("evt_3", "customer.subscription.updated", 9, claim, None)]).await;
    assert_eq!(db.store.mapping(MODE, "cus_1").await.unwrap().unwrap().user_id, "user_1");
    assert_eq!(db.verdict(), (true, "subscription_active"));
    let conflicts = db.store.open_conflicts(MODE, None).await.unwrap();
    assert_eq!(conflicts.len(), 1, "one contradiction, however often it is repeated");
    assert_eq!((conflicts[0].mapped_user_id.as_str(), conflicts[0].claimed_user_id.as_str()), ("user_1", "user_2"));
}

async fn staff_settle_a_conflict(engine: Engine) {
    for (resolution, owner) in [(Resolution::Keep, "user_1"), (Resolution::Move, "user_2")] {
        let Some(db) = open(engine).await else { return };
        let mut claim = subscription("active", "price_pro");
        claim["metadata"] = json!({"user_id": "user_2"});
        let first = event("evt_1", "checkout.session.completed", 0, checkout("user_1"), None);
        db.take(&[first, event("evt_2", "customer.subscription.created", 1, claim.clone(), None)]).await;
        let conflict = db.store.open_conflicts(MODE, Some("cus_1")).await.unwrap().remove(0);
        assert!(db.store.resolve_conflict(&conflict.conflict_id, resolution, &author()).await.unwrap());
        assert!(!db.store.resolve_conflict(&conflict.conflict_id, resolution, &author()).await.unwrap());
        assert_eq!(db.store.mapping(MODE, "cus_1").await.unwrap().unwrap().user_id, owner);
        let late = event("evt_3", "checkout.session.completed", 5, checkout("user_1"), None);
        db.take(&[event("evt_4", "customer.subscription.updated", 9, claim, None), late]).await;
        assert!(
            db.store.open_conflicts(MODE, None).await.unwrap().is_empty(),
            "what a person settled is not raised again"
        );
        let allowed = db.verdict().0;
        assert_eq!(allowed, owner == "user_1");
    }
}

async fn several_customers_of_one_user(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let mut second = subscription("active", "price_pro");
    second["id"] = json!("sub_2");
    second["customer"] = json!("cus_2");
    second["metadata"] = json!({"user_id": "user_1"});
    db.take(&[
        event("evt_1", "checkout.session.completed", 0, checkout("user_1"), None),
        event("evt_2", "customer.subscription.created", 1, subscription("canceled", "price_pro"), None),
        event("evt_3", "customer.subscription.created", 2, second, None),
    ])
    .await;
    assert_eq!(db.verdict(), (true, "subscription_active"));
    assert_eq!(db.store.mappings_of(MODE, "user_1").await.unwrap().len(), 2);
    assert!(db.store.delete_mapping(MODE, "cus_2", &author()).await.unwrap());
    assert_eq!(db.verdict(), (false, "subscription_canceled"));
    assert!(!db.store.delete_mapping(MODE, "cus_2", &author()).await.unwrap());
}

async fn a_mapping_by_the_application_settles_what_waited(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.take(&[event("evt_1", "customer.subscription.created", 0, subscription("active", "price_pro"), None)]).await;
    db.store.put_mapping(MODE, "cus_1", "user_1", MappingSource::Api, &author()).await.unwrap();
    assert_eq!(db.status("evt_1").await, EventStatus::Processed);
    assert_eq!(db.verdict(), (true, "subscription_active"));
}
