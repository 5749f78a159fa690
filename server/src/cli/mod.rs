//! The command line. Commands work on the database directly, also while the server runs.
//!
//! Exit codes: 0 ok, 1 error, 2 usage (a wrong setting too), 3 the answer is no, 4 not found, or drift.

mod access;
mod audit;
mod backup;
mod copy;
mod doctor;
mod events;
mod keys;
mod output;
mod person;
mod resync;
mod server;
mod staff;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use domain::{Livemode, Timestamp};
use store::records::Author;

use crate::clock::{Clock, SystemClock};
use crate::config::{Config, ConfigError, Flags, Sources};
use crate::serve::Inherited;

/// Tells your application whether a user may use a feature, from what Stripe says, and why not.
#[derive(Debug, Parser)]
#[command(name = "tollkeeper", version, propagate_version = true, disable_help_subcommand = false)]
pub struct Cli {
    /// `serve` when left out.
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Migrate the database, then serve until SIGTERM or Ctrl-C (also without any command)
    Serve,
    /// Serve a temporary database with a month of a small company's life, Stripe played by a stand-in; prints how to sign in
    Demo(server::Demo),
    /// May this user use this feature? Ends with 0 for yes, 3 for no
    Check(access::Check),
    /// The chain from checkout to access of a user, cus_…, sub_…, evt_…, cs_… or e-mail address
    Diagnose(access::Diagnose),
    /// Read customers from Stripe now, and print what changed
    Sync(access::Sync),
    /// Compare the customers that most likely differ with Stripe, and print what differs. Ends with 4 when something does and was left
    Reconcile(resync::Reconcile),
    /// Is the installation right? Looks at settings, database, Stripe and webhooks; ends with 1 when a check fails
    Doctor(doctor::Doctor),
    /// The webhook log
    #[command(subcommand)]
    Events(events::Events),
    /// Everything that is kept about one person, as JSON
    Export(person::Export),
    /// Erase what names one person; what was decided stays. Says what it would do, and asks
    Erase(person::Erase),
    /// Staff accounts
    #[command(subcommand)]
    Staff(staff::Staff),
    /// The audit log
    #[command(subcommand)]
    Audit(audit::Audit),
    /// API keys of your application
    #[command(subcommand, name = "api-key")]
    ApiKey(keys::ApiKey),
    /// Write the database into a file while the server goes on (SQLite; for PostgreSQL it says the pg_dump to run)
    Backup(backup::Backup),
    /// Put a backup in the place of the database, which is kept; refuses while a server runs on it
    Restore(backup::Restore),
    /// Copy everything into an empty database, such as from SQLite to PostgreSQL, and compare both. Broken off, it goes on when run again
    Copy(copy::Copy),
    /// Bring the database up to date, and end
    Migrate,
    /// The settings in effect, where each came from, secrets masked
    Config(server::Show),
    /// Ask the running server whether it is ready: 0 for yes, 1 for no
    Healthcheck,
    /// A script that completes commands in a shell
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Test or live data.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Mode {
    /// Stripe's test mode and sandboxes
    Test,
    /// Real money
    Live,
}

impl From<Mode> for Livemode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Test => Self::Test,
            Mode::Live => Self::Live,
        }
    }
}

/// The option that many commands share.
#[derive(Debug, clap::Args)]
struct ModeArg {
    /// Test or live data; live when a live key of Stripe's is set, otherwise test
    #[arg(long)]
    mode: Option<Mode>,
}

impl ModeArg {
    fn livemode(&self, config: &Config) -> Livemode {
        self.mode.map_or_else(|| Livemode::from_bool(config.modes().contains(&Livemode::Live)), Livemode::from)
    }
}

/// The answer is no.
const NO: u8 = 3;
/// There is no such thing, or there is drift.
const NOT_FOUND: u8 = 4;
/// A wrong setting or argument.
const USAGE: u8 = 2;

/// An argument that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

/// Nothing has this id.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Missing(String);

/// Runs a command to its exit code.
#[must_use]
pub fn main(cli: Cli) -> ExitCode {
    if let Some(Command::Completion { shell }) = &cli.command {
        let mut script = Vec::new();
        clap_complete::generate(*shell, &mut Cli::command(), "tollkeeper", &mut script);
        output::line(String::from_utf8_lossy(&script).trim_end());
        return ExitCode::SUCCESS;
    }
    match start(cli) {
        Ok(code) => code,
        Err(error) => {
            output::note(&format!("tollkeeper: {}", sentence(&error)));
            ExitCode::from(code_of(&error))
        }
    }
}

/// The error and its causes, each once: some say their cause themselves.
fn sentence(error: &anyhow::Error) -> String {
    let mut said = String::new();
    for cause in error.chain().map(ToString::to_string).filter(|cause| !cause.is_empty()) {
        if said.is_empty() {
            said = cause;
        } else if !said.contains(&cause) {
            said.push_str(": ");
            said.push_str(&cause);
        }
    }
    said
}

fn code_of(error: &anyhow::Error) -> u8 {
    if error.is::<ConfigError>() || error.is::<Usage>() {
        USAGE
    } else if error.is::<Missing>() {
        NOT_FOUND
    } else {
        1
    }
}

fn start(cli: Cli) -> anyhow::Result<ExitCode> {
    let sources = Sources::collect(cli.flags)?;
    let config = Config::load(&sources)?;
    let command = cli.command.unwrap_or(Command::Serve);
    // Before there are other threads; and other commands leave alone what is not theirs.
    let inherited = matches!(command, Command::Serve).then(Inherited::take);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(command, config, &sources, inherited))
}

async fn run(
    command: Command,
    config: Config,
    sources: &Sources,
    inherited: Option<Inherited>,
) -> anyhow::Result<ExitCode> {
    // Only who serves has something to tell that nobody else does.
    let is_server = matches!(command, Command::Serve | Command::Demo(_));
    let config = if is_server { config } else { Config { otlp_endpoint: None, ..config } };
    let telemetry = crate::telemetry::start(&config)?;
    let ended = dispatch(command, config, sources, inherited).await;
    telemetry.end().await;
    ended
}

async fn dispatch(
    command: Command,
    config: Config,
    sources: &Sources,
    inherited: Option<Inherited>,
) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve => server::serve(config, inherited).await,
        Command::Demo(args) => args.run(config).await,
        Command::Check(args) => args.run(config).await,
        Command::Diagnose(args) => args.run(config).await,
        Command::Sync(args) => args.run(config).await,
        Command::Reconcile(args) => args.run(config).await,
        Command::Doctor(args) => args.run(config).await,
        Command::Events(args) => args.run(config).await,
        Command::Export(args) => args.run(config).await,
        Command::Erase(args) => args.run(config).await,
        Command::Staff(args) => args.run(config).await,
        Command::Audit(args) => args.run(config).await,
        Command::ApiKey(args) => args.run(config).await,
        Command::Backup(args) => args.run(config).await,
        Command::Restore(args) => args.run(config).await,
        Command::Copy(args) => args.run(config).await,
        Command::Migrate => server::migrate(&config).await,
        Command::Config(args) => args.run(&config, sources),
        Command::Healthcheck => server::healthcheck(&config).await,
        // Answered before the settings are read.
        Command::Completion { .. } => Ok(ExitCode::SUCCESS),
    }
}

fn now() -> Timestamp {
    SystemClock.now()
}

/// Whoever has the shell.
fn author() -> Author {
    Author::new("cli", now())
}
