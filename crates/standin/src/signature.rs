//! Webhook signatures, written from Stripe's description and not from our verifier, so that the two check each other.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The `Stripe-Signature` header value for `payload` at `timestamp` (Unix seconds): `t=…,v1=…` with HMAC-SHA256 over
/// `"{t}.{payload}"`, the whole `whsec_…` string being the key (docs.stripe.com/webhooks, "Verify manually").
pub fn sign(payload: &[u8], secret: &str, timestamp: i64) -> String {
    format!("t={timestamp},v1={}", digest(payload, secret, timestamp))
}

fn digest(payload: &[u8], secret: &str, timestamp: i64) -> String {
    // HMAC accepts keys of any length, so this cannot fail.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(timestamp.to_string().as_bytes());
    mac.update(b".");
    mac.update(payload);
    hex::encode(mac.finalize().into_bytes())
}
