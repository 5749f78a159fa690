//! What changes on a page that stays open. The island [`Live`](crate::islands::Live) finds it by its attributes; without a script it is
//! plain text and a link that loads the page anew.

use leptos::prelude::*;

/// The way to a list's newest rows, for the list's first page: "Refresh", or how many events have come since. `href` is that first page;
/// `is_filtered` says that the list may show none of them.
pub fn news_link(href: impl Into<String>, is_filtered: bool) -> AnyView {
    let words = if is_filtered { "Look again: # new" } else { "Show # new" };
    view! { <a class="btn news" data-live="events" data-words=words href=href.into()>"Refresh"</a> }.into_any()
}

/// What is worked on: how far it is, in a sentence and, where that is known, as so many of so many; `label` says what is counted. `topic`
/// says of what `/admin/live` is to tell, such as `resyncs/rsy_1`; none: it has ended. A link with `data-live="result"` loads it anew.
pub fn job(topic: Option<String>, sentence: &str, progress: Option<(i64, i64)>, label: &'static str) -> AnyView {
    let bar = (topic.is_some() || progress.is_some()).then(|| {
        let (done, all) =
            progress.map_or((None, None), |(done, all)| (Some(done.to_string()), Some(all.max(1).to_string())));
        let hidden = progress.is_none();
        view! { <progress class="progress" data-live="progress" aria-label=label max=all value=done hidden=hidden></progress> }
    });
    view! {
        <div id="job-progress" class="job-progress" data-live-topic=topic>
            {bar}
            <p data-live="sentence">{sentence.to_owned()}</p>
        </div>
    }
    .into_any()
}
