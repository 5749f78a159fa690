//! The admin app over real HTTP, as a browser without JavaScript uses it.

mod asking;
pub(crate) mod browser;
mod events;
mod forms;
mod history;
mod missed;
mod packed;
mod policies;
mod resyncs;
mod replays;
mod roles;
mod sign_in;
