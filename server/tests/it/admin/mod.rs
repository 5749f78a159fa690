//! The admin app over real HTTP, as a browser without JavaScript uses it.

mod asking;
mod audit;
pub(crate) mod browser;
mod forms;
mod go;
mod history;
mod kept;
mod missed;
mod policies;
mod roles;
mod sign_in;
mod simulator;
mod system;
