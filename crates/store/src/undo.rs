//! What a change of the staff came to, and taking it back.

use async_trait::async_trait;
use domain::access::UserFacts;
use domain::{Livemode, Timestamp};

use crate::Result;
use crate::records::{Author, Undone, VerdictChange};

/// Answers that are told of one change.
pub const MOST_VERDICTS: usize = 1000;

/// The audit log knows what was there before: from that a change is taken back.
#[async_trait]
pub trait Undos: Send + Sync {
    /// The newest `count` entries of the audit log in which this author did this to this object (kind and id) at this moment.
    async fn entries_of(&self, author: &Author, action: &str, object: (&str, &str), count: usize) -> Result<Vec<i64>>;
    /// The answers that a change made at this moment turned, at most [`MOST_VERDICTS`]; its cause is what
    /// [`VerdictChangeRecord`](crate::records::VerdictChangeRecord) calls it: kind and id.
    async fn verdicts_of(&self, livemode: Livemode, cause: (&str, &str), at: Timestamp) -> Result<Vec<VerdictChange>>;
    /// What a decision about the users concerned would rest on if this customer were this user's, or nobody's: of the user it is mapped to
    /// now, where there is one, and of the other. Nothing is stored.
    async fn facts_if_mapped(
        &self,
        livemode: Livemode,
        customer_id: &str,
        user_id: Option<&str>,
        now: Timestamp,
    ) -> Result<Vec<(String, UserFacts)>>;
    /// Takes back what this entry of the audit log tells, unless what it changed has changed again since.
    async fn undo(&self, audit_id: i64, author: &Author) -> Result<Undone>;
}
