//! The terms of an API key as people write them.

use domain::Timestamp;

use crate::auth::rate::Rate;
use crate::config::parse_duration;

/// Access checks a second of a key that says nothing else. They are answered from memory, and this is more than a small machine answers:
/// it stops a loop that ran wild, and no application.
pub const CHECK_RATE: Rate = Rate::of(100_000);
/// Other requests a second of a key that says nothing else.
pub const REQUEST_RATE: Rate = Rate::of(1_000);
/// Most that can be asked for.
pub const MOST_RATE: u32 = 1_000_000;

/// A number of requests a second; none where nothing is written.
///
/// # Errors
/// A sentence.
pub fn rate(text: &str) -> Result<Option<u32>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let number = text.parse::<u32>().ok().filter(|number| (1..=MOST_RATE).contains(number));
    number.map(Some).ok_or_else(|| format!("A whole number from 1 to {MOST_RATE}, or nothing."))
}

/// When a key ends: `never`, a length of time such as `90d`, a day (whose end it is, in UTC) or a moment.
///
/// # Errors
/// A sentence.
pub fn expiry(text: &str, now: Timestamp) -> Result<Option<Timestamp>, String> {
    if text == "never" {
        return Ok(None);
    }
    let after = parse_duration(text).map(|length| now.plus_secs(i64::try_from(length.as_secs()).unwrap_or(i64::MAX)));
    let day = || Timestamp::parse(&format!("{text}T23:59:59Z"));
    let end = after.or_else(day).or_else(|| Timestamp::parse(text));
    match end {
        Some(end) if end <= now => Err("The end must lie in the future.".into()),
        Some(end) => Ok(Some(end)),
        None => Err("Expected never, a length of time such as 90d, or a date such as 2027-06-30.".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_read() {
        let now = Timestamp::parse("2026-11-23T12:00:00Z").unwrap();
        assert_eq!(expiry("never", now), Ok(None));
        assert_eq!(expiry("90d", now), Ok(Some(now.plus_secs(90 * 86_400))));
        assert_eq!(expiry("2027-06-30", now), Ok(Timestamp::parse("2027-06-30T23:59:59Z")));
        assert_eq!(expiry("2027-06-30T08:00:00Z", now), Ok(Timestamp::parse("2027-06-30T08:00:00Z")));
        for wrong in ["", "soon", "0s", "2026-11-22", "2027-02-30", "-1d"] {
            assert!(expiry(wrong, now).is_err(), "{wrong}");
        }
    }

    #[test]
    fn rates_are_read() {
        assert_eq!((rate(""), rate(" 25 "), rate("1000000")), (Ok(None), Ok(Some(25)), Ok(Some(MOST_RATE))));
        for wrong in ["0", "-1", "1.5", "1000001", "99999999999", "many"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }
}
