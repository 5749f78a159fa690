//! The WASM entry point: it wakes the islands of a page the server has rendered.
#![cfg(target_arch = "wasm32")]

/// Called by the page's start script once the WASM is loaded.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    // The islands are reached through their registration only, so the crate has to be named.
    use app as _;
    leptos::mount::hydrate_islands();
}
