//! API keys: what they may, their ends, and who takes whose place.

use async_trait::async_trait;
use domain::Timestamp;

use crate::Result;
use crate::records::{ApiKeyRecord, ApiKeyTerms, ApiKeyUse, Author};

/// API keys of the host application.
#[async_trait]
pub trait Keys: Send + Sync {
    /// Adds an API key.
    async fn add_api_key(&self, key: &ApiKeyRecord, author: &Author) -> Result<()>;
    /// All API keys, newest first.
    async fn api_keys(&self) -> Result<Vec<ApiKeyRecord>>;
    /// By its id.
    async fn api_key(&self, api_key_id: &str) -> Result<Option<ApiKeyRecord>>;
    /// By the hash of the key.
    async fn api_key_by_hash(&self, key_hash: &str) -> Result<Option<ApiKeyRecord>>;
    /// Gives a key other terms; `false` when it is unknown, revoked or expired: no key comes back to life.
    async fn update_api_key(&self, api_key_id: &str, terms: &ApiKeyTerms, author: &Author) -> Result<bool>;
    /// Adds a key that takes the place of `new.replaces`, which ends at `ends_at` unless it ends earlier; where that is not later than
    /// now it is revoked. `false` when that one cannot be used any more or another took its place already: of two who try at once, one
    /// is told so.
    async fn rotate_api_key(&self, new: &ApiKeyRecord, ends_at: Timestamp, author: &Author) -> Result<bool>;
    /// Revokes a key; `false` when it is unknown or revoked already.
    async fn revoke_api_key(&self, api_key_id: &str, author: &Author) -> Result<bool>;
    /// Notes that keys were used; an older use than the known one changes nothing.
    async fn touch_api_keys(&self, used: &[ApiKeyUse]) -> Result<()>;
}
