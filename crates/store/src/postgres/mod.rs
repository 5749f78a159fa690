//! PostgreSQL: for several instances on one database.

mod dialect;
#[path = "../shared/mod.rs"]
mod shared;

pub use shared::Backend;
