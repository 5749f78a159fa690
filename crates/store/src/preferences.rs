//! What may be asked of the database about the choices of each member of staff. None of it is audited: it concerns nobody else.

use async_trait::async_trait;

use crate::Result;
use crate::records::{Preference, SavedFilter};

/// A person's choices and saved filters.
#[async_trait]
pub trait Preferences: Send + Sync {
    /// What a person chose; the defaults for who chose nothing.
    async fn preference(&self, staff_id: &str) -> Result<Preference>;
    /// Keeps what a person chose.
    async fn put_preference(&self, staff_id: &str, preference: &Preference) -> Result<()>;
    /// A person's filters for one list, by name.
    async fn saved_filters(&self, staff_id: &str, path: &str) -> Result<Vec<SavedFilter>>;
    /// Keeps a filter; one of the same name for the same list gives way. `false` when there are
    /// [`MOST_FILTERS`](crate::records::MOST_FILTERS) for this list already.
    async fn save_filter(&self, staff_id: &str, filter: &SavedFilter) -> Result<bool>;
    /// Forgets a person's filter; `false` when the person has none of this id.
    async fn forget_filter(&self, staff_id: &str, saved_filter_id: &str) -> Result<bool>;
}
