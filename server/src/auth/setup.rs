//! The one-time link that makes the first owner: there is no default account.

use domain::Timestamp;
use sha2::{Digest, Sha256};
use store::Store;

/// How long a link can be used, in milliseconds.
pub const VALID_FOR: i64 = 30 * 60 * 1000;

/// Makes a link's token, replacing earlier ones; only its SHA-256 is stored.
///
/// # Errors
/// When the system has no randomness to give, or the database cannot be written.
pub async fn issue(store: &dyn Store, now: Timestamp) -> anyhow::Result<String> {
    let token = random_token()?;
    store.put_setup_link(&sha256_hex(&token), now.plus_millis(VALID_FOR)).await?;
    Ok(token)
}

/// Whether the token opens the setup page.
///
/// # Errors
/// When the database cannot be read.
pub async fn is_valid(store: &dyn Store, token: &str, now: Timestamp) -> store::Result<bool> {
    store.setup_link_is_valid(&sha256_hex(token), now).await
}

/// The link of a token.
#[must_use]
pub fn link(public_url: &str, token: &str) -> String {
    format!("{}/admin/setup?token={token}", public_url.trim_end_matches('/'))
}

/// 32 random bytes in hexadecimal.
///
/// # Errors
/// When the system has no randomness to give.
pub fn random_token() -> anyhow::Result<String> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    Ok(hex::encode(bytes))
}

/// SHA-256 in hexadecimal: enough for what is random already.
#[must_use]
pub fn sha256_hex(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_and_never_the_same() {
        let (a, b) = (random_token().unwrap(), random_token().unwrap());
        assert_eq!(a.len(), 64);
        assert_ne!(a, b);
    }

    #[test]
    fn the_link_follows_the_public_url() {
        assert_eq!(link("https://toll.example/", "ab"), "https://toll.example/admin/setup?token=ab");
    }

    #[test]
    fn the_hash_is_sha_256() {
        assert_eq!(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
