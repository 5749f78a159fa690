//! The webhook log.

use std::collections::{HashMap, HashSet};

use app::pages::{Page, events as list};
use domain::Timestamp;
use domain::event::EventStatus;
use store::records::{EventFilter, EventRecord, Place};

use super::list::{around, export};
use super::{Ask, Loaded, ROWS};

/// The log, by filter; `status=rejected` are the deliveries that were refused.
pub(super) async fn events(ask: &Ask<'_>) -> Loaded {
    if ask.param("status") == Some("rejected") {
        return rejected(ask).await;
    }
    let store = &ask.state.store;
    let (shown, mut filter) = filter(ask);
    let Place { after, before, .. } = ask.place();
    filter.after = after.and_then(|after| after.parse().ok());
    filter.before = before.and_then(|before| before.parse().ok());
    filter.limit = ROWS;
    let found = store.events(ask.livemode, &filter).await?;
    let ever = !found.data.is_empty() || store.last_receipt(ask.livemode).await?.is_some();
    let mut pages = around(ask, "/admin/events", &shown.fields(), &found, |event| event.seq.to_string());
    if !found.data.is_empty() {
        pages.count = Some(store.count_events(ask.livemode, &filter).await?);
        pages.export = Some(export(ask, "events", &shown.fields()));
    }
    let users = users(ask, &found.data).await?;
    let rows = found.data.into_iter().map(|event| row(event, &users)).collect();
    let missed = super::missed::missed(ask).await?;
    Ok(Some(Page::Events(list::View { rows, filter: shown, ever, pages, missed })))
}

/// What is asked for, as the form shows it and as the store is asked. What means nothing filters nothing, and the form does not claim it
/// does.
pub(crate) fn filter(ask: &Ask<'_>) -> (list::Filter, EventFilter) {
    let text = |name: &str| ask.param(name).map(str::to_owned);
    let word = ask.param("status").unwrap_or_default();
    let statuses = match word {
        // Whoever looks for failures wants those that were given up too.
        "failed" => vec![EventStatus::Failed, EventStatus::Dead],
        word => EventStatus::parse(word).into_iter().collect(),
    };
    let since =
        ask.param("since").filter(|word| *word == list::ANY.0 || *word == list::CUSTOM.0 || span(word).is_some());
    let (from, to) = (ask.param("from").and_then(moment), ask.param("to").and_then(moment));
    // Times that are filled in are meant, whatever else is chosen.
    let is_custom = from.is_some() || to.is_some();
    let moment_of = |name: &str, at: Option<Timestamp>| at.and(text(name)).unwrap_or_default();
    let shown = list::Filter {
        status: if statuses.is_empty() { String::new() } else { word.to_owned() },
        kind: text("type").unwrap_or_default(),
        id: text("q").unwrap_or_default(),
        since: if is_custom {
            list::CUSTOM.0
        } else {
            since.filter(|word| *word != list::CUSTOM.0).unwrap_or_default()
        }
        .to_owned(),
        from: moment_of("from", from),
        to: moment_of("to", to),
        version: text("version").unwrap_or_default(),
        error: text("error").unwrap_or_default(),
        fetched: ask.param("origin") == Some("fetched"),
    };
    let filter = EventFilter {
        statuses,
        kind: text("type"),
        id: text("q"),
        since: from.or_else(|| span(shown.span()).map(|seconds| ask.now.plus_secs(-seconds))),
        until: to,
        api_version: text("version"),
        error: text("error"),
        fetched: shown.fetched,
        ..EventFilter::default()
    };
    (shown, filter)
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

/// A moment as a browser sends it, `2026-11-22T14:05`, in UTC.
fn moment(text: &str) -> Option<Timestamp> {
    let seconds = if text.len() == "2026-11-22T14:05".len() { ":00" } else { "" };
    Timestamp::parse(&format!("{text}{seconds}Z"))
}

/// The users of these events' customers.
pub(crate) async fn users(ask: &Ask<'_>, events: &[EventRecord]) -> anyhow::Result<HashMap<String, Option<String>>> {
    let customers: HashSet<String> = events.iter().filter_map(|event| event.customer_id.clone()).collect();
    let users = ask.state.store.users_of(ask.livemode, &customers.into_iter().collect::<Vec<_>>()).await?;
    Ok(users.into_iter().map(|(customer, user)| (customer, Some(user))).collect())
}

/// What an event did, or why it failed, in few words.
pub(crate) fn effect(event: &EventRecord) -> String {
    let gained = event.effects.iter().flat_map(|effects| &effects.verdicts);
    let gained: Vec<String> = gained
        .filter(|change| change.allowed_before != change.allowed_after)
        .map(|change| format!("{}{}", if change.allowed_after { '+' } else { '−' }, change.feature))
        .collect();
    match (&event.error, gained.is_empty()) {
        (Some(error), _) => error.clone(),
        (None, false) => gained.join(", "),
        (None, true) => event.note.clone().unwrap_or_default(),
    }
}

/// An event in a list.
pub(super) fn row(event: EventRecord, users: &HashMap<String, Option<String>>) -> list::Row {
    list::Row {
        user_id: event.customer_id.as_ref().and_then(|customer| users.get(customer).cloned().flatten()),
        effect: effect(&event),
        lag: event.processed_at.map(|done| done.millis() - event.received_at.millis()),
        next_attempt_at: event.next_attempt_at,
        event_id: event.event_id,
        kind: event.kind,
        received_at: event.received_at,
        status: event.status,
        customer_id: event.customer_id,
        fetched: event.undelivered.is_some() && event.deliveries == 0,
        attempts: event.attempts,
    }
}

async fn rejected(ask: &Ask<'_>) -> Loaded {
    let store = &ask.state.store;
    let Place { after, before, .. } = ask.place();
    let found = match before.and_then(|before| before.parse().ok()) {
        Some(before) => store.rejected_before(before, ROWS).await?,
        None => store.rejected_deliveries(after.and_then(|after| after.parse().ok()), ROWS).await?,
    };
    let filter = [("status", "rejected")];
    let mut pages = around(ask, "/admin/events", &filter, &found, |refused| refused.id.to_string());
    pages.export = (!found.data.is_empty()).then(|| export(ask, "refused", &[]));
    let rows = found.data.into_iter().map(|refused| list::Refusal {
        received_at: refused.received_at,
        check: refused.failed_check,
        message: refused.message,
        tried: refused.tried,
        signature_header: refused.signature_header,
        size: refused.body_size,
    });
    Ok(Some(Page::Rejected(list::Rejected { rows: rows.collect(), pages })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_span_has_a_length() {
        assert!(list::SPANS.iter().all(|(word, _)| span(word).is_some()));
        assert_eq!(span("for ever"), None);
    }

    #[test]
    fn moments_are_read_as_browsers_send_them() {
        let noon = Timestamp::parse("2026-11-22T12:00:00Z");
        assert_eq!(moment("2026-11-22T12:00"), noon);
        assert_eq!(moment("2026-11-22T12:00:00"), noon);
        assert_eq!(moment("tomorrow"), None);
    }
}
