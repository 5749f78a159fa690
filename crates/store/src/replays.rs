//! Many events processed again: the questions and steps of replays.

use async_trait::async_trait;
use domain::{Livemode, Timestamp};

use crate::Result;
use crate::records::{
    Author, JobChange, NewReplay, Page, Place, ReplayEvent, ReplayOutcome, ReplayPlan, ReplayRecord, ReplayStep,
};

/// Many events processed again, on the way every event goes. A replay goes on a step at a time. Each step is one transaction that holds the
/// replay's row, so two processes never take the same one, and whoever dies leaves nothing half done.
#[async_trait]
pub trait Replays: Send + Sync {
    /// What a replay would be about if it began now; counts up to 10,000 events.
    async fn plan_replay(&self, new: &NewReplay) -> Result<ReplayPlan>;
    /// Begins a replay of what has been received so far.
    async fn create_replay(&self, new: &NewReplay, author: &Author) -> Result<ReplayRecord>;
    /// One, with what came of its events.
    async fn replay(&self, replay_id: &str) -> Result<Option<ReplayRecord>>;
    /// Those of a mode, the newest first. Their keys are `created_millis:replay_id`.
    async fn replays(&self, livemode: Livemode, place: &Place) -> Result<Page<ReplayRecord>>;
    /// How many there are, counted no further than [`crate::records::COUNTED`] and one.
    async fn count_replays(&self, livemode: Livemode) -> Result<i64>;
    /// Events that came to this, with this note if one is named; the oldest first, by receipt number, which is their key.
    async fn replay_events(
        &self,
        replay_id: &str,
        outcome: ReplayOutcome,
        note: Option<&str>,
        place: &Place<i64>,
    ) -> Result<Page<ReplayEvent>>;
    /// How many there are, counted no further than [`crate::records::COUNTED`] and one.
    async fn count_replay_events(&self, replay_id: &str, outcome: ReplayOutcome, note: Option<&str>) -> Result<i64>;
    /// Why events came to this, with how many there are of each; the most frequent 20 notes.
    async fn replay_notes(&self, replay_id: &str, outcome: ReplayOutcome) -> Result<Vec<(String, i64)>>;
    /// Pauses, resumes or ends one; `false` when it is not in a state for that.
    async fn change_replay(&self, replay_id: &str, change: JobChange, author: &Author) -> Result<bool>;
    /// A step of the replay named, or of whichever is due. Nothing when none is, or somebody else takes it.
    async fn step_replay(&self, named: Option<&str>, now: Timestamp) -> Result<Option<ReplayStep>>;
    /// When the next step of any replay is due.
    async fn next_replay_step(&self) -> Result<Option<Timestamp>>;
}
