//! Times as people read them: in their zone, by distance or by date as they chose.

use domain::Timestamp;
use domain::preference::Times;
use leptos::prelude::*;

use crate::context::Preferences;
use crate::zone::Zone;

/// How times of a page are written; [`shell`](crate::shell()) provides it to everything within.
#[derive(Clone, Default)]
struct Writing {
    zone: Zone,
    times: Times,
}

/// From here on, times are written as these preferences say.
pub(crate) fn write_times_as(preferences: &Preferences) {
    provide_context(Writing { zone: preferences.zone.clone(), times: preferences.times });
}

/// An instant: by its distance within a day, by its date after, unless the person wants dates always; exactly, in UTC, in the title.
pub fn time(at: Timestamp, now: Timestamp) -> AnyView {
    let exact = at.to_string();
    let writing = use_context::<Writing>().unwrap_or_default();
    // A distance grows while the page is open.
    let near = (writing.times == Times::Distance && distance(at, now).is_some()).then_some("");
    view! { <time datetime=exact.clone() title=exact data-near=near>{writing.words(at, now)}</time> }.into_any()
}

/// An instant by its date and time of day, whatever the person chose.
pub(crate) fn date_and_time(at: Timestamp) -> AnyView {
    let exact = at.to_string();
    let words = use_context::<Writing>().unwrap_or_default().date(at, at);
    view! { <time datetime=exact.clone() title=exact>{words}</time> }.into_any()
}

/// An instant, or words.
pub fn time_or(at: Option<Timestamp>, now: Timestamp, otherwise: &'static str) -> AnyView {
    match at {
        Some(at) => time(at, now),
        None => view! { <span class="muted">{otherwise}</span> }.into_any(),
    }
}

/// A moment to come, for reckoning with: `until Sun 29 Nov 2026 14:00 UTC`, in the zone of the person who looks.
#[must_use]
pub fn time_until(at: Timestamp) -> String {
    let zone = use_context::<Writing>().unwrap_or_default().zone;
    format!("until {} {}", zone.shows(at).strftime("%a %-d %b %Y %H:%M"), zone.name())
}

/// The end of something.
pub fn until(at: Option<Timestamp>, now: Timestamp) -> AnyView {
    time_or(at, now, "no end")
}

/// How long ago something was, or how long it is to it; none from a day on.
#[must_use]
pub fn distance(at: Timestamp, now: Timestamp) -> Option<String> {
    crate::distance::distance((now.millis() - at.millis()) / 1000)
}

/// The day of an instant, for a heading within a list.
#[must_use]
pub fn day(at: Timestamp) -> String {
    use_context::<Writing>().unwrap_or_default().zone.shows(at).strftime("%A, %-d %B %Y").to_string()
}

/// A length of time in few words.
#[must_use]
pub fn length(millis: i64) -> String {
    match millis {
        ..1000 => format!("{} ms", millis.max(0)),
        1000..60_000 => format!("{} s", millis / 1000),
        60_000..3_600_000 => format!("{} min", millis / 60_000),
        3_600_000..86_400_000 => format!("{} h", millis / 3_600_000),
        _ => format!("{} d", millis / 86_400_000),
    }
}

impl Writing {
    fn words(&self, at: Timestamp, now: Timestamp) -> String {
        match self.times {
            Times::Distance => distance(at, now).unwrap_or_else(|| self.date(at, now)),
            Times::Date => self.date(at, now),
        }
    }

    /// `20 Nov 14:02` in this year, `20 Nov 2027` in another. The zone stands below every page.
    fn date(&self, at: Timestamp, now: Timestamp) -> String {
        let (at, now) = (self.zone.shows(at), self.zone.shows(now));
        let day = at.strftime("%-d %b");
        if at.year() == now.year() {
            format!("{day} {:02}:{:02}", at.hour(), at.minute())
        } else {
            format!("{day} {}", at.year())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);

    #[test]
    fn times_are_near_in_words_and_far_in_dates() {
        let utc = Writing::default();
        assert_eq!(utc.words(NOW.plus_secs(-90), NOW), "1 min ago");
        assert_eq!(utc.words(NOW.plus_secs(7200), NOW), "in 2 h");
        assert_eq!(utc.words(NOW.plus_secs(-10 * 86_400), NOW), "8 Nov 11:06");
        assert_eq!(utc.words(NOW.plus_secs(400 * 86_400), NOW), "23 Dec 2027");
    }

    #[test]
    fn an_end_is_told_with_its_weekday() {
        assert_eq!(time_until(NOW), "until Wed 18 Nov 2026 11:06 UTC");
    }

    #[test]
    fn dates_are_those_of_the_zone() {
        let zone = Zone::named("Asia/Tokyo").unwrap_or_default();
        let tokyo = Writing { zone, times: Times::Date };
        assert_eq!(tokyo.words(NOW.plus_secs(-90), NOW), "18 Nov 20:05");
        assert_eq!(tokyo.words(NOW.plus_secs(4 * 3600), NOW), "19 Nov 00:06");
    }

    #[test]
    fn the_year_that_counts_is_the_zones() {
        let newyear = Timestamp::parse("2026-12-31T23:30:00Z").unwrap_or_default();
        let zone = Zone::named("Europe/Berlin").unwrap_or_default();
        let berlin = Writing { zone, times: Times::Date };
        assert_eq!(berlin.words(newyear, NOW), "1 Jan 2027");
    }
}
