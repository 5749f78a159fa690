//! The pages around the one that is shown of a list, which is paged by key in both directions.

use app::components::{Pages, address};
use store::records::{Page, Place};

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

/// A page of a list that is in memory, sorted by its key.
pub(crate) fn cut<T, K: Ord>(mut all: Vec<T>, place: &Place<K>, key: impl Fn(&T) -> K) -> Page<T> {
    let limit = usize::try_from(place.limit).unwrap_or(0);
    let (start, end) = match (&place.after, &place.before) {
        (_, Some(before)) => {
            let end = all.partition_point(|row| key(row) < *before);
            (end.saturating_sub(limit), end)
        }
        (after, None) => {
            let start = after.as_ref().map_or(0, |after| all.partition_point(|row| key(row) <= *after));
            (start, all.len().min(start + limit))
        }
    };
    let has_more = if place.is_backwards() { start > 0 } else { end < all.len() };
    all.truncate(end);
    Page { data: all.split_off(start), has_more }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_memory_is_paged_both_ways() {
        let page = |after, before| {
            let page = cut(vec![1, 3, 5, 7, 9], &Place { after, before, limit: 2 }, |row| *row);
            (page.data, page.has_more)
        };
        assert_eq!(page(None, None), (vec![1, 3], true));
        assert_eq!(page(Some(3), None), (vec![5, 7], true));
        assert_eq!(page(Some(4), None), (vec![5, 7], true), "a row that is gone still has its place");
        assert_eq!(page(Some(7), None), (vec![9], false));
        assert_eq!(page(Some(9), None), (vec![], false));
        assert_eq!(page(None, Some(9)), (vec![5, 7], true));
        assert_eq!(page(None, Some(5)), (vec![1, 3], false));
        assert_eq!(page(None, Some(1)), (vec![], false));
    }
}
