//! Staff passwords: argon2id off the async threads, at most two at a time, and the few rules for choosing one.
//!
//! Parameters are the OWASP Password Storage Cheat Sheet's; the rules are NIST SP 800-63B's: length, and none of those that are
//! guessed first (the 30,000 most common ones, whose it is, and slight changes of them); no demands on composition.

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
    #[error(
        "This is one of the passwords that are guessed first; choose another, such as four words that do not belong together."
    )]
    TooCommon,
}

/// Guesses that a password has to hold out: above the length of the lists that attackers begin with. Sign-in is throttled, and a stolen
/// hash is slow; more is the choice of who chooses.
const MIN_GUESSES: u64 = 100_000;

/// Whether a password may be chosen. `whose` are the words about a person that others know: the e-mail address, the name.
///
/// # Errors
/// The rule it breaks.
pub fn check(password: &str, whose: &[&str]) -> Result<(), PolicyError> {
    let chars = password.chars().count();
    if chars < MIN_CHARS {
        return Err(PolicyError::TooShort);
    }
    if chars > MAX_CHARS {
        return Err(PolicyError::TooLong);
    }
    let words = whose.iter().flat_map(|text| std::iter::once(*text).chain(text.split(|c: char| !c.is_alphanumeric())));
    let known: Vec<&str> = words.filter(|word| !word.is_empty()).chain(["tollkeeper", "stripe"]).collect();
    if zxcvbn::zxcvbn(password, &known).guesses() < MIN_GUESSES { Err(PolicyError::TooCommon) } else { Ok(()) }
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

/// Whether a hash was made with other parameters than a new one is.
#[must_use]
pub fn is_outdated(hash: &str) -> bool {
    let Ok(parsed) = PasswordHash::new(hash) else { return false };
    let of = Params::try_from(&parsed).map(|params| (params.m_cost(), params.t_cost(), params.p_cost()));
    of.is_ok_and(|of| of != PARAMS) || parsed.algorithm != Algorithm::Argon2id.ident()
}

/// In place of a hash: no password fits it. Whoever has it comes in by a link first.
pub const NONE: &str = "none";

/// Memory in KiB, passes, lanes: a minimum of the OWASP Password Storage Cheat Sheet.
const PARAMS: (u32, u32, u32) = (19_456, 2, 1);

/// Takes as long as [`verify`] for somebody who does not exist, so that time does not tell who does.
pub async fn verify_nobody(password: &str) {
    verify(password, NOBODY).await;
}

/// The hash of a password nobody has, with the parameters of [`hasher`].
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$7DZ0lWtDCwiv2pVYGZaj3eEcWeoyxIDKYZrMZXoXcbk";

fn hasher() -> anyhow::Result<Argon2<'static>> {
    let (memory, passes, lanes) = PARAMS;
    let params =
        Params::new(memory, passes, lanes, None).map_err(|error| anyhow::anyhow!("argon2 parameters: {error}"))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> anyhow::Result<T> {
    let _permit = HASHING.acquire().await?;
    Ok(tokio::task::spawn_blocking(work).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_and_commonness_are_the_only_rules() {
        assert_eq!(check("seven77", &[]), Err(PolicyError::TooShort));
        assert_eq!(check(&"ab".repeat(129), &[]), Err(PolicyError::TooLong));
        for common in ["PassWord123", "zzzzzzzzzz", "qwertyuiop", "1q2w3e4r5t", "iloveyou2", "Tollkeeper", "p@ssw0rd"] {
            assert_eq!(check(common, &[]), Err(PolicyError::TooCommon), "{common}");
        }
        for fine in ["nothing special here", "äöüßäöüßx", "mnbQ4!xk", &"long phrase ".repeat(20)] {
            assert_eq!(check(fine, &[]), Ok(()), "{fine}");
        }
    }

    #[test]
    fn whose_it_is_is_guessed_first() {
        assert_eq!(
            check("marguerite1", &["marguerite@example.com", "Marguerite Oyelaran"]),
            Err(PolicyError::TooCommon)
        );
        assert_eq!(check("Oyelaran!", &["marguerite@example.com", "Marguerite Oyelaran"]), Err(PolicyError::TooCommon));
        assert_eq!(check("Oyelaran!", &[]), Ok(()));
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
    fn a_hash_of_other_parameters_is_outdated() {
        let params = Params::new(8_192, 1, 1, None).unwrap();
        let weaker = Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password(b"correct horse").unwrap();
        assert!(is_outdated(&weaker.to_string()));
        assert!(!is_outdated(NOBODY));
        assert!(!is_outdated(NONE));
    }

    #[test]
    fn the_hash_nobody_has_is_worked_through_like_any_other() {
        let parsed = PasswordHash::new(NOBODY).unwrap();
        let params = Params::try_from(&parsed).unwrap();
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (19_456, 2, 1));
        assert!(hasher().unwrap().verify_password(b"anything", &parsed).is_err());
    }
}
