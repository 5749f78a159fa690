//! Staff accounts.

use std::io::Read;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use domain::role::Role;
use serde_json::json;
use store::records::{StaffLinkKind, StaffRecord};
use store::{FactorEnd, Store};

use super::output::{cell, json_list, line, note, table};
use super::{Missing, Usage, author, now};
use crate::auth::{links, password, setup};
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
    /// Add an account without a password, and print the link by which its person chooses one: used once, for 72 hours
    Invite {
        /// E-mail address
        #[arg(long)]
        email: String,
        /// viewer, support, admin or owner
        #[arg(long, value_parser = role)]
        role: Role,
        /// A name for people; the beginning of the e-mail address when left out
        #[arg(long)]
        name: Option<String>,
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
    /// Take two-factor sign-in away from who has lost it, and end the person's sessions
    #[command(name = "reset-2fa")]
    ResetSecondFactor {
        /// E-mail address
        #[arg(long)]
        email: String,
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
            Self::Invite { email, role, name } => invite(&store, &config, &email, role, name).await?,
            Self::List { json } => list(&store, json).await?,
            Self::ResetPassword { email, password_stdin } => {
                let staff = find(&store, &email).await?;
                let (password, made_up) = new_password(&email, password_stdin)?;
                let staff = StaffRecord { password_hash: password::hash(&password).await?, ..staff };
                update(&store, &staff).await?;
                note(&format!("{} has a new password", staff.email));
                show(made_up, &password);
            }
            Self::ResetSecondFactor { email } => {
                let staff = find(&store, &email).await?;
                if !store.end_second_factor(&staff.staff_id, FactorEnd::Reset, &author()).await? {
                    anyhow::bail!("{} has no two-factor sign-in", staff.email);
                }
                note(&format!("{} signs in with the password alone", staff.email));
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
    let (password, made_up) = new_password(email, password_stdin)?;
    let staff = record(email, role, name, password::hash(&password).await?);
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

async fn invite(
    store: &Arc<dyn Store>,
    config: &Config,
    email: &str,
    role: Role,
    name: Option<String>,
) -> anyhow::Result<()> {
    if !is_email(email) {
        return Err(Usage(format!("--email: {email:?} is not an e-mail address")).into());
    }
    let (author, token) = (author(), setup::random_token()?);
    let staff = record(email, role, name, password::NONE.to_owned());
    let link = links::make(&staff.staff_id, StaffLinkKind::Invite, &author.actor, author.now);
    match store.invite_staff(&staff, &link, &setup::sha256_hex(&token), &author).await {
        Err(store::Error::Conflict(_)) => anyhow::bail!("there is an account {} already", staff.email),
        invited => invited?,
    }
    note(&format!("{} ({}) was invited. Hand this link over; it works once, for 72 hours:", staff.email, role));
    line(&links::address(&config.public_url, &token));
    Ok(())
}

fn record(email: &str, role: Role, name: Option<String>, password_hash: String) -> StaffRecord {
    let email = email.to_lowercase();
    StaffRecord {
        staff_id: crate::ids::new("stf"),
        name: name.unwrap_or_else(|| email.split('@').next().unwrap_or_default().to_owned()),
        email,
        role,
        password_hash,
        created_at: now(),
        last_seen_at: None,
        disabled_at: None,
    }
}

fn show(made_up: bool, password: &str) {
    if made_up {
        note("The password, shown this once:");
        line(password);
    }
}

/// From stdin, or made up.
fn new_password(email: &str, from_stdin: bool) -> anyhow::Result<(String, bool)> {
    if !from_stdin {
        let token = setup::random_token()?;
        return Ok((token[..24].to_owned(), true));
    }
    let mut text = String::new();
    // More than the longest password allowed, so that the rule and not the cut refuses it.
    std::io::stdin().lock().take(4096).read_to_string(&mut text)?;
    let password = text.trim_end_matches(['\r', '\n']).to_owned();
    password::check(&password, &[email]).map_err(|fault| Usage(fault.to_string()))?;
    Ok((password, false))
}

async fn list(store: &Arc<dyn Store>, json: bool) -> anyhow::Result<()> {
    let staff = store.staff().await?;
    let with_second = store.who_has_second_factor().await?;
    if json {
        let row = |one: &StaffRecord| {
            json!({
                "object": "staff", "id": one.staff_id, "email": one.email, "name": one.name, "role": one.role, "created_at": one.created_at,
                "last_seen_at": one.last_seen_at, "disabled_at": one.disabled_at,
                "two_factor": with_second.contains(&one.staff_id),
            })
        };
        json_list(&staff.iter().map(row).collect::<Vec<_>>(), false);
        return Ok(());
    }
    let row = |one: StaffRecord| {
        let state = one.disabled_at.map_or_else(|| "active".to_owned(), |at| format!("disabled {at}"));
        let second = if with_second.contains(&one.staff_id) { "on" } else { "off" };
        vec![one.email, one.name, one.role.to_string(), second.to_owned(), cell(one.last_seen_at), state]
    };
    table(&["E-MAIL", "NAME", "ROLE", "2FA", "LAST SEEN", "STATE"], &staff.into_iter().map(row).collect::<Vec<_>>());
    Ok(())
}
