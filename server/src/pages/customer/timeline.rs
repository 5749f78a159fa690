//! What happened to a customer, newest first: events, what people did, what time did, and what each came to.

use std::collections::{BTreeMap, HashMap};

use app::components::{actor, shortened};
use app::pages::customer::{Show, TimelineRow};
use domain::Timestamp;
use domain::access::{Decision, Reason, course};
use domain::event::EventStatus;
use store::records::{EventRecord, FieldChange, VerdictChange};

use super::{Found, TIMELINE};
use crate::admin::customers::{encoded, path};
use crate::pages::Ask;

/// Changes of single answers that are looked back at: one event may change many.
const CHANGES: i64 = 500;

/// Events of the customers, changes of the user's answers by others, and what time alone changed; merged.
pub(super) async fn timeline(ask: &Ask<'_>, found: &Found<'_>) -> anyhow::Result<Vec<TimelineRow>> {
    let mut causes: BTreeMap<(Timestamp, String, String), Vec<Turn>> = BTreeMap::new();
    let mut by_event: HashMap<String, Vec<Turn>> = HashMap::new();
    let mut rows = vec![];
    if let Some(user) = found.user_id {
        for row in ask.state.store.verdict_changes(ask.livemode, user, CHANGES).await? {
            let is_shown = row.cause_kind == "event" && found.events.data.iter().any(|e| e.event_id == row.cause_id);
            let turn = Turn::from(row.change);
            if is_shown {
                by_event.entry(row.cause_id).or_default().push(turn);
            } else {
                causes.entry((row.at, row.cause_kind, row.cause_id)).or_default().push(turn);
            }
        }
        rows.extend(by_the_clock(ask, user).await?);
        let of_cause =
            |((at, kind, id), turns): ((_, String, String), Vec<Turn>)| of_cause(found, user, at, (&kind, &id), &turns);
        rows.extend(causes.into_iter().filter_map(of_cause));
    }
    let turns = |event: &EventRecord| by_event.get(&event.event_id).map(Vec::as_slice).unwrap_or_default();
    rows.extend(found.events.data.iter().map(|event| of_event(ask, found, event, turns(event))));
    rows.sort_by_key(|row| std::cmp::Reverse(row.at));
    Ok(rows)
}

/// One answer that turned.
struct Turn {
    feature: String,
    /// Whether it was yes, and whether it is.
    allowed: (bool, bool),
    /// The reason now.
    reason: String,
}

impl From<VerdictChange> for Turn {
    fn from(change: VerdictChange) -> Self {
        let allowed = (change.allowed_before, change.allowed_after);
        Self { feature: change.feature, allowed, reason: change.reason_after }
    }
}

/// `+api, +pro: subscription active`. A yes that only changed its reason stands without a sign; a no that did so is none, unless nothing
/// else is to be told.
fn effect(turns: &[Turn]) -> Option<String> {
    let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for turn in turns {
        let sign = match turn.allowed {
            (false, true) => "+",
            (true, false) => "−",
            (true, true) => "",
            (false, false) => continue,
        };
        by_reason.entry(&turn.reason).or_default().push(format!("{sign}{}", turn.feature));
    }
    let told = by_reason.into_iter().map(|(reason, mut features)| {
        features.sort_unstable();
        format!("{}: {}", features.join(", "), reason.replace('_', " "))
    });
    let told = told.collect::<Vec<_>>().join("; ");
    (!told.is_empty()).then_some(told)
}

/// Why it is still no for all of them, when that is one reason.
fn still_no(turns: &[Turn]) -> Option<String> {
    let reason = &turns.first()?.reason;
    turns.iter().all(|turn| turn.reason == *reason).then(|| format!("none: {}", reason.replace('_', " ")))
}

/// What time alone changed between what was heard: ends of periods, trials, graces, purchases, and of what was given by hand.
async fn by_the_clock(ask: &Ask<'_>, user: &str) -> anyhow::Result<Vec<TimelineRow>> {
    let mut moments: BTreeMap<Timestamp, (&'static str, Vec<Turn>)> = BTreeMap::new();
    for stretch in ask.state.store.history(ask.livemode, user, TIMELINE).await? {
        let facts = stretch.facts.as_deref();
        let given = facts.into_iter().flat_map(|facts| facts.overrides.iter().map(|o| &o.feature));
        let mut features: Vec<&String> = stretch.catalog.features.keys().chain(given).collect();
        features.sort_unstable();
        features.dedup();
        let span = (stretch.from, stretch.to.unwrap_or(ask.now.plus_millis(1)));
        for feature in features {
            let turns = course(facts, &stretch.catalog, &stretch.policy, feature, span);
            for pair in turns.windows(2) {
                let [(_, before), (at, after)] = pair else { continue };
                let allowed = (before.allowed, after.allowed);
                let turn = Turn { feature: feature.clone(), allowed, reason: after.reason.as_str().to_owned() };
                moments.entry(*at).or_insert_with(|| (ended(before, after), vec![])).1.push(turn);
            }
        }
    }
    let row = |(at, (what, turns)): (Timestamp, (&str, Vec<Turn>))| {
        let effect = effect(&turns)?;
        Some(TimelineRow {
            kind: Show::Time,
            turned: true,
            at,
            what: what.to_owned(),
            href: None,
            status: None,
            effect,
            by: "Time".into(),
        })
    };
    Ok(moments.into_iter().filter_map(row).collect())
}

/// What had its end when one answer became the other.
const fn ended(before: &Decision, after: &Decision) -> &'static str {
    match (before.reason, after.reason) {
        (Reason::OverrideGrant, _) => "A grant by hand ended",
        (Reason::OverrideDeny, _) => "A denial by hand ended",
        (_, Reason::GracePeriod) => "The paid time ended and no renewal was heard of",
        (_, Reason::GracePeriodOver) => "The grace ended",
        (_, Reason::TrialEnded) => "The trial ended",
        (_, Reason::SubscriptionCanceled) => "The cancellation took effect",
        (_, Reason::SubscriptionPaused) => "The paid time ended while collection is paused",
        (_, Reason::PurchaseExpired) => "The time that was bought ended",
        _ => "Time passed",
    }
}

/// What somebody or a read changed; none when no answer turned.
fn of_cause(
    found: &Found<'_>,
    user: &str,
    at: Timestamp,
    (kind, id): (&str, &str),
    turns: &[Turn],
) -> Option<TimelineRow> {
    let effect = effect(turns)?;
    let made = found.overrides.iter().find(|row| kind == "override" && row.override_id == id);
    let by = made.map(|row| if row.created_at == at { Some(&row.created_by) } else { row.revoked_by.as_ref() });
    let what = match (kind, made) {
        ("event", _) => format!("Event {id}"),
        ("read", _) => format!("Read {} from Stripe", shortened(id)),
        ("mapping", _) => format!("Link of {}", shortened(id)),
        ("override", Some(row)) => {
            let done = if row.created_at == at { "Made" } else { "Revoked" };
            format!("{done}: {} of {}", row.effect.as_str(), row.feature)
        }
        ("override", None) => "Override".into(),
        ("catalog", _) => format!("Catalog: {id}"),
        ("policy", _) => "The installation's policy was changed".into(),
        (other, _) => format!("{other} {id}"),
    };
    let href = match kind {
        "event" => Some(format!("/admin/events/{}", encoded(id))),
        "override" => Some(format!("{}?tab=overrides#tab", path(user))),
        _ => None,
    };
    let by = by.flatten().map(|by| actor(by)).unwrap_or_default();
    let kind = if kind == "event" { Show::Events } else { Show::Changes };
    Some(TimelineRow { kind, turned: true, at, what, href, status: None, effect, by })
}

fn of_event(ask: &Ask<'_>, found: &Found<'_>, event: &EventRecord, turns: &[Turn]) -> TimelineRow {
    let turn = effect(turns);
    let turned = turn.is_some();
    let effect = turn.or_else(|| still_no(turns)).unwrap_or_else(|| nothing(ask, found, event));
    let fields = event.effects.as_ref().map(|effects| effects.fields.as_slice()).unwrap_or_default();
    let told = told(fields);
    TimelineRow {
        kind: Show::Events,
        turned,
        at: event.received_at,
        what: if told.is_empty() { event.kind.clone() } else { format!("{}: {told}", event.kind) },
        href: Some(format!("/admin/events/{}", encoded(&event.event_id))),
        status: Some(event.status),
        effect,
        by: "Stripe".into(),
    }
}

/// Why an event changed no answer.
fn nothing(ask: &Ask<'_>, found: &Found<'_>, event: &EventRecord) -> String {
    let why = match event.status {
        EventStatus::Failed | EventStatus::Dead => event.error.clone(),
        EventStatus::Unattributed => Some("nobody is linked".into()),
        EventStatus::Pending | EventStatus::Processing => Some("not processed yet".into()),
        EventStatus::Ignored => None,
        EventStatus::Processed => {
            let catalog = ask.state.store.index().catalog(ask.livemode);
            let about = found.subscriptions.iter().map(|row| &row.subscription);
            let about = about.filter(|sub| Some(&sub.id) == event.object_id.as_ref());
            let items: Vec<_> = about.flat_map(|sub| &sub.items).collect();
            let gives = |id: &str, product: Option<&str>| catalog.grants(id, product).next().is_some();
            let idle = !items.is_empty() && !items.iter().any(|item| gives(&item.price_id, item.product_id.as_deref()));
            if idle { Some("its price gives no feature".into()) } else { event.note.clone() }
        }
    };
    why.map_or_else(|| "none".to_owned(), |why| format!("none: {}", why.trim_end_matches('.')))
}

/// The changes of a subscription that say most, in words.
fn told(fields: &[FieldChange]) -> String {
    let day = |at: &Option<String>| at.as_ref().and_then(|at| at.get(..10)).unwrap_or("later").to_owned();
    let told = fields.iter().filter_map(|change| match (change.field.as_str(), &change.before, &change.after) {
        ("ends_at", Some(_), None) => Some("cancellation undone".to_owned()),
        ("ends_at", None, Some(_)) => Some(format!("set to end on {}", day(&change.after))),
        ("ends_at", Some(_), Some(_)) => Some(format!("now to end on {}", day(&change.after))),
        ("status", Some(before), Some(after)) => {
            Some(format!("{} → {}", before.replace('_', " "), after.replace('_', " ")))
        }
        ("status", None, Some(after)) => Some(after.replace('_', " ")),
        ("prices", Some(_), Some(_)) => Some("other prices".to_owned()),
        ("pause_collection", None, Some(_)) => Some("collection paused".to_owned()),
        ("pause_collection", Some(_), None) => Some("collection resumed".to_owned()),
        ("pending_update", None, Some(_)) => Some("a change waits for its payment".to_owned()),
        ("pending_update", Some(_), None) => Some("no change waits any more".to_owned()),
        ("schedule", None, Some(_)) => Some("put on a schedule".to_owned()),
        ("schedule", Some(_), None) => Some("taken off its schedule".to_owned()),
        _ => None,
    });
    told.collect::<Vec<_>>().join(", ")
}
