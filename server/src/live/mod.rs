//! What open pages are told as it happens, by server-sent events: that events came, how webhooks are, how far what is worked on is.
//!
//! One look at the database a second is shared by all listeners, and finds what other processes committed too; while nobody listens there
//! is none. [`stream`] is what one listener hears of it.

pub mod stream;
mod topic;

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::{Livemode, Timestamp};
use store::{MOST_NEWS, Store};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};

pub use topic::{Progress, Topic};

use crate::clock::Clock;

/// Listeners at a time; each holds a connection.
pub const MOST_LISTENERS: usize = 100;
/// For so many looks an event may come late, when another one with a larger number was seen already.
const LATE_LOOKS: usize = 5;
/// How often the database is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often what no event changes is counted anew: a failed event can be processed again without a new one.
const COUNT_EVERY_MS: i64 = 5_000;

/// What listeners are told; cheap to clone.
#[derive(Clone)]
pub struct Live(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// Held by who looks.
    looking: tokio::sync::Mutex<()>,
    picture: watch::Sender<Picture>,
    /// What listeners ask about, and how many of them.
    topics: Mutex<HashMap<Topic, usize>>,
    seats: Arc<Semaphore>,
    joined: Notify,
    ended: watch::Sender<bool>,
}

/// What was seen last.
#[derive(Clone, Debug, Default)]
struct Picture {
    /// The last looks, oldest first: the newest event's number, and how many of each mode had come.
    looks: VecDeque<(i64, [i64; 2])>,
    /// Test mode and live mode.
    modes: [Mode; 2],
    topics: HashMap<Topic, Option<Progress>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Mode {
    /// Events that came since this process looks.
    events: i64,
    failed: i64,
    last_event_at: Option<Timestamp>,
    counted_at: Option<Timestamp>,
}

/// A place among the listeners, given back when it is dropped.
pub(crate) struct Seat {
    live: Live,
    topic: Option<Topic>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some(topic) = &self.topic else { return };
        let mut topics = self.live.topics();
        if let Some(count) = topics.get_mut(topic) {
            *count -= 1;
            if *count == 0 {
                topics.remove(topic);
            }
        }
    }
}

const fn of(livemode: Livemode) -> usize {
    if livemode.is_live() { 1 } else { 0 }
}

impl Live {
    /// Nobody listens yet.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            store,
            clock,
            looking: tokio::sync::Mutex::default(),
            picture: watch::Sender::default(),
            topics: Mutex::default(),
            seats: Arc::new(Semaphore::new(MOST_LISTENERS)),
            joined: Notify::new(),
            ended: watch::Sender::new(false),
        }))
    }

    /// Looks while somebody listens, until `shutdown`; every stream ends then, so that the program can.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        tokio::select! {
            biased;
            () = shutdown => {}
            () = self.go_on() => {}
        }
        self.end();
    }

    /// Ends every stream, those that begin later too.
    pub fn end(&self) {
        self.0.ended.send_replace(true);
    }

    async fn go_on(&self) {
        loop {
            if self.0.seats.available_permits() == MOST_LISTENERS {
                self.0.joined.notified().await;
            }
            if let Err(error) = self.look().await {
                tracing::warn!(%error, "open pages could not be told what is new");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Looks once and tells all listeners.
    ///
    /// # Errors
    /// When the database cannot be read; the next look makes up for it.
    pub async fn look(&self) -> store::Result<()> {
        let inner = &self.0;
        let _one_at_a_time = inner.looking.lock().await;
        let now = inner.clock.now();
        let mut picture = inner.picture.borrow().clone();
        if picture.looks.is_empty() {
            picture.looks.push_back((inner.store.newest_event().await?, [0, 0]));
        }
        // Of several instances one may commit an event with a smaller number later: the last seconds are counted anew each time.
        let (mut newest, mut events) = picture.looks[0];
        let mut found = 0;
        for news in inner.store.news(newest).await? {
            let mode = &mut picture.modes[of(news.livemode)];
            events[of(news.livemode)] += news.events;
            if events[of(news.livemode)] > mode.events {
                mode.events = events[of(news.livemode)];
                mode.last_event_at = Some(news.received_at);
                mode.counted_at = None;
            }
            found += news.events;
            newest = newest.max(news.newest);
        }
        if found >= MOST_NEWS {
            // There is more than one look tells: the next goes on behind it.
            picture.looks.clear();
        }
        picture.looks.push_back((newest, events));
        while picture.looks.len() > LATE_LOOKS {
            picture.looks.pop_front();
        }
        for livemode in Livemode::ALL {
            let mode = &mut picture.modes[of(livemode)];
            if mode.counted_at.is_none_or(|at| now.millis() - at.millis() >= COUNT_EVERY_MS) {
                mode.failed = inner.store.nav_counts(livemode).await?.failed_events;
                if mode.last_event_at.is_none() {
                    mode.last_event_at = inner.store.event_stats(livemode, now).await?.1;
                }
                mode.counted_at = Some(now);
            }
        }
        let asked: Vec<Topic> = self.topics().keys().cloned().collect();
        picture.topics.clear();
        for topic in asked {
            let progress = topic.progress(inner.store.as_ref()).await?;
            picture.topics.insert(topic, progress);
        }
        inner.picture.send_replace(picture);
        Ok(())
    }

    fn topics(&self) -> std::sync::MutexGuard<'_, HashMap<Topic, usize>> {
        // Counting cannot panic half-way.
        self.0.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place among the listeners; none when all are taken.
    pub(crate) fn sit(&self, topic: Option<Topic>) -> Option<Seat> {
        let permit = Arc::clone(&self.0.seats).try_acquire_owned().ok()?;
        if let Some(topic) = &topic {
            *self.topics().entry(topic.clone()).or_default() += 1;
        }
        self.0.joined.notify_one();
        Some(Seat { live: self.clone(), topic, _permit: permit })
    }
}
