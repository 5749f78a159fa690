//! The keys that were used lately, in memory: known for at most a second between looks at the database, so that a check never waits for
//! it, and a key that was revoked or changed is so within that second.
//!
//! A request takes no lock that all keys share: the keys lie in parts with a lock each, which only a key never seen before writes.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use domain::role::Scope;
use domain::{Livemode, Timestamp};
use store::Store;
use store::records::{ApiKeyRecord, ApiKeyUse};

use super::terms::{CHECK_RATE, REQUEST_RATE};
use super::{Hash, hash, is_well_formed};
use crate::auth::network::Networks;
use crate::auth::rate::{Bucket, Limit, Rate, Standing, Strangers, tick};
use crate::clock::Clock;

/// Older than this, a key in memory is looked at again while it goes on being used.
const REFRESH_AFTER: u64 = 400_000_000;
/// Older than this, a key in memory is not used before it was looked at.
const STALE_AFTER: u64 = 900_000_000;
/// While the database does not answer nobody can revoke a key either, so known ones stay good for this long.
const GOOD_WITHOUT_DATABASE: u64 = 60_000_000_000;
/// When a key was last used is kept to the minute.
const MINUTE: i64 = 60_000;
/// Uses wait this long for others, to be written down in one transaction.
const NOTED_AFTER: Duration = Duration::from_secs(1);
/// Parts of the memory. A power of two.
const PARTS: usize = 16;

/// What is asked for, as far as limits go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An access check, answered from memory.
    Check,
    /// Anything else.
    Request,
}

/// A known key, as handlers see it.
#[derive(Debug)]
pub struct KeyContext {
    /// `key_…`
    pub api_key_id: String,
    /// The mode the key decides.
    pub livemode: Livemode,
    /// What it may do.
    pub scope: Scope,
    expires_at: Option<Timestamp>,
    addresses: Networks,
    checks: Limit,
    requests: Limit,
    buckets: Arc<Buckets>,
}

/// They stay when the key's terms are changed.
#[derive(Debug, Default)]
struct Buckets {
    checks: Bucket,
    requests: Bucket,
}

impl KeyContext {
    fn new(record: &ApiKeyRecord, buckets: Arc<Buckets>) -> store::Result<Self> {
        let terms = &record.terms;
        // What cannot be read must not let everybody in.
        let addresses = Networks::parse(&terms.addresses.join(",")).map_err(|message| store::Error::Inconsistent {
            table: "api_key",
            column: "addresses",
            id: record.api_key_id.clone(),
            message,
        })?;
        let limit = |name, own: Option<u32>, otherwise| Limit::new(name, own.map_or(otherwise, Rate::of));
        Ok(Self {
            api_key_id: record.api_key_id.clone(),
            livemode: record.livemode,
            scope: record.scope,
            expires_at: terms.expires_at,
            addresses,
            checks: limit("checks", terms.check_rate, CHECK_RATE),
            requests: limit("requests", terms.request_rate, REQUEST_RATE),
            buckets,
        })
    }

    /// Whether it may be used from an address.
    #[must_use]
    pub fn allows(&self, from: IpAddr) -> bool {
        self.addresses.is_empty() || self.addresses.contains(from)
    }

    /// Takes one request from what the key may ask.
    #[must_use]
    pub fn take(&self, kind: Kind) -> Standing {
        match kind {
            Kind::Check => self.checks.take(&self.buckets.checks, tick()),
            Kind::Request => self.requests.take(&self.buckets.requests, tick()),
        }
    }

    fn has_ended(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

/// What a text that should be a key turned out to be.
#[derive(Debug)]
pub enum Found {
    /// A key that may be used from here and now.
    Key(Arc<KeyContext>),
    /// A key that ended at this time.
    Expired(Timestamp),
    /// A key that somebody ended.
    Revoked,
    /// A key that may not be used from this address.
    Elsewhere,
    /// No key: its checksum is wrong.
    Mistyped,
    /// Well formed, and no key of ours.
    Unknown,
    /// Not looked for: too many wrong ones came from this address.
    Flood(Standing),
}

struct Known {
    key: Arc<KeyContext>,
    record: ApiKeyRecord,
    /// When it was last looked at.
    looked_at: AtomicU64,
    refreshing: AtomicBool,
    /// The minute of the last use that was written down, in Unix milliseconds.
    noted: AtomicI64,
}

impl Known {
    fn age(&self) -> u64 {
        tick().saturating_sub(self.looked_at.load(Ordering::Acquire))
    }
}

/// Keys that were used lately. Cheap to clone.
#[derive(Clone)]
pub struct KeyRing(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    parts: [RwLock<HashMap<Hash, Arc<Known>>>; PARTS],
    strangers: Strangers,
    /// Uses that wait to be written down.
    uses: Mutex<Vec<ApiKeyUse>>,
}

impl KeyRing {
    /// Empty at first.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        let parts = std::array::from_fn(|_| RwLock::default());
        Self(Arc::new(Inner { store, clock, parts, strangers: Strangers::with_wrong_keys(), uses: Mutex::default() }))
    }

    /// Learns of every key there is, so that no flood of wrong ones keeps those in use from being heard after a start.
    pub async fn warm(&self) {
        let began = tick();
        let records = match self.0.store.api_keys().await {
            Ok(records) => records,
            Err(error) => return tracing::warn!("the API keys could not be read yet: {error}"),
        };
        for record in records {
            let mut hash = Hash::default();
            if hex::decode_to_slice(&record.key_hash, &mut hash).is_err() {
                continue;
            }
            if let Err(error) = self.keep(hash, record, began) {
                tracing::warn!("an API key cannot be used: {error}");
            }
        }
    }

    fn part(&self, hash: &Hash) -> &RwLock<HashMap<Hash, Arc<Known>>> {
        &self.0.parts[usize::from(hash[0]) % PARTS]
    }

    fn known(&self, hash: &Hash) -> Option<Arc<Known>> {
        self.part(hash).read().unwrap_or_else(PoisonError::into_inner).get(hash).cloned()
    }

    /// The key behind a text when it was looked at a moment ago, nothing has to be asked of the database, and it may be used.
    #[must_use]
    pub fn in_memory(&self, key: &str, from: IpAddr, now: Timestamp) -> Option<Arc<KeyContext>> {
        let known = self.known(&hash(key))?;
        let is_good = known.age() <= REFRESH_AFTER
            && known.record.revoked_at.is_none()
            && !known.key.has_ended(now)
            && known.key.allows(from);
        is_good.then(|| Arc::clone(&known.key))
    }

    /// What a text is, sent from an address.
    ///
    /// # Errors
    /// When it is not in memory and the database cannot be read.
    pub async fn find(&self, key: &str, from: IpAddr) -> store::Result<Found> {
        let hash = hash(key);
        if let Some(known) = self.known(&hash) {
            let known = self.fresh(hash, known).await?;
            return Ok(known.map_or(Found::Unknown, |known| self.judge(&known, from)));
        }
        let standing = self.0.strangers.begin(from, tick());
        if !standing.taken.allowed {
            return Ok(Found::Flood(standing));
        }
        if !is_well_formed(key) {
            return Ok(Found::Mistyped);
        }
        let looked = self.look(hash, None).await;
        // Neither a good key nor a database that does not answer is the fault of who asks.
        if !matches!(looked, Ok(None)) {
            self.0.strangers.forgive(from);
        }
        Ok(looked?.map_or(Found::Unknown, |known| self.judge(&known, from)))
    }

    fn judge(&self, known: &Arc<Known>, from: IpAddr) -> Found {
        if known.record.revoked_at.is_some() {
            return Found::Revoked;
        }
        if let Some(end) = known.key.expires_at.filter(|_| known.key.has_ended(self.0.clock.now())) {
            return Found::Expired(end);
        }
        if !known.key.allows(from) {
            return Found::Elsewhere;
        }
        self.note_use(known, from);
        Found::Key(Arc::clone(&known.key))
    }

    /// A known key as it is now; none when it is gone.
    async fn fresh(&self, hash: Hash, known: Arc<Known>) -> store::Result<Option<Arc<Known>>> {
        let age = known.age();
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
        Ok(Some(known))
    }

    /// Asks the database.
    async fn look(&self, hash: Hash, known: Option<&Arc<Known>>) -> store::Result<Option<Arc<Known>>> {
        let began = tick();
        let record = match (self.0.store.api_key_by_hash(&hex::encode(hash)).await, known) {
            (Ok(record), _) => record,
            (Err(_), Some(known)) if known.age() < GOOD_WITHOUT_DATABASE => return Ok(Some(Arc::clone(known))),
            (Err(error), _) => return Err(error),
        };
        let Some(record) = record else {
            self.part(&hash).write().unwrap_or_else(PoisonError::into_inner).remove(&hash);
            return Ok(None);
        };
        if let Some(known) = known.filter(|known| is_as_before(&known.record, &record)) {
            known.looked_at.fetch_max(began, Ordering::AcqRel);
            return Ok(Some(Arc::clone(known)));
        }
        self.keep(hash, record, began).map(Some)
    }

    /// Remembers a key as it is now; what it has asked lately still counts.
    fn keep(&self, hash: Hash, record: ApiKeyRecord, looked_at: u64) -> store::Result<Arc<Known>> {
        let mut part = self.part(&hash).write().unwrap_or_else(PoisonError::into_inner);
        let before = part.get(&hash);
        // Somebody who began to look later may have been quicker.
        if let Some(newer) = before.filter(|known| known.looked_at.load(Ordering::Acquire) > looked_at) {
            return Ok(Arc::clone(newer));
        }
        let buckets = before.map_or_else(Arc::default, |known| Arc::clone(&known.key.buckets));
        let noted = record.last_used_at.map_or(0, Timestamp::millis);
        let noted = before.map_or(noted, |known| known.noted.load(Ordering::Acquire).max(noted));
        let known = Arc::new(Known {
            key: Arc::new(KeyContext::new(&record, buckets)?),
            record,
            looked_at: AtomicU64::new(looked_at),
            refreshing: AtomicBool::new(false),
            noted: AtomicI64::new(noted),
        });
        part.insert(hash, Arc::clone(&known));
        Ok(known)
    }

    /// At most one write per key and minute, and one for all keys of a second. A failed one is no reason to refuse the request.
    fn note_use(&self, known: &Known, from: IpAddr) {
        let now = self.0.clock.now();
        let at = now.plus_millis(-now.millis().rem_euclid(MINUTE));
        if known.noted.swap(at.millis(), Ordering::AcqRel) >= at.millis() {
            return;
        }
        let used = ApiKeyUse { api_key_id: known.key.api_key_id.clone(), at, from: from.to_canonical().to_string() };
        let mut uses = self.0.uses.lock().unwrap_or_else(PoisonError::into_inner);
        uses.push(used);
        if uses.len() == 1 {
            let ring = self.clone();
            tokio::spawn(async move {
                tokio::time::sleep(NOTED_AFTER).await;
                let uses = std::mem::take(&mut *ring.0.uses.lock().unwrap_or_else(PoisonError::into_inner));
                if let Err(error) = ring.0.store.touch_api_keys(&uses).await {
                    tracing::warn!("the use of API keys could not be noted: {error}");
                }
            });
        }
    }
}

/// Whether nothing has changed but when and from where it was used.
fn is_as_before(known: &ApiKeyRecord, now: &ApiKeyRecord) -> bool {
    known.terms == now.terms && known.revoked_at == now.revoked_at && known.scope == now.scope
}
