//! Accounts of the staff, for owners.

use app::pages::Page;
use app::pages::once::Secret;
use app::pages::staff as people;
use domain::role::Role;
use store::FactorEnd;
use store::records::{StaffLink, StaffLinkKind, StaffRecord};

use super::flash::Flash;
use super::post::{Outcome, Posted};
use crate::auth::{links, password, setup};
use crate::config::is_email;

const PAGE: &str = "/admin/staff";

/// Invites somebody: an account that nobody can sign in to until its person chose a password by the link.
pub async fn invite(posted: Posted) -> Outcome {
    let fields = &posted.fields;
    let (email, name) = (fields.get("email").to_lowercase(), fields.get("name").to_owned());
    let mut errors = person_errors(&email, &name);
    let role = Role::parse(fields.get("role"));
    if role.is_none() {
        errors.push(("role".to_owned(), "Choose viewer, support, admin or owner.".to_owned()));
    }
    let Some(role) = role.filter(|_| errors.is_empty()) else {
        return Outcome::Invalid { page: PAGE.to_owned(), errors };
    };
    let author = posted.author();
    let record = record(email, name, role, password::NONE.to_owned(), author.now);
    let link = links::make(&record.staff_id, StaffLinkKind::Invite, &author.actor, author.now);
    let token = match setup::random_token() {
        Ok(token) => token,
        Err(error) => return Outcome::Failed(error),
    };
    match posted.state.store.invite_staff(&record, &link, &setup::sha256_hex(&token), &author).await {
        Ok(()) => shown(&posted, &link, &record, &token),
        Err(store::Error::Conflict(_)) => Outcome::invalid(PAGE, "email", "Somebody has this e-mail address already."),
        Err(error) => error.into(),
    }
}

/// Makes another link for somebody: an invitation again for who never signed in, else one to choose another password.
pub async fn link(posted: Posted) -> Outcome {
    let store = &posted.state.store;
    let record = match store.staff_by_id(posted.param("id")).await {
        Ok(Some(record)) => record,
        Ok(None) => return Outcome::NotFound,
        Err(error) => return error.into(),
    };
    if record.disabled_at.is_some() {
        let flash = Flash::bad(format!("{} is disabled. Enable the account first.", record.email));
        return Outcome::Done { to: PAGE.to_owned(), flash };
    }
    let is_new = record.password_hash == password::NONE;
    let kind = if is_new { StaffLinkKind::Invite } else { StaffLinkKind::Reset };
    let author = posted.author();
    let link = links::make(&record.staff_id, kind, &author.actor, author.now);
    let token = match setup::random_token() {
        Ok(token) => token,
        Err(error) => return Outcome::Failed(error),
    };
    match store.put_staff_link(&link, &setup::sha256_hex(&token), &author).await {
        Ok(true) => shown(&posted, &link, &record, &token),
        Ok(false) => Outcome::NotFound,
        Err(error) => error.into(),
    }
}

/// The page that shows a link, this once.
fn shown(posted: &Posted, link: &StaffLink, record: &StaffRecord, token: &str) -> Outcome {
    Outcome::Shown(Box::new(Page::StaffLink(people::Link {
        email: record.email.clone(),
        role: record.role,
        is_invite: link.kind == StaffLinkKind::Invite,
        expires_at: link.expires_at,
        address: Secret(links::address(&posted.state.config.public_url, token)),
    })))
}

/// Takes the second factor away from who has lost it.
pub async fn reset_second_factor(posted: Posted) -> Outcome {
    let store = &posted.state.store;
    let record = match store.staff_by_id(posted.param("id")).await {
        Ok(Some(record)) => record,
        Ok(None) => return Outcome::NotFound,
        Err(error) => return error.into(),
    };
    let bad = |message: String| Outcome::Done { to: PAGE.to_owned(), flash: Flash::bad(message) };
    if record.staff_id == posted.actor.staff_id {
        // Else an open session would be enough to turn it off.
        return bad(
            "Turn your own two-factor sign-in off on your Security page: that needs your password and a code.".into()
        );
    }
    match store.end_second_factor(&record.staff_id, FactorEnd::Reset, &posted.author()).await {
        Ok(true) => {
            let message =
                format!("{} signs in with the password alone now, and is signed out everywhere.", record.email);
            Outcome::done(PAGE, message)
        }
        Ok(false) => bad(format!("{} has no two-factor sign-in.", record.email)),
        Err(error) => error.into(),
    }
}

/// Changes role or disablement.
pub async fn update(posted: Posted) -> Outcome {
    let mut record = match posted.state.store.staff_by_id(posted.param("id")).await {
        Ok(Some(record)) => record,
        Ok(None) => return Outcome::NotFound,
        Err(error) => return error.into(),
    };
    let fields = &posted.fields;
    if let Some(word) = fields.opt("role") {
        let Some(role) = Role::parse(word) else {
            return Outcome::invalid(PAGE, "role", "Choose viewer, support, admin or owner.");
        };
        record.role = role;
    }
    match fields.opt("disabled") {
        Some("true" | "on" | "1") => record.disabled_at = record.disabled_at.or_else(|| Some(posted.state.now())),
        Some("false" | "off" | "0") => record.disabled_at = None,
        Some(_) => return Outcome::invalid(PAGE, "disabled", "Expected true or false."),
        None => {}
    }
    match posted.state.store.update_staff(&record, &posted.author()).await {
        Ok(true) => Outcome::done(PAGE, format!("{} is changed, and signed out everywhere.", record.email)),
        Ok(false) => {
            Outcome::Done { to: PAGE.to_owned(), flash: Flash::bad("There must be an owner who can sign in.") }
        }
        Err(error) => error.into(),
    }
}

/// What is wrong with a new account, by field.
pub(super) fn account_errors(email: &str, name: &str, new_password: &str) -> Vec<(String, String)> {
    let mut errors = person_errors(email, name);
    if let Err(fault) = password::check(new_password, &[email, name]) {
        errors.push(("password".to_owned(), fault.to_string()));
    }
    errors
}

/// What is wrong with whose account it is, by field.
fn person_errors(email: &str, name: &str) -> Vec<(String, String)> {
    let mut errors = Vec::new();
    if !is_email(email) {
        errors.push(("email".to_owned(), "An e-mail address, such as you@example.com.".to_owned()));
    }
    if name.chars().count() > 200 {
        errors.push(("name".to_owned(), "At most 200 characters.".to_owned()));
    }
    errors
}

/// A new account, its password hashed. Without a name it goes by the part before the `@`.
pub(super) async fn new_record(
    email: String,
    name: String,
    role: Role,
    new_password: &str,
    now: domain::Timestamp,
) -> anyhow::Result<StaffRecord> {
    Ok(record(email, name, role, password::hash(new_password).await?, now))
}

fn record(email: String, name: String, role: Role, password_hash: String, now: domain::Timestamp) -> StaffRecord {
    let name = if name.is_empty() { email.split('@').next().unwrap_or_default().to_owned() } else { name };
    StaffRecord {
        staff_id: crate::ids::new("stf"),
        email,
        name,
        role,
        password_hash,
        created_at: now,
        last_seen_at: None,
        disabled_at: None,
    }
}
