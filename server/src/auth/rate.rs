//! How often somebody may ask. A bucket of tokens is one number, changed without a lock: the moment at which it will be full again.
//!
//! Memory is bounded: an API key has its buckets for as long as it is known, and those who have no good key share a table of fixed size.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use http::{HeaderMap, HeaderName, HeaderValue, header};

const SECOND: u64 = 1_000_000_000;
/// Buckets of those without a good key; two of their addresses seldom share one, and the worst of it is to be refused early.
const STRANGERS: usize = 16_384;
/// Wrong keys from one address.
const WRONG_KEYS: Rate = Rate { per_second: 10, burst: 100 };
/// Beginnings of a sign-in with a passkey from one address, each of which is kept for some minutes. Many people may share an office's.
const PASSKEY_ASKS: Rate = Rate { per_second: 2, burst: 60 };

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Nanoseconds on a clock that only goes forward.
#[must_use]
pub fn tick() -> u64 {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(BEGAN.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// What a bucket holds and what it regains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Tokens it regains in a second; at least one.
    pub per_second: u32,
    /// Tokens it holds; at least one.
    pub burst: u32,
}

impl Rate {
    /// So many a second, and those of two seconds at once.
    #[must_use]
    pub const fn of(per_second: u32) -> Self {
        let per_second = if per_second == 0 { 1 } else { per_second };
        Self { per_second, burst: per_second.saturating_mul(2) }
    }

    const fn step(self) -> u64 {
        SECOND / self.per_second as u64
    }

    const fn room(self) -> u64 {
        self.step() * self.burst as u64
    }
}

/// Tokens.
#[derive(Debug, Default)]
pub struct Bucket {
    full_at: AtomicU64,
}

/// What became of asking for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Whether there was one.
    pub allowed: bool,
    /// How many are left.
    pub remaining: u64,
    /// Seconds until the bucket is full again; where there was none, until there is one.
    pub seconds: u64,
}

impl Bucket {
    /// Takes a token, if there is one.
    pub fn take(&self, rate: Rate, now: u64) -> Taken {
        let (step, room) = (rate.step(), rate.room());
        let mut full_at = self.full_at.load(Ordering::Relaxed);
        loop {
            let next = full_at.max(now) + step;
            if next - now > room {
                return Taken { allowed: false, remaining: 0, seconds: (next - now - room).div_ceil(SECOND) };
            }
            match self.full_at.compare_exchange_weak(full_at, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => {
                    let used = next - now;
                    return Taken { allowed: true, remaining: (room - used) / step, seconds: used.div_ceil(SECOND) };
                }
                Err(meanwhile) => full_at = meanwhile,
            }
        }
    }

    /// Gives back a token that was taken.
    pub fn give_back(&self, rate: Rate) {
        // Never below zero: what is taken has moved it up by as much.
        self.full_at.fetch_sub(rate.step(), Ordering::Relaxed);
    }
}

/// A limit with the name that answers call it by (draft-ietf-httpapi-ratelimit-headers-10).
#[derive(Debug)]
pub struct Limit {
    name: &'static str,
    rate: Rate,
    policy: HeaderValue,
}

/// How somebody stands with a limit.
#[derive(Clone, Debug)]
pub struct Standing {
    /// What became of asking.
    pub taken: Taken,
    name: &'static str,
    policy: HeaderValue,
}

impl Limit {
    /// A limit.
    #[must_use]
    pub fn new(name: &'static str, rate: Rate) -> Self {
        let window = rate.burst.div_ceil(rate.per_second);
        let policy = HeaderValue::try_from(format!("\"{name}\";q={};w={window}", rate.burst));
        Self { name, rate, policy: policy.unwrap_or_else(|_| HeaderValue::from_static("")) }
    }

    /// What it allows.
    #[must_use]
    pub const fn rate(&self) -> Rate {
        self.rate
    }

    /// Takes a token from a bucket under this limit.
    #[must_use]
    pub fn take(&self, bucket: &Bucket, now: u64) -> Standing {
        Standing { taken: bucket.take(self.rate, now), name: self.name, policy: self.policy.clone() }
    }
}

impl Standing {
    /// Tells it in an answer's headers; when it was refused, also when to come again.
    pub fn write(self, headers: &mut HeaderMap) {
        let Self { taken, name, policy } = self;
        let mut text = String::with_capacity(name.len() + 32);
        // Writing into a text cannot fail.
        let _ =
            std::fmt::Write::write_fmt(&mut text, format_args!("\"{name}\";r={};t={}", taken.remaining, taken.seconds));
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(RATE_LIMIT, value);
        }
        headers.insert(RATE_LIMIT_POLICY, policy);
        if !taken.allowed {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(taken.seconds));
        }
    }
}

/// Counts what those do who have not shown who they are, by the address they come from.
#[derive(Debug)]
pub struct Strangers {
    limit: Limit,
    hasher: RandomState,
    buckets: Box<[Bucket]>,
}

impl Strangers {
    /// Who comes with a wrong API key.
    #[must_use]
    pub fn with_wrong_keys() -> Self {
        Self::new(Limit::new("wrong-keys", WRONG_KEYS))
    }

    /// Who begins to sign in with a passkey.
    #[must_use]
    pub fn with_passkeys() -> Self {
        Self::new(Limit::new("passkeys", PASSKEY_ASKS))
    }

    fn new(limit: Limit) -> Self {
        let buckets = std::iter::repeat_with(Bucket::default).take(STRANGERS).collect();
        Self { limit, hasher: RandomState::new(), buckets }
    }

    /// Counts before it is looked whether that was right, so that many at once cannot slip through; [`Self::forgive`] takes it back.
    #[must_use]
    pub fn begin(&self, address: IpAddr, now: u64) -> Standing {
        self.limit.take(self.bucket(address), now)
    }

    /// It was a good one.
    pub fn forgive(&self, address: IpAddr) {
        self.bucket(address).give_back(self.limit.rate);
    }

    fn bucket(&self, address: IpAddr) -> &Bucket {
        // One customer of a provider has at least 64 bits of IPv6 to come from.
        let address = address.to_canonical();
        let whose = match address {
            IpAddr::V4(address) => u64::from(u32::from(address)),
            IpAddr::V6(address) => u64::try_from(u128::from(address) >> 64).unwrap_or_default(),
        };
        let hash = self.hasher.hash_one((address.is_ipv4(), whose));
        &self.buckets[usize::try_from(hash).unwrap_or_default() % STRANGERS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEN: Rate = Rate { per_second: 10, burst: 20 };

    fn taken(bucket: &Bucket, now: u64) -> (bool, u64, u64) {
        let Taken { allowed, remaining, seconds } = bucket.take(TEN, now);
        (allowed, remaining, seconds)
    }

    #[test]
    fn a_full_bucket_gives_its_burst_and_then_its_rate() {
        let (bucket, start) = (Bucket::default(), 5 * SECOND);
        assert_eq!(taken(&bucket, start), (true, 19, 1));
        for left in (0..19).rev() {
            assert_eq!(taken(&bucket, start).1, left);
        }
        assert_eq!(taken(&bucket, start), (false, 0, 1));
        let later = start + SECOND;
        assert_eq!((0..30).filter(|_| bucket.take(TEN, later).allowed).count(), 10);
        assert_eq!(taken(&bucket, later + 100 * SECOND), (true, 19, 1), "it holds no more than its burst");
    }

    #[test]
    fn who_is_refused_is_told_when_to_come_again_and_finds_a_token_then() {
        let (bucket, slow) = (Bucket::default(), Rate { per_second: 1, burst: 5 });
        while bucket.take(slow, 0).allowed {}
        let refused = bucket.take(slow, 0);
        assert_eq!((refused.remaining, refused.seconds), (0, 1));
        assert!(!bucket.take(slow, SECOND - 1).allowed);
        assert!(bucket.take(slow, SECOND).allowed);
        // Under a lower rate, what was taken before weighs more.
        let slower = Rate { per_second: 1, burst: 1 };
        assert_eq!(bucket.take(slower, SECOND).seconds, 5);
    }

    #[test]
    fn many_at_once_get_no_more_than_there_is() {
        let bucket = Bucket::default();
        let given: usize = std::thread::scope(|scope| {
            let take = || (0..1000).filter(|_| bucket.take(TEN, SECOND).allowed).count();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(take)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(given, 20);
    }

    proptest! {
        #[test]
        fn in_no_stretch_of_time_is_more_given_than_burst_and_rate(
            per_second in 1_u32..1000, burst in 1_u32..2000, pauses in prop::collection::vec(0_u64..SECOND / 4, 1..400),
        ) {
            let (bucket, rate) = (Bucket::default(), Rate { per_second, burst });
            let (mut now, mut given) = (SECOND, 0_u64);
            for pause in pauses {
                now += pause;
                given += u64::from(bucket.take(rate, now).allowed);
            }
            prop_assert!(given <= u64::from(burst) + (now - SECOND).div_ceil(rate.step()));
        }
    }

    #[test]
    fn answers_tell_the_limit_as_the_draft_does() {
        let limit = Limit::new("requests", Rate::of(100));
        let mut headers = HeaderMap::new();
        limit.take(&Bucket::default(), SECOND).write(&mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"requests\";q=200;w=2");
        assert_eq!(headers["ratelimit"], "\"requests\";r=199;t=1");
        assert!(!headers.contains_key("retry-after"));
    }

    #[test]
    fn wrong_keys_are_counted_by_address_and_good_ones_are_forgiven() {
        let strangers = Strangers::with_wrong_keys();
        let (one, same, other) =
            ("2001:db8::1".parse().unwrap(), "2001:db8::ffff".parse().unwrap(), "192.0.2.7".parse().unwrap());
        for _ in 0..1000 {
            assert!(strangers.begin(other, SECOND).taken.allowed);
            strangers.forgive(other);
        }
        let tries = (0..200).filter(|n| strangers.begin(if n % 2 == 0 { one } else { same }, SECOND).taken.allowed);
        assert_eq!(tries.count(), 100, "a customer of a provider has many addresses");
        let mapped = "::ffff:192.0.2.7".parse().unwrap();
        assert_eq!((0..200).filter(|_| strangers.begin(mapped, SECOND).taken.allowed).count(), 100);
        assert!(!strangers.begin(other, SECOND).taken.allowed, "the same address");
        assert_eq!(strangers.buckets.len(), STRANGERS, "however many come");
    }
}
