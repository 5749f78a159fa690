//! The admin app over real HTTP, as a browser without JavaScript uses it.

mod browser;
mod forms;
mod roles;
mod sign_in;
