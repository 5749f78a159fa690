//! Where a feature or a price departs from the installation's policy.

use store::records::PolicyTarget;

use super::catalog::{loss, told};
use super::customers::encoded;
use super::post::{Outcome, Posted};
use crate::pages::impact;
use crate::terms;

/// Sets a feature's.
pub async fn put_feature(posted: Posted) -> Outcome {
    let key = posted.param("id").to_owned();
    let page = format!("/admin/features/{}/policy", encoded(&key));
    put(posted, PolicyTarget::Feature(&key), page, "/admin/features").await
}

/// Sets a price's.
pub async fn put_price(posted: Posted) -> Outcome {
    let id = posted.param("id").to_owned();
    if id.is_empty() || id.len() > 255 || id.contains(char::is_whitespace) {
        return Outcome::NotFound;
    }
    let price = format!("/admin/catalog/prices/{}", encoded(&id));
    put(posted, PolicyTarget::Price(&id), format!("{price}/policy"), &price).await
}

async fn put(posted: Posted, target: PolicyTarget<'_>, page: String, back: &str) -> Outcome {
    let fields = &posted.fields;
    let read = terms::policy(fields.opt("past_due_grace"), fields.opt("trialing"), fields.opt("paused"));
    let policy = match read {
        Ok(policy) => policy,
        Err(faults) => {
            let errors = faults.into_iter().map(|(field, fault)| (field.to_owned(), terms::sentence(&fault)));
            return Outcome::Invalid { page, errors: errors.collect() };
        }
    };
    let effects = impact::of_policy(&posted.state, (posted.livemode, posted.state.now()), target, policy);
    if let Some(loss) = loss(&effects).filter(|_| fields.opt("confirmed").is_none()) {
        return Outcome::invalid(page, "confirmed", loss);
    }
    let (PolicyTarget::Feature(id) | PolicyTarget::Price(id)) = target;
    let kind = if matches!(target, PolicyTarget::Feature(_)) { "feature" } else { "price" };
    let author = posted.author();
    match posted.state.store.put_policy(posted.livemode, target, &policy, &author).await {
        Ok(true) => {
            let words = if policy.is_empty() {
                format!("{id} follows the installation's policy.")
            } else {
                format!("{id} has a policy of its own: it holds at once, also for who already pays.")
            };
            told(&posted, &author, back.to_owned(), words, ("policy.put", kind, id)).await
        }
        Ok(false) => Outcome::NotFound,
        Err(error) => error.into(),
    }
}
