//! Signing secrets of webhook endpoints.

use std::fmt;

const PREFIX: &str = "whsec_";
/// Longest name: it stands in messages and in the admin app's tables.
const MAX_NAME: usize = 40;

/// One signing secret with a name for messages. Its `Debug` form shows the last four characters alone.
#[derive(Clone)]
pub struct Secret {
    /// What people call it: `dashboard`, `cli`, or `secret 1` when it got no name.
    pub name: String,
    value: String,
}

impl Secret {
    /// Reads `name=whsec_…`, or `whsec_…` which is then called `secret n` (`n` counts from 1).
    ///
    /// # Errors
    /// What is wrong with the text, without repeating the secret. An empty secret above all is refused: anybody could sign with it.
    pub fn parse(spec: &str, n: usize) -> Result<Self, SecretError> {
        let default_name = || format!("secret {n}");
        let refuse = |name: String, fault: SecretFault| SecretError { name, fault };
        let (name, value) = match spec.split_once('=') {
            Some((name, value)) if !spec.starts_with(PREFIX) => (name.trim().to_owned(), value),
            _ => (default_name(), spec),
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.');
        let is_secret = name.contains(PREFIX) || name.starts_with("sk_") || name.starts_with("rk_");
        if name.is_empty() || name.len() > MAX_NAME || is_secret || !name.chars().all(plain) {
            // The name is not repeated: with a slip in the order it is the secret.
            return Err(refuse(default_name(), SecretFault::Name));
        }
        let fault = if value.is_empty() {
            SecretFault::Empty
        } else if value.chars().any(char::is_whitespace) {
            SecretFault::Whitespace
        } else if value.starts_with("sk_") || value.starts_with("rk_") {
            SecretFault::ApiKey
        } else {
            match value.strip_prefix(PREFIX) {
                None => SecretFault::Prefix,
                Some(rest) if rest.len() < 4 || !rest.is_ascii() => SecretFault::CutOff,
                Some(_) => return Ok(Self { name, value: value.to_owned() }),
            }
        };
        Err(refuse(name, fault))
    }

    /// The last four characters, as Stripe's Dashboard and the admin app show them.
    #[must_use]
    pub fn last4(&self) -> &str {
        &self.value[self.value.len() - 4..]
    }

    /// The key of the HMAC: the whole text with its prefix. Source: docs.stripe.com/webhooks/signature.
    pub(super) fn key(&self) -> &[u8] {
        self.value.as_bytes()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({}, {PREFIX}…{})", self.name, self.last4())
    }
}

/// Why a text is no signing secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("webhook signing secret “{name}”: {fault}")]
pub struct SecretError {
    /// Which of the secrets, by its name or its number.
    pub name: String,
    /// What is wrong with it.
    pub fault: SecretFault,
}

/// What can be wrong with a signing secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretFault {
    /// No value.
    #[error("it is empty, and anybody could sign with an empty secret")]
    Empty,
    /// A space or line end crept in.
    #[error("it contains white space; copy it again without line ends")]
    Whitespace,
    /// An API key instead.
    #[error("this is an API key; the signing secret of the webhook endpoint begins with whsec_")]
    ApiKey,
    /// Something else.
    #[error(
        "a signing secret begins with whsec_; Stripe shows it on the webhook endpoint's page, `stripe listen` prints its own"
    )]
    Prefix,
    /// Hardly anything after the prefix.
    #[error("it is cut off or not plain text after whsec_")]
    CutOff,
    /// A name that would spoil messages.
    #[error("its name must be 1 to 40 letters, digits, spaces, or any of - _ . (write name=whsec_…)")]
    Name,
}
