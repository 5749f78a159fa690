//! Grant and deny by hand.

use domain::access::OverrideEffect;
use domain::role::Role;
use domain::{Livemode, Timestamp};
use store::records::{AuditRecord, Author, NewOverride, OverrideRecord};

use super::catalog::chosen_features;
use super::post::{Outcome, Posted};
use super::undo::{self, Change};
use super::until::end;
use crate::pages::moment;
use crate::state::AppState;

const DAY: i64 = 86_400;
/// How long a grant of support staff may last.
const SUPPORT_DAYS: i64 = 30;
/// Fewest characters of a reason.
pub const MIN_REASON: usize = 5;

/// Makes an override for the user of the path or of the form.
pub async fn create(posted: Posted) -> Outcome {
    let user_id = match posted.param("id") {
        "" => posted.fields.get("user_id").to_owned(),
        id => match super::customers::user_of(&posted.state, posted.livemode, id).await {
            Ok(Some(user)) => user,
            Ok(None) => return Outcome::NotFound,
            Err(error) => return error.into(),
        },
    };
    let page = format!("{}/overrides/new", super::customers::path(&user_id));
    let now = posted.state.now();
    let mut errors = Vec::new();
    let mut wrong = |field: &str, message: String| errors.push((field.to_owned(), message));

    if user_id.is_empty() || user_id.chars().count() > 255 {
        wrong("user_id", "Name the user: 1 to 255 characters.".into());
    }
    let effect = OverrideEffect::parse(posted.fields.get("effect"));
    if effect.is_none() {
        wrong("effect", "Choose grant or deny.".into());
    }
    let catalog = posted.state.store.index().catalog(posted.livemode);
    let (features, faults) = chosen_features(&posted.fields, &catalog);
    if features.is_empty() && faults.is_empty() {
        wrong("feature", "Choose a feature of the catalog.".into());
    }
    for (field, message) in faults {
        wrong(&field, message);
    }
    if posted.fields.get("reason").chars().count() < MIN_REASON {
        wrong("reason", format!("Say why, in at least {MIN_REASON} characters."));
    }
    let ticket_url = posted.fields.opt("ticket_url");
    if ticket_url.is_some_and(|url| !is_address(url)) {
        wrong("ticket_url", "The address of the ticket, which starts with https:// or http://.".into());
    }
    let until = posted.fields.get("until");
    let period_end = (until == "period").then(|| period_end(&posted.state, posted.livemode, &user_id, now)).flatten();
    let until = match period_end {
        Some(end) => end.to_string(),
        None => until.to_owned(),
    };
    let zone = moment::zone(posted.fields.opt("zone"));
    let expires_at = match end(&until, posted.fields.get("until_at"), &zone, now) {
        Ok(end) => end,
        Err(message) => {
            wrong("until", message);
            None
        }
    };
    if !errors.is_empty() {
        return Outcome::Invalid { page, errors };
    }
    let Some(effect) = effect else { return Outcome::invalid(page, "effect", "Choose grant or deny.") };
    if let Some(refusal) = beyond_role(posted.actor.role, effect, expires_at, now) {
        return Outcome::Forbidden(refusal);
    }
    if posted.fields.opt("preview").is_some() {
        return Outcome::Again { page };
    }
    if expires_at.is_none() && effect == OverrideEffect::Grant && posted.fields.get("typed_user") != user_id {
        return Outcome::invalid(page, "typed_user", format!("A grant without an end: type {user_id} to confirm it."));
    }
    let new = features.iter().map(|grant| NewOverride {
        livemode: posted.livemode,
        user_id: user_id.clone(),
        feature: grant.feature.clone(),
        effect,
        value: grant.value,
        expires_at,
    });
    let new: Vec<NewOverride> = new.collect();
    let author = posted.author();
    let made = match posted.state.store.create_overrides(&new, ticket_url, &author).await {
        Ok(made) => made,
        Err(error) => return error.into(),
    };
    let word = if effect == OverrideEffect::Grant { "Granted" } else { "Denied" };
    let until =
        expires_at.map_or_else(|| "without end".to_owned(), |end| format!("until {}", moment::written(end, &zone)));
    let keys: Vec<&str> = features.iter().map(|grant| grant.feature.as_str()).collect();
    let message = format!("{word} {} to {user_id} {until}.", keys.join(", "));
    let made = made.into_iter().map(|made| made.override_id).collect();
    let change = Change { action: "override.create", object: ("user", &user_id), cause: ("override", made) };
    undo::done(&posted, &author, posted.back_to(&super::customers::path(&user_id)), message, &[change]).await
}

/// Takes an override back.
pub async fn revoke(posted: Posted) -> Outcome {
    let id = posted.param("id").to_owned();
    let found = match posted.state.store.find_override(posted.livemode, &id).await {
        Ok(Some(found)) => found,
        Ok(None) => return Outcome::NotFound,
        Err(error) => return error.into(),
    };
    let author = posted.author();
    let back = posted.back_to(&super::customers::path(&found.user_id));
    if posted.fields.get("reason").chars().count() < MIN_REASON {
        let page = format!("/admin/overrides/{id}/revoke?return_to={}", super::customers::encoded(&back));
        return Outcome::invalid(page, "reason", format!("Say why, in at least {MIN_REASON} characters."));
    }
    if let Some(refusal) = not_own(&posted, &found, &author) {
        return Outcome::Forbidden(refusal);
    }
    match posted.state.store.revoke_override(posted.livemode, &id, &author).await {
        Ok(true) => {
            let words = format!("The override of {} for {} is revoked.", found.feature, found.user_id);
            let change =
                Change { action: "override.revoke", object: ("user", &found.user_id), cause: ("override", vec![id]) };
            undo::done(&posted, &author, back, words, &[change]).await
        }
        Ok(false) => Outcome::Done { to: back, flash: super::flash::Flash::bad("This override was revoked already.") },
        Err(error) => error.into(),
    }
}

/// Gives overrides another end.
pub async fn extend(posted: Posted) -> Outcome {
    let back = posted.back_to("/admin/overrides");
    let found = match chosen(&posted).await {
        Ok(found) => found,
        Err(outcome) => return outcome,
    };
    let page = change_page("extend", &found, &back);
    match overtaken(&posted, &found).await {
        Ok(None) => {}
        Ok(Some(by)) => return Outcome::Overtaken { page, by },
        Err(error) => return error.into(),
    }
    let now = posted.state.now();
    let until = posted.fields.get("until");
    let zone = moment::zone(posted.fields.opt("zone"));
    let mut ends = vec![];
    for one in &found {
        // Longer by so much than it lasts now; what has ended meanwhile begins anew.
        let from = one.expires_at.unwrap_or(now).max(now);
        let wanted = match until {
            "7d" | "30d" if one.expires_at.is_none() => Ok(None),
            "7d" => Ok(Some(from.plus_secs(7 * DAY))),
            "30d" => Ok(Some(from.plus_secs(30 * DAY))),
            other => end(other, posted.fields.get("until_at"), &zone, now),
        };
        match wanted {
            Ok(wanted) => ends.push(wanted),
            Err(message) => return Outcome::invalid(page, "until", message),
        }
    }
    if posted.fields.get("reason").chars().count() < MIN_REASON {
        return Outcome::invalid(page, "reason", format!("Say why, in at least {MIN_REASON} characters."));
    }
    let author = posted.author();
    for (one, wanted) in found.iter().zip(&ends) {
        let refusal = beyond_role(posted.actor.role, one.effect, *wanted, now);
        if let Some(refusal) = not_own(&posted, one, &author).or(refusal) {
            return Outcome::Forbidden(refusal);
        }
    }
    for (one, wanted) in found.iter().zip(&ends) {
        match posted.state.store.set_override_end(posted.livemode, &one.override_id, *wanted, &author).await {
            Ok(_) => {}
            Err(error) => return error.into(),
        }
    }
    let words = match (found.as_slice(), ends.first().copied().flatten()) {
        ([one], Some(end)) => {
            format!("The override of {} for {} lasts until {}.", one.feature, one.user_id, moment::written(end, &zone))
        }
        ([one], None) => format!("The override of {} for {} has no end.", one.feature, one.user_id),
        (all, _) => format!("{} overrides have another end.", all.len()),
    };
    undo::done(&posted, &author, back, words, &changes("override.end", &found)).await
}

/// Takes several overrides back.
pub async fn revoke_all(posted: Posted) -> Outcome {
    let back = posted.back_to("/admin/overrides");
    let found = match chosen(&posted).await {
        Ok(found) => found,
        Err(outcome) => return outcome,
    };
    if posted.fields.get("reason").chars().count() < MIN_REASON {
        let page = change_page("revoke", &found, &back);
        return Outcome::invalid(page, "reason", format!("Say why, in at least {MIN_REASON} characters."));
    }
    let author = posted.author();
    for one in &found {
        if let Err(error) = posted.state.store.revoke_override(posted.livemode, &one.override_id, &author).await {
            return error.into();
        }
    }
    let words = if found.len() == 1 {
        "1 override is revoked.".into()
    } else {
        format!("{} overrides are revoked.", found.len())
    };
    undo::done(&posted, &author, back, words, &changes("override.revoke", &found)).await
}

/// Who gave one of these another end since the form was opened, which says what they last for.
async fn overtaken(posted: &Posted, found: &[OverrideRecord]) -> store::Result<Option<Box<AuditRecord>>> {
    for one in found {
        let is_of_it = |entry: &AuditRecord| {
            entry.action == "override.end" && entry.details["override"] == one.override_id.as_str()
        };
        let by = posted.overtaken(("user", &one.user_id), is_of_it).await?;
        if by.is_some() {
            return Ok(by);
        }
    }
    Ok(None)
}

/// The overrides a form names, those that were revoked meanwhile left out.
async fn chosen(posted: &Posted) -> Result<Vec<OverrideRecord>, Outcome> {
    let mut found = vec![];
    for id in posted.fields.all("id") {
        match posted.state.store.find_override(posted.livemode, id).await {
            Ok(Some(one)) if one.revoked_at.is_none() => found.push(one),
            Ok(Some(_)) => {}
            Ok(None) => return Err(Outcome::NotFound),
            Err(error) => return Err(error.into()),
        }
    }
    if found.is_empty() { Err(Outcome::NotFound) } else { Ok(found) }
}

/// The page that asks about overrides, again.
fn change_page(what: &str, found: &[OverrideRecord], back: &str) -> String {
    let ids = found.iter().map(|one| ("id", one.override_id.as_str()));
    let query: Vec<(&str, &str)> = [("what", what), ("return_to", back)].into_iter().chain(ids).collect();
    app::components::address("/admin/overrides/change", &query)
}

/// The changes of overrides, those of one user together.
fn changes<'a>(action: &'a str, found: &'a [OverrideRecord]) -> Vec<Change<'a>> {
    let mut changes: Vec<Change<'a>> = vec![];
    for one in found {
        let id = one.override_id.clone();
        match changes.iter_mut().find(|change| change.object.1 == one.user_id) {
            Some(change) => change.cause.1.push(id),
            None => changes.push(Change { action, object: ("user", &one.user_id), cause: ("override", vec![id]) }),
        }
    }
    changes
}

/// Why somebody may not change an override that another one made, if so.
fn not_own(posted: &Posted, one: &OverrideRecord, author: &Author) -> Option<String> {
    let is_others = posted.actor.role < Role::Admin && one.created_by != author.actor;
    is_others.then(|| "Support staff change their own grants only; an admin can change any.".to_owned())
}

/// When the last period that a user has paid for by now ends.
pub(crate) fn period_end(state: &AppState, livemode: Livemode, user_id: &str, now: Timestamp) -> Option<Timestamp> {
    let facts = state.store.index().facts(livemode, user_id)?;
    let running = facts.subscriptions.iter().filter(|facts| !facts.subscription.status.is_terminal());
    running.filter_map(|facts| facts.subscription.current_period_end()).filter(|end| *end > now).max()
}

/// Whether this can be the address of a page.
fn is_address(text: &str) -> bool {
    let is_page = text.starts_with("https://") || text.starts_with("http://");
    is_page && text.len() <= 500 && !text.contains(char::is_whitespace)
}

/// Why a role may not make this override, if so.
fn beyond_role(role: Role, effect: OverrideEffect, expires_at: Option<Timestamp>, now: Timestamp) -> Option<String> {
    if role >= Role::Admin {
        return None;
    }
    if effect == OverrideEffect::Deny {
        return Some("A deny override needs the role admin.".into());
    }
    let latest = now.plus_secs(SUPPORT_DAYS * DAY);
    match expires_at {
        Some(end) if end <= latest => None,
        _ => Some(format!("A grant of more than {SUPPORT_DAYS} days needs the role admin.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    #[test]
    fn support_grants_thirty_days_and_denies_nothing() {
        let in_days = |days| Some(NOW.plus_secs(days * DAY));
        assert_eq!(beyond_role(Role::Support, OverrideEffect::Grant, in_days(30), NOW), None);
        assert!(beyond_role(Role::Support, OverrideEffect::Grant, in_days(31), NOW).is_some());
        assert!(beyond_role(Role::Support, OverrideEffect::Grant, None, NOW).is_some());
        assert!(beyond_role(Role::Support, OverrideEffect::Deny, in_days(1), NOW).is_some());
        assert_eq!(beyond_role(Role::Admin, OverrideEffect::Deny, None, NOW), None);
    }
}
