//! What the application asked and was told, remembered: in memory first, so that a check waits for nothing, and in the database a few
//! seconds later.
//!
//! A check that was made before in those seconds costs a hash, a lock that hardly ever meets another, and an addition; nothing is
//! allocated. However many different users and features are asked for, memory and disk stay bounded: what is beyond is counted alone.

use std::collections::HashMap;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::access::Reason;
use domain::{Livemode, Timestamp};
use store::Store;
use store::records::{CheckGroup, CheckHour};

use crate::clock::Clock;

/// How often what was asked is stored.
const EVERY: Duration = Duration::from_secs(5);
/// Parts of the memory with a lock each, so that two cores seldom want the same one. A power of two.
const SHARDS: usize = 64;
/// Different checks each part remembers until they are stored: 8,192 in all.
const GROUPS: usize = 128;
/// How many of them may be about users or features that are unknown.
const STRAYS: usize = 16;
/// Groups of one transaction: deliveries wait while it writes.
const AT_ONCE: usize = 1_000;
/// For how long checks are kept.
const KEPT_MS: i64 = 90 * 24 * HOUR_MS;
const HOUR_MS: i64 = 3_600_000;

/// One answer to the application.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// The mode of the key.
    pub livemode: Livemode,
    /// Whom it was about.
    pub user_id: &'a str,
    /// The feature's key, as it was written.
    pub feature: &'a str,
    /// Who asked: `key_…`.
    pub api_key_id: &'a str,
    /// The answer.
    pub allowed: bool,
    /// Why.
    pub reason: Reason,
    /// When.
    pub at: Timestamp,
}

/// What was asked lately; cheap to clone.
#[derive(Clone)]
pub struct CheckBook(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    hasher: RandomState,
    shards: [Shard; SHARDS],
    /// One writes at a time: groups go on where the last ones ended.
    writing: tokio::sync::Mutex<()>,
}

/// On cache lines of its own, so that who writes one part does not slow down another.
#[repr(align(128))]
#[derive(Default)]
struct Shard(Mutex<Part>);

#[derive(Default)]
struct Part {
    /// By a hash of everything that makes checks equal. Two that share one are told apart by [`Group::is`], and the later is only counted.
    groups: HashMap<u64, Group>,
    strays: usize,
    hours: Vec<CheckHour>,
}

struct Group {
    livemode: Livemode,
    user_id: Box<str>,
    feature: Box<str>,
    api_key_id: Box<str>,
    allowed: bool,
    reason: Reason,
    since: Timestamp,
    last_at: Timestamp,
    times: i64,
}

impl Group {
    fn of(check: &Answered<'_>) -> Self {
        Self {
            livemode: check.livemode,
            user_id: check.user_id.into(),
            feature: check.feature.into(),
            api_key_id: check.api_key_id.into(),
            allowed: check.allowed,
            reason: check.reason,
            since: check.at,
            last_at: check.at,
            times: 1,
        }
    }

    fn is(&self, check: &Answered<'_>) -> bool {
        self.livemode == check.livemode
            && self.reason == check.reason
            && *self.user_id == *check.user_id
            && *self.feature == *check.feature
            && *self.api_key_id == *check.api_key_id
    }
}

impl From<Group> for CheckGroup {
    fn from(group: Group) -> Self {
        Self {
            livemode: group.livemode,
            user_id: group.user_id.into(),
            feature: group.feature.into(),
            api_key_id: group.api_key_id.into(),
            allowed: group.allowed,
            reason: group.reason.as_str().to_owned(),
            since: group.since,
            last_at: group.last_at,
            times: group.times,
        }
    }
}

impl Part {
    fn take(&mut self, hash: u64, check: &Answered<'_>) {
        let is_listed = self.list(hash, check);
        let hour = check.at.plus_millis(-check.at.millis().rem_euclid(HOUR_MS));
        let known = self.hours.iter_mut().find(|sum| sum.hour == hour && sum.livemode == check.livemode);
        let sum = match known {
            Some(sum) => sum,
            None => {
                let livemode = check.livemode;
                self.hours.push(CheckHour { livemode, hour, allowed: 0, denied: 0, unlisted: 0 });
                let Some(sum) = self.hours.last_mut() else { return };
                sum
            }
        };
        *(if check.allowed { &mut sum.allowed } else { &mut sum.denied }) += 1;
        sum.unlisted += i64::from(!is_listed);
    }

    /// Whether there was room to remember it.
    fn list(&mut self, hash: u64, check: &Answered<'_>) -> bool {
        if let Some(group) = self.groups.get_mut(&hash) {
            if !group.is(check) {
                return false;
            }
            group.since = group.since.min(check.at);
            group.last_at = group.last_at.max(check.at);
            group.times += 1;
            return true;
        }
        let is_stray = matches!(check.reason, Reason::UnknownUser | Reason::UnknownFeature);
        if self.groups.len() >= GROUPS || is_stray && self.strays >= STRAYS {
            return false;
        }
        self.strays += usize::from(is_stray);
        self.groups.insert(hash, Group::of(check));
        true
    }
}

impl CheckBook {
    /// Empty at first.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        let shards = std::array::from_fn(|_| Shard::default());
        let (hasher, writing) = (RandomState::new(), tokio::sync::Mutex::default());
        Self(Arc::new(Inner { store, clock, hasher, shards, writing }))
    }

    /// Remembers an answer. Never waits for the database.
    pub fn note(&self, check: &Answered<'_>) {
        let what = (check.livemode.is_live(), check.user_id, check.feature, check.api_key_id, check.reason.as_str());
        let hash = self.0.hasher.hash_one(what);
        // The upper bits: the map inside tells its buckets by the lower ones.
        let shard = usize::try_from(hash >> 58).unwrap_or(0) % SHARDS;
        self.0.shards[shard].0.lock().unwrap_or_else(PoisonError::into_inner).take(hash, check);
    }

    /// Stores what was asked since the last time; asks nothing of the database when nothing was.
    ///
    /// # Errors
    /// When the database fails. What could not be stored is lost then: nothing is decided by it, and memory must not grow.
    pub async fn settle(&self) -> store::Result<()> {
        let Inner { store, clock, shards, writing, .. } = self.0.as_ref();
        let _one = writing.lock().await;
        let mut groups: Vec<CheckGroup> = vec![];
        let mut hours: HashMap<(Livemode, Timestamp), CheckHour> = HashMap::new();
        for shard in shards {
            let part = std::mem::take(&mut *shard.0.lock().unwrap_or_else(PoisonError::into_inner));
            groups.extend(part.groups.into_values().map(CheckGroup::from));
            for hour in part.hours {
                let key = (hour.livemode, hour.hour);
                let sum = hours.entry(key).or_insert(CheckHour { allowed: 0, denied: 0, unlisted: 0, ..hour.clone() });
                sum.allowed += hour.allowed;
                sum.denied += hour.denied;
                sum.unlisted += hour.unlisted;
            }
        }
        let now = clock.now();
        let mut hours: Vec<CheckHour> = hours.into_values().collect();
        // In the order they began: a group that ended is written before the one that followed it.
        groups.sort_unstable_by_key(|group| group.since);
        for some in groups.chunks(AT_ONCE) {
            store.record_checks(some, &std::mem::take(&mut hours), now).await?;
        }
        if !hours.is_empty() {
            store.record_checks(&[], &hours, now).await?;
        }
        Ok(())
    }

    /// [`Self::settle`] where it is no reason to fail that what was asked cannot be stored.
    pub async fn try_settle(&self) {
        if let Err(error) = self.settle().await {
            tracing::warn!(%error, "what the application asked could not be remembered");
        }
    }

    /// Stores until `shutdown`, and forgets every hour what is older than 90 days. What came after the last time is stored when the
    /// program closes.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        tokio::pin!(shutdown);
        let mut forgotten_at: Option<Timestamp> = None;
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                () = tokio::time::sleep(EVERY) => {}
            }
            self.try_settle().await;
            let now = self.0.clock.now();
            if forgotten_at.is_none_or(|at| now.millis() - at.millis() >= HOUR_MS) {
                match self.0.store.forget_checks(now.plus_millis(-KEPT_MS), now).await {
                    Ok(_) => forgotten_at = Some(now),
                    Err(error) => tracing::warn!(%error, "old checks could not be forgotten"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_795_305_600);

    fn check<'a>(user_id: &'a str, reason: Reason, at: Timestamp) -> Answered<'a> {
        let (livemode, feature, api_key_id) = (Livemode::Test, "pro", "key_1");
        Answered { livemode, user_id, feature, api_key_id, allowed: reason == Reason::SubscriptionActive, reason, at }
    }

    fn sums(part: &Part) -> (i64, i64, i64) {
        part.hours.iter().fold((0, 0, 0), |(a, d, u), hour| (a + hour.allowed, d + hour.denied, u + hour.unlisted))
    }

    #[test]
    fn a_repeated_check_is_counted() {
        let mut part = Part::default();
        for secs in [3, 1, 2] {
            part.take(7, &check("user_1", Reason::NoPayment, NOW.plus_secs(secs)));
        }
        let group = &part.groups[&7];
        assert_eq!((group.since, group.last_at, group.times), (NOW.plus_secs(1), NOW.plus_secs(3), 3));
        assert_eq!(sums(&part), (0, 3, 0));
        part.take(7, &check("user_1", Reason::NoPayment, NOW.plus_secs(3600)));
        assert_eq!(part.hours.iter().map(|hour| hour.denied).collect::<Vec<_>>(), [3, 1]);
    }

    #[test]
    fn two_questions_of_one_hash_are_not_taken_for_each_other() {
        let mut part = Part::default();
        part.take(7, &check("user_1", Reason::SubscriptionActive, NOW));
        part.take(7, &check("user_2", Reason::SubscriptionActive, NOW));
        assert_eq!((&*part.groups[&7].user_id, part.groups[&7].times), ("user_1", 1));
        assert_eq!(sums(&part), (2, 0, 1));
    }

    #[test]
    fn a_flood_is_counted_and_takes_no_room() {
        let mut part = Part::default();
        for n in 0..1000 {
            part.take(n, &check(&format!("stranger_{n}"), Reason::UnknownUser, NOW));
        }
        assert_eq!(part.groups.len(), STRAYS);
        // Whoever is known finds room all the same.
        for n in 1000..3000 {
            part.take(n, &check(&format!("user_{n}"), Reason::SubscriptionActive, NOW));
        }
        assert_eq!(part.groups.len(), GROUPS);
        assert_eq!(sums(&part), (2000, 1000, 3000 - i64::try_from(GROUPS).unwrap()));
    }
}
