//! Staff sessions: tower-sessions over our own database, which holds a hash of each id only.
//!
//! A session ends 12 hours after it was last used and 7 days after it began, whichever comes first.

use std::sync::Arc;

use async_trait::async_trait;
use domain::Timestamp;
use http::{HeaderMap, header};
use serde_json::Value;
use store::Store;
use store::records::SessionRecord;
use tower_sessions::cookie::SameSite;
use tower_sessions::cookie::time::{Duration, OffsetDateTime};
use tower_sessions::session::{Error as SessionError, Id, Record};
use tower_sessions::session_store::Error;
use tower_sessions::{Expiry, Session, SessionManagerLayer, SessionStore};

use super::setup::{random_token, sha256_hex};
use crate::clock::Clock;
use crate::config::Config;
use crate::state::AppState;

/// How long an unused session lasts, in milliseconds.
pub const IDLE: i64 = 12 * 60 * 60 * 1000;
/// How long any session lasts, in milliseconds.
pub const ABSOLUTE: i64 = 7 * 24 * 60 * 60 * 1000;
/// Being used is noted this often, in milliseconds: not every page costs a write.
const NOTE_USE_EVERY: i64 = 10 * 60 * 1000;

const STAFF_ID: &str = "staff_id";
const CSRF: &str = "csrf";
const STARTED_AT: &str = "started_at";
const USED_AT: &str = "used_at";
/// Whether a second factor was given, or set up, in this session.
const SECOND: &str = "second_factor";
/// Who gave the right password, and has to give a second factor before anything else.
const HALF_STAFF_ID: &str = "half_staff_id";
const HALF_AT: &str = "half_at";
const HALF_TO: &str = "half_to";
/// How long a second factor is waited for, in milliseconds.
pub const HALF: i64 = 10 * 60 * 1000;
/// When its person last showed who they are.
const PROVEN_AT: &str = "proven_at";
/// How long that counts for what needs a fresh proof, in milliseconds.
pub const FRESH_FOR: i64 = 10 * 60 * 1000;
const ADDRESS: &str = "address";
const AGENT: &str = "agent";
/// Most characters of what a browser says it is that are kept.
const MOST_AGENT: usize = 400;

/// Shorthand for what a session store answers.
type Result<T, E = Error> = std::result::Result<T, E>;

/// The sessions of the database.
#[derive(Clone)]
pub struct Sessions {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sessions")
    }
}

fn failed(error: store::Error) -> Error {
    Error::Backend(error.to_string())
}

impl Sessions {
    fn millis(record: &Record, key: &str) -> Option<i64> {
        record.data.get(key).and_then(Value::as_i64)
    }

    fn expires_at(&self, record: &Record) -> Timestamp {
        if let Some(began) = Self::millis(record, HALF_AT) {
            return Timestamp::from_millis(began).plus_millis(HALF);
        }
        let idle = self.clock.now().plus_millis(IDLE);
        match Self::millis(record, STARTED_AT) {
            Some(started) => idle.min(Timestamp::from_millis(started).plus_millis(ABSOLUTE)),
            None => idle,
        }
    }

    fn parts(&self, record: &Record) -> Result<(String, Option<String>, String, Timestamp)> {
        let data = serde_json::to_string(&record.data).map_err(|error| Error::Encode(error.to_string()))?;
        // Half a session has no rights, and ends with those of its person.
        let staff_id = record.data.get(STAFF_ID).or_else(|| record.data.get(HALF_STAFF_ID));
        let staff_id = staff_id.and_then(Value::as_str).map(str::to_owned);
        Ok((hash(&record.id), staff_id, data, self.expires_at(record)))
    }
}

fn hash(id: &Id) -> String {
    sha256_hex(&id.to_string())
}

#[async_trait]
impl SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> Result<()> {
        loop {
            let (hash, staff_id, data, expires_at) = self.parts(record)?;
            if self.store.create_session(&hash, staff_id.as_deref(), &data, expires_at).await.map_err(failed)? {
                return Ok(());
            }
            record.id = Id::default();
        }
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let (hash, staff_id, data, expires_at) = self.parts(record)?;
        self.store.save_session(&hash, staff_id.as_deref(), &data, expires_at).await.map_err(failed)
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let Some(data) = self.store.load_session(&hash(id), self.clock.now()).await.map_err(failed)? else {
            return Ok(None);
        };
        let data = serde_json::from_str(&data).map_err(|error| Error::Decode(error.to_string()))?;
        // The database said that it has not expired; tower-sessions asks for a date all the same.
        let expiry_date = OffsetDateTime::now_utc() + Duration::milliseconds(IDLE);
        Ok(Some(Record { id: *id, data, expiry_date }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        self.store.delete_session(&hash(id)).await.map_err(failed)
    }
}

/// The layer that gives `/admin` its sessions.
#[must_use]
pub fn layer(state: &AppState) -> SessionManagerLayer<Sessions> {
    let (name, path) = cookie(&state.config, "tollkeeper");
    let sessions = Sessions { store: Arc::clone(&state.store), clock: Arc::clone(&state.clock) };
    SessionManagerLayer::new(sessions)
        .with_name(name)
        .with_secure(state.config.is_secure())
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_path(path)
        .with_expiry(Expiry::OnInactivity(Duration::milliseconds(IDLE)))
}

/// Name and path of a cookie. `__Host-` binds it to this very host, and needs `Secure` and the whole host; below a base path it goes to
/// nobody else's program instead, and to no other installation of ours.
pub(super) fn cookie(config: &Config, name: &str) -> (String, String) {
    let prefix = match (config.is_secure(), config.base_path.is_empty()) {
        (true, true) => "__Host-",
        (true, false) => "__Secure-",
        (false, _) => "",
    };
    let path = if config.base_path.is_empty() { "/" } else { config.base_path.as_str() };
    (format!("{prefix}{name}"), path.to_owned())
}

/// Signs a member of staff in: everything of an earlier session goes, its id too, so that an id planted before is worth nothing.
///
/// # Errors
/// When the database cannot be written, or the system has no randomness to give.
pub async fn sign_in(session: &Session, staff_id: &str, device: &Device, now: Timestamp) -> anyhow::Result<()> {
    session.clear().await;
    // After a mere flush tower-sessions would go on with the id it has in hand.
    session.cycle_id().await?;
    session.insert(STAFF_ID, staff_id).await?;
    session.insert(CSRF, random_token()?).await?;
    session.insert(STARTED_AT, now.millis()).await?;
    session.insert(USED_AT, now.millis()).await?;
    session.insert(PROVEN_AT, now.millis()).await?;
    session.insert(ADDRESS, &device.address).await?;
    session.insert(AGENT, device.agent.chars().take(MOST_AGENT).collect::<String>()).await?;
    Ok(())
}

/// Somebody gave the right password and has a second factor to give: until then this session has no rights at all.
///
/// # Errors
/// When the database cannot be written.
pub async fn sign_in_half(session: &Session, staff_id: &str, to: &str, now: Timestamp) -> Result<(), SessionError> {
    session.clear().await;
    session.cycle_id().await?;
    session.insert(HALF_STAFF_ID, staff_id).await?;
    session.insert(HALF_AT, now.millis()).await?;
    session.insert(HALF_TO, to).await
}

/// Whose second factor a session waits for, and where it leads then.
///
/// # Errors
/// When the database cannot be read.
pub async fn half(session: &Session, now: Timestamp) -> Result<Option<(String, String)>, SessionError> {
    let staff_id: Option<String> = session.get(HALF_STAFF_ID).await?;
    let to: Option<String> = session.get(HALF_TO).await?;
    let began: Option<i64> = session.get(HALF_AT).await?;
    let is_fresh = began.is_some_and(|began| now.millis() - began < HALF);
    Ok(staff_id.zip(to).filter(|_| is_fresh))
}

/// A second factor was given, or set up, in this session.
///
/// # Errors
/// When the session cannot be read.
pub async fn pass(session: &Session) -> Result<(), SessionError> {
    session.insert(SECOND, true).await
}

/// Whose second factor the session with this hash waits for.
///
/// # Errors
/// When the database cannot be read.
pub async fn half_of(state: &AppState, hash: &str) -> anyhow::Result<Option<String>> {
    let Some(data) = state.store.load_session(hash, state.now()).await? else { return Ok(None) };
    let data: Value = serde_json::from_str(&data)?;
    Ok(data.get(HALF_STAFF_ID).and_then(Value::as_str).map(str::to_owned))
}

/// Whether a session may act for this person, who may have got a second factor after it began.
///
/// # Errors
/// When the database cannot be read.
pub async fn suffices(state: &AppState, session: &Session, staff_id: &str) -> anyhow::Result<bool> {
    let passed: Option<bool> = session.get(SECOND).await?;
    Ok(passed == Some(true) || !state.store.has_second_factor(staff_id).await?)
}

/// A new id and a new token for a session whose rights changed; the old ones are worth nothing.
///
/// # Errors
/// When the database cannot be written, or the system has no randomness to give.
pub async fn renew(session: &Session) -> anyhow::Result<()> {
    session.cycle_id().await?;
    session.insert(CSRF, random_token()?).await?;
    Ok(())
}

/// The person of a session showed who they are: it goes on under another id. The token of its forms stays, since the answer carries it.
///
/// # Errors
/// When the database cannot be written.
pub async fn prove(session: &Session, now: Timestamp) -> Result<(), SessionError> {
    session.cycle_id().await?;
    session.insert(PROVEN_AT, now.millis()).await?;
    // What is done next may name this session.
    session.save().await
}

/// Whether the person of a session showed who they are within [`FRESH_FOR`].
///
/// # Errors
/// When the database cannot be read.
pub async fn is_fresh(session: &Session, now: Timestamp) -> Result<bool, SessionError> {
    Ok(is_recent(session.get(PROVEN_AT).await?, now))
}

/// The same of the session with this hash.
///
/// # Errors
/// When the database cannot be read.
pub async fn is_fresh_by_hash(state: &AppState, hash: &str) -> anyhow::Result<bool> {
    let now = state.now();
    let Some(data) = state.store.load_session(hash, now).await? else { return Ok(false) };
    let data: Value = serde_json::from_str(&data)?;
    Ok(is_recent(data.get(PROVEN_AT).and_then(Value::as_i64), now))
}

fn is_recent(proven: Option<i64>, now: Timestamp) -> bool {
    proven.is_some_and(|proven| (0..FRESH_FOR).contains(&(now.millis() - proven)))
}

/// On what a session began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// The address.
    pub address: String,
    /// What the browser says it is.
    pub agent: String,
}

impl Device {
    /// Of a request.
    #[must_use]
    pub fn of(address: String, headers: &HeaderMap) -> Self {
        let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        Self { address, agent: agent.to_owned() }
    }
}

/// A session as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Hash of its id: by it a session is named, and nobody gets in.
    pub hash: String,
    /// On what it began.
    pub device: Device,
    /// When it began.
    pub started_at: Timestamp,
    /// When it was last used, to ten minutes.
    pub used_at: Timestamp,
    /// When it ends unless it is used before.
    pub expires_at: Timestamp,
}

impl Seen {
    /// From how it is stored; none for what is no session of ours.
    #[must_use]
    pub fn of(record: &SessionRecord) -> Option<Self> {
        let data: Value = serde_json::from_str(&record.data).ok()?;
        let text = |key: &str| data.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let at = |key: &str| data.get(key).and_then(Value::as_i64).map(Timestamp::from_millis);
        Some(Self {
            hash: record.session_hash.clone(),
            device: Device { address: text(ADDRESS), agent: text(AGENT) },
            started_at: at(STARTED_AT)?,
            used_at: at(USED_AT).or_else(|| at(STARTED_AT))?,
            expires_at: record.expires_at,
        })
    }
}

/// The hash of a session's id; empty for one that was not stored yet.
#[must_use]
pub fn hash_of(session: &Session) -> String {
    session.id().map(|id| hash(&id)).unwrap_or_default()
}

/// The member of staff a session belongs to, and its token against forged forms.
///
/// # Errors
/// When the database cannot be read.
pub async fn signed_in(session: &Session) -> Result<Option<(String, String)>, SessionError> {
    let staff_id: Option<String> = session.get(STAFF_ID).await?;
    let csrf: Option<String> = session.get(CSRF).await?;
    Ok(staff_id.zip(csrf))
}

/// Whether a session that was good is so still: neither ended nor expired, and its person not disabled. What is in hand of the request
/// does not count, for a request can be long.
pub async fn goes_on(state: &AppState, session: &Session) -> bool {
    let Some(id) = session.id() else { return false };
    let sessions = Sessions { store: Arc::clone(&state.store), clock: Arc::clone(&state.clock) };
    let Ok(Some(record)) = sessions.load(&id).await else { return false };
    let Some(staff_id) = record.data.get(STAFF_ID).and_then(Value::as_str) else { return false };
    let passed = record.data.get(SECOND).and_then(Value::as_bool) == Some(true);
    if !passed && !matches!(state.store.has_second_factor(staff_id).await, Ok(false)) {
        return false;
    }
    matches!(state.store.staff_by_id(staff_id).await, Ok(Some(staff)) if staff.disabled_at.is_none())
}

/// Notes that a session is in use, now and then.
///
/// # Errors
/// When the database cannot be read.
pub async fn note_use(session: &Session, now: Timestamp) -> Result<(), SessionError> {
    let used: Option<i64> = session.get(USED_AT).await?;
    if used.is_none_or(|used| now.millis() - used >= NOTE_USE_EVERY) {
        session.insert(USED_AT, now.millis()).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    #[test]
    fn a_cookie_is_bound_as_closely_as_its_address_allows() {
        for (public_url, expected) in [
            ("https://toll.example.com", ("__Host-tollkeeper", "/")),
            ("https://example.com/tools/billing", ("__Secure-tollkeeper", "/tools/billing")),
            ("http://localhost:3000", ("tollkeeper", "/")),
            ("http://localhost:3000/billing", ("tollkeeper", "/billing")),
        ] {
            let config = Config::load(&Sources::from_env([("PUBLIC_URL", public_url)])).unwrap();
            let (name, path) = cookie(&config, "tollkeeper");
            assert_eq!((name.as_str(), path.as_str()), expected, "{public_url}");
        }
    }
}
