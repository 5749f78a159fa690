//! The second factor of the staff: the codes of an authenticator, and recovery codes for who has lost it.

use async_trait::async_trait;
use domain::Timestamp;

use crate::Result;
use crate::records::Author;

/// Somebody's second factor.
#[derive(Clone, PartialEq, Eq)]
pub struct SecondFactor {
    /// The seed of the codes, encrypted.
    pub seed: String,
    /// Since when it was being set up.
    pub created_at: Timestamp,
    /// The hash of the session's id that began it; none once it counts.
    pub session_hash: Option<String>,
    /// Since when it is asked for; none while it is being set up.
    pub confirmed_at: Option<Timestamp>,
    /// Recovery codes that are left.
    pub codes_left: i64,
}

impl std::fmt::Debug for SecondFactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecondFactor").field("confirmed_at", &self.confirmed_at).finish_non_exhaustive()
    }
}

/// Which sessions of somebody outlive the end of their second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorEnd<'a> {
    /// Its person turned it off in the session with this hash.
    Off(&'a str),
    /// Somebody took it away from who has lost it: no session outlives that.
    Reset,
}

/// Second factors.
#[async_trait]
pub trait SecondFactors: Send + Sync {
    /// Somebody's second factor, be it asked for or still being set up.
    async fn second_factor(&self, staff_id: &str) -> Result<Option<SecondFactor>>;
    /// Whether somebody is asked for a second factor: codes, a passkey, or either.
    async fn has_second_factor(&self, staff_id: &str) -> Result<bool>;
    /// Who is asked for a second factor.
    async fn who_has_second_factor(&self) -> Result<Vec<String>>;
    /// Keeps a seed that is being set up, in place of an earlier one. `false` when the person has a second factor already.
    async fn begin_second_factor(&self, staff_id: &str, seed: &str, session_hash: &str, now: Timestamp)
    -> Result<bool>;
    /// From now on codes of this seed are asked for; the code of this step is used. Every other session of the person ends. `false` when this
    /// seed is not being set up (any more).
    async fn confirm_second_factor(
        &self,
        staff_id: &str,
        seed: &str,
        step: i64,
        code_hashes: &[String],
        author: &Author,
    ) -> Result<bool>;
    /// Uses the code of a step. `false` when this or a later one was used before, or the seed is not the one that counts; of two requests
    /// with the same code one is told so.
    async fn use_step(&self, staff_id: &str, seed: &str, step: i64) -> Result<bool>;
    /// Keeps the same seed under another key.
    async fn reseal_second_factor(&self, staff_id: &str, before: &str, after: &str) -> Result<()>;
    /// Uses a recovery code. `false` when there is none such (any more).
    async fn use_recovery_code(&self, staff_id: &str, code_hash: &str, author: &Author) -> Result<bool>;
    /// How many recovery codes somebody has left.
    async fn recovery_codes_left(&self, staff_id: &str) -> Result<i64>;
    /// Other recovery codes in place of all. `false` when the person has no second factor.
    async fn put_recovery_codes(&self, staff_id: &str, code_hashes: &[String], author: &Author) -> Result<bool>;
    /// Takes somebody's second factor away: the authenticator's codes, and with [`FactorEnd::Reset`] the passkeys too. Recovery codes go with the
    /// last. `false` when there is none.
    async fn end_second_factor(&self, staff_id: &str, end: FactorEnd<'_>, author: &Author) -> Result<bool>;
}
