//! What the overview draws.

use app::components::{Bar, Chart, Series, Tone};
use domain::Timestamp;
use domain::access::Loss;
use domain::event::EventStatus;
use store::records::{CheckHour, EventHour};

use super::ending;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
const FAILED: [EventStatus; 2] = [EventStatus::Failed, EventStatus::Dead];
const WAITING: [EventStatus; 2] = [EventStatus::Pending, EventStatus::Processing];

/// What came in, hour by hour, and what became of it.
pub(super) fn events(hours: &[EventHour]) -> Chart {
    let bar = |hour: &EventHour| {
        let (failed, waiting) = (hour.count(&FAILED), hour.count(&WAITING));
        let all: i64 = hour.counts.iter().map(|(_, count)| count).sum();
        Bar { label: clock(hour.from), values: vec![all - failed - waiting, waiting, failed], href: None }
    };
    let (all, failed) = (total(hours, &EventStatus::ALL), total(hours, &FAILED));
    let summary = match (all, failed) {
        (0, _) => "No event has arrived in the last 24 hours.".to_owned(),
        (all, 0) => format!("{} arrived, and none failed.", number(all, "event")),
        (all, failed) => format!("{} arrived, and {failed} failed.", number(all, "event")),
    };
    Chart {
        id: "events",
        title: "Events per hour, 24 h",
        summary,
        unit: "Hour, UTC",
        series: vec![series("taken in", Tone::Ok), series("waiting", Tone::Neutral), series("failed", Tone::Bad)],
        bars: hours.iter().map(bar).collect(),
        words: |value| value.to_string(),
    }
}

/// How long it took from receipt to effect, hour by hour.
pub(super) fn lag(hours: &[EventHour]) -> Chart {
    let bar = |hour: &EventHour| {
        let values = [50, 95].map(|percent| percentile(&hour.lags, percent).unwrap_or(0));
        Bar { label: clock(hour.from), values: values.into(), href: None }
    };
    let summary = match of_day(hours) {
        Some((half, most)) => {
            format!(
                "Half of the events took effect within {}, and 95 of 100 within {}.",
                duration(half),
                duration(most)
            )
        }
        None => "No event has taken effect at its first attempt in the last 24 hours.".to_owned(),
    };
    Chart {
        id: "lag",
        title: "From receipt to effect, 24 h",
        summary,
        unit: "Hour, UTC",
        series: vec![
            series("half within", Tone::Info),
            Series { includes_below: true, ..series("95 of 100 within", Tone::Warn) },
        ],
        bars: hours.iter().map(bar).collect(),
        words: duration,
    }
}

/// What the application asked, hour by hour, and what it was told; an hour in which nothing was asked is not among those given.
pub(super) fn checks(asked: &[CheckHour], now: Timestamp) -> Chart {
    let end = next_hour(now);
    let hours = (0..24).rev().map(|ago| end.plus_millis(-(ago + 1) * HOUR));
    let bar = |from: Timestamp| {
        let hour = asked.iter().find(|hour| hour.hour == from);
        let values = hour.map_or_else(|| vec![0, 0], |hour| vec![hour.allowed, hour.denied]);
        Bar { label: clock(from), values, href: None }
    };
    let [yes, no] = [asked.iter().map(|hour| hour.allowed).sum(), asked.iter().map(|hour| hour.denied).sum::<i64>()];
    let summary = match yes + no {
        0 => "The application has asked nothing in the last 24 hours.".to_owned(),
        all => format!("The application asked {}: {yes} with yes and {no} with no as the answer.", times(all)),
    };
    Chart {
        id: "checks",
        title: "Access checks per hour, 24 h",
        summary,
        unit: "Hour, UTC",
        series: vec![series("yes", Tone::Ok), series("no", Tone::Bad)],
        bars: hours.map(bar).collect(),
        words: |value| value.to_string(),
    }
}

fn times(count: i64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

/// Who loses access, day by day.
pub(super) fn losses(losses: &[(String, Loss)], now: Timestamp) -> Chart {
    let days = (0..ending::DAYS).map(|day| (now.plus_millis(day * DAY), now.plus_millis((day + 1) * DAY)));
    let bars = days.map(|(from, to)| {
        let start = losses.partition_point(|(_, loss)| loss.at < from);
        let within = &losses[start..];
        let users = ending::users(within, to);
        let at = from.to_datetime();
        let month = at.month().to_string();
        let href = format!("/admin/ending?days={}", (to.millis() - now.millis()) / DAY);
        let label = format!("{} {}", at.day(), &month[..3]);
        Bar { label, values: vec![i64::try_from(users).unwrap_or(i64::MAX)], href: (users > 0).then_some(href) }
    });
    let [week, month] = [7, ending::DAYS].map(|days| ending::users(losses, now.plus_millis(days * DAY)));
    let summary = match month {
        0 => "Nobody is known to lose access in the next 30 days.".to_owned(),
        1 => format!("{week} in the next 7 days and 1 user in the next 30 days lose access that they have."),
        month => format!("{week} in the next 7 days and {month} in the next 30 days lose access that they have."),
    };
    Chart {
        id: "losses",
        title: "Who loses access, 30 days",
        summary,
        unit: "24 hours from",
        series: vec![series("users", Tone::Warn)],
        bars: bars.collect(),
        words: |value| value.to_string(),
    }
}

/// The share of the events of these hours that did not fail, in tenths of a percent; none when there were none.
pub(super) fn success(hours: &[EventHour]) -> Option<i64> {
    let (all, failed) = (total(hours, &EventStatus::ALL), total(hours, &FAILED));
    (all > 0).then(|| (all - failed) * 1000 / all)
}

/// The lags of all hours: half and 95 of 100 took no longer, in milliseconds.
pub(super) fn of_day(hours: &[EventHour]) -> Option<(i64, i64)> {
    let mut lags: Vec<i64> = hours.iter().flat_map(|hour| hour.lags.iter().copied()).collect();
    lags.sort_unstable();
    percentile(&lags, 50).zip(percentile(&lags, 95))
}

/// What so many of a hundred do not exceed, of values that are sorted: the nearest rank.
fn percentile(sorted: &[i64], percent: usize) -> Option<i64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

/// Milliseconds in words.
pub(super) fn duration(millis: i64) -> String {
    match millis {
        ..1000 => format!("{} ms", millis.max(0)),
        1000..60_000 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        60_000..3_600_000 => format!("{} min", millis / 60_000),
        _ => format!("{} h", millis / HOUR),
    }
}

fn total(hours: &[EventHour], statuses: &[EventStatus]) -> i64 {
    hours.iter().map(|hour| hour.count(statuses)).sum()
}

fn number(count: i64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

const fn series(name: &'static str, tone: Tone) -> Series {
    Series { name, tone, includes_below: false }
}

/// The hour and minute.
fn clock(at: Timestamp) -> String {
    at.to_string()[11..16].to_owned()
}

/// The full hour after this moment: until it the hours of a chart go, so that each is one of the clock.
pub(super) fn next_hour(now: Timestamp) -> Timestamp {
    let millis = now.millis();
    Timestamp::from_millis(millis - millis.rem_euclid(HOUR) + HOUR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        assert_eq!(percentile(&[], 95), None);
        assert_eq!(percentile(&[7], 50), Some(7));
        let hundred: Vec<i64> = (1..=100).collect();
        assert_eq!((percentile(&hundred, 50), percentile(&hundred, 95)), (Some(50), Some(95)));
        assert_eq!(percentile(&[1, 2, 3], 95), Some(3));
    }

    #[test]
    fn durations_are_told_in_one_unit() {
        let told = [12, 1_250, 90_000, 7_200_000].map(duration);
        assert_eq!(told, ["12 ms", "1.2 s", "1 min", "2 h"]);
    }

    #[test]
    fn an_hour_without_events_neither_succeeds_nor_fails() {
        let hour = |counts| EventHour { from: Timestamp::from_millis(0), counts, lags: vec![] };
        assert_eq!(success(&[hour(vec![])]), None);
        let some = [hour(vec![(EventStatus::Processed, 997), (EventStatus::Dead, 1), (EventStatus::Failed, 2)])];
        assert_eq!(success(&some), Some(997));
        assert_eq!(events(&some).bars[0].values, [997, 0, 3]);
    }
}
