//! Staff passwords: argon2id off the async threads, at most two at a time, and the few rules for choosing one.
//!
//! Parameters are the OWASP Password Storage Cheat Sheet's; the rules are NIST SP 800-63B's: length and a list of the most
//! common ones, no demands on composition.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

/// Fewest characters of a password.
pub const MIN_CHARS: usize = 8;
/// Most characters of a password: enough for any phrase, too few to keep a core busy with.
pub const MAX_CHARS: usize = 256;

/// A hash costs 19 MiB and tens of milliseconds of a core: more at a time would starve the webhooks.
static HASHING: Semaphore = Semaphore::const_new(2);

/// A password that must not be used, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Fewer than [`MIN_CHARS`] characters.
    #[error("The password needs at least {MIN_CHARS} characters; 15 or more are better.")]
    TooShort,
    /// More than [`MAX_CHARS`] characters.
    #[error("The password may have at most {MAX_CHARS} characters.")]
    TooLong,
    /// One of those that are guessed first.
    #[error("This is one of the most common passwords; choose another.")]
    TooCommon,
}

/// Whether a password may be chosen.
///
/// # Errors
/// The rule it breaks.
pub fn check(password: &str) -> Result<(), PolicyError> {
    let chars = password.chars().count();
    if chars < MIN_CHARS {
        return Err(PolicyError::TooShort);
    }
    if chars > MAX_CHARS {
        return Err(PolicyError::TooLong);
    }
    let lower = password.to_lowercase();
    let one_character = lower.chars().all(|c| lower.starts_with(c));
    if one_character || COMMON.contains(&lower.as_str()) { Err(PolicyError::TooCommon) } else { Ok(()) }
}

/// Hashes a password with a new salt, as a PHC string.
///
/// # Errors
/// When the system has no randomness to give or no memory for the hash.
pub async fn hash(password: &str) -> anyhow::Result<String> {
    let password = password.to_owned();
    off_thread(move || {
        let hash = hasher()?
            .hash_password(password.as_bytes())
            .map_err(|error| anyhow::anyhow!("cannot hash a password: {error}"))?;
        Ok(hash.to_string())
    })
    .await?
}

/// Whether the password is the one that was hashed. A hash that cannot be read fits no password.
pub async fn verify(password: &str, hash: &str) -> bool {
    let (password, hash) = (password.to_owned(), hash.to_owned());
    let checked = off_thread(move || {
        let Ok(parsed) = PasswordHash::new(&hash) else { return false };
        hasher().is_ok_and(|hasher| hasher.verify_password(password.as_bytes(), &parsed).is_ok())
    });
    checked.await.unwrap_or(false)
}

/// Takes as long as [`verify`] for somebody who does not exist, so that time does not tell who does.
pub async fn verify_nobody(password: &str) {
    verify(password, NOBODY).await;
}

/// The hash of a password nobody has, with the parameters of [`hasher`].
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$7DZ0lWtDCwiv2pVYGZaj3eEcWeoyxIDKYZrMZXoXcbk";

fn hasher() -> anyhow::Result<Argon2<'static>> {
    let params = Params::new(19_456, 2, 1, None).map_err(|error| anyhow::anyhow!("argon2 parameters: {error}"))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> anyhow::Result<T> {
    let _permit = HASHING.acquire().await?;
    Ok(tokio::task::spawn_blocking(work).await?)
}

/// The most common passwords of eight characters and more, in lower case, from published leaks.
const COMMON: [&str; 104] = [
    "12345678",
    "123456789",
    "1234567890",
    "12345678910",
    "123123123",
    "1234512345",
    "87654321",
    "987654321",
    "0987654321",
    "11223344",
    "112233445566",
    "123321123",
    "147258369",
    "147852369",
    "789456123",
    "963852741",
    "a1234567",
    "a12345678",
    "a123456789",
    "aa12345678",
    "aa123456",
    "abc12345",
    "abcd1234",
    "abcdefgh",
    "admin123",
    "admin1234",
    "administrator",
    "alexander",
    "asdf1234",
    "asdfasdf",
    "asdfghjk",
    "asdfghjkl",
    "azertyuiop",
    "babygirl",
    "baseball",
    "basketball",
    "bismillah",
    "blink182",
    "butterfly",
    "changeme",
    "changeme1",
    "changeme123",
    "charlie1",
    "chocolate",
    "computer",
    "cookie123",
    "corvette",
    "danielle",
    "demo1234",
    "elizabeth",
    "football",
    "football1",
    "formula1",
    "fuckyou1",
    "hello123",
    "iloveyou",
    "iloveyou1",
    "iloveyou2",
    "internet",
    "jennifer",
    "jessica1",
    "letmein1",
    "letmein123",
    "liverpool",
    "liverpool1",
    "master123",
    "maverick",
    "michael1",
    "michelle",
    "mustang1",
    "password",
    "password!",
    "password1",
    "password12",
    "password123",
    "password1234",
    "passw0rd",
    "p@ssw0rd",
    "p@ssword",
    "pokemon123",
    "princess",
    "princess1",
    "q1w2e3r4",
    "q1w2e3r4t5",
    "qazwsxedc",
    "qwer1234",
    "qwerty12",
    "qwerty123",
    "qwerty1234",
    "qwertyui",
    "qwertyuiop",
    "samantha",
    "secret123",
    "starwars",
    "sunshine",
    "sunshine1",
    "superman",
    "tollkeeper",
    "trustno1",
    "user1234",
    "welcome1",
    "welcome123",
    "whatever",
    "zaq12wsx",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_and_commonness_are_the_only_rules() {
        assert_eq!(check("seven77"), Err(PolicyError::TooShort));
        assert_eq!(check(&"ab".repeat(129)), Err(PolicyError::TooLong));
        assert_eq!(check("PassWord123"), Err(PolicyError::TooCommon));
        assert_eq!(check("zzzzzzzzzz"), Err(PolicyError::TooCommon));
        assert_eq!(check("nothing special here"), Ok(()));
        assert_eq!(check("äöüßäöüß"), Ok(()));
        assert_eq!(check(&"long phrase ".repeat(20)), Ok(()));
    }

    #[tokio::test]
    async fn a_hash_fits_its_own_password_only() {
        let hash = hash("correct horse").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify("correct horse", &hash).await);
        assert!(!verify("correct horsf", &hash).await);
        assert!(!verify("correct horse", "no hash").await);
    }

    #[test]
    fn the_hash_nobody_has_is_worked_through_like_any_other() {
        let parsed = PasswordHash::new(NOBODY).unwrap();
        let params = Params::try_from(&parsed).unwrap();
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (19_456, 2, 1));
        assert!(hasher().unwrap().verify_password(b"anything", &parsed).is_err());
    }
}
