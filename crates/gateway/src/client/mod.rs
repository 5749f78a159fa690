//! Sending requests to Stripe over connections that are kept.

mod account;
mod calls;
mod checkout;
mod config;
mod endpoints;
mod list;
mod object;
mod payments;
mod probe;
mod retry;
mod send;

use std::fmt;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;

pub use config::{ClientConfig, ConfigError, DEFAULT_BASE_URL, PINNED_VERSION};
pub use endpoints::{CreatedEndpoint, EndpointChange, NewEndpoint};
pub use probe::{Probe, Resource};
pub use retry::RetryPolicy;

use crate::SecretKey;

/// A Stripe account in one mode. Cheap to share behind an `Arc`; connections are reused between calls.
pub struct Client {
    http: reqwest::Client,
    config: ClientConfig,
    /// `https://api.stripe.com/v1`
    root: String,
}

impl Client {
    /// Makes a client; no request is sent.
    ///
    /// # Errors
    /// When the configuration cannot work or would send a live key unencrypted.
    pub fn new(config: ClientConfig) -> Result<Self, ConfigError> {
        let root = config.root()?;
        let mut authorization =
            HeaderValue::from_str(&format!("Bearer {}", config.key.expose())).map_err(|_| ConfigError::Key)?;
        authorization.set_sensitive(true);
        let version = HeaderValue::from_str(&config.api_version).map_err(|_| ConfigError::ApiVersion)?;
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, authorization);
        headers.insert(HeaderName::from_static("stripe-version"), version);
        let http = reqwest::Client::builder()
            .user_agent(concat!("tollkeeper/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .connect_timeout(config.connect_timeout)
            .timeout(config.timeout)
            // Stripe's API never redirects, and the key must not follow to another host.
            .redirect(Policy::none())
            .build()
            .map_err(|error| ConfigError::Transport(error.to_string()))?;
        Ok(Self { http, config, root })
    }

    /// The key in use, which shows itself redacted.
    #[must_use]
    pub const fn key(&self) -> &SecretKey {
        &self.config.key
    }

    /// The API version that every request asks for.
    #[must_use]
    pub fn api_version(&self) -> &str {
        &self.config.api_version
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("config", &self.config).finish_non_exhaustive()
    }
}
