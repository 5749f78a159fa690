//! When an override ends: as its form says it, and what that means, told back while it is typed.

use app::zone::Zone;
use axum::Extension;
use axum::extract::{Query, State};
use domain::Timestamp;
use serde::Deserialize;

use crate::auth::staff::Actor;
use crate::pages::moment;
use crate::state::AppState;

const DAY: i64 = 86_400;

/// What is being typed.
#[derive(Debug, Deserialize)]
pub struct Typed {
    at: String,
    zone: String,
}

/// `GET /admin/meaning`: one sentence. The form's preview says the same without a script.
pub async fn means(State(state): State<AppState>, _: Extension<Actor>, Query(typed): Query<Typed>) -> String {
    meaning(&typed.at, &moment::zone(Some(&typed.zone)), state.now())
}

/// When an override ends: `24h`, `7d`, `30d`, `never`, or `at` with a date or a date and time as clocks of the zone show it.
pub(super) fn end(until: &str, at: &str, zone: &Zone, now: Timestamp) -> Result<Option<Timestamp>, String> {
    let end = match until {
        "" | "7d" => now.plus_secs(7 * DAY),
        "24h" | "1d" => now.plus_secs(DAY),
        "30d" => now.plus_secs(30 * DAY),
        "never" | "none" => return Ok(None),
        "at" | "date" | "custom" => named(at, zone)?,
        "period" => return Err("No period is paid for now: choose another end.".into()),
        other => Timestamp::parse(other).ok_or("Choose when it ends.")?,
    };
    if end <= now { Err("The end must lie in the future.".into()) } else { Ok(Some(end)) }
}

/// What `<input type=datetime-local>` and `<input type=date>` send; a bare date ends with its day.
fn named(text: &str, zone: &Zone) -> Result<Timestamp, String> {
    match Zone::read(text) {
        Some(shown) => zone.moment(shown),
        None => Err(format!("Write a date and time in {}, such as 2026-12-24T18:00.", zone.name())),
    }
}

/// What a date and time that is being typed means, in a sentence.
fn meaning(text: &str, zone: &Zone, now: Timestamp) -> String {
    let end = match end("at", text, zone, now) {
        Ok(Some(end)) => end,
        Ok(None) => return String::new(),
        Err(why) => return why,
    };
    let days = (end.secs() - now.secs()) / DAY;
    let length = match days {
        0 => "less than a day".to_owned(),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    };
    let twice = Zone::read(text).is_some_and(|shown| zone.shows_twice(shown));
    let twice = if twice { ". Clocks are put back then and show it twice: the first time is meant" } else { "" };
    let shown = zone.shows(end).strftime("%A, %-d %B %Y, %H:%M");
    format!("Until {shown} {} ({length} from now){twice}.", zone.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    #[test]
    fn ends_are_read() {
        let utc = Zone::default();
        let end = |until, at, now| end(until, at, &utc, now);
        assert_eq!(end("", "", NOW), Ok(Some(NOW.plus_secs(7 * DAY))));
        assert_eq!(end("24h", "", NOW), Ok(Some(NOW.plus_secs(DAY))));
        assert_eq!(end("never", "", NOW), Ok(None));
        assert_eq!(end("at", "2027-02-01T10:30", NOW), Ok(Timestamp::parse("2027-02-01T10:30:00Z")));
        assert_eq!(end("at", "2027-02-01", NOW), Ok(Timestamp::parse("2027-02-01T23:59:59Z")));
        assert!(end("at", "2020-02-01", NOW).is_err());
        assert!(end("at", "soon", NOW).is_err());
        assert!(end("later", "", NOW).is_err());
    }

    #[test]
    fn ends_are_read_in_the_zone_of_the_form_and_told_back() {
        let berlin = Zone::named("Europe/Berlin").unwrap_or_default();
        assert_eq!(end("at", "2027-02-01T10:30", &berlin, NOW), Ok(Timestamp::parse("2027-02-01T09:30:00Z")));
        let told = |text| meaning(text, &berlin, NOW);
        assert_eq!(told("2027-02-01T10:30"), "Until Monday, 1 February 2027, 10:30 Europe/Berlin (17 days from now).");
        assert!(told("2027-03-28T02:30").contains("no clock shows"), "{}", told("2027-03-28T02:30"));
        assert!(told("2027-10-31T02:30").contains("the first time is meant"), "{}", told("2027-10-31T02:30"));
        assert_eq!(told("2020-02-01"), "The end must lie in the future.");
    }
}
