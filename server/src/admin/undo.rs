//! What a change came to, in words, and taking it back.

use domain::role::Role;
use store::MOST_VERDICTS;
use store::records::{AuditRecord, Author, Undone, VerdictChange};

use super::flash::Flash;
use super::post::{Outcome, Posted};

/// Users that are named one by one.
const NAMED: usize = 3;

/// A change that was just made.
#[derive(Debug)]
pub struct Change<'a> {
    /// What the audit log calls it, such as `mapping.put`.
    pub action: &'a str,
    /// Kind and id of what the audit log says it was done to.
    pub object: (&'a str, &'a str),
    /// Kind and ids under which the answers that turned are kept as caused; as many entries are in the audit log.
    pub cause: (&'a str, Vec<String>),
}

/// Says what was done and what that did to anybody's access, and offers to take it back.
///
/// # Errors
/// When the database cannot be read.
pub async fn told(posted: &Posted, author: &Author, done: String, changes: &[Change<'_>]) -> store::Result<Flash> {
    let store = &posted.state.store;
    let (mut verdicts, mut undo) = (vec![], vec![]);
    for change in changes {
        for id in &change.cause.1 {
            verdicts.extend(store.verdicts_of(posted.livemode, (change.cause.0, id), author.now).await?);
        }
        undo.extend(store.entries_of(author, change.action, change.object, change.cause.1.len()).await?);
    }
    Ok(Flash { undo, ..Flash::ok(format!("{done} {}", effect(&verdicts))) })
}

/// The same as the outcome of a form.
pub async fn done(posted: &Posted, author: &Author, to: String, words: String, changes: &[Change<'_>]) -> Outcome {
    match told(posted, author, words, changes).await {
        Ok(flash) => Outcome::Done { to, flash },
        Err(error) => error.into(),
    }
}

/// What became of whose access, in a sentence.
fn effect(verdicts: &[VerdictChange]) -> String {
    let mut users: Vec<(&str, Vec<&str>, Vec<&str>)> = vec![];
    for change in verdicts.iter().filter(|change| change.allowed_before != change.allowed_after) {
        let at = users.iter().position(|(user, ..)| *user == change.user_id).unwrap_or_else(|| {
            users.push((&change.user_id, vec![], vec![]));
            users.len() - 1
        });
        let (_, gains, losses) = &mut users[at];
        if change.allowed_after { gains.push(&change.feature) } else { losses.push(&change.feature) }
    }
    users.sort_unstable();
    if users.is_empty() {
        return "Nobody's access changed.".to_owned();
    }
    if users.len() <= NAMED {
        let sentences = users.iter().map(|(user, gains, losses)| {
            let part = |verb: &str, features: &[&str]| {
                (!features.is_empty()).then(|| format!("{verb} {}", features.join(", ")))
            };
            let parts: Vec<String> = [part("gained", gains), part("lost", losses)].into_iter().flatten().collect();
            format!("{user} {}.", parts.join(" and "))
        });
        return sentences.collect::<Vec<_>>().join(" ");
    }
    let gained = users.iter().filter(|(_, gains, _)| !gains.is_empty()).count();
    let lost = users.iter().filter(|(.., losses)| !losses.is_empty()).count();
    let count = |number: usize, verb: &str| match number {
        0 => None,
        1 => Some(format!("1 user {verb} access")),
        number => Some(format!("{number} users {verb} access")),
    };
    let parts: Vec<String> = [count(gained, "gained"), count(lost, "lost")].into_iter().flatten().collect();
    // No more of them were read.
    let bound = if verdicts.len() >= MOST_VERDICTS { "At least " } else { "" };
    format!("{bound}{}.", parts.join(", "))
}

/// Takes back what these entries of the audit log tell of. Below an admin only what one did oneself.
pub async fn undo(posted: Posted) -> Outcome {
    let entries: Option<Vec<i64>> = posted.fields.all("entry").map(|entry| entry.parse().ok()).collect();
    let Some(entries) = entries.filter(|entries| !entries.is_empty()) else { return Outcome::NotFound };
    let back = posted.back_to("/admin");
    let store = &posted.state.store;
    let mut said = vec![];
    let mut found = vec![];
    for entry in entries {
        match store.audit_entry(entry).await {
            Ok(Some(entry)) if entry.livemode == Some(posted.livemode) => found.push(entry),
            Ok(_) => return Outcome::NotFound,
            Err(error) => return error.into(),
        }
    }
    let mut author = posted.author();
    let is_own = |entry: &AuditRecord| entry.actor == author.actor;
    if let Some(entry) = found.iter().find(|entry| posted.actor.role < Role::Admin && !is_own(entry)) {
        return Outcome::Forbidden(format!(
            "{} did this: an admin can take it back.",
            entry.actor.replace("staff:", "")
        ));
    }
    if let Some(entry) = found.iter().find(|entry| posted.actor.role < role(entry)) {
        return Outcome::Forbidden(format!("Taking back {} needs the role {}.", what(entry), role(entry)));
    }
    for entry in found {
        author.reason = Some(format!("Undo of {}", what(&entry)));
        match store.undo(entry.audit_id, &author).await {
            Ok(Undone::Done { cause, id }) => {
                match store.verdicts_of(posted.livemode, (cause, &id), author.now).await {
                    Ok(verdicts) => said.push(format!("Took back {}. {}", what(&entry), effect(&verdicts))),
                    Err(error) => return error.into(),
                }
            }
            Ok(Undone::Refused(why)) => {
                said.push(format!("Did not take back {}: {why}", what(&entry)));
                return Outcome::Done { to: back, flash: Flash::bad(said.join(" ")) };
            }
            Ok(Undone::Unknown) => return Outcome::NotFound,
            Err(error) => return error.into(),
        }
    }
    posted.state.worker.wake();
    Outcome::done(back, said.join(" "))
}

/// The weakest role that may take this back: the one that may do it.
fn role(entry: &AuditRecord) -> Role {
    let moves = entry.action == "mapping.put" && entry.details["before"].is_string();
    match entry.action.as_str() {
        "mapping.put" if !moves => Role::Support,
        "override.create" | "override.revoke" | "override.end" | "customer.ignore" | "customer.heed" => Role::Support,
        _ => Role::Admin,
    }
}

/// What was done, as part of a sentence.
fn what(entry: &AuditRecord) -> String {
    let id = &entry.object_id;
    let text = |field: &str| entry.details[field].as_str();
    let feature = text("feature").unwrap_or("an override");
    match entry.action.as_str() {
        "override.create" if text("effect") == Some("deny") => format!("denying {feature} to {id}"),
        "override.create" => format!("granting {feature} to {id}"),
        "override.revoke" => format!("revoking the override of {feature} for {id}"),
        "override.end" => format!("the new end of {feature} for {id}"),
        "mapping.put" => match (text("before"), text("after").unwrap_or("nobody")) {
            (Some(before), after) => format!("moving {id} from {before} to {after}"),
            (None, after) => format!("linking {id} to {after}"),
        },
        "mapping.delete" => format!("unlinking {id} from {}", text("before").unwrap_or("its user")),
        "conflict.keep" => format!("keeping {id} with {}", text("kept").unwrap_or("its user")),
        "catalog.put" => format!("the change of what {id} gives"),
        "policy.put" => format!("the change of the policy of {id}"),
        "feature.put" => format!("the change of the feature {id}"),
        "customer.ignore" => format!("ignoring {id}"),
        "customer.heed" => format!("listing {id} again"),
        other => other.replace(['.', '_'], " "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(user: &str, feature: &str, allowed_after: bool) -> VerdictChange {
        VerdictChange {
            user_id: user.into(),
            feature: feature.into(),
            allowed_before: !allowed_after,
            allowed_after,
            reason_before: String::new(),
            reason_after: String::new(),
        }
    }

    #[test]
    fn few_are_named_and_many_are_counted() {
        assert_eq!(effect(&[]), "Nobody's access changed.");
        let one = [change("ada", "pro", true), change("ada", "team", true), change("ada", "basic", false)];
        assert_eq!(effect(&one), "ada gained pro, team and lost basic.");
        let two = [change("bob", "pro", false), change("ada", "pro", true)];
        assert_eq!(effect(&two), "ada gained pro. bob lost pro.");
        let many: Vec<_> = (0..12).map(|n| change(&format!("user_{n}"), "pro", n > 0)).collect();
        assert_eq!(effect(&many), "11 users gained access, 1 user lost access.");
        let most: Vec<_> = (0..MOST_VERDICTS).map(|n| change(&format!("user_{n}"), "pro", true)).collect();
        assert_eq!(effect(&most), "At least 1000 users gained access.");
        let reason_alone = VerdictChange { allowed_before: true, ..change("ada", "pro", true) };
        assert_eq!(effect(&[reason_alone]), "Nobody's access changed.");
    }
}
