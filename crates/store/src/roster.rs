//! Which users a person has to look at: what follows from facts, catalog and clock stands in no table, and asking everybody anew for each
//! page would take longer with each customer.
//!
//! Who is what is kept, and looked at again only when the user's facts or the catalog changed, or when the clock reaches the moment the
//! answer itself said it would turn.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Bound;

use domain::Timestamp;
use domain::access::{Policy, Reason, UserFacts, decide_any};
use domain::catalog::Catalog;
use domain::stripe::SubscriptionStatus;

/// What users can be looked at for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// An active or trialing subscription, and access to nothing.
    Denied,
    /// Access that ends soon for a failed payment.
    AtRisk,
    /// A subscription that is past due.
    PastDue,
    /// An override that counts now.
    Override,
    /// No Stripe customer.
    NoCustomer,
}

impl Watch {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Denied, Self::AtRisk, Self::PastDue, Self::Override, Self::NoCustomer];
}

/// What one user is looked at for, and when that may change by itself.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    is: [bool; Watch::ALL.len()],
    turns_at: Option<Timestamp>,
}

impl Seen {
    fn look(facts: &UserFacts, catalog: &Catalog, policy: &Policy, now: Timestamp) -> Self {
        let has = |statuses: &[SubscriptionStatus]| {
            facts.subscriptions.iter().any(|facts| statuses.contains(&facts.subscription.status))
        };
        let answer = decide_any(Some(facts), catalog, policy, now);
        let is = Watch::ALL.map(|watch| match watch {
            Watch::Denied => has(&[SubscriptionStatus::Active, SubscriptionStatus::Trialing]) && !answer.allowed,
            Watch::AtRisk => answer.reason == Reason::GracePeriod,
            Watch::PastDue => has(&[SubscriptionStatus::PastDue]),
            Watch::Override => facts.overrides.iter().any(|facts| facts.is_active(now)),
            Watch::NoCustomer => facts.customers.is_empty(),
        });
        // A yes says until when it holds, and a no lasts but for denials that run out.
        let ends = facts.overrides.iter().filter_map(|facts| facts.expires_at);
        Self { is, turns_at: ends.chain(answer.until).filter(|turn| *turn > now).min() }
    }
}

/// What is kept of one mode.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    seen: HashMap<String, Seen>,
    users: [BTreeSet<String>; Watch::ALL.len()],
    turns: BTreeSet<(Timestamp, String)>,
    changed: HashSet<String>,
    /// Whether the catalog changed, or nobody has been looked at yet.
    is_current: bool,
    looked_at: Timestamp,
}

impl Roster {
    /// These users' facts changed.
    pub(crate) fn note<'a>(&mut self, users: impl Iterator<Item = &'a String>) {
        if self.is_current {
            self.changed.extend(users.cloned());
        }
    }

    /// Everybody has to be looked at again.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Looks at those who changed, or whose time has come.
    pub(crate) fn refresh<'a>(
        &mut self,
        everybody: impl Iterator<Item = (&'a str, &'a UserFacts)>,
        facts_of: impl Fn(&str) -> Option<&'a UserFacts>,
        (catalog, policy): (&Catalog, &Policy),
        now: Timestamp,
    ) {
        if !self.is_current || now < self.looked_at {
            self.forget();
            self.is_current = true;
            for (user, facts) in everybody {
                self.put(user.to_owned(), Some(Seen::look(facts, catalog, policy, now)));
            }
        } else {
            let mut again = std::mem::take(&mut self.changed);
            let later = self.turns.split_off(&(now.plus_millis(1), String::new()));
            again.extend(std::mem::replace(&mut self.turns, later).into_iter().map(|(_, user)| user));
            for user in again {
                let seen = facts_of(&user).map(|facts| Seen::look(facts, catalog, policy, now));
                self.put(user, seen);
            }
        }
        self.looked_at = now;
    }

    fn put(&mut self, user: String, seen: Option<Seen>) {
        let before = match seen {
            Some(seen) => self.seen.insert(user.clone(), seen),
            None => self.seen.remove(&user),
        };
        let (before, after) = (before.unwrap_or_default(), seen.unwrap_or_default());
        if let Some(turn) = before.turns_at {
            self.turns.remove(&(turn, user.clone()));
        }
        if let Some(turn) = after.turns_at {
            self.turns.insert((turn, user.clone()));
        }
        for (n, set) in self.users.iter_mut().enumerate() {
            if after.is[n] && !before.is[n] {
                set.insert(user.clone());
            } else if before.is[n] && !after.is[n] {
                set.remove(&user);
            }
        }
    }

    /// How many there are.
    pub(crate) fn count(&self, watch: Watch) -> usize {
        self.users[watch as usize].len()
    }

    /// Users by id: those behind `after`, or just before `before`, at most `limit`.
    pub(crate) fn page(&self, watch: Watch, after: Option<&str>, before: Option<&str>, limit: usize) -> Vec<String> {
        let users = &self.users[watch as usize];
        if let Some(before) = before {
            let range = users.range::<str, _>((Bound::Unbounded, Bound::Excluded(before)));
            let mut page: Vec<String> = range.rev().take(limit).cloned().collect();
            page.reverse();
            return page;
        }
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        users.range::<str, _>((start, Bound::Unbounded)).take(limit).cloned().collect()
    }
}
