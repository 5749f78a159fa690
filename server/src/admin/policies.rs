//! Where a feature or a price departs from the installation's policy.

use domain::access::PolicyExceptions;
use store::records::PolicyTarget;

use super::catalog::told;
use super::customers::encoded;
use super::fields::Fields;
use super::post::{Outcome, Posted};
use super::preview;
use crate::pages::impact::Change;
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

/// Reads the form, or what is wrong with it by field.
pub(crate) fn read(fields: &Fields) -> Result<PolicyExceptions, Vec<(String, String)>> {
    let read = terms::policy(fields.opt("past_due_grace"), fields.opt("trialing"), fields.opt("paused"));
    read.map_err(|faults| {
        faults.into_iter().map(|(field, fault)| (field.to_owned(), terms::sentence(&fault))).collect()
    })
}

async fn put(posted: Posted, target: PolicyTarget<'_>, page: String, back: &str) -> Outcome {
    let (PolicyTarget::Feature(id) | PolicyTarget::Price(id)) = target;
    let kind = if matches!(target, PolicyTarget::Feature(_)) { "feature" } else { "price" };
    match posted.overtaken((kind, id), |entry| entry.action != "catalog.put").await {
        Ok(None) => {}
        Ok(Some(by)) => return Outcome::Overtaken { page, by },
        Err(error) => return error.into(),
    }
    let policy = match read(&posted.fields) {
        Ok(policy) => policy,
        Err(errors) => return Outcome::Invalid { page, errors },
    };
    if let Some(asked) = preview::ask(&posted, &Change::Policy(target, policy), &page, &format!("{page}/preview")).await
    {
        return asked;
    }
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
