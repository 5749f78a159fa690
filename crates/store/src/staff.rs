//! How a member of staff gets in: links that are used once, passwords, sessions.

use async_trait::async_trait;
use domain::Timestamp;

use crate::Result;
use crate::records::{Author, SessionRecord, StaffLink, StaffRecord};

/// Ways in.
#[async_trait]
pub trait StaffAccess: Send + Sync {
    /// Adds an account that nobody can sign in to yet, and the link by which its person chooses a password; only the token's hash is kept.
    /// [`Error::Conflict`](crate::Error::Conflict) when the e-mail address is taken.
    async fn invite_staff(
        &self,
        staff: &StaffRecord,
        link: &StaffLink,
        token_hash: &str,
        author: &Author,
    ) -> Result<()>;
    /// Gives somebody another link; the one before is worth nothing from then on. `false` when there is no such person.
    async fn put_staff_link(&self, link: &StaffLink, token_hash: &str, author: &Author) -> Result<bool>;
    /// The link of a token that can be used now, and whose it is.
    async fn staff_link(&self, token_hash: &str, now: Timestamp) -> Result<Option<(StaffLink, StaffRecord)>>;
    /// The links that can be used now.
    async fn staff_links(&self, now: Timestamp) -> Result<Vec<StaffLink>>;
    /// Uses a link: sets the password and, unless empty, the name, and ends every session of the person. `false` when it cannot be used
    /// (any more); of two who use it at once one is told so.
    async fn use_staff_link(&self, token_hash: &str, name: &str, password_hash: &str, author: &Author) -> Result<bool>;
    /// Sets somebody's password by themselves, and ends their other sessions.
    async fn set_own_password(
        &self,
        staff_id: &str,
        password_hash: &str,
        this_session: &str,
        author: &Author,
    ) -> Result<bool>;
    /// Keeps the same password under other parameters, unless it was changed meanwhile.
    async fn rehash_password(&self, staff_id: &str, before: &str, after: &str) -> Result<()>;
    /// The sessions of somebody that go on, the last to end first.
    async fn sessions_of(&self, staff_id: &str, now: Timestamp) -> Result<Vec<SessionRecord>>;
    /// Ends one session of somebody, or all but one; how many ended.
    async fn end_sessions(&self, staff_id: &str, which: Sessions<'_>, author: &Author) -> Result<u64>;
}

/// Which of somebody's sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sessions<'a> {
    /// The one whose id has this hash.
    One(&'a str),
    /// All but the one whose id has this hash.
    AllBut(&'a str),
}
