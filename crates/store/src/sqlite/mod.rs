//! SQLite: the default, for one machine.

mod crowd;
mod dialect;
mod files;
mod schema;
#[expect(clippy::duplicate_mod, reason = "compiling the SQL once per database is the design")]
#[path = "../shared/mod.rs"]
mod shared;
mod statistics;

pub use crowd::multiply;
pub use files::{Contents, Folded, back_up, fold_log, look, path_of, url_of};
pub use shared::Backend;
pub(crate) use shared::Side;
