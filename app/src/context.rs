//! What every page needs to know about the request it answers.

use domain::role::Role;
use domain::{Livemode, Timestamp};

/// The request, as far as pages care.
#[derive(Clone, Debug)]
pub struct Context {
    /// Who looks; none on the pages before sign-in.
    pub staff: Option<Staff>,
    /// The mode that is shown.
    pub livemode: Livemode,
    /// Whether there is no Stripe key for that mode, so that nothing of it can be read from Stripe.
    pub without_key: bool,
    /// The token every form sends back.
    pub csrf: String,
    /// What the last change came to.
    pub flash: Option<Flash>,
    /// A form that was refused.
    pub form: Form,
    /// Now.
    pub now: Timestamp,
    /// Path and query of this page, to return to.
    pub path: String,
    /// Figures beside the navigation's entries.
    pub counts: Counts,
    /// The newest event's receipt, for the health pill.
    pub last_event_at: Option<Timestamp>,
    /// Where the webhook endpoint is.
    pub webhook_url: String,
    /// `/pkg/<hash>`
    pub assets: String,
    /// Whether there is WASM to load.
    pub has_wasm: bool,
}

/// A member of staff.
#[derive(Clone, Debug)]
pub struct Staff {
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// Role.
    pub role: Role,
}

/// The sentence after a change.
#[derive(Clone, Debug)]
pub struct Flash {
    /// Whether it went well.
    pub ok: bool,
    /// The sentence.
    pub message: String,
    /// Something shown this once, such as a new API key.
    pub secret: Option<String>,
}

/// What was typed, and what is wrong with it.
#[derive(Clone, Debug, Default)]
pub struct Form {
    /// Field and what was typed.
    pub values: Vec<(String, String)>,
    /// Field and sentence; an empty field: the form as a whole.
    pub errors: Vec<(String, String)>,
}

/// Figures beside the navigation's entries.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Failed and dead events.
    pub failed_events: i64,
    /// Unattributed customers.
    pub unattributed: i64,
    /// Open conflicts.
    pub conflicts: i64,
    /// Prices paid for that give nothing.
    pub prices_without_features: i64,
}

impl Context {
    /// Whether the person looking has at least this role.
    #[must_use]
    pub fn may(&self, role: Role) -> bool {
        self.staff.as_ref().is_some_and(|staff| staff.role >= role)
    }

    /// What was typed into a field of a refused form.
    #[must_use]
    pub fn typed(&self, field: &str) -> Option<&str> {
        self.form.values.iter().find(|(name, _)| name == field).map(|(_, value)| value.as_str())
    }

    /// What is wrong with a field.
    #[must_use]
    pub fn error(&self, field: &str) -> Option<&str> {
        self.form.errors.iter().find(|(name, _)| name == field).map(|(_, message)| message.as_str())
    }
}
