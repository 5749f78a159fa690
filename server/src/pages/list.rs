//! The pages around the one that is shown of a list, which is paged by key in both directions.

use app::components::{Pages, address};
use store::records::Page;

use super::Ask;

/// Where a list can be had as a file, in the mode and by the filter of its page.
pub(crate) fn export(ask: &Ask<'_>, list: &str, filter: &[(&str, &str)]) -> String {
    let mode = [("mode", ask.livemode.as_str())];
    address(&format!("/admin/export/{list}.csv"), &[&mode[..], filter].concat())
}

/// The links around a page of `path?filter`; `key` is what a row is sorted by, as the addresses' `after` and `before` have it.
pub(crate) fn around<T>(
    ask: &Ask<'_>,
    path: &str,
    filter: &[(&str, &str)],
    page: &Page<T>,
    key: impl Fn(&T) -> String,
) -> Pages {
    let at = |name: &str, row: Option<&T>| {
        let key = key(row?);
        Some(address(path, &[filter, &[(name, key.as_str())]].concat()))
    };
    let (is_behind, is_before) = (ask.param("after").is_some(), ask.param("before").is_some());
    let has_previous = if is_before { page.has_more } else { is_behind };
    let has_next = is_before || page.has_more;
    Pages {
        first: (is_behind || is_before).then(|| address(path, filter)),
        previous: at("before", page.data.first().filter(|_| has_previous)),
        next: at("after", page.data.last().filter(|_| has_next)),
        ..Pages::default()
    }
}
