//! API versions: which shape a payload has (docs.stripe.com/api/versioning).

/// The oldest version whose shape is known here. Every version in between that moved something we read has whole payloads among the
/// store's tests.
pub const OLDEST_KNOWN: &str = "2022-11-15";
/// The newest version whose shape is known here.
pub const NEWEST_KNOWN: &str = "2026-10-28.endive";

/// How a payload's version stands to the one we ask Stripe for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionStanding {
    /// It is that one.
    Expected,
    /// Another whose shape is known.
    Known,
    /// From before [`OLDEST_KNOWN`].
    TooOld,
    /// From after [`NEWEST_KNOWN`].
    TooNew,
    /// Not a name that Stripe gives a version.
    NoVersion,
}

impl VersionStanding {
    /// Compares a version with the `expected` one. Only the date decides what is older.
    #[must_use]
    pub fn of(version: &str, expected: &str) -> Self {
        let Some(date) = date(version) else { return Self::NoVersion };
        if version == expected {
            Self::Expected
        } else if Some(date) < self::date(OLDEST_KNOWN) {
            Self::TooOld
        } else if Some(date) > self::date(NEWEST_KNOWN) {
            Self::TooNew
        } else {
            Self::Known
        }
    }

    /// Whether payloads of this version are read for certain.
    #[must_use]
    pub const fn is_known(self) -> bool {
        matches!(self, Self::Expected | Self::Known)
    }

    /// What it means, for people.
    #[must_use]
    pub fn sentence(self, version: &str, expected: &str) -> String {
        let unsure = "A needed field that is not where it was fails the event, by its path.";
        match self {
            Self::Expected => "The version that Tollkeeper itself asks Stripe for.".to_owned(),
            Self::Known => {
                let which = if date(version) < date(expected) { "Older" } else { "Newer" };
                format!(
                    "{which} than {expected}, which Tollkeeper asks Stripe for; its shape is known and read all the same."
                )
            }
            Self::TooOld => format!("Older than {OLDEST_KNOWN}, the oldest that is known here. {unsure}"),
            Self::TooNew => format!("Newer than {NEWEST_KNOWN}, the newest that is known here. {unsure}"),
            Self::NoVersion => format!("Stripe names no version like this. {unsure}"),
        }
    }
}

/// `2025-09-30` of `2025-09-30.clover`.
fn date(version: &str) -> Option<&str> {
    let (date, name) = version.split_once('.').unwrap_or((version, "a"));
    let digits = |text: &str, length: usize| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts = date.split('-');
    let is_date = [4, 2, 2].into_iter().all(|length| parts.next().is_some_and(|part| digits(part, length)));
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase());
    (is_date && is_name && parts.next().is_none()).then_some(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPECTED: &str = "2026-09-30.endive";

    #[test]
    fn the_date_decides_what_a_version_means() {
        for (version, standing, words) in [
            ("2026-09-30.endive", VersionStanding::Expected, "itself asks"),
            ("2022-11-15", VersionStanding::Known, "Older than 2026-09-30.endive"),
            ("2025-09-30.clover", VersionStanding::Known, "Older than"),
            ("2026-10-28.endive", VersionStanding::Known, "Newer than 2026-09-30.endive"),
            ("2020-08-27", VersionStanding::TooOld, "Older than 2022-11-15"),
            ("2026-10-29.endive", VersionStanding::TooNew, "Newer than 2026-10-28.endive"),
            ("2027-03-31.fennel", VersionStanding::TooNew, "by its path"),
            ("endive", VersionStanding::NoVersion, "names no version"),
            ("2026-9-30", VersionStanding::NoVersion, "names no version"),
            ("2026-09-30.", VersionStanding::NoVersion, "names no version"),
            ("", VersionStanding::NoVersion, "names no version"),
        ] {
            let found = VersionStanding::of(version, EXPECTED);
            assert_eq!(found, standing, "{version}");
            assert!(
                found.sentence(version, EXPECTED).contains(words),
                "{version}: {}",
                found.sentence(version, EXPECTED)
            );
            assert_eq!(found.is_known(), matches!(standing, VersionStanding::Expected | VersionStanding::Known));
        }
    }
}
