//! Events on their way: how long they take, whether the newest is here, and what waits.

use app::pages::validator::{Check, Group, State};
use domain::Timestamp;
use domain::event::{EventStatus, USED_TYPES};
use serde_json::Value;
use store::records::EventRecord;

use super::endpoint::Standing;
use super::subject::{Subject, counted, see, sentence};

/// A delivery is no reason to look up to here.
const PROMPT_MS: i64 = 10_000;
/// How long Stripe's newest event may be on its way.
const ON_ITS_WAY_SECS: i64 = 60;
/// From here on it did not get here.
const LOST_SECS: i64 = 600;
/// How long what is due may wait before somebody should look.
const DUE_SECS: i64 = 60;
const DAY_SECS: i64 = 86_400;

/// V08
pub(super) fn way(recent: &[EventRecord], now: Timestamp) -> Check {
    let looked_at = "From Stripe's `created` to the receipt here, of deliveries of the last 24 hours; Stripe sends no test event by its API";
    let subject = Subject::new("V08", Group::Webhooks, "Way of a delivery", looked_at);
    let since = now.plus_secs(-DAY_SECS);
    let took = |event: &EventRecord| event.received_at.millis() - event.created.millis();
    let lately = recent.iter().filter(|event| event.origin == "delivered" && event.received_at >= since);
    let mut ways: Vec<i64> = lately.clone().map(took).collect();
    let Some(newest) = lately.max_by_key(|event| event.received_at) else {
        return subject.skip("Nothing was delivered in the last 24 hours.");
    };
    ways.sort_unstable();
    let half = ways[ways.len() / 2];
    let seconds = |millis: i64| format!("{}.{} s", millis / 1000, (millis % 1000).abs() / 100);
    let found = format!(
        "{} took {} (received at {}); half of the newest {} took no more than {}.",
        newest.event_id,
        seconds(took(newest)),
        newest.received_at,
        ways.len(),
        seconds(half)
    );
    let state = if half > PROMPT_MS { State::Warn } else { State::Pass };
    let fix = "Stripe sends within seconds: a delivery that failed first comes hours later. Look at the endpoint's deliveries in Stripe's Dashboard, and at this machine's clock.";
    subject.stands(state, found, fix)
}

/// The newest event at Stripe that should be here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AtStripe {
    pub(super) id: String,
    kind: String,
    created: Timestamp,
    pending: i64,
}

impl AtStripe {
    /// The newest one of a type that is used and, as far as is known, sent here.
    pub(super) fn newest(events: &[Value], endpoint: &Standing) -> Option<Self> {
        let is_sent = |kind: &str| match endpoint {
            Standing::Ours(endpoint, _) => endpoint.types.iter().any(|known| known == "*" || known == kind),
            _ => true,
        };
        let mut expected = events.iter().filter_map(|event| {
            let kind = event["type"].as_str()?;
            (USED_TYPES.contains(&kind) && is_sent(kind)).then_some((event, kind))
        });
        let (event, kind) = expected.next()?;
        Some(Self {
            id: event["id"].as_str()?.to_owned(),
            kind: kind.to_owned(),
            created: Timestamp::from_secs(event["created"].as_i64()?),
            pending: event["pending_webhooks"].as_i64().unwrap_or(0),
        })
    }
}

/// V10. `at_stripe` is the newest event there with whether it is here, or why that is not known.
pub(super) fn newest(
    here: Option<Timestamp>,
    at_stripe: &Result<Option<(AtStripe, bool)>, String>,
    now: Timestamp,
) -> Check {
    let subject =
        Subject::new("V10", Group::Webhooks, "Newest event", "The newest event here, and the newest at Stripe");
    let ours = here.map_or_else(
        || "No event has ever come.".to_owned(),
        |at| format!("The newest event here came {}.", ago(at, now)),
    );
    let fix = "Look at the checks above, then change something in Stripe, such as a customer's description.";
    match at_stripe {
        Ok(Some((event, true))) => see(
            subject.pass(format!("{ours} Stripe's newest, {} ({}), is here.", event.id, event.kind)),
            "Events",
            "/admin/events",
        ),
        Ok(Some((event, false))) => {
            let age = now.secs() - event.created.secs();
            let sends = if event.pending > 0 { " Stripe has not delivered it yet and tries again." } else { "" };
            let found = format!(
                "{ours} Stripe's newest, {} ({}) of {}, is not here.{sends}",
                event.id,
                event.kind,
                ago(event.created, now)
            );
            let state = match age {
                age if age > LOST_SECS => State::Fail,
                age if age > ON_ITS_WAY_SECS => State::Warn,
                _ => State::Pass,
            };
            see(subject.stands(state, found, fix), "Events", "/admin/events")
        }
        Ok(None) if here.is_some() => subject.pass(format!("{ours} Stripe has no newer one that is used here.")),
        Ok(None) => {
            subject.warn(format!("{ours} Stripe has none either."), "Buy something in test mode to see one come.")
        }
        Err(why) if here.is_some() => subject.warn(
            format!("{ours} Whether Stripe has a newer one cannot be told. {}", sentence(why)),
            "Compare with Stripe's Dashboard, Developers, Events.",
        ),
        Err(_) => subject
            .fail(ours, "Create the endpoint at Stripe, or start `stripe listen`, then change something in Stripe."),
    }
}

/// V11
pub(super) fn queue(statuses: &[(String, i64)], failed: i64, due: Option<Timestamp>, now: Timestamp) -> Check {
    let subject = Subject::new("V11", Group::Webhooks, "Queue", "Events that wait, and events that failed");
    let waiting: i64 = [EventStatus::Pending, EventStatus::Processing]
        .iter()
        .filter_map(|status| statuses.iter().find(|(word, _)| word == status.as_str()).map(|(_, count)| *count))
        .sum();
    let late = due.map_or(0, |due| now.secs() - due.secs());
    if late > DUE_SECS {
        let found = format!(
            "{} of the last 24 hours in line, and what is due has waited for {late} s.",
            counted(waiting, "event")
        );
        return subject.warn(found, "Is the program running (`tollkeeper serve`)? Its log says what holds it up.");
    }
    if failed > 0 {
        let found = format!("{} failed; {waiting} of the last 24 hours in line.", counted(failed, "event"));
        let check = subject.warn(found, "Read the error, mend its cause, process them again.");
        return see(check, "Failed events", "/admin/events?status=failed");
    }
    subject.pass(format!("None failed; {waiting} of the last 24 hours in line."))
}

/// How long ago, and exactly when.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = (now.secs() - at.secs()).max(0);
    let words = match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / DAY_SECS),
    };
    format!("{words} ago ({at})")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);

    fn at_stripe(age: i64) -> AtStripe {
        let newest =
            json!({ "id": "evt_1", "type": "customer.updated", "created": NOW.secs() - age, "pending_webhooks": 1 });
        let unused = json!({ "id": "evt_2", "type": "balance.available", "created": NOW.secs() });
        AtStripe::newest(&[unused, newest], &Standing::NoKey).unwrap()
    }

    #[test]
    fn the_newest_event_is_here_or_on_its_way_or_lost() {
        let state = |here, at_stripe| newest(here, &at_stripe, NOW).state;
        let came = Some(NOW.plus_secs(-5));
        assert_eq!(state(came, Ok(Some((at_stripe(3_600), true)))), State::Pass);
        for (age, expected) in [(5, State::Pass), (60, State::Pass), (61, State::Warn), (601, State::Fail)] {
            assert_eq!(state(came, Ok(Some((at_stripe(age), false)))), expected, "{age}");
        }
        assert_eq!((state(came, Ok(None)), state(None, Ok(None))), (State::Pass, State::Warn));
        assert_eq!((state(came, Err("no".into())), state(None, Err("no".into()))), (State::Warn, State::Fail));
        let lost = newest(None, &Ok(Some((at_stripe(7_200), false))), NOW).found;
        assert!(lost.contains("evt_1 (customer.updated) of 2 h ago") && lost.contains("tries again"), "{lost}");
    }

    #[test]
    fn what_is_due_and_not_done_is_told_before_what_failed() {
        let statuses = [("pending".to_owned(), 3), ("processing".to_owned(), 1), ("processed".to_owned(), 9)];
        let of = |failed, due| queue(&statuses, failed, due, NOW);
        assert_eq!(of(0, None).state, State::Pass);
        assert!(of(0, Some(NOW.plus_secs(30))).found.contains("4 of the last 24 hours in line"));
        assert!(of(2, Some(NOW)).found.starts_with("2 events failed"));
        let late = of(2, Some(NOW.plus_secs(-90)));
        assert!(late.state == State::Warn && late.found.contains("90 s"), "{}", late.found);
    }
}
