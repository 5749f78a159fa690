//! How far our clock is ahead of Stripe's, from the `Date` of its answers.

use std::sync::Mutex;
use std::sync::PoisonError;

use domain::Timestamp;

/// Answers that took longer say too little.
const TOO_SLOW_MS: i64 = 3000;

/// The newest measurement.
#[derive(Debug, Default)]
pub(super) struct Skew(Mutex<Option<i64>>);

impl Skew {
    /// Takes in an answer dated `date` to a request that was `sent` and whose headers were `received` at these times of our clock.
    pub(super) fn measure(&self, date: Timestamp, sent: Timestamp, received: Timestamp) {
        if received.millis() - sent.millis() <= TOO_SLOW_MS {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(between(date, sent, received));
        }
    }

    pub(super) fn latest(&self) -> Option<i64> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Milliseconds our clock is ahead; zero where the clocks may well agree. `date` has whole seconds, so Stripe's clock stood anywhere in
/// that second, at any moment between `sent` and `received`.
fn between(date: Timestamp, sent: Timestamp, received: Timestamp) -> i64 {
    let least = sent.millis() - (date.millis() + 999);
    let most = received.millis() - date.millis();
    if least <= 0 && most >= 0 { 0 } else { least + (most - least) / 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_answer_proves_is_skew() {
        let date = Timestamp::from_secs(1_790_000_000);
        for (sent, received, skew) in [
            (0, 0, 0),
            (0, 80, 0),
            (900, 1100, 0),
            (999, 999, 0),
            (1500, 1500, 1000),
            (-300, -100, -700),
            (60_400, 60_600, 60_000),
            (-59_600, -59_400, -60_000),
        ] {
            assert_eq!(between(date, date.plus_millis(sent), date.plus_millis(received)), skew, "{sent} to {received}");
        }
    }

    #[test]
    fn a_slow_answer_leaves_what_is_known() {
        let skew = Skew::default();
        let date = Timestamp::from_secs(1_790_000_000);
        assert_eq!(skew.latest(), None);
        skew.measure(date, date.plus_secs(10), date.plus_secs(10));
        assert_eq!(skew.latest(), Some(9500));
        skew.measure(date, date.plus_secs(-20), date.plus_secs(20));
        assert_eq!(skew.latest(), Some(9500));
    }
}
