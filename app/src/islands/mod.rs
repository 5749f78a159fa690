//! The parts of a page that wake up in the browser. Without WASM each is a sensible piece of HTML, or nothing.

mod live;
mod palette;

pub use live::*;
pub use palette::*;

use leptos::prelude::*;

/// Copies an id. Hidden until it works: without WASM the id beside it can be selected.
#[island]
pub fn CopyButton(
    /// What is copied.
    text: String,
    /// What it is, for screen readers: "user id".
    what: String,
) -> impl IntoView {
    let awake = RwSignal::new(false);
    let copied = RwSignal::new(false);
    Effect::new(move |_| awake.set(true));
    let copy = move |_| {
        write_clipboard(&text);
        copied.set(true);
    };
    view! {
        <button type="button" class="icon-btn" hidden=move || !awake.get() on:click=copy aria-label=format!("Copy {what}")>
            <svg aria-hidden="true" width="14" height="14"><use href=move || if copied.get() { "#i-ok" } else { "#i-copy" }></use></svg>
            <span class="vh" role="status">{move || if copied.get() { "Copied" } else { "" }}</span>
        </button>
    }
}

#[cfg(feature = "hydrate")]
fn write_clipboard(text: &str) {
    if let Some(window) = web_sys::window() {
        // The promise is not awaited: a refused permission leaves the clipboard as it was.
        let _ = window.navigator().clipboard().write_text(text);
    }
}

#[cfg(not(feature = "hydrate"))]
fn write_clipboard(_text: &str) {}
