//! An account of the staff, the link by which it is entered the first time, and its sessions.

use domain::Timestamp;
use domain::role::Role;

/// What a link of the staff is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaffLinkKind {
    /// Somebody new chooses a name and a password.
    Invite,
    /// Somebody who is known chooses another password.
    Reset,
}

impl StaffLinkKind {
    /// As it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invite => "invite",
            Self::Reset => "reset",
        }
    }

    /// From how it is stored.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Invite, Self::Reset].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A link that one member of staff can use once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaffLink {
    /// Whose: `stf_…`
    pub staff_id: String,
    /// What for.
    pub kind: StaffLinkKind,
    /// Since when.
    pub created_at: Timestamp,
    /// By whom, as the audit log names people.
    pub created_by: String,
    /// Until when it can be used.
    pub expires_at: Timestamp,
}

/// A session of a member of staff. Its id is nowhere: what is kept is a hash of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// SHA-256 of the id, in hex.
    pub session_hash: String,
    /// What the session holds, as JSON.
    pub data: String,
    /// When it ends unless it is used before.
    pub expires_at: Timestamp,
}

/// A member of staff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaffRecord {
    /// `stf_…`
    pub staff_id: String,
    /// E-mail address, in lower case.
    pub email: String,
    /// Name.
    pub name: String,
    /// Role.
    pub role: Role,
    /// argon2id, PHC string.
    pub password_hash: String,
    /// Since when.
    pub created_at: Timestamp,
    /// Last sign-in.
    pub last_seen_at: Option<Timestamp>,
    /// Disabled since.
    pub disabled_at: Option<Timestamp>,
}
