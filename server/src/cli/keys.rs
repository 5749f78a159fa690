//! API keys.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use domain::Timestamp;
use domain::role::Scope;
use serde_json::json;
use store::records::{ApiKeyRecord, ApiKeyTerms};

use super::output::{cell, json_list, line, note, table};
use super::{Missing, Mode, Usage, author, now};
use crate::api::extract;
use crate::auth::api_key;
use crate::auth::network::Networks;
use crate::config::{Config, parse_duration};

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
        #[command(flatten)]
        terms: Terms,
    },
    /// Every key; never the keys themselves
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a key that takes the place of another, with its name, scope, mode, addresses and rates: it alone goes to stdout, once
    Rotate {
        /// key_…
        id: String,
        /// How long the old key goes on working beside the new one, such as 24h or 7d; none or 0s ends it at once
        #[arg(long, default_value = "24h", value_parser = overlap)]
        overlap: i64,
        /// When the new key ends, as for create [default: as long after now as the old one's end was after its beginning]
        #[arg(long)]
        expires: Option<String>,
    },
    /// Revoke a key: it stops within a second
    Revoke {
        /// key_…
        id: String,
    },
}

/// Until when, from where and how often.
#[derive(Debug, Args)]
pub(super) struct Terms {
    /// When it ends: never, a length of time such as 90d, a day such as 2027-06-30 (UTC), or a moment
    #[arg(long, default_value = "never")]
    expires: String,
    /// An address or network it may be used from, such as 203.0.113.0/24; may be given several times [default: from anywhere]
    #[arg(long = "address", value_name = "ADDRESS")]
    addresses: Vec<String>,
    /// Access checks a second [default: 100000]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=i64::from(api_key::MOST_RATE)))]
    check_rate: Option<u32>,
    /// Other requests a second [default: 1000]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=i64::from(api_key::MOST_RATE)))]
    request_rate: Option<u32>,
}

fn scope(text: &str) -> Result<Scope, String> {
    Scope::parse(text).ok_or_else(|| "expected check, read, write or admin".to_owned())
}

/// In seconds.
fn overlap(text: &str) -> Result<i64, String> {
    if text == "none" || text == "0" {
        return Ok(0);
    }
    let length = parse_duration(text).and_then(|length| i64::try_from(length.as_secs()).ok());
    length.ok_or_else(|| "expected none, or a length of time such as 24h or 7d".to_owned())
}

fn expiry(text: &str, now: Timestamp) -> Result<Option<Timestamp>, Usage> {
    api_key::expiry(text, now).map_err(|why| Usage(format!("--expires: {why}")))
}

impl Terms {
    fn read(self, now: Timestamp) -> Result<ApiKeyTerms, Usage> {
        let addresses = Networks::parse(&self.addresses.join(",")).map_err(|why| Usage(format!("--address: {why}")))?;
        Ok(ApiKeyTerms {
            expires_at: expiry(&self.expires, now)?,
            addresses: addresses.texts(),
            check_rate: self.check_rate,
            request_rate: self.request_rate,
        })
    }
}

impl ApiKey {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let store = crate::open_store(&config).await?;
        match self {
            Self::Create { name, mode, scope, terms } => {
                let now = now();
                let name =
                    extract::short_text(Some(name), 80, "--name").map_err(|error| Usage(error.message().to_owned()))?;
                let name = name.ok_or_else(|| Usage("--name must not be blank".to_owned()))?;
                let (key, mut record) = api_key::create(&name, mode.into(), scope, "cli", now)?;
                record.terms = terms.read(now)?;
                store.add_api_key(&record, &author()).await?;
                note(&format!("{}. This is the only time the key is shown:", described(&record)));
                line(&key);
            }
            Self::List { json: true } => {
                let row = |key: &ApiKeyRecord| {
                    json!({
                        "object": "api_key", "id": key.api_key_id, "name": key.name, "livemode": key.livemode.is_live(), "scope": key.scope,
                        "prefix": key.prefix, "last4": key.last4, "created_at": key.created_at, "created_by": key.created_by,
                        "expires_at": key.terms.expires_at, "addresses": key.terms.addresses,
                        "check_rate": key.terms.check_rate.unwrap_or(api_key::CHECK_RATE.per_second),
                        "request_rate": key.terms.request_rate.unwrap_or(api_key::REQUEST_RATE.per_second),
                        "replaces": key.replaces, "replaced_by": key.replaced_by,
                        "last_used_at": key.last_used_at, "last_used_from": key.last_used_from, "revoked_at": key.revoked_at,
                    })
                };
                json_list(&store.api_keys().await?.iter().map(row).collect::<Vec<_>>(), false);
            }
            Self::List { json: false } => {
                let now = now();
                let row = |key: ApiKeyRecord| {
                    let state = state(&key, now);
                    let shown = format!("{}…{}", key.prefix, key.last4);
                    vec![key.api_key_id, key.name, shown, key.scope.as_str().to_owned(), cell(key.last_used_at), state]
                };
                let rows: Vec<_> = store.api_keys().await?.into_iter().map(row).collect();
                table(&["ID", "NAME", "KEY", "SCOPE", "LAST USED", "STATE"], &rows);
            }
            Self::Rotate { id, overlap, expires } => {
                let author = author();
                let gone = || Missing(format!("there is no active API key {id:?} that was not replaced already"));
                let old = store.api_key(&id).await?.ok_or_else(gone)?;
                let (key, mut record) = api_key::successor(&old, "cli", author.now)?;
                if let Some(expires) = expires {
                    record.terms.expires_at = expiry(&expires, author.now)?;
                }
                let ends_at = author.now.plus_secs(overlap);
                if !store.rotate_api_key(&record, ends_at, &author).await? {
                    return Err(gone().into());
                }
                let end = store.api_key(&id).await?.map_or_else(String::new, |old| state(&old, author.now));
                note(&format!("{id} is replaced by {}. The old key: {end}", described(&record)));
                note("This is the only time the new key is shown:");
                line(&key);
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

fn described(key: &ApiKeyRecord) -> String {
    let end = key.terms.expires_at.map_or_else(String::new, |end| format!(", expires {end}"));
    let from = if key.terms.addresses.is_empty() {
        String::new()
    } else {
        format!(", only from {}", key.terms.addresses.join(" "))
    };
    format!("{} ({}, scope {}{end}{from})", key.api_key_id, key.livemode, key.scope.as_str())
}

fn state(key: &ApiKeyRecord, now: Timestamp) -> String {
    let word = match (key.revoked_at, key.terms.expires_at) {
        (Some(at), _) => format!("revoked {at}"),
        (None, Some(end)) if end <= now => format!("expired {end}"),
        (None, Some(end)) => format!("active until {end}"),
        (None, None) => "active".to_owned(),
    };
    match &key.replaced_by {
        Some(new) => format!("{word}, replaced by {new}"),
        None => word,
    }
}
