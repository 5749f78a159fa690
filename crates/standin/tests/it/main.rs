//! The stand-in seen from outside: through HTTP, its control handle and a receiver of webhooks.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod api;
mod change;
mod fault;
mod page;
mod payment;
mod support;
mod webhook;
