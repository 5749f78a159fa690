//! The first owner: from the settings, or by a one-time link. There is no default account.

use anyhow::Context;
use domain::role::Role;
use store::records::{Author, StaffRecord};

use crate::auth::{password, setup};
use crate::state::AppState;

/// Makes the first owner if the settings name one and there is none. Answers with a one-time setup link while there is still none.
///
/// # Errors
/// When the database cannot be written, or a password cannot be hashed.
pub async fn prepare(state: &AppState) -> anyhow::Result<Option<String>> {
    let has_owner = state.store.has_owner().await?;
    match (&state.config.first_owner, has_owner) {
        (Some(_), true) => {
            tracing::info!("ADMIN_EMAIL and ADMIN_PASSWORD are ignored: there is an owner already");
            Ok(None)
        }
        (None, true) => Ok(None),
        (Some(owner), false) => {
            let now = state.now();
            let staff = StaffRecord {
                staff_id: crate::ids::new("stf"),
                email: owner.email.clone(),
                name: owner.email.split('@').next().unwrap_or_default().to_owned(),
                role: Role::Owner,
                password_hash: password::hash(&owner.password).await.context("while hashing ADMIN_PASSWORD")?,
                created_at: now,
                last_seen_at: None,
                disabled_at: None,
            };
            let made = state.store.add_first_owner(&staff, &Author::system(now)).await;
            if made.context("while adding the owner that ADMIN_EMAIL names")? {
                state.store.clear_setup_links().await?;
                tracing::info!(email = staff.email, "the first owner was made from ADMIN_EMAIL and ADMIN_PASSWORD");
            }
            Ok(None)
        }
        (None, false) => {
            let token = setup::issue(state.store.as_ref(), state.now()).await?;
            Ok(Some(setup::link(&state.config.public_url, &token)))
        }
    }
}
