//! Thin events: the envelope, and the object that Stripe is asked for.
#![no_main]

use domain::Timestamp;
use domain::event::{Envelope, RelatedObject, plain_type};
use domain::stripe::redact::redact;
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use serde_json::Value;

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    fuzz::mutate_json(data, size, max_size, seed)
});

fuzz_target!(|data: &[u8]| {
    let Ok(mut event) = serde_json::from_slice::<Value>(data) else { return };
    one_event(&event);
    // Most changes make it another kind of event.
    if let Some(fields) = event.as_object_mut() {
        fields.insert("object".to_owned(), "v2.core.event".into());
        fields.insert("livemode".to_owned(), false.into());
        one_event(&event);
    }
});

fn one_event(event: &Value) {
    let (envelope, related) = (Envelope::read(event), RelatedObject::read(event));
    let printed: Value = serde_json::from_str(&event.to_string()).expect("what was written is JSON");
    assert_eq!((&envelope, &related), (&Envelope::read(&printed), &RelatedObject::read(&printed)));
    // What is kept of an event about somebody who was erased leads to the same object.
    let mut kept = event.clone();
    redact(&mut kept);
    assert_eq!(related, RelatedObject::read(&kept));
    for missing in [envelope.as_ref().err(), related.as_ref().err()].into_iter().flatten() {
        assert!(!missing.path.is_empty() && !missing.expected.is_empty());
    }
    let Ok(envelope) = envelope else { return };
    assert!(!envelope.id.is_empty() && !envelope.kind.is_empty());
    assert!(envelope.kind.ends_with(plain_type(&envelope.kind)));
    if event.get("object").and_then(Value::as_str) != Some("v2.core.event") {
        return;
    }
    let created = Timestamp::parse(&envelope.created.to_string());
    assert_eq!(created, Some(envelope.created), "a time is written as it is read");
    assert_eq!(envelope.api_version, None);
    if let Ok(Some(related)) = related {
        assert_eq!(envelope.object_id.as_ref(), Some(&related.id));
        assert_eq!(envelope.customer_id.is_some(), related.id.starts_with("cus_"));
    }
}
