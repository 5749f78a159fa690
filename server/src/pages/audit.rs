//! `/admin/audit`: the last 30 days, or what the filter says; and one entry with what it changed.

use std::collections::BTreeSet;

use app::pages::Page;
use app::pages::audit::{Change, Entry, Filter, Row, View};
use domain::Timestamp;
use serde_json::Value;
use store::records::{AuditFilter, AuditRecord, Page as Rows, Place};

use super::list::{around, export};
use super::{Ask, Loaded, moment};

/// What is shown when no day is given.
const LATELY_SECS: i64 = 30 * 24 * 3600;
const DAY_SECS: i64 = 24 * 3600;

/// The list.
pub(super) async fn audit(ask: &Ask<'_>) -> Loaded {
    let (filter, place) = (filter(ask), ask.place());
    let store = &ask.state.store;
    let (page, count, fault) = match narrow(ask, &filter, &place).await? {
        Ok(narrowed) => (store.audit(&narrowed).await?, Some(store.count_audit(&narrowed).await?), None),
        Err(fault) => (Rows { data: vec![], has_more: false }, None, Some(fault)),
    };
    let mut pages = around(ask, "/admin/audit", &filter.fields(), &page, |entry| entry.audit_id.to_string());
    if !page.data.is_empty() {
        pages.count = count;
        pages.export = Some(export(ask, "audit", &filter.fields()));
    }
    let rows = page.data.into_iter().map(row).collect();
    Ok(Some(Page::Audit(View { filter, lately: lately(ask), fault, rows, pages })))
}

/// The day that the log begins at when nobody says otherwise.
fn lately(ask: &Ask<'_>) -> String {
    ask.now.plus_secs(-LATELY_SECS).to_string()[..10].to_owned()
}

/// What narrows the list, as the address says.
pub(crate) fn filter(ask: &Ask<'_>) -> Filter {
    let field = |name: &str| ask.param(name).unwrap_or_default().to_owned();
    let mut filter = Filter {
        who: field("who"),
        action: field("action"),
        object: field("object"),
        from: field("from"),
        to: field("to"),
    };
    if filter.from.is_empty() {
        // An emptied field says "since the beginning"; one that was never there, "lately". What happened to one object is little, and may
        // be long ago.
        let always = ask.query.contains_key("from") || !filter.object.is_empty();
        filter.from = if always { "all".into() } else { lately(ask) };
    }
    filter
}

/// The filter for the store, or what is wrong with it.
pub(crate) async fn narrow(
    ask: &Ask<'_>,
    filter: &Filter,
    place: &Place,
) -> store::Result<Result<AuditFilter, String>> {
    let day = |text: &str| match text {
        "" | "all" => Ok(None),
        text => moment::of(text, "00:00", &moment::zone(None)).map(Some),
    };
    let (from, to) = match (day(&filter.from), day(&filter.to)) {
        (Ok(from), Ok(to)) => (from, to.map(|to: Timestamp| to.plus_secs(DAY_SECS))),
        (Err(fault), _) | (_, Err(fault)) => return Ok(Err(fault)),
    };
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Ok(Ok(AuditFilter {
        livemode: Some(ask.livemode),
        actor: actor(ask, &filter.who).await?,
        action: given(&filter.action),
        object_id: given(&filter.object),
        from,
        to,
        after: place.after.as_ref().and_then(|key| key.parse().ok()),
        before: place.before.as_ref().and_then(|key| key.parse().ok()),
        limit: place.limit,
        ..AuditFilter::default()
    }))
}

/// Who is meant, as the audit log writes it.
async fn actor(ask: &Ask<'_>, who: &str) -> store::Result<Option<String>> {
    Ok(match who {
        "" => None,
        email if email.contains('@') && !email.starts_with("staff:") => {
            let known = ask.state.store.staff_by_email(email).await?;
            Some(format!("staff:{}", known.map_or_else(|| email.to_owned(), |staff| staff.email)))
        }
        key if key.starts_with("key_") => Some(format!("api_key:{key}")),
        other => Some(other.to_owned()),
    })
}

/// One entry; none of the other mode.
pub(super) async fn entry(ask: &Ask<'_>, number: &str) -> Loaded {
    let Ok(number) = number.parse() else { return Ok(None) };
    let found = ask.state.store.audit_entry(number).await?;
    let found = found.filter(|entry| entry.livemode.is_none_or(|livemode| livemode == ask.livemode));
    let Some(found) = found else { return Ok(None) };
    let (changes, notes) = (changes(&found.details), notes(&found.details));
    Ok(Some(Page::AuditEntry(Box::new(Entry { changes, notes, row: row(found) }))))
}

fn row(entry: AuditRecord) -> Row {
    Row {
        number: entry.audit_id,
        at: entry.at,
        actor: entry.actor,
        action: entry.action,
        kind: entry.object_kind,
        object: entry.object_id,
        reason: entry.reason,
        role: entry.role,
        address: entry.address,
        request_id: entry.request_id,
        livemode: entry.livemode,
    }
}

/// Every field that differs between `before` and `after`.
fn changes(details: &Value) -> Vec<Change> {
    let (before, after) = (details.get("before"), details.get("after"));
    match (before.and_then(Value::as_object), after.and_then(Value::as_object)) {
        (None, None) => change("value", before, after).into_iter().collect(),
        (old, new) => {
            let fields: BTreeSet<&String> = old.into_iter().chain(new).flat_map(|object| object.keys()).collect();
            let of = |object: Option<&'_ serde_json::Map<String, Value>>, field: &String| {
                object.and_then(|object| object.get(field)).cloned()
            };
            fields
                .into_iter()
                .filter_map(|field| change(field, of(old, field).as_ref(), of(new, field).as_ref()))
                .collect()
        }
    }
}

fn change(field: &str, before: Option<&Value>, after: Option<&Value>) -> Option<Change> {
    let told = |value: Option<&Value>| value.filter(|value| !value.is_null()).map(written);
    let (before, after) = (told(before), told(after));
    (before != after).then(|| Change { field: field.replace('_', " "), before, after })
}

/// What else an entry has.
fn notes(details: &Value) -> Vec<(String, String)> {
    let all = details.as_object().into_iter().flatten();
    let others = all.filter(|(name, value)| !matches!(name.as_str(), "before" | "after") && !value.is_null());
    others.map(|(name, value)| (name.replace('_', " "), written(value))).collect()
}

fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change(field: &str, before: Option<&str>, after: Option<&str>) -> Change {
        Change { field: field.into(), before: before.map(str::to_owned), after: after.map(str::to_owned) }
    }

    #[test]
    fn only_what_differs_is_a_change() {
        let details = json!({
            "before": { "role": "viewer", "name": "Ada", "disabled_at": null },
            "after": { "role": "admin", "name": "Ada", "disabled_at": 7 }, "sessions": 2,
        });
        let expected = [change("disabled at", None, Some("7")), change("role", Some("viewer"), Some("admin"))];
        assert_eq!(changes(&details), expected);
        assert_eq!(notes(&details), [("sessions".to_owned(), "2".to_owned())]);
    }

    #[test]
    fn a_single_value_and_a_new_object_are_changes_too() {
        assert_eq!(
            changes(&json!({ "before": "user_1", "after": "user_2" })),
            [change("value", Some("user_1"), Some("user_2"))]
        );
        assert_eq!(changes(&json!({ "after": { "key": "pro" } })), [change("key", None, Some("pro"))]);
        assert_eq!(changes(&json!({ "before": ["a", "b"] })), [change("value", Some("a, b"), None)]);
        assert!(changes(&json!({ "override": "ovr_1" })).is_empty());
    }
}
