//! What can go wrong with a call to Stripe. Every error says by itself whether asking again later may help, and carries no secret.
//! Source: docs.stripe.com/error-handling, docs.stripe.com/error-low-level.

use std::fmt;
use std::time::Duration;

use domain::Timestamp;

/// Why a call to Stripe gave no answer. Its `Display` form is a sentence for the admin app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// 429, and the retries are used up.
    RateLimited {
        /// Which limit: Stripe's `Stripe-Rate-Limited-Reason` such as `endpoint-rate`, or the error code such as `lock_timeout`.
        reason: Option<String>,
        /// How long Stripe asked to wait, when it said so.
        retry_after: Option<Duration>,
        /// Stripe's `Request-Id`.
        request_id: Option<String>,
    },
    /// No answer, or one of a server in trouble (5xx, 409), and the retries are used up.
    Unavailable {
        /// What happened.
        outage: Outage,
        /// Stripe's `Request-Id`, when it answered.
        request_id: Option<String>,
    },
    /// 404: there is no such object in this account and mode.
    NotFound {
        /// The kind of object, such as `customer`.
        what: &'static str,
        /// The id asked for.
        id: String,
        /// Stripe's sentence. It says so when the object exists in the other mode.
        message: String,
    },
    /// 401: the key is not valid.
    Unauthorized {
        /// The key as people may see it: `sk_test_…4242`.
        key: String,
        /// Stripe's sentence.
        message: String,
        /// Stripe's `Request-Id`.
        request_id: Option<String>,
    },
    /// 403: the key is valid and lacks a permission.
    Forbidden {
        /// The key as people may see it: `rk_live_…4242`.
        key: String,
        /// The permission, by Stripe's name such as `rak_subscription_read`, where Stripe names one.
        permission: Option<String>,
        /// Stripe's sentence, which names the permission of a restricted key.
        message: String,
        /// Stripe's `Request-Id`.
        request_id: Option<String>,
    },
    /// Any other answer that is no success: the request itself is at fault.
    Refused {
        /// The HTTP status.
        status: u16,
        /// Stripe's error code, such as `resource_missing`.
        code: Option<String>,
        /// Stripe's sentence.
        message: String,
        /// The parameter at fault.
        param: Option<String>,
        /// Stripe's `Request-Id`.
        request_id: Option<String>,
    },
    /// An answer that is not what Stripe documents.
    Unreadable {
        /// What was asked for, such as `subscriptions`.
        what: &'static str,
        /// Where in the answer, such as `data[3].id`; empty for the whole.
        path: String,
        /// What is wrong there.
        detail: String,
        /// Stripe's `Request-Id`.
        request_id: Option<String>,
    },
    /// The request was not sent: work in the background has read as much today as it may. Live calls are never refused so.
    AllowanceUsed {
        /// When it may go on: the end of the UTC day.
        until: Timestamp,
    },
    /// The request was not sent, as Stripe could not accept it.
    NotSent {
        /// What is wrong with it.
        reason: String,
    },
}

/// Kinds of outage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outage {
    /// Stripe answered with this status.
    Status(u16),
    /// No connection: name resolution, TCP or TLS.
    Connection(String),
    /// No complete answer within the time-out.
    TimedOut(Duration),
    /// The connection broke before the answer was complete.
    Interrupted(String),
}

impl Error {
    /// Whether the same call may succeed later with nothing else changed.
    ///
    /// This is about later: what `Stripe-Should-Retry: false` forbids are the immediate retries of one call.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::RateLimited { .. } | Self::Unavailable { .. } | Self::AllowanceUsed { .. })
    }

    /// Whether only an operator can help: the key is wrong or may too little, so that every other call fails too.
    #[must_use]
    pub const fn is_about_the_key(&self) -> bool {
        matches!(self, Self::Unauthorized { .. } | Self::Forbidden { .. })
    }

    /// The time Stripe asked to wait before the next call, when it said so.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether Stripe says that what was named exists in the other mode. Its sentence is the only place where it does: "No such price:
    /// 'price_…'; a similar object exists in live mode, but a test mode key was used to make this request."
    #[must_use]
    pub fn is_of_other_mode(&self) -> bool {
        matches!(self, Self::NotFound { message, .. } | Self::Refused { message, .. } if message.contains("a similar object exists in "))
    }

    /// A stable code for storage and metrics.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::RateLimited { .. } => "rate_limited",
            Self::Unavailable { .. } => "unavailable",
            Self::NotFound { .. } => "not_found",
            Self::Unauthorized { .. } => "unauthorized",
            Self::Forbidden { .. } => "forbidden",
            Self::Refused { .. } => "refused",
            Self::Unreadable { .. } => "unreadable",
            Self::AllowanceUsed { .. } => "allowance_used",
            Self::NotSent { .. } => "not_sent",
        }
    }

    /// Stripe's `Request-Id`, by which its Dashboard finds the call.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::RateLimited { request_id, .. }
            | Self::Unavailable { request_id, .. }
            | Self::Unauthorized { request_id, .. }
            | Self::Forbidden { request_id, .. }
            | Self::Refused { request_id, .. }
            | Self::Unreadable { request_id, .. } => request_id.as_deref(),
            Self::NotFound { .. } | Self::AllowanceUsed { .. } | Self::NotSent { .. } => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RateLimited { reason, retry_after, .. } => {
                f.write_str("Stripe's rate limit was reached")?;
                if let Some(reason) = reason {
                    write!(f, " ({reason})")?;
                }
                if let Some(wait) = retry_after {
                    write!(f, "; it asks to wait {} s", wait.as_secs())?;
                }
            }
            Self::Unavailable { outage, .. } => match outage {
                Outage::Status(status) => write!(f, "Stripe could not answer now (status {status})")?,
                Outage::Connection(cause) => write!(f, "Stripe could not be reached: {cause}")?,
                Outage::TimedOut(limit) => write!(f, "Stripe did not answer within {} ms", limit.as_millis())?,
                Outage::Interrupted(cause) => {
                    write!(f, "the connection to Stripe broke before its answer was complete: {cause}")?
                }
            },
            Self::NotFound { what, id, message } => write!(f, "Stripe has no {what} “{id}”: {message}")?,
            Self::Unauthorized { key, message, .. } => {
                write!(f, "Stripe does not accept the API key {key}: {message} Set a valid key")?;
            }
            Self::Forbidden { key, permission: Some(permission), .. } => {
                write!(
                    f,
                    "the API key {key} may not {}: give the restricted key this permission ({permission}), or set another key",
                    deed(permission)
                )?;
            }
            Self::Forbidden { key, permission: None, message, .. } => {
                write!(
                    f,
                    "the API key {key} may not do this: {message} Give the restricted key this permission, or set another key"
                )?;
            }
            Self::Refused { status, code, message, param, .. } => {
                write!(f, "Stripe refused the request (status {status}")?;
                if let Some(code) = code {
                    write!(f, ", {code}")?;
                }
                if let Some(param) = param {
                    write!(f, ", parameter {param}")?;
                }
                write!(f, "): {message}")?;
            }
            Self::Unreadable { what, path, detail, .. } => {
                write!(f, "Stripe's answer about {what} could not be read")?;
                if !path.is_empty() {
                    write!(f, " at {path}")?;
                }
                write!(f, ": {detail}")?;
            }
            Self::AllowanceUsed { until } => write!(
                f,
                "Stripe was not asked: work in the background has used up its reads of this day (STRIPE_DAILY_READS); it goes on at {until}"
            )?,
            Self::NotSent { reason } => write!(f, "the request was not sent to Stripe: {reason}")?,
        }
        match self.request_id() {
            Some(id) => write!(f, " [{id}]"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

/// What a permission such as `rak_checkout_session_read` lets a key do: "read checkout sessions".
fn deed(permission: &str) -> String {
    let name = permission.trim_start_matches("rak_");
    match name.rsplit_once('_') {
        Some((object, deed)) => format!("{deed} {}s", object.replace('_', " ")),
        None => format!("do this ({name})"),
    }
}
