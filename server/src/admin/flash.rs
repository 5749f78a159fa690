//! The sentence a page shows once after a change.

use serde::{Deserialize, Serialize};
use tower_sessions::Session;
use tower_sessions::session::Error;

const KEY: &str = "flash";

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flash {
    /// Whether it went well.
    pub ok: bool,
    /// The sentence.
    pub message: String,
    /// The entries of the audit log by which it can be taken back; none: it cannot.
    #[serde(default)]
    pub undo: Vec<i64>,
}

impl Flash {
    /// It went well.
    #[must_use]
    pub fn ok(message: impl Into<String>) -> Self {
        Self { ok: true, message: message.into(), undo: vec![] }
    }

    /// It did not.
    #[must_use]
    pub fn bad(message: impl Into<String>) -> Self {
        Self { ok: false, message: message.into(), undo: vec![] }
    }
}

/// Keeps it for the next page.
///
/// # Errors
/// When the session cannot be read.
pub async fn put(session: &Session, flash: &Flash) -> Result<(), Error> {
    session.insert(KEY, flash).await
}

/// Takes it.
///
/// # Errors
/// When the session cannot be read.
pub async fn take(session: &Session) -> Result<Option<Flash>, Error> {
    session.remove(KEY).await
}
