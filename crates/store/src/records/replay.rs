//! Replays: many events processed again.

use domain::event::EventStatus;
use domain::{Livemode, Timestamp};

use super::{Effects, EventFilter};

/// Events put in line a second, unless somebody chooses otherwise: slow enough that nobody notices.
pub const REPLAY_RATE: i64 = 20;
/// The most that may be chosen.
pub const FASTEST_REPLAY: i64 = 200;

/// A replay to begin, or to plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewReplay {
    /// The mode.
    pub livemode: Livemode,
    /// Which events; its page counts for nothing.
    pub filter: EventFilter,
    /// Only events whose customer belongs to a user by now.
    pub linked: bool,
    /// Whether everything is tried out and nothing kept.
    pub is_dry_run: bool,
    /// Events put in line a second, from 1 to [`FASTEST_REPLAY`].
    pub rate: i64,
}

/// What a replay would be about, before it begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplayPlan {
    /// Events that match.
    pub matched: i64,
    /// Whether there are more than were counted; then all figures are the least.
    pub is_capped: bool,
    /// Of them, those that are in line already and will be skipped.
    pub in_line: i64,
    /// Of them, those whose body is not kept any more: they cannot be processed again and will be skipped.
    pub removed: i64,
    /// Customers they are about.
    pub customers: i64,
    /// Receipt of the oldest and of the newest.
    pub received: Option<(Timestamp, Timestamp)>,
}

/// How far a replay is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayStatus {
    /// Its events are being looked for.
    Collecting,
    /// They are put in line.
    Running,
    /// Over.
    Done,
    /// Somebody ended it. What was in line by then is processed all the same.
    Canceled,
}

impl ReplayStatus {
    /// The word that is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Collecting => "collecting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Canceled => "canceled",
        }
    }

    /// From the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Collecting, Self::Running, Self::Done, Self::Canceled].into_iter().find(|status| status.as_str() == word)
    }

    /// Whether it has still something to do.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Collecting | Self::Running)
    }
}

/// What came of an event of a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayOutcome {
    /// Its turn has not come.
    Waiting,
    /// It is in line, or waits for an answer of Stripe's.
    Queued,
    /// It had failed, or belonged to nobody, and does not any more; or it changed something it had not changed before.
    Fixed,
    /// As before.
    Unchanged,
    /// It failed again.
    Failed,
    /// It was left alone; the note says why.
    Skipped,
    /// Of a dry run: only an answer of Stripe's would tell.
    Asks,
}

impl ReplayOutcome {
    /// Every outcome.
    pub const ALL: [Self; 7] =
        [Self::Waiting, Self::Queued, Self::Fixed, Self::Unchanged, Self::Failed, Self::Skipped, Self::Asks];

    /// The word that is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Queued => "queued",
            Self::Fixed => "fixed",
            Self::Unchanged => "unchanged",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Asks => "asks",
        }
    }

    /// From the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == word)
    }

    /// From an event's status before and after, and whether what it changes differs from what it changed before.
    #[must_use]
    pub const fn of(before: EventStatus, after: EventStatus, changed: bool) -> Self {
        match (before, after) {
            (_, EventStatus::Pending | EventStatus::Processing) => Self::Asks,
            (_, EventStatus::Failed | EventStatus::Dead) => Self::Failed,
            (EventStatus::Failed | EventStatus::Dead, _) | (EventStatus::Unattributed, EventStatus::Processed) => {
                Self::Fixed
            }
            _ if changed => Self::Fixed,
            _ => Self::Unchanged,
        }
    }
}

/// How many events of a replay came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplayCounts {
    /// Found so far; all once it runs.
    pub matched: i64,
    /// See [`ReplayOutcome::Fixed`].
    pub fixed: i64,
    /// See [`ReplayOutcome::Unchanged`].
    pub unchanged: i64,
    /// See [`ReplayOutcome::Failed`].
    pub failed: i64,
    /// See [`ReplayOutcome::Skipped`].
    pub skipped: i64,
    /// See [`ReplayOutcome::Asks`].
    pub asks: i64,
}

impl ReplayCounts {
    /// Events of which it is known what came of them.
    #[must_use]
    pub const fn settled(&self) -> i64 {
        self.fixed + self.unchanged + self.failed + self.skipped + self.asks
    }

    /// Counts one more event.
    pub const fn add(&mut self, outcome: ReplayOutcome) {
        match outcome {
            ReplayOutcome::Waiting | ReplayOutcome::Queued => {}
            ReplayOutcome::Fixed => self.fixed += 1,
            ReplayOutcome::Unchanged => self.unchanged += 1,
            ReplayOutcome::Failed => self.failed += 1,
            ReplayOutcome::Skipped => self.skipped += 1,
            ReplayOutcome::Asks => self.asks += 1,
        }
    }

    /// Events that came to this; none are told of those that have not been settled.
    #[must_use]
    pub const fn of(&self, outcome: ReplayOutcome) -> i64 {
        match outcome {
            ReplayOutcome::Waiting | ReplayOutcome::Queued => 0,
            ReplayOutcome::Fixed => self.fixed,
            ReplayOutcome::Unchanged => self.unchanged,
            ReplayOutcome::Failed => self.failed,
            ReplayOutcome::Skipped => self.skipped,
            ReplayOutcome::Asks => self.asks,
        }
    }
}

/// A replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayRecord {
    /// `rpl_…`
    pub replay_id: String,
    /// What it is.
    pub new: NewReplay,
    /// How far it is.
    pub status: ReplayStatus,
    /// Whether somebody paused it.
    pub is_paused: bool,
    /// Who asked for it.
    pub created_by: String,
    /// Why.
    pub reason: Option<String>,
    /// When. What was received later is not in it.
    pub created_at: Timestamp,
    /// When it was over.
    pub finished_at: Option<Timestamp>,
    /// When its next step is due.
    pub next_at: Option<Timestamp>,
    /// What came of its events.
    pub counts: ReplayCounts,
}

/// An event of a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayEvent {
    /// Its receipt number.
    pub seq: i64,
    /// `evt_…`
    pub event_id: String,
    /// Stripe's type.
    pub kind: String,
    /// `cus_…`
    pub customer_id: Option<String>,
    /// Its status when it was found.
    pub before: EventStatus,
    /// Its status now.
    pub status: EventStatus,
    /// Why it failed or was skipped.
    pub note: Option<String>,
    /// Of a dry run: what it would change.
    pub effects: Option<Effects>,
}

/// A step of a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayStep {
    /// Of which.
    pub replay_id: String,
    /// Events that were put in line.
    pub queued: usize,
    /// What came of events since the step before.
    pub settled: ReplayCounts,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_fixed_when_it_does_what_it_did_not() {
        use EventStatus::{Dead, Failed, Ignored, Processed, Processing, Unattributed};
        for (before, after, changed, outcome) in [
            (Failed, Processed, false, ReplayOutcome::Fixed),
            (Dead, Unattributed, false, ReplayOutcome::Fixed),
            (Dead, Ignored, false, ReplayOutcome::Fixed),
            (Unattributed, Processed, false, ReplayOutcome::Fixed),
            (Processed, Processed, true, ReplayOutcome::Fixed),
            (Processed, Processed, false, ReplayOutcome::Unchanged),
            (Unattributed, Unattributed, false, ReplayOutcome::Unchanged),
            (Processed, Failed, true, ReplayOutcome::Failed),
            (Failed, Dead, false, ReplayOutcome::Failed),
            (Failed, Processing, true, ReplayOutcome::Asks),
        ] {
            assert_eq!(ReplayOutcome::of(before, after, changed), outcome, "{before:?} to {after:?}, {changed}");
        }
        assert!(ReplayOutcome::ALL.iter().all(|outcome| ReplayOutcome::parse(outcome.as_str()) == Some(*outcome)));
    }
}
