//! What access checks are answered from: every user's facts and the catalog, in memory, published by each commit before it is
//! acknowledged to whoever asked for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use domain::access::{Decision, Policy, UserFacts, decide, entitlements};
use domain::catalog::Catalog;
use domain::{Livemode, Timestamp};

use crate::Watch;
use crate::roster::Roster;

/// Facts and catalogs of both modes.
#[derive(Debug, Default)]
pub struct Index {
    test: RwLock<Mode>,
    live: RwLock<Mode>,
    rosters: Rosters,
}

#[derive(Debug, Default)]
struct Mode {
    users: HashMap<String, Arc<UserFacts>>,
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
            .map(|(user, facts)| (user.clone(), Arc::clone(facts)))
            .collect()
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
            let everybody = mode.users.iter().map(|(user, facts)| (user, facts.as_ref()));
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
                match facts {
                    Some(facts) => mode.users.insert(user.clone(), Arc::clone(facts)),
                    None => mode.users.remove(user),
                };
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
