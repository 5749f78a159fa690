//! PostgreSQL: for several instances on one database.

mod dialect;
mod schema;
#[expect(clippy::duplicate_mod, reason = "compiling the SQL once per database is the design")]
#[path = "../shared/mod.rs"]
mod shared;

pub use shared::Backend;
pub(crate) use shared::Side;
