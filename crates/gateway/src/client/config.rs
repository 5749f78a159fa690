//! How a client is set up.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::Timestamp;
use reqwest::Url;

use super::{Limits, RetryPolicy};
use crate::SecretKey;

/// The API version our own requests ask for: the one the typed request builders were generated from, so that what they write is what
/// Stripe reads. It is fixed with the code, for the account's default version may change in the Dashboard at any time.
pub const PINNED_VERSION: &str = "2026-09-30.endive";
/// Where Stripe's API is.
pub const DEFAULT_BASE_URL: &str = "https://api.stripe.com";

/// Settings of a [`Client`](super::Client).
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// The key, which decides the mode.
    pub key: SecretKey,
    /// Scheme, host and port, without `/v1`.
    pub base_url: String,
    /// `Stripe-Version` of every request.
    pub api_version: String,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for the whole answer, per attempt.
    pub timeout: Duration,
    /// What happens after a failed attempt.
    pub retry: RetryPolicy,
    /// Requests a second.
    pub limits: Limits,
    /// Our clock, which is compared with Stripe's and says when the read allowance of a day is over.
    pub now: Now,
}

/// A clock as a function.
#[derive(Clone)]
pub struct Now(pub Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl fmt::Debug for Now {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Now({})", self.0())
    }
}

/// The machine's clock.
impl Default for Now {
    fn default() -> Self {
        Self(Arc::new(|| {
            let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            Timestamp::from_millis(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
        }))
    }
}

impl ClientConfig {
    /// Stripe itself by the machine's clock, with time-outs of 5 s and 20 s, the default retries, and the limits every account has.
    #[must_use]
    pub fn new(key: SecretKey) -> Self {
        Self {
            limits: Limits::of(key.livemode()),
            now: Now::default(),
            key,
            base_url: DEFAULT_BASE_URL.to_owned(),
            api_version: PINNED_VERSION.to_owned(),
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(20),
            retry: RetryPolicy::default(),
        }
    }

    /// The beginning of every request's URL.
    pub(super) fn root(&self) -> Result<String, ConfigError> {
        let base = self.base_url.trim_end_matches('/');
        let url = Url::parse(base).map_err(|_| ConfigError::BaseUrl)?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
            && !base.ends_with("/v1");
        let host = url.host_str().filter(|_| plain).ok_or(ConfigError::BaseUrl)?;
        let local = host == "localhost"
            || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
        if url.scheme() == "http" && self.key.livemode().is_live() && !local {
            return Err(ConfigError::Unencrypted);
        }
        Ok(format!("{base}/v1"))
    }
}

/// Why a client cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The address makes no sense.
    #[error(
        "the address of Stripe's API must look like {DEFAULT_BASE_URL}: http or https, a host, no user name, no /v1 at its end"
    )]
    BaseUrl,
    /// A live key over plain HTTP.
    #[error("a live key is not sent over http:// to another machine; use https://")]
    Unencrypted,
    /// The key cannot stand in a header.
    #[error("the Stripe API key has characters that cannot be sent")]
    Key,
    /// The version cannot stand in a header.
    #[error("the Stripe API version has characters that cannot be sent; it looks like {PINNED_VERSION}")]
    ApiVersion,
    /// TLS or the resolver could not be set up.
    #[error("the HTTP client could not be set up: {0}")]
    Transport(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(key: &str, base_url: &str) -> Result<String, ConfigError> {
        let key = SecretKey::parse(key).unwrap();
        ClientConfig { base_url: base_url.to_owned(), ..ClientConfig::new(key) }.root()
    }

    #[test]
    fn pinned_version_is_the_one_of_the_request_builders() {
        assert_eq!(PINNED_VERSION, stripe_client_core::VERSION.as_str());
    }

    #[test]
    fn base_url_is_an_origin() {
        assert_eq!(root("sk_test_1", "https://api.stripe.com/").unwrap(), "https://api.stripe.com/v1");
        assert_eq!(root("sk_test_1", "http://127.0.0.1:8420").unwrap(), "http://127.0.0.1:8420/v1");
        for wrong in [
            "",
            "api.stripe.com",
            "ftp://api.stripe.com",
            "https://api.stripe.com/v1",
            "https://u:p@host",
            "https://host?a=b",
        ] {
            assert_eq!(root("sk_test_1", wrong), Err(ConfigError::BaseUrl), "{wrong:?}");
        }
    }

    #[test]
    fn live_key_needs_tls_beyond_this_machine() {
        assert_eq!(root("sk_live_1", "http://stripe.internal"), Err(ConfigError::Unencrypted));
        for fine in ["http://localhost:1", "http://127.0.0.1:1", "http://[::1]:1", "https://stripe.internal"] {
            assert!(root("sk_live_1", fine).is_ok(), "{fine:?}");
        }
        assert!(root("sk_test_1", "http://stripe.internal").is_ok());
    }
}
