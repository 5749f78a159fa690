//! A whole database into another one.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use store::copy::{Copied, Step};

use super::Usage;
use super::output::{line, note, table};
use crate::backup::lock;
use crate::config::{Config, DatabaseUrl};

/// How often it is said how far it is.
const SAY_EVERY: Duration = Duration::from_secs(5);

/// `tollkeeper copy`
#[derive(Debug, clap::Args)]
pub(super) struct Copy {
    /// The database to copy, sqlite://… or postgres://…; no server may run on it [default: DATABASE_URL]
    #[arg(long, value_name = "URL")]
    from: Option<String>,
    /// An empty database. A password may be left out of the URL and given by PGPASSWORD or ~/.pgpass
    #[arg(long, value_name = "URL")]
    to: String,
}

fn url(flag: &str, text: &str) -> Result<DatabaseUrl, Usage> {
    DatabaseUrl::parse(text).map_err(|why| Usage(format!("{flag}: {why}")))
}

impl Copy {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let from = self.from.map_or_else(|| Ok(config.database_url.clone()), |text| url("--from", &text))?;
        let to = url("--to", &self.to)?;
        if from.is_sqlite() && !store::sqlite::path_of(from.expose())?.exists() {
            anyhow::bail!("there is no database at {from}");
        }
        // Held until the end: nothing that comes in meanwhile would be copied.
        let mut locks = vec![];
        for url in [&from, &to].into_iter().filter(|url| url.is_sqlite()) {
            locks.push(lock::alone(url.expose(), "copy")?);
        }
        let mut said = Instant::now();
        let mut tell = |step: Step<'_>| match step {
            Step::GoesOn => note("An unfinished copy is there, and is gone on with"),
            Step::Copying(name, rows) if said.elapsed() >= SAY_EVERY => {
                said = Instant::now();
                note(&format!("copying {name}: {rows} rows"));
            }
            Step::Comparing(name) if said.elapsed() >= SAY_EVERY => {
                said = Instant::now();
                note(&format!("comparing {name}"));
            }
            Step::Copying(..) | Step::Comparing(_) => {}
        };
        let copied = store::copy::copy(from.expose(), to.expose(), &mut tell).await;
        let copied = copied.map_err(|error| match error {
            store::Error::InUse => {
                anyhow::anyhow!("others are connected to {from}: stop every server and close every other program")
            }
            error => anyhow::Error::new(error).context(format!("while copying {from} to {to}")),
        })?;
        report(&copied);
        line(&format!(
            "{to} holds the same as {from}. Stop using the old one, and start with DATABASE_URL set to the new one"
        ));
        say_key(&config, &from, &to);
        Ok(ExitCode::SUCCESS)
    }
}

fn report(copied: &[Copied]) {
    let rows: Vec<Vec<String>> =
        copied.iter().map(|table| vec![table.table.clone(), table.rows.to_string(), table.checksum.clone()]).collect();
    table(&["TABLE", "ROWS", "CHECKSUM"], &rows);
}

/// What encrypts second factors is beside a SQLite database, where PostgreSQL has nothing.
fn say_key(config: &Config, from: &DatabaseUrl, to: &DatabaseUrl) {
    let of = |url: &DatabaseUrl| crate::auth::vault::key_file(url.expose());
    match (of(from).filter(|file| file.exists()), of(to)) {
        (Some(file), None) if config.encryption_keys.is_empty() => note(&format!(
            "Second factors are encrypted with the key in {0}: start with ENCRYPTION_KEY=\"$(cat {0})\", or ENCRYPTION_KEY_FILE={0}",
            file.display()
        )),
        (Some(file), Some(to)) => note(&format!(
            "Second factors are encrypted with the key in {}: copy it to {}",
            file.display(),
            to.display()
        )),
        _ if !config.encryption_keys.is_empty() => note("Keep ENCRYPTION_KEY as it is: it encrypts second factors"),
        _ => {}
    }
}
