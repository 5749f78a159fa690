//! Staff sessions: tower-sessions over our own database, which holds a hash of each id only.
//!
//! A session ends 12 hours after it was last used and 7 days after it began, whichever comes first.

use std::sync::Arc;

use async_trait::async_trait;
use domain::Timestamp;
use serde_json::Value;
use store::Store;
use tower_sessions::cookie::SameSite;
use tower_sessions::cookie::time::{Duration, OffsetDateTime};
use tower_sessions::session::{Error as SessionError, Id, Record};
use tower_sessions::session_store::Error;
use tower_sessions::{Expiry, Session, SessionManagerLayer, SessionStore};

use super::setup::{random_token, sha256_hex};
use crate::clock::Clock;
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
        let idle = self.clock.now().plus_millis(IDLE);
        match Self::millis(record, STARTED_AT) {
            Some(started) => idle.min(Timestamp::from_millis(started).plus_millis(ABSOLUTE)),
            None => idle,
        }
    }

    fn parts(&self, record: &Record) -> Result<(String, Option<String>, String, Timestamp)> {
        let data = serde_json::to_string(&record.data).map_err(|error| Error::Encode(error.to_string()))?;
        let staff_id = record.data.get(STAFF_ID).and_then(Value::as_str).map(str::to_owned);
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
    let secure = state.config.is_secure();
    let sessions = Sessions { store: Arc::clone(&state.store), clock: Arc::clone(&state.clock) };
    SessionManagerLayer::new(sessions)
        .with_name(cookie_name(secure))
        .with_secure(secure)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_path("/")
        .with_expiry(Expiry::OnInactivity(Duration::milliseconds(IDLE)))
}

/// `__Host-` binds the cookie to this very host, and needs `Secure`.
const fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-tollkeeper" } else { "tollkeeper" }
}

/// Signs a member of staff in: everything of an earlier session goes, its id too, so that an id planted before is worth nothing.
///
/// # Errors
/// When the database cannot be written, or the system has no randomness to give.
pub async fn sign_in(session: &Session, staff_id: &str, now: Timestamp) -> anyhow::Result<()> {
    session.clear().await;
    // After a mere flush tower-sessions would go on with the id it has in hand.
    session.cycle_id().await?;
    session.insert(STAFF_ID, staff_id).await?;
    session.insert(CSRF, random_token()?).await?;
    session.insert(STARTED_AT, now.millis()).await?;
    session.insert(USED_AT, now.millis()).await?;
    Ok(())
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
