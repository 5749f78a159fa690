//! Moments as forms ask for them: a day and a time of day, in UTC.

use domain::Timestamp;

/// The moment of a day such as `2026-11-03` and a time such as `14:05`.
///
/// # Errors
/// A sentence when they are no moment.
pub(super) fn of(day: &str, time: &str) -> Result<Timestamp, String> {
    // A browser leaves out seconds that are zero.
    let seconds = if time.len() == 5 { ":00" } else { "" };
    Timestamp::parse(&format!("{day}T{time}{seconds}Z"))
        .ok_or_else(|| format!("“{day} {time}” is no moment: give a day such as 2026-11-03 and a time such as 14:05."))
}

/// `2026-11-03 14:05 UTC`
pub(super) fn written(at: Timestamp) -> String {
    let text = at.to_string();
    format!("{} {} UTC", &text[..10], &text[11..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_and_a_time_are_a_moment() {
        let at = Timestamp::parse("2026-11-03T14:05:00Z").unwrap();
        assert_eq!(of("2026-11-03", "14:05"), Ok(at));
        assert_eq!(of("2026-11-03", "14:05:09"), Ok(at.plus_secs(9)));
        assert!(of("2026-02-31", "14:05").is_err() && of("soon", "").is_err());
        assert_eq!(written(at), "2026-11-03 14:05 UTC");
    }
}
