//! Snapshot events of any version, to what the engine reads of them. An input is one event or an array of them.
#![no_main]

use domain::Timestamp;
use domain::event::{Envelope, USED_TYPES};
use domain::evidence::{self, Witness};
use domain::metadata;
use domain::stripe::json::Missing;
use domain::stripe::redact::redact;
use domain::stripe::{
    Charge, CheckoutSession, Customer, Dispute, EntitlementSummary, Invoice, InvoicePayment, Price, Product, Refund,
    Subscription, VersionStanding,
};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    fuzz::mutate_json(data, size, max_size, seed)
});

fuzz_target!(|data: &[u8]| {
    let Ok(input) = serde_json::from_slice::<Value>(data) else { return };
    let events = match input {
        Value::Array(events) => events,
        event => vec![event],
    };
    let witnesses: Vec<Witness> = events.iter().take(4).filter_map(one_event).collect();
    the_latest_is_the_same_in_any_order(witnesses);
});

/// What some rule reads of an object.
#[derive(Debug, PartialEq)]
enum Evidence {
    Subscription(Subscription),
    Customer(Customer),
    Session(CheckoutSession),
    Product(Product),
    Price(Price),
    Entitlements(EntitlementSummary),
    Charge(Charge),
    Refund(Refund),
    Dispute(Dispute),
    Invoice(Invoice),
    InvoicePayment(InvoicePayment),
    Unused,
}

fn read(kind: &str, object: &Value) -> Result<Evidence, Missing> {
    let keys = ["user_id".to_owned(), "app_user".to_owned()];
    Ok(match kind {
        kind if !USED_TYPES.contains(&kind) => Evidence::Unused,
        kind if kind.starts_with("customer.subscription.") => {
            Evidence::Subscription(Subscription::read(object, &keys)?)
        }
        kind if kind.starts_with("customer.") => Evidence::Customer(Customer::read(object, &keys)?),
        kind if kind.starts_with("checkout.session.") => Evidence::Session(CheckoutSession::read(object, &keys)?),
        kind if kind.starts_with("product.") => Evidence::Product(Product::read(object)?),
        kind if kind.starts_with("price.") => Evidence::Price(Price::read(object)?),
        kind if kind.starts_with("entitlements.") => Evidence::Entitlements(EntitlementSummary::read(object)?),
        kind if kind.starts_with("charge.dispute.") => Evidence::Dispute(Dispute::read(object)?),
        "charge.refunded" => Evidence::Charge(Charge::read(object)?),
        kind if kind.starts_with("refund.") || kind == "charge.refund.updated" => {
            Evidence::Refund(Refund::read(object)?)
        }
        "invoice_payment.paid" => Evidence::InvoicePayment(InvoicePayment::read(object)?),
        kind if kind.starts_with("invoice.") => Evidence::Invoice(Invoice::read(object)?),
        _ => Evidence::Unused,
    })
}

/// Without what names a person: what is left when the payload was redacted. What does not say that it is a price or product has no names.
fn without_person(evidence: Evidence, object: &Value) -> Evidence {
    let is_sold = matches!(object.get("object").and_then(Value::as_str), Some("price" | "plan" | "product"));
    match evidence {
        Evidence::Subscription(one) => Evidence::Subscription(Subscription { claimed_user: None, ..one }),
        Evidence::Customer(one) => Evidence::Customer(Customer { email: None, name: None, claimed_user: None, ..one }),
        Evidence::Session(one) => Evidence::Session(CheckoutSession {
            client_reference_id: None,
            claimed_user: None,
            email: None,
            url: None,
            ..one
        }),
        Evidence::Product(one) if !is_sold => Evidence::Product(Product { name: None, features: None, ..one }),
        Evidence::Price(one) if !is_sold => {
            Evidence::Price(Price { nickname: None, features: None, currency: None, interval: None, ..one })
        }
        other => other,
    }
}

fn one_event(event: &Value) -> Option<Witness> {
    let envelope = Envelope::read(event);
    let printed: Value = serde_json::from_str(&event.to_string()).expect("what was written is JSON");
    assert_eq!(envelope, Envelope::read(&printed));
    let envelope = envelope.map_err(|missing| assert!(!missing.path.is_empty())).ok()?;
    let object = event.get("data")?.get("object")?;
    assert!(!envelope.id.is_empty() && !envelope.kind.is_empty());
    assert_eq!(
        Timestamp::parse(&envelope.created.to_string()),
        Some(envelope.created),
        "a time is written as it is read"
    );
    if let Some(version) = &envelope.api_version {
        let standing = VersionStanding::of(version, "2026-09-30.endive");
        assert!(!standing.sentence(version, "2026-09-30.endive").is_empty());
    }

    let mut kept = event.clone();
    redact(&mut kept);
    assert_eq!(Envelope::read(&kept).as_ref(), Ok(&envelope), "an envelope names nobody");
    let evidence = read(&envelope.kind, object);
    assert_eq!(evidence, read(&envelope.kind, &printed["data"]["object"]), "read twice");
    match evidence {
        Err(missing) => assert!(!missing.path.is_empty() && !missing.expected.is_empty()),
        Ok(evidence) => {
            is_kept_as_it_is(&evidence);
            let left = read(&envelope.kind, &kept["data"]["object"]).expect("what decides is not about a person");
            assert_eq!(without_person(left, object), without_person(evidence, object));
        }
    }
    let mut twice = kept.clone();
    redact(&mut twice);
    assert_eq!(kept, twice);
    let previous = event["data"].get("previous_attributes").cloned();
    let Envelope { id: event_id, kind, created, .. } = envelope;
    Some(Witness { event_id, kind, created, object: object.clone(), previous })
}

/// The store keeps evidence as JSON, and reads it back.
fn is_kept_as_it_is(evidence: &Evidence) {
    fn kept<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(one: &T) {
        let text = serde_json::to_string(one).expect("evidence can be written");
        assert_eq!(&serde_json::from_str::<T>(&text).expect("and read"), one);
    }
    match evidence {
        Evidence::Subscription(one) => kept(one),
        Evidence::Customer(one) => kept(one),
        Evidence::Session(one) => kept(one),
        Evidence::Product(one) => {
            kept(one);
            features_are_stable(one.features.as_deref());
        }
        Evidence::Price(one) => {
            kept(one);
            features_are_stable(one.features.as_deref());
        }
        Evidence::Charge(one) => kept(one),
        Evidence::Refund(one) => kept(one),
        Evidence::Dispute(one) => kept(one),
        Evidence::Invoice(one) => kept(one),
        Evidence::Entitlements(_) | Evidence::InvoicePayment(_) | Evidence::Unused => {}
    }
}

fn features_are_stable(text: Option<&str>) {
    let (grants, faults) = metadata::features(text.unwrap_or_default());
    assert!(faults.iter().all(|fault| !fault.is_empty()));
    let entries = grants.iter().map(|grant| match grant.value {
        Some(value) => format!("{}={value}", grant.feature),
        None => grant.feature.clone(),
    });
    let written = entries.collect::<Vec<_>>().join(",");
    assert_eq!(metadata::features(&written), (grants, vec![]));
}

fn the_latest_is_the_same_in_any_order(mut witnesses: Vec<Witness>) {
    // Ids are unique in the database.
    witnesses.sort_by(|a, b| a.event_id.cmp(&b.event_id));
    witnesses.dedup_by(|a, b| a.event_id == b.event_id);
    let outcome =
        |witnesses: &[Witness]| evidence::latest(witnesses).map(|(one, proven)| (one.event_id.clone(), proven));
    let expected = outcome(&witnesses);
    assert_eq!(expected.is_some(), !witnesses.is_empty());
    if let [only] = witnesses.as_slice() {
        assert_eq!(expected, Some((only.event_id.clone(), true)));
    }
    for round in 0..witnesses.len() * 2 {
        witnesses.rotate_left(1);
        if round == witnesses.len() {
            witnesses.reverse();
        }
        assert_eq!(outcome(&witnesses), expected);
    }
}
