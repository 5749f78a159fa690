//! The program on its machine: its address, its database, its version.

use std::path::{Path, PathBuf};
use std::time::Duration;

use app::pages::validator::{Check, Group, State};
use domain::Livemode;
use store::records::DatabaseState;

use super::endpoint::is_local;
use super::subject::{Subject, sentence};
use crate::config::Config;

/// Less free space than this is soon none.
const LOW_BYTES: u64 = 1 << 30;
/// Less than this, and the next burst of events may not be stored.
const NO_BYTES: u64 = 100 << 20;

/// What answered at our own address.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reached {
    /// Tollkeeper.
    Us,
    /// Something else, or nothing; what.
    Not(String),
}

/// Asks our own address whether it is us.
pub(super) async fn reach(config: &Config, patience: Duration) -> Reached {
    let url = format!("{}/healthz", config.public_url);
    let client = reqwest::Client::builder().timeout(patience).redirect(reqwest::redirect::Policy::none()).build();
    let answer = match client {
        Ok(client) => client.get(&url).send().await,
        Err(error) => return Reached::Not(error.to_string()),
    };
    match answer {
        Ok(answer) if answer.status().is_success() => match answer.json::<serde_json::Value>().await {
            Ok(body) if body["status"] == "ok" => Reached::Us,
            _ => Reached::Not("something else answers there".to_owned()),
        },
        Ok(answer) => Reached::Not(format!("the answer there is {}", answer.status())),
        Err(error) if error.is_timeout() => Reached::Not("nothing answers there in time".to_owned()),
        Err(_) => Reached::Not("nothing answers there".to_owned()),
    }
}

/// V01
pub(super) fn address(config: &Config, livemode: Livemode, reached: &Reached) -> Check {
    let looked_at = format!("PUBLIC_URL, and {}/healthz as asked from this machine", config.public_url);
    let subject = Subject::new("V01", Group::Installation, "Public address", looked_at);
    let url = &config.public_url;
    if !config.is_secure() && (livemode.is_live() || !is_local(url)) {
        let fix = "Stripe sends live events to https alone. Set PUBLIC_URL to the address your proxy serves.";
        let state = if livemode.is_live() { State::Fail } else { State::Warn };
        return subject.stands(state, format!("It is {url}, which is not https."), fix);
    }
    if let Reached::Not(why) = reached {
        let fix = "Start the program, or see where that address leads: name, certificate, proxy. A network that does not lead out and in again may be right all the same.";
        return subject.warn(format!("It is {url}, and {why}."), fix);
    }
    if config.is_secure() {
        subject.pass(format!("It is {url}, and Tollkeeper answers there."))
    } else {
        subject.pass(format!("It is {url}, on this machine alone: fine for a test, not for live events."))
    }
}

/// V19
pub(super) fn browsers(config: &Config, livemode: Livemode) -> Check {
    let looked_at = "What browsers are told: cookies, Content-Security-Policy, Strict-Transport-Security";
    let subject = Subject::new("V19", Group::Installation, "Sessions are safe", looked_at);
    if config.is_secure() {
        return subject
            .pass("Cookies are Secure, HttpOnly and SameSite; scripts run by nonce alone; browsers stay with https.");
    }
    if is_local(&config.public_url) && !livemode.is_live() {
        return subject.pass("Cookies go over http, which does not leave this machine; scripts run by nonce alone.");
    }
    let state = if livemode.is_live() { State::Fail } else { State::Warn };
    let found =
        format!("PUBLIC_URL is {}: cookies go without Secure, for anybody on the way to read.", config.public_url);
    subject.stands(state, found, "Put a proxy with TLS in front, and set PUBLIC_URL to its https address.")
}

/// The folder of the database, as the system has it.
pub(super) fn folder(database: &DatabaseState) -> Option<PathBuf> {
    let folder = database.file.as_deref()?.parent()?;
    Some(folder.canonicalize().unwrap_or_else(|_| folder.to_owned()))
}

/// Bytes that may still be written to a folder; none where the system does not tell.
pub(crate) fn free_bytes(folder: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        let space = rustix::fs::statvfs(folder).ok()?;
        Some(space.f_bavail.saturating_mul(space.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        None
    }
}

/// V16
pub(super) fn database(config: &Config, engine: &str, state: &DatabaseState, free: Option<u64>) -> Check {
    let looked_at = format!("{}: a write, its setting for crashes, its size and the free space", config.database_url);
    let subject = Subject::new("V16", Group::Installation, "Database", looked_at);
    if let Some(error) = &state.write_error {
        let found = format!("It cannot be written. {}", sentence(error));
        return subject.fail(found, "Give the program the right to write its file and folder, and free the disk.");
    }
    let size = megabytes(u64::try_from(state.bytes).unwrap_or(0));
    let free_words = free.map_or_else(String::new, |free| format!(", {} free", megabytes(free)));
    let found = format!("{engine}, {}, {size}{free_words}; it can be written.", state.durability);
    if !state.is_durable {
        return subject
            .fail(found, "Set it back: events are acknowledged once they are stored, and a crash would lose them.");
    }
    match free {
        Some(free) if free < NO_BYTES => subject.fail(found, "Free the disk: without space no event can be stored."),
        Some(free) if free < LOW_BYTES => subject.warn(found, "Free the disk before it is full."),
        _ => subject.pass(found),
    }
}

fn megabytes(bytes: u64) -> String {
    match bytes >> 20 {
        many @ 10_240.. => format!("{} GB", many >> 10),
        few => format!("{few} MB"),
    }
}

/// V21
pub(super) fn version(state: &DatabaseState) -> Check {
    let subject =
        Subject::new("V21", Group::Installation, "Version", "The program's version, and the database's migrations");
    let version = env!("CARGO_PKG_VERSION");
    let (has, knows) = (state.schema, state.newest_schema);
    if has == knows {
        return subject.pass(format!("Tollkeeper {version}; the database is at migration {has}, as it should be."));
    }
    let found = format!("Tollkeeper {version} knows migration {knows}, and the database is at {has}.");
    let fix = "Another version uses this database: run the same version everywhere.";
    subject.fail(found, fix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    fn config(public_url: &str) -> Config {
        Config::load(&Sources::from_env([("PUBLIC_URL", public_url)])).unwrap()
    }

    fn good() -> DatabaseState {
        DatabaseState {
            write_error: None,
            durability: "journal_mode is wal".to_owned(),
            is_durable: true,
            file: Some("/data/t.db".into()),
            bytes: 5 << 20,
            schema: 9,
            newest_schema: 9,
        }
    }

    #[test]
    fn plain_http_is_for_tests_on_this_machine() {
        use Livemode::{Live, Test};
        for (url, mode, expected) in [
            ("https://toll.example", Live, State::Pass),
            ("http://localhost:3000", Test, State::Pass),
            ("http://localhost:3000", Live, State::Fail),
            ("http://toll.example", Test, State::Warn),
            ("http://toll.example", Live, State::Fail),
        ] {
            assert_eq!(address(&config(url), mode, &Reached::Us).state, expected, "{url} {mode}");
            assert_eq!(browsers(&config(url), mode).state, expected, "{url} {mode}");
        }
        let not = address(&config("https://toll.example"), Live, &Reached::Not("nothing answers there".into()));
        assert!(not.state == State::Warn && not.found.contains("nothing answers"), "{}", not.found);
    }

    #[test]
    fn a_database_that_cannot_keep_what_it_takes_fails() {
        let judged = |state: &DatabaseState, free| database(&config("http://localhost:1"), "SQLite 3", state, free);
        let fine = judged(&good(), Some(50 << 30));
        assert!(fine.state == State::Pass && fine.found.contains("5 MB, 50 GB free"), "{}", fine.found);
        assert_eq!(judged(&good(), None).state, State::Pass, "a server's disk is its own business");
        assert_eq!(judged(&good(), Some(500 << 20)).state, State::Warn);
        assert_eq!(judged(&good(), Some(5 << 20)).state, State::Fail);
        let read_only = DatabaseState { write_error: Some("attempt to write a readonly database".into()), ..good() };
        assert!(judged(&read_only, None).found.contains("Attempt to write a readonly database."));
        let unsafe_one = DatabaseState { durability: "fsync is off".into(), is_durable: false, ..good() };
        assert!(judged(&unsafe_one, None).state == State::Fail);
        assert_eq!(
            (version(&good()).state, version(&DatabaseState { schema: 10, ..good() }).state),
            (State::Pass, State::Fail)
        );
    }
}
