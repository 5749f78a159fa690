//! The whole program over HTTP and by its command line: real router, real SQLite, the stand-in as Stripe.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod abuse;
mod admin;
mod api;
mod authorization;
mod backup;
mod cli;
mod demo;
mod engine;
mod helpers;
mod key_secrecy;
mod modes;
mod operation;
mod secrets;
mod usage;
mod validator;
