//! The one place that speaks with Stripe: calls to its API and the check of its webhooks' signatures.
//!
//! async-stripe's typed builders say where a request goes and what is in it; sending, retries, time-outs and errors are ours
//! ([`client`]). Answers stay raw JSON, which the readers in `domain::stripe` understand across API versions. Callers depend on the
//! trait [`Gateway`]. [`signature`] needs no network at all.

mod api;
mod checkout;
pub mod client;
mod error;
mod key;
pub mod signature;

pub use api::{
    AccountList, CheckoutSnapshot, CreatedRange, CustomerSnapshot, EventPage, Gateway, MAX_CHECKOUT_SESSIONS,
    ObjectPage,
};
pub use checkout::{
    CheckoutDiscount, CheckoutItem, CheckoutMode, CreateCheckout, CreatePortal, CreatedCheckout, PortalFlow,
    USER_ID_KEY,
};
pub use client::REQUEST_DURATION;
pub use client::{
    Client, ClientConfig, ConfigError, Counts, CreatedEndpoint, EndpointChange, Lane, Limits, NewEndpoint, Now,
    PINNED_VERSION, Probe, Resource, Usage,
};
pub use error::{Error, Outage};
pub use key::{KeyError, SecretKey};
