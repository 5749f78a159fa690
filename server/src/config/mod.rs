//! Settings: one struct, read once at start. A wrong value stops the start with one line that names the variable.

mod parse;
mod settings;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use domain::Livemode;
use domain::access::{PaymentPolicy, Policy};
use domain::role::Role;
use gateway::signature::Secret;
use gateway::{Limits, SecretKey};
use url::Url;

use self::parse::Refusal;
pub use self::parse::is_email;
pub use self::settings::{Flags, SETTINGS, Setting, Source, Sources};
use crate::auth::network::Networks;
use crate::auth::vault::EncryptionKey;
use crate::backup::Plan;
use crate::base_path::BasePath;
use crate::resync::Schedule;
use crate::retention::Kept;

/// The settings, checked. Its `Debug` form shows no secret beyond the last four characters.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen; port 0 takes any free port.
    pub listen: Listen,
    /// How long it goes on answering after it was told to stop, while `/readyz` says no.
    pub shutdown_delay: Duration,
    /// What browsers and Stripe use, without a slash at the end.
    pub public_url: String,
    /// The path of `public_url`.
    pub base_path: BasePath,
    /// Whether `public_url` follows from `listen`, and so from the port that was really bound.
    pub public_url_is_default: bool,
    /// The database.
    pub database_url: DatabaseUrl,
    /// Stripe's API keys, at most one per mode.
    pub stripe_keys: Vec<SecretKey>,
    /// Signing secrets of webhook endpoints.
    pub webhook_secrets: Vec<Secret>,
    /// Another base URL for Stripe's API.
    pub stripe_api_base: Option<Url>,
    /// Requests a second that Stripe allows.
    pub stripe_rates: StripeRates,
    /// Most reads of a UTC day in each mode that work in the background makes.
    pub stripe_daily_reads: u64,
    /// How far a signature's timestamp may be away from now; at least one second.
    pub webhook_tolerance: Duration,
    /// What holds where neither feature nor price says otherwise.
    pub policy: Policy,
    /// Metadata keys that may name the user, in order.
    pub metadata_keys: Vec<String>,
    /// The first owner, for when there is none.
    pub first_owner: Option<FirstOwner>,
    /// Proxies that are believed when they say for whom they ask.
    pub trusted_proxies: Networks,
    /// Roles that have to sign in with a second factor.
    pub two_factor_roles: Vec<Role>,
    /// Encrypt what the database holds of second factors; the first one what is new.
    pub encryption_keys: Vec<EncryptionKey>,
    /// An address of its own for `/metrics`.
    pub metrics_listen: Option<Listen>,
    /// Filter of the log.
    pub log: String,
    /// Form of the log.
    pub log_format: LogFormat,
    /// The collector of traces, without `/v1/traces`; none: nobody is told.
    pub otlp_endpoint: Option<Url>,
    /// What is done about customers that differ from Stripe, and how often they are looked for.
    pub schedule: Schedule,
    /// What is removed after its time.
    pub kept: Kept,
    /// Backups of the database; none with PostgreSQL, which has its own.
    pub backups: Option<Plan>,
    /// Most deliveries in one commit.
    pub intake_batch: usize,
    /// Every setting as it is in effect, secrets masked, for people to look at.
    pub effective: Vec<Effective>,
}

/// Where the program listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// An address.
    Tcp(SocketAddr),
    /// A Unix socket, at this path.
    Unix(PathBuf),
}

impl std::fmt::Display for Listen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Listen {
    /// How programs of this machine name it, where nobody says what browsers do.
    #[must_use]
    pub fn url(&self) -> String {
        match self {
            Self::Tcp(address) => format!("http://{address}"),
            Self::Unix(_) => "http://localhost".to_owned(),
        }
    }
}

/// Requests a second that Stripe allows, which it raises for an account on request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StripeRates {
    /// Of all endpoints together in live mode.
    pub live: usize,
    /// The same in test mode.
    pub test: usize,
    /// Of each endpoint.
    pub endpoint: usize,
}

impl StripeRates {
    /// The limits in this mode.
    #[must_use]
    pub const fn of(&self, livemode: Livemode) -> Limits {
        Limits { endpoint: self.endpoint, overall: if livemode.is_live() { self.live } else { self.test } }
    }
}

/// The database's URL, which may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// From a text, with what is wrong with it and what would be right.
    ///
    /// # Errors
    /// When it is no URL of a database.
    pub fn parse(text: &str) -> Result<Self, String> {
        parse::database_url(text).map_err(|(fault, expected)| format!("{fault}; expected {expected}"))
    }

    /// Whether it is a SQLite file, and not PostgreSQL.
    #[must_use]
    pub fn is_sqlite(&self) -> bool {
        self.0.starts_with("sqlite:")
    }

    /// It without a password, as one may print it and the database's own programs take it.
    #[must_use]
    pub fn without_password(&self) -> String {
        let Ok(mut url) = Url::parse(&self.0) else { return self.to_string() };
        // Only what has no host has no room for one.
        let _ = url.set_password(None);
        let rest: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(name, _)| name != "password")
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        url.set_query(None);
        if !rest.is_empty() {
            url.query_pairs_mut().extend_pairs(rest);
        }
        url.into()
    }

    /// The URL itself, for the store alone.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.starts_with("sqlite:") {
            return f.write_str(&self.0);
        }
        match Url::parse(&self.0) {
            Ok(mut url) => {
                if url.password().is_some() && url.set_password(Some("****")).is_err() {
                    return f.write_str("postgres://…");
                }
                // A password may stand in the query as well.
                url.set_query(None);
                f.write_str(url.as_str())
            }
            Err(_) => f.write_str("postgres://…"),
        }
    }
}

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

/// E-mail address and password of the first owner.
#[derive(Clone)]
pub struct FirstOwner {
    /// In lower case.
    pub email: String,
    /// In clear: hashed before it is stored, and dropped with the settings.
    pub password: String,
}

impl std::fmt::Debug for FirstOwner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FirstOwner").field("email", &self.email).field("password", &"…").finish()
    }
}

/// Form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// A setting that cannot be used. One line, without the value of a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {fault}; expected {expected}")]
pub struct ConfigError {
    /// The variable.
    pub name: &'static str,
    /// What is wrong.
    pub fault: String,
    /// What would be right.
    pub expected: &'static str,
}

impl ConfigError {
    fn new(name: &'static str, fault: String, expected: &'static str) -> Self {
        // One line, whatever the value held.
        let fault = fault.split(['\n', '\r']).collect::<Vec<_>>().join(" ");
        Self { name, fault, expected }
    }
}

/// A row of `tollkeeper config`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// The variable.
    pub name: &'static str,
    /// Its value, masked if secret; none when it has none.
    pub value: Option<String>,
    /// Where it came from.
    pub source: Source,
}

/// A length of time such as `7d`, `12h`, `30m` or `300s`.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    parse::duration(text).ok()
}

/// A length of time in milliseconds as [`parse_duration`] reads it, in the largest unit that fits.
#[must_use]
pub fn duration_text(millis: i64) -> String {
    let secs = millis / 1000;
    let (unit, factor) = [("d", 86_400), ("h", 3_600), ("m", 60)]
        .into_iter()
        .find(|(_, factor)| secs != 0 && secs % factor == 0)
        .unwrap_or(("s", 1));
    format!("{}{unit}", secs / factor)
}

fn setting(name: &'static str) -> Result<&'static Setting, ConfigError> {
    SETTINGS
        .iter()
        .find(|setting| setting.name == name)
        .ok_or_else(|| ConfigError::new(name, "no such setting".to_owned(), "a setting of the table"))
}

fn read<T>(
    sources: &Sources,
    name: &'static str,
    parse: impl FnOnce(&str) -> Result<T, Refusal>,
) -> Result<Option<T>, ConfigError> {
    let Some(given) = sources.get(setting(name)?)? else { return Ok(None) };
    parse(&given.value).map(Some).map_err(|(fault, expected)| ConfigError::new(name, fault, expected))
}

fn read_or<T>(
    sources: &Sources,
    name: &'static str,
    parse: impl Fn(&str) -> Result<T, Refusal>,
) -> Result<T, ConfigError> {
    let default = setting(name)?.default;
    match read(sources, name, &parse)? {
        Some(value) => Ok(value),
        None => parse(default).map_err(|(fault, expected)| ConfigError::new(name, fault, expected)),
    }
}

impl Config {
    /// Reads and checks every setting.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let listen = read_or(sources, "LISTEN", parse::listen)?;
        let stripe_keys = read(sources, "STRIPE_SECRET_KEY", parse::stripe_keys)?.unwrap_or_default();
        let has_live_key = stripe_keys.iter().any(|key| key.livemode().is_live());
        let public_url = read(sources, "PUBLIC_URL", parse::public_url)?;
        let database_url = read_or(sources, "DATABASE_URL", parse::database_url)?;
        let mut config = Self {
            public_url_is_default: public_url.is_none(),
            base_path: public_url.as_deref().map(BasePath::of).unwrap_or_default(),
            public_url: public_url.unwrap_or_else(|| listen.url()),
            listen,
            shutdown_delay: read_or(sources, "SHUTDOWN_DELAY", parse::shutdown_delay)?,
            backups: backups(sources, &database_url)?,
            database_url,
            stripe_keys,
            webhook_secrets: read(sources, "STRIPE_WEBHOOK_SECRET", parse::webhook_secrets)?.unwrap_or_default(),
            stripe_api_base: read(sources, "STRIPE_API_BASE", |text| parse::api_base(text, has_live_key))?,
            stripe_rates: read_or(sources, "STRIPE_RATES", parse::stripe_rates)?,
            stripe_daily_reads: read_or(sources, "STRIPE_DAILY_READS", parse::daily_reads)?,
            webhook_tolerance: read_or(sources, "WEBHOOK_TOLERANCE", parse::tolerance)?,
            policy: policy(sources)?,
            metadata_keys: read_or(sources, "USER_METADATA_KEYS", parse::metadata_keys)?,
            first_owner: first_owner(sources)?,
            trusted_proxies: read(sources, "TRUSTED_PROXIES", parse::proxies)?.unwrap_or_default(),
            two_factor_roles: read(sources, "TWO_FACTOR_ROLES", parse::roles)?.unwrap_or_default(),
            encryption_keys: read(sources, "ENCRYPTION_KEY", parse::encryption_keys)?.unwrap_or_default(),
            metrics_listen: read(sources, "METRICS_LISTEN", parse::listen)?,
            log: read_or(sources, "LOG", parse::log)?,
            log_format: read_or(sources, "LOG_FORMAT", parse::log_format)?,
            otlp_endpoint: read(sources, "OTEL_EXPORTER_OTLP_ENDPOINT", parse::otlp_endpoint)?,
            schedule: Schedule {
                reconcile: read_or(sources, "RECONCILE", parse::reconcile)?,
                every_ms: millis(read_or(sources, "RECONCILE_EVERY", parse::interval)?),
                daily_reads: read_or(sources, "STRIPE_DAILY_READS", parse::daily_reads)?,
            },
            kept: Kept {
                payloads_ms: read_or(sources, "PAYLOAD_RETENTION", parse::payload_retention)?.map(millis),
                rejected_ms: read_or(sources, "REJECTED_RETENTION", parse::rejected_retention)?.map(millis),
            },
            intake_batch: read_or(sources, "INTAKE_BATCH", parse::batch)?,
            effective: vec![],
        };
        config.effective = config.effective(sources)?;
        Ok(config)
    }

    /// What the store needs of the settings.
    #[must_use]
    pub fn store_options(&self) -> store::Options {
        store::Options { policy: self.policy, metadata_keys: self.metadata_keys.clone(), readable: self.modes() }
    }

    /// The modes there is an API key of Stripe's for.
    #[must_use]
    pub fn modes(&self) -> Vec<Livemode> {
        parse::modes(&self.stripe_keys)
    }

    /// Whether browsers speak TLS with us, which decides the cookies' `Secure`.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.public_url.starts_with("https://")
    }

    /// What browsers send as `Origin`: `public_url` without its path.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.public_url.strip_suffix(self.base_path.as_str()).unwrap_or(&self.public_url)
    }

    /// Where Stripe sends events.
    #[must_use]
    pub fn webhook_url(&self) -> String {
        format!("{}/webhooks/stripe", self.public_url)
    }

    /// Every setting as it is in effect, secrets masked.
    ///
    /// # Errors
    /// When a value cannot be read where it stands.
    pub fn effective(&self, sources: &Sources) -> Result<Vec<Effective>, ConfigError> {
        let joined = |parts: Vec<String>| (!parts.is_empty()).then(|| parts.join(","));
        SETTINGS
            .iter()
            .map(|setting| {
                let given = sources.get(setting)?;
                let value = match setting.name {
                    "LISTEN" => Some(self.listen.to_string()),
                    "PUBLIC_URL" => Some(self.public_url.clone()),
                    "DATABASE_URL" => Some(self.database_url.to_string()),
                    "STRIPE_SECRET_KEY" => joined(self.stripe_keys.iter().map(SecretKey::redacted).collect()),
                    "STRIPE_WEBHOOK_SECRET" => joined(self.webhook_secrets.iter().map(redacted).collect()),
                    "ADMIN_PASSWORD" => self.first_owner.as_ref().map(|owner| mask(&owner.password)),
                    "TRUSTED_PROXIES" => joined(self.trusted_proxies.texts()),
                    "ENCRYPTION_KEY" => joined(self.encryption_keys.iter().map(EncryptionKey::redacted).collect()),
                    "BACKUP_EVERY" | "BACKUP_KEEP" if self.backups.is_none() => None,
                    "BACKUP_DIR" => self.backups.as_ref().map(|plan| plan.folder.display().to_string()),
                    "METRICS_LISTEN" => Some(self.metrics_listen.as_ref().unwrap_or(&self.listen).to_string()),
                    _ => {
                        let default = Some(setting.default.to_owned()).filter(|default| default != "none");
                        given.as_ref().map(|given| given.value.clone()).or(default)
                    }
                };
                let source = given.map_or(Source::Default, |given| given.source);
                Ok(Effective { name: setting.name, value, source })
            })
            .collect()
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn policy(sources: &Sources) -> Result<Policy, ConfigError> {
    Ok(Policy {
        past_due_grace: millis(read_or(sources, "PAST_DUE_GRACE", parse::duration)?),
        period_leeway: millis(read_or(sources, "PERIOD_LEEWAY", parse::duration)?),
        trialing: read_or(sources, "TRIAL_POLICY", parse::treatment)?,
        paused: read_or(sources, "PAUSED_POLICY", parse::treatment)?,
        pause_collection: read_or(sources, "PAUSE_COLLECTION_POLICY", parse::pause_collection)?,
        payments: PaymentPolicy {
            refund: read_or(sources, "REFUND_POLICY", parse::refund_policy)?,
            dispute: read_or(sources, "DISPUTE_POLICY", parse::dispute_policy)?,
            failed_debit: read_or(sources, "FAILED_DEBIT_POLICY", parse::failed_debit_policy)?,
        },
    })
}

/// Backups are made of SQLite alone: who asks for them with PostgreSQL is told so, and not left without.
fn backups(sources: &Sources, url: &DatabaseUrl) -> Result<Option<Plan>, ConfigError> {
    let (every, keep) =
        (read_or(sources, "BACKUP_EVERY", parse::backup_every)?, read_or(sources, "BACKUP_KEEP", parse::backup_keep)?);
    let folder = read(sources, "BACKUP_DIR", |text| Ok(PathBuf::from(text)))?;
    if url.is_sqlite() {
        let file = store::sqlite::path_of(url.expose())
            .map_err(|error| ConfigError::new("DATABASE_URL", error.to_string(), "sqlite://path/to/file.db"))?;
        let folder = folder.unwrap_or_else(|| file.with_file_name("backups"));
        return Ok(Some(Plan { folder, every_ms: every.map(millis), keep }));
    }
    let is_asked_for = read(sources, "BACKUP_EVERY", parse::backup_every)?.flatten().is_some();
    match (is_asked_for, folder) {
        (false, None) => Ok(None),
        (asked, _) => Err(ConfigError::new(
            if asked { "BACKUP_EVERY" } else { "BACKUP_DIR" },
            "PostgreSQL is not backed up by Tollkeeper".to_owned(),
            "nothing, and a job of yours that runs pg_dump (`tollkeeper backup FILE` prints the line)",
        )),
    }
}

fn redacted(secret: &Secret) -> String {
    format!("{}=whsec_…{}", secret.name, secret.last4())
}

/// The last four characters of a password long enough to spare them.
fn mask(password: &str) -> String {
    let chars: Vec<char> = password.chars().collect();
    if chars.len() < 12 {
        "…".to_owned()
    } else {
        format!("…{}", chars[chars.len() - 4..].iter().collect::<String>())
    }
}

fn first_owner(sources: &Sources) -> Result<Option<FirstOwner>, ConfigError> {
    let email = read(sources, "ADMIN_EMAIL", parse::email)?;
    let password = read(sources, "ADMIN_PASSWORD", |text| Ok(text.to_owned()))?;
    let missing = |name: &'static str, other: &str| {
        Err(ConfigError::new(
            name,
            format!("it is missing although {other} is set"),
            "both ADMIN_EMAIL and ADMIN_PASSWORD, or neither",
        ))
    };
    match (email, password) {
        (None, None) => Ok(None),
        (None, Some(_)) => missing("ADMIN_EMAIL", "ADMIN_PASSWORD"),
        (Some(_), None) => missing("ADMIN_PASSWORD", "ADMIN_EMAIL"),
        (Some(email), Some(password)) => {
            crate::auth::password::check(&password, &[&email]).map_err(|fault| {
                let fault = fault.to_string().trim_end_matches('.').to_owned();
                ConfigError::new(
                    "ADMIN_PASSWORD",
                    fault,
                    "8 to 256 characters that are not guessed first, such as four words",
                )
            })?;
            Ok(Some(FirstOwner { email, password }))
        }
    }
}
