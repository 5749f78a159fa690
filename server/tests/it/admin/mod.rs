//! The admin app over real HTTP, as a browser without JavaScript uses it.

mod account;
mod asking;
pub(crate) mod browser;
mod events;
mod forms;
mod history;
mod lists;
mod live;
mod missed;
mod packed;
mod policies;
mod replays;
mod resyncs;
mod roles;
mod sign_in;
