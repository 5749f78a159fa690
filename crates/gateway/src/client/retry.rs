//! When an attempt is repeated, and after how long. Source: docs.stripe.com/error-low-level, docs.stripe.com/rate-limits, and the
//! rule of Stripe's SDKs, which leave 429 to the caller.

use std::time::Duration;

/// How failed attempts of one call are repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts after the first one.
    pub max_retries: u32,
    /// Upper end of the first wait; it doubles with every attempt. The wait is drawn evenly from zero to this ("full jitter"), so
    /// that callers which failed together do not come back together.
    pub backoff: Duration,
    /// Where the doubling ends.
    pub max_backoff: Duration,
    /// Longest `Retry-After` that is waited for within a call; a longer one ends the call with the error that carries it.
    pub max_retry_after: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_retries: 3,
            backoff: Duration::from_millis(500),
            max_backoff: Duration::from_secs(8),
            max_retry_after: Duration::from_secs(15),
        }
    }
}

impl RetryPolicy {
    /// Three retries without any wait, for tests.
    #[must_use]
    pub fn immediate() -> Self {
        Self { backoff: Duration::ZERO, ..Self::default() }
    }

    /// The wait before the next attempt after `failed` attempts, or none when the call ends here. `random` is any number.
    pub(super) fn wait(&self, failed: u32, retry_after: Option<Duration>, random: u64) -> Option<Duration> {
        if failed > self.max_retries || retry_after.is_some_and(|wait| wait > self.max_retry_after) {
            return None;
        }
        let ceiling =
            self.backoff.saturating_mul(1_u32.checked_shl(failed - 1).unwrap_or(u32::MAX)).min(self.max_backoff);
        let millis = u64::try_from(ceiling.as_millis()).unwrap_or(u64::MAX);
        let drawn = Duration::from_millis(random % millis.saturating_add(1));
        // Callers that were all told the same time are spread by the drawn wait on top of it.
        Some(retry_after.unwrap_or_default().saturating_add(drawn))
    }
}

/// Whether an answer with `status` is worth another attempt; Stripe's own word in `Stripe-Should-Retry` goes first.
pub(super) const fn is_worth_retrying(status: u16, should_retry: Option<bool>) -> bool {
    match should_retry {
        Some(word) => word,
        None => matches!(status, 409 | 429) || status >= 500,
    }
}

/// A random number for the wait. Without randomness waits lose their jitter, nothing worse.
pub(super) fn random() -> u64 {
    let mut bytes = [0_u8; 8];
    match getrandom::fill(&mut bytes) {
        Ok(()) => u64::from_le_bytes(bytes),
        Err(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLIS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn ceiling_doubles_up_to_its_end() {
        let policy = RetryPolicy { max_retries: 40, ..RetryPolicy::default() };
        for (failed, ceiling) in [(1, 500), (2, 1000), (3, 2000), (4, 4000), (5, 8000), (6, 8000), (40, 8000)] {
            // The largest remainder of a division by ceiling + 1 is the ceiling itself.
            assert_eq!(policy.wait(failed, None, ceiling), Some(MILLIS(ceiling)), "after {failed}");
            assert_eq!(policy.wait(failed, None, ceiling + 1), Some(Duration::ZERO), "after {failed}");
        }
    }

    #[test]
    fn retries_end() {
        let policy = RetryPolicy::default();
        assert!(policy.wait(3, None, 0).is_some());
        assert_eq!(policy.wait(4, None, 0), None);
        assert_eq!(RetryPolicy { max_retries: 0, ..policy }.wait(1, None, 0), None);
    }

    #[test]
    fn retry_after_is_waited_for_when_it_is_bearable() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.wait(1, Some(MILLIS(2000)), 7), Some(MILLIS(2007)));
        assert_eq!(policy.wait(1, Some(MILLIS(15_000)), 0), Some(MILLIS(15_000)));
        assert_eq!(policy.wait(1, Some(MILLIS(16_000)), 0), None);
    }

    #[test]
    fn stripes_word_goes_before_the_status() {
        for status in [409, 429, 500, 502, 503, 504] {
            assert!(is_worth_retrying(status, None), "{status}");
            assert!(!is_worth_retrying(status, Some(false)), "{status}");
        }
        for status in [400, 401, 402, 403, 404, 424] {
            assert!(!is_worth_retrying(status, None), "{status}");
            assert!(is_worth_retrying(status, Some(true)), "{status}");
        }
    }
}
