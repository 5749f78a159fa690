//! The admin app over real HTTP, as a browser without JavaScript uses it.

mod account;
mod asking;
mod audit;
pub(crate) mod browser;
mod events;
mod forms;
mod go;
mod history;
mod kept;
mod lists;
mod live;
mod mappings;
mod missed;
mod packed;
mod policies;
mod replays;
mod resyncs;
mod roles;
mod sign_in;
mod simulator;
mod system;
mod undo;
