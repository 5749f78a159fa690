//! Who may do what: staff with sessions, applications with API keys.

pub mod api_key;
pub mod limit;
pub mod links;
pub mod network;
pub mod passkey;
pub mod password;
pub mod rate;
pub mod return_to;
pub mod second;
pub mod session;
pub mod setup;
pub mod staff;
pub mod vault;
