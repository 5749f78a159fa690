//! Backups of the database, and what puts one back.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use domain::Timestamp;
use serde_json::json;

use super::output::{line, note};
use super::{Usage, author, now};
use crate::backup::{files, restore, size};
use crate::config::{Config, DatabaseUrl};

/// How far back Stripe lists events (docs.stripe.com/api/events/list), in seconds.
const STRIPE_KEEPS: i64 = 30 * 86_400;

/// `tollkeeper backup`
#[derive(Debug, clap::Args)]
pub(super) struct Backup {
    /// Where to write it; overwrites nothing
    file: PathBuf,
}

/// `tollkeeper restore`
#[derive(Debug, clap::Args)]
pub(super) struct Restore {
    /// The backup
    #[arg(required_unless_present = "finish")]
    file: Option<PathBuf>,
    /// PostgreSQL, after pg_restore: end the sessions, and have what came since fetched from Stripe
    #[arg(long, conflicts_with = "file")]
    finish: bool,
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-:@=".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// A PostgreSQL as its own programs name it; its password they take from PGPASSWORD or ~/.pgpass.
fn named(url: &DatabaseUrl) -> String {
    quoted(&url.without_password())
}

impl Backup {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let url = &config.database_url;
        if !url.is_sqlite() {
            anyhow::bail!(
                "the database is PostgreSQL, which makes its own backups: pg_dump --format=custom --file={} {} (the password by PGPASSWORD or ~/.pgpass)",
                quoted(&self.file.to_string_lossy()),
                named(url)
            );
        }
        let contents = files::write(url.expose(), &self.file).await?;
        let newest = contents
            .newest_at
            .map_or_else(|| "nothing in it yet".to_owned(), |at| format!("the newest in it is of {at}"));
        line(&format!("{}: {}, migration {}, {newest}", self.file.display(), size(contents.bytes), contents.schema));
        if let Some(key) = key_file(&config).filter(|_| config.encryption_keys.is_empty()) {
            note(&format!(
                "{} encrypts second factors and is not in the backup: keep a copy of it, in another place than the backups",
                key.display()
            ));
        } else if !config.encryption_keys.is_empty() {
            note(
                "ENCRYPTION_KEY encrypts second factors and is not in the backup: keep a copy of it, in another place than the backups",
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The file that encrypts second factors, if there is one.
fn key_file(config: &Config) -> Option<PathBuf> {
    crate::auth::vault::key_file(config.database_url.expose()).filter(|file| file.exists())
}

impl Restore {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let url = &config.database_url;
        match (self.file, url.is_sqlite()) {
            (None, true) => {
                Err(Usage("--finish is for PostgreSQL: `tollkeeper restore FILE` does all of it".to_owned()).into())
            }
            (None, false) => finish(&config).await,
            (Some(file), false) => anyhow::bail!(
                "the database is PostgreSQL: stop every server, make a new database beside {} (createdb), then pg_restore --no-owner \
                 --single-transaction --dbname=NEW {} (NEW is its URL; the password by PGPASSWORD or ~/.pgpass), set DATABASE_URL to it, then \
                 tollkeeper restore --finish",
                named(url),
                quoted(&file.to_string_lossy())
            ),
            (Some(file), true) => from_file(&config, &file).await,
        }
    }
}

async fn from_file(config: &Config, file: &Path) -> anyhow::Result<ExitCode> {
    let restored = restore::restore(config, file, &author()).await?;
    let contents = restored.contents;
    line(&format!("{} is {} now: {}", restored.database.display(), file.display(), size(contents.bytes)));
    match &restored.kept {
        Some((kept, None)) => {
            line(&format!("What was there before is kept as {}; remove it when you need it no more", kept.display()))
        }
        Some((kept, Some(damage))) => line(&format!(
            "What was there before cannot be read ({damage}); it is kept as {}, with its log beside it",
            kept.display()
        )),
        None => {}
    }
    if restored.settled.sealed_factors > 0 && key_file(config).is_none() && config.encryption_keys.is_empty() {
        note(&format!(
            "{} second factors are encrypted with a key that is neither ENCRYPTION_KEY nor beside the database: put it back, or let people in by `tollkeeper staff reset-2fa`",
            restored.settled.sealed_factors
        ));
    }
    say_what_is_missing(restored.settled.sessions, contents.newest_at);
    Ok(ExitCode::SUCCESS)
}

async fn finish(config: &Config) -> anyhow::Result<ExitCode> {
    let store = crate::open_store(config).await?;
    let settled = store.settle_restored(&json!({ "file": "pg_restore" }), &author()).await?;
    store.close().await;
    say_what_is_missing(settled.sessions, None);
    Ok(ExitCode::SUCCESS)
}

/// What came after the backup, and what is to be done about it.
fn say_what_is_missing(sessions: u64, newest_at: Option<Timestamp>) {
    let since = newest_at.map_or_else(|| "the backup was taken".to_owned(), |at| at.to_string());
    line(&format!("Sessions ended: {sessions}. Everybody signs in again, and links to set a password are void"));
    line(&format!(
        "API keys that were revoked, changes of the staff, of the catalog and of overrides, and erasures of personal data since {since} are undone: \
         look at them (tollkeeper api-key list, tollkeeper staff list), and erase again"
    ));
    line("Start the server: it fetches what Stripe sent since by itself");
    if newest_at.is_some_and(|at| at.plus_secs(STRIPE_KEEPS) < now()) {
        line("Stripe lists events of 30 days alone: run `tollkeeper sync --all` as well");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_as_shells_take_them() {
        assert_eq!(quoted("/var/b.dump"), "/var/b.dump");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
