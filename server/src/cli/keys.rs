//! API keys.

use std::process::ExitCode;

use clap::Subcommand;
use domain::role::Scope;
use serde_json::json;
use store::records::ApiKeyRecord;

use super::output::{cell, json_list, line, note, table};
use super::{Missing, Mode, Usage, author, now};
use crate::api::extract;
use crate::auth::api_key;
use crate::config::Config;

/// `tollkeeper api-key …`
#[derive(Debug, Subcommand)]
pub(super) enum ApiKey {
    /// Make a key: it alone goes to stdout, once
    Create {
        /// A name for people
        #[arg(long)]
        name: String,
        /// Test or live data
        #[arg(long)]
        mode: Mode,
        /// check, read, write or admin; each includes the ones before it
        #[arg(long, default_value = "check", value_parser = scope)]
        scope: Scope,
    },
    /// Every key; never the keys themselves
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Revoke a key: it stops within a second
    Revoke {
        /// key_…
        id: String,
    },
}

fn scope(text: &str) -> Result<Scope, String> {
    Scope::parse(text).ok_or_else(|| "expected check, read, write or admin".to_owned())
}

impl ApiKey {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let store = crate::open_store(&config).await?;
        match self {
            Self::Create { name, mode, scope } => {
                let name =
                    extract::short_text(Some(name), 80, "--name").map_err(|error| Usage(error.message().to_owned()))?;
                let name = name.ok_or_else(|| Usage("--name must not be blank".to_owned()))?;
                let (key, record) = api_key::create(&name, mode.into(), scope, "cli", now())?;
                store.add_api_key(&record, &author()).await?;
                note(&format!(
                    "{} ({}, scope {}). This is the only time the key is shown:",
                    record.api_key_id,
                    record.livemode,
                    scope.as_str()
                ));
                line(&key);
            }
            Self::List { json: true } => {
                let row = |key: &ApiKeyRecord| {
                    json!({
                        "object": "api_key", "id": key.api_key_id, "name": key.name, "livemode": key.livemode.is_live(), "scope": key.scope,
                        "prefix": key.prefix, "last4": key.last4, "created_at": key.created_at, "created_by": key.created_by,
                        "last_used_at": key.last_used_at, "revoked_at": key.revoked_at,
                    })
                };
                json_list(&store.api_keys().await?.iter().map(row).collect::<Vec<_>>(), false);
            }
            Self::List { json: false } => {
                let row = |key: ApiKeyRecord| {
                    let shown = format!("{}…{}", key.prefix, key.last4);
                    let state = key.revoked_at.map_or_else(|| "active".to_owned(), |at| format!("revoked {at}"));
                    vec![key.api_key_id, key.name, shown, key.scope.as_str().to_owned(), cell(key.last_used_at), state]
                };
                let rows: Vec<_> = store.api_keys().await?.into_iter().map(row).collect();
                table(&["ID", "NAME", "KEY", "SCOPE", "LAST USED", "STATE"], &rows);
            }
            Self::Revoke { id } => {
                if !store.revoke_api_key(&id, &author()).await? {
                    return Err(Missing(format!("there is no active API key {id:?}")).into());
                }
                note(&format!("{id} is revoked"));
            }
        }
        store.close().await;
        Ok(ExitCode::SUCCESS)
    }
}
