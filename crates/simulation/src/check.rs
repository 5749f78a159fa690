//! What must hold when all is quiet.

use std::collections::HashMap;

use domain::Timestamp;
use domain::event::EventStatus;
use store::Result;
use store::records::{EventFilter, EventRecord};

use crate::Mode;
use crate::catalog::{DAY, FEATURES, Money, UNKNOWN_FEATURE};
use crate::delivery::Arrival;
use crate::installation::CATALOG_EVENT;
use crate::model::{Status, Subscription};
use crate::run::{LIVEMODE, Running, World};
use crate::truth::{self, Answer, Doubt};

/// Seconds after a history's end at which its decisions are compared.
const LATER: [i64; 6] = [0, 3600, DAY, 3 * DAY, 9 * DAY, 40 * DAY];
/// A read may begin before a charge is refused and answer after it; and what a renewal's charge is late by counts from the renewal.
const READ_TAKES: [i64; 2] = [120, 3 * 3600];

/// What is wrong with a history, in words; seeds of histories where nothing is are not in it.
///
/// # Errors
/// When the store fails.
pub async fn failures(world: &World, mode: Mode) -> Result<HashMap<u64, Vec<String>>> {
    let mut found: HashMap<u64, Vec<String>> = HashMap::new();
    let fresh = world.opened_anew().await?;
    let policy = world.store.options().policy;
    for running in &world.running {
        let history = &running.history;
        let faults = found.entry(history.seed).or_default();
        for user in history.users() {
            if world.store.index().facts(LIVEMODE, user) != fresh.index().facts(LIVEMODE, user) {
                faults.push(format!("{user}: memory and file differ"));
            }
            for feature in FEATURES.into_iter().chain([UNKNOWN_FEATURE]) {
                faults.extend(LATER.iter().find_map(|later| {
                    let now = history.end.div_euclid(1000) + later;
                    let got = world.store.index().decide(LIVEMODE, user, feature, &policy, Timestamp::from_secs(now));
                    let got = Answer { allowed: got.allowed, reasons: vec![got.reason.as_str()], value: got.value };
                    let wanted = expected(running, mode, world.money, (user, feature), now);
                    let fine = wanted.iter().any(|answer| fits(running, answer, &got));
                    (!fine).then(|| {
                        let mut wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
                        wanted.dedup();
                        format!(
                            "{user} {feature} {later} s after the end: {got}, true is {}",
                            wanted.join(" or perhaps ")
                        )
                    })
                }));
            }
        }
    }
    fresh.close().await;
    let sent: HashMap<&str, (&Running, usize)> = world
        .running
        .iter()
        .flat_map(|running| {
            running.history.events.iter().map(move |event| (event.id.as_str(), (running, event.customer)))
        })
        .collect();
    let all = events(world).await?;
    for event in all.into_iter().filter(|event| !event.event_id.starts_with(CATALOG_EVENT)) {
        let (running, customer) = sent[event.event_id.as_str()];
        let faults = found.entry(running.history.seed).or_default();
        if let Some(fault) = fault(running, customer, mode, &event) {
            faults.push(format!("{}: {fault}", event.event_id));
        } else if let (false, Some(note)) = (faults.is_empty(), &event.note) {
            faults.push(format!("{} has the note: {note}", event.event_id));
        }
    }
    for conflict in world.store.open_conflicts(LIVEMODE, None).await? {
        found.entry(0).or_default().push(format!("{} is a conflict", conflict.conflict_id));
    }
    found.retain(|_, faults| !faults.is_empty());
    Ok(found)
}

/// What may be said: since when a payment is late is not known to the second where reads are made, and when a session was paid that no
/// event called paid is not known at all.
fn expected(running: &Running, mode: Mode, money: Money, (user, feature): (&str, &str), now: i64) -> Vec<Answer> {
    let history = &running.history;
    let unheard = unheard(running);
    let mut lateness = vec![0];
    if mode == Mode::WithKey {
        lateness.extend(READ_TAKES);
    }
    let customers = (0..history.owners.len()).map(|n| history.last(n));
    // The event that said so was lost: no answer of the API tells when a charge was refused, so what is known of it counts.
    let told = |sub: &Subscription| {
        running.plan.arrivals.iter().any(|(_, arrival)| {
            let Arrival::Event(n) = arrival else { return false };
            let event = &history.events[*n];
            event.envelope.object_id.as_deref() == Some(sub.id.as_str())
                && Some(event.envelope.created.secs()) == sub.past_due_since
                && event.payload.contains(r#""status":"past_due""#)
        })
    };
    let mut late = customers.flat_map(|customer| &customer.subscriptions).filter(|sub| sub.status == Status::PastDue);
    if running.plan.lossy && late.any(|sub| !told(sub)) {
        // Seen at some read, long after perhaps; prices differ in how long that is forgiven.
        lateness.extend([60, DAY, 2 * DAY, 4 * DAY, 1000 * DAY].map(std::ops::Neg::neg));
    }
    let answer = |late| truth::answer(history, user, feature, money, now, Doubt { late, unheard: &unheard });
    lateness.into_iter().map(answer).collect()
}

/// Sessions of which no event that calls them paid reached us.
fn unheard(running: &Running) -> Vec<&str> {
    let history = &running.history;
    let arrived = running.plan.arrivals.iter().filter_map(|(_, arrival)| match arrival {
        Arrival::Event(n) => Some(&history.events[*n]),
        _ => None,
    });
    let paid = arrived.filter(|event| event.kind.starts_with("checkout.") && !event.payload.contains(r#""unpaid""#));
    let heard: Vec<&str> = paid.filter_map(|event| event.envelope.object_id.as_deref()).collect();
    let customers = (0..history.owners.len()).map(|n| history.last(n));
    let sessions = customers.flat_map(|customer| &customer.purchases).filter_map(|bought| bought.session.as_ref());
    sessions.map(|session| session.id.as_str()).filter(|id| !heard.contains(id)).collect()
}

fn fits(running: &Running, wanted: &Answer, got: &Answer) -> bool {
    // Of a deleted customer's subscriptions Stripe's API tells nothing: what was lost with their events stays unknown, but access does not.
    let vague = running.plan.lossy
        && !wanted.allowed
        && (0..running.history.owners.len()).any(|n| running.history.last(n).deleted);
    wanted.allowed == got.allowed
        && wanted.value == got.value
        && (vague || got.reasons.iter().all(|reason| wanted.reasons.contains(reason)))
}

async fn events(world: &World) -> Result<Vec<EventRecord>> {
    let mut all = vec![];
    let mut after = None;
    loop {
        let page = world.store.events(LIVEMODE, &EventFilter { after, limit: 2000, ..EventFilter::default() }).await?;
        after = page.data.last().map(|event| event.seq);
        all.extend(page.data);
        if !page.has_more {
            return Ok(all);
        }
    }
}

/// Every event is settled, and took effect once.
fn fault(running: &Running, customer: usize, mode: Mode, event: &EventRecord) -> Option<String> {
    let settled = match event.kind.as_str() {
        "payment_intent.succeeded" => EventStatus::Ignored,
        // Refunds and disputes do not name their customer, so they may come before it is known whose they are.
        _ if event.customer_id.is_none() => EventStatus::Processed,
        _ if running.history.is_mapped(customer) => EventStatus::Processed,
        _ => EventStatus::Unattributed,
    };
    if event.status != settled {
        return Some(format!("{:?} instead of {settled:?}: {:?}", event.status, event.error));
    }
    // Processed once, and settled once more when its user became known.
    if mode == Mode::WithoutKey && event.attempts > 2 {
        return Some(format!("{} attempts", event.attempts));
    }
    None
}
