//! What is asked of Stripe, in the books: a restart must not give work in the background a new allowance, and processes share one.
//!
//! Stripe grants an account on average 500 reads per transaction over 30 days and at least 10,000 a month
//! (docs.stripe.com/rate-limits), so what has time reads no more than `STRIPE_DAILY_READS` a UTC day.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use domain::{Livemode, Timestamp};
use gateway::{Counts, Gateway, Lane, Usage};
use store::Store;
use store::records::StripeUsage;
use tokio::sync::Mutex;

use crate::clock::Clock;

/// How often counts are stored, and what other processes stored is seen.
const EVERY: Duration = Duration::from_secs(5);
const DAY_MS: i64 = 86_400_000;

/// The counts of this process on their way to the database; cheap to clone.
#[derive(Clone)]
pub struct UsageBook(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    gateways: Arc<HashMap<Livemode, Arc<dyn Gateway>>>,
    clock: Arc<dyn Clock>,
    allowance: u64,
    /// What is stored of the gateways' counts.
    stored: Mutex<HashMap<Livemode, Usage>>,
}

/// What was asked of Stripe in one mode since the beginning of the UTC day, by all processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Today {
    /// People, the host application, webhooks.
    pub live: Asked,
    /// Resync of many, reconcile.
    pub background: Asked,
    /// How many reads the background may make in a day: `STRIPE_DAILY_READS`.
    pub allowance: u64,
    /// When the day is over.
    pub until: Timestamp,
}

/// Requests of one lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Reads; what was repeated counts each time, as it does at Stripe.
    pub reads: u64,
    /// Everything else.
    pub writes: u64,
    /// How many of them Stripe answered with 429.
    pub limited: u64,
}

impl Today {
    /// Reads that are left to the background.
    #[must_use]
    pub const fn left(&self) -> u64 {
        self.allowance.saturating_sub(self.background.reads)
    }
}

impl UsageBook {
    /// Opens the books, and tells the gateways what is left of the day.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open(
        store: Arc<dyn Store>,
        gateways: Arc<HashMap<Livemode, Arc<dyn Gateway>>>,
        clock: Arc<dyn Clock>,
        allowance: u64,
    ) -> store::Result<Self> {
        let book = Self(Arc::new(Inner { store, gateways, clock, allowance, stored: Mutex::default() }));
        book.settle().await?;
        Ok(book)
    }

    /// What was asked today in this mode.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn today(&self, livemode: Livemode) -> store::Result<Today> {
        self.settle().await?;
        self.read(livemode).await
    }

    /// Stores what was counted since the last time, and tells the gateways what all processes together left of the day.
    ///
    /// # Errors
    /// When the database fails; the counts are kept for the next time.
    pub async fn settle(&self) -> store::Result<()> {
        let Inner { store, gateways, clock, .. } = self.0.as_ref();
        let mut stored = self.0.stored.lock().await;
        for (livemode, gateway) in gateways.iter() {
            let before = stored.get(livemode).copied().unwrap_or_default();
            let counted = gateway.usage();
            let news: Vec<StripeUsage> =
                Lane::ALL.into_iter().filter_map(|lane| since(lane, before.of(lane), counted.of(lane))).collect();
            if !news.is_empty() {
                let now = clock.now();
                store.add_stripe_usage(*livemode, day_of(now), &news, now).await?;
                stored.insert(*livemode, counted);
            }
            let today = self.read(*livemode).await?;
            gateway.set_background_ceiling(counted.background.reads.saturating_add(today.left()), today.until);
        }
        Ok(())
    }

    /// Keeps the books until `shutdown`. What came after the last time is settled when the program closes.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        tokio::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                () = tokio::time::sleep(EVERY) => {}
            }
            if let Err(error) = self.settle().await {
                tracing::warn!(%error, "what was asked of Stripe could not be counted; it is tried again");
            }
        }
    }

    async fn read(&self, livemode: Livemode) -> store::Result<Today> {
        let day = day_of(self.0.clock.now());
        let usages = self.0.store.stripe_usage(livemode, day).await?;
        let of = |lane: Lane| {
            let number = |count: i64| u64::try_from(count).unwrap_or(0);
            let usage = usages.iter().find(|usage| usage.lane == lane.as_str());
            usage.map_or(Asked::default(), |usage| Asked {
                reads: number(usage.reads),
                writes: number(usage.writes),
                limited: number(usage.limited),
            })
        };
        Ok(Today {
            live: of(Lane::Live),
            background: of(Lane::Background),
            allowance: self.0.allowance,
            until: day.plus_millis(DAY_MS),
        })
    }
}

/// What was counted between two readings, if anything.
fn since(lane: Lane, before: &Counts, now: &Counts) -> Option<StripeUsage> {
    let grown = |before: u64, now: u64| i64::try_from(now.saturating_sub(before)).unwrap_or(i64::MAX);
    let usage = StripeUsage {
        lane: lane.as_str().to_owned(),
        reads: grown(before.reads, now.reads),
        writes: grown(before.writes, now.writes),
        limited: grown(before.limited, now.limited),
    };
    (usage.reads + usage.writes + usage.limited > 0).then_some(usage)
}

/// The first millisecond of the UTC day.
fn day_of(now: Timestamp) -> Timestamp {
    now.plus_millis(-now.millis().rem_euclid(DAY_MS))
}
