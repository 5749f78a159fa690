//! API keys of the host application.

use domain::Livemode;
use domain::role::Scope;

use super::flash::Flash;
use super::post::{Outcome, Posted};
use crate::auth::api_key;

const PAGE: &str = "/admin/api-keys";

/// Makes a key, which the next page shows once.
pub async fn create(posted: Posted) -> Outcome {
    let name = posted.fields.get("name").to_owned();
    let mut errors = Vec::new();
    if name.is_empty() || name.chars().count() > 100 {
        errors.push(("name".to_owned(), "Give it a name of 1 to 100 characters.".to_owned()));
    }
    let livemode = posted.fields.opt("mode").map_or(Some(posted.livemode), Livemode::parse);
    if livemode.is_none() {
        errors.push(("mode".to_owned(), "Choose test or live.".to_owned()));
    }
    let scope = Scope::parse(posted.fields.get("scope"));
    if scope.is_none() {
        errors.push(("scope".to_owned(), "Choose check, read, write or admin.".to_owned()));
    }
    let (Some(livemode), Some(scope), true) = (livemode, scope, errors.is_empty()) else {
        return Outcome::Invalid { page: PAGE.to_owned(), errors };
    };
    let author = posted.author();
    let (key, record) = match api_key::create(&name, livemode, scope, &author.actor, author.now) {
        Ok(made) => made,
        Err(error) => return Outcome::Failed(error),
    };
    match posted.state.store.add_api_key(&record, &author).await {
        Ok(()) => {
            let message = format!("The key {name} is made. Copy it now: it is shown this once.");
            Outcome::Done { to: PAGE.to_owned(), flash: Flash { secret: Some(key), ..Flash::ok(message) } }
        }
        Err(error) => error.into(),
    }
}

/// Revokes a key.
pub async fn revoke(posted: Posted) -> Outcome {
    let id = posted.param("id").to_owned();
    match posted.state.store.revoke_api_key(&id, &posted.author()).await {
        Ok(true) => Outcome::done(PAGE, "The key is revoked: it opens nothing any more."),
        Ok(false) => Outcome::NotFound,
        Err(error) => error.into(),
    }
}
