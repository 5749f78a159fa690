//! What happened to a customer, newest first.

use app::pages::customer::TimelineRow;
use store::records::EventRecord;

use super::{Found, TIMELINE};
use crate::admin::customers::path;
use crate::pages::Ask;

/// Events of the customers and changes of the user's answers, merged.
pub(super) async fn timeline(ask: &Ask<'_>, found: &Found<'_>) -> anyhow::Result<Vec<TimelineRow>> {
    let mut rows: Vec<_> = found.events.data.iter().map(of_event).collect();
    if let Some(user) = found.user_id {
        for change in ask.state.store.verdict_changes(ask.livemode, user, TIMELINE).await? {
            // What an event changed stands on the event's own row.
            if change.cause_kind != "event" && change.change.allowed_before != change.change.allowed_after {
                let (sign, reason) = (sign(change.change.allowed_after), change.change.reason_after.replace('_', " "));
                rows.push(TimelineRow {
                    at: change.at,
                    what: words(&change.cause_kind, &change.cause_id),
                    href: (change.cause_kind == "override").then(|| format!("{}?tab=overrides#tab", path(user))),
                    status: None,
                    effect: format!("{sign}{} ({reason})", change.change.feature),
                    by: String::new(),
                });
            }
        }
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.at));
    Ok(rows)
}

const fn sign(allowed: bool) -> char {
    if allowed { '+' } else { '−' }
}

/// What changed an answer, in words.
fn words(kind: &str, id: &str) -> String {
    match kind {
        "read" => format!("Read {id} from Stripe"),
        "mapping" => format!("Link of {id}"),
        "override" => "Override".into(),
        "catalog" => format!("Catalog: {id}"),
        other => format!("{other} {id}"),
    }
}

fn of_event(event: &EventRecord) -> TimelineRow {
    let changed = event.effects.iter().flat_map(|effects| &effects.verdicts);
    let changed = changed.filter(|change| change.allowed_before != change.allowed_after);
    let changed: Vec<_> = changed.map(|change| format!("{}{}", sign(change.allowed_after), change.feature)).collect();
    let effect = if changed.is_empty() { event.error.clone() } else { Some(changed.join(", ")) };
    TimelineRow {
        at: event.received_at,
        what: event.kind.clone(),
        href: Some(format!("/admin/events/{}", event.event_id)),
        status: Some(event.status),
        effect: effect.unwrap_or_else(|| "none".into()),
        by: "Stripe".into(),
    }
}
