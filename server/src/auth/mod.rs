//! Who may do what: staff with sessions, applications with API keys.

pub mod api_key;
pub mod limit;
pub mod password;
pub mod session;
pub mod setup;
pub mod staff;
