//! Lists: choices above them, how many there are, the pages around the one that is shown, and the whole as a file.
//!
//! A page that lists something holds a [`Pages`] in its view and shows it below its table with [`Pages::view`]. The server makes it with
//! `pages::list::around`, from the page it read and from what its rows are sorted by; the store's method takes `after` and `before`, and
//! answers backwards by `Page::from_rows_backwards`. A list that can be exported stands in the server's `admin/export/lists.rs`.

use leptos::prelude::*;

/// What is counted is counted so far; one more says that there are more.
const COUNTED: i64 = 10_000;

/// The pages around one, and what is known of the whole list.
#[derive(Clone, Debug, Default)]
pub struct Pages {
    /// The list's beginning, from the pages behind it.
    pub first: Option<String>,
    /// The page before.
    pub previous: Option<String>,
    /// The page behind.
    pub next: Option<String>,
    /// How many rows the filter finds, where that is counted.
    pub count: Option<i64>,
    /// All of them as a file.
    pub export: Option<String>,
}

impl Pages {
    /// What stands below a list's table. `nouns` is what it lists: one, and several.
    pub fn view(&self, nouns: (&'static str, &'static str)) -> AnyView {
        let link = |href: &Option<String>, rel: Option<&'static str>, words: &'static str| {
            href.clone().map(|href| view! { <a class="btn" href=href rel=rel>{words}</a> })
        };
        let count = self.count.map(|count| view! { <span>{counted(count, nouns)}</span> });
        let export = self.export.clone().map(|href| view! { <a class="btn" href=href download>"Export CSV"</a> });
        if count.is_none() && export.is_none() && self.first.is_none() && self.previous.is_none() && self.next.is_none()
        {
            return ().into_any();
        }
        view! {
            <nav class="pager" aria-label="Pages">
                {count}
                {link(&self.first, None, "First page")}
                {link(&self.previous, Some("prev"), "Previous page")}
                {link(&self.next, Some("next"), "Next page")}
                {export}
            </nav>
        }
        .into_any()
    }
}

/// A number with its thousands set apart: `1,204`; what was counted to the cap alone is `10,000+`.
#[must_use]
pub fn number(count: i64) -> String {
    if count > COUNTED {
        return format!("{}+", number(COUNTED));
    }
    thousands(usize::try_from(count).unwrap_or_default())
}

/// A number that was counted to its end, with its thousands set apart.
#[must_use]
pub fn thousands(count: usize) -> String {
    let digits = count.to_string();
    let mut words = String::with_capacity(digits.len() + 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            words.push(',');
        }
        words.push(digit);
    }
    words
}

/// `1 event`, `1,204 events`.
#[must_use]
pub fn counted(count: i64, (one, several): (&str, &str)) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{} {several}", number(count)) }
}

/// A filter to choose.
#[derive(Clone, Debug)]
pub struct Choice {
    /// Its words.
    pub words: String,
    /// The list with it.
    pub href: String,
    /// Whether it is the one that counts.
    pub chosen: bool,
    /// How many it finds, where that is counted.
    pub count: Option<i64>,
}

/// Filters of which one is chosen. `label` says what they narrow to.
pub fn choices(label: &'static str, choices: Vec<Choice>) -> AnyView {
    let choices: Vec<_> = choices
        .into_iter()
        .map(|choice| {
            let count = choice.count.map(|count| view! { " "<span class="count">{number(count)}</span> });
            view! { <a href=choice.href aria-current=choice.chosen.then_some("true")>{choice.words}{count}</a> }
        })
        .collect();
    view! { <nav class="choices" aria-label=label>{choices}</nav> }.into_any()
}

/// Filters to choose from: words, address, and whether it is the one that counts.
pub fn filter_chips(label: &'static str, of: Vec<(String, String, bool)>) -> AnyView {
    let of = of.into_iter().map(|(words, href, chosen)| Choice { words, href, chosen, count: None });
    choices(label, of.collect())
}

/// The filters that narrow a list, each with the address of the list without it, and the address without any.
pub fn active_filters(filters: Vec<(String, String)>, clear: &str) -> AnyView {
    if filters.is_empty() {
        return ().into_any();
    }
    let clear = (filters.len() > 1).then(|| view! { <a class="btn link sm" href=clear.to_owned()>"Clear filters"</a> });
    let filters: Vec<_> = filters
        .into_iter()
        .map(|(words, without)| {
            view! { <a href=without><span class="vh">"Take off "</span>{words}<span aria-hidden="true">" ×"</span></a> }
        })
        .collect();
    view! { <nav class="choices active" aria-label="Active filters">{filters}{clear}</nav> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_end_at_the_cap() {
        assert_eq!(counted(1, ("event", "events")), "1 event");
        assert_eq!(counted(0, ("event", "events")), "0 events");
        assert_eq!(number(999), "999");
        assert_eq!(number(1204), "1,204");
        assert_eq!(number(COUNTED), "10,000");
        assert_eq!(counted(COUNTED + 1, ("event", "events")), "10,000+ events");
    }
}
