//! One type for instants: Unix milliseconds, which sort alike in memory, in SQLite and in PostgreSQL.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// An instant in Unix milliseconds, written as RFC 3339 in UTC wherever it leaves the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

/// The first and the last second that can be written: years 1 to 9999, in Unix seconds.
const CALENDAR: (i64, i64) = (-62_135_596_800, 253_402_300_799);

impl Timestamp {
    /// From Unix milliseconds.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// From Unix seconds, Stripe's unit.
    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Unix milliseconds.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Unix seconds, rounded down.
    #[must_use]
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This instant, `millis` later (or earlier, when negative).
    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// This instant, `secs` later (or earlier, when negative).
    #[must_use]
    pub const fn plus_secs(self, secs: i64) -> Self {
        self.plus_millis(secs.saturating_mul(1000))
    }

    /// Whether it lies in years 1 to 9999 of UTC: what lies outside is written as another time than it is.
    #[must_use]
    pub const fn is_in_calendar(self) -> bool {
        self.secs() >= CALENDAR.0 && self.secs() <= CALENDAR.1
    }

    /// Reads an RFC 3339 text; any offset, kept as UTC and rounded down to milliseconds. An offset can lead out of the calendar: then none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        let millis = i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000)).ok()?;
        Some(Self(millis)).filter(|at| at.is_in_calendar())
    }

    /// The calendar form in UTC; an instant outside of years 1 to 9999 is clamped.
    #[must_use]
    pub fn to_datetime(self) -> OffsetDateTime {
        let secs = self.secs().clamp(CALENDAR.0, CALENDAR.1);
        OffsetDateTime::from_unix_timestamp(secs)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
            .replace_millisecond(u16::try_from(self.0.rem_euclid(1000)).unwrap_or(0))
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.to_datetime().format(&Rfc3339).map_err(|_| std::fmt::Error)?;
        f.write_str(&text)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| serde::de::Error::custom("expected an RFC 3339 time such as 2026-11-22T01:40:12Z"))
    }
}
