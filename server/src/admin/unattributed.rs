//! Payers that nobody is to be found for.

use super::customers::encoded;
use super::flash::Flash;
use super::overrides::MIN_REASON;
use super::post::{Outcome, Posted};
use super::undo::{self, Change};

const LIST: &str = "/admin/unattributed";

/// Takes a customer off the list, with a reason.
pub async fn ignore(posted: Posted) -> Outcome {
    let id = posted.param("id").to_owned();
    let store = &posted.state.store;
    match store.customer(posted.livemode, &id).await {
        Ok(Some(_)) => {}
        Ok(None) => return Outcome::NotFound,
        Err(error) => return error.into(),
    }
    if posted.fields.get("reason").chars().count() < MIN_REASON {
        let page = format!("{LIST}/{}", encoded(&id));
        return Outcome::invalid(page, "ignore-reason", format!("Say why, in at least {MIN_REASON} characters."));
    }
    let author = posted.author();
    match store.ignore_customer(posted.livemode, &id, &author).await {
        Ok(true) => {
            let change =
                Change { action: "customer.ignore", object: ("customer", &id), cause: ("mapping", vec![id.clone()]) };
            undo::done(&posted, &author, posted.back_to(LIST), format!("{id} is ignored."), &[change]).await
        }
        Ok(false) => {
            Outcome::Done { to: posted.back_to(LIST), flash: Flash::bad(format!("{id} was ignored already.")) }
        }
        Err(error) => error.into(),
    }
}

/// Lists a customer again.
pub async fn heed(posted: Posted) -> Outcome {
    let id = posted.param("id").to_owned();
    let author = posted.author();
    match posted.state.store.heed_customer(posted.livemode, &id, &author).await {
        Ok(true) => {
            let change =
                Change { action: "customer.heed", object: ("customer", &id), cause: ("mapping", vec![id.clone()]) };
            undo::done(&posted, &author, posted.back_to(LIST), format!("{id} is listed again."), &[change]).await
        }
        Ok(false) => Outcome::NotFound,
        Err(error) => error.into(),
    }
}
