//! Links of the staff: an invitation to choose a password, or to choose another one. Used once; only the token's hash is stored.
//!
//! No mail is sent: whoever made the link hands it over as they see fit.

use domain::Timestamp;
use store::Store;
use store::records::{StaffLink, StaffLinkKind, StaffRecord};

use super::setup::sha256_hex;

/// How long an invitation can be used, in milliseconds.
const INVITE_FOR: i64 = 72 * 60 * 60 * 1000;
/// How long a link for another password can be used, in milliseconds: whoever finds it has the account.
const RESET_FOR: i64 = 60 * 60 * 1000;

/// A link for somebody, valid from now on.
#[must_use]
pub fn make(staff_id: &str, kind: StaffLinkKind, created_by: &str, now: Timestamp) -> StaffLink {
    let valid_for = match kind {
        StaffLinkKind::Invite => INVITE_FOR,
        StaffLinkKind::Reset => RESET_FOR,
    };
    StaffLink {
        staff_id: staff_id.to_owned(),
        kind,
        created_at: now,
        created_by: created_by.to_owned(),
        expires_at: now.plus_millis(valid_for),
    }
}

/// What a token opens, and for whom.
///
/// # Errors
/// When the database cannot be read.
pub async fn find(store: &dyn Store, token: &str, now: Timestamp) -> store::Result<Option<(StaffLink, StaffRecord)>> {
    store.staff_link(&sha256_hex(token), now).await
}

/// The address of a token's page.
#[must_use]
pub fn address(public_url: &str, token: &str) -> String {
    format!("{}/admin/invite?token={token}", public_url.trim_end_matches('/'))
}
