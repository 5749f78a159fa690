//! The webhook log.

use std::collections::HashMap;

use app::pages::{Page, events as list};
use domain::event::EventStatus;
use store::records::{EventFilter, EventRecord};

use super::{Ask, Loaded, ROWS};

/// The log, by filter; `status=rejected` are the deliveries that were refused.
pub(super) async fn events(ask: &Ask<'_>) -> Loaded {
    let status = ask.param("status").unwrap_or_default();
    let after = ask.param("after").and_then(|after| after.parse().ok());
    if status == "rejected" {
        return rejected(ask, after).await;
    }
    let statuses = match status {
        // Whoever looks for failures wants those that were given up too.
        "failed" => vec![EventStatus::Failed, EventStatus::Dead],
        word => EventStatus::parse(word).into_iter().collect(),
    };
    let store = &ask.state.store;
    let (kind, id) = (ask.param("type").map(str::to_owned), ask.param("q").map(str::to_owned));
    let (version, error) = (ask.param("version").map(str::to_owned), ask.param("error").map(str::to_owned));
    let since = ask.param("since").unwrap_or_default();
    let filter = EventFilter {
        statuses,
        kind: kind.clone(),
        id: id.clone(),
        since: span(since).map(|seconds| ask.now.plus_secs(-seconds)),
        api_version: version.clone(),
        error: error.clone(),
        fetched: ask.param("origin") == Some("fetched"),
        after,
        limit: ROWS,
        ..EventFilter::default()
    };
    let found = store.events(ask.livemode, &filter).await?;
    let ever = !found.data.is_empty()
        || !store.events(ask.livemode, &EventFilter { limit: 1, ..EventFilter::default() }).await?.data.is_empty();
    let next = found.data.last().filter(|_| found.has_more).map(|last| last.seq);
    let users = users(ask, &found.data).await?;
    let rows = found.data.into_iter().map(|event| row(event, &users)).collect();
    let filter = list::Filter {
        // A word that is no status filters nothing, so the form must not claim it does.
        status: if filter.statuses.is_empty() { String::new() } else { status.to_owned() },
        kind: kind.unwrap_or_default(),
        id: id.unwrap_or_default(),
        since: if filter.since.is_none() { String::new() } else { since.to_owned() },
        version: version.unwrap_or_default(),
        error: error.unwrap_or_default(),
        fetched: filter.fetched,
        paged: after.is_some(),
    };
    let missed = super::missed::missed(ask).await?;
    Ok(Some(Page::Events(list::View { rows, filter, ever, next, missed })))
}

/// The seconds of one of [`list::SPANS`].
fn span(word: &str) -> Option<i64> {
    const HOUR: i64 = 3600;
    match word {
        "1h" => Some(HOUR),
        "24h" => Some(24 * HOUR),
        "7d" => Some(7 * 24 * HOUR),
        "30d" => Some(30 * 24 * HOUR),
        _ => None,
    }
}

/// The users of these events' customers.
pub(super) async fn users(ask: &Ask<'_>, events: &[EventRecord]) -> anyhow::Result<HashMap<String, Option<String>>> {
    let mut users = HashMap::new();
    for customer in events.iter().filter_map(|event| event.customer_id.as_deref()) {
        if !users.contains_key(customer) {
            let mapping = ask.state.store.mapping(ask.livemode, customer).await?;
            users.insert(customer.to_owned(), mapping.map(|mapping| mapping.user_id));
        }
    }
    Ok(users)
}

/// An event in a list.
pub(super) fn row(event: EventRecord, users: &HashMap<String, Option<String>>) -> list::Row {
    let gained = event.effects.iter().flat_map(|effects| &effects.verdicts);
    let gained: Vec<String> = gained
        .filter(|change| change.allowed_before != change.allowed_after)
        .map(|change| format!("{}{}", if change.allowed_after { '+' } else { '−' }, change.feature))
        .collect();
    let effect = match (&event.error, gained.is_empty()) {
        (Some(error), _) => error.clone(),
        (None, false) => gained.join(", "),
        (None, true) => event.note.clone().unwrap_or_default(),
    };
    list::Row {
        user_id: event.customer_id.as_ref().and_then(|customer| users.get(customer).cloned().flatten()),
        event_id: event.event_id,
        kind: event.kind,
        received_at: event.received_at,
        status: event.status,
        customer_id: event.customer_id,
        effect,
        fetched: event.undelivered.is_some() && event.deliveries == 0,
        attempts: event.attempts,
    }
}

async fn rejected(ask: &Ask<'_>, before: Option<i64>) -> Loaded {
    let found = ask.state.store.rejected_deliveries(before, ROWS).await?;
    let next = found.data.last().filter(|_| found.has_more).map(|last| last.id);
    let rows = found.data.into_iter().map(|refused| list::Refusal {
        received_at: refused.received_at,
        check: refused.failed_check,
        message: refused.message,
        tried: refused.tried,
        signature_header: refused.signature_header,
        size: refused.body_size,
    });
    Ok(Some(Page::Rejected(list::Rejected { rows: rows.collect(), paged: before.is_some(), next })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_span_has_a_length() {
        assert!(list::SPANS.iter().all(|(word, _)| span(word).is_some()));
        assert_eq!(span("for ever"), None);
    }
}
