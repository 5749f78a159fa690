//! Cards, tables, times, ids.

use domain::Timestamp;
use leptos::prelude::*;

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

/// A table that scrolls by itself. `name` says what it lists.
pub fn table(name: &'static str, columns: &[&'static str], rows: Vec<AnyView>) -> AnyView {
    let columns: Vec<_> = columns.iter().map(|column| view! { <th scope="col">{*column}</th> }).collect();
    view! {
        <section class="scroll" tabindex="0" aria-label=name>
            <table class="tbl">
                <caption class="vh">{name}</caption>
                <thead><tr>{columns}</tr></thead>
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

/// The page's heading with what can be done.
pub fn page_head(heading: impl Into<String>, actions: impl IntoView) -> AnyView {
    view! { <div class="page-head"><h1>{heading.into()}</h1><div class="row">{actions.into_any()}</div></div> }
        .into_any()
}

/// An instant: relative within a day, the date after; the other form in the title.
pub fn time(at: Timestamp, now: Timestamp) -> AnyView {
    let exact = at.to_string();
    view! { <time datetime=exact.clone() title=exact>{relative(at, now)}</time> }.into_any()
}

/// An instant, or words.
pub fn time_or(at: Option<Timestamp>, now: Timestamp, otherwise: &'static str) -> AnyView {
    match at {
        Some(at) => time(at, now),
        None => view! { <span class="muted">{otherwise}</span> }.into_any(),
    }
}

/// The end of something.
pub fn until(at: Option<Timestamp>, now: Timestamp) -> AnyView {
    time_or(at, now, "no end")
}

fn relative(at: Timestamp, now: Timestamp) -> String {
    let seconds = (now.millis() - at.millis()) / 1000;
    let (distance, future) = (seconds.abs(), seconds < 0);
    let words = match distance {
        0..=9 => return "just now".into(),
        10..=59 => format!("{distance} s"),
        60..=3599 => format!("{} min", distance / 60),
        3600..=86_399 => format!("{} h", distance / 3600),
        _ => return date(at),
    };
    if future { format!("in {words}") } else { format!("{words} ago") }
}

/// `20 Nov 2026 14:02`
fn date(at: Timestamp) -> String {
    let at = at.to_datetime();
    let month = at.month().to_string();
    format!("{} {} {} {:02}:{:02} UTC", at.day(), &month[..3], at.year(), at.hour(), at.minute())
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

/// A link to the rows behind these.
pub fn pager(next: Option<String>) -> AnyView {
    match next {
        Some(href) => {
            view! { <nav class="pager" aria-label="Pages"><a class="btn" href=href rel="next">"Next page"</a></nav> }
                .into_any()
        }
        None => ().into_any(),
    }
}
