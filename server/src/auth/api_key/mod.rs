//! API keys of the host application: `tk_test_…` and `tk_live_…`, a checksum at the end, only their SHA-256 stored.
//!
//! The checksum is that of GitHub's tokens (github.blog, 2021-04-05): six base62 digits of the CRC-32 of everything before them, so
//! that a mistyped key is refused without a look-up and a leaked one is found by scanners.

mod guard;
mod ring;
mod terms;

use domain::role::Scope;
use domain::{Livemode, Timestamp};
use sha2::{Digest, Sha256};
use store::records::{ApiKeyRecord, ApiKeyTerms};

pub use self::guard::{Admin, Check, Key, Needs, Read, Write, guard};
pub use self::ring::{Found, KeyContext, KeyRing, Kind};
pub use self::terms::{CHECK_RATE, MOST_RATE, REQUEST_RATE, expiry, rate};

/// 32 characters of base62 are 190 bits.
const RANDOM: usize = 32;
const CHECKSUM: usize = 6;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Makes a key: the text to hand out once, and the record to store.
///
/// # Errors
/// When the system has no randomness to give.
pub fn create(
    name: &str,
    livemode: Livemode,
    scope: Scope,
    created_by: &str,
    now: Timestamp,
) -> anyhow::Result<(String, ApiKeyRecord)> {
    let mut key = format!("tk_{livemode}_");
    while key.len() < prefix_len(livemode) + RANDOM {
        let mut bytes = [0_u8; 64];
        getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
        // 248 is the greatest multiple of 62 in a byte: the rest would make some digits likelier.
        let digits = bytes.iter().filter(|byte| **byte < 248).map(|byte| char::from(BASE62[usize::from(byte % 62)]));
        let wanted = prefix_len(livemode) + RANDOM - key.len();
        key.extend(digits.take(wanted));
    }
    key.push_str(&checksum(&key));
    let record = ApiKeyRecord {
        api_key_id: crate::ids::new("key"),
        name: name.to_owned(),
        livemode,
        scope,
        key_hash: hex::encode(hash(&key)),
        prefix: key[..prefix_len(livemode) + 4].to_owned(),
        last4: key[key.len() - 4..].to_owned(),
        created_at: now,
        created_by: created_by.to_owned(),
        terms: ApiKeyTerms::default(),
        last_used_at: None,
        last_used_from: None,
        revoked_at: None,
        replaces: None,
        replaced_by: None,
    };
    Ok((key, record))
}

/// Makes a key that takes the place of another, with all that it may, and lasts as long as that one was meant to.
///
/// # Errors
/// When the system has no randomness to give.
pub fn successor(old: &ApiKeyRecord, created_by: &str, now: Timestamp) -> anyhow::Result<(String, ApiKeyRecord)> {
    let (key, record) = create(&old.name, old.livemode, old.scope, created_by, now)?;
    let lasted = old.terms.expires_at.map(|end| end.millis() - old.created_at.millis());
    let terms = ApiKeyTerms { expires_at: lasted.map(|millis| now.plus_millis(millis)), ..old.terms.clone() };
    Ok((key, ApiKeyRecord { terms, replaces: Some(old.api_key_id.clone()), ..record }))
}

const fn prefix_len(livemode: Livemode) -> usize {
    "tk__".len() + livemode.as_str().len()
}

/// Whether a text can be one of our keys.
#[must_use]
pub fn is_well_formed(key: &str) -> bool {
    let Some(rest) = key.strip_prefix("tk_test_").or_else(|| key.strip_prefix("tk_live_")) else { return false };
    if !(24 + CHECKSUM..=120).contains(&rest.len()) || !rest.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return false;
    }
    let (body, sum) = key.split_at(key.len() - CHECKSUM);
    checksum(body) == sum
}

/// CRC-32 in base62, six digits, the most significant first.
fn checksum(text: &str) -> String {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut digits = [b'0'; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[usize::try_from(rest % 62).unwrap_or(0)];
        rest /= 62;
    }
    digits.iter().copied().map(char::from).collect()
}

type Hash = [u8; 32];

fn hash(key: &str) -> Hash {
    Sha256::digest(key.as_bytes()).into()
}

/// A text that may hold a key where none belongs, such as an address that was asked for, without it.
#[must_use]
pub fn without_keys(text: &str) -> std::borrow::Cow<'_, str> {
    if !text.contains("tk_") {
        return text.into();
    }
    let mut rest = text;
    let mut shown = String::with_capacity(text.len());
    while let Some(at) = rest.find("tk_") {
        let (before, key) = rest.split_at(at);
        let end = key.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(key.len());
        shown.push_str(before);
        shown.push_str("tk_…");
        rest = &key[end..];
    }
    shown.push_str(rest);
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_new_key_is_well_formed_and_says_its_mode() {
        for livemode in Livemode::ALL {
            let (key, record) = create("app", livemode, Scope::Check, "cli", Timestamp::from_secs(1)).unwrap();
            assert!(is_well_formed(&key), "{key}");
            assert!(key.starts_with(&format!("tk_{livemode}_")));
            assert_eq!(key.len(), prefix_len(livemode) + RANDOM + CHECKSUM);
            assert!(key.starts_with(&record.prefix) && key.ends_with(&record.last4));
            assert_eq!(record.key_hash, crate::auth::setup::sha256_hex(&key));
        }
    }

    #[test]
    fn one_wrong_character_anywhere_is_noticed() {
        let (key, _) = create("app", Livemode::Test, Scope::Check, "cli", Timestamp::from_secs(1)).unwrap();
        for i in 0..key.len() {
            let other = if key.as_bytes()[i] == b'x' { "y" } else { "x" };
            let mut wrong = key.clone();
            wrong.replace_range(i..=i, other);
            assert!(!is_well_formed(&wrong), "{wrong}");
        }
        for wrong in
            ["", "tk_test_", "tk_test_000000", "sk_test_abc", &key[..key.len() - 1], &format!("{key}0"), "tk_live_ä"]
        {
            assert!(!is_well_formed(wrong), "{wrong}");
        }
    }

    #[test]
    fn the_checksum_is_crc32_in_base62() {
        // CRC-32 of "123456789" is 0xCBF43926 = 3421780262, the check value of the algorithm.
        assert_eq!(checksum("123456789"), "3jZRME");
    }

    #[test]
    fn keys_are_left_out_of_what_is_told() {
        assert!(matches!(without_keys("/v1/access"), std::borrow::Cow::Borrowed("/v1/access")));
        assert_eq!(without_keys("/v1/tk_test_abc123/x?k=tk_live_ü&tk_"), "/v1/tk_…/x?k=tk_…ü&tk_…");
        assert_eq!(without_keys("/%74tk_test_abc"), "/%74tk_…");
    }

    proptest! {
        #[test]
        fn no_mistake_of_one_or_two_characters_or_of_their_order_is_taken_for_a_key(
            seed in "[0-9A-Za-z]{32}", livemode: bool, at in 0_usize..46, other in 0_usize..46, one in 0_usize..62, two in 0_usize..62,
        ) {
            let body = format!("tk_{}_{seed}", Livemode::from_bool(livemode));
            let key = format!("{body}{}", checksum(&body));
            prop_assert!(is_well_formed(&key));
            let mut wrong = key.clone().into_bytes();
            wrong[at] = BASE62[one];
            wrong[other] = BASE62[two];
            let wrong = String::from_utf8(wrong).unwrap();
            prop_assert_eq!(is_well_formed(&wrong), wrong == key, "{}", wrong);
            let mut swapped = key.clone().into_bytes();
            swapped.swap(at, (at + 1) % 46);
            let swapped = String::from_utf8(swapped).unwrap();
            prop_assert_eq!(is_well_formed(&swapped), swapped == key, "{}", swapped);
            prop_assert!(!is_well_formed(&key[..at]));
        }

        #[test]
        fn any_text_can_be_asked_about(text in "\\PC{0,130}") {
            let _ = (is_well_formed(&text), without_keys(&text));
        }

        #[test]
        fn keys_differ_and_are_what_they_should_be(livemode: bool) {
            let livemode = Livemode::from_bool(livemode);
            let make = || create("app", livemode, Scope::Check, "cli", Timestamp::from_secs(1)).unwrap().0;
            let (one, other) = (make(), make());
            prop_assert_ne!(&one, &other);
            let secret = &one[prefix_len(livemode)..];
            prop_assert!(secret.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            // 131 bits at the least: 22 digits of base62.
            prop_assert!(secret.len() - CHECKSUM >= 22);
            let path = format!("/v1/{one}");
            prop_assert_eq!(without_keys(&path), "/v1/tk_…");
        }
    }
}
