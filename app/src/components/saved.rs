//! Filters that somebody keeps for a list: links to them, and forms to keep and to forget one. Any list has them by one line.

use domain::role::Role;
use leptos::prelude::*;

use super::form::{csrf, field, hidden, submit};
use crate::context::{Context, Saved};

/// Links to the filters that are kept for this list, and the form that keeps the one that is set.
pub fn saved_filters(context: &Context) -> AnyView {
    let filter = context.filter();
    if context.saved.is_empty() && filter.is_empty() {
        return ().into_any();
    }
    let links: Vec<_> = context
        .saved
        .iter()
        .map(|saved| {
            let href = format!("{}?{}", context.here(), saved.query);
            let chosen = (saved.query == filter).then_some("true");
            view! { <a href=href aria-current=chosen>{saved.name.clone()}</a> }
        })
        .collect();
    let links = (!links.is_empty()).then(|| view! { <nav class="choices" aria-label="Saved filters">{links}</nav> });
    let is_kept = context.saved.iter().any(|saved| saved.query == filter);
    let keep = (!filter.is_empty() && !is_kept).then(|| keep(context, &filter));
    let forget = (!context.saved.is_empty()).then(|| forget(context));
    view! { <div class="row saved">{links}{keep}{forget}</div> }.into_any()
}

fn keep(context: &Context, filter: &str) -> AnyView {
    let refused = context.error("filter_name").is_some();
    view! {
        <details class="more" open=refused>
            <summary>"Save this filter"</summary>
            <form method="post" action="/admin/account/filters" class="form">
                {csrf(context)}
                {hidden("path", context.here().to_owned())}
                {hidden("query", filter.to_owned())}
                {field(context, "filter_name", "Name", "text", "", "You alone see it. A filter of this name is replaced.", true)}
                <div class="actions">{submit(context, "Save filter", "btn", Role::Viewer)}</div>
            </form>
        </details>
    }
    .into_any()
}

fn forget(context: &Context) -> AnyView {
    let rows: Vec<_> = context.saved.iter().map(|saved| row(context, saved)).collect();
    view! {
        <details class="more">
            <summary>"Change saved filters"</summary>
            <section class="scroll" tabindex="0" aria-label="Saved filters and what they are">
                <table class="tbl">
                    <caption class="vh">"Saved filters"</caption>
                    <thead><tr><th scope="col">"Name"</th><th scope="col">"Filter"</th><th scope="col">"Forget"</th></tr></thead>
                    <tbody>{rows}</tbody>
                </table>
            </section>
        </details>
    }
    .into_any()
}

fn row(context: &Context, saved: &Saved) -> AnyView {
    let action = format!("/admin/account/filters/{}/delete", saved.id);
    let words: Vec<String> =
        url::form_urlencoded::parse(saved.query.as_bytes()).map(|(name, value)| format!("{name} {value}")).collect();
    view! {
        <tr>
            <th scope="row">{saved.name.clone()}</th>
            <td class="wide">{words.join(", ")}</td>
            <td>
                <form method="post" action=action class="inline">
                    {csrf(context)}
                    {hidden("return_to", context.path.clone())}
                    <button type="submit" class="btn sm danger">"Forget"<span class="vh">" "{saved.name.clone()}</span></button>
                </form>
            </td>
        </tr>
    }
    .into_any()
}
