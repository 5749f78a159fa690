//! Passkeys of the staff, and what browsers were asked to sign with them.

use async_trait::async_trait;
use domain::Timestamp;

use crate::Result;
use crate::records::Author;

/// A passkey. What only the library that checks signatures understands is in hex.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// `pky_…`
    pub passkey_id: String,
    /// What its authenticator calls it.
    pub credential_id: String,
    /// Whose it is.
    pub staff_id: String,
    /// What its person calls it.
    pub name: String,
    /// The public key.
    pub static_state: String,
    /// Counter of signatures, and whether it is backed up.
    pub dynamic_state: String,
    /// How browsers reach it, as bits.
    pub transports: i64,
    /// Since when it counts.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

/// What became of a new passkey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasskeyAdded {
    /// It counts; the recovery codes that were offered count too.
    WithCodes,
    /// It counts; the person has recovery codes already.
    Alone,
    /// There is one with its credential id.
    Taken,
}

/// What a browser is asked to sign.
#[derive(Clone, Copy, Debug)]
pub struct Challenge<'a> {
    /// A hash of something that this browser alone has.
    pub browser_hash: &'a str,
    /// What for.
    pub purpose: &'a str,
}

/// Passkeys.
#[async_trait]
pub trait Passkeys: Send + Sync {
    /// Keeps what is needed to check what a browser signs, in place of an earlier one; those that expired go.
    async fn put_challenge(
        &self,
        challenge: Challenge<'_>,
        state: &str,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<()>;
    /// What was kept for a browser, which stays.
    async fn challenge(&self, challenge: Challenge<'_>, now: Timestamp) -> Result<Option<String>>;
    /// The same, and it is gone: of two requests at the same moment one gets it.
    async fn take_challenge(&self, challenge: Challenge<'_>, now: Timestamp) -> Result<Option<String>>;
    /// Somebody's passkeys, oldest first.
    async fn passkeys_of(&self, staff_id: &str) -> Result<Vec<Passkey>>;
    /// The passkey with this credential id.
    async fn passkey_by_credential(&self, credential_id: &str) -> Result<Option<Passkey>>;
    /// Adds a passkey, with these recovery codes where its person has none. Every session of the person but this one ends.
    async fn add_passkey(
        &self,
        passkey: &Passkey,
        code_hashes: &[String],
        session_hash: &str,
        author: &Author,
    ) -> Result<PasskeyAdded>;
    /// Removes one of somebody's passkeys; with the last second factor the recovery codes go. Every session of the person but this one ends.
    /// `false` when there is none such.
    async fn remove_passkey(
        &self,
        staff_id: &str,
        passkey_id: &str,
        session_hash: &str,
        author: &Author,
    ) -> Result<bool>;
    /// Notes a use, and the state after it. `false` when it was used, or removed, meanwhile.
    async fn use_passkey(&self, passkey: &Passkey, dynamic_state: &str, now: Timestamp) -> Result<bool>;
}
