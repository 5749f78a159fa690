//! How moments, spans, ids and keys are written in sentences and paths.

use crate::Timestamp;
use crate::catalog::Catalog;

/// `20 Nov 2026`.
pub(super) fn day(at: Timestamp) -> String {
    let date = at.to_datetime();
    let month = date.month().to_string();
    format!("{} {} {}", date.day(), month.get(..3).unwrap_or(&month), date.year())
}

/// `20 Nov 2026 14:05 UTC`.
pub(super) fn moment(at: Timestamp) -> String {
    let time = at.to_datetime();
    format!("{} {:02}:{:02} UTC", day(at), time.hour(), time.minute())
}

/// The time from one moment to a later one, in its largest unit: `3 days`, `1 hour`, `40 s`.
pub(super) fn span(from: Timestamp, to: Timestamp) -> String {
    let secs = to.secs().saturating_sub(from.secs()).max(0);
    let count = |n: i64, unit: &str| format!("{n} {unit}{}", if n == 1 { "" } else { "s" });
    match secs {
        0..120 => format!("{secs} s"),
        120..7200 => count(secs / 60, "minute"),
        7200..172_800 => count(secs / 3600, "hour"),
        _ => count(secs / 86_400, "day"),
    }
}

/// Percent-encodes one segment of a path, or one value of a query.
pub(super) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The catalog's key that looks most like `key`, when one looks like it at all.
#[must_use]
pub fn nearest_feature<'a>(catalog: &'a Catalog, key: &str) -> Option<&'a str> {
    let reach = (key.chars().count() / 3).max(1);
    let near =
        catalog.features.keys().map(|known| (distance(&known.to_lowercase(), &key.to_lowercase()), known.as_str()));
    near.filter(|(distance, _)| *distance <= reach).min().map(|(_, known)| known)
}

/// Levenshtein's distance: how many characters differ.
#[must_use]
pub fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
