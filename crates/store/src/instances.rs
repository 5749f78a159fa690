//! The programs that share a database.

use async_trait::async_trait;
use domain::Timestamp;

use crate::Result;

/// A program that works on the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Unique among all.
    pub instance_id: String,
    /// The machine and the process, for people.
    pub name: String,
    /// What it was built from.
    pub version: String,
    /// Since when it runs.
    pub started_at: Timestamp,
}

/// Who is there. What several must not do together stands on leases, not on this: it is for dividing what Stripe allows all of them.
#[async_trait]
pub trait Instances: Send + Sync {
    /// Says that this one is there, and answers with all that said so within the last 15 seconds of the database's clock, by their start. On
    /// SQLite, which is for one, that is this one.
    async fn here(&self, instance: &Instance) -> Result<Vec<Instance>>;
    /// Says that this one is going.
    async fn leave(&self, instance_id: &str) -> Result<()>;
}
