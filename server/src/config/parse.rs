//! From texts to values. A refusal says what is wrong without its own name; the caller adds it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use domain::Livemode;
use domain::access::{
    CollectionPause, DisputePolicy, FailedDebitPolicy, PauseCollection, Policy, RefundPolicy, Treatment,
};
use domain::role::Role;
use gateway::signature::Secret;
use gateway::{Limits, SecretKey};
use tracing_subscriber::EnvFilter;
use url::Url;

use super::{DatabaseUrl, Listen, LogFormat, StripeRates};
use crate::auth::network::Networks;
use crate::auth::vault::EncryptionKey;
use crate::resync::Reconcile;

/// Why a value is refused: its fault, and what is expected.
pub(super) type Refusal = (String, &'static str);

/// Repeats a value that is no secret, cut short and on one line.
fn quoted(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    if short.len() < text.len() { format!("{short:?}…") } else { format!("{short:?}") }
}

/// An address, or a Unix socket by its path.
pub(super) fn listen(text: &str) -> Result<Listen, Refusal> {
    const EXPECTED: &str = "an address with a port, such as 127.0.0.1:3000 or [::]:3000, or unix: and a path, such as unix:/run/tollkeeper.sock";
    let Some(path) = text.strip_prefix("unix:") else { return address(text, EXPECTED).map(Listen::Tcp) };
    if cfg!(not(unix)) {
        return Err(("this system has no Unix sockets".to_owned(), EXPECTED));
    }
    // unix(7): the address of a socket has room for 108 bytes, the last one a zero.
    if path.is_empty() || path.len() > 107 {
        return Err((format!("{} has no path of 1 to 107 bytes", quoted(text)), EXPECTED));
    }
    Ok(Listen::Unix(path.into()))
}

/// How long to go on after the word to stop.
pub(super) fn shutdown_delay(text: &str) -> Result<Duration, Refusal> {
    match duration(text)? {
        long if long > Duration::from_secs(300) => {
            Err((format!("{} is too long", quoted(text)), "at most 5m, such as 10s"))
        }
        delay => Ok(delay),
    }
}

fn address(text: &str, expected: &'static str) -> Result<SocketAddr, Refusal> {
    if let Some(port) = text.strip_prefix("localhost:") {
        let port = port.parse().map_err(|_| (format!("{} has no valid port", quoted(text)), expected))?;
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    text.parse().map_err(|_| (format!("{} is not an address with a port", quoted(text)), expected))
}

/// Scheme, host, port, and the path under which a proxy shows us, if it does. Without the slash at the end.
pub(super) fn public_url(text: &str) -> Result<String, Refusal> {
    const EXPECTED: &str = "http:// or https:// with a host, and with a path of letters, digits, -, _ and . if it shares that host, such as \
                            https://tollkeeper.example.com or https://example.com/billing";
    // A proxy may take the path off or leave it: one that begins as our own do could be told from them by nobody.
    const OURS: [&str; 12] = [
        "admin",
        "v1",
        "webhooks",
        "pkg",
        "docs",
        "openapi.json",
        "healthz",
        "readyz",
        "metrics",
        "favicon.svg",
        "favicon.ico",
        "robots.txt",
    ];
    let url = base(text, EXPECTED)?;
    let path = url.path().trim_end_matches('/');
    let mut parts = path.split('/').skip(1);
    let is_plain = |part: &str| {
        !part.is_empty() && part.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.'))
    };
    if !parts.clone().all(is_plain) {
        return Err((format!("{} has other characters in its path", quoted(text)), EXPECTED));
    }
    if let Some(first) = parts.next().filter(|first| OURS.contains(first)) {
        return Err((format!("its path begins with /{first}, as addresses of ours do"), EXPECTED));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// The collector of traces.
pub(super) fn otlp_endpoint(text: &str) -> Result<Url, Refusal> {
    const EXPECTED: &str = "http:// or https:// with a host and without /v1/traces, such as http://127.0.0.1:4318";
    let url = base(text, EXPECTED)?;
    if url.path().trim_end_matches('/').ends_with("/v1/traces") {
        return Err(("it ends with /v1/traces, which is added anyway".to_owned(), EXPECTED));
    }
    Ok(url)
}

/// The base URL of Stripe's API. The gateway refuses the same, but cannot name the setting.
pub(super) fn api_base(text: &str, has_live_key: bool) -> Result<Url, Refusal> {
    const EXPECTED: &str = "http:// or https:// with a host and without /v1, such as http://127.0.0.1:12111";
    let url = base(text, EXPECTED)?;
    if url.path().trim_end_matches('/').ends_with("/v1") {
        return Err(("it ends with /v1, which is added to every request anyway".to_owned(), EXPECTED));
    }
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_local = host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    if url.scheme() == "http" && has_live_key && !is_local {
        return Err((
            "it would send a live key to another machine without encryption".to_owned(),
            "https:// as long as STRIPE_SECRET_KEY has a live key",
        ));
    }
    Ok(url)
}

fn base(text: &str, expected: &'static str) -> Result<Url, Refusal> {
    // A URL may hold a password, so a refused one is not repeated.
    let url = Url::parse(text).map_err(|error| (format!("it is not a URL ({error})"), expected))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err((format!("its scheme is {:?}", url.scheme()), expected));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(("it has no host".to_owned(), expected));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(("it holds a user name or password".to_owned(), expected));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(("it has a query or a fragment".to_owned(), expected));
    }
    Ok(url)
}

pub(super) fn database_url(text: &str) -> Result<DatabaseUrl, Refusal> {
    const EXPECTED: &str = "sqlite://path/to/file.db or postgres://user@host/database";
    let scheme = text.split_once(':').map(|(scheme, _)| scheme);
    match scheme {
        Some("sqlite") => {
            let path = text.trim_start_matches("sqlite:").trim_start_matches("//");
            let path = path.split('?').next().unwrap_or_default();
            if path.is_empty() || path == ":memory:" {
                return Err(("it names no file, and everything would be lost at the end".to_owned(), EXPECTED));
            }
        }
        Some("postgres" | "postgresql") => {
            if Url::parse(text).is_err() {
                return Err(("it is not a URL".to_owned(), EXPECTED));
            }
        }
        Some(other) if other.len() <= 20 => return Err((format!("its scheme is {}", quoted(other)), EXPECTED)),
        _ => return Err(("it has no scheme".to_owned(), EXPECTED)),
    }
    Ok(DatabaseUrl(text.to_owned()))
}

/// The parts of a comma separated list, without white space around them.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim)
}

pub(super) fn stripe_keys(text: &str) -> Result<Vec<SecretKey>, Refusal> {
    const EXPECTED: &str = "one secret or restricted key per mode, comma separated, such as sk_test_… or rk_live_…";
    let mut keys: Vec<SecretKey> = Vec::new();
    for (i, part) in parts(text).enumerate() {
        let key = SecretKey::parse(part).map_err(|fault| (format!("key {}: {fault}", i + 1), EXPECTED))?;
        if keys.iter().any(|other| other.livemode() == key.livemode()) {
            let mode = key.livemode();
            return Err((format!("key {} is a second key for {mode} mode", i + 1), EXPECTED));
        }
        keys.push(key);
    }
    Ok(keys)
}

pub(super) fn webhook_secrets(text: &str) -> Result<Vec<Secret>, Refusal> {
    const EXPECTED: &str = "signing secrets, comma separated, each whsec_… or name=whsec_…";
    let mut secrets: Vec<Secret> = Vec::new();
    for (i, part) in parts(text).enumerate() {
        let secret = Secret::parse(part, i + 1).map_err(|fault| (fault.to_string(), EXPECTED))?;
        if secrets.iter().any(|other| other.name == secret.name) {
            return Err((format!("two secrets are called {:?}", secret.name), EXPECTED));
        }
        secrets.push(secret);
    }
    Ok(secrets)
}

pub(super) fn encryption_keys(text: &str) -> Result<Vec<EncryptionKey>, Refusal> {
    const EXPECTED: &str = "32 random bytes in hex or base64, such as `openssl rand -base64 32` prints";
    let key =
        |(i, part)| EncryptionKey::parse(part).ok_or_else(|| (format!("key {} is not 32 bytes", i + 1), EXPECTED));
    parts(text).enumerate().map(key).collect()
}

/// A length of time such as `7d`, `12h`, `30m` or `300s`. At most ten years, so that sums cannot overflow.
pub(super) fn duration(text: &str) -> Result<Duration, Refusal> {
    const EXPECTED: &str = "a number with d, h, m or s behind it, such as 7d, 12h or 300s";
    const MOST: u64 = 10 * 365 * 86_400;
    let wrong = || (format!("{} is not a length of time", quoted(text)), EXPECTED);
    let unit = text.chars().last().ok_or_else(wrong)?;
    let factor = match unit {
        'd' => 86_400,
        'h' => 3_600,
        'm' => 60,
        's' => 1,
        _ => return Err(wrong()),
    };
    let number: u64 = text.strip_suffix(unit).unwrap_or_default().parse().map_err(|_| wrong())?;
    let secs = number.checked_mul(factor).filter(|secs| *secs <= MOST);
    secs.map(Duration::from_secs).ok_or_else(|| (format!("{} is more than ten years", quoted(text)), EXPECTED))
}

/// `allow` or `deny`.
pub(super) fn reconcile(text: &str) -> Result<Reconcile, Refusal> {
    Reconcile::parse(text).ok_or_else(|| (format!("{} is none of them", quoted(text)), "mend, report or off"))
}

/// How often something is done.
pub(super) fn interval(text: &str) -> Result<Duration, Refusal> {
    match duration(text)? {
        often if often < Duration::from_secs(60) => {
            Err((format!("{} is more often than each minute", quoted(text)), "at least 60s, such as 1h"))
        }
        interval => Ok(interval),
    }
}

/// How long bodies are kept; none: for ever. Stripe sends events again and lists them for 30 days, and until then they may be needed.
pub(super) fn payload_retention(text: &str) -> Result<Option<Duration>, Refusal> {
    retention(text, Duration::from_secs(30 * 86_400), "at least 30d, such as 90d, or off")
}

/// How long refused deliveries are kept; none: as many as there is room for.
pub(super) fn rejected_retention(text: &str) -> Result<Option<Duration>, Refusal> {
    retention(text, Duration::from_secs(86_400), "at least 1d, such as 90d, or off")
}

fn retention(text: &str, least: Duration, expected: &'static str) -> Result<Option<Duration>, Refusal> {
    if matches!(text, "off" | "0") {
        return Ok(None);
    }
    match duration(text).map_err(|(fault, _)| (fault, expected))? {
        short if short < least => Err((format!("{} is too short", quoted(text)), expected)),
        kept => Ok(Some(kept)),
    }
}

/// How often a backup is made; none: never by the clock.
pub(super) fn backup_every(text: &str) -> Result<Option<Duration>, Refusal> {
    retention(text, Duration::from_secs(600), "at least 10m, such as 1d or 6h, or off")
}

/// How many backups are kept.
pub(super) fn backup_keep(text: &str) -> Result<usize, Refusal> {
    let wrong = || (format!("{} is no number of backups", quoted(text)), "a number from 1 to 1000, such as 7");
    text.parse().ok().filter(|keep| (1..=1000).contains(keep)).ok_or_else(wrong)
}

pub(super) fn treatment(text: &str) -> Result<Treatment, Refusal> {
    Treatment::parse(text).ok_or_else(|| (format!("{} is neither", quoted(text)), "allow or deny"))
}

pub(super) fn refund_policy(text: &str) -> Result<RefundPolicy, Refusal> {
    RefundPolicy::parse(text).ok_or_else(|| (format!("{} is none of them", quoted(text)), "full, any or keep"))
}

pub(super) fn dispute_policy(text: &str) -> Result<DisputePolicy, Refusal> {
    DisputePolicy::parse(text).ok_or_else(|| (format!("{} is none of them", quoted(text)), "flag, suspend or keep"))
}

pub(super) fn failed_debit_policy(text: &str) -> Result<FailedDebitPolicy, Refusal> {
    FailedDebitPolicy::parse(text).ok_or_else(|| (format!("{} is neither", quoted(text)), "keep or revoke"))
}

/// `behavior=way` for some of Stripe's three behaviors; the others keep their defaults.
pub(super) fn pause_collection(text: &str) -> Result<PauseCollection, Refusal> {
    const EXPECTED: &str =
        "behavior=way, comma separated: keep_as_draft, mark_uncollectible or void; keep, until_period_end or deny";
    let mut policy = Policy::default().pause_collection;
    for part in text.split(',').map(str::trim) {
        let wrong = || (format!("{} is not behavior=way", quoted(part)), EXPECTED);
        let (behavior, way) = part.split_once('=').ok_or_else(wrong)?;
        let slot = match behavior.trim() {
            "keep_as_draft" => &mut policy.keep_as_draft,
            "mark_uncollectible" => &mut policy.mark_uncollectible,
            "void" => &mut policy.void,
            _ => return Err(wrong()),
        };
        *slot = CollectionPause::parse(way.trim()).ok_or_else(wrong)?;
    }
    Ok(policy)
}

/// Whole seconds from 1 up to a day, with or without a unit.
pub(super) fn daily_reads(text: &str) -> Result<u64, Refusal> {
    text.parse().map_err(|_| (format!("{} is no number of reads", quoted(text)), "a whole number, such as 10000"))
}

pub(super) fn stripe_rates(text: &str) -> Result<StripeRates, Refusal> {
    const EXPECTED: &str = "requests a second from 1 to 10000, such as live=100,test=25,endpoint=25";
    let mut rates = StripeRates {
        live: Limits::of(Livemode::Live).overall,
        test: Limits::of(Livemode::Test).overall,
        endpoint: Limits::of(Livemode::Live).endpoint,
    };
    for part in parts(text) {
        let refuse = || (format!("{} is no rate", quoted(part)), EXPECTED);
        let (name, rate) = part.split_once('=').ok_or_else(refuse)?;
        let rate = rate.trim().parse().ok().filter(|rate| (1..=10_000).contains(rate)).ok_or_else(refuse)?;
        match name.trim() {
            "live" => rates.live = rate,
            "test" => rates.test = rate,
            "endpoint" => rates.endpoint = rate,
            _ => return Err(refuse()),
        }
    }
    Ok(rates)
}

pub(super) fn tolerance(text: &str) -> Result<Duration, Refusal> {
    const EXPECTED: &str = "whole seconds from 1 to 86400, such as 300";
    let secs = match text.parse::<u64>() {
        Ok(secs) => secs,
        Err(_) => {
            duration(text).map_err(|_| (format!("{} is not a number of seconds", quoted(text)), EXPECTED))?.as_secs()
        }
    };
    match secs {
        0 => Err(("0 would refuse every delivery or, worse, check no timestamp".to_owned(), EXPECTED)),
        1..=86_400 => Ok(Duration::from_secs(secs)),
        _ => Err((format!("{} is more than a day", quoted(text)), EXPECTED)),
    }
}

pub(super) fn metadata_keys(text: &str) -> Result<Vec<String>, Refusal> {
    // docs.stripe.com/api/metadata: keys have at most 40 characters.
    const EXPECTED: &str = "metadata keys, comma separated, of 1 to 40 characters each, such as user_id,userId";
    let keys: Vec<String> = parts(text).map(str::to_owned).collect();
    for key in &keys {
        if key.is_empty() || key.chars().count() > 40 || key.contains(['[', ']']) || key.chars().any(char::is_control) {
            return Err((format!("{} cannot be a metadata key of Stripe's", quoted(key)), EXPECTED));
        }
    }
    Ok(keys)
}

pub(super) fn email(text: &str) -> Result<String, Refusal> {
    is_email(text).then(|| text.to_ascii_lowercase()).ok_or_else(|| {
        (format!("{} is not an e-mail address", quoted(text)), "an e-mail address, such as you@example.com")
    })
}

/// Whether a text has the form of an e-mail address; whether mail arrives there only mail can tell.
#[must_use]
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    !local.is_empty()
        && !domain.is_empty()
        && text.len() <= 254
        && !domain.starts_with('.')
        && !domain.ends_with('.')
        && !text.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | ';'))
}

/// Addresses and networks of proxies.
pub(super) fn proxies(text: &str) -> Result<Networks, Refusal> {
    const EXPECTED: &str = "addresses or networks of proxies, comma separated, such as 127.0.0.1,10.0.0.0/8";
    let networks = Networks::parse(text).map_err(|fault| (fault.trim_end_matches('.').to_owned(), EXPECTED))?;
    if networks.is_everybody() {
        return Err(("it trusts everybody, so that anybody could pass for anybody".to_owned(), EXPECTED));
    }
    Ok(networks)
}

/// Roles of the staff.
pub(super) fn roles(text: &str) -> Result<Vec<Role>, Refusal> {
    let parse = |word: &str| {
        Role::parse(word.trim()).ok_or_else(|| {
            (format!("{} is no role", quoted(word.trim())), "owner, admin, support and viewer, comma separated")
        })
    };
    text.split(',').map(parse).collect()
}

pub(super) fn log(text: &str) -> Result<String, Refusal> {
    match EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err((
            format!("{} is not a filter ({error})", quoted(text)),
            "a filter such as info, debug or server=debug,info",
        )),
    }
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, Refusal> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err((format!("{} is not a format", quoted(text)), "text or json")),
    }
}

pub(super) fn batch(text: &str) -> Result<usize, Refusal> {
    const EXPECTED: &str = "a number from 1 to 4096";
    text.parse()
        .ok()
        .filter(|batch| (1..=4096).contains(batch))
        .ok_or_else(|| (format!("{} is no size of a batch", quoted(text)), EXPECTED))
}

/// The modes there is a key for.
pub(super) fn modes(keys: &[SecretKey]) -> Vec<Livemode> {
    keys.iter().map(SecretKey::livemode).collect()
}
