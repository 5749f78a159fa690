//! One event of the webhook log.

use std::collections::HashSet;

use app::pages::{Page, event as page};
use domain::role::Role;
use domain::stripe::VersionStanding;
use gateway::PINNED_VERSION;
use serde_json::Value;
use store::records::EventRecord;

use super::{Ask, Loaded, events, note_reading};
use crate::config::duration_text;

/// One event.
pub(super) async fn event(ask: &Ask<'_>, id: &str) -> Loaded {
    let store = &ask.state.store;
    let Some(event) = store.event(ask.livemode, id).await? else { return Ok(None) };
    let attempts = store.attempts(ask.livemode, id).await?;
    let user_id = match &event.customer_id {
        Some(customer) => store.mapping(ask.livemode, customer).await?.map(|mapping| mapping.user_id),
        None => None,
    };
    let (version_meaning, snapshot_event) = version(event.api_version.as_deref(), &event.payload);
    let removed = match event.payload_removed_at {
        Some(at) => {
            let of: Vec<String> = event.customer_id.iter().cloned().collect();
            let erased = ask.state.store.erased_since(ask.livemode, &of).await?.is_some_and(|erased| at >= erased);
            Some((at, ask.state.config.kept.payloads_ms.map(duration_text).filter(|_| !erased)))
        }
        None => None,
    };
    let payload = (ask.actor.role >= Role::Support && removed.is_none()).then(|| sent(&event.payload));
    if payload.is_some() {
        note_reading(ask, ("event", id)).await?;
    }
    let about = match &event.object_id {
        Some(object) => Some(about(ask, object).await?),
        None => None,
    };
    let effects = event.effects.unwrap_or_default();
    let fields = effects.fields.into_iter().map(|change| page::Field {
        object: change.object,
        field: change.field,
        before: change.before,
        after: change.after,
    });
    let verdicts = effects.verdicts.into_iter().map(|change| page::Verdict {
        user_id: change.user_id,
        feature: change.feature,
        before: (change.allowed_before, change.reason_before),
        after: (change.allowed_after, change.reason_after),
    });
    let attempts = attempts.into_iter().map(|attempt| page::Attempt {
        cause: attempt.cause,
        actor: attempt.actor,
        started_at: attempt.started_at,
        outcome: attempt.outcome,
        error: attempt.error,
    });
    Ok(Some(Page::Event(Box::new(page::View {
        fields: fields.collect(),
        mappings: effects.mappings,
        verdicts: verdicts.collect(),
        attempts: attempts.collect(),
        removed,
        payload,
        about,
        user_id,
        event_id: event.event_id,
        kind: event.kind,
        livemode: event.livemode,
        status: event.status,
        created: event.created,
        received_at: event.received_at,
        last_delivery_at: event.last_delivery_at,
        deliveries: event.deliveries,
        fetched: event.origin == "fetched",
        undelivered: event.undelivered,
        api_version: event.api_version,
        version_meaning,
        snapshot_event,
        object_id: event.object_id,
        customer_id: event.customer_id,
        secret_name: event.secret_name,
        note: event.note,
        error: event.error,
        attempt_count: event.attempts,
        next_attempt_at: event.next_attempt_at,
        processed_at: event.processed_at,
    }))))
}

/// What the version of an event's payload means, and the snapshot event that a thin one names.
fn version(version: Option<&str>, payload: &str) -> (String, Option<String>) {
    if let Some(version) = version {
        return (VersionStanding::of(version, PINNED_VERSION).sentence(version, PINNED_VERSION), None);
    }
    let event: Value = serde_json::from_str(payload).unwrap_or_default();
    if event["object"] != "v2.core.event" {
        return ("Stripe did not say which; it is read like any other.".to_owned(), None);
    }
    let snapshot = event["snapshot_event"].as_str().map(str::to_owned);
    (format!("A thin event has no shape: what it is about is read from Stripe in {PINNED_VERSION}."), snapshot)
}

/// Longest body that a page shows whole, and longest that it shows to be unfolded, in bytes.
const SHOWN: usize = 256 * 1024;
const UNFOLDED: usize = 64 * 1024;

/// What Stripe sent: what it says changed, the object, and all of it, indented.
fn sent(payload: &str) -> page::Payload {
    let size = payload.len();
    let Ok(event) = serde_json::from_str::<Value>(payload) else {
        let text = (size <= SHOWN).then(|| payload.to_owned());
        return page::Payload { changes: Vec::new(), object: None, text, size };
    };
    let mut changes = Vec::new();
    if let Some(previous) = event.pointer("/data/previous_attributes") {
        compare(previous, event.pointer("/data/object"), "", &mut changes);
    }
    let object = event.pointer("/data/object").filter(|_| size <= UNFOLDED).map(unfolded);
    let text = || serde_json::to_string_pretty(&event).unwrap_or_else(|_| payload.to_owned());
    page::Payload { changes, object, text: (size <= SHOWN).then(text), size }
}

/// A value, to be unfolded.
fn unfolded(value: &Value) -> page::Json {
    match value {
        Value::Object(fields) if !fields.is_empty() => page::Json::Branch {
            is_list: false,
            entries: fields.iter().map(|(name, value)| (name.clone(), unfolded(value))).collect(),
        },
        Value::Array(values) if !values.is_empty() => page::Json::Branch {
            is_list: true,
            entries: values.iter().enumerate().map(|(n, value)| (n.to_string(), unfolded(value))).collect(),
        },
        leaf => page::Json::Leaf(leaf.to_string()),
    }
}

/// Walks the objects of `previous_attributes`; lists and plain values are shown whole.
fn compare(before: &Value, after: Option<&Value>, path: &str, changes: &mut Vec<page::Change>) {
    match before {
        Value::Object(fields) if path.is_empty() || (!fields.is_empty() && after.is_some_and(Value::is_object)) => {
            for (name, before) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                compare(before, after.and_then(|after| after.get(name)), &path, changes);
            }
        }
        before => changes.push(page::Change {
            path: path.to_owned(),
            before: before.to_string(),
            after: after.map(Value::to_string),
        }),
    }
}

/// Events of an object that are shown.
const ABOUT: usize = 50;

/// The events of one of Stripe's objects, in Stripe's order.
pub(super) async fn about(ask: &Ask<'_>, object_id: &str) -> anyhow::Result<page::About> {
    let limit = i64::try_from(ABOUT + 1).unwrap_or(i64::MAX);
    let mut found = ask.state.store.events_about(ask.livemode, object_id, limit).await?;
    let more = found.len() > ABOUT;
    found.truncate(ABOUT);
    let users = events::users(ask, &found).await?;
    let late = late(&found);
    let lines = found.into_iter().map(|event| page::Line {
        created: event.created,
        late: late.contains(&event.seq),
        event: events::row(event, &users),
    });
    Ok(page::About { object_id: object_id.to_owned(), lines: lines.collect(), more })
}

/// The receipts of those that came after a newer one; within one second nobody can tell. The events are the newest first.
fn late(events: &[EventRecord]) -> HashSet<i64> {
    let mut late = HashSet::new();
    // The first receipt of all that are clearly newer.
    let mut first = i64::MAX;
    for second in events.chunk_by(|one, other| one.created == other.created) {
        late.extend(second.iter().map(|event| event.seq).filter(|seq| *seq > first));
        first = second.iter().map(|event| event.seq).fold(first, i64::min);
    }
    late
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_the_paths_of_previous_attributes() {
        let payload = r#"{"data":{"object":{"status":"active","pause":{"a":1,"b":2},"gone":null},
            "previous_attributes":{"status":"trialing","pause":{"a":0},"items":[1]}}}"#;
        let sent = sent(payload);
        let mut changes: Vec<_> = sent
            .changes
            .iter()
            .map(|change| (change.path.as_str(), change.before.as_str(), change.after.as_deref()))
            .collect();
        changes.sort_unstable();
        let expected =
            [("items", "[1]", None), ("pause.a", "0", Some("1")), ("status", "\"trialing\"", Some("\"active\""))];
        assert_eq!(changes, expected);
        assert!(sent.text.is_some_and(|text| text.contains("\n  \"data\"")));
        assert!(matches!(sent.object, Some(page::Json::Branch { is_list: false, entries }) if entries.len() == 3));
    }

    #[test]
    fn a_version_is_shown_with_what_it_means() {
        assert!(version(Some(PINNED_VERSION), "{}").0.contains("itself asks"));
        assert!(version(Some("2022-11-15"), "{}").0.contains("Older"));
        assert!(version(Some("2031-01-01.x"), "{}").0.contains("the newest that is known here"));
        assert!(version(None, r#"{"object":"event","api_version":null}"#).0.contains("did not say"));
        let thin = version(None, r#"{"object":"v2.core.event","snapshot_event":"evt_2"}"#);
        assert!(thin.0.contains("thin event"));
        assert_eq!(thin.1.as_deref(), Some("evt_2"));
    }

    #[test]
    fn a_payload_that_is_no_json_is_shown_as_it_came() {
        let sent = sent("<html>");
        assert!(sent.changes.is_empty() && sent.object.is_none());
        assert_eq!(sent.text.as_deref(), Some("<html>"));
    }

    #[test]
    fn what_is_too_long_for_a_page_is_left_to_the_download() {
        let payload = |length: usize| format!(r#"{{"data":{{"object":{{"a":"{}"}}}}}}"#, "x".repeat(length));
        let whole = sent(&payload(UNFOLDED));
        assert!(whole.object.is_none() && whole.text.is_some());
        let long = sent(&payload(SHOWN));
        assert!(long.object.is_none() && long.text.is_none() && long.size > SHOWN);
    }
}
