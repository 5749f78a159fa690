//! The table of settings, and where their values come from: a flag, the environment, `.env`, or a file named by `NAME_FILE`.

use std::collections::HashMap;
use std::path::Path;

use clap::{Arg, ArgMatches, Command};

use super::ConfigError;

/// One setting, as the help and `tollkeeper config` list it.
#[derive(Debug)]
pub struct Setting {
    /// The variable, such as `PUBLIC_URL`.
    pub name: &'static str,
    /// The flag without its dashes, such as `public-url`.
    pub flag: &'static str,
    /// For a secret: the variable that names a file with the value, such as `ADMIN_PASSWORD_FILE`.
    pub file: Option<&'static str>,
    file_flag: &'static str,
    /// What happens without it, in words or as the value itself.
    pub default: &'static str,
    /// What it means.
    pub help: &'static str,
    /// Left out of the help.
    pub hidden: bool,
}

macro_rules! settings {
    ($($kind:ident $name:literal, $flag:literal, $default:literal, $help:literal;)*) => {
        &[$(Setting {
            name: $name,
            flag: $flag,
            file: settings!(@file $kind $name),
            file_flag: concat!($flag, "-file"),
            default: $default,
            help: $help,
            hidden: settings!(@hidden $kind),
        },)*]
    };
    (@file secret $name:literal) => { Some(concat!($name, "_FILE")) };
    (@file $kind:ident $name:literal) => { None };
    (@hidden hidden) => { true };
    (@hidden $kind:ident) => { false };
}

/// Every setting of the program.
pub const SETTINGS: &[Setting] = settings! {
    plain "LISTEN", "listen", "127.0.0.1:3000", "Where to listen: an address with a port, or unix: and the path of a socket; sockets that systemd opened come first";
    plain "PUBLIC_URL", "public-url", "http://LISTEN", "What browsers and Stripe use, with a path where a proxy shows it below one; decides the cookie's Secure and the webhook URL";
    secret "DATABASE_URL", "database-url", "sqlite://data/tollkeeper.db", "sqlite://… or postgres://…; created (SQLite) and migrated at start";
    secret "STRIPE_SECRET_KEY", "stripe-secret-key", "none", "Stripe API keys, comma separated, at most one per mode";
    secret "STRIPE_WEBHOOK_SECRET", "stripe-webhook-secret", "none", "Signing secrets, comma separated, each whsec_… or name=whsec_…";
    plain "STRIPE_API_BASE", "stripe-api-base", "https://api.stripe.com", "Another base URL, for a local stand-in";
    plain "STRIPE_DAILY_READS", "stripe-daily-reads", "10000",
        "Most reads of a UTC day in each mode for resync of many and reconcile; what webhooks, catch-up and people ask is never refused";
    plain "STRIPE_RATES", "stripe-rates", "live=100,test=25,endpoint=25",
        "Requests a second that Stripe allows your account: in live mode, in test mode, and of each endpoint";
    plain "WEBHOOK_TOLERANCE", "webhook-tolerance", "300", "Seconds a signature's timestamp may be away from now";
    plain "PAST_DUE_GRACE", "past-due-grace", "7d", "How long past_due keeps its access";
    plain "PERIOD_LEEWAY", "period-leeway", "2d", "How long a passed period without a word from Stripe keeps its access";
    plain "TRIAL_POLICY", "trial-policy", "allow", "Whether a trial gives access: allow or deny";
    plain "PAUSED_POLICY", "paused-policy", "deny", "Whether a subscription that somebody paused gives access: allow or deny";
    plain "PAUSE_COLLECTION_POLICY", "pause-collection-policy", "keep_as_draft=keep,mark_uncollectible=keep,void=until_period_end",
        "Access while Stripe's pause_collection lasts, per behavior: keep, until_period_end or deny";
    plain "REFUND_POLICY", "refund-policy", "full",
        "Which refund takes away what a one-time purchase gave: full (a partial one is shown), any, or keep (none)";
    plain "DISPUTE_POLICY", "dispute-policy", "flag",
        "What a dispute of a one-time purchase does: flag (shown; lost takes access away), suspend (no access until it is won), or keep (shown)";
    plain "FAILED_DEBIT_POLICY", "failed-debit-policy", "keep",
        "A delayed debit that fails while Stripe keeps the subscription active: keep (access stays, and it is shown) or revoke";
    plain "USER_METADATA_KEYS", "user-metadata-keys", "user_id,userId", "Metadata keys of Stripe's objects that may name the user, in order";
    plain "RECONCILE", "reconcile", "mend",
        "What is done about a customer that differs from Stripe without any event: mend, report (shown, not mended) or off (nobody looks)";
    plain "RECONCILE_EVERY", "reconcile-every", "1h", "How often those customers are compared that most likely differ";
    plain "ADMIN_EMAIL", "admin-email", "none", "E-mail address of the first owner; used when there is no owner";
    secret "ADMIN_PASSWORD", "admin-password", "none", "Password of the first owner; used when there is no owner";
    plain "TRUSTED_PROXIES", "trusted-proxies", "none",
        "Addresses or networks of the proxies before us, comma separated: their X-Forwarded-For says who the client is";
    plain "TWO_FACTOR_ROLES", "two-factor-roles", "none",
        "Roles that need two-factor sign-in, comma separated, such as owner,admin: until they have set it up, they can do nothing else";
    secret "ENCRYPTION_KEY", "encryption-key", "none",
        "Encrypts the seeds of second factors: 32 random bytes in hex or base64; further keys behind a comma only decrypt. SQLite makes a file without it";
    plain "METRICS_LISTEN", "metrics-listen", "same as LISTEN", "A place of its own for /metrics: an address or unix: and a path";
    plain "SHUTDOWN_DELAY", "shutdown-delay", "0s",
        "How long it goes on answering after it was told to stop, while /readyz says no: time for a load balancer to turn away";
    plain "LOG", "log", "info", "Filter of the log, such as info or server=debug";
    plain "LOG_FORMAT", "log-format", "text", "text or json";
    plain "OTEL_EXPORTER_OTLP_ENDPOINT", "otel-exporter-otlp-endpoint", "none",
        "An OpenTelemetry collector that is sent traces by http/protobuf, such as http://127.0.0.1:4318; the library's own OTEL_… variables work too";
    plain "PAYLOAD_RETENTION", "payload-retention", "90d",
        "How long the raw payloads of events are kept, at least 30d, or off (for ever); what they changed stays";
    plain "REJECTED_RETENTION", "rejected-retention", "90d", "How long refused deliveries are kept, at least 1d, or off (the newest 1,000)";
    plain "BACKUP_EVERY", "backup-every", "1d",
        "SQLite: how often a backup is made beside the work, at least 10m, or off; PostgreSQL is backed up by pg_dump";
    plain "BACKUP_DIR", "backup-dir", "backups beside the database", "The folder of the backups; better on another disk";
    plain "BACKUP_KEEP", "backup-keep", "7", "How many backups are kept; only files of Tollkeeper's own naming are removed";
    hidden "INTAKE_BATCH", "intake-batch", "256", "Most deliveries in one commit; 1 measures what the batches bring";
};

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nobody said anything.
    Default,
    /// The environment.
    Env,
    /// The file `.env`.
    DotEnv,
    /// A flag.
    Flag,
    /// The file that `NAME_FILE` names.
    File(String),
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Env => f.write_str("env"),
            Self::DotEnv => f.write_str("env (.env)"),
            Self::Flag => f.write_str("flag"),
            Self::File(path) => write!(f, "file {path}"),
        }
    }
}

/// The settings given on the command line.
#[derive(Clone, Debug, Default)]
pub struct Flags(HashMap<&'static str, String>);

impl clap::FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for name in SETTINGS.iter().flat_map(|setting| [Some(setting.name), setting.file]).flatten() {
            if let Ok(Some(value)) = matches.try_get_one::<String>(name) {
                self.0.insert(name, value.clone());
            }
        }
        Ok(())
    }
}

impl clap::Args for Flags {
    fn augment_args(command: Command) -> Command {
        SETTINGS.iter().fold(command, |command, setting| {
            let also = setting.file.map(|file| format!(" or {file}")).unwrap_or_default();
            let help = format!("{} [env: {}{also}] [default: {}]", setting.help, setting.name, setting.default);
            let arg = Arg::new(setting.name)
                .long(setting.flag)
                .value_name("VALUE")
                .help(help)
                .help_heading("Settings")
                .global(true)
                .allow_hyphen_values(true)
                .hide(setting.hidden);
            let Some(file) = setting.file else { return command.arg(arg) };
            let help = format!("A file that holds {}", setting.name);
            let file = Arg::new(file).long(setting.file_flag).value_name("PATH").help(help).global(true).hide(true);
            command.arg(arg).arg(file)
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// A value and where it came from.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) value: String,
    pub(super) source: Source,
}

/// Everything that was said about settings; nothing is interpreted yet.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    flags: Flags,
    env: HashMap<String, String>,
    dotenv: HashMap<String, String>,
}

impl Sources {
    /// From the command line, the environment and `.env` in the working directory.
    ///
    /// # Errors
    /// When `.env` is there and cannot be read.
    pub fn collect(flags: Flags) -> Result<Self, ConfigError> {
        let env = std::env::vars_os()
            .filter_map(|(name, value)| {
                let name = name.into_string().ok()?;
                // What is not UTF-8 becomes a value no setting accepts, instead of one nobody gave.
                is_ours(&name).then(|| (name, value.to_string_lossy().into_owned()))
            })
            .collect();
        Ok(Self { flags, env, dotenv: read_dotenv(Path::new(".env"))? })
    }

    /// From pairs, as if they stood in the environment.
    #[must_use]
    pub fn from_env<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let env = pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { env, ..Self::default() }
    }

    /// The first of flag, environment and `.env` that says something. An empty text says nothing.
    pub(super) fn get(&self, setting: &'static Setting) -> Result<Option<Given>, ConfigError> {
        for source in [Source::Flag, Source::Env, Source::DotEnv] {
            let said = |name: &str| {
                let value = match source {
                    Source::Flag => self.flags.0.get(name),
                    Source::DotEnv => self.dotenv.get(name),
                    _ => self.env.get(name),
                };
                value.filter(|value| !value.is_empty())
            };
            match (said(setting.name), setting.file.and_then(said)) {
                (Some(_), Some(_)) => {
                    let fault = format!("both {0} and {0}_FILE are set", setting.name);
                    return Err(ConfigError::new(setting.name, fault, "only one of the two"));
                }
                (Some(value), None) => return Ok(Some(Given { value: value.clone(), source })),
                (None, Some(path)) => return read_file(setting, path).map(Some),
                (None, None) => {}
            }
        }
        Ok(None)
    }
}

fn is_ours(name: &str) -> bool {
    SETTINGS.iter().any(|setting| name == setting.name || setting.file == Some(name))
}

fn read_file(setting: &'static Setting, path: &str) -> Result<Given, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        ConfigError::new(setting.name, format!("{}_FILE names {path:?}: {error}", setting.name), "a readable text file")
    })?;
    let value = text.trim_end_matches(['\r', '\n']).to_owned();
    if value.is_empty() {
        let fault = format!("{}_FILE names {path:?}, which is empty", setting.name);
        return Err(ConfigError::new(setting.name, fault, "a file that holds the value"));
    }
    Ok(Given { value, source: Source::File(path.to_owned()) })
}

fn read_dotenv(path: &Path) -> Result<HashMap<String, String>, ConfigError> {
    if !path.exists() {
        return Ok(HashMap::new());
    }
    let refuse = |fault: String| ConfigError::new(".env", fault, "lines of the form NAME=value");
    let lines = dotenvy::from_path_iter(path).map_err(|error| refuse(format!("it cannot be read ({error})")))?;
    let mut values = HashMap::new();
    for line in lines {
        // The parser's own message repeats the line, which may hold a secret.
        let (name, value) = line.map_err(|_| refuse("a line of it cannot be understood".to_owned()))?;
        if is_ours(&name) {
            values.insert(name, value);
        }
    }
    Ok(values)
}
