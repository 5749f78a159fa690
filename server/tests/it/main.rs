//! The whole program over HTTP and by its command line: real router, real SQLite, the stand-in as Stripe.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod admin;
mod api;
mod cli;
mod demo;
mod engine;
mod helpers;
mod modes;
mod usage;
mod validator;
