//! Customers: who a page is about, and reading one from Stripe now.

use domain::Livemode;
use store::records::SyncReport;

use super::flash::Flash;
use super::post::{Outcome, Posted};
use crate::state::AppState;
use crate::worker::SyncError;

/// The page of a user or of a Stripe customer.
#[must_use]
pub fn path(id: &str) -> String {
    format!("/admin/customers/{}", encoded(id))
}

/// An id as a segment of a path.
#[must_use]
pub fn encoded(id: &str) -> String {
    // `+` stands for a blank in forms alone: in a path it is itself.
    url::form_urlencoded::byte_serialize(id.as_bytes()).collect::<String>().replace('+', "%20")
}

/// The user an id of the path stands for: a user's own id, or the one its Stripe customer is mapped to.
///
/// # Errors
/// When the database cannot be read.
pub async fn user_of(state: &AppState, livemode: Livemode, id: &str) -> store::Result<Option<String>> {
    if let Some(mapping) = state.store.mapping(livemode, id).await? {
        return Ok(Some(mapping.user_id));
    }
    let known = state.store.index().facts(livemode, id).is_some() || state.store.user(livemode, id).await?.is_some();
    Ok(known.then(|| id.to_owned()))
}

/// Reads one customer, or all of a user's, from Stripe now.
pub async fn resync(posted: Posted) -> Outcome {
    let id = posted.param("id").to_owned();
    let back = posted.back_to(&path(&id));
    let (store, livemode) = (&posted.state.store, posted.livemode);
    let reports = match store.customer(livemode, &id).await {
        Err(error) => return error.into(),
        Ok(Some(customer)) => posted
            .state
            .worker
            .resync(livemode, &customer.customer_id, &posted.author())
            .await
            .map(|report| vec![report]),
        Ok(None) => match user_of(&posted.state, livemode, &id).await {
            Err(error) => return error.into(),
            // Not heard of yet: Stripe knows whether there is such a customer.
            Ok(None) if id.starts_with("cus_") => {
                posted.state.worker.resync(livemode, &id, &posted.author()).await.map(|report| vec![report])
            }
            Ok(None) => return Outcome::NotFound,
            Ok(Some(user)) => posted.state.worker.resync_user(livemode, &user, &posted.author()).await,
        },
    };
    match reports {
        Ok(reports) if reports.is_empty() => Outcome::Done {
            to: back,
            flash: Flash::bad("No Stripe customer is linked to this user, so there is nothing to read."),
        },
        Ok(reports) => Outcome::done(back, what_changed(&reports)),
        Err(error @ SyncError::NotFound(_)) => Outcome::Done { to: back, flash: Flash::bad(error.to_string()) },
        Err(error) => Outcome::sync_failed(back, error),
    }
}

/// The reports of a read as one sentence or two.
fn what_changed(reports: &[SyncReport]) -> String {
    let fields = reports.iter().flat_map(|report| &report.effects.fields).map(|change| {
        let before = change.before.as_deref().unwrap_or("nothing");
        let after = change.after.as_deref().unwrap_or("nothing");
        format!("{} of {}: {before} → {after}", change.field, change.object)
    });
    let verdicts = reports.iter().flat_map(|report| &report.effects.verdicts).map(|change| {
        let word = if change.allowed_after { "now has access to" } else { "has no access to" };
        format!("{} {word} {}", change.user_id, change.feature)
    });
    let mappings = reports.iter().flat_map(|report| report.effects.mappings.iter().cloned());
    let all: Vec<String> = verdicts.chain(mappings).chain(fields).collect();
    if reports.iter().any(|report| report.lease_lost) {
        return "Another read of this customer was faster; its result stands.".into();
    }
    match all.len() {
        0 => "Read from Stripe: everything was in sync.".into(),
        1..=4 => format!("Read from Stripe: {}.", all.join("; ")),
        more => format!("Read from Stripe: {}; and {} more changes.", all[..4].join("; "), more - 4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_safe_in_paths() {
        assert_eq!(path("user_1"), "/admin/customers/user_1");
        assert_eq!(path("a b/../c?d"), "/admin/customers/a%20b%2F..%2Fc%3Fd");
    }

    #[test]
    fn a_report_without_changes_says_so() {
        assert_eq!(what_changed(&[SyncReport::default()]), "Read from Stripe: everything was in sync.");
    }
}
