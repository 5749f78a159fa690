//! Throttled sign-in. In memory: a restart forgives, and nobody restarts the program from outside.
//!
//! Three meters: the account as seen from one address, the address, and the account from everywhere. The last one is gentle, so
//! that a stranger who guesses at somebody's account from many places slows it down and never locks its owner out.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use domain::Timestamp;

/// Meters kept at once; beyond it the ones that failed longest ago are dropped.
const CAPACITY: usize = 10_000;
/// A meter that did not fail for this long starts anew, in milliseconds.
const FORGET_AFTER: i64 = 60 * 60 * 1000;

/// Counts failures and says when the next try is allowed.
#[derive(Debug, Default)]
pub struct SignInLimiter(Mutex<HashMap<Key, Meter>>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    AccountFrom(String, String),
    Address(String),
    Account(String),
    Code(String),
}

#[derive(Clone, Copy, Debug)]
struct Meter {
    failures: u32,
    last: Timestamp,
}

impl Key {
    /// Failures without any wait, and the longest wait in milliseconds.
    const fn limits(&self) -> (u32, i64) {
        match self {
            Self::AccountFrom(..) => (5, 15 * 60 * 1000),
            // Many people may share an office's address.
            Self::Address(_) => (20, 15 * 60 * 1000),
            Self::Account(_) => (50, 5_000),
            // Only who knows the password gets as far, and a million codes are few.
            Self::Code(_) => (10, 15 * 60 * 1000),
        }
    }

    /// Of a code, which comes after the right password.
    fn of_code(account: &str, address: &str) -> [Self; 3] {
        let from = Self::AccountFrom(format!("code of {account}"), address.to_owned());
        [from, Self::Address(address.to_owned()), Self::Code(account.to_owned())]
    }

    fn all(account: &str, address: &str) -> [Self; 3] {
        // An e-mail address of any length would be remembered: only its start matters for counting.
        let account: String = account.trim().to_lowercase().chars().take(254).collect();
        [
            Self::AccountFrom(account.clone(), address.to_owned()),
            Self::Address(address.to_owned()),
            Self::Account(account),
        ]
    }
}

impl Meter {
    /// One second after the first failure too many, doubling with each further one.
    fn free_at(self, (free, longest): (u32, i64)) -> Option<Timestamp> {
        let over = self.failures.checked_sub(free)?;
        let wait = 1_000_i64.checked_shl(over.min(20)).unwrap_or(longest).min(longest);
        Some(self.last.plus_millis(wait))
    }
}

impl SignInLimiter {
    /// Counts a try as failed before its password is looked at, so that many at once cannot slip through; [`Self::forgive`] takes it back.
    ///
    /// # Errors
    /// The seconds to wait, when a try is not allowed now.
    pub fn begin(&self, account: &str, address: &str, now: Timestamp) -> Result<(), i64> {
        self.count(Key::all(account, address), now)
    }

    /// The same for a code of somebody whose password was right.
    ///
    /// # Errors
    /// The seconds to wait, when a try is not allowed now.
    pub fn begin_code(&self, account: &str, address: &str, now: Timestamp) -> Result<(), i64> {
        self.count(Key::of_code(account, address), now)
    }

    fn count(&self, keys: [Key; 3], now: Timestamp) -> Result<(), i64> {
        let mut meters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let free_at =
            keys.iter().filter_map(|key| meters.get(key).filter(|m| is_fresh(m, now))?.free_at(key.limits())).max();
        if let Some(wait) = free_at.map(|at| at.millis() - now.millis()).filter(|wait| *wait > 0) {
            return Err((wait + 999) / 1000);
        }
        make_room(&mut meters, now);
        for key in keys {
            let meter = meters.entry(key).or_insert(Meter { failures: 0, last: now });
            let failures = if is_fresh(meter, now) { meter.failures } else { 0 };
            *meter = Meter { failures: failures.saturating_add(1), last: now };
        }
        Ok(())
    }

    /// The password was right: this account starts anew from this address, and the other meters lose the try.
    pub fn forgive(&self, account: &str, address: &str) {
        self.take_back(Key::all(account, address));
    }

    /// The code was right.
    pub fn forgive_code(&self, account: &str, address: &str) {
        self.take_back(Key::of_code(account, address));
    }

    fn take_back(&self, keys: [Key; 3]) {
        let mut meters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys {
            if matches!(key, Key::AccountFrom(..) | Key::Code(_)) {
                meters.remove(&key);
            } else if let Some(meter) = meters.get_mut(&key) {
                meter.failures = meter.failures.saturating_sub(1);
            }
        }
    }
}

fn is_fresh(meter: &Meter, now: Timestamp) -> bool {
    now.millis() - meter.last.millis() < FORGET_AFTER
}

fn make_room(meters: &mut HashMap<Key, Meter>, now: Timestamp) {
    if meters.len() + 3 <= CAPACITY {
        return;
    }
    meters.retain(|_, meter| is_fresh(meter, now));
    if meters.len() + 3 > CAPACITY {
        let mut times: Vec<Timestamp> = meters.values().map(|meter| meter.last).collect();
        let (_, middle, _) = times.select_nth_unstable(CAPACITY / 2);
        let middle = *middle;
        meters.retain(|_, meter| meter.last > middle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Timestamp = Timestamp::from_secs(1_800_000_000);

    #[test]
    fn waits_double_after_five_failures() {
        let limiter = SignInLimiter::default();
        for _ in 0..5 {
            assert_eq!(limiter.begin("ada@example.com", "1.1.1.1", T0), Ok(()));
        }
        assert_eq!(limiter.begin("ADA@example.com ", "1.1.1.1", T0), Err(1));
        let later = T0.plus_secs(1);
        assert_eq!(limiter.begin("ada@example.com", "1.1.1.1", later), Ok(()));
        assert_eq!(limiter.begin("ada@example.com", "1.1.1.1", later), Err(2));
    }

    #[test]
    fn a_stranger_does_not_lock_the_owner_out() {
        let limiter = SignInLimiter::default();
        let mut now = T0;
        for _ in 0..60 {
            while let Err(wait) = limiter.begin("ada@example.com", "6.6.6.6", now) {
                now = now.plus_secs(wait);
            }
        }
        let stranger = limiter.begin("ada@example.com", "6.6.6.6", now).unwrap_err();
        assert!(stranger > 60, "the stranger waits for minutes, not {stranger} s");
        let owner = limiter.begin("ada@example.com", "1.1.1.1", now).err().unwrap_or(0);
        assert!(owner <= 5, "the owner waits for {owner} s at the most");
    }

    #[test]
    fn one_address_cannot_try_many_accounts() {
        let limiter = SignInLimiter::default();
        let refused =
            (0..30).filter(|n| limiter.begin(&format!("user{n}@example.com"), "6.6.6.6", T0).is_err()).count();
        assert_eq!(refused, 10);
    }

    #[test]
    fn success_and_an_hour_of_silence_start_anew() {
        let limiter = SignInLimiter::default();
        for _ in 0..5 {
            assert_eq!(limiter.begin("a@b.c", "1.1.1.1", T0), Ok(()));
        }
        limiter.forgive("a@b.c", "1.1.1.1");
        assert_eq!(limiter.begin("a@b.c", "1.1.1.1", T0), Ok(()));
        for _ in 0..4 {
            assert_eq!(limiter.begin("a@b.c", "1.1.1.1", T0), Ok(()));
        }
        assert!(limiter.begin("a@b.c", "1.1.1.1", T0).is_err());
        assert_eq!(limiter.begin("a@b.c", "1.1.1.1", T0.plus_millis(FORGET_AFTER)), Ok(()));
    }

    #[test]
    fn memory_is_bounded() {
        let limiter = SignInLimiter::default();
        for n in 0..20_000_i64 {
            let _ = limiter.begin(&format!("{n}@b.c"), &format!("10.0.{}.{}", n / 256, n % 256), T0.plus_millis(n));
        }
        assert!(limiter.0.lock().unwrap().len() <= CAPACITY);
    }
}
