//! How far a moment is, in words: the server says it, and the page says it anew while it stays open.

/// How long ago something was, in seconds, or how long it is to it where they are negative; none from a day on.
#[must_use]
pub(crate) fn distance(seconds: i64) -> Option<String> {
    let (distance, future) = (seconds.abs(), seconds < 0);
    let words = match distance {
        0..=9 => return Some("just now".into()),
        10..=59 => format!("{distance} s"),
        60..=3599 => format!("{} min", distance / 60),
        3600..=86_399 => format!("{} h", distance / 3600),
        _ => return None,
    };
    Some(if future { format!("in {words}") } else { format!("{words} ago") })
}
