//! The admin app: what pages show and how. The server loads a [`pages::Page`] and renders it here, whole, so that every page is complete
//! HTML before any script runs; forms are plain posts, answered with a redirect. Only [`islands`] is compiled to WASM.

#[cfg(any(feature = "ssr", feature = "hydrate"))]
mod distance;
pub mod islands;

#[cfg(feature = "ssr")]
pub mod components;
#[cfg(feature = "ssr")]
pub mod context;
#[cfg(feature = "ssr")]
pub mod pages;
#[cfg(feature = "ssr")]
mod shell;
#[cfg(feature = "ssr")]
pub mod zone;

#[cfg(feature = "ssr")]
pub use shell::{health, shell};
