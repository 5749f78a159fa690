//! Instants in and out.

use domain::Timestamp;
use proptest::prelude::*;
use serde_json::json;

#[test]
fn rfc_3339_in_utc() {
    let at = Timestamp::from_secs(1_795_311_612);
    assert_eq!(at.to_string(), "2026-11-22T01:40:12Z");
    assert_eq!(Timestamp::parse("2026-11-22T03:40:12+02:00"), Some(at));
    assert_eq!(Timestamp::parse("2026-11-22T01:40:12.5Z"), Some(at.plus_millis(500)));
    assert_eq!(serde_json::to_value(at).unwrap(), json!("2026-11-22T01:40:12Z"));
    for bad in ["", "2026-11-22", "1795311612", "2026-13-01T00:00:00Z", "2026-11-22 01:40:12"] {
        assert_eq!(Timestamp::parse(bad), None, "{bad}");
    }
    // An offset leads out of the calendar, where the time would be written as another one.
    for outside in ["0000-06-01T00:00:00Z", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"] {
        assert_eq!(Timestamp::parse(outside), None, "{outside}");
    }
    let before = Timestamp::parse("1969-12-31T23:59:59.9999Z");
    assert_eq!(before, Some(Timestamp::from_millis(-1)), "rounded down, as everywhere");
    let error = serde_json::from_value::<Timestamp>(json!("soon")).unwrap_err().to_string();
    assert!(error.contains("RFC 3339"), "{error}");
}

#[test]
fn seconds_round_down_and_sums_saturate() {
    assert_eq!(Timestamp::from_millis(-1).secs(), -1);
    assert_eq!(Timestamp::from_millis(1999).secs(), 1);
    assert_eq!(Timestamp::from_secs(10).plus_secs(-3), Timestamp::from_secs(7));
    assert_eq!(Timestamp::from_secs(i64::MAX).plus_millis(1).millis(), i64::MAX);
    assert!(Timestamp::from_secs(i64::MAX).to_string().starts_with("9999-12-31"), "clamped, not a panic");
    assert!(Timestamp::from_secs(i64::MIN).to_string().starts_with("0001-01-01"));
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(millis in -2_000_000_000_000_i64..4_000_000_000_000) {
        let at = Timestamp::from_millis(millis);
        prop_assert_eq!(Timestamp::parse(&at.to_string()), Some(at));
    }
}
