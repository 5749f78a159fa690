//! SQLite: the default, for one machine.

mod crowd;
mod dialect;
#[expect(clippy::duplicate_mod, reason = "compiling the SQL once per database is the design")]
#[path = "../shared/mod.rs"]
mod shared;
mod statistics;

pub use crowd::multiply;
pub use shared::Backend;
