//! The zone in which somebody reads and writes times. What is stored and what an API says is UTC.

use domain::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{self, AmbiguousOffset, TimeZone};

/// Regions of IANA's names; the others are old spellings and fixed distances from UTC.
const REGIONS: [&str; 10] =
    ["Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"];

/// A time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl Zone {
    /// The zone of an IANA name such as `Europe/Berlin`, in any case of letters; none when there is no such zone.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("UTC") {
            return Some(Self::default());
        }
        tz::db().get(name).ok().map(Self)
    }

    /// Its IANA name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// Names to choose from, by region, sorted.
    #[must_use]
    pub fn choices() -> Vec<(&'static str, Vec<String>)> {
        let mut names: Vec<String> = tz::db().available().map(|name| name.as_str().to_owned()).collect();
        names.sort();
        let of = |region: &str| {
            let within = |name: &&String| name.strip_prefix(region).is_some_and(|rest| rest.starts_with('/'));
            names.iter().filter(within).cloned().collect()
        };
        REGIONS.into_iter().map(|region| (region, of(region))).collect()
    }

    /// What a clock and a calendar there show.
    #[must_use]
    pub fn shows(&self, at: Timestamp) -> DateTime {
        // Clamped as `Timestamp::to_datetime` clamps; both end in the year 9999.
        let at = jiff::Timestamp::from_millisecond(at.millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        self.0.to_datetime(at)
    }

    /// When a clock there shows this. What it shows twice, when it is put back, is meant the first time.
    ///
    /// # Errors
    /// A sentence, where it never shows this, since it is put forward just then.
    pub fn moment(&self, shown: DateTime) -> Result<Timestamp, String> {
        let found = self.0.to_ambiguous_timestamp(shown);
        let is_skipped = matches!(found.offset(), AmbiguousOffset::Gap { .. });
        let Ok(at) = found.compatible() else { return Err(format!("{shown} is too far away.")) };
        let at = Timestamp::from_millis(at.as_millisecond());
        if is_skipped {
            let (shown, next) = (shown.strftime("%-d %b %Y %H:%M"), self.shows(at).strftime("%H:%M"));
            let zone = self.name();
            return Err(format!(
                "In {zone} no clock shows {shown}: clocks are put forward just then. {next} is that moment."
            ));
        }
        Ok(at)
    }

    /// Whether a clock there shows this twice, since it is put back in between.
    #[must_use]
    pub fn shows_twice(&self, shown: DateTime) -> bool {
        matches!(self.0.to_ambiguous_timestamp(shown).offset(), AmbiguousOffset::Fold { .. })
    }

    /// What is written on a date and time as a form sends it, such as `2026-12-24T18:00`; a date alone is its last second.
    #[must_use]
    pub fn read(text: &str) -> Option<DateTime> {
        let text = if text.len() == 10 { format!("{text}T23:59:59") } else { text.to_owned() };
        text.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap_or_else(|| panic!("{text} is no time"))
    }

    #[test]
    fn zones_are_found_by_their_names_alone() {
        assert_eq!(Zone::named("europe/berlin").map(|zone| zone.name().to_owned()).as_deref(), Some("Europe/Berlin"));
        assert_eq!(Zone::named("UTC"), Some(Zone::default()));
        assert_eq!(Zone::default().name(), "UTC");
        for none in ["", "Berlin", "Europe/Nowhere", "../etc/passwd", "+02:00"] {
            assert_eq!(Zone::named(none), None, "{none}");
        }
    }

    #[test]
    fn a_clock_shows_winter_and_summer() {
        let berlin = Zone::named("Europe/Berlin").unwrap_or_default();
        assert_eq!(berlin.shows(at("2026-11-22T23:30:00Z")).to_string(), "2026-11-23T00:30:00");
        assert_eq!(berlin.shows(at("2026-07-01T12:00:00Z")).to_string(), "2026-07-01T14:00:00");
    }

    #[test]
    fn a_clock_that_is_put_forward_or_back_is_understood() {
        let berlin = Zone::named("Europe/Berlin").unwrap_or_default();
        let moment = |text: &str| berlin.moment(Zone::read(text).unwrap_or_else(|| panic!("{text} is no time")));
        assert_eq!(moment("2026-07-01T14:00"), Ok(at("2026-07-01T12:00:00Z")));
        assert_eq!(moment("2026-12-24"), Ok(at("2026-12-24T22:59:59Z")));
        let never = moment("2026-03-29T02:30").unwrap_err();
        assert!(
            never.contains("Europe/Berlin no clock shows 29 Mar 2026 02:30") && never.contains("03:30 is"),
            "{never}"
        );
        // The first of the two.
        assert_eq!(moment("2026-10-25T02:30"), Ok(at("2026-10-25T00:30:00Z")));
        let twice = |text: &str| Zone::read(text).is_some_and(|shown| berlin.shows_twice(shown));
        assert!(twice("2026-10-25T02:30") && !twice("2026-10-25T03:00") && !twice("2026-03-29T02:30"));
        for none in ["", "soon", "2026-02-31T14:05", "2026-11-03T25:00", "2026-11-03T14:05Z"] {
            assert_eq!(Zone::read(none), None, "{none}");
        }
    }

    #[test]
    fn every_choice_is_a_zone() {
        let choices = Zone::choices();
        let names: Vec<&String> = choices.iter().flat_map(|(_, names)| names).collect();
        assert!(names.len() > 300 && names.iter().any(|name| *name == "Europe/Berlin"), "{} zones", names.len());
        assert!(names.iter().all(|name| Zone::named(name).is_some()));
    }
}
