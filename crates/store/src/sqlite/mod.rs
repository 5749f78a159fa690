//! SQLite: the default, for one machine.

mod dialect;
#[path = "../shared/mod.rs"]
mod shared;

pub use shared::Backend;
