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
mod keys;
mod lists;
mod live;
mod mappings;
mod missed;
mod overtaken;
mod packed;
mod people;
mod policies;
mod preview;
mod replays;
mod resyncs;
mod sign_in;
mod simulator;
mod staff;
mod system;
mod two_factor;
mod undo;
