//! Accounts of the staff, for owners.

use domain::role::Role;
use store::records::StaffRecord;

use super::flash::Flash;
use super::post::{Outcome, Posted};
use crate::auth::password;
use crate::config::is_email;

const PAGE: &str = "/admin/staff";

/// Adds somebody.
pub async fn add(posted: Posted) -> Outcome {
    let fields = &posted.fields;
    let (email, name, new_password) =
        (fields.get("email").to_lowercase(), fields.get("name").to_owned(), fields.raw("password"));
    let mut errors = account_errors(&email, &name, new_password);
    let role = Role::parse(fields.get("role"));
    if role.is_none() {
        errors.push(("role".to_owned(), "Choose viewer, support, admin or owner.".to_owned()));
    }
    let Some(role) = role.filter(|_| errors.is_empty()) else {
        return Outcome::Invalid { page: PAGE.to_owned(), errors };
    };
    let author = posted.author();
    let record = match new_record(email.clone(), name, role, new_password, author.now).await {
        Ok(record) => record,
        Err(error) => return Outcome::Failed(error),
    };
    match posted.state.store.add_staff(&record, &author).await {
        Ok(()) => Outcome::done(PAGE, format!("{email} can sign in now, as {role}.")),
        Err(store::Error::Conflict(_)) => Outcome::invalid(PAGE, "email", "Somebody has this e-mail address already."),
        Err(error) => error.into(),
    }
}

/// Changes role, disablement or password.
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
    if !fields.raw("password").is_empty() {
        if let Err(fault) = password::check(fields.raw("password")) {
            return Outcome::invalid(PAGE, "password", fault.to_string());
        }
        match password::hash(fields.raw("password")).await {
            Ok(hash) => record.password_hash = hash,
            Err(error) => return Outcome::Failed(error),
        }
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
    let mut errors = Vec::new();
    if !is_email(email) {
        errors.push(("email".to_owned(), "An e-mail address, such as you@example.com.".to_owned()));
    }
    if name.chars().count() > 200 {
        errors.push(("name".to_owned(), "At most 200 characters.".to_owned()));
    }
    if let Err(fault) = password::check(new_password) {
        errors.push(("password".to_owned(), fault.to_string()));
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
    let name = if name.is_empty() { email.split('@').next().unwrap_or_default().to_owned() } else { name };
    Ok(StaffRecord {
        staff_id: crate::ids::new("stf"),
        email,
        name,
        role,
        password_hash: password::hash(new_password).await?,
        created_at: now,
        last_seen_at: None,
        disabled_at: None,
    })
}
