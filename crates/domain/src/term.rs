//! A length of time as people write it: `30d`, `12h`, `45m`, `90s`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How long something lasts: whole seconds, at least one, at most a hundred years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Term(i64);

/// The longest, in seconds.
const MOST: i64 = 100 * 365 * 86_400;
/// The units, the largest first.
const UNITS: [(char, i64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

impl Term {
    /// What [`Term::parse`] takes, for error texts.
    pub const EXPECTED: &str = "a number with d, h, m or s behind it, such as 30d or 12h, up to 36500d";

    /// From seconds; none outside of the bounds.
    #[must_use]
    pub fn from_secs(secs: i64) -> Option<Self> {
        (1..=MOST).contains(&secs).then_some(Self(secs))
    }

    /// Reads `30d`, `12h`, `45m` or `90s`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (unit, factor) = UNITS.into_iter().find(|(unit, _)| text.ends_with(*unit))?;
        let number = text.strip_suffix(unit)?;
        if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        Self::from_secs(number.parse::<i64>().ok()?.checked_mul(factor)?)
    }

    /// In seconds.
    #[must_use]
    pub const fn secs(self) -> i64 {
        self.0
    }

    /// In milliseconds.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0 * 1000
    }
}

impl std::fmt::Display for Term {
    /// In the largest unit that divides it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (unit, factor) = UNITS.into_iter().find(|(_, factor)| self.0 % factor == 0).unwrap_or(('s', 1));
        write!(f, "{}{unit}", self.0 / factor)
    }
}

impl Serialize for Term {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Term {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("{text:?} is not {}", Self::EXPECTED)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_read_and_written_in_their_largest_unit() {
        for (text, secs, written) in [
            ("30d", 2_592_000, "30d"),
            ("12h", 43_200, "12h"),
            ("48h", 172_800, "2d"),
            ("90s", 90, "90s"),
            ("120s", 120, "2m"),
            ("36500d", MOST, "36500d"),
        ] {
            let term = Term::parse(text).unwrap();
            assert_eq!((term.secs(), term.to_string().as_str()), (secs, written));
            assert_eq!(serde_json::from_str::<Term>(&serde_json::to_string(&term).unwrap()).unwrap(), term);
        }
        for wrong in ["", "d", "0d", "-1d", "+1d", "1.5d", "30", "30 d", "1w", "36501d", "99999999999999999999d"] {
            assert_eq!(Term::parse(wrong), None, "{wrong}");
        }
    }
}
