//! The second factor: codes of an authenticator as RFC 6238 makes them, and recovery codes for who has lost it.

use anyhow::Context as _;
use domain::Timestamp;
use store::SecondFactor;
use store::records::Author;
use totp_rs::{Builder, Secret, Totp};

use super::setup::sha256_hex;
use crate::state::AppState;

/// Recovery codes that are made at once.
pub const CODES: usize = 10;
/// How long a seed waits for its first code, in milliseconds.
pub const SET_UP_FOR: i64 = 30 * 60 * 1000;
/// Bytes of a seed: as many as SHA-1, which every authenticator knows, makes use of.
const SEED: usize = 20;
/// Bytes of a recovery code: nobody guesses 120 bits, so that a plain hash of it will do.
const RECOVERY: usize = 15;

fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    Ok(bytes)
}

/// A new seed.
///
/// # Errors
/// When the system has no randomness to give.
pub fn new_seed() -> anyhow::Result<[u8; SEED]> {
    random()
}

/// Six digits, each half a minute others; those of the half minute before and after count as well.
fn totp(seed: &[u8]) -> anyhow::Result<Totp> {
    Builder::new().with_secret(seed.to_vec()).build().context("while reading a seed")
}

/// The step whose code this is, near now.
///
/// # Errors
/// When the seed is none.
pub fn step_of(seed: &[u8], code: &str, now: Timestamp) -> anyhow::Result<Option<i64>> {
    let code: String = code.chars().filter(|letter| !letter.is_whitespace()).collect();
    if code.len() != 6 || !code.bytes().all(|digit| digit.is_ascii_digit()) {
        return Ok(None);
    }
    let seconds = u64::try_from(now.millis() / 1000)?;
    Ok(totp(seed)?.check(&code, seconds).map(i64::try_from).transpose()?)
}

/// The code of a moment, for tests and for nothing else.
///
/// # Errors
/// When the seed is none.
pub fn code_at(seed: &[u8], now: Timestamp) -> anyhow::Result<String> {
    Ok(totp(seed)?.generate(u64::try_from(now.millis() / 1000)?).to_string())
}

/// The seed as authenticators let people type it.
#[must_use]
pub fn key_text(seed: &[u8]) -> String {
    Secret::from(seed.to_vec()).to_base32()
}

/// The address that authenticators read: <https://github.com/google/google-authenticator/wiki/Key-Uri-Format>.
#[must_use]
pub fn address(seed: &[u8], email: &str, host: &str) -> String {
    let encoded = crate::admin::customers::encoded;
    let issuer = format!("Tollkeeper {}", host.replace(':', " "));
    format!(
        "otpauth://totp/{}:{}?secret={}&issuer={}&algorithm=SHA1&digits=6&period=30",
        encoded(&issuer),
        encoded(email),
        key_text(seed),
        encoded(&issuer)
    )
}

/// Whether this seed waits for its first code, in the session that began it.
#[must_use]
pub fn waits(factor: &SecondFactor, session_hash: &str, now: Timestamp) -> bool {
    factor.confirmed_at.is_none()
        && factor.session_hash.as_deref() == Some(session_hash)
        && now.millis() - factor.created_at.millis() < SET_UP_FOR
}

/// New recovery codes: as they are shown this once, and their hashes.
///
/// # Errors
/// When the system has no randomness to give.
pub fn new_codes(staff_id: &str) -> anyhow::Result<(Vec<String>, Vec<String>)> {
    let codes = (0..CODES).map(|_| recovery_code()).collect::<anyhow::Result<Vec<_>>>()?;
    let hashes = codes.iter().map(|code| code_hash(staff_id, code)).collect();
    Ok((codes, hashes))
}

fn recovery_code() -> anyhow::Result<String> {
    let letters = Secret::from(random::<RECOVERY>()?.to_vec()).to_base32().to_lowercase();
    let groups: Vec<&str> = letters.as_bytes().chunks(6).filter_map(|group| std::str::from_utf8(group).ok()).collect();
    Ok(groups.join("-"))
}

/// However it was typed: white space, dashes and case do not count.
fn code_hash(staff_id: &str, code: &str) -> String {
    let letters: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    sha256_hex(&format!("{staff_id}:{}", letters.to_lowercase()))
}

/// Uses a code of the authenticator. `false` when it is wrong or was used before.
///
/// # Errors
/// When the database or the key that decrypts the seed fails.
pub async fn use_code(
    state: &AppState,
    staff_id: &str,
    factor: &SecondFactor,
    code: &str,
    now: Timestamp,
) -> anyhow::Result<bool> {
    let seed = state.vault.open(&factor.seed, staff_id)?;
    let Some(step) = step_of(&seed, code, now)? else { return Ok(false) };
    if !state.store.use_step(staff_id, &factor.seed, step).await? {
        return Ok(false);
    }
    if !state.vault.is_current(&factor.seed)? {
        let renewed = state.vault.seal(&seed, staff_id)?;
        state.store.reseal_second_factor(staff_id, &factor.seed, &renewed).await?;
    }
    Ok(true)
}

/// Uses a recovery code. `false` when it is wrong or was used before.
///
/// # Errors
/// When the database fails.
pub async fn use_recovery_code(state: &AppState, staff_id: &str, code: &str, author: &Author) -> store::Result<bool> {
    // Nobody's code is longer.
    if code.len() > 100 {
        return Ok(false);
    }
    state.store.use_recovery_code(staff_id, &code_hash(staff_id, code), author).await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B: the last six of its eight digits.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let seed = b"12345678901234567890";
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let at = Timestamp::from_millis(seconds * 1000);
            assert_eq!(code_at(seed, at).unwrap(), code);
            let step = |shift: i64| step_of(seed, code, at.plus_millis(shift)).unwrap();
            assert_eq!(step(0), Some(seconds / 30));
            assert_eq!((step(30_000), step(-30_000)), (Some(seconds / 30), Some(seconds / 30)));
            assert_eq!(step(61_000), None);
            if seconds > 100 {
                assert_eq!(step(-89_000), None);
            }
        }
    }

    #[test]
    fn spaces_do_not_count_and_what_is_no_code_is_none() {
        let (seed, at) = (b"12345678901234567890", Timestamp::from_millis(59_000));
        assert_eq!(step_of(seed, " 287 082 ", at).unwrap(), Some(1));
        for wrong in ["", "287081", "28708", "2870822", "28708２", "abcdef", "-87082", "+87082"] {
            assert_eq!(step_of(seed, wrong, at).unwrap(), None, "{wrong}");
        }
    }

    #[test]
    fn recovery_codes_differ_and_are_known_however_they_are_typed() {
        let (codes, hashes) = new_codes("stf_1").unwrap();
        assert_eq!((codes.len(), hashes.len()), (CODES, CODES));
        assert!(codes.iter().all(|code| code.len() == 27), "{codes:?}");
        assert_eq!(codes.iter().collect::<std::collections::HashSet<_>>().len(), CODES);
        assert_eq!(code_hash("stf_1", &format!(" {} ", codes[0].to_uppercase().replace('-', " "))), hashes[0]);
        assert_ne!(code_hash("stf_2", &codes[0]), hashes[0]);
    }

    #[test]
    fn the_address_names_issuer_and_account() {
        let address = address(b"12345678901234567890", "ada+x@example.com", "toll.example:3000");
        let url = url::Url::parse(&address).unwrap();
        assert_eq!(url.scheme(), "otpauth");
        assert!(address.contains("secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&"), "{address}");
        let issuer = url.query_pairs().find(|(name, _)| name == "issuer").unwrap().1.into_owned();
        assert_eq!(issuer, "Tollkeeper toll.example 3000");
    }
}
