//! The zone in which somebody reads and writes times. What is stored and what an API says is UTC.

use domain::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{self, TimeZone};

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
    fn every_choice_is_a_zone() {
        let choices = Zone::choices();
        let names: Vec<&String> = choices.iter().flat_map(|(_, names)| names).collect();
        assert!(names.len() > 300 && names.iter().any(|name| *name == "Europe/Berlin"), "{} zones", names.len());
        assert!(names.iter().all(|name| Zone::named(name).is_some()));
    }
}
