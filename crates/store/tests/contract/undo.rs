//! Taking back what somebody changed, from what the audit log kept.

use domain::access::{OverrideEffect, PolicyExceptions};
use domain::catalog::{Feature, FeatureGrant, FeatureType};
use domain::event::EventStatus;
use domain::mapping::MappingSource;
use serde_json::json;
use store::Options;
use store::records::{Author, NewOverride, Place, PolicyTarget, Resolution, TargetKind, Undone};

use super::helpers::{Database, Engine, MODE, author, checkout, event, now, on_both, subscription};

on_both! {
    an_override_is_taken_back_and_given_back, another_end_is_taken_back, a_link_is_taken_back_and_what_it_settled_waits_again,
    a_move_is_taken_back_with_its_evidence_and_conflict, an_unlinking_is_taken_back, a_conflict_that_was_kept_is_open_again,
    what_a_price_gives_is_taken_back_unless_it_changed_since, a_policy_is_taken_back, a_feature_is_taken_back_unless_something_gives_it,
    ignoring_is_taken_back, what_is_no_change_is_refused, a_mapping_is_tried_and_nothing_is_stored,
}

async fn open(engine: Engine) -> Option<Database> {
    Some(Database::open(engine, Options::default()).await?.with_catalog().await)
}

/// Somebody, so many seconds after now: each change has its own moment.
fn at(seconds: i64) -> Author {
    Author { now: now().plus_secs(seconds), ..author() }
}

/// The entry of the audit log that this author's change left.
async fn entry(db: &Database, author: &Author, action: &str, object: (&str, &str)) -> i64 {
    let entries = db.store.entries_of(author, action, object, 5).await.unwrap();
    assert_eq!(entries.len(), 1, "{action} of {object:?}");
    entries[0]
}

async fn undo(db: &Database, entry: i64, seconds: i64) -> Undone {
    db.store.undo(entry, &at(seconds)).await.unwrap()
}

#[track_caller]
fn refused(undone: Undone, word: &str) {
    let Undone::Refused(why) = undone else { panic!("{undone:?}") };
    assert!(why.contains(word), "{word:?} is not in {why:?}");
}

#[track_caller]
fn done(undone: &Undone) {
    assert!(matches!(undone, Undone::Done { .. }), "{undone:?}");
}

fn grant() -> NewOverride {
    let expires_at = Some(now().plus_secs(864_000));
    let effect = OverrideEffect::Grant;
    NewOverride { livemode: MODE, user_id: "user_1".into(), feature: "pro".into(), effect, value: None, expires_at }
}

async fn an_override_is_taken_back_and_given_back(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let made = db.store.create_override(&grant(), &at(1)).await.unwrap();
    let verdicts = db.store.verdicts_of(MODE, ("override", &made.override_id), at(1).now).await.unwrap();
    let turned = verdicts.iter().find(|verdict| verdict.feature == "pro").unwrap();
    assert!(!turned.allowed_before && turned.allowed_after);
    let create = entry(&db, &at(1), "override.create", ("user", "user_1")).await;
    done(&undo(&db, create, 2).await);
    assert!(!db.verdict().0);
    refused(undo(&db, create, 3).await, "revoked already");

    let again = db.store.create_override(&grant(), &at(4)).await.unwrap();
    assert!(db.store.revoke_override(MODE, &again.override_id, &at(5)).await.unwrap());
    let revoke = entry(&db, &at(5), "override.revoke", ("user", "user_1")).await;
    done(&undo(&db, revoke, 6).await);
    assert_eq!(db.verdict(), (true, "override_grant"));
    let record = db.store.find_override(MODE, &again.override_id).await.unwrap().unwrap();
    assert_eq!((record.revoked_at, record.revoked_by), (None, None));
    refused(undo(&db, revoke, 7).await, "counts already");
    let told = entry(&db, &at(6), "change.undo", ("user", "user_1")).await;
    let told = db.store.audit_entry(told).await.unwrap().unwrap();
    assert_eq!(
        told.details,
        json!({"undone": revoke, "action": "override.revoke", "before": "revoked", "after": "counts"})
    );
}

async fn another_end_is_taken_back(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let made = db.store.create_override(&grant(), &at(1)).await.unwrap();
    let later = Some(now().plus_secs(1_000_000));
    assert!(db.store.set_override_end(MODE, &made.override_id, later, &at(2)).await.unwrap());
    let end = entry(&db, &at(2), "override.end", ("user", "user_1")).await;
    done(&undo(&db, end, 3).await);
    let record = db.store.find_override(MODE, &made.override_id).await.unwrap().unwrap();
    assert_eq!(record.expires_at, grant().expires_at);
    refused(undo(&db, end, 4).await, "another end");
    assert!(db.store.set_override_end(MODE, &made.override_id, None, &at(5)).await.unwrap());
    let endless = entry(&db, &at(5), "override.end", ("user", "user_1")).await;
    done(&undo(&db, endless, 6).await);
    let record = db.store.find_override(MODE, &made.override_id).await.unwrap().unwrap();
    assert_eq!(record.expires_at, grant().expires_at);
}

async fn a_link_is_taken_back_and_what_it_settled_waits_again(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.take(&[event("evt_1", "customer.subscription.created", 0, subscription("active", "price_pro"), None)]).await;
    assert_eq!(db.status("evt_1").await, EventStatus::Unattributed);
    db.store.put_mapping(MODE, "cus_1", "user_1", MappingSource::Staff, &at(1)).await.unwrap();
    assert_eq!(db.status("evt_1").await, EventStatus::Processed);
    assert_eq!(db.verdict(), (true, "subscription_active"));
    let put = entry(&db, &at(1), "mapping.put", ("customer", "cus_1")).await;
    done(&undo(&db, put, 2).await);
    assert_eq!(db.store.mapping(MODE, "cus_1").await.unwrap(), None);
    assert_eq!(db.status("evt_1").await, EventStatus::Unattributed);
    assert!(!db.verdict().0);
    refused(undo(&db, put, 3).await, "since");
}

async fn a_move_is_taken_back_with_its_evidence_and_conflict(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let mut claim = subscription("active", "price_pro");
    claim["metadata"] = json!({"user_id": "user_2"});
    db.take(&[event("evt_1", "checkout.session.completed", 0, checkout("user_1"), None)]).await;
    db.take(&[event("evt_2", "customer.subscription.created", 1, claim, None)]).await;
    let before = db.store.mapping(MODE, "cus_1").await.unwrap().unwrap();
    let conflict = db.store.open_conflicts(MODE, None).await.unwrap().remove(0);
    assert!(db.store.resolve_conflict(&conflict.conflict_id, Resolution::Move, &at(5)).await.unwrap());
    assert!(!db.verdict().0);
    let moved = entry(&db, &at(5), "mapping.put", ("customer", "cus_1")).await;
    done(&undo(&db, moved, 6).await);
    let after = db.store.mapping(MODE, "cus_1").await.unwrap().unwrap();
    assert_eq!((&after.user_id, after.source, &after.evidence), (&before.user_id, before.source, &before.evidence));
    assert_eq!(db.verdict(), (true, "subscription_active"));
    assert_eq!(db.store.open_conflicts(MODE, None).await.unwrap(), [conflict]);

    // Moved and moved on: the first move stands no longer.
    db.store.put_mapping(MODE, "cus_1", "user_2", MappingSource::Staff, &at(7)).await.unwrap();
    let first = entry(&db, &at(7), "mapping.put", ("customer", "cus_1")).await;
    db.store.put_mapping(MODE, "cus_1", "user_3", MappingSource::Staff, &at(8)).await.unwrap();
    refused(undo(&db, first, 9).await, "somebody else");
    assert_eq!(db.store.mapping(MODE, "cus_1").await.unwrap().unwrap().user_id, "user_3");
}

async fn an_unlinking_is_taken_back(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.take(&[event("evt_1", "checkout.session.completed", 0, checkout("user_1"), None)]).await;
    assert!(db.store.delete_mapping(MODE, "cus_1", &at(1)).await.unwrap());
    let deleted = entry(&db, &at(1), "mapping.delete", ("customer", "cus_1")).await;
    done(&undo(&db, deleted, 2).await);
    let after = db.store.mapping(MODE, "cus_1").await.unwrap().unwrap();
    assert_eq!(
        (after.user_id.as_str(), after.source, after.evidence.as_str()),
        ("user_1", MappingSource::ClientReferenceId, "evt_1")
    );
    refused(undo(&db, deleted, 3).await, "since");
}

async fn a_conflict_that_was_kept_is_open_again(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let mut claim = subscription("active", "price_pro");
    claim["metadata"] = json!({"user_id": "user_2"});
    db.take(&[event("evt_1", "checkout.session.completed", 0, checkout("user_1"), None)]).await;
    db.take(&[event("evt_2", "customer.subscription.created", 1, claim, None)]).await;
    let conflict = db.store.open_conflicts(MODE, None).await.unwrap().remove(0);
    assert!(db.store.resolve_conflict(&conflict.conflict_id, Resolution::Keep, &at(5)).await.unwrap());
    assert_eq!(db.store.open_conflicts(MODE, None).await.unwrap(), []);
    let kept = entry(&db, &at(5), "conflict.keep", ("customer", "cus_1")).await;
    done(&undo(&db, kept, 6).await);
    assert_eq!(db.store.open_conflicts(MODE, None).await.unwrap(), [conflict]);
    refused(undo(&db, kept, 7).await, "open already");
}

async fn what_a_price_gives_is_taken_back_unless_it_changed_since(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.take(&[event("evt_1", "checkout.session.completed", 0, checkout("user_1"), None)]).await;
    db.take(&[event("evt_2", "customer.subscription.created", 1, subscription("active", "price_pro"), None)]).await;
    let (kind, id) = (TargetKind::Price, "price_pro");
    db.store.put_grants(MODE, kind, id, &[FeatureGrant::of("team")], &at(2)).await.unwrap();
    assert!(!db.verdict().0);
    let first = entry(&db, &at(2), "catalog.put", ("price", id)).await;
    db.store.put_grants(MODE, kind, id, &[], &at(3)).await.unwrap();
    refused(undo(&db, first, 4).await, "changed again since");
    let second = entry(&db, &at(3), "catalog.put", ("price", id)).await;
    done(&undo(&db, second, 5).await);
    done(&undo(&db, first, 6).await);
    assert_eq!(db.verdict(), (true, "subscription_active"));
    let verdicts = db.store.verdicts_of(MODE, ("catalog", id), at(6).now).await.unwrap();
    assert_eq!(verdicts.iter().filter(|change| change.feature == "pro" && change.allowed_after).count(), 1);
}

async fn a_policy_is_taken_back(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let own = PolicyExceptions { past_due_grace: Some(1000), ..PolicyExceptions::default() };
    for (seconds, target, object) in [
        (1, PolicyTarget::Price("price_pro"), ("price", "price_pro")),
        (3, PolicyTarget::Feature("pro"), ("feature", "pro")),
    ] {
        assert!(db.store.put_policy(MODE, target, &own, &at(seconds)).await.unwrap());
        let put = entry(&db, &at(seconds), "policy.put", object).await;
        done(&undo(&db, put, seconds + 1).await);
        refused(undo(&db, put, seconds + 1).await, "changed again since");
    }
    let catalog = db.store.index().catalog(MODE);
    assert!(catalog.features["pro"].policy.is_empty());
    assert!(catalog.price_policies.get("price_pro").is_none_or(PolicyExceptions::is_empty));
}

async fn a_feature_is_taken_back_unless_something_gives_it(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    let named = Feature { name: Some("Pro".into()), ..Feature::new("pro", FeatureType::Switch) };
    db.store.put_feature(MODE, &named, &at(1)).await.unwrap();
    let renamed = entry(&db, &at(1), "feature.put", ("feature", "pro")).await;
    done(&undo(&db, renamed, 2).await);
    assert_eq!(db.store.index().catalog(MODE).features["pro"].name, None);

    db.store.put_feature(MODE, &Feature::new("new", FeatureType::Limit), &at(3)).await.unwrap();
    let made = entry(&db, &at(3), "feature.put", ("feature", "new")).await;
    let grants = [FeatureGrant::of("new")];
    db.store.put_grants(MODE, TargetKind::Product, "prod_9", &grants, &at(4)).await.unwrap();
    refused(undo(&db, made, 5).await, "prod_9 gives new");
    db.store.put_grants(MODE, TargetKind::Product, "prod_9", &[], &at(6)).await.unwrap();
    done(&undo(&db, made, 7).await);
    assert!(!db.store.index().catalog(MODE).features.contains_key("new"));
    refused(undo(&db, made, 8).await, "deleted since");
}

async fn ignoring_is_taken_back(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.take(&[event("evt_1", "customer.subscription.created", 0, subscription("active", "price_pro"), None)]).await;
    let listed = async || db.store.list_unattributed(MODE, None, 5).await.unwrap().data.len();
    let counted = async || db.store.nav_counts(MODE).await.unwrap().unattributed;
    assert_eq!((listed().await, counted().await), (1, 1));
    assert!(db.store.ignore_customer(MODE, "cus_1", &at(1)).await.unwrap());
    assert!(!db.store.ignore_customer(MODE, "cus_1", &at(2)).await.unwrap());
    assert_eq!((listed().await, counted().await), (0, 0));
    let ignored = db.store.ignored_customers(MODE, &Place::first(5)).await.unwrap().data;
    assert_eq!((ignored.len(), ignored[0].0.reason.as_str(), ignored[0].1.events), (1, "a test", 1));

    let entry_id = entry(&db, &at(1), "customer.ignore", ("customer", "cus_1")).await;
    done(&undo(&db, entry_id, 3).await);
    assert_eq!((listed().await, counted().await), (1, 1));
    refused(undo(&db, entry_id, 4).await, "ignored no longer");
    assert!(db.store.ignore_customer(MODE, "cus_1", &at(5)).await.unwrap());
    assert!(db.store.heed_customer(MODE, "cus_1", &at(6)).await.unwrap());
    let heeded = entry(&db, &at(6), "customer.heed", ("customer", "cus_1")).await;
    done(&undo(&db, heeded, 7).await);
    assert_eq!(listed().await, 0);
    assert_eq!(db.store.ignored_customer(MODE, "cus_1").await.unwrap().unwrap().reason, "a test");
    // Whoever is linked is no case any more, ignored or not.
    db.store.put_mapping(MODE, "cus_1", "user_1", MappingSource::Staff, &at(8)).await.unwrap();
    assert_eq!(db.store.ignored_customers(MODE, &Place::first(5)).await.unwrap().data.len(), 0);
}

async fn what_is_no_change_is_refused(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    assert_eq!(undo(&db, 4711, 1).await, Undone::Unknown);
    db.store.note_audit(Some(MODE), "customer.resync", ("customer", "cus_1"), &json!({}), &at(1)).await.unwrap();
    let read = entry(&db, &at(1), "customer.resync", ("customer", "cus_1")).await;
    refused(undo(&db, read, 2).await, "cannot be taken back");
    db.store.put_mapping(MODE, "cus_1", "user_1", MappingSource::Staff, &at(3)).await.unwrap();
    db.store.put_mapping(MODE, "cus_1", "user_1", MappingSource::Staff, &at(4)).await.unwrap();
    let nothing = entry(&db, &at(4), "mapping.put", ("customer", "cus_1")).await;
    refused(undo(&db, nothing, 5).await, "Nothing was changed");
    // An entry of a program that did not keep what was there before.
    db.store.note_audit(Some(MODE), "feature.put", ("feature", "pro"), &json!({"after": null}), &at(6)).await.unwrap();
    let old = entry(&db, &at(6), "feature.put", ("feature", "pro")).await;
    refused(undo(&db, old, 7).await, "was not kept");
}

async fn a_mapping_is_tried_and_nothing_is_stored(engine: Engine) {
    let Some(db) = open(engine).await else { return };
    db.take(&[event("evt_1", "customer.subscription.created", 0, subscription("active", "price_pro"), None)]).await;
    let would = db.store.facts_if_mapped(MODE, "cus_1", Some("user_1"), now()).await.unwrap();
    assert_eq!(would.len(), 1);
    assert_eq!((would[0].0.as_str(), would[0].1.subscriptions.len()), ("user_1", 1));
    assert_eq!(db.store.mapping(MODE, "cus_1").await.unwrap(), None);
    assert_eq!(db.status("evt_1").await, EventStatus::Unattributed);
    assert!(!db.verdict().0);

    db.store.put_mapping(MODE, "cus_1", "user_1", MappingSource::Staff, &at(1)).await.unwrap();
    let would = db.store.facts_if_mapped(MODE, "cus_1", Some("user_2"), now()).await.unwrap();
    let subscriptions: Vec<_> = would.iter().map(|(user, facts)| (user.as_str(), facts.subscriptions.len())).collect();
    assert_eq!(subscriptions, [("user_1", 0), ("user_2", 1)]);
    let would = db.store.facts_if_mapped(MODE, "cus_1", None, now()).await.unwrap();
    assert_eq!(would.len(), 1);
    assert_eq!(db.verdict(), (true, "subscription_active"));
    // Both users' entries of the audit log tell of a move.
    db.store.put_mapping(MODE, "cus_1", "user_2", MappingSource::Staff, &at(2)).await.unwrap();
    for user in ["user_1", "user_2"] {
        entry(&db, &at(2), "mapping.move", ("user", user)).await;
    }
}
