//! The fields of a key's terms: until when, from where, how often.

use leptos::prelude::*;

use super::Rates;
use crate::components::{end_field, field, select_field, text_area, thousands};
use crate::context::Context;

/// When it ends. `first` are choices before the usual ones.
pub(super) fn expiry(context: &Context, first: &[(&str, &str)], chosen: &str) -> AnyView {
    let usual = [("30d", "In 30 days"), ("90d", "In 90 days"), ("365d", "In 365 days"), ("at", "A date and time")];
    let choices: Vec<(String, String)> =
        first.iter().chain(&usual).map(|(value, words)| ((*value).to_owned(), (*words).to_owned())).collect();
    view! {
        {select_field(context, "expires", "Expires", &choices, chosen)}
        {end_field(context)}
    }
    .into_any()
}

/// From where it may be used.
pub(super) fn addresses(context: &Context, now: &[String]) -> AnyView {
    let hint = "Addresses or networks of your application, one a line, such as 203.0.113.0/24 or 2001:db8::/32. Empty: from anywhere.";
    text_area(context, "addresses", "Allowed addresses", &now.join("\n"), hint)
}

/// How often it may ask.
pub(super) fn rates(context: &Context, checks: Option<u32>, requests: Option<u32>, usual: Rates) -> AnyView {
    let label = |what: &str, usual: u32| {
        format!("{what} a second; empty: {}", thousands(usize::try_from(usual).unwrap_or(usize::MAX)))
    };
    let text = |rate: Option<u32>| rate.map(|rate| rate.to_string()).unwrap_or_default();
    view! {
        {field(context, "check_rate", label("Access checks", usual.checks), "number", &text(checks), "", false)}
        {field(context, "request_rate", label("Other requests", usual.requests), "number", &text(requests), "", false)}
    }
    .into_any()
}
