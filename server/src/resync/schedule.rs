//! Reconcile: a resync by the clock of those customers that most likely differ, within what may be read of Stripe a day.

use domain::{Livemode, Timestamp};
use store::records::{Author, NewResync, Place, Purpose, ResyncRecord, ResyncScope, SCHEDULE};

use super::Resyncs;

/// What is done about a customer that differs from Stripe without any event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reconcile {
    /// Nobody looks.
    Off,
    /// It is shown.
    Report,
    /// It is made to agree, and shown.
    Mend,
}

impl Reconcile {
    /// From the setting.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "off" => Some(Self::Off),
            "report" => Some(Self::Report),
            "mend" => Some(Self::Mend),
            _ => None,
        }
    }

    /// The setting's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Report => "report",
            Self::Mend => "mend",
        }
    }
}

/// When customers are reconciled, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// What is done.
    pub reconcile: Reconcile,
    /// How long after one began the next does, in milliseconds.
    pub every_ms: i64,
    /// Reads of Stripe that may be made a day, for all that nobody waits for.
    pub daily_reads: u64,
}

/// Calls that reading one customer takes: itself, and the lists of its subscriptions, sessions, invoices, charges, entitlements.
const READS_PER_CUSTOMER: u64 = 6;
const DAY_MS: i64 = 86_400_000;

impl Schedule {
    /// How many customers one reconcile compares: half of what may be read is left to resyncs and catch-up.
    #[must_use]
    pub fn customers(&self) -> i64 {
        let a_day = i64::try_from(self.daily_reads / 2 / READS_PER_CUSTOMER).unwrap_or(i64::MAX / DAY_MS);
        a_day.saturating_mul(self.every_ms).checked_div(DAY_MS).unwrap_or(0).max(1)
    }
}

impl Resyncs {
    /// Begins a reconcile in each mode where the last one began long enough ago.
    pub(super) async fn reconcile_when_due(&self) -> Result<(), store::Error> {
        let Schedule { reconcile, every_ms, .. } = self.0.schedule;
        if reconcile == Reconcile::Off {
            return Ok(());
        }
        let now = self.0.clock.now();
        for livemode in [Livemode::Test, Livemode::Live] {
            if !self.0.gateways.contains_key(&livemode) {
                continue;
            }
            let last = self.0.store.resyncs(livemode, Some(Purpose::Reconcile), &Place::first(1)).await?.data.pop();
            if last.is_none_or(|last| !last.status.is_open() && last.created_at.plus_millis(every_ms) <= now) {
                self.begin_reconcile(livemode, reconcile == Reconcile::Mend, &by_the_clock(now)).await?;
            }
        }
        Ok(())
    }

    /// Begins one now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_reconcile(
        &self,
        livemode: Livemode,
        applies: bool,
        author: &Author,
    ) -> Result<ResyncRecord, store::Error> {
        let scope = ResyncScope::Risk { customers: self.0.schedule.customers() };
        let new = NewResync { livemode, purpose: Purpose::Reconcile, scope, applies };
        let begun = self.0.store.create_resync(&new, author).await?;
        self.wake();
        Ok(begun)
    }
}

/// What mends by the clock has a name in the audit log.
fn by_the_clock(now: Timestamp) -> Author {
    Author::new(SCHEDULE, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_of_reconciles_stays_within_half_of_the_allowance() {
        let schedule = |every_ms, daily_reads| Schedule { reconcile: Reconcile::Mend, every_ms, daily_reads };
        assert_eq!(schedule(3_600_000, 10_000).customers(), 34);
        assert_eq!(schedule(DAY_MS, 10_000).customers(), 833);
        assert_eq!(schedule(60_000, 1).customers(), 1, "one at least");
    }
}
