//! Grant and deny by hand.

use domain::Timestamp;
use domain::access::OverrideEffect;
use domain::role::Role;
use store::records::NewOverride;

use super::catalog::chosen_features;
use super::post::{Outcome, Posted};

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
    let expires_at = match end(posted.fields.get("until"), posted.fields.get("until_at"), now) {
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
    for grant in &features {
        let new = NewOverride {
            livemode: posted.livemode,
            user_id: user_id.clone(),
            feature: grant.feature.clone(),
            effect,
            value: grant.value,
            expires_at,
        };
        if let Err(error) = posted.state.store.create_override(&new, &posted.author()).await {
            return error.into();
        }
    }
    let word = if effect == OverrideEffect::Grant { "Granted" } else { "Denied" };
    let until = expires_at.map_or_else(|| "without end".to_owned(), |end| format!("until {}", day(end)));
    let keys: Vec<&str> = features.iter().map(|grant| grant.feature.as_str()).collect();
    let message = format!("{word} {} to {user_id} {until}.", keys.join(", "));
    Outcome::done(posted.back_to(&super::customers::path(&user_id)), message)
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
    if posted.actor.role < Role::Admin && found.created_by != author.actor {
        return Outcome::Forbidden("Support staff revoke their own grants only; an admin can revoke any.".into());
    }
    match posted.state.store.revoke_override(posted.livemode, &id, &author).await {
        Ok(true) => Outcome::done(back, format!("The override of {} for {} is revoked.", found.feature, found.user_id)),
        Ok(false) => Outcome::Done { to: back, flash: super::flash::Flash::bad("This override was revoked already.") },
        Err(error) => error.into(),
    }
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

/// When an override ends: `24h`, `7d`, `30d`, `never`, or `at` with a date or a date and time in UTC.
fn end(until: &str, at: &str, now: Timestamp) -> Result<Option<Timestamp>, String> {
    let end = match until {
        "" | "7d" => now.plus_secs(7 * DAY),
        "24h" | "1d" => now.plus_secs(DAY),
        "30d" => now.plus_secs(30 * DAY),
        "never" | "none" => return Ok(None),
        "at" | "date" | "custom" => date_time(at).ok_or("Write a date and time in UTC, such as 2026-12-24T18:00.")?,
        other => date_time(other).ok_or("Choose when it ends.")?,
    };
    if end <= now { Err("The end must lie in the future.".into()) } else { Ok(Some(end)) }
}

/// What `<input type=datetime-local>` and `<input type=date>` send, and RFC 3339; a bare date ends with its day.
fn date_time(text: &str) -> Option<Timestamp> {
    match text.len() {
        10 => Timestamp::parse(&format!("{text}T23:59:59Z")),
        16 => Timestamp::parse(&format!("{text}:00Z")),
        19 => Timestamp::parse(&format!("{text}Z")),
        _ => Timestamp::parse(text),
    }
}

fn day(at: Timestamp) -> String {
    let text = at.to_string();
    format!("{} {} UTC", &text[..10], &text[11..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    #[test]
    fn ends_are_read() {
        assert_eq!(end("", "", NOW), Ok(Some(NOW.plus_secs(7 * DAY))));
        assert_eq!(end("24h", "", NOW), Ok(Some(NOW.plus_secs(DAY))));
        assert_eq!(end("never", "", NOW), Ok(None));
        assert_eq!(end("at", "2027-02-01T10:30", NOW), Ok(Timestamp::parse("2027-02-01T10:30:00Z")));
        assert_eq!(end("at", "2027-02-01", NOW), Ok(Timestamp::parse("2027-02-01T23:59:59Z")));
        assert!(end("at", "2020-02-01", NOW).is_err());
        assert!(end("at", "soon", NOW).is_err());
        assert!(end("later", "", NOW).is_err());
    }

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
