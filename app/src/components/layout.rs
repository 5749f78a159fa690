//! Cards, tables, ids.

use leptos::prelude::*;
use url::form_urlencoded::Serializer;

use crate::islands::CopyButton;

/// A card with a heading.
pub fn card(heading: impl Into<String>, actions: impl IntoView, body: impl IntoView) -> AnyView {
    view! {
        <div class="card">
            <header><h2>{heading.into()}</h2><div class="row">{actions.into_any()}</div></header>
            {body.into_any()}
        </div>
    }
    .into_any()
}

/// A column of a table. Where each has a width, none of them moves while the rows come in over a slow line; else each is as wide as
/// what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    words: &'static str,
    width: Option<u8>,
    /// Its cells are of the class `num`, and so its heading stands above their ends.
    of_numbers: bool,
}

impl Column {
    /// The words and the width in rem, as from a pair.
    pub const fn new(words: &'static str, width: u8) -> Self {
        Self { words, width: Some(width), of_numbers: false }
    }

    /// A column of numbers.
    pub const fn of_numbers(words: &'static str, width: u8) -> Self {
        Self { of_numbers: true, ..Self::new(words, width) }
    }
}

impl From<&'static str> for Column {
    fn from(words: &'static str) -> Self {
        Self { words, width: None, of_numbers: false }
    }
}

/// The words and the width in rem; `style/admin.css` has a class for it. What a table has more room than that is shared out.
impl From<(&'static str, u8)> for Column {
    fn from((words, width): (&'static str, u8)) -> Self {
        Self::new(words, width)
    }
}

/// A table that scrolls by itself. `name` says what it lists.
pub fn table(name: &'static str, columns: &[impl Into<Column> + Copy], rows: Vec<AnyView>) -> AnyView {
    let columns: Vec<Column> = columns.iter().map(|column| (*column).into()).collect();
    let widths: Option<Vec<u8>> = columns.iter().map(|column| column.width).collect();
    let class = if widths.is_some() { "tbl fixed" } else { "tbl" };
    let widths = widths.map(|widths| {
        let widths = widths.into_iter().map(|width| view! { <col class=format!("w{width}") /> });
        view! { <colgroup>{widths.collect::<Vec<_>>()}</colgroup> }
    });
    let head = columns.into_iter().map(|column| {
        let class = column.of_numbers.then_some("num");
        view! { <th scope="col" class=class>{column.words}</th> }
    });
    let head = head.collect::<Vec<_>>();
    view! {
        <section class="scroll" tabindex="0" aria-label=name>
            <table class=class>
                <caption class="vh">{name}</caption>
                {widths}
                <thead><tr>{head}</tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </section>
    }
    .into_any()
}

/// Nothing to show, and what to do about it.
pub fn empty(heading: impl Into<String>, body: impl IntoView) -> AnyView {
    view! { <div class="empty"><h2>{heading.into()}</h2>{body.into_any()}</div> }.into_any()
}

/// A table in a card of its own: what a list shows.
pub fn list_card(name: &'static str, columns: &[impl Into<Column> + Copy], rows: Vec<AnyView>) -> AnyView {
    view! { <div class="card">{table(name, columns, rows)}</div> }.into_any()
}

/// The way to this page: words and address of each page above it, and what this one is called.
pub fn crumbs(above: &[(&str, String)], here: &str) -> AnyView {
    let above: Vec<_> = above
        .iter()
        .map(|(words, href)| {
            let words = (*words).to_owned();
            view! { <a href=href.clone()>{words}</a><span aria-hidden="true">"/"</span> }
        })
        .collect();
    let here = here.to_owned();
    view! { <nav class="crumbs" aria-label="Breadcrumb">{above}<span aria-current="page">{here}</span></nav> }
        .into_any()
}

/// The page's heading with what can be done.
pub fn page_head(heading: impl Into<String>, actions: impl IntoView) -> AnyView {
    view! { <div class="page-head"><h1>{heading.into()}</h1><div class="row">{actions.into_any()}</div></div> }
        .into_any()
}

/// Who did something, without the prefix that tells staff from keys where it says nothing: `staff:ada@example.com`.
#[must_use]
pub fn actor(word: &str) -> String {
    match word.split_once(':') {
        Some(("staff", who)) => who.to_owned(),
        Some(("api_key", key)) => format!("API key {key}"),
        _ => word.to_owned(),
    }
}

/// The beginning and the end of an id; what is short stays whole.
#[must_use]
pub fn shortened(id: &str) -> String {
    let chars: Vec<char> = id.chars().collect();
    if chars.len() <= 20 {
        return id.to_owned();
    }
    let start: String = chars[..10].iter().collect();
    let end: String = chars[chars.len() - 6..].iter().collect();
    format!("{start}…{end}")
}

/// A word with dots in it, such as an event's type, which goes on in the next line behind one of them.
pub fn dotted(word: &str) -> AnyView {
    let parts = word.split_inclusive('.').map(|part| view! { {part.to_owned()}<wbr /> }.into_any());
    parts.collect::<Vec<_>>().into_any()
}

/// An id with a button to copy it.
pub fn id(text: &str, what: &'static str) -> AnyView {
    let text = text.to_owned();
    view! { <span class="id">{text.clone()}<CopyButton text=text what=what.to_owned() /></span> }.into_any()
}

/// An amount in the currency's smallest unit.
#[must_use]
pub fn money(amount: Option<i64>, currency: Option<&str>) -> String {
    const WITHOUT_CENTS: [&str; 6] = ["jpy", "krw", "vnd", "clp", "xof", "isk"];
    match (amount, currency) {
        (Some(amount), Some(currency)) if WITHOUT_CENTS.contains(&currency) => {
            format!("{amount} {}", currency.to_uppercase())
        }
        (Some(amount), Some(currency)) => format!("{}.{:02} {}", amount / 100, amount % 100, currency.to_uppercase()),
        _ => "custom amount".into(),
    }
}

/// An address with a query, of parameters that are not empty.
#[must_use]
pub fn address(path: &str, parameters: &[(&str, &str)]) -> String {
    let mut query = Serializer::new(String::new());
    query.extend_pairs(parameters.iter().filter(|(_, value)| !value.is_empty()));
    match query.finish() {
        query if query.is_empty() => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leaves_out_what_is_empty() {
        assert_eq!(address("/admin/events", &[("q", "")]), "/admin/events");
        assert_eq!(
            address("/admin/events", &[("q", "a b"), ("status", "failed")]),
            "/admin/events?q=a+b&status=failed"
        );
    }

    #[test]
    fn long_ids_keep_both_ends() {
        assert_eq!(shortened("user_1"), "user_1");
        assert_eq!(shortened("ovr_01a2021d9a7f7182937696afeb12c8e2"), "ovr_01a202…12c8e2");
    }
}
