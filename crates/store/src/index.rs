//! What access checks are answered from: every user's facts and the catalog, in memory, published by each commit before it is
//! acknowledged to whoever asked for it.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use domain::access::{Decision, Policy, UserFacts, decide, entitlements};
use domain::catalog::Catalog;
use domain::{Livemode, Timestamp};

use crate::Watch;
use crate::roster::Roster;

/// Users that are taken from the map at once by who walks along it.
const AT_ONCE: usize = 500;

/// Facts and catalogs of both modes.
#[derive(Debug, Default)]
pub struct Index {
    test: RwLock<Mode>,
    live: RwLock<Mode>,
    rosters: Rosters,
    /// When what other processes commit was last known to be in here, in milliseconds since [`BEGAN`]; 0: nobody follows them.
    in_step_at: AtomicU64,
}

/// The origin of what [`Index`] measures, which no clock that is set changes.
static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
/// What is followed is followed so closely.
const CLOSE: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
struct Mode {
    users: HashMap<Arc<str>, Arc<UserFacts>>,
    /// The same in the order of their ids, for who goes through many and may not hold up those who ask about one.
    ordered: BTreeMap<Arc<str>, Arc<UserFacts>>,
    catalog: Arc<Catalog>,
}

/// What is kept for lists beside the facts. Whoever holds it may wait for the facts, never the other way round.
#[derive(Debug, Default)]
struct Rosters {
    test: Mutex<Roster>,
    live: Mutex<Roster>,
}

/// What one commit changes in memory: all of it becomes visible at once.
#[derive(Debug, Default)]
pub struct Changes {
    /// Users whose facts were read again; none: nothing is stored about the user any more.
    pub users: HashMap<(Livemode, String), Option<Arc<UserFacts>>>,
    /// Catalogs that were read again.
    pub catalogs: HashMap<Livemode, Arc<Catalog>>,
}

impl Index {
    fn mode(&self, livemode: Livemode) -> &RwLock<Mode> {
        match livemode {
            Livemode::Test => &self.test,
            Livemode::Live => &self.live,
        }
    }

    /// Everything that any process committed before `began` is in here.
    pub(crate) fn is_in_step(&self, began: Instant) {
        let at = began.saturating_duration_since(*BEGAN).as_millis();
        self.in_step_at.fetch_max(u64::try_from(at).unwrap_or(u64::MAX).max(1), Ordering::Relaxed);
    }

    /// The moment that an answer of now is true of: this process's own commits are all in it, those of others as far as a second before
    /// this moment. It falls behind `now` only while the database cannot be followed.
    #[must_use]
    pub fn as_of(&self, now: Timestamp) -> Timestamp {
        let followed = self.in_step_at.load(Ordering::Relaxed);
        if followed == 0 {
            return now;
        }
        so_far_behind(now, BEGAN.elapsed().saturating_sub(Duration::from_millis(followed)))
    }

    /// The answer to one access check.
    #[must_use]
    pub fn decide(
        &self,
        livemode: Livemode,
        user_id: &str,
        feature: &str,
        policy: &Policy,
        now: Timestamp,
    ) -> Decision {
        // A panic while publishing cannot leave a map half changed, so a poisoned lock is still good to read.
        let mode = self.mode(livemode).read().unwrap_or_else(PoisonError::into_inner);
        decide(mode.users.get(user_id).map(AsRef::as_ref), &mode.catalog, policy, feature, now)
    }

    /// The answers for every feature of the catalog, by key.
    #[must_use]
    pub fn entitlements(
        &self,
        livemode: Livemode,
        user_id: &str,
        policy: &Policy,
        now: Timestamp,
    ) -> Vec<(String, Decision)> {
        let (facts, catalog) = (self.facts(livemode, user_id), self.catalog(livemode));
        entitlements(facts.as_deref(), &catalog, policy, now)
    }

    /// A user's facts; none when nothing is stored about the user.
    #[must_use]
    pub fn facts(&self, livemode: Livemode, user_id: &str) -> Option<Arc<UserFacts>> {
        self.mode(livemode).read().unwrap_or_else(PoisonError::into_inner).users.get(user_id).cloned()
    }

    /// The catalog of a mode.
    #[must_use]
    pub fn catalog(&self, livemode: Livemode) -> Arc<Catalog> {
        Arc::clone(&self.mode(livemode).read().unwrap_or_else(PoisonError::into_inner).catalog)
    }

    /// Every user of a mode with facts that `wanted` accepts.
    #[must_use]
    pub fn users_where(
        &self,
        livemode: Livemode,
        wanted: impl Fn(&UserFacts) -> bool,
    ) -> Vec<(String, Arc<UserFacts>)> {
        let mode = self.mode(livemode).read().unwrap_or_else(PoisonError::into_inner);
        mode.users
            .iter()
            .filter(|(_, facts)| wanted(facts))
            .map(|(user, facts)| (user.to_string(), Arc::clone(facts)))
            .collect()
    }

    /// The users of a mode behind `after` by id, at most `limit`. Who wants all asks again behind the last: nobody is held up meanwhile.
    #[must_use]
    pub fn users_behind(
        &self,
        livemode: Livemode,
        after: Option<&str>,
        limit: usize,
    ) -> Vec<(Arc<str>, Arc<UserFacts>)> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mode = self.mode(livemode).read().unwrap_or_else(PoisonError::into_inner);
        let users = mode.ordered.range::<str, _>((start, Bound::Unbounded)).take(limit);
        users.map(|(user, facts)| (Arc::clone(user), Arc::clone(facts))).collect()
    }

    /// The users of a mode before `before` by id, the last first, at most `limit`.
    #[must_use]
    pub fn users_before(&self, livemode: Livemode, before: &str, limit: usize) -> Vec<(Arc<str>, Arc<UserFacts>)> {
        let mode = self.mode(livemode).read().unwrap_or_else(PoisonError::into_inner);
        let users = mode.ordered.range::<str, _>((Bound::Unbounded, Bound::Excluded(before))).rev().take(limit);
        users.map(|(user, facts)| (Arc::clone(user), Arc::clone(facts))).collect()
    }

    /// The users of a mode before `before` by id, the last first, a few at a time.
    pub fn walk_back(&self, livemode: Livemode, before: &str) -> impl Iterator<Item = (Arc<str>, Arc<UserFacts>)> + '_ {
        let mut last: Arc<str> = Arc::from(before);
        let pages = std::iter::from_fn(move || {
            let page = self.users_before(livemode, &last, AT_ONCE);
            last = Arc::clone(&page.last()?.0);
            Some(page)
        });
        pages.flatten()
    }

    /// Every user of a mode by id, a few at a time: those that come or go meanwhile may be there or not.
    pub fn walk(
        &self,
        livemode: Livemode,
        after: Option<&str>,
    ) -> impl Iterator<Item = (Arc<str>, Arc<UserFacts>)> + '_ {
        let mut last: Option<Arc<str>> = after.map(Arc::from);
        let pages = std::iter::from_fn(move || {
            let page = self.users_behind(livemode, last.as_deref(), AT_ONCE);
            last = Some(Arc::clone(&page.last()?.0));
            Some(page)
        });
        pages.flatten()
    }

    /// Runs `look` on the users to look at, as they are now.
    fn with_roster<T>(
        &self,
        livemode: Livemode,
        policy: &Policy,
        now: Timestamp,
        look: impl FnOnce(&Roster) -> T,
    ) -> T {
        let mut roster = self.roster(livemode).lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mode = self.mode(livemode).read().unwrap_or_else(PoisonError::into_inner);
            let everybody = mode.users.iter().map(|(user, facts)| (&**user, facts.as_ref()));
            let facts_of = |user: &str| mode.users.get(user).map(AsRef::as_ref);
            roster.refresh(everybody, facts_of, (&mode.catalog, policy), now);
        }
        look(&roster)
    }

    fn roster(&self, livemode: Livemode) -> &Mutex<Roster> {
        match livemode {
            Livemode::Test => &self.rosters.test,
            Livemode::Live => &self.rosters.live,
        }
    }

    /// How many users there are to look at, in the order of [`Watch::ALL`].
    #[must_use]
    pub fn watch_counts(&self, livemode: Livemode, policy: &Policy, now: Timestamp) -> [usize; Watch::ALL.len()] {
        self.with_roster(livemode, policy, now, |roster| Watch::ALL.map(|watch| roster.count(watch)))
    }

    /// Users to look at, by id: those behind `after`, or just before `before`, at most `limit`.
    #[must_use]
    pub fn watched(
        &self,
        (livemode, watch): (Livemode, Watch),
        policy: &Policy,
        now: Timestamp,
        (after, before): (Option<&str>, Option<&str>),
        limit: usize,
    ) -> Vec<String> {
        self.with_roster(livemode, policy, now, |roster| roster.page(watch, after, before, limit))
    }

    /// Makes a commit visible. Called while the writer is still held, so that memory changes in the order of the commits.
    pub(crate) fn publish(&self, changes: Changes) {
        for livemode in Livemode::ALL {
            let touched =
                changes.catalogs.contains_key(&livemode) || changes.users.keys().any(|(mode, _)| *mode == livemode);
            if !touched {
                continue;
            }
            let mut mode = self.mode(livemode).write().unwrap_or_else(PoisonError::into_inner);
            if let Some(catalog) = changes.catalogs.get(&livemode) {
                mode.catalog = Arc::clone(catalog);
            }
            for ((_, user), facts) in changes.users.iter().filter(|((mode, _), _)| *mode == livemode) {
                let user: Arc<str> = Arc::from(user.as_str());
                match facts {
                    Some(facts) => {
                        mode.ordered.insert(Arc::clone(&user), Arc::clone(facts));
                        mode.users.insert(user, Arc::clone(facts));
                    }
                    None => {
                        mode.ordered.remove(&user);
                        mode.users.remove(&user);
                    }
                }
            }
            drop(mode);
            let mut roster = self.roster(livemode).lock().unwrap_or_else(PoisonError::into_inner);
            if changes.catalogs.contains_key(&livemode) {
                roster.forget();
            } else {
                roster.note(changes.users.keys().filter(|(mode, _)| *mode == livemode).map(|(_, user)| user));
            }
        }
    }
}

fn so_far_behind(now: Timestamp, behind: Duration) -> Timestamp {
    if behind <= CLOSE {
        return now;
    }
    now.plus_millis(-i64::try_from(behind.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_since_when_others_were_not_heard() {
        let now = Timestamp::from_secs(1_000_000);
        assert_eq!(Index::default().as_of(now), now, "who follows nobody has nobody to follow");
        let index = Index::default();
        index.is_in_step(Instant::now());
        assert_eq!(index.as_of(now), now);
        assert_eq!(so_far_behind(now, Duration::from_millis(900)), now, "so close is always promised");
        assert_eq!(so_far_behind(now, Duration::from_secs(90)), Timestamp::from_secs(999_910));
    }
}
