//! What was asked of Stripe: counted for the read allowance and for metrics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use domain::Timestamp;

use super::budget::Lane;
use crate::Error;

/// Requests of one lane since the client was made. A request that is repeated counts each time, as it does at Stripe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// `GET`s sent.
    pub reads: u64,
    /// All others sent.
    pub writes: u64,
    /// Successful answers.
    pub answered: u64,
    /// Answered with 429.
    pub limited: u64,
    /// Refused, or answered with something that cannot be used: asking again would not help.
    pub refused: u64,
    /// No answer, or that of a server in trouble.
    pub failed: u64,
}

/// Both lanes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// People, the host application, webhooks.
    pub live: Counts,
    /// Work that has time.
    pub background: Counts,
}

impl Usage {
    /// One of the two.
    #[must_use]
    pub const fn of(&self, lane: Lane) -> &Counts {
        match lane {
            Lane::Live => &self.live,
            Lane::Background => &self.background,
        }
    }
}

/// Counts as they grow.
#[derive(Debug, Default)]
struct Growing {
    reads: AtomicU64,
    writes: AtomicU64,
    answered: AtomicU64,
    limited: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
}

/// The counts of both lanes, and where background has to stop reading.
#[derive(Debug, Default)]
pub(super) struct Meter {
    lanes: [Growing; 2],
    /// Up to which count of background reads, until when.
    ceiling: Mutex<Option<(u64, Timestamp)>>,
}

impl Meter {
    /// Counts a request that is about to be sent. Only reads in the background can be refused, with the time at which they go on.
    pub(super) fn begin(&self, lane: Lane, is_read: bool, now: Timestamp) -> Result<(), Error> {
        let counts = &self.lanes[lane as usize];
        if !is_read {
            counts.writes.fetch_add(1, Ordering::Relaxed);
        } else if lane == Lane::Live {
            counts.reads.fetch_add(1, Ordering::Relaxed);
        } else {
            // Counted under the lock, or two could take the last one.
            let ceiling = self.ceiling.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((ceiling, until)) = *ceiling
                && now < until
                && counts.reads.load(Ordering::Relaxed) >= ceiling
            {
                return Err(Error::AllowanceUsed { until });
            }
            counts.reads.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Counts how a request ended.
    pub(super) fn end(&self, lane: Lane, error: Option<&Error>) {
        let counts = &self.lanes[lane as usize];
        let outcome = match error {
            None => &counts.answered,
            Some(Error::RateLimited { .. }) => &counts.limited,
            Some(Error::Unavailable { .. }) => &counts.failed,
            Some(_) => &counts.refused,
        };
        outcome.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn set_ceiling(&self, ceiling: u64, until: Timestamp) {
        *self.ceiling.lock().unwrap_or_else(PoisonError::into_inner) = Some((ceiling, until));
    }

    pub(super) fn usage(&self) -> Usage {
        let [live, background] = [Lane::Live, Lane::Background].map(|lane| {
            let counts = &self.lanes[lane as usize];
            let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
            Counts {
                reads: read(&counts.reads),
                writes: read(&counts.writes),
                answered: read(&counts.answered),
                limited: read(&counts.limited),
                refused: read(&counts.refused),
                failed: read(&counts.failed),
            }
        });
        Usage { live, background }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_background_reads_stop_at_the_ceiling_until_its_time() {
        let meter = Meter::default();
        let (now, until) = (Timestamp::from_secs(1000), Timestamp::from_secs(2000));
        meter.begin(Lane::Background, true, now).unwrap();
        meter.set_ceiling(2, until);
        meter.begin(Lane::Background, true, now).unwrap();
        for _ in 0..2 {
            assert_eq!(meter.begin(Lane::Background, true, now), Err(Error::AllowanceUsed { until }));
        }
        meter.begin(Lane::Background, false, now).unwrap();
        meter.begin(Lane::Live, true, now).unwrap();
        meter.begin(Lane::Background, true, until).unwrap();
        let usage = meter.usage();
        assert_eq!((usage.background.reads, usage.background.writes, usage.live.reads), (3, 1, 1));
    }
}
