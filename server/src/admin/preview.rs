//! Between the form of a change of the catalog and the change: who would lose access, or several who are touched, are shown first, and what
//! was shown has to be so still when it is saved.

use super::fields::Fields;
use super::post::{Outcome, Posted};
use crate::pages::impact::{Change, weigh};
use crate::pages::preview::typed;

/// What the page that asks adds to a form, and every page of ours.
const NO_CHANGE: [&str; 6] = ["csrf", "livemode", "previewed", "typed_id", "reason", "step"];

/// What of the fields says what is changed, in the order of the form.
pub(crate) fn of_the_form(fields: &Fields) -> Vec<(String, String)> {
    fields.0.iter().filter(|(name, _)| !NO_CHANGE.contains(&name.as_str())).cloned().collect()
}

/// The address of the page that asks.
fn address(page: &str, fields: &Fields) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(of_the_form(fields)).finish();
    if query.is_empty() { page.to_owned() } else { format!("{page}?{query}") }
}

/// What has to be answered before the change is made; none: make it. `form` is the page it was filled in on, `page` the one that asks.
pub(super) async fn ask(posted: &Posted, change: &Change<'_>, form: &str, page: &str) -> Option<Outcome> {
    let fields = &posted.fields;
    if fields.get("step") == "back" {
        return Some(Outcome::Again { page: form.to_owned() });
    }
    let weighed = match weigh(&posted.state, posted.livemode, change).await {
        Ok(weighed) => weighed,
        Err(error) => return Some(Outcome::Failed(error)),
    };
    if !weighed.is_asked_about() {
        return None;
    }
    let page = address(page, fields);
    let Some(seen) = fields.opt("previewed") else { return Some(Outcome::Ask { page }) };
    if seen != weighed.seen() {
        let message = "Nothing was saved: what this would do has changed since you looked. Look at it again.";
        return Some(Outcome::invalid(page, "", message));
    }
    let typed = typed(change, &weighed).filter(|typed| fields.get("typed_id") != typed.id)?;
    let message = match fields.get("typed_id") {
        "" => format!("Type {} to take access away.", typed.id),
        other => format!("{other} is not this {}: type {} to take access away.", typed.what, typed.id),
    };
    Some(Outcome::invalid(page, "typed_id", message))
}
