//! Moments as forms ask for them: a day and a time of day, in the zone that the form was made in.

use app::zone::Zone;
use domain::Timestamp;

/// The zone that a form or an address names: whoever follows it means the same moment. UTC where it names none.
pub(crate) fn zone(named: Option<&str>) -> Zone {
    named.and_then(Zone::named).unwrap_or_default()
}

/// The moment of a day such as `2026-11-03` and a time such as `14:05`.
///
/// # Errors
/// A sentence when they are no moment.
pub(super) fn of(day: &str, time: &str, zone: &Zone) -> Result<Timestamp, String> {
    match Zone::read(&format!("{day}T{time}")) {
        Some(shown) => zone.moment(shown),
        None => Err(format!("“{day} {time}” is no moment: give a day such as 2026-11-03 and a time such as 14:05.")),
    }
}

/// `2026-11-03 14:05 UTC`
pub(crate) fn written(at: Timestamp, zone: &Zone) -> String {
    format!("{} {}", zone.shows(at).strftime("%Y-%m-%d %H:%M"), zone.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_and_a_time_are_a_moment() {
        let at = Timestamp::parse("2026-11-03T14:05:00Z").unwrap();
        let utc = zone(None);
        assert_eq!(of("2026-11-03", "14:05", &utc), Ok(at));
        assert_eq!(of("2026-11-03", "14:05:09", &utc), Ok(at.plus_secs(9)));
        assert!(of("2026-02-31", "14:05", &utc).is_err() && of("soon", "", &utc).is_err());
        assert_eq!(written(at, &utc), "2026-11-03 14:05 UTC");
        let berlin = zone(Some("Europe/Berlin"));
        assert_eq!(of("2026-11-03", "15:05", &berlin), Ok(at));
        assert_eq!(written(at, &berlin), "2026-11-03 15:05 Europe/Berlin");
        assert!(of("2026-03-29", "02:30", &berlin).is_err_and(|why| why.contains("put forward")));
    }
}
