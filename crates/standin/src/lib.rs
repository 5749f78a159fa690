//! A stand-in for Stripe that speaks Stripe's HTTP, keeps state and sends signed webhooks.
//!
//! Tests and `tollkeeper demo` use it instead of the real service. It is judged by programs that others wrote: the
//! official Stripe CLI and the official `stripe` package (`end2end/counterparts`). It keeps everything in memory and
//! one mutex, so each answer is a snapshot taken when the request arrived, however long the answer is then delayed.
//!
//! Nothing here is meant for production; invariants are checked as strictly as the programs above need.

// The objects below are long literals.
#![recursion_limit = "512"]

mod clock;
mod control;
mod deliver;
mod error;
mod events;
mod faults;
mod http;
mod objects;
mod order;
mod params;
mod permission;
mod random;
mod rate;
mod server;
mod signature;
mod value;
mod version;
mod world;

pub use control::{CheckoutSpec, Control, Hold, SubscriptionSpec};
pub use deliver::DeliveryResult;
pub use faults::{Breakage, Faults};
pub use rate::Load;
pub use server::{Options, Standin, Webhook};
pub use signature::sign;
