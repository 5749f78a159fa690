//! The admin app over real HTTP, as a browser without JavaScript uses it.

mod asking;
pub(crate) mod browser;
mod forms;
mod history;
mod lists;
mod missed;
mod policies;
mod roles;
mod sign_in;
