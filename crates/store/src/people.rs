//! One person: everything that is kept about them, as they may ask for it, and its end.

use async_trait::async_trait;
use domain::{Livemode, Timestamp};
use serde_json::Value;

use crate::Result;
use crate::records::{Author, Erased, ErasurePlan, Person, Whom};

/// What is kept about one person, and erasing it.
#[async_trait]
pub trait People: Send + Sync {
    /// The person with all of their Stripe customers; none when nothing is kept about them.
    async fn person(&self, livemode: Livemode, whom: Whom<'_>) -> Result<Option<Person>>;
    /// Since when personal data of one of these customers is kept no more; none: it is.
    async fn erased_since(&self, livemode: Livemode, customer_ids: &[String]) -> Result<Option<Timestamp>>;
    /// What erasing them would find.
    async fn plan_erasure(&self, person: &Person) -> Result<ErasurePlan>;
    /// Takes out of every table what could name the person, in one transaction; what was decided stays, under a name that says nothing.
    /// Done again it finds what came since.
    async fn erase(&self, person: &Person, author: &Author) -> Result<Erased>;
    /// Deletes what a user was remembered to be asked about. How many groups of checks.
    async fn forget_checks_of(&self, livemode: Livemode, user_id: &str) -> Result<u64>;
    /// Everything that is kept about a person, with the raw bodies of their events. Who asks is audited.
    async fn export_person(&self, person: &Person, author: &Author) -> Result<Value>;
    /// Writes the database anew, so that no trace of anything removed is left in its file. On SQLite nobody can write meanwhile.
    async fn rewrite(&self) -> Result<()>;
}
