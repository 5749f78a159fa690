//! Staff accounts.

use std::io::Read;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use domain::role::Role;
use serde_json::json;
use store::Store;
use store::records::StaffRecord;

use super::output::{cell, json_list, line, note, table};
use super::{Missing, Usage, author, now};
use crate::auth::{password, setup};
use crate::config::{Config, is_email};

/// `tollkeeper staff …`
#[derive(Debug, Subcommand)]
pub(super) enum Staff {
    /// Add an account; without --password-stdin a password is made up and printed once
    Add {
        /// E-mail address
        #[arg(long)]
        email: String,
        /// viewer, support, admin or owner
        #[arg(long, value_parser = role)]
        role: Role,
        /// A name for people; the beginning of the e-mail address when left out
        #[arg(long)]
        name: Option<String>,
        /// Read the password from stdin
        #[arg(long)]
        password_stdin: bool,
    },
    /// Every account
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Set a new password, and end the person's sessions
    ResetPassword {
        /// E-mail address
        #[arg(long)]
        email: String,
        /// Read the password from stdin; otherwise one is made up and printed once
        #[arg(long)]
        password_stdin: bool,
    },
    /// Disable an account, and end the person's sessions
    Disable {
        /// E-mail address
        #[arg(long)]
        email: String,
    },
    /// A new one-time link that makes the first owner
    SetupLink,
}

fn role(text: &str) -> Result<Role, String> {
    Role::parse(text).ok_or_else(|| "expected viewer, support, admin or owner".to_owned())
}

impl Staff {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let store = crate::open_store(&config).await?;
        match self {
            Self::Add { email, role, name, password_stdin } => add(&store, &email, role, name, password_stdin).await?,
            Self::List { json } => list(&store, json).await?,
            Self::ResetPassword { email, password_stdin } => {
                let staff = find(&store, &email).await?;
                let (password, made_up) = new_password(password_stdin)?;
                let staff = StaffRecord { password_hash: password::hash(&password).await?, ..staff };
                update(&store, &staff).await?;
                note(&format!("{} has a new password", staff.email));
                show(made_up, &password);
            }
            Self::Disable { email } => {
                let staff = StaffRecord { disabled_at: Some(now()), ..find(&store, &email).await? };
                update(&store, &staff).await?;
                note(&format!("{} is disabled", staff.email));
            }
            Self::SetupLink => {
                if store.has_owner().await? {
                    anyhow::bail!("there is an owner already; add another with: tollkeeper staff add --role owner");
                }
                let token = setup::issue(store.as_ref(), now()).await?;
                note("Make the first owner within 30 minutes by this link, which works once:");
                line(&setup::link(&config.public_url, &token));
            }
        }
        store.close().await;
        Ok(ExitCode::SUCCESS)
    }
}

async fn find(store: &Arc<dyn Store>, email: &str) -> anyhow::Result<StaffRecord> {
    let staff = store.staff_by_email(email).await?;
    staff.ok_or_else(|| Missing(format!("there is no account {email:?}")).into())
}

async fn update(store: &Arc<dyn Store>, staff: &StaffRecord) -> anyhow::Result<()> {
    if store.update_staff(staff, &author()).await? {
        return Ok(());
    }
    anyhow::bail!("{} is the last owner who can sign in: add another first", staff.email)
}

async fn add(
    store: &Arc<dyn Store>,
    email: &str,
    role: Role,
    name: Option<String>,
    password_stdin: bool,
) -> anyhow::Result<()> {
    if !is_email(email) {
        return Err(Usage(format!("--email: {email:?} is not an e-mail address")).into());
    }
    let (password, made_up) = new_password(password_stdin)?;
    let email = email.to_lowercase();
    let staff = StaffRecord {
        staff_id: crate::ids::new("stf"),
        name: name.unwrap_or_else(|| email.split('@').next().unwrap_or_default().to_owned()),
        email,
        role,
        password_hash: password::hash(&password).await?,
        created_at: now(),
        last_seen_at: None,
        disabled_at: None,
    };
    match store.add_staff(&staff, &author()).await {
        Err(store::Error::Conflict(_)) => anyhow::bail!("there is an account {} already", staff.email),
        added => added?,
    }
    if role == Role::Owner {
        store.clear_setup_links().await?;
    }
    note(&format!("{} ({}) was added", staff.email, role));
    show(made_up, &password);
    Ok(())
}

fn show(made_up: bool, password: &str) {
    if made_up {
        note("The password, shown this once:");
        line(password);
    }
}

/// From stdin, or made up.
fn new_password(from_stdin: bool) -> anyhow::Result<(String, bool)> {
    if !from_stdin {
        let token = setup::random_token()?;
        return Ok((token[..24].to_owned(), true));
    }
    let mut text = String::new();
    // More than the longest password allowed, so that the rule and not the cut refuses it.
    std::io::stdin().lock().take(4096).read_to_string(&mut text)?;
    let password = text.trim_end_matches(['\r', '\n']).to_owned();
    password::check(&password).map_err(|fault| Usage(fault.to_string()))?;
    Ok((password, false))
}

async fn list(store: &Arc<dyn Store>, json: bool) -> anyhow::Result<()> {
    let staff = store.staff().await?;
    if json {
        let row = |one: &StaffRecord| {
            json!({
                "object": "staff", "id": one.staff_id, "email": one.email, "name": one.name, "role": one.role, "created_at": one.created_at,
                "last_seen_at": one.last_seen_at, "disabled_at": one.disabled_at,
            })
        };
        json_list(&staff.iter().map(row).collect::<Vec<_>>(), false);
        return Ok(());
    }
    let row = |one: StaffRecord| {
        let state = one.disabled_at.map_or_else(|| "active".to_owned(), |at| format!("disabled {at}"));
        vec![one.email, one.name, one.role.to_string(), cell(one.last_seen_at), state]
    };
    table(&["E-MAIL", "NAME", "ROLE", "LAST SEEN", "STATE"], &staff.into_iter().map(row).collect::<Vec<_>>());
    Ok(())
}
