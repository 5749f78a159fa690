//! Whether a webhook came from Stripe. Source: docs.stripe.com/webhooks/signature.
//!
//! The raw bytes are checked, before anything reads them: JSON that went through a parser no longer has the signature it came with.

mod header;
mod secret;
#[cfg(test)]
mod tests;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

pub use secret::{Secret, SecretError, SecretFault};

/// Name of the header with the signatures.
pub const HEADER: &str = "Stripe-Signature";
/// Stripe's own default tolerance between the time of the signature and ours, in seconds.
pub const DEFAULT_TOLERANCE_SECS: i64 = 300;

/// A webhook that one of the secrets signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Name of the secret that matched.
    pub secret_name: String,
    /// When Stripe signed it, in Unix seconds. Every retry is signed anew.
    pub timestamp: i64,
}

/// A webhook that is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Rejection {
    /// Which check failed.
    pub check: Check,
    /// What happened and what to do, for a person.
    pub message: String,
    /// Names of the secrets that were tried, in order.
    pub tried: Vec<String>,
}

/// The checks of a webhook's signature, in the order in which they are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Check {
    /// No signing secret is configured.
    NoSecret,
    /// The request has no `Stripe-Signature`.
    HeaderMissing,
    /// The header cannot be read.
    HeaderMalformed,
    /// None of the secrets made any of the signatures.
    SignatureMismatch,
    /// Rightly signed, longer ago than tolerated.
    TimestampTooOld,
    /// Rightly signed, further in the future than tolerated.
    TimestampInFuture,
}

impl Check {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::NoSecret,
        Self::HeaderMissing,
        Self::HeaderMalformed,
        Self::SignatureMismatch,
        Self::TimestampTooOld,
        Self::TimestampInFuture,
    ];

    /// A stable code for storage, metrics and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoSecret => "no_secret",
            Self::HeaderMissing => "header_missing",
            Self::HeaderMalformed => "header_malformed",
            Self::SignatureMismatch => "signature_mismatch",
            Self::TimestampTooOld => "timestamp_too_old",
            Self::TimestampInFuture => "timestamp_in_future",
        }
    }
}

/// Checks `body` against the header's `v1` signatures: any secret may match any of them, as Stripe sends one per active secret while a
/// secret is rolled. `now_secs` is this machine's time in Unix seconds; a signature exactly `tolerance_secs` away is still accepted.
///
/// The signature is checked before its time, so that a clock is blamed only for what Stripe really signed.
///
/// # Errors
/// The first check that failed, with a message that says what to do.
pub fn verify(
    body: &[u8],
    header: Option<&str>,
    secrets: &[Secret],
    now_secs: i64,
    tolerance_secs: i64,
) -> Result<Verified, Rejection> {
    let reject = |check: Check, message: String| {
        let tried = match check {
            Check::SignatureMismatch | Check::TimestampTooOld | Check::TimestampInFuture => {
                secrets.iter().map(|secret| secret.name.clone()).collect()
            }
            Check::NoSecret | Check::HeaderMissing | Check::HeaderMalformed => Vec::new(),
        };
        Rejection { check, message, tried }
    };
    if secrets.is_empty() {
        let message = "No webhook signing secret is configured, so nothing from Stripe can be believed. Set the whsec_… secret that Stripe \
                       shows on the webhook endpoint's page, or that `stripe listen` prints.";
        return Err(reject(Check::NoSecret, message.to_owned()));
    }
    let Some(header) = header else {
        let message = format!(
            "The request has no {HEADER} header. Stripe always sends one: this came from somewhere else, or a proxy removed the header."
        );
        return Err(reject(Check::HeaderMissing, message));
    };
    let parsed = header::parse(header).map_err(|fault| {
        let message = format!("The {HEADER} header cannot be read: {fault}. Stripe writes t=<seconds>,v1=<signature>.");
        reject(Check::HeaderMalformed, message)
    })?;
    let Some(secret) = signer(body, &parsed, secrets) else {
        let names = secrets.iter().map(|secret| secret.name.as_str()).collect::<Vec<_>>().join(", ");
        let message = format!(
            "None of the secrets tried ({names}) made this signature. Compare them with the signing secret on the webhook endpoint's page \
             in Stripe, or with the one `stripe listen` printed; each endpoint has its own, and test and live differ. If they agree, \
             something between Stripe and here changes the body."
        );
        return Err(reject(Check::SignatureMismatch, message));
    };
    let age = now_secs.saturating_sub(parsed.signed_at);
    if age > tolerance_secs {
        let message = format!(
            "The signature is right but was made {age} s ago by this machine's clock; {tolerance_secs} s are allowed. Stripe signs every \
             retry anew, so either this clock is ahead by about that much (check its synchronisation) or the request was recorded and \
             sent again."
        );
        return Err(reject(Check::TimestampTooOld, message));
    }
    if age < tolerance_secs.saturating_neg() {
        let ahead = age.saturating_neg();
        let message = format!(
            "The signature is right but was made {ahead} s in the future by this machine's clock; {tolerance_secs} s are allowed. This \
             clock is behind by about that much: check its synchronisation."
        );
        return Err(reject(Check::TimestampInFuture, message));
    }
    Ok(Verified { secret_name: secret.name.clone(), timestamp: parsed.signed_at })
}

/// The first secret that made one of the signatures. Every pair is compared, in constant time.
fn signer<'s>(body: &[u8], parsed: &header::Parsed<'_>, secrets: &'s [Secret]) -> Option<&'s Secret> {
    let mut found = None;
    for secret in secrets {
        // A key of any length is fine for HMAC, so nothing is skipped here.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.key()) else { continue };
        mac.update(parsed.signed_at_text.as_bytes());
        mac.update(b".");
        mac.update(body);
        let expected = mac.finalize().into_bytes();
        let mut matches = Choice::from(0);
        for signature in &parsed.signatures {
            matches |= expected.as_slice().ct_eq(signature);
        }
        if bool::from(matches) && found.is_none() {
            found = Some(secret);
        }
    }
    found
}
