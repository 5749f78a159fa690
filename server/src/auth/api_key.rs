//! API keys of the host application: `tk_test_…` and `tk_live_…`, a checksum at the end, only their SHA-256 stored.
//!
//! The checksum is that of GitHub's tokens (github.blog, 2021-04-05): six base62 digits of the CRC-32 of everything before them, so
//! that a mistyped key is refused without a look-up and a leaked one is found by scanners. Known keys are kept in memory for at most
//! a second between looks at the database, so that a check never waits for it and a revoked key stops within that second.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use domain::role::Scope;
use domain::{Livemode, Timestamp};
use http::{StatusCode, header, request::Parts};
use sha2::{Digest, Sha256};
use store::Store;
use store::records::ApiKeyRecord;

use crate::api::ApiState;
use crate::clock::Clock;
use crate::error::ApiError;

/// 32 characters of base62 are 190 bits.
const RANDOM: usize = 32;
const CHECKSUM: usize = 6;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Older than this, a key in memory is looked at again while it goes on being used.
const REFRESH_AFTER: Duration = Duration::from_millis(400);
/// Older than this, a key in memory is not used before it was looked at.
const STALE_AFTER: Duration = Duration::from_millis(900);
/// While the database does not answer nobody can revoke a key either, so known ones stay good for this long.
const GOOD_WITHOUT_DATABASE: Duration = Duration::from_secs(60);
/// `last_used_at` is kept to the minute.
const MINUTE: i64 = 60_000;

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
        last_used_at: None,
        revoked_at: None,
    };
    Ok((key, record))
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

/// A valid key, as handlers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyContext {
    /// `key_…`
    pub api_key_id: String,
    /// The mode the key decides.
    pub livemode: Livemode,
    /// What it may do.
    pub scope: Scope,
}

struct Known {
    key: Arc<KeyContext>,
    looked_at: RwLock<Instant>,
    refreshing: AtomicBool,
    /// The minute of the last use that was written down, in Unix milliseconds.
    noted: AtomicI64,
}

/// Keys that were used lately. Cheap to clone.
#[derive(Clone)]
pub struct KeyRing {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    known: Arc<RwLock<HashMap<Hash, Arc<Known>>>>,
}

impl KeyRing {
    /// Empty at first.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, known: Arc::default() }
    }

    /// The key behind a text when it was looked at a moment ago, and nothing has to be asked of the database.
    #[must_use]
    pub fn in_memory(&self, key: &str) -> Option<Arc<KeyContext>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&hash(key)).cloned()?;
        let age = known.looked_at.read().unwrap_or_else(PoisonError::into_inner).elapsed();
        (age <= REFRESH_AFTER).then(|| Arc::clone(&known.key))
    }

    /// The key behind a text, unless it is malformed, unknown or revoked.
    ///
    /// # Errors
    /// When the key is not in memory and the database cannot be read.
    pub async fn find(&self, key: &str) -> store::Result<Option<Arc<KeyContext>>> {
        if !is_well_formed(key) {
            return Ok(None);
        }
        let hash = hash(key);
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&hash).cloned();
        let Some(known) = known else { return self.look(hash, None).await };
        let age = known.looked_at.read().unwrap_or_else(PoisonError::into_inner).elapsed();
        if age > STALE_AFTER {
            return self.look(hash, Some(&known)).await;
        }
        if age > REFRESH_AFTER && !known.refreshing.swap(true, Ordering::AcqRel) {
            let (ring, known) = (self.clone(), Arc::clone(&known));
            tokio::spawn(async move {
                if let Err(error) = ring.look(hash, Some(&known)).await {
                    tracing::warn!("an API key could not be looked at again: {error}");
                }
                known.refreshing.store(false, Ordering::Release);
            });
        }
        Ok(Some(Arc::clone(&known.key)))
    }

    /// Asks the database, and notes the use.
    async fn look(&self, hash: Hash, known: Option<&Arc<Known>>) -> store::Result<Option<Arc<KeyContext>>> {
        let began = Instant::now();
        let record = match (self.store.api_key_by_hash(&hex::encode(hash)).await, known) {
            (Ok(record), _) => record.filter(|record| record.revoked_at.is_none()),
            (Err(error), Some(known)) => {
                let age = known.looked_at.read().unwrap_or_else(PoisonError::into_inner).elapsed();
                return if age < GOOD_WITHOUT_DATABASE { Ok(Some(Arc::clone(&known.key))) } else { Err(error) };
            }
            (Err(error), None) => return Err(error),
        };
        let Some(record) = record else {
            self.known.write().unwrap_or_else(PoisonError::into_inner).remove(&hash);
            return Ok(None);
        };
        let known = match known {
            Some(known) => {
                *known.looked_at.write().unwrap_or_else(PoisonError::into_inner) = began;
                Arc::clone(known)
            }
            None => self.keep(hash, &record, began),
        };
        self.note_use(&known).await;
        Ok(Some(Arc::clone(&known.key)))
    }

    fn keep(&self, hash: Hash, record: &ApiKeyRecord, looked_at: Instant) -> Arc<Known> {
        let known = Arc::new(Known {
            key: Arc::new(KeyContext {
                api_key_id: record.api_key_id.clone(),
                livemode: record.livemode,
                scope: record.scope,
            }),
            looked_at: RwLock::new(looked_at),
            refreshing: AtomicBool::new(false),
            noted: AtomicI64::new(record.last_used_at.map_or(0, Timestamp::millis)),
        });
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(hash, Arc::clone(&known));
        known
    }

    /// At most one write per key and minute. A failed one is no reason to refuse the request.
    async fn note_use(&self, known: &Known) {
        let now = self.clock.now();
        let minute = now.millis() - now.millis().rem_euclid(MINUTE);
        if known.noted.swap(minute, Ordering::AcqRel) >= minute {
            return;
        }
        let used = [(known.key.api_key_id.clone(), Timestamp::from_millis(minute))];
        if let Err(error) = self.store.touch_api_keys(&used).await {
            tracing::warn!("the use of an API key could not be noted: {error}");
        }
    }
}

/// The least scope a handler asks for, as a type.
pub trait Needs: Send + Sync {
    /// The scope.
    const SCOPE: Scope;
}

macro_rules! needs {
    ($($(#[$doc:meta])* $name:ident,)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;
        impl Needs for $name {
            const SCOPE: Scope = Scope::$name;
        }
    )*};
}

needs! {
    /// Access checks.
    Check,
    /// Every GET.
    Read,
    /// Changes.
    Write,
    /// The catalog.
    Admin,
}

/// A request with a valid key of at least this scope: a handler that takes it cannot forget to ask.
#[derive(Clone, Debug)]
pub struct Key<S> {
    context: Arc<KeyContext>,
    needs: PhantomData<S>,
}

impl<S> std::ops::Deref for Key<S> {
    type Target = KeyContext;

    fn deref(&self) -> &KeyContext {
        &self.context
    }
}

impl KeyContext {
    /// Refuses a scope below `scope`.
    ///
    /// # Errors
    /// 403, which names both scopes.
    pub fn require(&self, scope: Scope) -> Result<(), ApiError> {
        if self.scope >= scope {
            return Ok(());
        }
        let message = format!("This API key has the scope {}; this needs {}.", self.scope.as_str(), scope.as_str());
        Err(ApiError::new(StatusCode::FORBIDDEN, "scope_insufficient", message))
    }
}

impl<S: Needs> FromRequestParts<ApiState> for Key<S> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let refuse = |code, message| Err(ApiError::new(StatusCode::UNAUTHORIZED, code, message));
        let Some(value) = parts.headers.get(header::AUTHORIZATION) else {
            return refuse("api_key_missing", "No API key: send the header Authorization: Bearer tk_test_….");
        };
        let token = value.to_str().ok().and_then(|text| {
            let (scheme, token) = text.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        let Some(token) = token else {
            return refuse("api_key_invalid", "The Authorization header must be of the form Bearer tk_test_….");
        };
        match state.keys().find(token).await? {
            Some(context) => {
                context.require(S::SCOPE)?;
                Ok(Self { context, needs: PhantomData })
            }
            None => refuse("api_key_invalid", "This API key is mistyped, unknown or revoked."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
