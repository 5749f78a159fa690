//! The parts of a page that wake up in the browser. Without WASM each is a sensible piece of HTML, or nothing.

mod live;
mod open;
mod palette;
mod passkey;

pub use live::*;
pub use open::*;
pub use palette::*;
pub use passkey::*;

use leptos::prelude::*;

/// Copies an id. Hidden until it works: without WASM the id beside it can be selected. No island: a list has a hundred of them, and one
/// listener of the page serves them all ([`OpenPage`]).
#[component]
pub fn CopyButton(
    /// What is copied.
    text: String,
    /// What it is, for screen readers: "user id".
    what: String,
) -> impl IntoView {
    view! {
        <button type="button" class="icon-btn" hidden=true data-copy=text aria-label=format!("Copy {what}")>
            <svg aria-hidden="true" width="14" height="14"><use href="#i-copy"></use></svg>
            <span class="vh" role="status"></span>
        </button>
    }
}

/// An address of ours as this browser finds it: a proxy may show us below a path of its own.
#[cfg(feature = "hydrate")]
fn rooted(address: &str) -> String {
    let root = document().body().and_then(|body| body.get_attribute("data-root")).unwrap_or_default();
    format!("{}{address}", root.trim_end_matches('/'))
}

/// Calls back for as long as the page lives.
#[cfg(feature = "hydrate")]
fn on<E: wasm_bindgen::convert::FromWasmAbi + 'static>(
    target: &web_sys::EventTarget,
    event: &str,
    heard: impl FnMut(E) + 'static,
) {
    use wasm_bindgen::JsCast as _;
    let heard = wasm_bindgen::closure::Closure::<dyn FnMut(E)>::new(heard);
    let _ = target.add_event_listener_with_callback(event, heard.as_ref().unchecked_ref());
    heard.forget();
}
