//! Sending requests to Stripe over connections that are kept.

mod account;
mod budget;
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
mod skew;
mod usage;

use std::fmt;
use std::sync::Arc;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;

pub use budget::{Lane, Limits};
pub use config::{ClientConfig, ConfigError, DEFAULT_BASE_URL, Now, PINNED_VERSION};
pub use endpoints::{CreatedEndpoint, EndpointChange, NewEndpoint};
pub use probe::{Probe, Resource};
pub use retry::RetryPolicy;
pub use send::REQUEST_DURATION;
pub use usage::{Counts, Usage};

use crate::SecretKey;

/// A Stripe account in one mode, as one lane uses it. Clones share connections, rate budget and counts.
#[derive(Clone)]
pub struct Client {
    account: Arc<Account>,
    lane: Lane,
}

/// What the lanes share.
struct Account {
    http: reqwest::Client,
    config: ClientConfig,
    /// `https://api.stripe.com/v1`
    root: String,
    budget: budget::Budget,
    meter: usage::Meter,
    skew: skew::Skew,
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
        let budget = budget::Budget::new(config.limits);
        let (meter, skew) = Default::default();
        let account = Account { http, config, root, budget, meter, skew };
        Ok(Self { account: Arc::new(account), lane: Lane::Live })
    }

    /// The same account for work that has time.
    fn in_background(&self) -> Self {
        Self { account: Arc::clone(&self.account), lane: Lane::Background }
    }

    /// The key in use, which shows itself redacted.
    #[must_use]
    pub fn key(&self) -> &SecretKey {
        &self.account.config.key
    }

    /// The API version that every request asks for.
    #[must_use]
    pub fn api_version(&self) -> &str {
        &self.account.config.api_version
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("config", &self.account.config).field("lane", &self.lane).finish_non_exhaustive()
    }
}
