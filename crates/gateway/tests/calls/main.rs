//! Calls over real connections, against a scripted server and against the stand-in.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod endpoints;
mod reading;
mod standin;
mod support;
mod transport;
