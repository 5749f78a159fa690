//! Envelopes of snapshot and thin events.

use domain::event::{Envelope, EventStatus};
use domain::{Livemode, Timestamp};
use serde_json::{Value, json};

use crate::{fixture, replaced, without};

const SNAPSHOT: &str = "event_subscription_updated_2022-11-15";
const THIN: &str = "event_thin_subscription";

fn read(name: &str) -> Envelope {
    Envelope::read(&fixture(name)).unwrap()
}

fn missing(value: &Value) -> String {
    Envelope::read(value).unwrap_err().to_string()
}

#[test]
fn a_snapshot_names_its_object_and_its_customer() {
    let expected = Envelope {
        id: "evt_1MowQXLkdIwHu7ixAAAAAAAA".to_owned(),
        kind: "customer.subscription.updated".to_owned(),
        created: Timestamp::from_secs(1_680_000_000),
        livemode: Livemode::Test,
        api_version: Some("2022-11-15".to_owned()),
        object_id: Some("sub_1MowQVLkdIwHu7ixeRlqHVzs".to_owned()),
        customer_id: Some("cus_Na6dX7aXxi11N4".to_owned()),
    };
    assert_eq!(read(SNAPSHOT), expected);
}

#[test]
fn an_event_about_a_customer_is_about_that_customer() {
    let event = read("event_customer_deleted_clover");
    assert_eq!(event.object_id.as_deref(), Some("cus_TClover00000"));
    assert_eq!(event.customer_id.as_deref(), Some("cus_TClover00000"));
    assert_eq!(event.livemode, Livemode::Live);
}

#[test]
fn an_object_without_id_is_known_by_its_customer() {
    let event = read("event_entitlement_summary");
    assert_eq!(event.object_id.as_deref(), Some("cus_QXg1expanded0"));
    assert_eq!(event.api_version, None);
}

#[test]
fn a_thin_event_has_fractions_and_no_payload() {
    let expected = Envelope {
        id: "evt_test_65R2GpDhKqe9zJ16R2G".to_owned(),
        kind: "v1.customer.subscription.updated".to_owned(),
        created: Timestamp::parse("2026-10-30T09:16:29.25Z").unwrap(),
        livemode: Livemode::Test,
        api_version: None,
        object_id: Some("sub_1Tendive".to_owned()),
        customer_id: None,
    };
    assert_eq!(read(THIN), expected);
    let customer = read("event_thin_customer");
    assert_eq!(customer.customer_id.as_deref(), Some("cus_Tgone"));
    assert_eq!(customer.created, expected.created, "another offset, the same moment");
    let alone = Envelope::read(&without(THIN, "/related_object")).unwrap();
    assert_eq!(alone.object_id, None);
}

#[test]
fn what_is_missing_is_named_by_its_path() {
    for (name, pointer, message) in [
        (SNAPSHOT, "/id", "id is missing: expected a string"),
        (SNAPSHOT, "/type", "type is missing: expected a string"),
        (SNAPSHOT, "/livemode", "livemode is missing: expected true or false"),
        (SNAPSHOT, "/created", "created is missing: expected Unix seconds"),
        (SNAPSHOT, "/data/object", "data.object is missing: expected an object"),
        (SNAPSHOT, "/data", "data.object is missing: expected an object"),
        (THIN, "/created", "created is missing: expected a string"),
    ] {
        assert_eq!(missing(&without(name, pointer)), message, "{name}");
    }
    let message = missing(&replaced(THIN, "/created", json!("yesterday")));
    assert_eq!(message, "created is missing: expected an RFC 3339 time");
    assert_eq!(
        missing(&replaced(SNAPSHOT, "/livemode", json!("false"))),
        "livemode is missing: expected true or false"
    );
    for odd in [json!(null), json!([]), json!(3), json!("evt_1")] {
        assert_eq!(missing(&odd), "id is missing: expected a string");
    }
}

#[test]
fn statuses_are_the_words_of_the_contract() {
    let words = ["pending", "processing", "processed", "ignored", "unattributed", "failed", "dead"];
    assert_eq!(EventStatus::ALL.map(EventStatus::as_str), words);
    for status in EventStatus::ALL {
        assert_eq!(EventStatus::parse(status.as_str()), Some(status));
        assert_eq!(serde_json::to_value(status).unwrap(), json!(status.as_str()));
    }
    assert_eq!(EventStatus::parse("Dead"), None);
}
